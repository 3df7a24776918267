// SPDX-License-Identifier: BSD-2-Clause
// rules-native.test.ts: language and engine together: the engine takes every rule the language has, and what the
// commands say of tables, sets, counters and states is what packets meet.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { requestOnce } from '../../src/rules/control-client.js';
import { RuleError } from '../../src/rules/error.js';
import { parseHost } from '../../src/rules/host.js';
import type { NativeVerdict } from '../../src/rules/native-engine.js';
import { openRules } from '../../src/rules/open.js';
import { parsePacket } from '../../src/rules/packet-text.js';
import { printAdd } from '../../src/rules/print-rule.js';
import { clock, controller, engine, fresh, run, SECOND } from './engine-fixture.js';
import { anyRule } from './rules-arbitrary.js';
import './seed.js';

const test = suite('language and engine');

test.before.each(() => fresh());
test.after.each(() => engine.close());

function send(text: string): NativeVerdict {
  const { frame, layer, out, recv, xmit } = parsePacket(text);
  const inIf = recv === undefined ? {} : { inIf: engine.rules.interface(recv) };
  const outIf = xmit === undefined ? {} : { outIf: engine.rules.interface(xmit) };
  return engine.rules.classify({ data: frame, time: clock.now, layer, out, ...inIf, ...outIf });
}

const verdict = (text: string): string => {
  const { action, rule, arg } = send(text);
  return `${action}${/pipe|queue|divert/.test(action) ? ` ${arg}` : ''} ${rule}`;
};

test('the engine takes every rule', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.array(anyRule, { minLength: 1, maxLength: 6 }), (rules) => {
      for (const rule of rules) {
        try {
          run(`-q ${printAdd(rule)}`);
          taken++;
        } catch (error) {
          // a table has one type: a second rule may want another
          if (!(error instanceof RuleError && /is of type/.test(error.message)))
            throw new Error(`${printAdd(rule)}: ${error}`);
        }
      }
      run('-q flush\ndelete set 31');
      run(controller.world.tables.all.map(({ name }) => `table ${name} destroy`).join('\n'));
    }),
    { numRuns: 500, endOnFailure: true },
  );
  assert.ok(taken > 1000, `${taken} rules`);
});

test('tables: entries, longest prefix, values, swap, flush', () => {
  run(`
    table t create
    table t add 10.0.0.0/8 1 10.1.0.0/16 2 2001:db8::/32 3
    add 10 deny ip from table(t,2) to any
    add 20 skipto tablearg ip from table(t) to any
    add 30 deny ip from any to any`);
  assert.is(verdict('udp 10.1.2.3:1 > 9.9.9.9:1'), 'deny 10');
  assert.is(verdict('udp 10.2.2.3:1 > 9.9.9.9:1'), 'deny 30');
  run('table u create\ntable u add 10.2.0.0/16 100\ntable t swap u');
  assert.is(verdict('udp 10.2.2.3:1 > 9.9.9.9:1'), 'pass 65535');
  assert.is(verdict('udp 10.1.2.3:1 > 9.9.9.9:1'), 'deny 30');
  run('table t flush');
  assert.is(verdict('udp 10.2.2.3:1 > 9.9.9.9:1'), 'deny 30');
});

test('tables of the other types', () => {
  run(`
    table p create type number
    table p add 80 1000 22 2000
    table i create type iface
    table i add em0 7
    table f create type flow:src-ip,proto,dst-port
    table f add 10.0.0.1,tcp,80 5
    table m create type mac
    table m add 02:00:00:00:00:01 9
    add 10 pipe tablearg ip from any to any flow table(f)
    add 20 queue tablearg ip from any to any recv table(i) lookup dst-port p
    add 30 pipe tablearg ip from any to any src-mac table(m)`);
  assert.is(verdict('tcp 10.0.0.1:5 > 1.1.1.1:80'), 'pipe 5 10');
  assert.is(verdict('tcp 10.0.0.2:5 > 1.1.1.1:22 recv em0'), 'queue 2000 20');
  assert.is(verdict('tcp 10.0.0.2:5 > 1.1.1.1:23 recv em1'), 'pipe 9 30');
  assert.is(verdict('tcp 10.0.0.2:5 > 1.1.1.1:23 mac 02:00:00:00:00:02 02:00:00:00:00:03'), 'pass 65535');
});

test('values of several kinds go to the actions they are for', () => {
  run(`
    table v create valtype skipto,pipe,tag
    table v add 10.0.0.1 500,7,33
    add 100 count tag tablearg ip from table(v) to any
    add 200 skipto tablearg ip from table(v) to any
    add 300 deny ip from any to any
    add 500 pipe tablearg ip from table(v) to any tagged 33`);
  assert.is(verdict('udp 10.0.0.1:1 > 1.1.1.1:1'), 'pipe 7 500');
  assert.is(verdict('udp 10.0.0.2:1 > 1.1.1.1:1'), 'deny 300');
});

