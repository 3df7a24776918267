// SPDX-License-Identifier: BSD-2-Clause
// pkt-gen-rules.test.ts: pkt-gen processes with rules: exact counts at both ends, ipfw from outside while they run, what is
// said about rules that are wrong or mean nothing here.
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
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

test('rules that need links, ports or a host: said at the start, denied', async () => {
  const rules = ruleFile(
    'links.rules',
    'pipe 1 config bw 1Mbit/s',
    'add pipe 1 ip from any 1000 to any',
    'add divert 5 ip from any 1001 to any',
    'add reset tcp from any to any',
  );
  const { stderr, stdout, status } = await world.run('pkt-gen', [
    ...SENDER,
    ...['-i', 'null:', '-n', '100', '--rules', rules],
  ]);
  assert.is(status, 0, stderr);
  assert.match(
    stderr,
    /^rules: pkt-gen has no links and no other ports: packets that meet pipe, divert are denied; nothing is sent for reset$/m,
  );
  assert.is(resultOf({ stdout, stderr, status, signal: null }).denied, 20);
});

test.run();
