// SPDX-License-Identifier: BSD-2-Clause
// measures.ts: what pipes and queues really gave, read from a relay's page (native/relay/measure.h).
import { EMU_KIND, RELAY_PAGE } from '../abi.js';
import { native } from '../native.js';
import type { Histogram } from '../report/histogram.js';
import { camelCase } from '../spelling.js';

/** What a pipe or queue really gave. Times of sending, CLOCK_MONOTONIC nanoseconds; delays from arrival to sending. */
export interface Measure {
  kind: 'pipe' | 'queue';
  number: number;
  packets: number;
  bytes: number;
  firstNs: number;
  lastNs: number;
  /** Of the first packet: it was on the link before firstNs. */
  firstBytes: number;
  /** Packets whose delay is known: with one_pass. */
  delays: number;
  delayMinNs: number;
  delayMaxNs: number;
  delaySumNs: number;
}

/** The same for what one rule sent there from one port. */
export interface WayMeasure extends Measure {
  rule: number;
  /** Port the packets came from: 0 the inside, 1 the outside. */
  from: number;
  /** Lost there, by reason; those that happened. */
  drops: Record<string, number>;
  /** From arrival to exact departure, nanoseconds, with one_pass; undefined beyond the first ways. */
  delay: Histogram | undefined;
}

const { measuresAt, measureWords, measureLostAt } = RELAY_PAGE;

/** All there are, in the order in which packets first went. `delayOf`: the delays of a group. */
export function readWays(
  words: BigUint64Array,
  delayOf: (group: number) => Histogram | undefined,
): WayMeasure[] {
  const ways: WayMeasure[] = [];
  for (let at = measuresAt; at < words.length && words[at] !== 0n; at += measureWords) {
    const named = native.relayMeasureNames.map((name, i) => [camelCase(name), Number(words[at + i]!)]);
    const way = Object.fromEntries(named) as Omit<WayMeasure, 'kind'> & { kind: number };
    const drops: Record<string, number> = {};
    native.emulationDropNames.forEach((name, i) => {
      const count = Number(words[at + measureLostAt + i]!);
      if (count > 0) drops[name] = count;
    });
    const delay = delayOf(ways.length);
    ways.push({ ...way, kind: way.kind === EMU_KIND.pipe ? 'pipe' : 'queue', drops, delay });
  }
  return ways;
}

/** By pipe and queue. */
export function sumOfWays(ways: readonly WayMeasure[]): Measure[] {
  const sums = new Map<string, Measure>();
  for (const { rule: _rule, from: _from, drops: _drops, delay: _delay, ...way } of ways) {
    const name = `${way.kind} ${way.number}`;
    const sum = sums.get(name);
    if (!sum || sum.packets === 0) {
      sums.set(name, way);
      continue;
    }
    if (way.packets === 0) continue;
    const first = way.firstNs < sum.firstNs ? way : sum;
    const timed = [sum, way].filter(({ delays }) => delays > 0);
    sums.set(name, {
      ...sum,
      packets: sum.packets + way.packets,
      bytes: sum.bytes + way.bytes,
      firstNs: first.firstNs,
      firstBytes: first.firstBytes,
      lastNs: Math.max(sum.lastNs, way.lastNs),
      delays: sum.delays + way.delays,
      delayMinNs: timed.length > 0 ? Math.min(...timed.map(({ delayMinNs }) => delayMinNs)) : 0,
      delayMaxNs: Math.max(sum.delayMaxNs, way.delayMaxNs),
      delaySumNs: sum.delaySumNs + way.delaySumNs,
    });
  }
  return [...sums.values()];
}
