// SPDX-License-Identifier: BSD-2-Clause
// text.ts: reports as pkt-gen prints them, word for word, and what goes beyond it.
import type { LatencyRecord, ReportRecord, ResultRecord } from './records.js';
import { duration, norm } from './units.js';
import { vlanLines } from './vlan.js';

/** How numbers are shown: pkt-gen's -N and -B. */
export interface TextStyle {
  /** No prefixes: "4036000.000 pps". */
  plain: boolean;
  /** Bits a packet that count beside its bytes: 24 * 8 with -B. */
  framing: number;
}

/** The line of one report; `average` is what -A adds: "[avg/std … pps]". */
export function reportLine(record: ReportRecord, style: TextStyle, average = ''): string {
  const usec = Math.round(record.seconds * 1e6);
  const { plain } = style;
  return (
    `${norm(record.pps, plain)}pps ${average}(${norm(record.packets, plain)}pkts ${norm(record.bps, plain)}bps ` +
    `in ${usec} usec) ${record.average_batch.toFixed(2)} avg_batch ${record.min_space} min_space` +
    (record.denied === undefined ? '' : ` ${record.denied} denied`)
  );
}

/** The same in less than 80 characters, for a line that is drawn again: "12.0 s  4.036 Mpps  1.937 Gbps …". */
export function shortLine(record: ReportRecord, { plain }: TextStyle): string {
  return (
    `${record.time.toFixed(1)} s  ${norm(record.pps, plain)}pps  ${norm(record.bps, plain)}bps  ` +
    `${record.average_batch.toFixed(2)} avg_batch ${record.min_space} min_space` +
    (record.denied === undefined ? '' : ` ${record.denied} denied`)
  );
}

/** "[avg/std 4.036 M/12.000 K pps]" over a window of rates. */
export function averageText(rates: readonly number[], style: TextStyle): string {
  const samples = rates.filter((rate) => rate > 0);
  if (samples.length === 0) return '';
  const mean = samples.reduce((sum, rate) => sum + rate, 0) / samples.length;
  const variance = samples.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / samples.length;
  return `[avg/std ${norm(mean, style.plain)}/${norm(Math.sqrt(variance), style.plain)}pps] `;
}

/** The two final lines; `verb` is "Sent" or "Received". */
export function finalLines(record: ResultRecord, verb: string, style: TextStyle): string[] {
  if (record.packets === 0) return [`${verb} nothing.`];
  const { packets, bytes, events, seconds } = record;
  const size = Math.floor(bytes / packets);
  const raw = record.bps + record.pps * style.framing;
  const show = (value: number) => norm(value, style.plain);
  return [
    `${verb} ${packets} packets ${bytes} bytes ${events} events ${size} bytes each in ${seconds.toFixed(2)} seconds.`,
    `Speed: ${show(record.pps)}pps Bandwidth: ${show(record.bps)}bps (raw ${show(raw)}bps). ` +
      `Average batch: ${record.average_batch.toFixed(2)} pkts`,
  ];
}

/** What went nowhere, what was lost and what came late: a line each, none for what did not happen. */
export function lossLines(record: ResultRecord): string[] {
  const lines: string[] = [];
  const drops = Object.entries(record.drops).filter(([, count]) => count > 0);
  if (drops.length > 0) lines.push(`Drops: ${drops.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  if (record.missed > 0)
    lines.push(`Pacing: gave up ${record.missed} packets, the port could not take the rate`);
  if (record.denied !== undefined) {
    const answers = record.answers ? `, sent ${record.answers} answers` : '';
    const copies = record.copies ? `, ${record.copies} packets to other ports` : '';
    const unsent = record.unsent ? `, ${record.unsent} more could not be sent` : '';
    lines.push(`Rules: denied ${record.denied} packets${answers}${copies}${unsent}`);
  }
  lines.push(...vlanLines(record.vlan_opaque ?? 0));
  if (record.sequence !== undefined) {
    const { streams, lost, reordered, duplicated, too_late, torn, foreign } = record.sequence;
    lines.push(
      `Sequence: ${streams} streams, ${lost} lost, ${reordered} reordered, ${duplicated} duplicated, ` +
        `${too_late} too late, ${torn} torn, ${foreign} foreign`,
    );
  }
  if (record.replies !== undefined)
    lines.push(`Round trips: ${record.replies} answered, ${record.timeouts} timed out`);
  return lines;
}

const BAR = 50;

/** A histogram of nanoseconds: a summary, then one bar for each power of two. */
export function latencyLines(latency: LatencyRecord, title: string): string[] {
  if (latency.count === 0) return [`${title}: nothing recorded`];
  const { count, min, mean, max, p50, p90, p99, p999 } = latency;
  const most = Math.max(...latency.buckets.map((bucket) => bucket.count));
  const bars = latency.buckets.map((bucket) => {
    const length = Math.max(bucket.count > 0 ? 1 : 0, Math.round((bucket.count / most) * BAR));
    const range = `${duration(bucket.low)} .. ${duration(bucket.high)}`;
    return `  ${range.padStart(22)} ${String(bucket.count).padStart(12)} ${'#'.repeat(length)}`.trimEnd();
  });
  return [
    `${title} over ${count} packets: min ${duration(min)} av ${duration(mean)} max ${duration(max)}`,
    `  p50 ${duration(p50)} p90 ${duration(p90)} p99 ${duration(p99)} p99.9 ${duration(p999)}`,
    ...bars,
  ];
}