test('counters live on through other changes, and zero zeroes them', () => {
  run('add 100 count udp from any to any\nadd 200 allow ip from any to any');
  send('udp 1.1.1.1:1 > 2.2.2.2:2');
  run('add 150 deny tcp from any to any\ntable x create\nset disable 5');
  send('udp 1.1.1.1:1 > 2.2.2.2:2');
  assert.match(run('show'), /^00100 2 56 count udp .*\n00150 0 {2}0 deny tcp .*\n00200 2 56 allow/);
  assert.match(run('-T list 100'), /^00100 {7}1000 count/);
  run('zero 100');
  assert.match(run('show'), /^00100 0 {2}0 count udp .*\n00150 0 {2}0 deny tcp .*\n00200 2 56 allow/);
  run('delete 150\nzero');
  assert.match(run('show'), /^00100 0 0 .*\n00200 0 0 .*\n65535 0 0/);
});

test('sets switch at once, rules move between them', () => {
  run('add 1 set 1 deny ip from any to any\nadd 2 set 2 pipe 2 ip from any to any\nset disable 1');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pipe 2 2');
  run('set swap 1 2');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'deny 1');
  run('set enable 1 disable 2');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pipe 2 2');
  run('set move rule 2 to 2');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pass 65535');
});

test('disable firewall lets everything pass, uncounted by the rules', () => {
  run('add 10 deny ip from any to any');
  run('disable firewall');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pass 1');
  run('sysctl net.inet6.ip6.fw.enable=1');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pass 1');
  assert.is(verdict('udp [::1]:1 > [::2]:2'), 'deny 10');
  run('enable firewall');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'deny 10');
  assert.match(run('show 10'), /^00010 2 /);
});

test('states are listed with their names and time left, die with their rule, obey the variables', () => {
  run(
    'sysctl net.inet.ip.fw.dyn_udp_lifetime=7\nadd 5 check-state :web\nadd 10 allow udp from 1.1.1.1 to any keep-state :web\nadd 20 deny ip from any to any',
  );
  assert.is(verdict('udp 2.2.2.2:2 > 1.1.1.1:1'), 'deny 20');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pass 10');
  assert.is(verdict('udp 2.2.2.2:2 > 1.1.1.1:1'), 'pass 10');
  assert.match(
    run('-D list'),
    /^## Dynamic rules \(1 152\):\n00010 STATE udp 1\.1\.1\.1 1 <-> 2\.2\.2\.2 2 :web\n$/,
  );
  clock.now += 2n * SECOND;
  assert.match(run('-d show'), /00010 2 {2}56\(5s\) STATE udp|00010 2 56 \(5s\) STATE udp/);
  assert.match(run('sysctl net.inet.ip.fw.dyn_count'), /: 1\n/);
  run('-D delete 10');
  assert.is(verdict('udp 2.2.2.2:2 > 1.1.1.1:1'), 'deny 20');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pass 10');
  run('delete 10');
  assert.is(verdict('udp 2.2.2.2:2 > 1.1.1.1:1'), 'deny 20');
});

test('a table at its limit, a table in use: refused, nothing changed', () => {
  run('table t create limit 1\nadd 10 deny ip from table(t) to any');
  for (const text of ['table t add 1.1.1.1 1 2.2.2.2 2', 'table t destroy'])
    assert.throws(
      () => run(text),
      (error: unknown) => error instanceof RuleError,
      text,
    );
  assert.is(run('table t list'), '--- table(t), set(0) ---\n');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pass 65535');
});

test('me is what the program says it is', () => {
  run('add 10 deny ip from any to me\nadd 20 deny ip6 from me6 to any');
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'pass 65535');
  engine.setHost(parseHost({ me: ['2.2.2.2', '2001:db8::1'] }));
  assert.is(verdict('udp 1.1.1.1:1 > 2.2.2.2:2'), 'deny 10');
  assert.is(verdict('udp [2001:db8::1]:1 > [::2]:2'), 'deny 20');
});

