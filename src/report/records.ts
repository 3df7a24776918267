// SPDX-License-Identifier: BSD-2-Clause
// records.ts: what programs report, as data: one record a report and one at the end. docs/report.schema.json describes
// the same for other languages. All rates are per second, all latencies nanoseconds.
import type { EngineStats, WorkerStats } from '../engine/page.js';
import type { Histogram } from './histogram.js';

/** What happened in one interval. */
export interface ReportRecord {
  type: 'report';
  program: string;
  role: string;
  port: string;
  /** Seconds since the engine started, and length of this interval. */
  time: number;
  seconds: number;
  packets: number;
  bytes: number;
  events: number;
  pps: number;
  bps: number;
  average_batch: number;
  min_space: number;
  /** With rules: packets they did not let through. */
  denied?: number;
}

export interface LatencyRecord {
  count: number;
  min: number;
  mean: number;
  max: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  /** Values by power of two: from low to below high. */
  buckets: { low: number; high: number; count: number }[];
}

export interface SequenceRecord {
  streams: number;
  lost: number;
  reordered: number;
  duplicated: number;
  too_late: number;
  torn: number;
  foreign: number;
}

/** The whole run. */
export interface ResultRecord {
  type: 'result';
  program: string;
  role: string;
  port: string;
  packets: number;
  bytes: number;
  events: number;
  /** From the first to the last packet. */
  seconds: number;
  pps: number;
  bps: number;
  average_batch: number;
  /** Packets that went nowhere, by reason; every reason is there. */
  drops: Record<string, number>;
  /** Pacing: packets given up because the port could not take the rate. */
  missed: number;
  /** With rules: packets they did not let through. */
  denied?: number;
  /** With rules: answers they sent back, packets they sent to other ports, and those that found no room or no port. */
  answers?: number;
  copies?: number;
  unsent?: number;
  /** With rules: IP packets behind VLAN tags that they did not look behind. */
  vlan_opaque?: number;
  /** rxseq only. */
  sequence?: SequenceRecord;
  /** ping only. */
  replies?: number;
  timeouts?: number;
  /** When delays were recorded. */
  latency?: LatencyRecord;
  /** What ended the run before its time. */
  error?: string;
}

/** Who reports. */
export interface Source {
  program: string;
  role: string;
  port: string;
  /** It has rules: records say what they denied. */
  filtered?: boolean;
  /** How many IP packets came behind VLAN tags that its rules did not look behind. */
  opaque?: () => number;
}

const ruleCounts = ({ denied, answers, copies, unsent }: WorkerStats) => ({
  denied,
  answers,
  copies,
  unsent,
});

const ratio = (a: number, b: number) => (b > 0 ? a / b : 0);

/** One interval: from one reading of the counters to the next. `framing`: bits a packet that count beside its bytes. */
export function reportRecord(
  { filtered, opaque: _opaque, ...source }: Source,
  before: WorkerStats,
  now: WorkerStats,
  time: number,
  seconds: number,
  framing: number,
): ReportRecord {
  const packets = now.packets - before.packets;
  const bytes = now.bytes - before.bytes;
  const events = now.events - before.events;
  return {
    type: 'report',
    ...source,
    time,
    seconds,
    packets,
    bytes,
    events,
    pps: ratio(packets, seconds),
    bps: ratio(bytes * 8 + packets * framing, seconds),
    average_batch: ratio(packets, events),
    min_space: now.minSpace,
    ...(filtered && { denied: now.denied - before.denied }),
  };
}

/** Summary of a histogram of nanoseconds. */
export function latencyRecord(histogram: Histogram): LatencyRecord {
  return {
    count: histogram.count,
    min: histogram.count === 0 ? 0 : histogram.min,
    mean: histogram.mean,
    max: histogram.max,
    p50: histogram.percentile(50),
    p90: histogram.percentile(90),
    p99: histogram.percentile(99),
    p999: histogram.percentile(99.9),
    buckets: histogram.octaves(),
  };
}

/** The whole run. */
export function resultRecord(
  { filtered, opaque, ...source }: Source,
  stats: EngineStats,
  histogram: Histogram | undefined,
  error: string | undefined,
): ResultRecord {
  const { total } = stats;
  const seconds = Math.max(0, total.lastNs - total.firstNs) / 1e9;
  const record: ResultRecord = {
    type: 'result',
    ...source,
    packets: total.packets,
    bytes: total.bytes,
    events: total.events,
    seconds,
    // One packet, or one batch, took no time between first and last: pkt-gen counts a microsecond then.
    pps: total.packets / Math.max(seconds, 1e-6),
    bps: (total.bytes * 8) / Math.max(seconds, 1e-6),
    average_batch: ratio(total.packets, total.events),
    drops: { ...stats.drops, ring_reset: total.reset },
    missed: total.missed,
    ...(filtered && ruleCounts(total)),
    ...(opaque && { vlan_opaque: opaque() }),
  };
  if (source.role === 'rxseq') {
    const { streams, lost, reordered, duplicated, tooLate, torn, foreign } = total;
    record.sequence = { streams, lost, reordered, duplicated, too_late: tooLate, torn, foreign };
  }
  if (source.role === 'ping') {
    record.replies = total.replies;
    record.timeouts = total.timeouts;
  }
  if (histogram !== undefined) record.latency = latencyRecord(histogram);
  if (error !== undefined) record.error = error;
  return record;
}
