// SPDX-License-Identifier: BSD-2-Clause
// topology-replay.ts: a topology in virtual time: packets in, what became of each out, changes exactly when they are due.

import { netvaleError } from '../errors.js';
import { isOver, type Journey, type Pass } from './journey.js';
import type { LinkMeter } from './link-meter.js';
import { type LinkState, linkStates } from './link-states.js';
import { PacketStream, type ReplayPacket } from './packet-stream.js';
import { Replay } from './replay.js';
import type { TopologyPlan } from './topology.js';
import { Links } from './virtual-links.js';
import type { VirtualWorld } from './virtual-world.js';
import type { WayMeter } from './way-meter.js';

/** What became of a packet. It has left (out, frame), was lost (drop), or waits for ever: neither. */
export interface ReplayResult {
  /** Its number, from 0, and its time. */
  packet: number;
  time: bigint;
  /** Walks through the rules: what ended each. */
  passes: Pass[];
  /** When it left, and its bytes as they are then. */
  out?: bigint;
  frame?: Uint8Array;
  /** Why it was lost. */
  drop?: string;
  /** Times links delivered it once more. */
  copies: { time: bigint; frame: Uint8Array }[];
  /** Packets that rules sent back because of it. */
  answers: number;
}

export interface ReplayOptions {
  /** The instant from which changes are counted; default: the first packet's time. */
  start?: bigint;
}

const ONE_PASS = 'net.inet.ip.fw.one_pass';

/** What left of a packet, before its result is complete. */
type Outcome = Pick<ReplayResult, 'frame' | 'copies'>;

/** A run in virtual time: iterate over it once. */
export class TopologyReplay implements Iterable<ReplayResult> {
  private readonly outcomes = new Map<Journey, Outcome>();
  private readonly stream: PacketStream;
  private readonly replay: Replay;
  private readonly virtual: Links;
  private last: LinkState[] | undefined;
  private begun = false;

  /** Use Topology.replay. */
  constructor(
    private readonly world: VirtualWorld,
    { changes, layer = 2 }: TopologyPlan,
    packets: Iterable<ReplayPacket>,
    { start }: ReplayOptions,
  ) {
    const { engine, emulator, controller, clock } = world;
    const links = new Links(world, emulator);
    const left = [...changes];
    this.virtual = links;
    this.stream = new PacketStream(packets, start, engine, layer);
    const replay = new Replay({
      ...{ engine, links, clock, arrivals: this.stream },
      onePass: controller.world.sysctl.get(ONE_PASS) === 1,
      ...(left.length > 0 && {
        changes: {
          next: () => left[0]?.at,
          apply: () => {
            world.apply(left.shift()!);
            links.refresh();
          },
        },
      }),
      sink: {
        arrived: (journey) => this.outcomes.set(journey, { copies: [] }),
        over: () => {},
        departed: (journey, time, frame) => this.departed(journey, time, frame),
        answered: () => {},
        diverted: () => {},
        logged: () => {},
      },
    });
    engine.onVariables = (sysctl) => {
      replay.onePass = sysctl.get(ONE_PASS) === 1;
    };
    this.replay = replay;
  }

  private departed(journey: Journey, time: bigint, frame: Uint8Array): void {
    const outcome = this.outcomes.get(journey.origin ?? journey);
    if (!outcome) return;
    if (journey.origin) outcome.copies.push({ time: time + this.stream.start!, frame });
    else outcome.frame = frame;
  }

  /** Results that are complete, in order of arrival; with `all` those of packets that will never leave too. */
  private *settled(all: boolean): Generator<ReplayResult> {
    const start = this.stream.start!;
    for (const [journey, outcome] of this.outcomes) {
      if (!isOver(journey) && !all) return;
      this.outcomes.delete(journey);
      const { packet, time, passes, out, drop, answers } = journey;
      yield {
        ...{ packet, time: time + start, passes },
        ...(out !== undefined && { out: out + start }),
        ...(drop !== undefined && { drop }),
        ...outcome,
        answers,
      };
    }
  }

  *[Symbol.iterator](): Generator<ReplayResult> {
    if (this.begun) throw netvaleError('EINVAL', 'a replay runs once: call replay() again');
    this.begun = true;
    try {
      while (this.replay.step()) yield* this.settled(false);
      while (this.replay.drain()) yield* this.settled(false);
      yield* this.settled(true);
    } finally {
      this.close();
    }
  }

  /** Flow queues as they are now, or were at the end. */
  links(): LinkState[] {
    return this.last ?? linkStates(this.world.controller.world.dummynet, this.world.emulator);
  }

  /** What each rule's packets got of pipes and queues so far. */
  get ways(): readonly WayMeter[] {
    return this.virtual.ways;
  }

  /** What pipes and queues carried so far, beside what they promise. */
  get carried(): readonly LinkMeter[] {
    return this.virtual.carried;
  }

  /** Free it. An iteration that ends does so by itself. */
  close(): void {
    if (this.last) return;
    this.last = this.links();
    this.begun = true;
    this.world.close();
  }
}
