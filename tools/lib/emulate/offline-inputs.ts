// SPDX-License-Identifier: BSD-2-Clause
// offline-inputs.ts: the packets of all input files, merged by time.
import { statSync } from 'node:fs';
import {
  type CapturedPacket,
  CaptureError,
  type CaptureReader,
  LINK_ETHERNET,
  LINK_RAW,
  openCapture,
} from '../../../src/capture/index.js';
import type { Arrival, PacketSource } from '../../../src/emulation/journey.js';
import { netvaleError } from '../../../src/errors.js';
import type { NativeEngine } from '../../../src/rules/index.js';
import type { InputSpec } from './offline-settings.js';

/** LINKTYPE_IPV4 and LINKTYPE_IPV6: like RAW, of one family. */
const RAW_TYPES = new Set([LINK_RAW, 228, 229]);

export interface OfflineInput extends PacketSource {
  spec: InputSpec;
  reader: CaptureReader;
  /** Packets met. */
  packets: number;
  bytes: number;
  /** The next packet, if it has been read. */
  ahead?: CapturedPacket;
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

export class Arrivals {
  readonly inputs: OfflineInput[] = [];
  /** Time of the first packet in its file. */
  start: bigint | undefined;
  /** What is wrong with files, each met at its damage. */
  readonly damage: CaptureError[] = [];
  /** Packets stamped before one that came earlier: they are taken as arriving with it. */
  late = 0;
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
        const side = { inIf: spec.out ? 0 : id, outIf: spec.out ? id : 0, out: spec.out, layer, raw: false };
        this.inputs.push({ spec, reader, side, packets: 0, bytes: 0, dropped: 0 });
      }
      for (const input of this.inputs) this.readAhead(input);
    } catch (error) {
      this.close();
      throw error;
    }
    const sizes = specs.map(({ file }) => statSync(file).size);
    this.totalBytes = sizes.includes(0) ? 0 : sizes.reduce((sum, size) => sum + size, 0);
  }

  /** The link type of an interface's packets, as far as files say. */
  linkType(iface: string): number {
    const all = this.inputs.filter(({ spec }) => spec.iface === iface);
    const known = all.length > 0 ? all : this.inputs;
    return known.every(({ side }) => side.raw) ? LINK_RAW : LINK_ETHERNET;
  }

  private readAhead(input: OfflineInput): void {
    delete input.ahead;
    try {
      const packet = input.reader.next();
      if (packet === undefined) return;
      this.checkLink(input, packet);
      input.ahead = packet;
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      this.damage.push(error);
    }
  }

  private checkLink(input: OfflineInput, packet: CapturedPacket): void {
    const { file } = input.spec;
    const { linkType } = input.reader.interfaces[packet.interface]!;
    const raw = RAW_TYPES.has(linkType);
    if (!raw && linkType !== LINK_ETHERNET)
      throw netvaleError(
        'ENOTSUP',
        `${file}: link type ${linkType} cannot be used: expected Ethernet (1) or raw IP (101)`,
      );
    if (raw && this.layer === 2)
      throw netvaleError('ENOTSUP', `${file}: its packets have no MAC header: use --layer 3`);
    if (input.packets > 0 && raw !== input.side.raw)
      throw netvaleError('ENOTSUP', `${file}: has Ethernet and raw IP packets`);
    input.side.raw = raw;
  }

  /** The next packet by time; of the same time, by the order of the command line. undefined: there are no more. */
  next(): Arrival | undefined {
    let first: OfflineInput | undefined;
    for (const input of this.inputs)
      if (input.ahead && (!first || input.ahead.time < first.ahead!.time)) first = input;
    if (!first) return undefined;
    const packet = first.ahead!;
    first.packets++;
    first.bytes += packet.data.length;
    this.readAhead(first);
    this.start ??= packet.time;
    const time = packet.time - this.start;
    if (time < this.last) this.late++;
    else this.last = time;
    return { input: first, time: this.last, data: packet.data };
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
