// SPDX-License-Identifier: BSD-2-Clause
// rules-objects.test.ts: what the commands do to tables, nat instances, links, queues and schedulers.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { make, refusal } from './rules-fixture.js';

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
    refusal(() => run('pipe 1 config queue 1000001')).message,
    /queue size 1000001 too large: expected at most 1000000/,
  );
  run('sysctl net.inet.ip.dummynet.pipe_slot_limit=2000000\npipe 1 config queue 2000000');
  assert.match(refusal(() => run('queue 9 config weight 5')).message, /belongs to no pipe or scheduler/);
  assert.match(refusal(() => run('pipe 9 delete')).message, /pipe 9 not found/);
  run('pipe 1-2 delete\npipe flush');
  assert.is(run('pipe show\nqueue show\nsched show'), '');
});

test('masks, loss and protocols in the columns of FreeBSD', () => {
  const { run } = make();
  run(
    'queue 1 config sched 1 mask src-ip6 /64 flow-id 0xfffff\nsched 1 config type fq_codel\nsched 2 config mask all type rr',
  );
  assert.match(
    run('queue 1 show'),
    /droptail\n\n {8}mask: proto: 0x00, flow_id: 0x000fffff, {2}ffff:ffff:ffff:ffff::\/0x0000 -> ::\/0x0000\n$/,
  );
  run('sched 1 config mask proto 0xff');
  assert.match(
    run('sched 1 show'),
    /^00001: unlimited {9}0 ms burst 0 \n sched 1 type FQ_CODEL flags 0x1 64 buckets 0 active\n FQ_CODEL target 5ms .* ECN\n {4}mask: {2}0xff 0x00000000\/0x0000 -> /,
  );
  run('pipe 3 config plr 0.01,0.1,0.5,0.2\npipe 4 config plr 0.25,0,0,0\npipe 5 config pie max_burst 0');
  assert.match(run('pipe 3 show'), / sl\.plr 0\.010000,0\.100000,0\.500000,0\.200000 0 flows/);
  assert.match(run('pipe 4 show'), / sl\.plr 0\.250000 0 flows/);
  assert.match(run('pipe 5 show'), / max_burst 0 max_ecnth/);
});

test.run();
