// SPDX-License-Identifier: BSD-2-Clause
// pkt-gen-rules.test.ts: pkt-gen processes with rules: exact counts at both ends, ipfw from outside while they run, what is
// said about rules that are wrong or mean nothing here.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { openPort } from '../../src/index.js';
import { violations } from '../unit/schema.js';
import { recordsOf, resultOf, until, World } from './programs.js';

let world: World;
test.before.each(() => {
  world = new World();
});
test.after.each(() => world.end());

/** A rule file in the test's folder. */
function ruleFile(name: string, ...lines: string[]): string {
  const file = path.join(world.base, name);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

const TEN_PORTS = ['-s', '10.0.0.1:1000-10.0.0.1:1009'];
const SENDER = ['-i', 'netmap:p{1', '-f', 'tx', ...TEN_PORTS, '--json', '-T', '50'];

test('half of a range of ports passes the sender, half of that the receiver', async () => {
  const rules = ruleFile('in.rules', '# two of ten', 'add deny ip from any 1005,1006 to any in recv p}1');
  const rx = world.start('pkt-gen', [
    '-i',
    'netmap:p}1',
    '-f',
    'rx',
    '-n',
    '30k',
    '--json',
    '--rules',
    rules,
  ]);
  await world.ports('p}1');
  const tx = await world.run('pkt-gen', [
    ...SENDER,
    ...['-n', '100k', '-R', '200k'],
    ...['--rule', 'add deny udp from any 1000-1004 to any out xmit p{1'],
  ]);
  const received = await rx.ended;
  for (const { status, stdout, stderr } of [tx, received]) {
    assert.is(status, 0, stderr);
    for (const record of recordsOf(stdout)) {
      assert.equal(violations(record), [], JSON.stringify(record));
      assert.type(record.denied, 'number');
    }
  }
  assert.is(resultOf(tx).packets, 50000);
  assert.is(resultOf(tx).denied, 50000);
  assert.is(resultOf(received).packets, 30000);
  assert.is(resultOf(received).denied, 20000);
  const reports = recordsOf(tx.stdout).filter(({ type }) => type === 'report');
  const denied = reports.reduce((sum, report) => sum + Number(report.denied), 0);
  assert.ok(denied <= 50000, `reports say ${denied}`);
  assert.equal(world.files(), []);
});

test('without rules, records say nothing about them', async () => {
  const { stdout } = await world.run('pkt-gen', ['-i', 'null:', '-f', 'tx', '-n', '10', '--json']);
  assert.ok(recordsOf(stdout).every((record) => !('denied' in record)));
});

test('as text: what was denied is said in progress and at the end', async () => {
  const { stdout, stderr, status } = await world.run('pkt-gen', [
    ...['-i', 'null:', '-f', 'tx', '-n', '1000', '-R', '500', '-T', '100', ...TEN_PORTS],
    ...['--default', 'deny', '--rule', 'add allow ip from any 1000 to any'],
  ]);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^Sent 100 packets 6000 bytes/m);
  assert.match(stdout, /^Rules: denied 900 packets$/m);
  assert.match(stderr, /min_space \d+ denied$/m);
});

test('ipfw from outside: lists, adds and counts on a running pkt-gen', async () => {
  const tx = world.start('pkt-gen', [...SENDER, '-i', 'null:', '-R', '20k', '--default', 'deny', '-v']);
  const control = `${world.dir}.control`;
  await until(() => readdirSync(world.base).includes('shm.control'), 'the control socket');
  const ipfw = async (...args: string[]) => {
    const ended = await world.run('ipfw', args);
    assert.is(ended.status, 0, ended.stderr);
    return ended.stdout;
  };
  assert.is(await ipfw('list'), '65535 deny ip from any to any\n');
  await until(() => /"denied":[1-9]/.test(tx.stdout), 'denied packets');
  assert.not.match(tx.stdout, /"packets":[1-9]/, 'nothing was sent before a rule allowed it');
  await ipfw('-q', 'add', '100', 'allow', 'udp', 'from', 'any', '1000-1004', 'to', 'any', 'xmit', 'null:');
  await until(() => /"packets":[1-9]/.test(tx.stdout), 'sent packets');
  const [socket] = readdirSync(control);
  const shown = await ipfw('--socket', path.join(control, socket!), 'show', '100');
  assert.ok(Number(shown.split(' ').filter(Boolean)[1]) > 0, shown);
  const ended = await tx.signal('SIGINT');
  assert.is(ended.status, 0, ended.stderr);
  const result = resultOf(ended);
  assert.ok(Number(result.packets) > 0 && Number(result.denied) > Number(result.packets));
  assert.not.ok(readdirSync(world.base).includes('shm.control'), 'the socket is gone');
});

