// SPDX-License-Identifier: BSD-2-Clause
// offline-replay.ts: passes packets through rules and links in the captures' time: arrivals, departures and the expiry of
// states, in the order of their instants.
import type { NativeEngine, NativeEvent } from '../../../src/rules/index.js';
import { PacketBatch } from '../../../src/rules/packet-batch.js';
import type { Arrival, Arrivals } from './offline-inputs.js';
import { copyOf, type Journey, newJourney } from './offline-journey.js';
import type { Links, Parcel } from './offline-links.js';

/** The engine's clock when the first packet arrives: 0 means "never" to it. */
export const EPOCH = 1_000_000_000n;
const SECOND = 1_000_000_000n;
const BATCH = 256;
const ARENA = 1 << 20;
/** Seconds a gap between packets is gone through one by one, for keep-alives; what is beyond is one step. */
const LONGEST_GAP = 100_000;

/** What the replay tells of; times are those since the first packet. */
export interface ReplaySink {
  arrived(journey: Journey): void;
  /** A packet goes on its way. */
  departed(journey: Journey, time: bigint, frame: Uint8Array): void;
  /** A packet that rules made: a reply to one that came by `iface`, or a keep-alive. */
  answered(iface: string, out: boolean, time: bigint, frame: Uint8Array): void;
  /** A packet, or a copy of one, goes to a divert port or a port named by fwd. */
  diverted(port: number | string, journey: Journey, time: bigint, frame: Uint8Array): void;
  logged(journey: Journey, rule: number, where: number, time: bigint, frame: Uint8Array): void;
}

export interface ReplayOptions {
  engine: NativeEngine;
  arrivals: Arrivals;
  links: Links;
  onePass: boolean;
  sink: ReplaySink;
  /** Kept at the engine's time. */
  clock: { now: bigint };
}

export class Replay {
  private readonly engine: NativeEngine;
  private readonly arrivals: Arrivals;
  private readonly links: Links;
  private readonly onePass: boolean;
  private readonly sink: ReplaySink;
  private readonly batch = new PacketBatch(BATCH, ARENA);
  private readonly names = new Map<number, string>();
  /** A packet that did not fit into the last batch. */
  private left: Arrival | undefined;
  private packets = 0;
  /** The next second at which states are looked at, and whether there may be any. */
  private second = EPOCH + SECOND;
  private states = true;
  private readonly clock: { now: bigint };

  constructor({ engine, arrivals, links, onePass, sink, clock }: ReplayOptions) {
    this.clock = clock;
    this.engine = engine;
    this.arrivals = arrivals;
    this.links = links;
    this.onePass = onePass;
    this.sink = sink;
    for (const { spec, side } of arrivals.inputs) this.names.set(side.inIf || side.outIf, spec.iface);
  }

  private take(): Arrival | undefined {
    const arrival = this.left ?? this.arrivals.next();
    this.left = undefined;
    return arrival;
  }

  /** Do one batch of arrivals and what happens until then. False: there are no more. */
  step(): boolean {
    const first = this.take();
    if (!first) return false;
    this.advance(first.time + EPOCH);
    const arrived: { journey: Journey; data: Uint8Array }[] = [];
    this.batch.clear();
    for (let arrival: Arrival | undefined = first; arrival; arrival = this.take()) {
      const time = arrival.time + EPOCH;
      // Later packets must not be judged before what happens until they arrive.
      const apart = arrived.length > 0 && (!this.onePass || time >= this.second);
      if (apart || !this.batch.hasRoom(arrival.data.length)) {
        this.left = arrival;
        break;
      }
      this.batch.add(arrival.data, time, arrival.input.side);
      const journey = newJourney(this.packets++, arrival.input, arrival.time, arrival.data.length);
      arrived.push({ journey, data: arrival.data });
      this.sink.arrived(journey);
    }
    const events = this.batch.classify(this.engine);
    this.states = true;
    for (let index = 0; index < arrived.length; index++) {
      const { journey, data } = arrived[index]!;
      this.depart(journey.time + EPOCH);
      this.settle(index, journey, data, events);
    }
    return true;
  }

  /** Let everything leave that is on its way. */
  drain(): void {
    for (let due = this.links.next(); due !== undefined; due = this.links.next()) this.advance(due);
  }

  /** Let time pass up to an arrival: departures and the expiry of states. */
  private advance(to: bigint): void {
    for (let left = LONGEST_GAP; this.states && this.second <= to; left--) {
      if (left === 0) this.second = to - (to % SECOND);
      this.depart(this.second);
      const { states, events } = this.engine.rules.tick(this.second);
      this.clock.now = this.second;
      for (const event of events) if (event.kind === 'answer') this.answer(event, this.second);
      this.states = states > 0;
      this.second += SECOND;
    }
    this.depart(to);
    if (this.second <= to) this.second = to - (to % SECOND) + SECOND;
  }

