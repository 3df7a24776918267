// SPDX-License-Identifier: BSD-2-Clause
// read-pcapng.ts: packets of a pcapng file: sections of either byte order, several interfaces, each with a resolution
// of its own. Blocks that mean nothing to a reader of packets are left out.
import { fcsOfFlags, fcsOfOption, withoutFcs } from './fcs.js';
import { optionText, readOptions } from './read-options.js';
import type { ByteSource } from './source.js';
import { type CapturedPacket, type CaptureInterface, type CaptureStatistics, MAX_PACKET } from './types.js';

export const BLOCK = {
  section: 0x0a0d0d0a,
  interface: 1,
  old: 2,
  simple: 3,
  statistics: 5,
  packet: 6,
} as const;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** A block of a known kind may not be larger: a packet and its options. */
const MAX_BLOCK = 1 << 24;
const SECOND = 1_000_000_000n;

/**
 * How the time stamps of an interface become nanoseconds: (stamp * multiply) / divide + offset; and the bytes of frame check
 * sequence behind its frames.
 */
interface Clock {
  multiply: bigint;
  divide: bigint;
  offset: bigint;
  fcs: number;
}

/** if_tsresol: a power of ten, or with the highest bit of two. */
function unitsOf(resolution: number): bigint {
  return resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
}

function addComment(packet: CapturedPacket, text: string): void {
  if (packet.comment === undefined) packet.comment = text;
  else packet.comments = [...(packet.comments ?? [packet.comment]), text];
}

export class PcapngReader {
  readonly interfaces: CaptureInterface[];
  readonly statistics: Map<number, CaptureStatistics>;
  private readonly source: ByteSource;
  private readonly clocks: Clock[] = [];
  private little = true;
  /** Index of the section's first interface. */
  private first = 0;

  constructor(
    source: ByteSource,
    interfaces: CaptureInterface[],
    statistics: Map<number, CaptureStatistics>,
  ) {
    this.source = source;
    this.interfaces = interfaces;
    this.statistics = statistics;
  }

  *packets(): Generator<CapturedPacket> {
    const { source } = this;
    while (source.have(1) > 0) {
      source.need(12, 'a block');
      const section = source.view.getUint32(source.at, true) === BLOCK.section;
      if (section) this.byteOrder();
      const type = source.view.getUint32(source.at, this.little);
      const length = source.view.getUint32(source.at + 4, this.little);
      if (length % 4 !== 0 || length < 12)
        throw source.wrong(4, `a block of ${length} bytes`, 'a multiple of 4, at least 12');
      if (!Object.values<number>(BLOCK).includes(type)) {
        source.skip(length, `a block of type ${type}`);
        continue;
      }
      if (length > MAX_BLOCK) throw source.wrong(4, `a block of ${length} bytes`, `at most ${MAX_BLOCK}`);
      source.need(length, 'a block');
      const again = source.view.getUint32(source.at + length - 4, this.little);
      if (again !== length)
        throw source.wrong(
          length - 4,
          `a block of ${length} bytes that ends with ${again}`,
          'the same twice',
        );
      const packet = this.block(type, length);
      if (packet) yield packet;
      source.at += length;
    }
  }

  private byteOrder(): void {
    const magic = this.source.view.getUint32(this.source.at + 8, true);
    if (magic !== BYTE_ORDER_MAGIC && magic !== 0x4d3c2b1a)
      throw this.source.wrong(8, `the byte order mark ${magic.toString(16)}`, BYTE_ORDER_MAGIC.toString(16));
    this.little = magic === BYTE_ORDER_MAGIC;
  }

  private word(ahead: number): number {
    return this.source.view.getUint32(this.source.at + ahead, this.little);
  }

  private half(ahead: number): number {
    return this.source.view.getUint16(this.source.at + ahead, this.little);
  }

  /** A block has room for what it must have. */
  private atLeast(length: number, least: number, what: string): void {
    if (length < least) throw this.source.wrong(4, `${what} of ${length} bytes`, `at least ${least}`);
  }

  private block(type: number, length: number): CapturedPacket | undefined {
    switch (type) {
      case BLOCK.section: {
        this.atLeast(length, 28, 'a section header');
        const major = this.half(12);
        if (major !== 1) throw this.source.wrong(12, `major version ${major}`, 'major version 1');
        this.first = this.interfaces.length;
        return undefined;
      }
      case BLOCK.interface:
        this.atLeast(length, 20, 'an interface');
        this.addInterface(length);
        return undefined;
      case BLOCK.statistics:
        this.atLeast(length, 24, 'interface statistics');
        this.addStatistics(length);
        return undefined;
      case BLOCK.simple:
        this.atLeast(length, 16, 'a simple packet');
        return this.simple(length);
      default:
        this.atLeast(length, 32, 'a packet');
        return this.packet(type, length);
    }
  }

