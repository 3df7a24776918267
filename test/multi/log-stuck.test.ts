// SPDX-License-Identifier: BSD-2-Clause
// log-stuck.test.ts: logs and captures in files that take no more (FIFOs whose reader stopped): packets go on, what is not
// written is counted, and a signal ends the program; a file that takes it all holds every record.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { type Ended, type Program, recordsOf, reported, resultOf, until, World } from './programs.js';

const test = suite('logs that are stuck');
let world: World;
let readers: number[] = [];

test.before.each(() => {
  world = new World();
});
test.after.each(() => {
  for (const fd of readers) closeSync(fd);
  readers = [];
  world.end();
});

/** A FIFO with a reader that takes nothing out of it. */
function stuck(name: string): string {
  const file = path.join(world.base, name);
  assert.is(spawnSync('mkfifo', [file]).status, 0);
  readers.push(openSync(file, constants.O_RDONLY | constants.O_NONBLOCK));
  return file;
}

async function emulate(...args: string[]): Promise<Program> {
  const program = world.start('emulate', ['-i', 'vale0:e', '-i', 'vale1:e', '--json', ...args]);
  await world.ports('vale0:e', 'vale1:e');
  return program;
}

/** End a program by a signal: within patience, also when it stands still. */
async function interrupted(program: Program): Promise<Ended> {
  program.child.kill('SIGINT');
  await until(() => program.child.exitCode !== null, 'the program ends');
  return await program.ended;
}

interface Result {
  directions: [{ rx_packets: number; tx_packets: number; drops: Record<string, number> }];
  log_lost: number;
  capture_lost: number;
}

const sum = (drops: Record<string, number>) => Object.values(drops).reduce((all, count) => all + count, 0);

/** Send packets through a running emulate, and end it: its result, when what it sent is what arrived. */
async function through(program: Program, packets: number, ...args: string[]): Promise<Result> {
  const receiver = world.start('pkt-gen', ['-i', 'vale1:r', '-f', 'rx', '--json', '-T', '100']);
  await world.ports('vale1:r');
  const sent = ['-i', 'vale0:s', '-f', 'tx', '--json', '-R', '100k', '-n', `${packets}`, ...args];
  const sender = resultOf(await world.run('pkt-gen', sent));
  const ended = await interrupted(program);
  assert.is(ended.status, 0, ended.stderr);
  const result = resultOf(ended) as unknown as Result;
  const [{ rx_packets, tx_packets, drops }] = result.directions;
  assert.is(rx_packets, packets - sum(sender.drops), 'all that was sent came in');
  assert.is(rx_packets, tx_packets + sum(drops));
  await until(() => reported(receiver) === tx_packets, 'what went out arrives');
  await interrupted(receiver);
  // A receiver that waits for a processor loses some; one behind a program that stands still gets next to nothing.
  assert.ok(tx_packets > packets / 2, `${tx_packets} of ${packets} went on`);
  return result;
}

test('emulate: records in a FIFO that nobody reads', async () => {
  const program = await emulate('--log', stuck('log'));
  const { log_lost, directions } = await through(program, 150_000); // more than a spool holds
  const records = 2 * directions[0].rx_packets;
  assert.ok(
    log_lost < records && log_lost > records - 2000,
    `${log_lost} of ${records}: all but a pipe full`,
  );
});

test('emulate: all packets, and those of rules with log, in FIFOs that nobody reads', async () => {
  const program = await emulate(
    ...['--capture', stuck('capture'), '--log', stuck('matches.pcapng')],
    ...['--rule', 'add count log logdst bpf udp from any to any out'],
  );
  const { log_lost, capture_lost, directions } = await through(program, 20_000, '-l', '1000');
  const packets = directions[0].rx_packets;
  assert.ok(capture_lost < 2 * packets && capture_lost > 2 * packets - 100, `${capture_lost} packets`);
  assert.ok(log_lost < packets && log_lost > packets - 100, `${log_lost} matches`);
});

test('pkt-gen: a receiver whose log nobody reads counts every packet', async () => {
  const receiver = world.start('pkt-gen', [
    ...[
      '-i',
      'vale0:r',
      '-f',
      'rx',
      '--json',
      '--log',
      stuck('log'),
      '--rule',
      'add count log udp from any to any',
    ],
  ]);
  await world.ports('vale0:r');
  const sent = ['-i', 'vale0:s', '-f', 'tx', '--json', '-R', '100k', '-n', '50k'];
  const arrived = 50_000 - sum(resultOf(await world.run('pkt-gen', sent)).drops);
  await until(() => reported(receiver) === arrived, 'what arrived is counted');
  const ended = await interrupted(receiver);
  assert.is(resultOf(ended).packets, arrived);
  assert.ok(arrived > 25_000, `${arrived} of 50,000`);
  assert.match(ended.stderr, /^pkt-gen: \d+ matches of rules with log could not be written$/m);
  assert.is(ended.status, 1);
});

test('files hold every record and packet, in order', async () => {
  const [log, capture] = [path.join(world.base, 'log'), path.join(world.base, 'all.pcapng')];
  const program = await emulate('--log', log, '--capture', capture);
  const { log_lost, capture_lost, directions } = await through(program, 30_000); // less than a spool holds
  const packets = directions[0].rx_packets;
  assert.equal([log_lost, capture_lost], [0, 0]);
  const records = recordsOf(readFileSync(log, 'utf8'));
  const count = (wanted: string) => records.filter(({ event }) => event === wanted).length;
  assert.equal([count('arrive'), count('depart') + count('drop')], [packets, packets]);
  const times = records.map(({ t_us }) => Number(t_us));
  assert.ok(
    times.every((time, i) => i === 0 || time >= times[i - 1]!),
    'in order',
  );
  assert.is([...openCapture(capture)].length, 2 * packets);
});

test.run();