test('routes and connected networks: verrevpath, versrcreach, antispoof', () => {
  run(`
    add 10 deny udp from any to any not verrevpath in
    add 20 deny tcp from any to any not versrcreach in
    add 30 deny icmp from any to any not antispoof in`);
  engine.setHost(
    parseHost({
      networks: ['10.0.1.0/24=em0', '10.0.2.0/24=em1', '2001:db8::/32=em1'],
      routes: ['10.0.0.0/8=em2', 'default=em3'],
    }),
  );
  for (const [packet, want] of [
    ['udp 10.0.1.5 > 9.9.9.9 in recv em0', 'pass 65535'],
    ['udp 10.0.1.5 > 9.9.9.9 in recv em1', 'deny 10'],
    ['udp 10.7.7.7 > 9.9.9.9 in recv em2', 'pass 65535'],
    ['udp [2001:db8::5] > [::9] in recv em1', 'pass 65535'],
    ['udp 10.0.1.5 > 9.9.9.9 out xmit em1', 'pass 65535'],
    ['tcp 10.7.7.7 > 9.9.9.9 in recv em0', 'pass 65535'],
    ['tcp 11.0.0.1 > 9.9.9.9 in recv em3', 'deny 20'],
    ['icmp 10.0.2.5 > 9.9.9.9 in recv em0', 'deny 30'],
    ['icmp 10.0.2.5 > 9.9.9.9 in recv em1', 'pass 65535'],
    ['icmp 10.7.7.7 > 9.9.9.9 in recv em0', 'pass 65535'],
    ['udp 66.0.0.1 > 9.9.9.9 in', 'pass 65535'], // from nowhere
    ['tcp 66.0.0.1 > 9.9.9.9 out xmit em0', 'pass 65535'],
    ['icmp 10.0.2.5 > 9.9.9.9 out xmit em0', 'pass 65535'],
  ] as const)
    assert.is(verdict(packet), want, packet);
});

test('what goes out matches versrcreach only when it is IP', () => {
  run(
    'add 10 count ip from any to any out versrcreach layer2\nadd 20 count ip from any to any out verrevpath layer2',
  );
  send('udp 1.1.1.1:1 > 2.2.2.2:2 out layer2');
  const arp = Uint8Array.from({ length: 60 }, (_, i) => (i === 12 ? 8 : i === 13 ? 6 : 0));
  engine.rules.classify({ data: arp, time: clock.now, layer: 2, out: true });
  const packets = (rule: number): string => run(`show ${rule}`).split(/\s+/)[1]!;
  assert.equal([packets(10), packets(20)], ['1', '2']);
});

test('ten thousand rules with the engine', () => {
  const rules = Array.from(
    { length: 10000 },
    (_, i) => `-q add ${i + 1} deny tcp from 10.${i >> 8}.${i & 255}.0/24 to any ${i + 1}-${i + 9} in`,
  );
  const start = process.hrtime.bigint();
  run(rules.join('\n'));
  console.log(`# 10,000 rules in ${(Number(process.hrtime.bigint() - start) / 1e6).toFixed(0)} ms`);
  assert.is(verdict('tcp 10.39.15.1:5 > 1.1.1.1:10005'), 'deny 10000');
});

test('a program opens its rules: files, single rules, the host, the socket', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'nv-open-'));
  process.env.NETVALE_DIR = path.join(folder, 'world');
  const file = path.join(folder, 'a.rules');
  writeFileSync(file, 'add 10 deny ip from any to me\ntable 7 add 1.1.1.1\n');
  const warnings: string[] = [];
  const opened = await openRules({
    program: 'test',
    files: [file],
    rules: ['add 20 pipe 3 udp from any to any'],
    defaultAction: 'deny',
    host: parseHost({ me: ['2.2.2.2'] }),
    warn: (text) => warnings.push(text),
  });
  assert.is(warnings.length, 2, 'a table made by adding to it, a pipe that is not there');
  const reply = await requestOnce(opened.socket, { args: ['list'], folder });
  assert.is(
    reply.output,
    '00010 deny ip from any to me\n00020 pipe 3 udp from any to any\n65535 deny ip from any to any\n',
  );
  await opened.close();
  assert.not.ok(existsSync(opened.socket!));
  try {
    await openRules({ program: 'test', files: [file], rules: ['add 20 pipe tcp'] });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /:1:13: bad pipe number "tcp"/);
  }
  rmSync(folder, { recursive: true });
});

const SYN = 'tcp 10.0.0.1:5 > 10.0.0.2:80 flags syn';
const BACK = 'tcp 10.0.0.2:80 > 10.0.0.1:5 flags ack';

