// SPDX-License-Identifier: BSD-2-Clause
// pump.ts: a link for tests: frames from one end to the other, both ways, each after a delay.

import type { LinkEnds, RunningLink } from '../../src/emulation/namespace.js';
import { openPort, type Port } from '../../src/index.js';

/** Frames that left one end. */
export interface Pump extends RunningLink {
  /** Frames carried so far, both ways. */
  frames(): number;
}

function send(to: Port, frames: readonly Uint8Array[]): void {
  const { tx } = to;
  const room = tx.reserve(Math.min(frames.length, tx.capacity));
  for (let i = 0; i < room; i++) {
    tx.packet(i).set(frames[i]!);
    tx.lengths[i] = frames[i]!.length;
  }
  tx.send(room);
}

async function carry(from: Port, to: Port, delay: number, count: (n: number) => void): Promise<void> {
  try {
    for (;;) {
      const n = from.rx.receive();
      if (n === 0) {
        await from.wait('rx');
        continue;
      }
      const frames = Array.from({ length: n }, (_, i) => from.rx.packet(i).slice());
      count(n);
      if (delay === 0) send(to, frames);
      else
        setTimeout(() => {
          if (!to.closed) send(to, frames);
        }, delay);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECLOSED') throw error;
  }
}

/** Carry frames between the ends; `delay` milliseconds each way. */
export function pump(ends: LinkEnds, delay = 0, dir?: string): Pump {
  const options = { wait: 'sleep' as const, ...(dir === undefined ? {} : { dir }) };
  const inside = openPort(ends.inside, options);
  const outside = openPort(ends.outside, options);
  let frames = 0;
  const count = (n: number) => {
    frames += n;
  };
  const carried = Promise.all([carry(inside, outside, delay, count), carry(outside, inside, delay, count)]);
  return {
    frames: () => frames,
    async stop() {
      inside.close();
      outside.close();
      await carried;
    },
  };
}
