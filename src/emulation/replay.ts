// SPDX-License-Identifier: BSD-2-Clause
// replay.ts: passes packets through rules and links in the captures' time: arrivals, departures and the expiry of
// states, in the order of their instants.
import type { NativeEngine, NativeEvent } from '../rules/index.js';
import { PacketBatch } from '../rules/packet-batch.js';
import {
  type Arrival,
  type ArrivalStream,
  copyOf,
  isOver,
  type Journey,
  newJourney,
  type PacketNote,
} from './journey.js';
import type { ChangeSchedule, ReplaySink } from './replay-sink.js';
import type { Links, Parcel } from './virtual-links.js';

/** The clock when the first packet arrives: 52 days, so that a link has been idle long enough for any burst. 0 is "never". */
export const EPOCH = 1n << 52n;
const SECOND = 1_000_000_000n;
const BATCH = 256;
const ARENA = 1 << 20;
/** Seconds a gap between packets is gone through one by one, for keep-alives; what is beyond is one step. */
const LONGEST_GAP = 100_000;

export interface ReplayOptions {
  engine: NativeEngine;
  arrivals: ArrivalStream;
  links: Links;
  onePass: boolean;
  sink: ReplaySink;
  /** Kept at the engine's time. */
  clock: { now: bigint };
  changes?: ChangeSchedule;
}

export class Replay {
  private readonly engine: NativeEngine;
  private readonly arrivals: ArrivalStream;
  private readonly links: Links;
  /** May be set between packets, by a change. */
  onePass: boolean;
  private readonly sink: ReplaySink;
  private readonly batch = new PacketBatch(BATCH, ARENA);
  /** A packet that did not fit into the last batch. */
  private left: Arrival | undefined;
  private packets = 0;
  /** Packets with a header that was not captured, where rules or a missing MAC header met it. */
  lacking = 0;
  /** The next second at which states are looked at, and whether there may be any. */
  private second = EPOCH + SECOND;
  private states = true;
  private readonly clock: { now: bigint };
  private readonly changes: ChangeSchedule | undefined;

  constructor({ engine, arrivals, links, onePass, sink, clock, changes }: ReplayOptions) {
    this.clock = clock;
    this.engine = engine;
    this.arrivals = arrivals;
    this.links = links;
    this.onePass = onePass;
    this.sink = sink;
    this.changes = changes;
  }

  private changeAt(): bigint | undefined {
    const at = this.changes?.next();
    return at === undefined ? undefined : at + EPOCH;
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
    const change = this.changeAt();
    const arrived: { journey: Journey; data: Uint8Array }[] = [];
    this.batch.clear();
    for (let arrival: Arrival | undefined = first; arrival; arrival = this.take()) {
      const time = arrival.time + EPOCH;
      // Later packets must not be judged before what happens until they arrive.
      const changed = change !== undefined && time >= change;
      const apart = arrived.length > 0 && (!this.onePass || time >= this.second || changed);
      if (apart || !this.batch.hasRoom(arrival.data.length)) {
        this.left = arrival;
        break;
      }
      this.batch.add(arrival.data, time, arrival.side, arrival.missing);
      const journey = newJourney(this.packets++, arrival);
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

  /**
   * When there are no more arrivals: let what is on its way leave, and do the changes that are left, up to some instants
   * on. False: there is no more.
   */
  drain(): boolean {
    for (let instants = 0; instants < BATCH; instants++) {
      const due = this.links.next();
      const change = this.changeAt();
      const next = due === undefined || (change !== undefined && change < due) ? change : due;
      if (next === undefined) return false;
      this.advance(next);
    }
    return true;
  }

  /** Let time pass up to an arrival: departures, changes and the expiry of states. */
  private advance(to: bigint): void {
    for (let at = this.changeAt(); at !== undefined && at <= to; at = this.changeAt()) {
      this.pass(at);
      this.links.release(at, this.released); // nothing is due: the links are told the time
      this.changes!.apply();
    }
    this.pass(to);
  }

  private pass(to: bigint): void {
    for (let left = LONGEST_GAP; this.states && this.second <= to; left--) {
      if (left === 0) this.second = to - (to % SECOND);
      this.depart(this.second);
      const { states, events } = this.engine.rules.tick(this.second);
      this.clock.now = this.second;
      for (const event of events) if (event.kind === 'answer') this.answer(event, this.second, undefined);
      this.states = states > 0;
      this.second += SECOND;
    }
    this.depart(to);
    if (this.second <= to) this.second = to - (to % SECOND) + SECOND;
  }

  private depart(to: bigint): void {
    for (let due = this.links.next(); due !== undefined && due <= to; due = this.links.next())
      // What goes on may leave another link before the rest does.
      this.links.release(this.onePass && !this.changes ? to : due, this.released);
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
    else if (context === undefined) this.passed(own, time, frame);
    else this.goOn(own, time, frame, context);
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
    this.settled(origin ?? journey);
  }

  private settled(journey: Journey): void {
    if (isOver(journey)) this.sink.over(journey);
  }

  /** The packet goes on where it left the rules, until it leaves them again. */
  private goOn(journey: Journey, time: bigint, frame: Uint8Array, context: Uint8Array): void {
    this.batch.clear();
    this.batch.add(frame, time, journey.side, journey.missing, context);
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
    if (batch.lacks(index)) this.lacking++;
    let frame = batch.rewritten(index) ? batch.frame(index).slice() : given;
    let port: number | string | undefined;
    for (const event of events ?? []) {
      if (event.packet !== index) continue;
      if (event.kind === 'replaced') {
        frame = event.data;
        journey.missing = 0;
      } else if (event.kind === 'port') port = event.port;
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
    this.settled(journey.origin ?? journey);
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
      const reason = this.links.send(action, number, time, { journey, frame, context, rule });
      if (reason !== undefined) this.lost(journey, reason);
    } else if (action === 'held') this.lost(journey, action);
    else if (action === 'divert') {
      this.lost(journey, action);
      this.sink.diverted(port!, journey, time - EPOCH, frame);
    } else if (action === 'forward' && port !== undefined) {
      journey.hop = String(port);
      this.gone(journey, time);
      this.sink.diverted(port, journey, time - EPOCH, frame);
    } else if (action === 'nat' && !this.onePass) this.goOn(journey, time, frame, batch.context(index));
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
      this.answer(event, time, journey.note);
    } else if (event.kind === 'copy') this.sink.diverted(event.port, journey, time - EPOCH, frame);
    else {
      journey.logs.push({ rule: event.rule, where: event.where, time: time - EPOCH });
      this.sink.logged(journey, event.rule, event.where, time - EPOCH, frame);
    }
  }

  /** What answers a packet that came in goes out by its interface, and the other way round. */
  private answer(
    event: Extract<NativeEvent, { kind: 'answer' }>,
    time: bigint,
    note: PacketNote | undefined,
  ): void {
    const id = event.out ? event.outIf : event.inIf;
    const iface = this.arrivals.inputs.find((input) => input.iface === id)?.spec.iface ?? '';
    this.sink.answered(iface, !event.out, time - EPOCH, event.frame, note);
  }
}
