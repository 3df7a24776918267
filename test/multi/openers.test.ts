// SPDX-License-Identifier: BSD-2-Clause
// openers.test.ts: two programs on one port: the second is told who has it, and the first loses nothing; or both say
// --share, and each packet goes to one of them.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listPorts, openPort } from '../../src/index.js';
import { type Ended, reported, resultOf, until, World } from './programs.js';

let world: World;
test.before.each(() => {
  world = new World();
});
test.after.each(() => world.end());

const sum = (drops: Record<string, number>) => Object.values(drops).reduce((total, n) => total + n, 0);
const arrived = (sent: Ended) => Number(resultOf(sent).packets) - sum(resultOf(sent).drops);

test('a second receiver or sender is told who has the port, in one line; the first goes on', async () => {
  const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx', '--json', '-T', '100']);
  await world.ports('vale0:b');
  for (const role of ['rx', 'tx', 'rxseq', 'ping']) {
    const second = await world.run('pkt-gen', ['-i', 'vale0:b', '-f', role]);
    assert.is(second.status, 1);
    assert.is(
      second.stderr,
      `pkt-gen: vale0:b is in use by pkt-gen (process ${rx.child.pid}), which has it exclusively\n`,
    );
  }
  assert.throws(
    () => openPort('vale0:b', { dir: world.dir }),
    (error: NodeJS.ErrnoException) => error.code === 'EBUSY' && error.message.includes('pkt-gen (process'),
  );
  const sent = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'tx', '-n', '10k', '-R', '100k', '--json']);
  await until(() => reported(rx) >= arrived(sent), 'all packets');
  assert.is((await rx.signal('SIGINT')).status, 0);
});

test('one that shares does not get in where another does not share, nor the other way round', async () => {
  const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx', '--share']);
  await world.ports('vale0:b');
  const second = await world.run('pkt-gen', ['-i', 'vale0:b', '-f', 'rx']);
  assert.is(second.status, 1);
  assert.match(
    second.stderr,
    /^pkt-gen: vale0:b is in use by pkt-gen \(process \d+\): it cannot be had exclusively\n$/,
  );
  await rx.signal('SIGINT');
  const refused = await world.run('pkt-gen', ['-i', 'vale0:b', '-f', 'pong', '--share']);
  assert.is(refused.status, 2);
  assert.match(refused.stderr, '--share: pong needs its rings for itself');
});

test('--share: each packet of two senders goes to one of two receivers', async () => {
  const share = ['--share', '--json', '-T', '100'];
  const receivers = [1, 2].map(() => world.start('pkt-gen', ['-i', 'netmap:p}1', '-f', 'rx', ...share]));
  const openers = () => listPorts(world.dir).find(({ name }) => name === 'p}1')?.openers;
  await until(() => openers() === 2, 'two receivers');
  const sent = await Promise.all(
    [1, 2].map(() =>
      world.run('pkt-gen', ['-i', 'netmap:p{1', '-f', 'tx', '-n', '10k', '-R', '50k', ...share]),
    ),
  );
  for (const one of sent) assert.is(one.status, 0, one.stderr);
  const total = () => receivers.reduce((packets, rx) => packets + reported(rx), 0);
  await until(() => total() >= 20_000, `20000 packets, not ${total()}`);
  for (const rx of receivers) assert.is((await rx.signal('SIGINT')).status, 0, rx.stderr);
  assert.is(total(), 20_000);
});

test.run();