  private addInterface(length: number): void {
    const { source, little } = this;
    const snapLength = this.word(12);
    const one: CaptureInterface = {
      linkType: this.half(8),
      snapLength: snapLength === 0 ? MAX_PACKET : snapLength,
      unitsPerSecond: 1_000_000n,
    };
    let offset = 0n;
    let fcs = 0;
    readOptions(source, 16, length - 4, little, (code, start, size) => {
      if (code === 2) one.name = optionText(source, start, size);
      else if (code === 3) one.description = optionText(source, start, size);
      else if (code === 9 && size === 1) one.unitsPerSecond = unitsOf(source.view.getUint8(start));
      else if (code === 13 && size === 1) fcs = fcsOfOption(source.view.getUint8(start));
      else if (code === 14 && size === 8) offset = source.view.getBigInt64(start, little) * SECOND;
    });
    this.interfaces.push(one);
    const whole = SECOND % one.unitsPerSecond === 0n;
    this.clocks.push({
      multiply: whole ? SECOND / one.unitsPerSecond : SECOND,
      divide: whole ? 1n : one.unitsPerSecond,
      offset,
      fcs,
    });
  }

  /** Index of the interface a block names `ahead`. */
  private interfaceOf(id: number, ahead: number): number {
    const index = this.first + id;
    if (index >= this.interfaces.length)
      throw this.source.wrong(
        ahead,
        `a packet of interface ${id}`,
        this.first === this.interfaces.length
          ? 'an interface description before it'
          : `one of 0 to ${this.interfaces.length - this.first - 1}`,
      );
    return index;
  }

  private time(index: number, high: number, low: number): bigint {
    const { multiply, divide, offset } = this.clocks[index]!;
    const scaled = ((BigInt(high) << 32n) | BigInt(low)) * multiply;
    return (divide === 1n ? scaled : scaled / divide) + offset;
  }

  private addStatistics(length: number): void {
    const { source, little } = this;
    const index = this.interfaceOf(this.word(8), 8);
    const found: CaptureStatistics = {};
    const names = { 4: 'received', 5: 'dropped', 6: 'accepted', 7: 'systemDropped', 8: 'delivered' } as const;
    readOptions(source, 20, length - 4, little, (code, start, size) => {
      const name = names[code as keyof typeof names];
      if (name && size === 8) found[name] = source.view.getBigUint64(start, little);
      else if (code === 1) found.comment = optionText(source, start, size);
    });
    this.statistics.set(index, found);
  }

  /** Has no time. */
  private simple(length: number): CapturedPacket {
    const index = this.interfaceOf(0, 0);
    const wire = this.word(8);
    const captured = Math.min(wire, this.interfaces[index]!.snapLength);
    if (captured > length - 16)
      throw this.source.wrong(8, `a packet of ${captured} bytes`, `at most ${length - 16}`);
    const start = this.source.at + 12;
    const data = this.source.chunk.subarray(start, start + captured);
    const packet = { time: 0n, timeless: true, data, length: wire, interface: index };
    return withoutFcs(packet, this.clocks[index]!.fcs);
  }

  private packet(type: number, length: number): CapturedPacket {
    const { source, little } = this;
    const old = type === BLOCK.old;
    const index = this.interfaceOf(old ? this.half(8) : this.word(8), 8);
    const captured = this.word(20);
    const wire = this.word(24);
    if (captured > length - 32)
      throw source.wrong(20, `a packet of ${captured} bytes`, `at most ${length - 32}`);
    const start = source.at + 28;
    const packet: CapturedPacket = {
      time: this.time(index, this.word(12), this.word(16)),
      data: source.chunk.subarray(start, start + captured),
      length: wire,
      interface: index,
    };
    if (old && this.half(10) !== 0xffff) packet.drops = this.half(10);
    let { fcs } = this.clocks[index]!;
    const options = 28 + ((captured + 3) & ~3);
    if (options < length - 4) {
      readOptions(source, options, length - 4, little, (code, at, size) => {
        if (code === 1) addComment(packet, optionText(source, at, size));
        else if (code === 2 && size === 4) {
          const flags = source.view.getUint32(at, little);
          const direction = flags & 3;
          fcs = fcsOfFlags(flags) || fcs;
          if (direction === 1 || direction === 2) packet.direction = direction === 1 ? 'in' : 'out';
        } else if (code === 4 && size === 8) packet.drops = Number(source.view.getBigUint64(at, little));
      });
    }
    return withoutFcs(packet, fcs);
  }
}
