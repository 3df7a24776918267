// SPDX-License-Identifier: BSD-2-Clause
// bridge-records.ts: what bridge reports, as data: one record a report and one at the end.

/** What one way has counted so far, with rules or without. packets = delivered + the sum of drops + what is under way. */
export interface WayCounters {
  packets: number;
  bytes: number;
  delivered: number;
  drops: Record<string, number>;
}

/** One way in one interval (report) or the whole run (result). */
export interface WayRecord {
  from: string;
  to: string;
  packets: number;
  bytes: number;
  delivered: number;
  pps: number;
  bps: number;
  /** By reason; in a report those that happened, in a result all there are. */
  drops: Record<string, number>;
}

export interface BridgeReportRecord {
  type: 'report';
  program: 'bridge';
  /** Seconds since the start, and length of this interval. */
  time: number;
  seconds: number;
  ways: WayRecord[];
}

export interface BridgeResultRecord {
  type: 'result';
  program: 'bridge';
  seconds: number;
  ways: WayRecord[];
  error?: string;
}

/** Names of the two ports; the second is the first when everything goes back. */
export type Ends = readonly [string, string];

function wayRecord(
  [from, to]: Ends,
  now: WayCounters,
  before: WayCounters | undefined,
  seconds: number,
  everything: boolean,
): WayRecord {
  const packets = now.packets - (before?.packets ?? 0);
  const bytes = now.bytes - (before?.bytes ?? 0);
  const drops = Object.entries(now.drops)
    .map(([name, count]): [string, number] => [name, count - (before?.drops[name] ?? 0)])
    .filter(([, count]) => everything || count > 0);
  return {
    from,
    to,
    packets,
    bytes,
    delivered: now.delivered - (before?.delivered ?? 0),
    pps: seconds > 0 ? packets / seconds : 0,
    bps: seconds > 0 ? (bytes * 8) / seconds : 0,
    drops: Object.fromEntries(drops),
  };
}

const ends = (ports: Ends, way: number): Ends => (way === 0 ? ports : [ports[1], ports[0]]);

/** An interval of `seconds` that ends `time` seconds after the start. */
export function bridgeReport(
  ports: Ends,
  now: readonly WayCounters[],
  before: readonly WayCounters[],
  time: number,
  seconds: number,
): BridgeReportRecord {
  const ways = now.map((way, i) => wayRecord(ends(ports, i), way, before[i], seconds, false));
  return { type: 'report', program: 'bridge', time, seconds, ways };
}

/** The whole run. */
export function bridgeResult(
  ports: Ends,
  total: readonly WayCounters[],
  seconds: number,
  error: string | undefined,
): BridgeResultRecord {
  const ways = total.map((way, i) => wayRecord(ends(ports, i), way, undefined, seconds, true));
  return { type: 'result', program: 'bridge', seconds, ways, ...(error !== undefined && { error }) };
}