test('check-state with log and tag: done for each packet, and a state decides', () => {
  run('add 100 check-state :x log tag 7\nadd 200 deny tcp from any to any established not tagged 7');
  run('add 300 allow tcp from any to any setup keep-state :x\nadd 400 deny ip from any to any');
  assert.is(verdict(BACK), 'deny 400');
  const first = send(SYN);
  assert.equal([first.rule, first.fromState, first.logs.map(({ rule }) => rule)], [300, false, [100]]);
  const back = send(BACK);
  assert.equal([back.action, back.rule, back.fromState], ['pass', 300, true]);
  assert.equal(
    back.logs.map(({ rule }) => rule),
    [100],
  );
  const counted = engine.counters();
  const packets = [100, 300, 400].map(
    (number) =>
      counted.get(controller.world.rules.all.find(({ rule }) => rule.number === number)!.id)?.packets ?? 0n,
  );
  assert.equal(packets, [0n, 2n, 1n]);
});

test('check-state with a probability finds the state that often', () => {
  run('add 100 prob 0.5 check-state\nadd 200 deny tcp from any to any established');
  run('add 300 allow tcp from any to any setup keep-state');
  assert.is(verdict(SYN), 'pass 300');
  const seen = { pass: 0, deny: 0 };
  for (let i = 0; i < 400; i++) seen[send(BACK).action as 'pass' | 'deny']++;
  assert.ok(seen.pass > 120 && seen.deny > 120, `${seen.pass} found, ${seen.deny} not`);
  run('delete 100\nadd 100 check-state');
  assert.is(verdict(BACK), 'pass 300');
});

test('skipto and call go to the default rule by its number', () => {
  run('add 100 skipto 65535 ip from 10.0.0.1 to any\nadd 110 call 65535 ip from 10.0.0.2 to any');
  run('add 200 deny ip from any to any');
  assert.is(verdict('udp 10.0.0.1:5 > 10.0.0.9:53'), 'pass 65535');
  assert.is(verdict('udp 10.0.0.2:5 > 10.0.0.9:53'), 'pass 65535');
  assert.is(verdict('udp 10.0.0.3:5 > 10.0.0.9:53'), 'deny 200');
});

test('fwd tablearg,port: the address of the table, the port of the rule', () => {
  run(
    'table P create type addr valtype ipv4,ipv6\ntable P add 10.0.0.2 192.0.2.9,2001:db8::9 2001:db8::2 192.0.2.9,2001:db8::9',
  );
  run(
    'add 100 fwd tablearg,3128 tcp from any to table(P) 80\nadd 200 fwd tablearg tcp from any to table(P) 81',
  );
  const hop = (text: string): unknown[] => {
    const { nextHop, nextHopPort } = send(text);
    return [nextHop, nextHopPort];
  };
  assert.equal(hop('tcp 10.0.0.1:5 > 10.0.0.2:80'), ['192.0.2.9', 3128]);
  assert.equal(hop('tcp [2001:db8::1]:5 > [2001:db8::2]:80'), ['2001:db8::9', 3128]);
  assert.equal(hop('tcp 10.0.0.1:5 > 10.0.0.2:81'), ['192.0.2.9', 0]);
});

test('variables of the state table are what it has', () => {
  const value = (name: string): number => Number(/: (\d+)\n/.exec(run(`sysctl net.inet.ip.fw.${name}`))![1]);
  run('add 100 allow udp from any to any limit src-addr 9');
  for (let host = 1; host <= 5; host++)
    for (let port = 1; port <= 2; port++) send(`udp 10.0.0.${host}:${port} > 10.9.9.9:53`);
  assert.equal([value('dyn_count'), value('dyn_parent_count')], [10, 5]);
  assert.ok(value('curr_dyn_buckets') >= 16);
  assert.ok(value('curr_max_length') >= 1 && value('curr_max_length') <= 10);
  run('sysctl net.inet.ip.fw.dyn_parent_max=6');
  assert.is(verdict('udp 10.0.0.6:1 > 10.9.9.9:53'), 'pass 100');
  const { action, reason } = send('udp 10.0.0.7:1 > 10.9.9.9:53');
  assert.equal([action, reason], ['deny', 'dyn_max']);
  assert.is(verdict('udp 10.0.0.6:2 > 10.9.9.9:53'), 'pass 100', 'the parents there are go on');
  assert.is(value('dyn_parent_count'), 6);
});

test('lists of 62 ports: each one matches, and those between do not', () => {
  const ports = Array.from({ length: 62 }, (_, i) => 2 * i + 1);
  run(`add 100 deny udp from any to any ${ports.join(',')}`);
  for (const port of ports) assert.is(verdict(`udp 10.0.0.1:5 > 10.0.0.2:${port}`), 'deny 100');
  assert.is(verdict('udp 10.0.0.1:5 > 10.0.0.2:122'), 'pass 65535');
  assert.is(verdict('udp 10.0.0.1:5 > 10.0.0.2:125'), 'pass 65535');
});

test.run();
