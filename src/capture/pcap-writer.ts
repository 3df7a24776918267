// SPDX-License-Identifier: BSD-2-Clause
// pcap-writer.ts: writes pcap and pcapng, to a file or any Writable. Needs nothing native.
import { createWriteStream, openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { argumentError, type NetvaleError, netvaleError } from '../errors.js';
import { checkOptions, type OptionNames } from '../options.js';
import {
  blockLength,
  type EncodedOption,
  Encoder,
  interfaceBlock,
  interfaceOptions,
  packetBlock,
  packetOptions,
  pcapHeader,
  pcapRecord,
  sectionBlock,
  statisticsBlock,
  statisticsOptions,
  textOption,
} from './encode.js';
import {
  type ByteOrder,
  type CaptureFormat,
  type CaptureInterface,
  type CapturePacket,
  type CaptureStatistics,
  LINK_ETHERNET,
  MAX_PACKET,
  type Precision,
} from './types.js';

/** Codes of what a writer throws; errors of the file or stream keep theirs (ENOSPC, EPIPE, …). */
export type PcapWriterErrorCode = 'EINVAL' | 'ERANGE' | 'ENOTSUP' | 'ECLOSED';

const writerError = (code: PcapWriterErrorCode, message: string): NetvaleError => netvaleError(code, message);

/** An error of a file, in one line that names it. */
export function fileError(file: string, error: NodeJS.ErrnoException): Error {
  const [, problem = error.message] = /^[A-Z0-9]+: (.*?), \w+(?: '.*')?$/s.exec(error.message) ?? [];
  return Object.assign(new Error(`cannot write ${file}: ${problem}`), { code: error.code, cause: error });
}

export type InterfaceOptions = Partial<Omit<CaptureInterface, 'unitsPerSecond'>>;

export interface PcapWriterOptions extends InterfaceOptions {
  /** Default: of a file whose name ends with .pcapng that, otherwise pcap. */
  format?: CaptureFormat;
  /** Default: pcap microseconds, pcapng nanoseconds. */
  precision?: Precision;
  /** Default: little. */
  byteOrder?: ByteOrder;
  /** pcapng: the interfaces; default: one, of the options above. More can be added later. */
  interfaces?: readonly InterfaceOptions[];
  /** pcapng: about the whole file. */
  comment?: string;
  application?: string;
}

const OF_INTERFACE: OptionNames<InterfaceOptions> = {
  name: true,
  description: true,
  linkType: true,
  snapLength: true,
};
const OPTIONS: OptionNames<PcapWriterOptions> = {
  ...OF_INTERFACE,
  format: true,
  precision: true,
  byteOrder: true,
  interfaces: true,
  comment: true,
  application: true,
};

/** Bytes gathered before they are handed to the stream. */
const GATHER = 1 << 16;
const LAST_SECOND = 2n ** 32n;
const LAST_UNIT = 2n ** 64n;

export class PcapWriter {
  readonly format: CaptureFormat;
  readonly precision: Precision;
  readonly interfaces: CaptureInterface[] = [];
  /** Packets written. */
  packets = 0;
  private readonly to: Writable;
  private readonly encoder: Encoder;
  private failure: Error | undefined;
  private closed = false;
  private full = false;
  /** Called when the stream drains, fails or closes. */
  private readonly waiting: (() => void)[] = [];
  private readonly named: (error: Error) => Error;

  /** Throws EINVAL or ENOTSUP when the options do not go together. `file`: what it is called in errors of the stream. */
  constructor(to: Writable, options: PcapWriterOptions = {}, file?: string) {
    checkOptions('options', options, OPTIONS);
    this.to = to;
    this.named = (error) => (file === undefined ? error : fileError(file, error));
    this.format = options.format ?? 'pcap';
    this.precision = options.precision ?? (this.format === 'pcap' ? 'us' : 'ns');
    this.encoder = new Encoder(GATHER, options.byteOrder ?? 'little');
    const settle = (change: () => void) => (): void => {
      change();
      for (const go of this.waiting.splice(0)) go();
    };
    to.on('error', (error) => settle(() => (this.failure ??= this.named(error)))());
    to.on(
      'drain',
      settle(() => (this.full = false)),
    );
    to.on(
      'close',
      settle(() => {
        if (!this.closed) this.failure ??= writerError('ECLOSED', 'the stream was closed');
      }),
    );
    const all = options.interfaces ?? [options];
    if (this.format === 'pcapng') {
      const about: EncodedOption[] = [];
      if (options.comment !== undefined) about.push(this.text(1, options.comment));
      if (options.application !== undefined) about.push(this.text(4, options.application));
      this.room(blockLength(16, about));
      sectionBlock(this.encoder, about);
      for (const one of all) this.addInterface(one);
      return;
    }
    if (all.length !== 1)
      throw writerError('ENOTSUP', `a pcap file has one interface, not ${all.length}: use pcapng`);
    if (options.comment !== undefined || options.application !== undefined)
      throw writerError('ENOTSUP', 'a pcap file has no room for comments: use pcapng');
    this.interfaces.push(this.interfaceOf(all[0]!));
    pcapHeader(this.encoder, this.precision, this.interfaces[0]!);
  }

  /**
   * Write to a file, which is made or emptied. Throws when it cannot be opened; a later error of the file is thrown by what
   * is called after it.
   */
  static create(file: string, options: PcapWriterOptions = {}): PcapWriter {
    checkOptions('options', options, OPTIONS); // before the file is emptied
    const format = options.format ?? (file.endsWith('.pcapng') ? 'pcapng' : 'pcap');
    let fd: number;
    try {
      fd = openSync(file, 'w');
    } catch (error) {
      throw fileError(file, error as NodeJS.ErrnoException);
    }
    const stream = createWriteStream(file, { fd, highWaterMark: 4 * GATHER });
    try {
      return new PcapWriter(stream, { ...options, format }, file);
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  private interfaceOf({ linkType = LINK_ETHERNET, snapLength = MAX_PACKET, ...names }: InterfaceOptions) {
    const whole = (value: number, low: number, high: number): boolean =>
      Number.isInteger(value) && value >= low && value <= high;
    if (!whole(linkType, 0, 0xffff))
      throw writerError('EINVAL', `link type ${linkType}: expected a whole number from 0 to 65535`);
    if (!whole(snapLength, 1, MAX_PACKET))
      throw writerError(
        'EINVAL',
        `snap length ${snapLength}: expected a whole number from 1 to ${MAX_PACKET}`,
      );
    const { name, description } = names;
    return {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      linkType,
      snapLength,
      unitsPerSecond: this.precision === 'ns' ? 1_000_000_000n : 1_000_000n,
    };
  }

  private text(code: number, text: string): EncodedOption {
    const option = textOption(code, text);
    if (option.bytes.length > 0xffff)
      throw writerError(
        'ERANGE',
        `a comment or name of ${option.bytes.length} bytes: expected at most 65535`,
      );
    return option;
  }

  /** Add an interface to a pcapng file; its index. */
  addInterface(options: InterfaceOptions = {}): number {
    this.usable();
    if (this.format !== 'pcapng') throw writerError('ENOTSUP', 'a pcap file has one interface: use pcapng');
    const one = this.interfaceOf(options);
    for (const [code, text] of [
      [2, one.name],
      [3, one.description],
    ] as const)
      if (text !== undefined) this.text(code, text);
    const about = interfaceOptions(one);
    this.room(blockLength(8, about));
    interfaceBlock(this.encoder, one, about);
    this.interfaces.push(one);
    return this.interfaces.length - 1;
  }

  /** Throws a TypeError that names the packet, from 0, and its member. */
  private checkTypes({ time, data, length }: CapturePacket): void {
    const wrong = (name: string, wanted: string, value: unknown): TypeError =>
      argumentError(`packet ${this.packets}: ${name} must be ${wanted}, not ${typeof value}`);
    if (typeof time !== 'bigint') throw wrong('time', 'a bigint of nanoseconds', time);
    if (!(data instanceof Uint8Array)) throw wrong('data', 'a Uint8Array', data);
    if (length !== undefined && typeof length !== 'number') throw wrong('length', 'a number', length);
  }

  /**
   * Write a packet. Its bytes are copied. False: the stream has enough for now, wait for `drain()` before going on
   * (what is written nevertheless is kept in memory, not lost).
   */
  write(packet: CapturePacket): boolean {
    this.usable();
    if (typeof packet !== 'object' || packet === null)
      throw argumentError(`packet ${this.packets} must be an object`);
    const one = this.interfaces[packet.interface ?? 0];
    if (!one)
      throw writerError(
        'EINVAL',
        `there is no interface ${packet.interface ?? 0}: expected one of 0 to ${this.interfaces.length - 1}`,
      );
    this.checkTypes(packet);
    const { data, length = data.length } = packet;
    if (!(length >= data.length && length < 2 ** 32))
      throw writerError('EINVAL', `a packet of ${length} bytes of which ${data.length} are given`);
    const captured = data.length > one.snapLength ? data.subarray(0, one.snapLength) : data;
    this.checkTime(packet.time, one);
    if (this.format === 'pcap') {
      if (
        packet.comment !== undefined ||
        packet.comments !== undefined ||
        packet.direction !== undefined ||
        packet.drops !== undefined
      )
        throw writerError('ENOTSUP', 'pcap has no comments, directions and drop counts: use pcapng');
      this.room(16 + captured.length);
      pcapRecord(this.encoder, this.precision, packet, captured.length);
      this.encoder.data(captured);
    } else {
      for (const comment of packet.comments ?? [packet.comment ?? '']) this.text(1, comment);
      const options = packetOptions(this.encoder, packet);
      this.room(blockLength(20 + ((captured.length + 3) & ~3), options));
      packetBlock(this.encoder, packet, captured, one, options);
    }
    this.packets++;
    return !this.full;
  }

  /** Tell how many packets an interface of a pcapng file received and lost, at a time in nanoseconds. */
  statistics(index: number, time: bigint, statistics: CaptureStatistics): void {
    this.usable();
    if (this.format !== 'pcapng') throw writerError('ENOTSUP', 'a pcap file has no statistics: use pcapng');
    const one = this.interfaces[index];
    if (!one) throw writerError('EINVAL', `there is no interface ${index}`);
    this.checkTime(time, one);
    if (statistics.comment !== undefined) this.text(1, statistics.comment);
    const options = statisticsOptions(this.encoder, statistics);
    this.room(blockLength(12, options));
    statisticsBlock(this.encoder, index, time, one, options);
  }

  private checkTime(time: bigint, one: CaptureInterface): void {
    const seconds = time / 1_000_000_000n;
    const fits =
      this.format === 'pcap'
        ? seconds < LAST_SECOND
        : (time * one.unitsPerSecond) / 1_000_000_000n < LAST_UNIT;
    if (time < 0n || !fits)
      throw writerError('ERANGE', `time ${time} ns does not fit into a ${this.format} file`);
  }

  private usable(): void {
    if (this.failure) throw this.failure;
    if (this.closed) throw writerError('ECLOSED', 'the capture file is closed');
  }

  private room(bytes: number): void {
    if (this.encoder.at + bytes <= this.encoder.bytes.length) return;
    this.flush(bytes);
  }

  private flush(next: number): void {
    const { encoder } = this;
    if (encoder.at === 0 && next <= encoder.bytes.length) return;
    const bytes = encoder.take(Math.max(GATHER, next));
    if (bytes.length > 0 && !this.to.write(bytes)) this.full = true;
  }

  /** Hand everything to the stream, and wait until it takes more. Rejects with the stream's error. */
  async drain(): Promise<void> {
    this.usable();
    this.flush(0);
    while (this.full && !this.failure) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.failure) throw this.failure;
  }

  /** Write what is left and end the stream; resolves when it is all out. May be called again. */
  async close(): Promise<void> {
    if (this.failure) throw this.failure;
    if (this.closed) return;
    this.flush(0);
    this.closed = true;
    await new Promise<void>((resolve, reject) => {
      this.to.end((error?: Error | null) => (error ? reject(this.failure ?? this.named(error)) : resolve()));
    });
  }
}