test('a wrong rule is named with file, line and column, status 65, and nothing starts', async () => {
  const bad = ruleFile('bad.rules', 'add allow tcp from any to any', 'add deny udp from any to 1.2.3.4.5');
  for (const [args, status, message] of [
    [['--rules', bad], 65, /^pkt-gen: .*bad\.rules:2:26: /],
    [
      [
        ...['--rules', ruleFile('good.rules', 'add allow ip from any to any')],
        ...['--rule', 'add deny udp from any to any', '--rule', 'add alow ip'],
      ],
      65,
      /^pkt-gen: --rule:2:5: unknown action "alow"/m,
    ],
    [['--rules', path.join(world.base, 'none')], 69, /^pkt-gen: cannot read .*none: no such file$/m],
    [['--default', 'maybe'], 2, /^pkt-gen: --default: /],
    [['--rule', 'add deny ip from any to any', '-i', 'vale0:alongportname'], 1, /at most 15 characters/],
  ] as const) {
    const ended = await world.run('pkt-gen', ['-i', 'null:', '-f', 'tx', '-n', '10', ...args]);
    assert.is(ended.status, status, ended.stderr);
    assert.match(ended.stderr, message);
    assert.is(ended.stdout, '');
  }
  assert.equal(world.files(), []);
});

test('what needs links is refused, in files and from ipfw', async () => {
  const rules = ruleFile('links.rules', 'add allow ip from any to any', 'add pipe 1 ip from any 1000 to any');
  for (const [args, message] of [
    [
      ['--rules', rules],
      /links\.rules:2:1: the action "pipe" is refused: pkt-gen has no links: use emulate$/m,
    ],
    [['--rule', 'pipe 1 config bw 1Mbit/s'], /--rule:1:1: pkt-gen has no links: use emulate$/m],
    [
      ['--rule', 'add reass ip from any to any in'],
      /the action "reass" is refused: pkt-gen lets no packet wait/,
    ],
  ] as const) {
    const { status, stderr, stdout } = await world.run('pkt-gen', [
      ...SENDER,
      '-i',
      'null:',
      '-n',
      '10',
      ...args,
    ]);
    assert.is(status, 65, stderr);
    assert.match(stderr, message);
    assert.is(stdout, '');
  }
  const tx = world.start('pkt-gen', [...SENDER, '-i', 'null:', '-R', '1k', '--default', 'deny']);
  await until(() => /"denied":[1-9]/.test(tx.stdout), 'denied packets');
  const refused = await world.run('ipfw', ['add', 'queue', '3', 'ip', 'from', 'any', 'to', 'any']);
  assert.is(refused.status, 65);
  assert.match(refused.stderr, /the action "queue" is refused/);
  assert.is((await world.run('ipfw', ['list'])).stdout, '65535 deny ip from any to any\n');
  await tx.signal('SIGINT');
});

const FAR_MAC = ['-D', '02:00:00:00:00:02'];

test('answers go back, copies and diverted packets to ports, matches to files', async () => {
  const rules = ruleFile(
    'aside.rules',
    'add 100 unreach port log udp from any 1000 to any in',
    'add 200 tee vale8:ids udp from any 1001 to any in',
    'add 300 divert 7 udp from any 1002 to any in',
    'add 400 fwd vale8:ids udp from any 1003 to any in',
    'add 500 allow log logdst syslog udp from any 1004 to any in',
  );
  const [json, pcapng] = [path.join(world.base, 'matches.json'), path.join(world.base, 'matches.pcapng')];
  const ids = world.start('pkt-gen', ['-i', 'vale8:m', '-f', 'rx', '--json', '-n', '20']);
  const proxy = world.start('pkt-gen', ['-i', 'netmap:divert7}0', '-f', 'rx', '--json', '-n', '10']);
  await world.ports('vale8:m', 'divert7}0');
  const rx = world.start('pkt-gen', [
    ...['-i', 'vale0:b', '-f', 'rx', '-W', '--json', '--rules', rules, '--log', json, '--log', pcapng],
  ]);
  await world.ports('vale0:b');
  const pinged = await world.run('pkt-gen', [
    ...['-i', 'vale0:a', '-f', 'ping', '-n', '100', '-b', '100', '--json', ...TEN_PORTS, ...FAR_MAC],
  ]);
  assert.is(pinged.status, 1, 'no request was answered: all met rules');
  const received = await rx.ended;
  assert.is(received.status, 0, received.stderr);
  const { packets, denied, answers, copies, unsent } = resultOf(received);
  assert.equal([packets, denied, answers, copies, unsent], [70, 30, 10, 30, 0]);
  for (const record of recordsOf(received.stdout))
    assert.equal(violations(record), [], JSON.stringify(record));
  assert.is(resultOf(await ids.ended).packets, 20, 'ten copies, ten forwarded');
  assert.is(resultOf(await proxy.ended).packets, 10, 'diverted');
  const matches = recordsOf(readFileSync(json, 'utf8'));
  const rulesOf = (wanted: number) => matches.filter(({ rule }) => rule === wanted).length;
  assert.equal([matches.length, rulesOf(100), rulesOf(500)], [20, 10, 10]);
  const capture = openCapture(pcapng);
  const written = [...capture];
  assert.equal(
    written.map(({ comment, direction, interface: index }) => [
      comment,
      direction,
      capture.interfaces[index]!.name,
    ]),
    Array.from({ length: 10 }, () => ['rule 100', 'in', 'vale0:b']),
  );
});

