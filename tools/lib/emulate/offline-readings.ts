// SPDX-License-Identifier: BSD-2-Clause
// offline-readings.ts: what went each way over the time of capture files, for the plots of a report: intervals are short in
// a short run, longer in a long one.
import type { Journey } from '../../../src/emulation/journey.js';
import type { ReplaySink } from '../../../src/emulation/replay-sink.js';
import { Histogram } from '../../../src/report/histogram.js';
import type { DirectionRecord, RelayReportRecord } from '../../../src/report/relay-records.js';

const FINEST_NS = 1e6;
/** When there are more intervals, two become one. */
const MOST = 600;

/** What happened one way in an interval. */
interface Interval {
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
  duplicates: number;
  answers: number;
  delays: number;
  delaySumNs: number;
  drops: Record<string, number>;
}

const newInterval = (): Interval => ({
  ...{ rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0, duplicates: 0, answers: 0 },
  ...{ delays: 0, delaySumNs: 0, drops: {} },
});

/** `from` is added to `to`. */
function merge(to: Interval, from: Interval): Interval {
  for (const name of Object.keys(to) as (keyof Interval)[]) if (name !== 'drops') to[name] += from[name];
  for (const [reason, count] of Object.entries(from.drops))
    to.drops[reason] = (to.drops[reason] ?? 0) + count;
  return to;
}

/** Packets of each direction that are in the links behind an interval. */
const left = ({ rxPackets, duplicates, txPackets, drops }: Interval): number =>
  rxPackets + duplicates - txPackets - Object.values(drops).reduce((sum, count) => sum + count, 0);

/** The first direction is that of packets that go out, the second that of those that come in. */
export type Pair<T> = [T, T];

const NAMES = [
  ['inside', 'outside'],
  ['outside', 'inside'],
] as const;

function directionRecord(index: 0 | 1, one: Interval, waiting: number, seconds: number): DirectionRecord {
  const [from, to] = NAMES[index];
  const rate = (value: number): number => (seconds > 0 ? value / seconds : 0);
  const { rxPackets, rxBytes, txPackets, txBytes, duplicates, answers, delays, delaySumNs, drops } = one;
  return {
    ...{ from, to, waiting, duplicates, answers, drops },
    ...{ rx_packets: rxPackets, rx_bytes: rxBytes, tx_packets: txPackets, tx_bytes: txBytes },
    ...{
      rx_pps: rate(rxPackets),
      rx_bps: rate(rxBytes * 8),
      tx_pps: rate(txPackets),
      tx_bps: rate(txBytes * 8),
    },
    ...{ answers_lost: 0, copies: 0, copies_lost: 0, returned: 0, bounced: 0, flooded: 0, pending: 0 },
    ...(delays > 0 && { delay_ms: delaySumNs / delays / 1e6 }),
  };
}

export class OfflineReadings {
  /** From arrival to departure. */
  readonly delays: Pair<Histogram> = [new Histogram(), new Histogram()];
  private intervals: Pair<Interval>[] = [];
  private length = FINEST_NS;
  private last = 0;

  /** `now`: nanoseconds since the first packet. */
  constructor(private readonly now: () => bigint) {}

  private at(time: bigint, out: boolean): Interval {
    const ns = Number(time);
    this.last = Math.max(this.last, ns);
    while (ns >= this.length * MOST) {
      const pairs = this.intervals;
      this.intervals = [];
      for (const [i, [up, down]] of pairs.entries()) {
        if (i % 2 === 0) this.intervals.push([newInterval(), newInterval()]);
        const half = this.intervals.at(-1)!;
        merge(half[0], up);
        merge(half[1], down);
      }
      this.length *= 2;
    }
    const index = Math.floor(ns / this.length);
    while (this.intervals.length <= index) this.intervals.push([newInterval(), newInterval()]);
    return this.intervals[index]![out ? 0 : 1];
  }

  /** A packet, or a copy of one, went on its way. */
  private left({ input, time, length, origin }: Journey, out: bigint): void {
    const way = input.spec.out;
    const one = this.at(out, way);
    const delay = Number(out - time);
    one.txPackets++;
    one.txBytes += length;
    one.delays++;
    one.delaySumNs += delay;
    if (origin) one.duplicates++;
    this.delays[way ? 0 : 1].record(delay);
  }

  /** Tells all to a sink, and counts. */
  watch(sink: ReplaySink): ReplaySink {
    return {
      ...sink,
      arrived: (journey) => {
        const one = this.at(journey.time, journey.input.spec.out);
        one.rxPackets++;
        one.rxBytes += journey.length;
        sink.arrived(journey);
      },
      over: (journey) => {
        if (journey.out !== undefined) this.left(journey, journey.out);
        else {
          const { drops } = this.at(this.now(), journey.input.spec.out);
          drops[journey.drop!] = (drops[journey.drop!] ?? 0) + 1;
        }
        sink.over(journey);
      },
      departed: (journey, time, frame) => {
        if (journey.origin) this.left(journey, time);
        sink.departed(journey, time, frame);
      },
      answered: (iface, out, time, frame, note) => {
        this.at(time, !out).answers++;
        sink.answered(iface, out, time, frame, note);
      },
    };
  }

  /** The two directions over the whole run. */
  get directions(): Pair<DirectionRecord> {
    const all = [0, 1].map((index) =>
      this.intervals.reduce((sum, pair) => merge(sum, pair[index]!), newInterval()),
    );
    const seconds = this.last / 1e9;
    return [
      directionRecord(0, all[0]!, left(all[0]!), seconds),
      directionRecord(1, all[1]!, left(all[1]!), seconds),
    ];
  }

  /** What happened in each interval. */
  get records(): RelayReportRecord[] {
    const waiting: Pair<number> = [0, 0];
    return this.intervals.map((pair, index) => {
      const begin = index * this.length;
      const seconds = (Math.min(begin + this.length, Math.max(this.last, begin + 1)) - begin) / 1e9;
      const both = ([0, 1] as const).map((way) => {
        waiting[way] += left(pair[way]);
        return directionRecord(way, pair[way], waiting[way], seconds);
      });
      return {
        ...{ type: 'report', program: 'emulate', time: begin / 1e9 + seconds, seconds },
        ...{ directions: both as Pair<DirectionRecord>, links: [], store_used: 0 },
      };
    });
  }
}
