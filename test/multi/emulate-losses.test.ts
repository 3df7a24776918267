// SPDX-License-Identifier: BSD-2-Clause
// emulate-losses.test.ts: what emulate took in is what arrived at the receiver and what was lost by name, whatever the
// receiver does: stopped for a while, or not there at all.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { violations } from '../unit/schema.js';
import { type Program, recordsOf, reported, resultOf, until, World } from './programs.js';

const test = suite('losses behind emulate');
let world: World;

test.before.each(() => {
  world = new World();
});
test.after.each(() => world.end());

interface Direction {
  rx_packets: number;
  tx_packets: number;
  waiting: number;
  pending: number;
  drops: Record<string, number>;
}

async function emulate(...args: string[]): Promise<Program> {
  const program = world.start('emulate', [
    ...['-i', 'vale0:e', '-i', 'vale1:e', '--delay', '1ms', '--queue', '100000', '--json'],
    ...args,
  ]);
  await world.ports('vale0:e', 'vale1:e');
  return program;
}

/** The direction from the inside, after a look at all records. */
async function outcome(program: Program): Promise<Direction> {
  const ended = await program.signal('SIGINT');
  assert.is(ended.status, 0, ended.stderr);
  for (const record of recordsOf(ended.stdout)) assert.equal(violations(record), []);
  const { directions } = resultOf(ended) as unknown as { directions: [Direction, Direction] };
  const lost = Object.values(directions[0].drops).reduce((sum, count) => sum + count, 0);
  assert.is(directions[0].rx_packets, directions[0].tx_packets + lost, 'in = out + drops');
  return directions[0];
}

test('a receiver that is stopped: what did not arrive is no_space', async () => {
  const program = await emulate();
  const receiver = world.start('pkt-gen', ['-i', 'vale1:r', '-f', 'rxseq', '--verify', '--json', '-T', '20']);
  await world.ports('vale1:r');
  const sender = world.start('pkt-gen', ['-i', 'vale0:s', '-f', 'txseq', '-n', '30k', '-R', '20k']);
  await until(() => reported(receiver) > 1000, 'packets arrive');
  receiver.child.kill('SIGSTOP');
  await sender.ended;
  receiver.child.kill('SIGCONT');
  const out = await outcome(program);
  const received = resultOf(await receiver.signal('SIGINT'));
  assert.is(received.packets, out.tx_packets, 'what went out is what arrived');
  assert.ok(out.drops.no_space! > 1000, `${out.drops.no_space} no_space`);
  assert.is((received.sequence as { torn: number }).torn, 0);
});

test('nobody there: everything is no_port', async () => {
  const program = await emulate();
  await world.run('pkt-gen', ['-i', 'vale0:s', '-f', 'tx', '-n', '1000', '-R', '10k']);
  const out = await outcome(program);
  assert.equal([out.rx_packets, out.tx_packets, out.drops.no_port], [1000, 0, 1000]);
});

test.run();
