// SPDX-License-Identifier: BSD-2-Clause
// view.ts: bridge's reports as lines of text.
import type {
  BridgeReportRecord,
  BridgeResultRecord,
  WayRecord,
} from '../../../src/report/bridge-records.js';
import { norm } from '../../../src/report/units.js';

function dropped(drops: Record<string, number>): string {
  const some = Object.entries(drops).filter(([, count]) => count > 0);
  return some.length === 0 ? '' : ` (${some.map(([name, count]) => `${name} ${count}`).join(', ')})`;
}

const way = ({ from, to }: WayRecord): string => `${from} > ${to}`;

/** A line a way: "vale0:a > vale1:a  1.234 Mpps 0.592 Gbit/s (no_space 7)". */
export function reportLines({ ways }: BridgeReportRecord): string[] {
  return ways.map((one) => `${way(one)}  ${norm(one.pps)}pps ${norm(one.bps)}bit/s${dropped(one.drops)}`);
}

export function resultLines({ ways, seconds }: BridgeResultRecord): string[] {
  return ways.map((one) => {
    const lost = Object.values(one.drops).reduce((sum, count) => sum + count, 0);
    return (
      `${way(one)}: ${one.packets} packets, ${one.bytes} bytes in ${seconds.toFixed(2)} s, ` +
      `${one.delivered} delivered, ${lost} lost${dropped(one.drops)}`
    );
  });
}
