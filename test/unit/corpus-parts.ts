// SPDX-License-Identifier: BSD-2-Clause
// corpus-parts.ts: what a generated capture file is made of: dice, numbers of either byte order, packets.
export const SECOND = 1_000_000_000n;

/** A packet as it must be read. */
export interface Expected {
  time: bigint;
  data: Buffer;
  /** On the wire. */
  length: number;
  /** Both with the frame check sequence, where the file announces one. */
  whole: { data: Buffer; length: number };
  linkType: number;
  direction: 'in' | 'out' | undefined;
  comments: string[];
  timeless: boolean;
  /** Its time stamp is finer than Wireshark 4.0 can count in 64 bits: it shows another fraction of the second. */
  fine: boolean;
}

export interface CorpusFile {
  name: string;
  bytes: Buffer;
  packets: Expected[];
  /** Libpcap reads it: one link type and snap length, and nothing it does not know. */
  plain: boolean;
}

export class Dice {
  constructor(private state: number) {}

  /** From 0 to below `sides`. */
  roll(sides: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * sides);
  }

  one<T>(of: readonly T[]): T {
    return of[this.roll(of.length)]!;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.roll(256)));
  }
}

/** Numbers of one byte order behind each other. */
export class Bytes {
  private readonly parts: Buffer[] = [];
  constructor(readonly little: boolean) {}

  private number(size: 2 | 4, value: number): this {
    const part = Buffer.alloc(size);
    if (this.little) part.writeUIntLE(value, 0, size);
    else part.writeUIntBE(value, 0, size);
    this.parts.push(part);
    return this;
  }

  u16(...values: number[]): this {
    for (const value of values) this.number(2, value);
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.number(4, value);
    return this;
  }

  u64(value: bigint): this {
    const part = Buffer.alloc(8);
    if (this.little) part.writeBigUInt64LE(BigInt.asUintN(64, value));
    else part.writeBigUInt64BE(BigInt.asUintN(64, value));
    this.parts.push(part);
    return this;
  }

  data(bytes: Uint8Array): this {
    this.parts.push(Buffer.from(bytes));
    return this;
  }

  padded(bytes: Uint8Array): this {
    return this.data(bytes).data(Buffer.alloc((4 - (bytes.length % 4)) % 4, 0xee));
  }

  get all(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** A packet's bytes for a link type: an Ethernet frame, or what stands for it, with rubbish in it that is short. */
function packetOf(dice: Dice, linkType: number): Buffer {
  const head = {
    1: `0200000000020200000000010800`,
    113: `000000010006020000000001abcd0800`,
    276: `0800000000000001000100060200000000010000`,
  }[linkType];
  return Buffer.concat([
    Buffer.from(head ?? '', 'hex'),
    Buffer.from([0x45]),
    dice.bytes(20 + dice.roll(120)),
  ]);
}

/** A packet, and how many of its bytes are captured. */
export function captured(dice: Dice, linkType: number, snap: number): { whole: Buffer; size: number } {
  const whole = packetOf(dice, linkType);
  return {
    whole,
    size: dice.roll(3) === 0 ? Math.min(dice.roll(whole.length + 1), snap) : Math.min(whole.length, snap),
  };
}

/** Bytes of frame check sequence behind a frame, which are no part of it. */
export const withoutFcs = (data: Buffer, length: number, fcs: number): { data: Buffer; length: number } => ({
  length: Math.max(length - fcs, 0),
  data: data.subarray(0, Math.min(data.length, Math.max(length - fcs, 0))),
});
