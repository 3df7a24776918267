// SPDX-License-Identifier: BSD-2-Clause
// virtual-links.ts: pipes, queues and schedulers on the virtual clock: the emulator, and the packets that are on it.

import { CARRIED, EMU_DROP, EMU_KIND, EMU_PACKET } from '../abi.js';
import { native } from '../native.js';
import { promiseOf } from '../report/link-records.js';
import type { DummynetKind } from '../rules/dummynet.js';
import type { DummynetObjects } from '../rules/dummynet-objects.js';
import { RuleError } from '../rules/error.js';
import type { OpenRules } from '../rules/index.js';
import { Emulator, macBytes } from './emulator.js';
import type { Journey } from './journey.js';
import { LinkMeter } from './link-meter.js';
import { type LinkState, linkStates } from './link-states.js';
import { type WayMeter, WayMeters } from './way-meter.js';

/** A packet that goes on a link, and how it goes on behind it when one_pass is off. */
export interface Parcel {
  journey: Journey;
  /** Is not changed; may share memory with others. */
  frame: Uint8Array;
  context: Uint8Array | undefined;
  /** That sends it there. */
  rule: number;
}

/** A packet on a link. */
interface Waiting extends Parcel {
  target: Target;
  way: WayMeter;
  since: bigint;
  /** How often it is still to leave. */
  left: number;
}

/** A pipe or queue. */
interface Target {
  kind: number;
  number: number;
  meter: LinkMeter;
}

/** Called for each packet that leaves a link. `drop`: why it is lost; `copy`: the link delivers it once more. */
export type Release = (parcel: Parcel, time: bigint, drop: string | undefined, copy: boolean) => void;

/** Memory that a frame may keep whole, and pieces of more of which there may be at a time. */
const OWN_MEMORY = 1 << 16;
const MOST_BORROWED = 4;

/** Objects are made in this order: a queue needs its scheduler, which may be that of a pipe. */
const ORDER: readonly DummynetKind[] = ['pipe', 'sched', 'queue'];

export class Links {
  private readonly emulator: Emulator;
  private readonly targets = { pipe: new Map<number, Target>(), queue: new Map<number, Target>() };
  /** Packets on links; the emulator knows them by their places. */
  private readonly waiting: (Waiting | undefined)[] = [];
  private readonly free: number[] = [];
  private readonly objects: DummynetObjects;
  private readonly meters = new WayMeters();
  /** Packets on links whose frames lie in others' memory, and that memory. */
  private readonly borrowing: Waiting[] = [];
  private readonly borrowed = new Set<ArrayBufferLike>();
  private duplicates = false;
  private duplicated = 0;

  /**
   * `from`: a seed, for an emulator of its own (for packets of `layer`), or the one that the rules' engine already keeps
   * configured. Throws a RuleError when parameters make no sense.
   */
  constructor({ controller }: Pick<OpenRules, 'controller'>, from: bigint | Emulator, layer: 2 | 3 = 2) {
    this.objects = controller.world.dummynet;
    this.emulator = typeof from === 'bigint' ? new Emulator({ seed: from, macBytes: macBytes(layer) }) : from;
    try {
      if (typeof from === 'bigint')
        for (const kind of ORDER)
          for (const [number, config] of this.objects.all(kind)) this.configure(kind, number, config);
      this.refresh();
    } catch (error) {
      this.emulator.close();
      throw error;
    }
  }

  /** Look at the objects again: they are not what they were. */
  refresh(): void {
    const { objects, targets } = this;
    for (const kind of ['pipe', 'queue'] as const) {
      for (const number of targets[kind].keys()) if (!objects.get(kind, number)) targets[kind].delete(number);
      for (const [number] of objects.all(kind)) {
        const promised = promiseOf(objects, kind, number);
        const meter = targets[kind].get(number)?.meter ?? new LinkMeter(kind, number, promised);
        meter.promised = promised;
        targets[kind].set(number, { kind: EMU_KIND[kind], number, meter });
      }
    }
    this.duplicates = ORDER.some((kind) => objects.all(kind).some(([, config]) => config.duplicate));
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
    return this.free.length === this.waiting.length ? undefined : this.emulator.native.next();
  }

