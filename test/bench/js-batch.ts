// SPDX-License-Identifier: BSD-2-Clause
// js-batch.ts: "js-batch": batches of packets read in JavaScript from a pipe that an engine fills on its own thread,
// and what an engine costs the main thread of a program that only looks on. Arguments and records as in bench.h.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openPort, startEngine } from '../../src/index.js';

const BATCH = 256;

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, seconds: { type: 'string', default: '0.5' } },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);

const dir = mkdtempSync('/dev/shm/netvale-bench-');
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));

const now = () => Number(process.hrtime.bigint());

/** What a program does with a batch: look at the first 8 bytes of each packet. */
function touch(words: Uint32Array, offsets: Uint32Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const at = offsets[i]! >>> 2;
    sum ^= words[at]! ^ words[at + 1]!;
  }
  return sum;
}

/** Packets received a second, in millions. */
function receive(): number {
  const port = openPort('netmap:p}1', { dir, batch: BATCH });
  const engine = startEngine({ port: 'netmap:p{1', role: 'tx', open: { dir } });
  try {
    const { rx } = port;
    port.waitSync('rx', 5000); // the sender has begun
    let words: Uint32Array = new Uint32Array();
    let packets = 0;
    let seen = 0;
    const start = now();
    const limit = start + seconds * 1e9;
    let end = start;
    for (let turn = 0; end < limit; turn++) {
      const count = rx.receive();
      if (count === 0) port.waitSync('rx', 100);
      else {
        const { buffer, byteOffset, byteLength } = rx.bytes;
        if (words.buffer !== buffer) words = new Uint32Array(buffer, byteOffset, byteLength >>> 2);
        seen ^= touch(words, rx.offsets, count);
        packets += count;
      }
      if (turn % 16 === 0) end = now();
    }
    if (packets === 0 || Number.isNaN(seen)) throw new Error('nothing was received');
    return (packets * 1e3) / (end - start);
  } finally {
    engine.close();
    port.close();
  }
}

/** The same loop over memory of its own: no port, no other thread. */
function loop(): number {
  const slots = 1024;
  const stride = 2048;
  const words = new Uint32Array((slots * stride) / 4);
  const offsets = new Uint32Array(BATCH);
  let packets = 0;
  let seen = 0;
  let at = 0;
  const start = now();
  const limit = start + seconds * 1e9;
  let end = start;
  for (let turn = 0; end < limit; turn++) {
    for (let i = 0; i < BATCH; i++) offsets[i] = ((at + i) % slots) * stride;
    at = (at + BATCH) % slots;
    seen ^= touch(words, offsets, BATCH);
    packets += BATCH;
    if (turn % 16 === 0) end = now();
  }
  if (seen !== 0) throw new Error('the loop read what it never wrote');
  return (packets * 1e3) / (end - start);
}

/** Nanoseconds this process's main thread has run. */
function mainThreadTime(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]);
}

/** Share of a core, in %, that the main thread takes while an engine sends and its counters are read ten times a second. */
async function idle(): Promise<number> {
  const engine = startEngine({ port: 'null:', role: 'tx', open: { dir } });
  try {
    await sleep(200);
    const start = now();
    const busy = mainThreadTime();
    const before = engine.stats().total.packets;
    while (now() - start < seconds * 2e9) {
      await sleep(100);
      engine.stats();
    }
    if (engine.stats().total.packets <= before) throw new Error('the engine did not send');
    return ((mainThreadTime() - busy) * 100) / (now() - start);
  } finally {
    engine.close();
  }
}

function record(fields: object): void {
  console.log(JSON.stringify({ bench: 'js-batch', ...fields }));
}

receive(); // let the compiler see it
loop();
for (let i = 0; i < runs; i++) {
  const first = i % 2 === 0 ? receive() : loop();
  const second = i % 2 === 0 ? loop() : receive();
  const [value, baseline] = i % 2 === 0 ? [first, second] : [second, first];
  record({ case: 'first 8 bytes', unit: 'Mpps', value, baseline, baseline_name: 'JavaScript loop' });
}
for (let i = 0; i < Math.min(runs, 3); i++) record({ case: 'main thread', unit: '%', value: await idle() });
