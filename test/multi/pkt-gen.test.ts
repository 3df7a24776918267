// SPDX-License-Identifier: BSD-2-Clause
// pkt-gen.test.ts: pkt-gen processes with each other and with a JavaScript program, over switches and pipes; what they
// print, how they end, and that nothing is left.
import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openPort } from '../../src/index.js';
import { violations } from '../unit/schema.js';
import {
  type Ended,
  type Program,
  recordsOf,
  reported,
  resultOf,
  until,
  WAIT_MS,
  World,
} from './programs.js';

let world: World;
test.before.each(() => {
  world = new World();
});
test.after.each(() => world.end());

const sum = (drops: Record<string, number>) => Object.values(drops).reduce((total, n) => total + n, 0);

function succeeded(...all: Ended[]): void {
  for (const { status, signal, stdout, stderr } of all)
    assert.is(status, 0, `status ${status}, signal ${signal}\n${stdout}\n${stderr}`);
}

function fitSchema(...all: Ended[]): void {
  for (const { stdout } of all)
    for (const record of recordsOf(stdout)) assert.equal(violations(record), [], JSON.stringify(record));
}

/** End a receiver when it has told of all that was sent and not dropped. */
async function endOf(rx: Program, sent: Ended): Promise<Ended> {
  const { packets, drops } = resultOf(sent);
  await until(() => reported(rx) >= Number(packets) - sum(drops), `${packets} packets`);
  return await rx.signal('SIGINT');
}

test('tx and rx over a switch: every packet is received or dropped by name', async () => {
  const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx', '--json', '-T', '100']);
  await world.ports('vale0:b');
  const tx = await world.run('pkt-gen', [
    '-i',
    'vale0:a',
    '-f',
    'tx',
    '-n',
    '2M',
    '-l',
    '100',
    '--json',
    '-T',
    '100',
  ]);
  const received = await endOf(rx, tx);
  succeeded(tx, received);
  fitSchema(tx, received);
  const sent = resultOf(tx);
  assert.is(sent.packets, 2000000);
  assert.is(sent.bytes, 200000000);
  assert.is(Number(resultOf(received).packets) + sum(sent.drops), 2000000);
  assert.ok(recordsOf(received.stdout).length > 1, 'reports while it runs');
  assert.equal(world.files(), []);
});

test('-W: a receiver ends when nothing has come for a second', async () => {
  const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx', '-W', '--json']);
  await world.ports('vale0:b');
  // One batch: however slow the machine, all of it is there at once.
  const tx = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'tx', '-n', '100']);
  const received = await rx.ended;
  succeeded(tx, received);
  assert.is(resultOf(received).packets, 100);
});