test('answers of a sender that rejects do not end up in its own packets', async () => {
  // Fewer packets than the slots of what receives them: none is lost, however late somebody reads.
  const pong = world.start('pkt-gen', [
    ...['-i', 'vale0:b', '-f', 'pong', '--json'],
    ...['--rule', 'add 100 count udp from any to any in', '--rule', 'add 200 count icmp from any to any in'],
  ]);
  await world.ports('vale0:b');
  const pinged = await world.run('pkt-gen', [
    ...['-i', 'vale0:a', '-f', 'ping', '-n', '600', '-R', '2k', '-C', '64,1024', '--json', ...TEN_PORTS],
    ...['--rule', 'add unreach port udp from any to any 1000-1004 in recv vale0:a', ...FAR_MAC],
    ...['-S', '02:00:00:00:00:01'],
  ]);
  assert.is(pinged.status, 0, pinged.stderr);
  // 300, but for replies that came when it had waited a second and left.
  const { answers, denied } = resultOf(pinged);
  assert.ok(Number(answers) > 0 && Number(answers) <= 300);
  assert.is(answers, denied);
  const all = new RegExp(`^00100 600 .*\\n00200 +${answers} `);
  const socket = path.join(`${world.dir}.control`, readdirSync(`${world.dir}.control`)[0]!);
  let counted = '';
  for (let tries = 0; tries < 20 && !all.test(counted); tries++)
    counted = (await world.run('ipfw', ['--socket', socket, 'show', '100', '200'])).stdout;
  assert.match(counted, all);
  await pong.signal('SIGINT');
});

test('a log that goes nowhere is said at the start', async () => {
  const { stderr, status } = await world.run('pkt-gen', [
    ...[...SENDER, '-i', 'null:', '-n', '10', '--rule', 'add allow log ip from any to any'],
  ]);
  assert.is(status, 0, stderr);
  assert.match(stderr, /^rules: matches of rules with log are not kept: --log FILE/m);
});

test('VLAN tags: what rules did not look behind is counted and said, or they look', async () => {
  const tagged = ['-i', 'null:', '-f', 'tx', '-n', '1000', '--vlan', '7,8', '-l', '100'];
  const rule = ['--rule', 'add deny udp from any to any'];
  const opaque = await world.run('pkt-gen', [...tagged, ...rule, '--json']);
  assert.equal(
    [opaque.status, resultOf(opaque).packets, resultOf(opaque).denied, resultOf(opaque).vlan_opaque],
    [0, 1000, 0, 1000],
  );
  assert.equal(violations(resultOf(opaque)), []);
  const text = await world.run('pkt-gen', [...tagged, ...rule]);
  assert.match(text.stdout, 'Behind VLAN tags, not looked into by rules: 1000 packets (--vlan inner looks).');
  const inner = await world.run('pkt-gen', [...tagged, ...rule, '--vlan', 'inner', '--time', '1', '--json']);
  assert.equal([resultOf(inner).packets, resultOf(inner).vlan_opaque], [0, 0]);
});

test('odd shapes: a receiver decides as emulate does, and a divert port gets whole datagrams', async () => {
  const rules = ruleFile(
    'shapes.rules',
    'add 100 divert 7 udp from any to any 5000',
    'add 150 divert 7 udp from any to any frag',
    'add 200 allow ip6 from any to any',
    'add 300 deny tcp from any to any',
  );
  const shapes = ['plain', 'next-header6', 'ipv6-protocols', 'tiny', 'vlan'];
  const frames = shapes.flatMap((name) => [...openCapture(`test/golden/packets/${name}.pcap`)]);
  const rx = world.start('pkt-gen', [
    '-i',
    'vale0:b',
    '-f',
    'rx',
    '--json',
    '--rules',
    rules,
    '--vlan',
    'inner',
  ]);
  await world.ports('vale0:b');
  const sender = openPort('vale0:a', { dir: world.dir });
  const divert = openPort('netmap:divert7}0', { dir: world.dir });
  try {
    for (const { data } of frames) {
      assert.is(sender.tx.reserve(1), 1);
      sender.tx.packet(0).set(data, 0);
      sender.tx.lengths[0] = data.length;
      sender.tx.send(1);
    }
    for (const start = performance.now(); divert.rx.receive() === 0; await sleep(1))
      assert.ok(performance.now() - start < 100_000, 'a datagram is diverted');
    assert.is(divert.rx.lengths[0], 810);
    // Some of the shapes pass: what is known of IPv6. Wait for the last frames to be denied.
    const socket = path.join(`${world.dir}.control`, readdirSync(`${world.dir}.control`)[0]!);
    for (const start = performance.now(); ; ) {
      const { stdout } = await world.run('ipfw', ['--socket', socket, 'show', '200', '300']);
      if (/^00200 +4 .*\n00300 +3 /.test(stdout)) break;
      assert.ok(performance.now() - start < 100_000, stdout);
    }
  } finally {
    sender.close();
    divert.close();
  }
  await rx.signal('SIGINT');
  const { packets, denied } = resultOf(await rx.ended);
  // denied: three fragments, six unknown next headers, a tiny fragment, three of TCP
  assert.equal([packets, denied], [4, 13]);
});

test.run();
