// SPDX-License-Identifier: BSD-2-Clause
// rules-commands.test.ts: what the commands do to the rule set: numbering, sets, tables, counters; that each is done whole or not at all.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bareContext } from '../../src/rules/context.js';
import { Controller, type ControllerOptions } from '../../src/rules/controller.js';
import { type DynamicState, NoEngine, type RuleCounter } from '../../src/rules/engine.js';
import { EXIT, RuleError } from '../../src/rules/error.js';

/** An engine that remembers what it was told and can be made to refuse. */
class FakeEngine extends NoEngine {
  log: string[] = [];
  refuse = '';
  programs: Uint8Array[] = [];
  counts = new Map<number, RuleCounter>();
  dynamic: DynamicState[] = [];

  private note(what: string): void {
    this.log.push(what);
    if (this.refuse && what.startsWith(this.refuse)) throw new Error('no memory');
  }
  override load(program?: Uint8Array): void {
    this.note('load');
    if (program) this.programs.push(program);
  }
  override tableCreate(id?: number): void {
    this.note(`create ${id}`);
  }
  override tableDestroy(id?: number): void {
    this.note(`destroy ${id}`);
  }
  override tableLimit(id?: number, limit?: number): void {
    this.note(`limit ${id} ${limit}`);
  }
  override tableUpdate(update?: Uint8Array): void {
    const view = new DataView(update!.buffer);
    const ops = Array.from({ length: view.getUint32(16, true) }, (_, i) =>
      view.getUint32(32 + 112 * i, true),
    );
    this.note(
      `update ${view.getUint32(8, true)} ${ops.map((op) => ['', 'add', 'set', 'delete'][op]).join(' ')}`,
    );
  }
  override natConfig(): void {
    this.note('nat');
  }
  override natDelete(id?: number): void {
    this.note(`nat delete ${id}`);
  }
  override setVariables(): void {
    this.note('variables');
  }
  override zero(ids?: number[], logOnly?: boolean): void {
    this.note(`zero ${ids ?? 'all'}${logOnly ? ' log' : ''}`);
  }
  override counters(): Map<number, RuleCounter> {
    return this.counts;
  }
  override states(): DynamicState[] {
    return this.dynamic;
  }
  override deleteStates(ids?: number[]): void {
    this.note(`forget ${ids}`);
  }
}

function make(options: Partial<ControllerOptions> = {}): {
  run: (text: string) => string;
  engine: FakeEngine;
  warnings: string[];
  controller: Controller;
} {
  const engine = new FakeEngine();
  const warnings: string[] = [];
  const controller = new Controller({
    context: { ...bareContext, warn: (text) => warnings.push(text) },
    engine,
    ...options,
  });
  engine.log = [];
  return { run: (text) => controller.runText(text, 'x'), engine, warnings, controller };
}

