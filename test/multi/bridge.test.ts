// SPDX-License-Identifier: BSD-2-Clause
// bridge.test.ts: bridge between switches as people run it: what goes through, what is told, rules, errors, ends.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BridgeResultRecord } from '../../src/report/bridge-records.js';
import { violations } from '../unit/schema.js';
import { recordsOf, World } from './programs.js';

let world: World;
test.before.each(() => {
  world = new World();
});
test.after.each(() => world.end());

/** Send numbered packets into one switch and take them out of the other, both ways; the bridge's own words. */
async function through(args: string[], ports: [string, string] = ['vale0:br', 'vale1:br']) {
  const bridge = world.start('bridge', ['-i', ports[0], '-i', ports[1], '--json', ...args]);
  await world.ports('vale0:br', 'vale1:br');
  for (const [from, to] of [
    ['vale0:x', 'vale1:y'],
    ['vale1:y', 'vale0:x'],
  ]) {
    const receiver = world.start('pkt-gen', ['-i', to!, '-f', 'rxseq', '--verify', '-n', '2000', '--json']);
    await world.ports(to!);
    const sent = await world.run('pkt-gen', [
      '-i',
      from!,
      '-f',
      'txseq',
      '-n',
      '2000',
      '-R',
      '20k',
      '-l',
      '1514',
      '-l',
      '60',
    ]);
    assert.is(sent.status, 0, sent.stderr);
    const { status, stdout, stderr } = await receiver.ended;
    assert.is(status, 0, stderr);
    const { sequence, packets } = recordsOf(stdout).at(-1) as unknown as {
      packets: number;
      sequence: Record<string, number>;
    };
    assert.is(packets, 2000);
    assert.equal([sequence.lost, sequence.reordered, sequence.duplicated, sequence.torn], [0, 0, 0, 0]);
  }
  const { status, stdout, stderr } = await bridge.signal('SIGINT');
  assert.is(status, 0, stderr);
  for (const record of recordsOf(stdout)) assert.equal(violations(record), []);
  return recordsOf(stdout).at(-1) as unknown as BridgeResultRecord;
}

for (const [name, args, ports] of [
  ['between regions', []],
  ['in one region, a thread each way', ['-p', '2'], ['vale0:br@7', 'vale1:br@7']],
  ['copying, sleeping at once, small bursts', ['-c', '--wait', 'sleep', '-b', '3']],
  ['with rules', ['--rule', 'add allow ip from any to any']],
] as [string, string[], [string, string]?][])
  test(`everything goes through, both ways: ${name}`, async () => {
    const { ways } = await through(args, ports);
    assert.is(ways.length, 2);
    for (const [i, way] of ways.entries()) {
      assert.equal([way.from, way.to], i === 0 ? ['vale0:br', 'vale1:br'] : ['vale1:br', 'vale0:br']);
      assert.is(way.packets, 2000);
      const lost = Object.values(way.drops).reduce((sum, count) => sum + count, 0);
      assert.is(way.delivered + lost, way.packets);
      assert.is(lost, 0);
    }
    assert.equal(world.files(), []);
  });

test('from one capture file to another', async () => {
  const [from, to] = [path.join(world.base, 'x.pcap'), path.join(world.base, 'y.pcapng')];
  const sent = await world.run('pkt-gen', [
    '-i',
    `pcap:${from}`,
    '-f',
    'txseq',
    '-n',
    '2000',
    '-l',
    '1514',
    '-l',
    '60',
  ]);
  assert.is(sent.status, 0, sent.stderr);
  const bridge = world.start('bridge', ['-i', `pcap:${from}@conf:speed=0`, '-i', `pcap:${to}`, '-v']);
  await bridge.printed(/x\.pcap.* > .*pps/);
  const { status, stdout, stderr } = await bridge.signal('SIGINT');
  assert.is(status, 0, stderr);
  assert.match(stdout, /x\.pcap.* 2000 packets, .* 2000 delivered, 0 lost/);
  const read = await world.run('pkt-gen', [
    '-i',
    `pcap:${to}@conf:speed=0`,
    '-f',
    'rxseq',
    '--verify',
    '-n',
    '2000',
  ]);
  assert.is(read.status, 0, read.stderr);
  assert.match(read.stdout, /1 streams, 0 lost, 0 reordered, 0 duplicated, 0 too late, 0 torn, 0 foreign/);
});

