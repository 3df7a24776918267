// SPDX-License-Identifier: BSD-2-Clause
// offline-inputs.ts: the packets of all input files, merged by time.
import { statSync } from 'node:fs';
import {
  type CapturedPacket,
  CaptureError,
  type CaptureReader,
  openCapture,
} from '../../../src/capture/index.js';
import { headOf, LINKS_TAKEN, linkName, linkOf } from '../../../src/capture/link-types.js';
import { LINK_ETHERNET } from '../../../src/capture/types.js';
import type { Arrival, PacketNote, PacketSource } from '../../../src/emulation/journey.js';
import { netvaleError } from '../../../src/errors.js';
import type { NativeEngine } from '../../../src/rules/index.js';
import type { PacketSide } from '../../../src/rules/packet-batch.js';
import type { InputSpec } from './offline-settings.js';
import { timed } from './offline-times.js';

export interface OfflineInput extends PacketSource {
  spec: InputSpec;
  reader: CaptureReader;
  /** How the rules see frames with a MAC header, and packets without one. */
  sides: { frame: PacketSide; raw: PacketSide };
  /** The reader's next packet, with a time; undefined at the end. */
  read: () => CapturedPacket | undefined;
  /** Packets met, and what went with the last. */
  packets: number;
  last: PacketNote | undefined;
  /** The next packet, if it has been read; bytes before its IP header that are no MAC header; its link type. */
  ahead: CapturedPacket | undefined;
  head: number;
  linkType: number;
}

/** One clear line for a file that cannot be opened. */
function openInput(file: string): CaptureReader {
  try {
    return openCapture(file);
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException;
    if (error instanceof CaptureError) throw error;
    throw netvaleError(code, `cannot read ${file}: ${code === 'ENOENT' ? 'no such file' : message}`);
  }
}

const NOTHING = new Uint8Array(0);
/** Notes of packets of which there is nothing to say but their link type. */
const plainNotes = new Map<number, PacketNote>();

function plainNote(linkType: number): PacketNote {
  let note = plainNotes.get(linkType);
  if (!note) {
    note = { linkType, head: NOTHING };
    plainNotes.set(linkType, note);
  }
  return note;
}

export class Arrivals {
  readonly inputs: OfflineInput[] = [];
  /** Time of the first packet in its file. */
  start: bigint | undefined;
  /** What is wrong with files, each met at its damage. */
  readonly damage: CaptureError[] = [];
  /** Packets stamped before one that came earlier: they are taken as arriving with it. */
  late = 0;
  /** Packets without a time stamp. */
  timeless = 0;
  /** Size of all files, 0 when one has none (a pipe). */
  readonly totalBytes: number;
  private last = 0n;
  private readonly layer: 2 | 3;

  /** Opens all files. Throws an error with a code, or a CaptureError; nothing is left open then. */
  constructor(specs: readonly InputSpec[], engine: NativeEngine, layer: 2 | 3) {
    this.layer = layer;
    try {
      for (const spec of specs) {
        const reader = openInput(spec.file);
        const id = engine.rules.interface(spec.iface);
        const frame = { inIf: spec.out ? 0 : id, outIf: spec.out ? id : 0, out: spec.out, layer, raw: false };
        const sides = { frame, raw: { ...frame, raw: true } };
        this.inputs.push({
          ...{ spec, reader, sides, read: timed(reader), iface: id, packets: 0, dropped: 0 },
          ...{ last: undefined, ahead: undefined, head: 0, linkType: LINK_ETHERNET },
        });
      }
      for (const input of this.inputs) this.readAhead(input);
      // Of a file of which nothing can be used there is nothing to pass and nothing to write.
      const useless = this.damage.find(({ code }) => code === 'ENOTSUP');
      if (useless) throw useless;
    } catch (error) {
      this.close();
      throw error;
    }
    const sizes = specs.map(({ file }) => statSync(file).size);
    this.totalBytes = sizes.includes(0) ? 0 : sizes.reduce((sum, size) => sum + size, 0);
  }

  /** The link type of an interface's first packets. */
  linkType(iface: string): number {
    const known = this.inputs.filter(({ ahead }) => ahead);
    const own = known.find(({ spec }) => spec.iface === iface) ?? known[0];
    return own?.linkType ?? LINK_ETHERNET;
  }