function refusal(work: () => void): RuleError {
  try {
    work();
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
  throw new Error('not refused');
}

const numbers = (run: (text: string) => string): number[] =>
  run('list')
    .trim()
    .split('\n')
    .map((line) => Number(line.slice(0, 5)));

test('numbers go up by autoinc_step, equal numbers keep their order', () => {
  const { run } = make();
  assert.is(run('add allow ip from any to any'), '00100 allow ip from any to any\n');
  run('add deny ip from any to any\nadd 150 count ip from any to any\nadd 150 count ip from any to any in');
  assert.equal(numbers(run), [100, 150, 150, 200, 65535]);
  assert.match(run('list 150'), /^00150 count ip from any to any\n00150 count ip from any to any in\n$/);
  run('sysctl net.inet.ip.fw.autoinc_step=10\nadd allow ip from any to any');
  run('add 65530 allow ip from any to any\nadd allow ip from me to any');
  assert.equal(numbers(run), [100, 150, 150, 200, 210, 65530, 65530, 65535]);
});

test('the default rule is told and cannot be deleted', () => {
  const { run } = make({ defaultAction: 'deny' });
  assert.is(run('list'), '65535 deny ip from any to any\n');
  assert.match(refusal(() => run('delete 65535')).message, /default rule/);
  assert.match(run('sysctl net.inet.ip.fw.default_to_accept'), /: 0\n/);
});

test('delete by number, range and set; what is not there is an error unless -f or -q', () => {
  const { run } = make();
  run(
    'add 1 allow ip from any to any\nadd 2 set 5 deny ip from any to any\nadd 3 count ip from any to any\nadd 4 set 5 count ip from any to any',
  );
  run('delete 1 3-4');
  assert.equal(numbers(run), [2, 65535]);
  const error = refusal(() => run('delete 77'));
  assert.match(error.message, /^x:1:1: rule 77 not found/);
  assert.is(error.exit, EXIT.unavailable);
  run('-f delete 77\n-q delete 77');
  assert.match(refusal(() => run('set 4 delete 2')).message, /rule 2 not found in set 4/);
  run('set 5 delete 2');
  run('add 9 set 5 allow ip from any to any\ndelete set 5');
  assert.equal(numbers(run), [65535]);
});

test('flush spares set 31, delete set 31 does not', () => {
  const { run } = make();
  run('add 1 set 31 allow ip from any to any\nadd 2 allow ip from any to any');
  assert.is(run('flush'), 'Flushed all rules.\n');
  assert.equal(numbers(run), [1, 65535]);
  assert.is(run('-q flush'), '');
  run('delete set 31');
  assert.equal(numbers(run), [65535]);
});

test('sets: disable, enable, move, swap, show', () => {
  const { run } = make();
  run(
    'add 1 set 1 allow ip from any to any\nadd 2 set 2 deny ip from any to any\nadd 3 allow ip from me to any',
  );
  run('set disable 1 30 enable 2');
  assert.is(
    run('set show'),
    `disable 1 30 enable 0 ${Array.from({ length: 28 }, (_, i) => i + 2).join(' ')}\n`,
  );
  assert.equal(numbers(run), [2, 3, 65535]);
  assert.match(run('-S list'), /^# DISABLED 00001 set 1 allow ip from any to any\n00002 set 2 deny/);
  run('set move rule 3 to 1\nset move 2 to 7\nset swap 1 7');
  assert.match(run('-S list'), /^00001 set 7 .*\n# DISABLED 00002 set 1 .*\n00003 set 7 /);
  assert.match(refusal(() => run('set disable 31')).message, /set 31 cannot be disabled/);
  assert.match(refusal(() => run('set move rule 300 to 1')).message, /rule 300 not found/);
});

test('show has columns as wide as the largest counter, -t and -T times', () => {
  const { run, engine } = make();
  run('add 100 count ip from any to any\nadd 200 allow ip from any to any');
  engine.counts.set(4, { packets: 7n, bytes: 420n, last: 86400 });
  engine.counts.set(5, { packets: 18446744073709551615n, bytes: 1n, last: 0 });
  assert.is(
    run('show'),
    '00100                    7 420 count ip from any to any\n00200 18446744073709551615   1 allow ip from any to any\n65535                    0   0 allow ip from any to any\n',
  );
  assert.is(run('-T list 100'), '00100      86400 count ip from any to any\n');
  assert.match(
    run('-t list 100'),
    /^00100 (Thu Jan {2}1|Fri Jan {2}2|Fri Jan {2}2) \d\d:\d\d:\d\d 1970 count/,
  );
  assert.match(run('-a -c list 200'), /^00200 18446744073709551615 1 allow ip from any to any\n$/);
});

test('dynamic states are listed with -d, deleted alone with -D', () => {
  const { run, engine } = make();
  run('add 100 allow tcp from me to any setup keep-state :web');
  engine.dynamic = [
    {
      ruleId: 4,
      rule: 100,
      kind: 'STATE',
      children: 0,
      proto: 6,
      src: '10.0.0.1',
      srcPort: 5,
      dst: '10.0.0.2',
      dstPort: 80,
      name: 1,
      packets: 3n,
      bytes: 180n,
      expires: 299,
      tcpFlags: 0,
    },
  ];
  assert.match(
    run('-d list'),
    /## Dynamic rules \(1\):\n00100 STATE tcp 10\.0\.0\.1 5 <-> 10\.0\.0\.2 80 :web\n$/,
  );
  assert.match(run('-d show'), /\n00100 3 180 \(299s\) STATE tcp/);
  assert.is(run('-D list'), '## Dynamic rules (1):\n00100 STATE tcp 10.0.0.1 5 <-> 10.0.0.2 80 :web\n');
  run('-D delete 100');
  assert.is(engine.log.at(-1), 'forget 4');
  assert.equal(numbers(run), [100, 65535]);
});

test('zero and resetlog go to the engine, by rule', () => {
  const { run, engine } = make();
  run('add 100 allow log ip from any to any\nadd 200 allow ip from any to any');
  engine.log = [];
  assert.is(run('zero'), 'Accounting cleared.\n');
  assert.is(run('resetlog 100'), 'Entry 100 logging count reset.\n');
  assert.is(run('zero 200 65535'), 'Entry 200 cleared.\nEntry 65535 cleared.\n');
  assert.equal(engine.log, ['zero all', 'zero 4 log', 'zero 5,1']);
  assert.match(refusal(() => run('zero 300')).message, /rule 300 not found/);
});

test('a command with an error in it changes nothing, nor do the others of its file', () => {
  const { run, engine } = make();
  run('add 100 allow ip from any to any\ntable t create\ntable t add 10.0.0.0/8 5');
  engine.log = [];
  const before = run('list\ntable all list\nset show\nsysctl -a\nnat show config\npipe show');
  const bad = [
    'add 200 deny ip from any to any\nset disable 3\ntable t add 11.0.0.0/8 6\ntable t add 10.0.0.0/8 7',
    'flush\ntable u create type number\ntable u add 5 5\ntable t destroy\nsysctl net.inet.ip.fw.one_pass=0\ndelete 5',
    'nat 1 config ip 1.2.3.4\npipe 1 config bw 1Mbit/s\ntable t flush\nadd allow ip from any to lookup(5)',
    'table t add 12.0.0.0/8 1 13.0.0.0/8 x',
    'set move 0 to 5\ntable t modify limit 9\ntable t lock\ntable t add 1.2.3.4 5',
  ];
  for (const text of bad) {
    refusal(() => run(text));
    assert.is(run('list\ntable all list\nset show\nsysctl -a\nnat show config\npipe show'), before, text);
  }
  assert.equal(engine.log, [], 'the engine heard nothing of it');
});

test('what the engine refuses is taken back, in the engine too', () => {
  const { run, engine } = make();
  run('table t create\ntable t add 10.0.0.0/8 5');
  engine.log = [];
  engine.refuse = 'load';
  const error = refusal(() =>
    run(
      'table t add 11.0.0.0/8 6\ntable u create type number\nnat 1 config ip 1.2.3.4\nadd 5 deny ip from table(t) to any',
    ),
  );
  assert.match(error.message, /the engine refused: no memory/);
  assert.is(error.exit, EXIT.unavailable);
  assert.equal(engine.log, [
    'create 1',
    'update 0 set',
    'nat',
    'load',
    'nat delete 1',
    'update 0 delete',
    'destroy 1',
  ]);
  engine.refuse = '';
  assert.equal(numbers(run), [65535]);
  assert.is(run('table all list'), '--- table(t), set(0) ---\n10.0.0.0/8 5\n');
  run('add 5 deny ip from table(t) to any');
});

test('tables of every type: keys, values, listing, look-up', () => {
  const { run } = make();
  run(
    'table a create type addr\ntable a add 10.0.0.0/8 1 10.1.2.3 0x10 2001:db8::/32 1.2.3.4 192.168.5.77/24',
  );
  assert.is(
    run('table a list'),
    '--- table(a), set(0) ---\n10.0.0.0/8 1\n10.1.2.3/32 16\n192.168.5.0/24 0\n2001:db8::/32 16909060\n',
  );
  assert.match(run('-i table a list'), /2001:db8::\/32 1\.2\.3\.4\n/);
  assert.is(run('table a lookup 10.1.2.4'), '10.0.0.0/8 1\n');
  assert.is(run('table a lookup 2001:db8:5::1'), '2001:db8::/32 16909060\n');
  assert.match(refusal(() => run('table a lookup 11.0.0.1')).message, /x:1:16: entry 11\.0\.0\.1 not found/);
  run('table n create type number valtype skipto,tag,dscp\ntable n add 80 1000,10,5 22 2000,af11,6');
  assert.is(run('table n list'), '--- table(n), set(0) ---\n22 2000,10,6\n80 1000,10,5\n');
  run('table i create type iface valtype fib,ipv4,ipv6\ntable i add vlan20 12,10.0.0.1,::1');
  assert.is(run('table i list'), '--- table(i), set(0) ---\nvlan20 12,10.0.0.1,::1\n');
  run(
    'table f create type flow:src-ip,proto,dst-ip,dst-port\ntable f add 2a02:6b8:77::88,tcp,2a02:6b8:77::99,80 11 10.0.0.1,udp,10.0.0.2,domain 12',
  );
  assert.is(
    run('table f list'),
    '--- table(f), set(0) ---\n2a02:6b8:77::88,6,2a02:6b8:77::99,80 11\n10.0.0.1,17,10.0.0.2,53 12\n',
  );
  run('table m create type mac\ntable m add 10:20:30:40:50:60/24 1 10:20:30:40:50:60 2');
  assert.is(run('table m lookup 10:20:30:00:00:01'), '10:20:30:00:00:00/24 1\n');
  assert.is(run('table m lookup 10:20:30:40:50:60'), '10:20:30:40:50:60/48 2\n');
  run('table h create algo addr:hash masks=/24,/64\ntable h add 10.0.0.5 1');
  assert.is(run('table h lookup 10.0.0.200'), '10.0.0.0/24 1\n');
  for (const [text, what] of [
    ['table h add 10.0.0.0/8 1', /prefix \/8 in a table of addr:hash/],
    ['table n add 80 1', /bad value "1": expected 3 value/],
    ['table n add http 1,1,1', /bad number "http"/],
    ['table f add 10.0.0.1,tcp,::1,80', /addresses of two families/],
    ['table f add 10.0.0.1,tcp', /bad flow key/],
    ['table a add 10.0.0.0/33', /bad prefix length "33"/],
    ['table m add 1:2:3', /bad MAC address/],
    ['table nobody add em0', /type of key "em0" cannot be guessed/],
  ] as const)
    assert.match(refusal(() => run(text)).message, what);
});

test('tables: create again, limits, locks, use by rules, swap, info', () => {
  const { run, engine, warnings } = make();
  run('table t create limit 2');
  assert.match(refusal(() => run('table t create')).message, /table t exists/);
  run('table t create missing\ntable t add 1.1.1.1 1\ntable t create or-flush');
  assert.is(run('table t list'), '--- table(t), set(0) ---\n');
  assert.match(refusal(() => run('table t create type number missing')).message, /other options/);
  assert.is(run('table t add 1.1.1.1 1 1.1.1.2 2'), 'added: 1.1.1.1/32 1\nadded: 1.1.1.2/32 2\n');
  assert.match(refusal(() => run('table t add 1.1.1.3 3')).message, /limit hit/);
  assert.match(refusal(() => run('table t add 1.1.1.1 9')).message, /has 1\.1\.1\.1\/32 already/);
  run('-q table t add 1.1.1.1 9');
  assert.is(run('table t lookup 1.1.1.1'), '1.1.1.1/32 9\n');
  assert.match(refusal(() => run('table t delete 5.5.5.5')).message, /has no 5\.5\.5\.5\/32/);
  assert.is(run('table t delete 1.1.1.1'), 'deleted: 1.1.1.1/32 9\n');
  run('table t lock');
  for (const text of ['table t add 1.1.1.3 3', 'table t delete 1.1.1.2', 'table t flush', 'table t swap t'])
    assert.match(refusal(() => run(text)).message, /locked/);
  run('table t unlock\nadd 5 allow ip from table(t) to table(new) recv table(ifs)');
  assert.match(refusal(() => run('table t destroy')).message, /used by rule 5/);
  assert.match(
    run('table ifs info'),
    /kindex: 2, type: iface\n references: 1, valtype: legacy\n algorithm: iface:array\n items: 0, size: 0/,
  );
  assert.match(
    refusal(() => run('add allow ip from table(ifs) to any')).message,
    /table ifs is of type iface/,
  );
  run('table u create limit 7\ntable u add 9.9.9.9 1');
  engine.log = [];
  run('table t swap u');
  assert.equal(engine.log, ['limit 3 2', 'limit 0 7', 'load']);
  assert.is(
    run('table t list\ntable u list'),
    '--- table(t), set(0) ---\n9.9.9.9/32 1\n--- table(u), set(0) ---\n1.1.1.2/32 2\n',
  );
  assert.match(refusal(() => run('table t swap ifs')).message, /differ in type/);
  run('delete 5\ntable t destroy');
  assert.equal(engine.log.slice(-2), ['load', 'destroy 3']);
  assert.match(refusal(() => run('table t list')).message, /table t not found/);
  run('table 9 add 10.0.0.0/8 5');
  assert.match(warnings.at(-1)!, /auto-created/);
});

test('tables belong to sets when tables_sets is on', () => {
  const { run } = make();
  run(
    'set 3 table t create\nset 3 table t add 3.3.3.3\ntable t create\nadd 1 set 3 allow ip from table(t) to any',
  );
  assert.match(run('set 3 table t info'), /set\(3\).*\n.*\n references: 0/);
  run('sysctl net.inet.ip.fw.tables_sets=1');
  assert.match(run('set 3 table t info'), /set\(3\).*\n.*\n references: 1/);
});

test('tell the engine once for each table of a file', () => {
  const { run, engine } = make();
  run(
    'table t create\ntable t add 1.1.1.1 1\ntable t add 1.1.1.2 2\ntable t delete 1.1.1.1\ntable t add 1.1.1.3 1',
  );
  assert.equal(engine.log, ['create 0', 'update 0 set set']);
  engine.log = [];
  run('table t flush\ntable t add 1.1.1.3 8');
  assert.equal(engine.log, ['update 0 delete set']);
});

test('nat: configured, shown, replaced, deleted', () => {
  const { run, engine } = make({ ifaceAddress: (name) => (name === 'em0' ? 0x0a000001 : undefined) });
  const text =
    'ipfw nat 123 config if em0 log deny_in same_ports reset redirect_addr 10.0.0.1 10.0.0.66 redirect_port tcp 192.168.0.1:80 500 ' +
    'redirect_proto udp 192.168.1.43 192.168.1.1 redirect_addr 192.168.0.10,192.168.0.11 10.0.0.100 ' +
    'redirect_port tcp 192.168.0.1:80,192.168.0.10:22 500 redirect_port udp 10.1.1.1:5-7 1.2.3.4:15-17 9.9.9.9:1-3';
  assert.is(run(text.slice(5)), `${text}\n`);
  assert.is(run('nat 123 show config'), `${text}\n`);
  assert.is(run(run('nat show config').slice(5)), `${text}\n`);
  run('nat 123 config ip 10.0.0.1\nnat 7 config ip 1.2.3.4 port_range 1024-2047 unreg_cgn');
  assert.is(
    run('nat show config'),
    'ipfw nat 7 config ip 1.2.3.4 unreg_cgn port_range 1024-2047\nipfw nat 123 config ip 10.0.0.1\n',
  );
  assert.match(refusal(() => run('nat 5 config if wlan9')).message, /interface wlan9 has no known address/);
  run('nat 7 delete');
  assert.is(engine.log.at(-1), 'nat delete 7');
  assert.match(refusal(() => run('nat 7 show config')).message, /nat 7 not found/);
  assert.match(refusal(() => run('nat 7 delete')).message, /nat 7 not found/);
});

test('pipes, queues and schedulers are listed as ipfw lists them', () => {
  const { run } = make();
  run(
    'pipe 1 config bw 300Kbit/s queue 50KBytes delay 10 plr 0.05\npipe 2 config mask src-ip 0x000000ff bw 200KByte/s queue 20',
  );
  assert.is(
    run('pipe show'),
    '00001: 300.000 Kbit/s   10 ms burst 0 \n' +
      'q131073 50 KBplr 0.050000 0 flows (1 buckets) sched 65537 weight 0 lmax 0 pri 0 droptail\n' +
      ' sched 65537 type FIFO flags 0x0 0 buckets 0 active\n' +
      '00002:   1.600 Mbit/s    0 ms burst 0 \n' +
      'q131074  20 sl. 0 flows (1 buckets) sched 65538 weight 0 lmax 0 pri 0 droptail\n' +
      ' sched 65538 type FIFO flags 0x1 64 buckets 0 active\n' +
      '    mask:  0x00 0x000000ff/0x0000 -> 0x00000000/0x0000\n',
  );
  run(
    'sched 5 config type qfq\nqueue 3 config sched 5 weight 10 lmax 700\nqueue 4 config pipe 1 red 0.002/30/80/0.1 mask dst-port 0xffff',
  );
  assert.is(
    run('queue 3 show'),
    'q00003  50 sl. 0 flows (1 buckets) sched 5 weight 10 lmax 700 pri 0 droptail\n',
  );
  assert.match(
    run('queue 4 show'),
    /^q00004 {2}50 sl\. 0 flows \(64 buckets\) sched 1 weight 1 lmax 0 pri 0 \n\t {2}RED w_q 0\.002000 min_th 30 max_th 80 max_p 0\.100000\n {4}mask: /,
  );
  assert.match(
    run('sched 1 show'),
    /^00001: 300\.000 Kbit\/s {3}10 ms burst 0 \n sched 1 type WF2Q\+ .*\n {3}Children flowsets: 4 \n$/,
  );
  run(
    'sched 6 config type fq_codel target 10ms quantum 300 ecn\nqueue 6 config sched 6 weight 7\nqueue 6 config queue 10',
  );
  assert.match(
    run('sched 6 show'),
    / FQ_CODEL target 10ms interval 100ms quantum 300 limit 10240 flows 1024 ECN\n/,
  );
  assert.match(run('queue 6 show'), /^q00006 {2}10 sl\. .* sched 6 weight 7 /);
  assert.match(
    refusal(() => run('pipe 1 config queue 101')).message,
    /queue size 101 too large: expected at most 100/,
  );
  run('sysctl net.inet.ip.dummynet.pipe_slot_limit=1000\npipe 1 config queue 1000');
  assert.match(refusal(() => run('queue 9 config weight 5')).message, /belongs to no pipe or scheduler/);
  assert.match(refusal(() => run('pipe 9 delete')).message, /pipe 9 not found/);
  run('pipe 1-2 delete\npipe flush');
  assert.is(run('pipe show\nqueue show\nsched show'), '');
});

test('enable, disable and variables', () => {
  const { run, engine } = make();
  run('disable one_pass');
  assert.is(run('sysctl net.inet.ip.fw.one_pass'), 'net.inet.ip.fw.one_pass: 0\n');
  assert.is(run('sysctl net.inet.ip.fw.dyn_max=5'), 'net.inet.ip.fw.dyn_max: 65536 -> 5\n');
  for (const [text, what] of [
    ['sysctl no.such', /unknown variable "no\.such"/],
    ['sysctl net.inet.ip.fw.dyn_max=0', /bad value 0/],
    ['sysctl net.inet.ip.fw.default_rule=1', /cannot be set/],
  ] as const)
    assert.match(refusal(() => run(text)).message, what);
  const before = engine.programs.at(-1)!.length;
  run('disable firewall');
  assert.ok(engine.programs.at(-1)!.length > before, 'a rule that passes everything stands in front');
  assert.equal(numbers(run), [65535], 'but is not listed');
  run('enable firewall');
  assert.is(engine.programs.at(-1)!.length, before);
  run('sysctl net.inet.ip.fw.verbose_limit=7\nadd 5 allow log ip from any to any');
  assert.match(run('list 5'), /allow log logamount 7 ip/);
});

test('abbreviations are taken and warned of', () => {
  const { run, warnings } = make();
  run('ad 5 allow ip from any to any');
  assert.match(warnings[0]!, /DEPRECATED: 'ad' matched 'add' as a sub-string/);
  assert.is(run('sho 5'), '00005 0 0 allow ip from any to any\n');
});

test('internal lists', () => {
  const { run } = make();
  run(
    'add allow ip from any to any via em1 recv em0\nadd deny ip from any to any via em1\ntable t create\ntable t add 1.1.1.1 5 1.1.1.2 5',
  );
  assert.is(run('internal iflist'), 'em0 refcount: 1\nem1 refcount: 2\n');
  assert.match(run('internal talist'), /--- addr:radix ---\n type: addr\n refcount: 1\n/);
  assert.is(run('internal vlist'), '[1] refs=2 5\n');
});

test('ten thousand rules load in less than half a second, a hundred thousand entries soon after', () => {
  const rules = Array.from(
    { length: 10000 },
    (_, i) => `add ${i + 1} deny tcp from 10.${i >> 8}.${i & 255}.0/24 to any ${i + 1}-${i + 9} in`,
  );
  const { run } = make();
  const start = process.hrtime.bigint();
  run(rules.join('\n'));
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  console.log(`# 10,000 rules in ${ms.toFixed(0)} ms`);
  assert.is(numbers(run).length, 10001);
  const entries = Array.from({ length: 100000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} ${i}`);
  run(`-q table t create\n-q table t add ${entries.join(' ')}`);
  assert.match(run('table t info'), /items: 100000/);
});

test.run();