  private depart(to: bigint): void {
    for (let due = this.links.next(); due !== undefined && due <= to; due = this.links.next())
      // What goes on may leave another link before the rest does.
      this.links.release(this.onePass ? to : due, this.released);
    this.clock.now = to;
  }

  private readonly released = (
    { journey, frame, context }: Parcel,
    time: bigint,
    drop: string | undefined,
    copy: boolean,
  ): void => {
    this.clock.now = time;
    const own = copy ? copyOf(journey) : journey;
    if (drop !== undefined) this.lost(own, drop);
    else if (this.onePass) this.passed(own, time, frame);
    else this.goOn(own, time, frame, context!);
  };

  private passed(journey: Journey, time: bigint, frame: Uint8Array): void {
    this.gone(journey, time);
    this.sink.departed(journey, time - EPOCH, frame);
  }

  /** The packet is on its way: a copy is counted with its original. */
  private gone(journey: Journey, time: bigint): void {
    const { origin } = journey;
    if (origin) {
      origin.copies++;
      origin.pending--;
    } else journey.out = time - EPOCH;
  }

  /** The packet goes on where it left the rules, until it leaves them again. */
  private goOn(journey: Journey, time: bigint, frame: Uint8Array, context: Uint8Array): void {
    this.batch.clear();
    this.batch.add(frame, time, journey.input.side, context);
    const events = this.batch.classify(this.engine);
    this.states = true;
    this.settle(0, journey, frame, events);
  }

  /** Act on the verdict on a packet of the batch, which was `given`. */
  private settle(
    index: number,
    journey: Journey,
    given: Uint8Array,
    events: NativeEvent[] | undefined,
  ): void {
    const { batch } = this;
    const time = batch.columns.times[index]!;
    this.clock.now = time;
    // The batch's memory is used again: what changed is copied, the rest is as it came.
    let frame = batch.rewritten(index) ? batch.frame(index).slice() : given;
    let port: number | string | undefined;
    for (const event of events ?? []) {
      if (event.packet !== index) continue;
      if (event.kind === 'replaced') frame = event.data;
      else if (event.kind === 'port') port = event.port;
      else if (event.kind === 'hop')
        journey.hop = event.port === 0 ? event.address : `${event.address},${event.port}`;
      else this.happened(event, journey, time, given);
    }
    this.decide(index, journey, time, frame, port);
  }

  private lost(journey: Journey, reason: string): void {
    if (journey.origin) journey.origin.pending--;
    else {
      journey.drop = reason;
      journey.input.dropped++;
    }
  }

  /** `port`: the port of ours that the rule names. */
  private decide(
    index: number,
    journey: Journey,
    time: bigint,
    frame: Uint8Array,
    port: number | string | undefined,
  ): void {
    const { batch } = this;
    const rule = batch.rule(index);
    const action = batch.action(index);
    const shaped = action === 'pipe' || action === 'queue';
    const number = batch.arg(index);
    const verdict = shaped ? `${action} ${number}` : action === 'divert' ? `divert ${port}` : action;
    if (rule !== 0) journey.passes.push({ rule, verdict });

    if (action === 'deny') {
      const reason = batch.reason(index);
      this.lost(journey, reason === 'rule' ? 'deny' : reason);
    } else if (shaped) {
      const context = this.onePass ? undefined : batch.context(index);
      const reason = this.links.send(action, number, time, { journey, frame, context });
      if (reason !== undefined) this.lost(journey, reason);
    } else if (action === 'held') this.lost(journey, action);
    else if (action === 'divert') {
      this.lost(journey, action);
      this.sink.diverted(port!, journey, time - EPOCH, frame);
    } else if (action === 'forward' && port !== undefined) {
      journey.hop = String(port);
      this.gone(journey, time);
      this.sink.diverted(port, journey, time - EPOCH, frame);
    } else if ((action === 'nat' || action === 'reass') && !this.onePass)
      this.goOn(journey, time, frame, batch.context(index));
    else this.passed(journey, time, frame);
  }

  private happened(
    event: Extract<NativeEvent, { out: boolean }>,
    journey: Journey,
    time: bigint,
    frame: Uint8Array,
  ): void {
    if (event.kind === 'answer') {
      journey.answers++;
      this.answer(event, time);
    } else if (event.kind === 'copy') this.sink.diverted(event.port, journey, time - EPOCH, frame);
    else {
      journey.logs.push({ rule: event.rule, where: event.where, time: time - EPOCH });
      this.sink.logged(journey, event.rule, event.where, time - EPOCH, frame);
    }
  }

  /** What answers a packet that came in goes out by its interface, and the other way round. */
  private answer(event: Extract<NativeEvent, { kind: 'answer' }>, time: bigint): void {
    const iface = this.names.get(event.out ? event.outIf : event.inIf) ?? '';
    this.sink.answered(iface, !event.out, time - EPOCH, event.frame);
  }
}