  /** A packet arrives. Why it is lost, or undefined. */
  send(kind: 'pipe' | 'queue', number: number, time: bigint, parcel: Parcel): string | undefined {
    const { journey, frame } = parcel;
    const target = this.targets[kind].get(number);
    if (!target) return native.emulationDropNames[EMU_DROP.noPipe];
    const way = this.meters.find(journey.input, kind, number, parcel.rule);
    const place = this.free.pop() ?? this.waiting.length;
    const how = carriedHow(journey);
    const drop = this.emulator.native.send(time, target.kind, number, place, frame, journey.missing, how);
    target.meter.arrived(drop !== 0);
    if (drop !== 0) way.lost(drop);
    // A copy has a way of its own, also when the packet itself is lost.
    const copies = this.duplicates ? this.newDuplicates() : 0;
    (journey.origin ?? journey).pending += copies;
    const left = copies + (drop === 0 ? 1 : 0);
    const { context, rule } = parcel;
    const waiting = { journey, frame, context, rule, target, way, since: time, left };
    this.waiting[place] = left > 0 ? waiting : undefined;
    if (left === 0) this.free.push(place);
    else this.hold(waiting);
    return drop === 0 ? undefined : native.emulationDropNames[drop];
  }

  /**
   * A frame may be a small part of a file's memory, which would stay as long as it. What waits longer than its
   * neighbours in that memory gets memory of its own; what leaves before costs nothing.
   */
  private hold(waiting: Waiting): void {
    const { buffer } = waiting.frame;
    if (buffer.byteLength <= OWN_MEMORY) return;
    if (!this.borrowed.has(buffer) && this.borrowed.size === MOST_BORROWED) {
      for (const one of this.borrowing) if (one.left > 0) one.frame = one.frame.slice();
      this.borrowing.length = 0;
      this.borrowed.clear();
    }
    this.borrowed.add(buffer);
    this.borrowing.push(waiting);
  }

  /** How many copies the last packet got. */
  private newDuplicates(): number {
    const before = this.duplicated;
    this.duplicated = this.emulator.totals().duplicated;
    return this.duplicated - before;
  }

  /** Hand out what leaves at `time` or before, in order. */
  release(time: bigint, out: Release): void {
    const { waiting } = this;
    const { columns, native: emulation } = this.emulator;
    const room = columns.cookies.length;
    for (let count = room; count === room; ) {
      count = emulation.release(time);
      for (let i = 0; i < count; i++) {
        const place = columns.cookies[i]!;
        const parcel = waiting[place]!;
        if (--parcel.left === 0) {
          waiting[place] = undefined;
          this.free.push(place);
        }
        const when = columns.times[i]!;
        const drop = columns.drops[i]!;
        const flags = columns.flags[i]!;
        const length = columns.lengths[i]!;
        parcel.target.meter.left(when - parcel.since, when, length, drop !== 0);
        if (drop !== 0) parcel.way.lost(drop);
        else parcel.way.left(when - parcel.since, length);
        const changed =
          flags & (EMU_PACKET.marked | EMU_PACKET.corrupt)
            ? this.changed(parcel, flags, columns.bits[i]!)
            : parcel;
        const reason = drop === 0 ? undefined : native.emulationDropNames[drop];
        out(changed, when, reason, (flags & EMU_PACKET.copy) !== 0);
      }
    }
  }

  /** The packet with what the link did to its bytes. */
  private changed({ journey, frame, context, rule }: Parcel, flags: number, bit: number): Parcel {
    const copy = frame.slice();
    this.emulator.native.change(copy, carriedHow(journey), flags, bit);
    return { journey, frame: copy, context, rule };
  }

  /** What each rule's packets got of pipes and queues. */
  get ways(): readonly WayMeter[] {
    return this.meters.all;
  }

  /** Flow queues as they are now. */
  states(): LinkState[] {
    return linkStates(this.objects, this.emulator);
  }

  /** What pipes and queues carried. */
  get carried(): LinkMeter[] {
    return [...this.targets.pipe.values(), ...this.targets.queue.values()].map(({ meter }) => meter);
  }

  close(): void {
    this.emulator.close();
  }
}

const carriedHow = ({ side }: Journey): number =>
  (side.layer === 3 ? CARRIED.layer3 : 0) | (side.raw ? CARRIED.raw : 0);
