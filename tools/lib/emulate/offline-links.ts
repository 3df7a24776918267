// SPDX-License-Identifier: BSD-2-Clause
// offline-links.ts: pipes, queues and schedulers on the virtual clock: the emulator, and the packets that are on it.
import { Emulator } from '../../../src/emulation/emulator.js';
import { PACKET } from '../../../src/emulation/native.js';
import type { DummynetKind } from '../../../src/rules/dummynet.js';
import { RuleError } from '../../../src/rules/error.js';
import type { OpenRules } from '../../../src/rules/index.js';
import { flipBit, ipOf, isCapable, markCongestion } from './offline-ip.js';
import type { Journey } from './offline-journey.js';
import { LinkMeter } from './offline-meter.js';

/** A packet on a link, and how it goes on when one_pass is off. */
export interface Parcel {
  journey: Journey;
  frame: Uint8Array;
  context: Uint8Array;
  /** The object it is in, when it came there, and its length there. */
  meter: LinkMeter;
  since: bigint;
  length: number;
}

export interface Released {
  journey: Journey;
  frame: Uint8Array;
  context: Uint8Array;
  time: bigint;
  /** Why it is lost; undefined: it goes on. */
  drop: string | undefined;
  /** A link delivers it once more. */
  copy: boolean;
}

const MAC = 14;

/** Objects are made in this order: a queue needs its scheduler, which may be that of a pipe. */
const ORDER: readonly DummynetKind[] = ['pipe', 'sched', 'queue'];

export class Links {
  private readonly emulator: Emulator;
  /** Packets on links by cookie, and how often each is still to leave. */
  private readonly parcels = new Map<number, { parcel: Parcel; left: number }>();
  private readonly meters = new Map<string, LinkMeter>();
  private readonly duplicates: boolean;
  private duplicated = 0;
  private cookie = 0;

  /** Throws a RuleError when parameters make no sense. */
  constructor({ controller }: OpenRules, seed: bigint) {
    const { dummynet } = controller.world;
    this.emulator = new Emulator({ seed });
    try {
      for (const kind of ORDER)
        for (const [number, config] of dummynet.all(kind)) {
          this.configure(kind, number, config);
          if (kind !== 'sched') this.meters.set(`${kind} ${number}`, new LinkMeter(kind, number, config));
        }
    } catch (error) {
      this.emulator.close();
      throw error;
    }
    this.duplicates = ORDER.some((kind) => dummynet.all(kind).some(([, config]) => config.duplicate));
  }

  private configure(kind: DummynetKind, number: number, config: Parameters<Emulator['configure']>[2]): void {
    try {
      this.emulator.configure(kind, number, config);
    } catch (error) {
      throw new RuleError(`${kind} ${number}: ${(error as Error).message}`);
    }
  }

  /** When the next packet leaves; undefined: none waits. */
  next(): bigint | undefined {
    return this.parcels.size === 0 ? undefined : this.emulator.next();
  }

  /** A packet arrives; its frame must be its own. Why it is lost, or undefined. */
  send(
    kind: 'pipe' | 'queue',
    number: number,
    time: bigint,
    packet: Pick<Parcel, 'journey' | 'frame' | 'context'>,
  ): string | undefined {
    const { journey, frame } = packet;
    const { raw, layer } = journey.input.side;
    const ip = ipOf(frame, raw);
    const cookie = this.cookie++;
    const meter = this.meters.get(`${kind} ${number}`);
    const length = layer === 2 || raw ? frame.length : Math.max(0, frame.length - MAC);
    const drop = this.emulator.enqueue(time, kind, number, {
      cookie,
      length,
      ect: isCapable(frame, ip),
      frame,
      raw,
    });
    meter?.arrived(drop !== undefined);
    if (drop !== undefined || !meter) return drop;
    const copies = this.newDuplicates();
    (journey.origin ?? journey).pending += copies;
    this.parcels.set(cookie, { parcel: { ...packet, meter, since: time, length }, left: 1 + copies });
    return undefined;
  }

  /** How many copies the last packet got. */
  private newDuplicates(): number {
    if (!this.duplicates) return 0;
    const before = this.duplicated;
    this.duplicated = this.emulator.totals().duplicated;
    return this.duplicated - before;
  }

  /** What leaves at `time` or before, in order. */
  release(time: bigint): Released[] {
    return this.emulator.release(time).map(({ cookie, time: when, drop, flags, corruptBit }) => {
      const entry = this.parcels.get(cookie)!;
      if (--entry.left === 0) this.parcels.delete(cookie);
      const { journey, context, meter, since, length } = entry.parcel;
      // A copy that is still to come must not see what happens to this one.
      const frame = entry.left > 0 ? entry.parcel.frame.slice() : entry.parcel.frame;
      meter.left(when - since, when, length, drop !== undefined);
      if (flags & PACKET.marked) markCongestion(frame, ipOf(frame, journey.input.side.raw));
      if (flags & PACKET.corrupt) flipBit(frame, corruptBit);
      return { journey, frame, context, time: when, drop, copy: (flags & PACKET.copy) !== 0 };
    });
  }

  /** What pipes and queues carried. */
  get carried(): LinkMeter[] {
    return [...this.meters.values()];
  }

  close(): void {
    this.emulator.close();
  }
}
