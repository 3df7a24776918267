// SPDX-License-Identifier: BSD-2-Clause
// control-load.ts: "control-load": how late the packets of a running emulate are, 99 %, while clients of its control socket
// flood it, load 20,000 rules, hang, or send without end; the baseline is the same emulate left alone, before.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { requestOnce } from '../../src/rules/index.js';
import { type Program, resultOf, World } from '../multi/programs.js';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, seconds: { type: 'string', default: '2' } },
});
const SECONDS = Number(values.seconds);

/** Makes trouble at a socket until it is told to end. */
type Trouble = (file: string, over: () => boolean) => Promise<void>;

const list = { args: ['list'], folder: '/' };
const RULES = Array.from(
  { length: 20_000 },
  (_, i) => `-q add ${1 + i * 3} count udp from 10.${i >> 8}.${i & 255}.0/24 to any ${1 + i}`,
).join('\n');

/** A client that writes `piece` again and again, and comes again when it is cut off. */
async function writer(file: string, piece: Buffer, over: () => boolean): Promise<void> {
  while (!over()) {
    const socket = connect(file);
    const more = (): void => {
      if (!socket.destroyed) socket.write(piece, more);
    };
    socket.on('connect', more).on('error', () => {});
    socket.resume();
    while (!over() && !socket.destroyed) await sleep(20);
    socket.destroy();
  }
}

const troubles: Record<string, Trouble> = {
  'clients flood': async (file, over) => {
    const client = async (): Promise<void> => {
      while (!over()) await requestOnce(file, list).catch(() => undefined);
    };
    await Promise.all(Array.from({ length: 8 }, client));
  },
  'clients load 20,000 rules': async (file, over) => {
    while (!over()) await requestOnce(file, { text: `-q -f flush\n${RULES}`, file: 'x', folder: '/' });
  },
  'clients hang': async (file, over) => {
    const sockets = Array.from({ length: 100 }, (_, i) => {
      const socket = connect(file);
      return socket.on('error', () => {}).on('connect', () => socket.write(i % 2 ? '{"args":' : ''));
    });
    while (!over()) await sleep(20);
    for (const socket of sockets) socket.destroy();
  },
  'clients send without end': async (file, over) => {
    const piece = Buffer.alloc(1 << 18, 'x');
    await Promise.all(Array.from({ length: 5 }, () => writer(file, piece, over)));
  },
};

/** The 99th percentile of how late packets were, microseconds. */
async function lateness(trouble: Trouble | undefined): Promise<number> {
  const world = new World();
  const socket = path.join(mkdtempSync(path.join(tmpdir(), 'netvale-bench-')), 's');
  try {
    const start = (name: string, args: string[]): Program => world.start(name, args);
    const link = [
      '-i',
      'vale0:e',
      '-i',
      'vale1:e',
      '--rule',
      'pipe 1 config delay 2ms',
      '--rule',
      'add 65000 pipe 1 ip from any to any',
    ];
    const program = start('emulate', [...link, '--json', '--socket', socket]);
    const sink = start('pkt-gen', ['-i', 'vale1:r', '-f', 'rx']);
    await world.ports('vale0:e', 'vale1:e', 'vale1:r');
    await requestOnce(socket, list);
    let over = false;
    const running = trouble?.(socket, () => over);
    await world.run('pkt-gen', ['-i', 'vale0:s', '-f', 'tx', '-R', '5k', '--time', String(SECONDS)]);
    over = true;
    await running;
    const { lateness: late } = resultOf(await program.signal('SIGINT')) as unknown as {
      lateness: { p99: number };
    };
    await sink.signal('SIGINT');
    return late.p99 / 1000;
  } finally {
    world.end();
    rmSync(path.dirname(socket), { recursive: true, force: true });
  }
}

for (let i = 0; i < Number(values.runs); i++)
  for (const [name, trouble] of Object.entries(troubles)) {
    const baseline = await lateness(undefined);
    const value = await lateness(trouble);
    const names = { bench: 'control-load', case: name, unit: 'us', baseline_name: 'left alone' };
    console.log(JSON.stringify({ ...names, value, baseline }));
  }
