// SPDX-License-Identifier: BSD-2-Clause
// emulate-live-bench.ts: rules and links between two switches, numbered frames through them, and their times.
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { type LiveEmulation, type LiveOptions, startEmulation } from '../../src/emulation/live.js';
import type { DirectionStats } from '../../src/emulation/relay.js';
import type { Port } from '../../src/index.js';
import { Bench } from './relay-fixture.js';
import { markOf, packetFrame } from './relay-frames.js';

export interface Arrived {
  mark: number;
  /** Nanoseconds of CLOCK_MONOTONIC: seen not before it came. */
  time: bigint;
  frame: Uint8Array;
}

/** Frames the relay's ring surely has room for. */
const WINDOW = 256;

/** All drops of a direction together. */
export const lostOf = ({ drops }: Pick<DirectionStats, 'drops'>): number =>
  Object.values(drops).reduce((sum, count) => sum + count, 0);

/** What came is what left, waits or was lost by name. */
export function assertHonest(one: DirectionStats): void {
  assert.is(
    one.rx_packets + one.duplicates + one.returned,
    one.tx_packets + one.bounced + one.waiting + lostOf(one),
  );
}

export class LiveBench extends Bench {
  live!: LiveEmulation;

  async start(rules: readonly string[], options: Partial<LiveOptions> = {}): Promise<LiveEmulation> {
    this.live = await startEmulation({
      ...Bench.ports,
      dir: this.dir,
      socket: false,
      seed: 1n,
      rules,
      ...options,
    });
    return this.live;
  }

  /** The counters of the direction in which packets come from the inside (0) or the outside (1). */
  direction(index: 0 | 1 = 0): DirectionStats {
    return this.live.relay.stats().directions[index];
  }

  /**
   * Send `count` numbered frames, never more ahead of the relay than its ring holds. Returns when each was handed over,
   * at the latest: nanoseconds of CLOCK_MONOTONIC taken before. `between` is called now and then.
   */
  async pour(
    count: number,
    size: number,
    { from = this.inside, index = 0 as 0 | 1, dport = 9, between = (): void => {} } = {},
  ): Promise<bigint[]> {
    const times: bigint[] = [];
    const before = this.direction(index).rx_packets;
    for (let mark = 0; mark < count; ) {
      between();
      const gone = this.direction(index).rx_packets - before;
      const room = Math.min(count - mark, WINDOW - (mark - gone));
      const got = room > 0 ? from.tx.reserve(room) : 0;
      const now = process.hrtime.bigint();
      for (let i = 0; i < got; i++, mark++) {
        from.tx.packet(i).set(packetFrame({ size, sport: 1234, dport, mark }), 0);
        from.tx.lengths[i] = size;
        times.push(now);
      }
      from.tx.send(got);
      if (got === 0) await sleep(1);
    }
    for (let tries = 0; this.direction(index).rx_packets - before < count; tries++) {
      assert.ok(tries < 5000, `${this.direction(index).rx_packets - before} of ${count} packets came`);
      await sleep(1);
    }
    return times;
  }

  /** What comes to a far end until there are `count` frames or nothing came for `ms`. */
  async collect(count: number, port: Port = this.outside, ms = 3000): Promise<Arrived[]> {
    const out: Arrived[] = [];
    for (let last = performance.now(); out.length < count && performance.now() - last < ms; ) {
      const got = port.rx.receive();
      const time = process.hrtime.bigint();
      for (let i = 0; i < got; i++) {
        const frame = Uint8Array.from(port.rx.packet(i));
        out.push({ mark: markOf(frame), time, frame });
      }
      if (got > 0) last = performance.now();
      else await sleep(1);
    }
    return out;
  }

  /** Let everything leave, check that nothing went without a name, and return both directions' counters. */
  async finish(drain = true): Promise<[DirectionStats, DirectionStats]> {
    const { relay } = this.live;
    relay.stop(drain);
    await relay.finished();
    const { directions } = relay.stats();
    for (const one of directions) {
      assertHonest(one);
      assert.is(one.waiting, 0);
    }
    return directions;
  }

  async end(): Promise<void> {
    await this.live?.close();
    this.close();
  }
}
