// SPDX-License-Identifier: BSD-2-Clause
// encode.ts: the bytes of pcap and pcapng headers and packets, put into a buffer.
import { BLOCK, BYTE_ORDER_MAGIC } from './read-pcapng.js';
import type { ByteOrder, CaptureInterface, CapturePacket, CaptureStatistics, Precision } from './types.js';

const SECOND = 1_000_000_000n;
const padded = (length: number): number => (length + 3) & ~3;

/** An option of a pcapng block. */
export interface EncodedOption {
  code: number;
  bytes: Uint8Array;
}

const encoder = new TextEncoder();
export const textOption = (code: number, text: string): EncodedOption => ({
  code,
  bytes: encoder.encode(text),
});

/** Writes numbers of one byte order behind each other. Room must have been made. */
export class Encoder {
  bytes: Uint8Array;
  private view: DataView;
  at = 0;
  readonly little: boolean;
  /** The flags option of packets that came in and went out. */
  readonly directions: { in: EncodedOption; out: EncodedOption };

  constructor(size: number, order: ByteOrder) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    this.little = order === 'little';
    this.directions = { in: this.numberOption(2, 1n, 4), out: this.numberOption(2, 2n, 4) };
  }

  /** Bytes written so far, and a new buffer of at least `size` for what follows. */
  take(size: number): Uint8Array {
    const out = this.bytes.subarray(0, this.at);
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    this.at = 0;
    return out;
  }

  u16(value: number): void {
    this.view.setUint16(this.at, value, this.little);
    this.at += 2;
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value, this.little);
    this.at += 4;
  }

  u64(value: bigint): void {
    this.view.setBigUint64(this.at, value, this.little);
    this.at += 8;
  }

  data(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Bytes up to a multiple of 4. */
  padded(bytes: Uint8Array): void {
    this.data(bytes);
    this.bytes.fill(0, this.at, this.at + padded(bytes.length) - bytes.length);
    this.at += padded(bytes.length) - bytes.length;
  }

  private optionList(options: readonly EncodedOption[]): void {
    if (options.length === 0) return;
    for (const { code, bytes } of options) {
      this.u16(code);
      this.u16(bytes.length);
      this.padded(bytes);
    }
    this.u32(0);
  }

  /** A pcapng block: `fixed` writes `fixedLength` bytes between the lengths and the options. */
  block(type: number, fixedLength: number, fixed: () => void, options: readonly EncodedOption[]): void {
    const length = blockLength(fixedLength, options);
    this.u32(type);
    this.u32(length);
    fixed();
    this.optionList(options);
    this.u32(length);
  }

  /** The value of an option that is a number. */
  numberOption(code: number, value: bigint, size: 4 | 8): EncodedOption {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    if (size === 4) view.setUint32(0, Number(value), this.little);
    else view.setBigUint64(0, value, this.little);
    return { code, bytes };
  }
}

/** Length of a block with what is fixed in it (a multiple of 4) and options. */
export function blockLength(fixedLength: number, options: readonly EncodedOption[]): number {
  const all = options.reduce((sum, { bytes }) => sum + 4 + padded(bytes.length), 0);
  return 12 + fixedLength + all + (options.length > 0 ? 4 : 0);
}

export function pcapHeader(to: Encoder, precision: Precision, one: CaptureInterface): void {
  to.u32(precision === 'ns' ? 0xa1b23c4d : 0xa1b2c3d4);
  to.u16(2);
  to.u16(4);
  to.u32(0);
  to.u32(0);
  to.u32(one.snapLength);
  to.u32(one.linkType);
}

/** Header of a pcap packet, of whose bytes `captured` follow. */
export function pcapRecord(to: Encoder, precision: Precision, packet: CapturePacket, captured: number): void {
  const seconds = packet.time / SECOND;
  const fraction = Number(packet.time - seconds * SECOND);
  to.u32(Number(seconds));
  to.u32(precision === 'ns' ? fraction : Math.floor(fraction / 1000));
  to.u32(captured);
  to.u32(packet.length ?? packet.data.length);
}

export function sectionBlock(to: Encoder, options: readonly EncodedOption[]): void {
  const fixed = (): void => {
    to.u32(BYTE_ORDER_MAGIC);
    to.u16(1);
    to.u16(0);
    to.u64(0xffffffffffffffffn); // how long the section is: not said
  };
  to.block(BLOCK.section, 16, fixed, options);
}

export function interfaceOptions(one: CaptureInterface): EncodedOption[] {
  return [
    ...(one.name === undefined ? [] : [textOption(2, one.name)]),
    ...(one.description === undefined ? [] : [textOption(3, one.description)]),
    { code: 9, bytes: Uint8Array.of(one.unitsPerSecond === SECOND ? 9 : 6) },
  ];
}

export function interfaceBlock(to: Encoder, one: CaptureInterface, options: readonly EncodedOption[]): void {
  const fixed = (): void => {
    to.u16(one.linkType);
    to.u16(0);
    to.u32(one.snapLength);
  };
  to.block(BLOCK.interface, 8, fixed, options);
}

/** The interface's units since the epoch, in two halves. */
function stamp(to: Encoder, time: bigint, one: CaptureInterface): void {
  const units = one.unitsPerSecond === SECOND ? time : time / (SECOND / one.unitsPerSecond);
  to.u32(Number(units >> 32n));
  to.u32(Number(units & 0xffffffffn));
}

export function packetOptions(to: Encoder, packet: CapturePacket): EncodedOption[] {
  const options: EncodedOption[] = [];
  if (packet.direction !== undefined) options.push(to.directions[packet.direction]);
  if (packet.drops !== undefined) options.push(to.numberOption(4, BigInt(packet.drops), 8));
  const comments = packet.comments ?? (packet.comment === undefined ? [] : [packet.comment]);
  for (const comment of comments) options.push(textOption(1, comment));
  return options;
}

export function packetBlock(
  to: Encoder,
  packet: CapturePacket,
  data: Uint8Array,
  one: CaptureInterface,
  options: readonly EncodedOption[],
): void {
  const fixed = (): void => {
    to.u32(packet.interface ?? 0);
    stamp(to, packet.time, one);
    to.u32(data.length);
    to.u32(packet.length ?? packet.data.length);
    to.padded(data);
  };
  to.block(BLOCK.packet, 20 + padded(data.length), fixed, options);
}

export function statisticsOptions(to: Encoder, statistics: CaptureStatistics): EncodedOption[] {
  const numbers = { received: 4, dropped: 5, accepted: 6, systemDropped: 7, delivered: 8 } as const;
  const options = Object.entries(numbers).flatMap(([name, code]) => {
    const value = statistics[name as keyof typeof numbers];
    return value === undefined ? [] : [to.numberOption(code, value, 8)];
  });
  if (statistics.comment !== undefined) options.push(textOption(1, statistics.comment));
  return options;
}

export function statisticsBlock(
  to: Encoder,
  index: number,
  time: bigint,
  one: CaptureInterface,
  options: readonly EncodedOption[],
): void {
  const fixed = (): void => {
    to.u32(index);
    stamp(to, time, one);
  };
  to.block(BLOCK.statistics, 12, fixed, options);
}