test("the original's lines on both streams", async () => {
  const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx', '-n', '1000']);
  await world.ports('vale0:b');
  const tx = await world.run('pkt-gen', [
    '-i',
    'vale0:a',
    '-f',
    'tx',
    '-n',
    '1000',
    '-R',
    '400',
    '-T',
    '200',
  ]);
  const received = await rx.ended;
  succeeded(tx, received);
  assert.match(tx.stdout, /^Sending on vale0:a: 1 queues, 1 threads and 1 cpus\.$/m);
  assert.match(tx.stdout, /^10\.0\.0\.1 -> 10\.1\.0\.1 \(the port's own -> ff:ff:ff:ff:ff:ff\)$/m);
  assert.match(
    tx.stderr,
    /^\d{3}\.\d{6} main_thread \[\d+\] [\d.]+ K?pps \([\d.]+ K?pkts [\d.]+ [KM]bps in \d+ usec\) [\d.]+ avg_batch \d+ min_space$/m,
  );
  assert.match(tx.stdout, /^Sent 1000 packets 60000 bytes \d+ events 60 bytes each in [\d.]+ seconds\.$/m);
  assert.match(
    tx.stdout,
    /^Speed: [\d.]+ K?pps Bandwidth: [\d.]+ Kbps \(raw [\d.]+ Kbps\)\. Average batch: [\d.]+ pkts$/m,
  );
  assert.match(received.stdout, /^Receiving from vale0:b: 1 queues, 1 threads and 1 cpus\.$/m);
  assert.match(
    received.stdout,
    /^Received 1000 packets 60000 bytes \d+ events 60 bytes each in [\d.]+ seconds\.$/m,
  );
});

test('-R paces: a thousand packets at 1000 a second take a second, or more', async () => {
  const tx = await world.run('pkt-gen', ['-i', 'null', '-f', 'tx', '-n', '1000', '-R', '1k', '--json']);
  succeeded(tx);
  const { seconds, packets } = resultOf(tx);
  assert.is(packets, 1000);
  assert.ok(Number(seconds) > 0.95, `${seconds} s`);
});

test('ping and pong: every request is answered, and the round trips make a histogram', async () => {
  const pong = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'pong']);
  await world.ports('vale0:b');
  const ping = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'ping', '-n', '500', '--json']);
  const text = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'ping', '-n', '50']);
  const answered = await pong.signal('SIGINT');
  succeeded(ping, text, answered);
  fitSchema(ping);
  const { replies, timeouts, latency } = resultOf(ping) as unknown as {
    replies: number;
    timeouts: number;
    latency: { count: number; min: number; p50: number; max: number };
  };
  // A machine that stands still for a second lets some time out; nothing else may.
  assert.is(replies + timeouts, 500);
  assert.ok(replies > 400, `${replies} answers`);
  assert.is(latency.count, replies);
  assert.ok(latency.min > 0 && latency.min <= latency.p50 && latency.p50 <= latency.max);
  const [, over] = /^RTT over (\d+) packets: min .* av .* max /m.exec(text.stdout) ?? [];
  const [, answers] = /^Answered (\d+) packets /m.exec(answered.stdout) ?? [];
  assert.ok(Number(over) > 40 && Number(over) <= 50, `${over} round trips`);
  assert.ok(Number(answers) >= replies + Number(over) && Number(answers) <= 550, `${answers} answers`);
  assert.ok(timeouts > 0 || Number(over) < 50 || Number(answers) === 550, `${answers} answers`);
});

test('txseq and rxseq over a pipe, verifying: nothing lost, reordered, duplicated or torn', async () => {
  const rx = world.start('pkt-gen', ['-i', 'netmap:p}1', '-f', 'rxseq', '--verify', '-n', '300k', '--json']);
  await world.ports('p}1');
  const tx = await world.run('pkt-gen', [
    '-i',
    'netmap:p{1',
    '-f',
    'txseq',
    '-n',
    '300k',
    '-l',
    '200',
    '--json',
  ]);
  const received = await rx.ended;
  succeeded(tx, received);
  fitSchema(tx, received);
  const { packets, sequence } = resultOf(received);
  assert.is(packets, 300000);
  assert.equal(sequence, {
    streams: 1,
    lost: 0,
    reordered: 0,
    duplicated: 0,
    too_late: 0,
    torn: 0,
    foreign: 0,
  });
});

test('txseq and rxseq over a switch: what was lost is what was dropped', async () => {
  const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rxseq', '--json', '-T', '100']);
  await world.ports('vale0:b');
  const tx = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'txseq', '-n', '1M', '--json']);
  const received = await endOf(rx, tx);
  succeeded(tx, received);
  const { packets, sequence } = resultOf(received) as unknown as {
    packets: number;
    sequence: { lost: number };
  };
  assert.is(packets + sum(resultOf(tx).drops), 1000000);
  // What was dropped after the last packet that came is not missing between two numbers.
  assert.ok(sequence.lost <= sum(resultOf(tx).drops));
});

test('flooding: two receivers get what one sender sends', async () => {
  const args = ['-f', 'rx', '-n', '1000', '--json'];
  const b = world.start('pkt-gen', ['-i', 'vale0:b', ...args]);
  const c = world.start('pkt-gen', ['-i', 'vale0:c', ...args]);
  await world.ports('vale0:b', 'vale0:c');
  const tx = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'tx', '-n', '1000', '-R', '20k', '--json']);
  const both = await Promise.all([b.ended, c.ended]);
  succeeded(tx, ...both);
  for (const ended of both) assert.is(resultOf(ended).packets, 1000);
});

