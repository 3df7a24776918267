// SPDX-License-Identifier: BSD-2-Clause
// relay-fixture.ts: a relay between two switches, with a port of ours at each far end: frames go in, frames come out.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPort, type Port } from '../../src/index.js';
import { packetFrame } from './relay-frames.js';

/** Milliseconds: longer than any machine stands still. */
export const PATIENCE = 100_000;

/** Look every millisecond until it is so. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const start = performance.now(); !condition(); await sleep(1))
    if (performance.now() - start > PATIENCE) throw new Error(`waited in vain: ${what}`);
}

export class Bench {
  readonly world = mkdtempSync(path.join(tmpdir(), 'netvale-relay-'));
  readonly dir = path.join(this.world, 'shm');
  /** Ends of the two switches: what goes into one comes to the relay. */
  readonly inside: Port;
  readonly outside: Port;

  constructor() {
    this.inside = openPort('valei:end', { dir: this.dir });
    this.outside = openPort('valeo:end', { dir: this.dir });
  }

  /** The relay's own ports. */
  static readonly ports = { inside: 'valei:r', outside: 'valeo:r' };

  close(): void {
    this.inside.close();
    this.outside.close();
    rmSync(this.world, { recursive: true, force: true });
  }

  /** Send frames, all of them. */
  async send(port: Port, frames: readonly Uint8Array[]): Promise<void> {
    for (let at = 0; at < frames.length; ) {
      const count = port.tx.reserve(Math.min(frames.length - at, 256));
      for (let i = 0; i < count; i++) {
        const frame = frames[at + i]!;
        port.tx.packet(i).set(frame, 0);
        port.tx.lengths[i] = frame.length;
      }
      port.tx.send(count);
      at += count;
      if (count === 0) await sleep(1);
    }
  }

  /** Frames that come within `ms`, at most `count`. Without `ms`: `count` frames, or those of PATIENCE. */
  async receive(port: Port, count: number, ms = PATIENCE): Promise<Uint8Array[]> {
    const out: Uint8Array[] = [];
    const end = performance.now() + ms;
    while (out.length < count && performance.now() < end) {
      const got = port.rx.receive();
      for (let i = 0; i < got; i++) out.push(Uint8Array.from(port.rx.packet(i)));
      if (got === 0) await sleep(1);
    }
    return out;
  }

  /** Whether nothing comes for `ms`. */
  async quiet(port: Port, ms = 50): Promise<boolean> {
    return (await this.receive(port, 1, ms)).length === 0;
  }
}

/** UDP packets with rising numbers in their first payload bytes. */
export const udp = (count: number, size: number, dport = 9, sport = 1234): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => packetFrame({ size, sport, dport, mark: i }));
