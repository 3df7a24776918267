// SPDX-License-Identifier: BSD-2-Clause
// emulate-live-bench.ts: rules and links between two switches, numbered frames through them, and their times.
import { setTimeout as sleep } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { type LiveEmulation, type LiveOptions, startEmulation } from '../../src/emulation/live.js';
import type { DirectionStats } from '../../src/emulation/relay.js';
import type { Port } from '../../src/index.js';
import { Bench, PATIENCE, until } from './relay-fixture.js';
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

/** What went to the other port, and what was lost by name before that: a far end that is read slowly loses by its own. */
export const passedOn = (one: DirectionStats): [number, number] => {
  const behind = one.drops.no_space!;
  return [one.txPackets + behind, lostOf(one) - behind];
};

/** What came, and what left, waits or was lost by name: the same. */
const balance = (one: DirectionStats): [number, number] => [
  one.rxPackets + one.duplicates + one.returned + one.flooded,
  one.txPackets + one.bounced + one.waiting + one.pending + lostOf(one),
];

export function assertHonest(one: DirectionStats): void {
  assert.is(...balance(one));
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
    const before = this.direction(index).rxPackets;
    for (let mark = 0; mark < count; ) {
      between();
      const gone = this.direction(index).rxPackets - before;
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
    await until(() => this.direction(index).rxPackets - before >= count, `${count} packets are in`);
    return times;
  }

  /** What has come to a far end. */
  #arrived(port: Port): Arrived[] {
    const got = port.rx.receive();
    const time = process.hrtime.bigint();
    return Array.from({ length: got }, (_, i) => {
      const frame = Uint8Array.from(port.rx.packet(i));
      return { mark: markOf(frame), time, frame };
    });
  }

  /** The next `count` frames that come to a far end; fewer when nothing comes for very long. */
  async collect(count: number, port: Port = this.outside): Promise<Arrived[]> {
    const out: Arrived[] = [];
    for (let last = performance.now(); out.length < count && performance.now() - last < PATIENCE; ) {
      const some = this.#arrived(port);
      out.push(...some);
      if (some.length > 0) last = performance.now();
      else await sleep(1);
    }
    return out;
  }

  /** What comes to the outside until nothing waits for it in the relay any more. */
  async collectAll(): Promise<Arrived[]> {
    const out: Arrived[] = [];
    for (let last = false; ; await sleep(1)) {
      for (let some = this.#arrived(this.outside); some.length > 0; some = this.#arrived(this.outside))
        out.push(...some);
      if (last) return out;
      last = (await this.balanced()).waiting === 0;
    }
  }

  /** The counters of what comes from the inside, taken when they balance: shown one by one, they may be half new. */
  async balanced(): Promise<DirectionStats> {
    for (const start = performance.now(); ; await sleep(1)) {
      const now = this.direction();
      const [came, went] = balance(now);
      if (came === went) return now;
      assert.ok(performance.now() - start < PATIENCE, `${came} came, ${went} went`);
    }
  }

  /** The spare buffers, which the relay fetches once it runs. */
  async spares(): Promise<number> {
    await until(() => this.live.relay.stats().spares > 0, 'spare buffers');
    return this.live.relay.stats().spares;
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