test('threads: each has a ring, all packets arrive', async () => {
  const rings = ['-p', '2', '-C', '1024,1024,2', '--json'];
  const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx', '-T', '100', ...rings]);
  await world.ports('vale0:b');
  const tx = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'tx', '-n', '10k', '-R', '50k', ...rings]);
  const received = await endOf(rx, tx);
  succeeded(tx, received);
  assert.is(Number(resultOf(received).packets) + sum(resultOf(tx).drops), 10000);
});

test('SIGINT and SIGTERM end a run with its final lines and status 0; nothing is left', async () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx']);
    await world.ports('vale0:b');
    const tx = world.start('pkt-gen', ['-i', 'vale0:a', '-f', 'tx', '-T', '50']);
    await tx.printed(/main_thread/);
    const sent = await tx.signal(signal);
    const received = await rx.signal(signal);
    succeeded(sent, received);
    assert.match(sent.stdout, /^Sent \d+ packets /m);
    assert.match(received.stdout, /^Received \d+ packets /m);
    assert.equal(world.files(), []);
  }
});

test('a receiver that is killed: the sender goes on, and the next one clears up', async () => {
  const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx']);
  await world.ports('vale0:b');
  const tx = world.start('pkt-gen', ['-i', 'vale0:a', '-f', 'tx', '--json', '-T', '50']);
  await until(() => tx.stdout.includes('report'), 'a report');
  await rx.signal('SIGKILL');
  const again = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx', '-n', '1000']);
  succeeded(await again.ended, await tx.signal('SIGINT'));
  assert.equal(world.files(), []);
});

test('a JavaScript program receives from pkt-gen, and sends to it', async () => {
  const port = openPort('vale0:js', { dir: world.dir });
  try {
    const tx = world.start('pkt-gen', [
      '-i',
      'vale0:a',
      '-f',
      'tx',
      '-n',
      '500',
      '-R',
      '10k',
      '-d',
      '10.9.8.7:53',
      '--json',
    ]);
    let received = 0;
    while (received < 500) {
      await port.wait('rx', WAIT_MS);
      const count = port.rx.receive();
      for (let i = 0; i < count; i++) assert.equal([...port.rx.packet(i).subarray(30, 34)], [10, 9, 8, 7]);
      received += count;
    }
    succeeded(await tx.ended);
    assert.is(received, 500);

    const rx = world.start('pkt-gen', ['-i', 'vale0:b', '-f', 'rx', '-n', '300', '--json']);
    await world.ports('vale0:b');
    for (let sent = 0; sent < 300; ) {
      const count = port.tx.reserve(Math.min(100, 300 - sent));
      for (let i = 0; i < count; i++) {
        port.tx.packet(i).fill(255, 0, 12);
        port.tx.lengths[i] = 64;
      }
      port.tx.send(count);
      sent += count;
      await port.wait('tx');
    }
    const ended = await rx.ended;
    succeeded(ended);
    assert.is(resultOf(ended).bytes, 300 * 64);
  } finally {
    port.close();
  }
});

