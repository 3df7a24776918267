// SPDX-License-Identifier: BSD-2-Clause
// live-views.ts: how a live emulate shows itself: a table that is redrawn on a terminal, lines elsewhere, JSON records.
import type { LinkRecord, PromiseRecord } from '../../../src/report/link-records.js';
import type {
  DirectionRecord,
  RelayReportRecord,
  RelayResultRecord,
} from '../../../src/report/relay-records.js';
import { duration, norm } from '../../../src/report/units.js';
import { vlanLines } from '../../../src/report/vlan.js';
import { Block, linesFor } from '../screen.js';
import { delayText, figureLines, reasonsText } from './figures.js';

export interface LiveView {
  /** What was understood: printed once, before packets. */
  start(lines: readonly string[]): void;
  /** Something to know while it runs. */
  note(text: string): void;
  report(record: RelayReportRecord): void;
  end(record: RelayResultRecord): void;
}

/** Records, one a line. */
export class JsonLiveView implements LiveView {
  start(): void {}

  note(text: string): void {
    console.error(text);
  }

  report(record: RelayReportRecord): void {
    process.stdout.write(`${JSON.stringify(record)}\n`);
  }

  end(record: RelayResultRecord): void {
    process.stdout.write(`${JSON.stringify(record)}\n`);
  }
}

/** What was lost and why, behind `words`; nothing when nothing was. */
const lost = (words: string, drops: Record<string, number>): string => {
  const reasons = reasonsText(drops);
  return reasons === '' ? '' : `${words} ${reasons}`;
};

/** vale0:a > vale0:b   81.273 K pps in, 80.000 K pps 40.960 M bps out, 33 waiting */
const directionLine = (record: DirectionRecord, width: number): string =>
  `${`${record.from} > ${record.to}`.padEnd(width)}  ${norm(record.rx_pps)}pps in, ` +
  `${norm(record.tx_pps)}pps ${norm(record.tx_bps)}bps out, ${record.waiting} waiting${lost(', lost:', record.drops)}`;

/** pipe 1: 12 packets 6144 bytes wait, 3 lost */
const linkLine = (link: LinkRecord): string =>
  `  ${link.kind} ${link.number}${link.flow === '' ? '' : ` ${link.flow}`}: ${link.packets} packets ${link.bytes} bytes wait, ` +
  `${link.total_packets} came, ${link.drops} lost`;

/** Links shown at most: with masks there may be many thousands. */
const MOST_LINKS = 16;

/** Lines of one report. */
export function reportLines(record: RelayReportRecord): string[] {
  const width = Math.max(...record.directions.map(({ from, to }) => from.length + to.length + 3));
  const shown = record.links.slice(0, MOST_LINKS).map(linkLine);
  const more = record.links.length - shown.length;
  return [
    `${record.time.toFixed(3)} s`,
    ...record.directions.map((one) => directionLine(one, width)),
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

const ended = (sentence: string): string => (sentence === '' ? '' : `${sentence}.`);

/** Lateness of one packet in a hundred, nanoseconds, from which on a run warns. */
const LATE = 5e6;

/**
 * How late packets were sent. Departures have exact times, which is what links promise; packets are sent when the
 * processor comes to it, which is what pipes are measured by.
 */
function latenessLines({ lateness: { count, p50, p99, max } }: RelayResultRecord): string[] {
  if (count === 0) return [];
  const times = `median ${duration(p50)}, 99 % ${duration(p99)}, max ${duration(max)}`;
  const slow = `Warning: one packet in a hundred was sent ${duration(p99)} late or more: this machine was too busy to keep the links' times.`;
  return [`Sent later than promised by: ${times} (measured delays hold it).`, ...(p99 >= LATE ? [slow] : [])];
}

/** Lines of the end. */
export function resultLines(record: RelayResultRecord): string[] {
  const lines = record.directions.map((one) => {
    const delay = one.delay === undefined ? '' : ` Delay promised: ${delayText(one.delay)}.`;
    return (
      `${one.from} > ${one.to}: ${one.rx_packets} packets ${one.rx_bytes} bytes in, ${one.tx_packets} packets ${one.tx_bytes} bytes out` +
      `${one.waiting + one.pending > 0 ? `, ${one.waiting + one.pending} still waiting` : ''}` +
      `${one.flooded > 0 ? `, ${one.flooded} copies made by the switch` : ''}.${ended(lost(' Lost:', one.drops))}${delay}`
    );
  });
  const sum = (name: 'answers_lost' | 'copies_lost') =>
    record.directions.reduce((total, one) => total + one[name], 0);
  const unsent = lost('Beside packets, lost:', {
    answers: sum('answers_lost'),
    'copies for tee': sum('copies_lost'),
    'packets of the capture file': record.capture_lost,
    'records of the log': record.log_lost,
  });
  if (record.ring_resets > 0)
    lines.push(`Rings were set right ${record.ring_resets} times: somebody else wrote into them.`);
  if (unsent !== '') lines.push(`${unsent}.`);
  lines.push(...vlanLines(record.vlan_opaque));
  return [...lines, ...latenessLines(record), `${record.seconds.toFixed(2)} seconds, seed ${record.seed}.`];
}

const rate = (bits: number): string => (bits === 0 ? 'no limit' : `${norm(bits)}bit/s`);

function promiseLine({ kind, number, promised, measured }: PromiseRecord): string {
  const { bandwidth, delay_min_ms, delay_mean_ms, delay_max_ms } = measured;
  const { bandwidth: link, share, sched, weight } = promised;
  const part = share === undefined ? rate(link) : `${rate(link * share)} of ${rate(link)}`;
  const delays =
    delay_min_ms === undefined
      ? ''
      : `, ${delay_min_ms.toFixed(3)} ms at least, ${delay_mean_ms!.toFixed(3)} ms mean, ${delay_max_ms!.toFixed(3)} ms at most`;
  // What all left at one instant (a process that was stopped) has no rate.
  const rated = bandwidth === 0 && measured.packets > 1 ? 'no rate' : `${norm(bandwidth)}bit/s`;
  return (
    `${kind} ${number}${sched === undefined ? '' : ` (weight ${weight} of sched ${sched})`}: promised ${part}, ${promised.delay_ms.toFixed(3)} ms; ` +
    `measured ${rated}${delays}, over ${measured.packets} packets`
  );
}

/** Lines that set what was promised beside what was measured. */
export const promisedLines = (record: RelayResultRecord): string[] => [
  ...record.promises.map(promiseLine),
  ...figureLines(record.ways, record.links),
];

/** For people: reports on stderr (redrawn in place on a terminal), the end on stdout. */
export class TextLiveView implements LiveView {
  readonly #block = new Block(process.stderr);

  start(lines: readonly string[]): void {
    for (const line of linesFor(process.stdout, lines)) console.log(line);
  }

  note(text: string): void {
    this.#block.leave();
    process.stderr.write(`${text}\n`);
  }

  report(record: RelayReportRecord): void {
    this.#block.draw(reportLines(record));
  }

  end(record: RelayResultRecord): void {
    const lines = linesFor(process.stdout, [...resultLines(record), ...promisedLines(record)]);
    process.stdout.write(`${lines.join('\n')}\n`);
  }
}
