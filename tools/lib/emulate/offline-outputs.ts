// SPDX-License-Identifier: BSD-2-Clause
// offline-outputs.ts: the capture files that `emulate --offline` writes: what passed by an interface, and what was logged.
import { createWriteStream, openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { linkName } from '../../../src/capture/link-types.js';
import { fileError } from '../../../src/capture/pcap-writer.js';
import { netvaleError } from '../../../src/errors.js';
import { type CapturePacket, type Direction, PcapWriter, type Precision } from '../../../src/index.js';
import { isPcapng, type OutputSpec } from './offline-settings.js';

/** A packet to be written. */
export interface WrittenPacket extends Pick<CapturePacket, 'time' | 'data' | 'length' | 'comments'> {
  linkType: number;
  direction: Direction;
  /** Which packet it is, for messages: "packet 3 of in:em0". */
  what: string;
}

/** Bytes that a file may be behind before it is waited for. */
const BEHIND = 1 << 18;

/** Open a file to be written now, so that one that cannot be is told before packets flow. Throws a NetvaleError. */
function openFile(file: string): Writable {
  try {
    return createWriteStream(file, { fd: openSync(file, 'w'), highWaterMark: BEHIND });
  } catch (error) {
    throw fileError(file, error as Error);
  }
}

/** A capture file with an interface for each name and link type it has packets of. */
class OutputFile {
  readonly writer: PcapWriter;
  private readonly indices = new Map<string, number>();
  private behind = false;

  constructor(
    private readonly file: string,
    interfaces: readonly { name: string; linkType: number }[],
    precision: Precision,
  ) {
    const named = isPcapng(file);
    this.writer = new PcapWriter(
      openFile(file),
      {
        format: named ? 'pcapng' : 'pcap',
        interfaces: interfaces.map(({ name, linkType }) => ({ ...(named && { name }), linkType })),
        ...(!named && { precision }),
      },
      file,
    );
    for (const [index, { name, linkType }] of interfaces.entries())
      this.indices.set(`${linkType} ${name}`, index);
  }

  /** The interface of packets with this name and link type. Throws when the file cannot hold them. */
  private index(name: string, { linkType, what }: WrittenPacket): number {
    const key = `${linkType} ${name}`;
    let index = this.indices.get(key);
    if (index !== undefined) return index;
    if (this.writer.format === 'pcap')
      throw netvaleError(
        'ENOTSUP',
        `${this.file}: ${what} is of link type ${linkName(linkType)}, those before it of ${linkName(this.writer.interfaces[0]!.linkType)}: a pcap file holds one: give it a name that ends with .pcapng`,
      );
    index = this.writer.addInterface({ name, linkType });
    this.indices.set(key, index);
    return index;
  }

  write(name: string, packet: WrittenPacket): void {
    const { time, data, length, direction, comments, what } = packet;
    const index = this.index(name, packet);
    const about = this.writer.format === 'pcapng' ? { direction, ...(comments && { comments }) } : {};
    try {
      const room = this.writer.write({ time, data, length: length!, interface: index, ...about });
      if (!room) this.behind = true;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ERANGE') throw error;
      const why = time < 0n ? 'before 1970: ' : '';
      throw netvaleError(code, `${this.file}: ${what}: ${why}${message}`);
    }
  }

  statistics(name: string, time: bigint, count: { received: number; dropped: number }): void {
    if (this.writer.format === 'pcap' || time < 0n) return;
    const index = [...this.indices].find(([key]) => key.endsWith(` ${name}`))![1];
    const { received, dropped } = count;
    this.writer.statistics(index, time, { received: BigInt(received), dropped: BigInt(dropped) });
  }

  /** Wait for a file that has enough for now. Rejects with the file's error. */
  async drain(): Promise<void> {
    if (!this.behind) return;
    this.behind = false;
    await this.writer.drain();
  }
}

/** Packets by interface; those of an interface without a file are not kept. */
export class Outputs {
  private readonly byName = new Map<string, OutputFile>();
  private readonly files: OutputFile[] = [];

  /** `precision`: of pcap files; those of pcapng have nanoseconds. */
  constructor(specs: readonly OutputSpec[], linkType: (iface: string) => number, precision: Precision) {
    for (const file of new Set(specs.map((spec) => spec.file))) {
      const names = specs.filter((spec) => spec.file === file).map(({ iface }) => iface);
      const output = new OutputFile(
        file,
        names.map((name) => ({ name, linkType: linkType(name) })),
        precision,
      );
      this.files.push(output);
      for (const name of names) this.byName.set(name, output);
    }
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** `direction`: out leaves by the interface, in goes on to the host. Throws what the file cannot hold. */
  write(name: string, packet: WrittenPacket): void {
    this.byName.get(name)?.write(name, packet);
  }

  async drain(): Promise<void> {
    for (const file of this.files) await file.drain();
  }

  /** Write the interfaces' counts and close all. Rejects with the first error of a file. */
  async close(
    time: bigint,
    counts: ReadonlyMap<string, { received: number; dropped: number }>,
  ): Promise<void> {
    const failures: unknown[] = [];
    for (const file of this.files) {
      try {
        for (const [name, own] of this.byName) {
          const count = counts.get(name);
          if (own === file && count) file.statistics(name, time, count);
        }
      } catch (error) {
        failures.push(error);
      }
      await file.writer.close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Packets that rules with `log` matched, each with a comment that names the rule. */
export class LogFile {
  private readonly file: OutputFile;

  constructor(file: string) {
    this.file = new OutputFile(file, [], 'ns');
  }

  write(name: string, packet: WrittenPacket): void {
    this.file.write(name, packet);
  }

  drain(): Promise<void> {
    return this.file.drain();
  }

  close(): Promise<void> {
    return this.file.writer.close();
  }
}