test('the default size holds the headers, whatever they are; one that does not is refused with the size needed', async () => {
  for (const [words, size, type] of [
    ['-6', 62, '86 dd 6'],
    ['-6 --proto tcp', 74, '86 dd 6'],
    ['-6 --proto icmp', 62, '86 dd 6'],
    ['-6 --vlan 1,2,3,4', 78, '88 a8 0'],
    ['--proto tcp --vlan 1,2,3,4', 70, '88 a8 0'],
    ['-6 --imix', undefined, '86 dd 6'],
  ] as const) {
    const tx = await world.run('pkt-gen', ['-i', 'null', '-f', 'tx', '-n', '12', '-X', ...words.split(' ')]);
    succeeded(tx);
    assert.is(
      tx.stdout.match(new RegExp(`^ +0:( \\w\\w){12} ${type}`, 'gm'))?.length,
      12,
      `${words}: ${tx.stdout}`,
    );
    if (size !== undefined) assert.match(tx.stdout, `Sent 12 packets ${12 * size} bytes`);
  }
  for (const [words, needed] of [
    ['-6 -l 60', 62],
    ['-6 --proto tcp -l 73', 74],
    ['--proto tcp -l 50', 54],
    ['-l 41', 42],
    ['-l 100 -l 41', 42],
    ['--vlan 1,2,3,4 -l 57', 58],
    ['-f txseq -6 -l 79', 80],
  ] as const) {
    const { status, stdout, stderr } = await world.run('pkt-gen', [
      '-i',
      'null',
      '-f',
      'tx',
      ...words.split(' '),
    ]);
    assert.is(status, 2, `${words}: ${stdout}`);
    assert.match(stderr, new RegExp(`^pkt-gen: [^\\n]* ${needed} bytes\\n$`));
  }
  for (const pieces of [[], ['-F', '3']]) {
    const rubbish = await world.run('pkt-gen', [
      '-i',
      'null',
      '-f',
      'tx',
      '-r',
      '-l',
      '16',
      '-n',
      '10',
      ...pieces,
    ]);
    succeeded(rubbish);
    assert.match(rubbish.stdout, 'Sent 10 packets 160 bytes');
  }
});

test('--time ends a receiver that nothing comes to', async () => {
  for (const role of ['rx', 'rxseq', 'pong']) {
    const alone = await world.run('pkt-gen', ['-i', 'vale0:b', '-f', role, '--time', '0.1']);
    succeeded(alone);
    assert.match(alone.stdout, 'nothing.');
  }
});

test('what was in vain is not status 0: no answer to ping, every packet dropped', async () => {
  const sent = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'tx', '-n', '1000']);
  assert.is(sent.status, 1);
  assert.match(sent.stdout, 'Drops: no_port 1000');
  assert.is(sent.stderr.split('\n').at(-2), 'pkt-gen: all 1000 packets were dropped');
  const ping = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'ping', '-n', '1']);
  assert.is(ping.status, 1);
  assert.match(ping.stderr, 'pkt-gen: the request was not answered\n');
  // A few that arrive are enough: what was lost is in the figures.
  const port = openPort('vale0:b', { dir: world.dir, rxSlots: 16 });
  try {
    const some = await world.run('pkt-gen', ['-i', 'vale0:a', '-f', 'tx', '-n', '10k']);
    succeeded(some);
    assert.match(some.stdout, /Drops: no_space \d+/);
  } finally {
    port.close();
  }
});

test('-X dumps packets', async () => {
  const tx = await world.run('pkt-gen', [
    '-i',
    'null',
    '-f',
    'tx',
    '-n',
    '2',
    '-X',
    '-D',
    '02:00:00:00:00:aa',
  ]);
  succeeded(tx);
  assert.match(tx.stdout, /02 ?00 ?00 ?00 ?00 ?aa/i);
});

