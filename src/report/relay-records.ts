// SPDX-License-Identifier: BSD-2-Clause
// relay-records.ts: what emulate reports while it runs live, as data: one record a report and one at the end.

import type { LinkState } from '../emulation/link-states.js';
import type { LiveEmulation } from '../emulation/live.js';
import type { DirectionStats, RelayStats } from '../emulation/relay.js';
import { type LinkRecord, linkRecord, type PromiseRecord, promiseRecords } from './link-records.js';
import { type LatencyRecord, latencyRecord } from './records.js';
import type { WayRecord } from './way-records.js';

/** One direction in one interval (report) or the whole run (result). Rates are per second. */
export interface DirectionRecord {
  from: string;
  to: string;
  /** Taken from `from`, and sent on `to`. */
  rx_packets: number;
  rx_bytes: number;
  tx_packets: number;
  tx_bytes: number;
  rx_pps: number;
  rx_bps: number;
  tx_pps: number;
  tx_bps: number;
  /** In links at the end of the interval. */
  waiting: number;
  /** Made by links, by rejecting rules, by tee; came back from divert ports; sent back by fwd. */
  duplicates: number;
  answers: number;
  answers_lost: number;
  copies: number;
  copies_lost: number;
  returned: number;
  bounced: number;
  /** Further copies that a switch made of what was sent there; each is among tx_packets, or lost. */
  flooded: number;
  /** In the ring of a port that takes nothing now: a pipe whose other end left. */
  pending: number;
  /** Lost, by reason; in a result every reason is there. */
  drops: Record<string, number>;
  /** Mean time in links of what left them, milliseconds; with one_pass, when something left. */
  delay_ms?: number;
  /** In a result, with one_pass: from arrival to departure, nanoseconds. */
  delay?: LatencyRecord;
}

export interface RelayReportRecord {
  type: 'report';
  program: string;
  /** Seconds since the start, and length of this interval. */
  time: number;
  seconds: number;
  directions: [DirectionRecord, DirectionRecord];
  /** Flow queues, those made by masks one by one. */
  links: LinkRecord[];
  /** Bytes of packets that wait outside their own buffers. */
  store_used: number;
}

export interface RelayResultRecord {
  type: 'result';
  program: string;
  seconds: number;
  seed: string;
  directions: [DirectionRecord, DirectionRecord];
  /** How late departures were, nanoseconds behind the links' exact time. */
  lateness: LatencyRecord;
  links: LinkRecord[];
  /** What pipes and queues promise, beside what they gave. */
  promises: PromiseRecord[];
  /** What each rule's packets got of pipes and queues. */
  ways: WayRecord[];
  /** Packets that could not be written to the capture file, records that could not be written to the log. */
  capture_lost: number;
  log_lost: number;
  /** IP packets behind VLAN tags that rules did not look behind. */
  vlan_opaque: number;
  /** Rings set right, because somebody else wrote into them what cannot be. */
  ring_resets: number;
  error?: string;
}

function direction(
  from: string,
  to: string,
  now: DirectionStats,
  before: DirectionStats | undefined,
  seconds: number,
): DirectionRecord {
  const since = (name: Exclude<keyof DirectionStats, 'drops'>): number => now[name] - (before?.[name] ?? 0);
  const rate = (value: number): number => (seconds > 0 ? value / seconds : 0);
  const [rxPackets, rxBytes] = [since('rxPackets'), since('rxBytes')];
  // What a pipe lost when its other end left was counted as sent before.
  const [txPackets, txBytes] = [Math.max(0, since('txPackets')), Math.max(0, since('txBytes'))];
  const drops = Object.entries(now.drops).map(([name, count]) => [name, count - (before?.drops[name] ?? 0)]);
  return {
    from,
    to,
    rx_packets: rxPackets,
    rx_bytes: rxBytes,
    tx_packets: txPackets,
    tx_bytes: txBytes,
    rx_pps: rate(rxPackets),
    rx_bps: rate(rxBytes * 8),
    tx_pps: rate(txPackets),
    tx_bps: rate(txBytes * 8),
    waiting: now.waiting,
    duplicates: since('duplicates'),
    answers: since('answers'),
    answers_lost: since('answersLost'),
    copies: since('copies'),
    copies_lost: since('copiesLost'),
    returned: since('returned'),
    bounced: since('bounced'),
    flooded: since('flooded'),
    pending: now.pending,
    ...(since('delays') > 0 && { delay_ms: since('delaySumNs') / since('delays') / 1e6 }),
    drops: Object.fromEntries(before === undefined ? drops : drops.filter(([, count]) => count !== 0)),
  };
}

/** Names of the two ports: inside, outside. */
export type PortPair = readonly [inside: string, outside: string];

/** The reading there would have been when the loop began: nothing had come. */
export function atStart(stats: RelayStats): RelayStats {
  const zero = (one: DirectionStats): DirectionStats => {
    const counts = Object.entries(one).map(([name, value]) => [name, typeof value === 'number' ? 0 : {}]);
    return Object.fromEntries(counts) as DirectionStats;
  };
  const [up, down] = stats.directions;
  return { ...stats, nowNs: stats.startNs, directions: [zero(up), zero(down)] };
}

/** From one reading to the next. */
export function relayReport(
  [inside, outside]: PortPair,
  before: RelayStats,
  now: RelayStats,
  links: LinkState[],
): RelayReportRecord {
  // Before the loop's first look its clock is not set yet.
  const seconds = (now.nowNs - Math.max(before.nowNs, now.startNs)) / 1e9;
  return {
    type: 'report',
    program: 'emulate',
    time: (now.nowNs - now.startNs) / 1e9,
    seconds,
    directions: [
      direction(inside, outside, now.directions[0], before.directions[0], seconds),
      direction(outside, inside, now.directions[1], before.directions[1], seconds),
    ],
    links: links.map(linkRecord),
    store_used: now.storeUsed,
  };
}

/** The whole run. */
export function relayResult(
  [inside, outside]: PortPair,
  live: LiveEmulation,
  error: string | undefined,
): RelayResultRecord {
  const { relay, seed } = live;
  const now = relay.stats();
  const seconds = Math.max(0, now.nowNs - now.startNs) / 1e9;
  const whole = (from: string, to: string, index: 0 | 1): DirectionRecord => {
    const record = direction(from, to, now.directions[index], undefined, seconds);
    const delay = relay.delay(index);
    return delay.count > 0 ? { ...record, delay: latencyRecord(delay) } : record;
  };
  return {
    type: 'result',
    program: 'emulate',
    seconds,
    seed: String(seed),
    directions: [whole(inside, outside, 0), whole(outside, inside, 1)],
    lateness: latencyRecord(relay.lateness()),
    links: live.links().map(linkRecord),
    promises: promiseRecords(live.measures(), live.controller.world.dummynet),
    ways: live.relay.ways().map(({ rule, kind, number, from, packets, bytes, drops, delay: delays }) => ({
      ...{ rule, kind, number, from: from === 0 ? inside : outside, packets, bytes, drops },
      ...(delays && delays.count > 0 && { delay: latencyRecord(delays) }),
    })),
    capture_lost: now.captureLost,
    log_lost: now.logLost,
    vlan_opaque: live.rules.engine.rules.tagged(),
    ring_resets: now.ringResets,
    ...(error !== undefined && { error }),
  };
}
