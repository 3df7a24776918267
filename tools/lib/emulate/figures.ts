// SPDX-License-Identifier: BSD-2-Clause
// figures.ts: lines of the end that tell rules and flows apart: what each got of the links.
import type { LinkRecord } from '../../../src/report/link-records.js';
import type { LatencyRecord } from '../../../src/report/records.js';
import { duration } from '../../../src/report/units.js';
import type { WayRecord } from '../../../src/report/way-records.js';

/** Lines of either kind shown at most; records have all. */
const MOST_LINES = 16;

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** "queue_full 3, plr 1"; empty: none. */
export const reasonsText = (drops: Record<string, number>): string =>
  Object.entries(drops)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

/** "min 1 ms, median 2 ms, 99 % 3 ms, max 4 ms" */
export const delayText = ({ min, p50, p99, max }: LatencyRecord): string =>
  `min ${duration(min)}, median ${duration(p50)}, 99 % ${duration(p99)}, max ${duration(max)}`;

/** rule 100, pipe 1, from vale0:e: 12 packets 2400 bytes out, lost: queue_full 3; delay min … */
function wayLine({ rule, kind, number, from, packets, bytes, drops, delay }: WayRecord): string {
  const lost = reasonsText(drops);
  return (
    `rule ${rule}, ${kind} ${number}, from ${from}: ${plural(packets, 'packet')} ${plural(bytes, 'byte')} out` +
    `${lost === '' ? '' : `, lost: ${lost}`}${delay ? `; delay ${delayText(delay)}` : ''}`
  );
}

function flowLine(link: LinkRecord): string {
  const { kind, number, flow, total_packets, total_bytes, lost, delay_mean_ms } = link;
  const reasons = reasonsText(lost);
  const mean = delay_mean_ms === undefined ? '' : `; delay ${duration(delay_mean_ms * 1e6)} mean`;
  return `${kind} ${number}, flow ${flow}: ${plural(total_packets, 'packet')} ${plural(total_bytes, 'byte')} in${reasons === '' ? '' : `, lost: ${reasons}`}${mean}`;
}

function most(lines: string[], what: string): string[] {
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `and ${plural(lines.length - MOST_LINES, `more ${what}`)}`];
}

/** By rule, where packets from one place go several ways; by flow, where masks tell flows apart. */
export function figureLines(ways: readonly WayRecord[], links: readonly LinkRecord[]): string[] {
  const several = new Set(ways.map(({ from }) => from)).size < ways.length;
  return [
    ...(several ? most(ways.map(wayLine), 'rule') : []),
    ...most(links.filter(({ flow }) => flow !== '').map(flowLine), 'flow'),
  ];
}