  /** What goes with a packet by an interface that no other one caused: as with the last that came by it. */
  lastNote(iface: string): PacketNote {
    const own = this.inputs.find(({ spec }) => spec.iface === iface);
    return own?.last ?? plainNote(LINK_ETHERNET);
  }

  /** Time stamps a second of the finest interface that files name before their first packet. */
  get unitsPerSecond(): number {
    const all = this.inputs.flatMap(({ reader }) => reader.interfaces);
    return all.reduce((most, { unitsPerSecond }) => Math.max(most, Number(unitsPerSecond)), 0);
  }

  /** Packets that say they were shorter on the wire than what is captured of them. */
  get overlong(): number {
    return this.inputs.reduce((sum, { reader }) => sum + reader.overlong, 0);
  }

  private readAhead(input: OfflineInput): void {
    input.ahead = undefined;
    try {
      const packet = input.read();
      if (packet === undefined) return;
      const type = input.reader.interfaces[packet.interface]!.linkType;
      input.head = this.headOf(input, packet, type);
      input.linkType = linkOf(type);
      input.ahead = packet;
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      this.damage.push(error);
    }
  }

  /** Bytes before the packet's IP header that are no MAC header. Throws a CaptureError when it cannot be used. */
  private headOf({ spec, reader }: OfflineInput, { data }: CapturedPacket, type: number): number {
    if (type === LINK_ETHERNET) return 0;
    const head = headOf(type, data);
    const wrong = (problem: string, expected: string): CaptureError =>
      new CaptureError('ENOTSUP', spec.file, reader.offset, problem, expected);
    if (head === undefined)
      throw wrong(
        `a packet of link type ${linkName(type)}, which cannot be used`,
        `${LINKS_TAKEN}; editcap -T turns some into others`,
      );
    if (this.layer === 2)
      throw wrong(
        `a packet of link type ${linkName(type)}: it has no MAC header`,
        'Ethernet (1), or use --layer 3',
      );
    return head;
  }

  /** The next packet by time; of the same time, by the order of the command line. undefined: there are no more. */
  next(): Arrival | undefined {
    let first: OfflineInput | undefined;
    for (const input of this.inputs)
      if (input.ahead && (!first || input.ahead.time < first.ahead!.time)) first = input;
    if (!first) return undefined;
    const { ahead, head, linkType } = first;
    const packet = ahead!;
    first.packets++;
    this.readAhead(first);
    this.start ??= packet.time;
    const time = packet.time - this.start;
    if (packet.timeless) this.timeless++;
    else if (time < this.last) this.late++;
    if (time > this.last) this.last = time;
    const side = linkType === LINK_ETHERNET ? first.sides.frame : first.sides.raw;
    const data = head === 0 ? packet.data : packet.data.subarray(head);
    const missing = packet.length - packet.data.length;
    first.last = noteOf(packet, head, linkType);
    return { input: first, side, time: this.last, data, missing, note: first.last };
  }

  /** Bytes of the files read so far. */
  get bytesRead(): number {
    return this.inputs.reduce((sum, { reader }) => sum + reader.offset, 0);
  }

  /** Packets received and lost, by interface. */
  counts(): Map<string, { received: number; dropped: number }> {
    const counts = new Map<string, { received: number; dropped: number }>();
    for (const { spec, packets, dropped } of this.inputs) {
      const count = counts.get(spec.iface) ?? { received: 0, dropped: 0 };
      counts.set(spec.iface, { received: count.received + packets, dropped: count.dropped + dropped });
    }
    return counts;
  }

  close(): void {
    for (const { reader } of this.inputs) reader.close();
  }
}

/** What goes along with a packet; of its own memory, which is small. */
function noteOf({ data, comment, comments }: CapturedPacket, head: number, linkType: number): PacketNote {
  if (head === 0 && comment === undefined) return plainNote(linkType);
  const all = comments ?? (comment === undefined ? undefined : [comment]);
  return { linkType, head: head === 0 ? NOTHING : data.slice(0, head), ...(all && { comments: all }) };
}
