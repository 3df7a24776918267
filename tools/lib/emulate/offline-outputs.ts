// SPDX-License-Identifier: BSD-2-Clause
// offline-outputs.ts: the capture files that `emulate --offline` writes: what passed by an interface, and what was logged.
import { type Direction, PcapWriter } from '../../../src/index.js';
import { isPcapng, type OutputSpec } from './offline-settings.js';

interface Output {
  writer: PcapWriter;
  index: number;
}

/** Packets by interface; those of an interface without a file are not kept. */
export class Outputs {
  private readonly byName = new Map<string, Output>();
  private readonly writers = new Map<string, PcapWriter>();
  private behind = false;

  constructor(specs: readonly OutputSpec[], linkType: (iface: string) => number) {
    for (const file of new Set(specs.map((spec) => spec.file))) {
      const names = specs.filter((spec) => spec.file === file).map(({ iface }) => iface);
      const interfaces = names.map((name) => ({
        ...(isPcapng(file) && { name }),
        linkType: linkType(name),
      }));
      const writer = PcapWriter.create(file, { interfaces });
      this.writers.set(file, writer);
      for (const [index, name] of names.entries()) this.byName.set(name, { writer, index });
    }
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** `direction`: out leaves by the interface, in goes on to the host. */
  write(name: string, time: bigint, data: Uint8Array, direction: Direction): void {
    const output = this.byName.get(name);
    if (!output) return;
    const { writer, index } = output;
    const about = writer.format === 'pcapng' ? { direction } : {};
    if (!writer.write({ time, data, interface: index, ...about })) this.behind = true;
  }

  /** Wait for files that have enough for now. Rejects with the file's error. */
  async drain(): Promise<void> {
    if (!this.behind) return;
    this.behind = false;
    for (const writer of this.writers.values()) await writer.drain();
  }

  /** Write the interfaces' counts and close. */
  async close(
    time: bigint,
    counts: ReadonlyMap<string, { received: number; dropped: number }>,
  ): Promise<void> {
    for (const [name, { writer, index }] of this.byName) {
      const count = counts.get(name);
      if (count && writer.format === 'pcapng')
        writer.statistics(index, time, {
          received: BigInt(count.received),
          dropped: BigInt(count.dropped),
        });
    }
    for (const writer of this.writers.values()) await writer.close();
  }
}

/** Packets that rules with `log` matched, each with a comment that names the rule. */
export class LogFile {
  private readonly writer: PcapWriter;
  private readonly interfaces = new Map<string, number>();
  private behind = false;

  constructor(file: string) {
    this.writer = PcapWriter.create(file, { interfaces: [] });
  }

  write(name: string, linkType: number, time: bigint, data: Uint8Array, out: boolean, comment: string): void {
    let index = this.interfaces.get(name);
    if (index === undefined) {
      index = this.writer.addInterface({ name, linkType });
      this.interfaces.set(name, index);
    }
    const direction = out ? 'out' : 'in';
    if (!this.writer.write({ time, data, interface: index, direction, comment })) this.behind = true;
  }

  async drain(): Promise<void> {
    if (!this.behind) return;
    this.behind = false;
    await this.writer.drain();
  }

  close(): Promise<void> {
    return this.writer.close();
  }
}
