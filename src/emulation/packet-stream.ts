// SPDX-License-Identifier: BSD-2-Clause
// packet-stream.ts: a program's packets as the replay wants them.
import { argumentError, netvaleError } from '../errors.js';
import type { NativeEngine } from '../rules/native-engine.js';
import type { PacketSide } from '../rules/packet-batch.js';
import type { Arrival, ArrivalStream, PacketSource } from './journey.js';

/** A packet as it arrives. */
export interface ReplayPacket {
  /** Nanoseconds, from any instant; not before the packet before it. */
  time: bigint;
  /** From its MAC header on. Must not change before its result is there. */
  frame: Uint8Array;
  direction: 'in' | 'out';
  /** It comes in, or goes out, by this interface. */
  interface: string;
  /** Of one that goes out: the interface it came in by, if it is forwarded. */
  received?: string;
  /** Bytes it has on the wire, when `frame` holds only its beginning; default: those of `frame`. */
  length?: number;
}

/** Packets of one kind, and how the rules see them. */
interface Source extends PacketSource {
  side: PacketSide;
}

/** What a member of a packet must be, in the words of an error; undefined: it is so. */
const WANTED: { [Name in keyof Required<ReplayPacket>]: (value: unknown) => string | undefined } = {
  time: (value) => (typeof value === 'bigint' ? undefined : 'a bigint of nanoseconds'),
  frame: (value) => (value instanceof Uint8Array ? undefined : 'a Uint8Array'),
  direction: (value) => (value === 'in' || value === 'out' ? undefined : "'in' or 'out'"),
  interface: (value) => (typeof value === 'string' && value !== '' ? undefined : 'the name of an interface'),
  length: (value) => (value === undefined || typeof value === 'number' ? undefined : 'a number of bytes'),
  received: (value) =>
    value === undefined || typeof value === 'string' ? undefined : 'the name of an interface',
};

/** Throws a TypeError that names the packet, from 0, and its member. */
function checkPacket(packet: ReplayPacket, number: number): void {
  if (typeof packet !== 'object' || packet === null)
    throw argumentError(
      `packet ${number} must be an object, not ${packet === null ? 'null' : typeof packet}`,
    );
  for (const [name, wrong] of Object.entries(WANTED)) {
    const value: unknown = packet[name as keyof ReplayPacket];
    const wanted = wrong(value);
    if (wanted === undefined) continue;
    const got = typeof value === 'string' ? `"${value}"` : `${typeof value} ${String(value)}`;
    throw argumentError(
      `packet ${number}: ${name} must be ${wanted}, not ${value === undefined ? 'undefined' : got}`,
    );
  }
}

/** The packets of a program as the replay wants them. */
export class PacketStream implements ArrivalStream {
  readonly inputs: Source[] = [];
  start: bigint | undefined;
  private readonly packets: Iterator<ReplayPacket>;
  private readonly sources = new Map<string, Source>();
  private count = 0;
  private last = 0n;

  constructor(
    packets: Iterable<ReplayPacket>,
    start: bigint | undefined,
    private readonly engine: NativeEngine,
    private readonly layer: 2 | 3,
  ) {
    this.packets = packets[Symbol.iterator]();
    this.start = start;
  }

  next(): Arrival | undefined {
    const { value, done } = this.packets.next();
    if (done) return undefined;
    const packet: ReplayPacket = value;
    checkPacket(packet, this.count);
    this.start ??= packet.time;
    const time = packet.time - this.start;
    if (time < this.last)
      throw netvaleError(
        'EINVAL',
        `packet ${this.count}: its time ${packet.time} is before ${this.last + this.start}: give packets in order of time`,
      );
    const { frame, length = frame.length } = packet;
    if (!(Number.isInteger(length) && length >= frame.length && length < 2 ** 31))
      throw netvaleError(
        'EINVAL',
        `packet ${this.count}: length is ${length}: expected what it had on the wire, at least the ${frame.length} bytes of frame`,
      );
    this.last = time;
    this.count++;
    const input = this.source(packet);
    return { input, side: input.side, time, data: frame, missing: length - frame.length };
  }

  private source({ direction, interface: iface, received = '' }: ReplayPacket): Source {
    const key = `${direction}:${iface}:${received}`;
    let source = this.sources.get(key);
    if (!source) {
      const out = direction === 'out';
      const id = this.engine.rules.interface(iface);
      const from = received === '' ? 0 : this.engine.rules.interface(received);
      source = {
        spec: { name: `${direction}:${iface}`, out, iface },
        iface: id,
        side: { inIf: out ? from : id, outIf: out ? id : 0, out, layer: this.layer, raw: false },
        dropped: 0,
      };
      this.sources.set(key, source);
      this.inputs.push(source);
    }
    return source;
  }
}