test('a wrong command line: one line on stderr that names what, status 2, nothing started', async () => {
  for (const [args, words] of [
    [
      ['-i', 'vale0:a', '-n', 'many'],
      ['-n', 'many'],
    ],
    [['-i', 'vale0:a', '--bogus'], ['--bogus']],
    [[], ['-i']],
    [['-i', 'vale0'], ['vale0']],
    [['-i', 'vale0:a/q'], ['q']],
    [['-i', 'vale0:a', '-f', 'tx', '-D', '00:11:22'], ['00:11:22']],
    [['-i', 'vale0:a', '-f', 'tx', '-S', '00:11:22:33:44:gg'], ['gg']],
    [['-i', 'vale0:a', '-f', 'tx', '-d', '10.0.0.300'], ['10.0.0.300']],
    [['-i', 'vale0:a', '-f', 'tx', '-d', '10.0.0.9-10.0.0.1'], ['10.0.0']],
    [['-i', 'vale0:a', '-f', 'tx', '-s', '10.0.0.1:99999'], ['99999']],
    [
      ['-i', 'vale0:a', '-f', 'tx', '-6', '-s', '10.0.0.1'],
      ['10.0.0.1', '-6'],
    ],
    [
      ['-i', 'vale0:a', '-f', 'tx', '-d', 'fd00::1'],
      ['-d', 'fd00::1', '-6'],
    ],
    [
      ['-i', 'vale0:a', '-f', 'tx', '-s', '[fd00::1]:53'],
      ['-s', 'fd00::1', '-6'],
    ],
    [
      ['-i', 'vale0:a', '-f', 'tx', '-l', '9'],
      ['-l', '9'],
    ],
    [['-i', 'vale0:a', '-f', 'tx', '-a', '4000'], ['4000']],
    [['-i', 'vale0:a', '-f', 'tx', '-c', '4000'], ['4000']],
    [['-i', 'vale0:a', '-f', 'tx', '-o', '128'], ['128']],
    [['-i', 'vale0:a', '-f', 'ping', '-p', '2'], ['ping']],
  ] as const) {
    const { status, stdout, stderr } = await world.run('pkt-gen', [...args]);
    const line = args.join(' ');
    assert.is(status, 2, `${line}: ${stdout}${stderr}`);
    assert.is(stdout, '', line);
    assert.match(stderr, /^pkt-gen: [^\n]+\n$/, line);
    for (const word of words) assert.ok(stderr.includes(word), `${line}: ${stderr}`);
    assert.equal(world.files(), [], line);
  }
});

test('a failure while running: one line, status 1', async () => {
  const held = world.start('pkt-gen', ['-i', 'vale0:a/x', '-f', 'rx']);
  await world.ports('vale0:a');
  const { status, stderr } = await world.run('pkt-gen', ['-i', 'vale0:a/x', '-f', 'rx']);
  assert.is(status, 1, stderr);
  assert.match(stderr, /^pkt-gen: [^\n]*vale0:a[^\n]*\n$/);
  succeeded(await held.signal('SIGINT'));
});

test('a reader of stdout that goes away ends the run quietly', async () => {
  const script = `"$0" "$1" -i null -f tx --json -T 20 | head -n 1`;
  const pktGen = new URL('../../dist/tools/pkt-gen.js', import.meta.url).pathname;
  const { status, stdout, stderr } = await world.startCommand('sh', ['-c', script, process.execPath, pktGen])
    .ended;
  assert.is(status, 0);
  assert.is(stdout.split('\n').length, 2);
  assert.is(stderr, '');
  assert.equal(world.files(), []);
});

test('help and version', async () => {
  const help = await world.run('pkt-gen', ['-h']);
  succeeded(help);
  assert.match(help.stdout, /^Usage: pkt-gen -i port/);
  for (const [program, args] of [
    ['pkt-gen', ['-h']],
    ['emulate', ['-h']],
    ['emulate', ['--offline', '-h']],
    ['ipfw', ['-h']],
    ['doctor', ['-h']],
    ['bridge', ['-h']],
  ] as const) {
    const { stdout } = await world.run(program, [...args]);
    assert.match(stdout, new RegExp(`^ *Examples?:?.*\\b${program} `, 'ms'), stdout);
    const [, page = ''] = new RegExp(`Manual: man ${program}, or (\\S+\\.md)`).exec(stdout) ?? [];
    assert.ok(existsSync(page), `${program}: there is no ${page}`);
    assert.not.match(stdout, /\bdocs\/\w+\.md\)/, 'a path that holds in a checkout only');
    assert.is(
      (
        await world.run(
          program,
          args.map((arg) => (arg === '-h' ? '--help' : arg)),
        )
      ).stdout,
      stdout,
    );
  }
  const version = await world.run('pkt-gen', ['--version']);
  succeeded(version);
  assert.match(version.stdout, /^pkt-gen \d+\.\d+\.\d+\n$/);
});

test.run();