test('what the other switch drops has its name here; text for people', async () => {
  const bridge = world.start('bridge', ['-i', 'vale0:br', '-i', 'vale1:br', '-v']);
  await world.ports('vale0:br', 'vale1:br');
  await world.run('pkt-gen', ['-i', 'vale0:x', '-f', 'tx', '-n', '100']);
  await bridge.printed(/vale0:br > vale1:br .*no_port 100/);
  const { status, stdout } = await bridge.signal('SIGINT');
  assert.is(status, 0);
  assert.match(stdout, /^vale0:br <-> vale1:br: copying, 1 thread\n/);
  assert.match(
    stdout,
    /vale0:br > vale1:br: 100 packets, 6000 bytes in .* s, 0 delivered, 100 lost \(no_port 100\)\n/,
  );
  assert.match(stdout, /vale1:br > vale0:br: 0 packets/);
  assert.match(stdout, /way 1: \d+ turns?, held 0 times, slept \d+ times?/);
});

test('rules decide by direction, and ipfw talks to them', async () => {
  const bridge = world.start('bridge', [
    '-i', 'vale0:br', '-i', 'vale1:br', '--json',
    '--rule', 'add 10 deny udp from any to any out',
    '--rule', 'add 20 allow ip from any to any',
  ]); // biome-ignore format: a command line
  await world.ports('vale0:br', 'vale1:br');
  await world.run('pkt-gen', ['-i', 'vale0:x', '-f', 'tx', '-n', '50']);
  await world.run('pkt-gen', ['-i', 'vale1:y', '-f', 'tx', '-n', '70']);
  const listed = await world.run('ipfw', ['show']);
  assert.is(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, /^00010\s+50\s+\d+ deny udp/m);
  const { ways } = recordsOf((await bridge.signal('SIGINT')).stdout).at(-1) as unknown as BridgeResultRecord;
  assert.is(ways[0]!.packets, 50);
  assert.is(ways[0]!.drops.deny, 50);
  assert.is(ways[1]!.packets, 70);
  assert.is(ways[1]!.drops.deny, 0);
});

test('links are refused with the word', async () => {
  const file = path.join(world.base, 'links.rules');
  writeFileSync(file, 'add allow tcp from any to any\nadd pipe 1 ip from any to any\n');
  const { status, stderr } = await world.run('bridge', ['-i', 'vale0:a', '-i', 'vale1:a', '--rules', file]);
  assert.is(status, 65);
  assert.match(stderr, /links\.rules:2.*the action "pipe" is refused: bridge has no links: use emulate/);
});

test('one port with -L sends back what comes', async () => {
  const bridge = world.start('bridge', ['-i', 'vale0:br', '-L', '--time', '60']);
  await world.ports('vale0:br');
  const ping = await world.run('pkt-gen', [
    '-i',
    'vale0:x',
    '-f',
    'tx',
    '-n',
    '10',
    '-D',
    '02:00:00:00:00:01',
  ]);
  assert.is(ping.status, 0, ping.stderr);
  const { stdout } = await bridge.signal('SIGINT');
  assert.match(stdout, /vale0:br > vale0:br: 10 packets/);
});

test('a wrong command line is one line and status 2', async () => {
  for (const [args, says] of [
    [[], 'which ports? Name two with -i'],
    [['-i', 'a', '-i', 'b', '-i', 'c'], '-i: 3 ports; a bridge has two'],
    [['-i', 'vale0:a', '-i', 'vale1:a', '-L'], '-L goes with one port'],
    [['-i', 'vale0:a', '-i', 'vale1:a', '-b', '0'], "-b: '0' is not a whole number from 1 to 4096"],
  ] as [string[], string][]) {
    const { status, stderr } = await world.run('bridge', args);
    assert.equal([status, stderr], [2, `bridge: ${says}\n`]);
  }
  const unknown = await world.run('bridge', ['-i', 'vale0:', '-i', 'vale1:a']);
  assert.is(unknown.status, 1);
  assert.match(unknown.stderr, /^bridge: bad port name "vale0:"/);
});

test('after kill -9 the next bridge starts on the same ports', async () => {
  const bridge = world.start('bridge', ['-i', 'vale0:br', '-i', 'vale1:br']);
  await world.ports('vale0:br', 'vale1:br');
  await bridge.signal('SIGKILL');
  await through([]);
});

test.run();
