// SPDX-License-Identifier: BSD-2-Clause
// rules-commands.test.ts: what the commands do to rules and sets: numbering, deleting, counters, variables; each is done whole or not at all.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/rules/error.js';
import { make, numbers, refusal } from './rules-fixture.js';

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
  assert.match(run('-a -c list 200'), /^00200 18446744073709551615 1 allow ip\n$/);
  assert.is(run('-t list 200'), `00200 ${' '.repeat(25)}allow ip from any to any\n`);
  assert.is(run('-c list 65535'), '65535 allow ip from any to any\n');
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
    /## Dynamic rules \(1 152\):\n00100 STATE tcp 10\.0\.0\.1 5 <-> 10\.0\.0\.2 80 :web\n$/,
  );
  assert.match(run('-d show'), /\n00100 3 180 \(299s\) STATE tcp/);
  assert.is(run('-D list'), '## Dynamic rules (1 152):\n00100 STATE tcp 10.0.0.1 5 <-> 10.0.0.2 80 :web\n');
  assert.is(run('-D list 100'), '## Dynamic rules:\n00100 STATE tcp 10.0.0.1 5 <-> 10.0.0.2 80 :web\n');
  assert.is(run('-D list 7'), '## Dynamic rules:\n', 'states are not rules that are missing');
  assert.match(run('-d list 100'), /^00100 allow tcp .*\n## Dynamic rules:\n00100 STATE /);
  engine.dynamic = [...engine.dynamic, { ...engine.dynamic[0]!, proto: 253, rule: 65535 }];
  assert.is(
    run('-D list'),
    '## Dynamic rules (2 288):\n00100 STATE tcp 10.0.0.1 5 <-> 10.0.0.2 80 :web\n65535 STATE proto 253 10.0.0.1 5 <-> 10.0.0.2 80 :web\n',
  );
  run('-D delete 100');
  assert.is(engine.log.at(-1), 'forget 4');
  assert.equal(numbers(run), [100, 65535]);
});

test('rules that are named and not there are told, the others listed, and the status says so', () => {
  const { run, controller, warnings } = make();
  run('add 100 allow ip from any to any');
  assert.is(run('list 7 100 200-300'), '00100 allow ip from any to any\n');
  assert.equal(warnings, ['x:1:1: rule 7 does not exist', 'x:1:1: no rules in range 200-300']);
  assert.is(controller.exit, EXIT.unavailable);
  run('list 100');
  assert.is(controller.exit, EXIT.ok);
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
  run('pip 1 conf bw 1Mbit/s\nse 7 add 6 deny ip from any to any\nna 1 config ip 1.2.3.4');
  assert.match(run('-S list 6'), /^00006 set 7 deny/);
});

test('internal lists', () => {
  const { run } = make();
  run(
    'add allow ip from any to any via em1 recv em0\nadd deny ip from any to any via em1\ntable t create\ntable t add 1.1.1.1 5 1.1.1.2 5',
  );
  const changes = 'changes: 0';
  assert.is(
    run('internal iflist'),
    `em0 ifindex: unresolved refcount: 1 ${changes}\nem1 ifindex: unresolved refcount: 2 ${changes}\n`,
  );
  assert.is(run('internal olist'), 'There are no objects\n');
  assert.match(run('internal talist'), /--- addr:radix ---\n type: addr\n refcount: 1\n/);
  assert.is(run('internal vlist'), '[1] refs=2 5\n');
  run(
    'add check-state :any\nadd allow tcp from any to any keep-state :web\nadd allow udp from any to any limit src-addr 2',
  );
  assert.is(
    run('internal olist'),
    'Objects list:\n kidx:    1\ttype:   DYNSTATE\tname: web\n kidx:    2\ttype:   DYNSTATE\tname: default\n',
  );
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
