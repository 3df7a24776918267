// SPDX-License-Identifier: BSD-2-Clause
// rules-shapes.test.ts: nothing gets past rules by its shape, and nothing is lost in a plain link for it: VLAN tags, and
// headers that are cut, impossible or unknown.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ACK, ip, SYN, tcp, u16, udp } from './emulate-packets.js';
import { classify, clock, engine, fresh, run, SECOND } from './engine-fixture.js';

const A = '10.0.0.1';
const B = '192.168.0.9';
const test = suite('shapes');

test.before.each(() => fresh());
test.after.each(() => engine.close());

/** A frame behind VLAN tags, outermost first. */
function tagged(frame: Buffer, ...types: number[]): Buffer {
  const tags = types.map((type, index) => Buffer.concat([u16(type), u16(5 + index)]));
  return Buffer.concat([frame.subarray(0, 12), ...tags, frame.subarray(12)]);
}

const Q = 0x8100;
const AD = 0x88a8;
const inner = (): void => engine.rules.setParams({ vlan_inner: 1 });

test('opaque: a tagged frame is no IP packet, and is counted as not looked into', () => {
  run('add 100 deny tcp from any to any 22\nadd 200 count ip from any to any mac-type 0x8100');
  const ssh = ip(6, A, B, tcp(5, 22, SYN));
  assert.equal(
    [ssh, tagged(ssh, Q), tagged(ssh, AD, Q)].map((frame) => classify(frame).rule),
    [100, 65535, 65535],
  );
  assert.is(engine.rules.tagged(), 2);
  assert.is(engine.rules.counters().find(({ number }) => number === 200)!.packets, 1n, 'it is a type');
  const arp = Buffer.concat([ssh.subarray(0, 12), u16(Q), u16(5), u16(0x806), Buffer.alloc(46)]);
  classify(arp);
  assert.is(engine.rules.tagged(), 2, 'what is no IP is not');
});

test('inner: rules look behind one tag and two, of both kinds, and not behind three', () => {
  inner();
  run(
    'add 100 deny tcp from any to any 22\nadd 200 deny ip6 from any to any\nadd 300 allow ip from any to any',
  );
  const ssh = ip(6, A, B, tcp(5, 22, SYN));
  for (const types of [[Q], [AD], [AD, Q], [Q, Q], [Q, AD]])
    assert.is(classify(tagged(ssh, ...types)).rule, 100, `${types}`);
  assert.is(classify(tagged(ssh, Q, Q, Q)).rule, 300);
  assert.is(classify(tagged(ip(17, 'fd00::1', 'fd00::2', udp(1, 2)), Q)).rule, 200);
  assert.equal(
    [classify(tagged(ip(6, A, B, tcp(5, 22, SYN).subarray(0, 19)), Q))].map(({ rule, reason }) => [
      rule,
      reason,
    ]),
    [[0, 'short_header']],
  );
  assert.is(engine.rules.tagged(), 0);
});

test('inner: what a rule changes is behind the tags, and answers carry them', () => {
  inner();
  run(
    'nat 1 config ip 192.0.2.1\nadd 50 setdscp 46 ip from any to any\n' +
      'add 100 reset tcp from any to any 22\nadd 200 nat 1 udp from any to any out',
  );
  const { answers } = classify(tagged(ip(6, A, B, tcp(5, 22, SYN)), AD, Q), false);
  assert.is(Buffer.from(answers[0]!).subarray(12, 22).toString('hex'), '88a8000581000006' + '0800');
  assert.is(Buffer.from(answers[0]!).subarray(0, 12).toString('hex'), '020000000001020000000002');
  const frame = tagged(ip(17, A, B, udp(7, 8)), Q);
  const { data, action } = classify(frame, true);
  const got = Buffer.from(data ?? frame);
  assert.equal([action, got[19], got.subarray(30, 34).join('.')], ['nat', 46 << 2, '192.0.2.1']);
});

test('inner: keep-alives go to both ends with the tags that each used', () => {
  inner();
  run('add 100 allow tcp from any to any keep-state');
  const segment = (from: string, to: string, sport: number, dport: number, flags: number) =>
    ip(6, from, to, tcp(sport, dport, flags));
  classify(tagged(segment(A, B, 7, 80, SYN), AD, Q), true);
  classify(tagged(segment(B, A, 80, 7, SYN | ACK), Q), false);
  classify(tagged(segment(A, B, 7, 80, ACK), AD, Q), true);
  clock.now += 290n * SECOND;
  const { answers } = engine.rules.tick(clock.now);
  assert.equal(answers.map((frame) => Buffer.from(frame).subarray(12, 14).toString('hex')).sort(), [
    '8100',
    '88a8',
  ]);
});

test('layer 3: tagged packets meet the rules, opaque as what is not looked into', () => {
  run('add 100 deny tcp from any to any 22\nadd 200 pipe 1 ip from any to any');
  const ssh = ip(6, A, B, tcp(5, 22, SYN));
  const at3 = (data: Buffer) => {
    const { rule, action } = engine.rules.classify({ data, time: clock.now, layer: 3, out: true });
    return [rule, action];
  };
  assert.equal(at3(ssh), [100, 'deny']);
  assert.equal(at3(tagged(ssh, Q)), [200, 'pipe']);
  const arp = Buffer.concat([ssh.subarray(0, 12), u16(Q), u16(5), u16(0x806), Buffer.alloc(46)]);
  assert.equal(at3(arp), [0, 'pass'], 'no IP packet, no rule');
  const counted = engine.rules.counters().find(({ number }) => number === 200)!;
  assert.equal([counted.packets, counted.bytes], [1n, 40n], 'an IP packet without tags');
  inner();
  assert.equal(at3(tagged(ssh, AD, Q)), [100, 'deny']);
});

/** Packets that a firewall drops before its rules. */
const ODD: [what: string, frame: Buffer, reason: string][] = [
  ['TCP of 19 bytes', ip(6, A, B, Buffer.alloc(19)), 'short_header'],
  ['a tiny fragment', ip(6, A, B, Buffer.alloc(24), { fragment: 1 }), 'tiny_fragment'],
  ['RSVP', ip(46, 'fd00::1', 'fd00::2', Buffer.alloc(40)), 'unknown_ext_header'],
  [
    'segment routing',
    ip(43, 'fd00::1', 'fd00::2', Buffer.from('110004000000000000010002000800ff', 'hex')),
    'unknown_ext_header',
  ],
  ['CARP of another type', ip(112, 'fd00::1', 'fd00::2', Buffer.alloc(8, 0x22)), 'bad_header'],
  ['CARP of 7 bytes', ip(112, 'fd00::1', 'fd00::2', Buffer.alloc(7, 0x21)), 'short_header'],
  ['half an IPv6 options header', ip(60, 'fd00::1', 'fd00::2', Buffer.from([6])), 'short_header'],
];

test('where nobody asked for a firewall no packet is dropped for its headers', () => {
  const links = [
    [''],
    ['add 100 pipe 1 ip from any to any out', 'add 200 pipe 2 ip from any to any in'],
    ['add 100 queue 1 ip from any to any recv em0', 'add 200 pipe 2 ip from any to any'],
  ];
  for (const rules of links) {
    fresh();
    run(rules.join('\n'));
    for (const [what, frame] of ODD)
      assert.is(classify(frame, false).action, rules.length > 1 ? 'pipe' : 'pass', `${what}, ${rules}`);
    engine.close();
  }
  fresh();
});

test('a firewall drops them before its rules, also one that came to a plain link later', () => {
  const firewalls = [
    'add allow ip from any to any',
    'add pipe 1 udp from any to any',
    'add count ip from any to any',
  ];
  for (const rule of firewalls) {
    fresh();
    run(`add 100 pipe 2 ip from any to any\n${rule}`);
    for (const [what, frame, reason] of ODD)
      assert.equal([classify(frame).rule, classify(frame).reason], [0, reason], `${what}, ${rule}`);
    engine.close();
  }
  fresh({ defaultAction: 'deny' });
  assert.is(classify(ODD[0]![1]).reason, 'short_header', 'deny as the default is a firewall');
});

test('a firewall that is off drops nothing, of the family for which it is', () => {
  run('add 100 deny ip from any to any');
  const passed = () => ODD.map(([, frame]) => classify(frame).action === 'pass');
  const six = ODD.map(([, frame]) => frame[12] === 0x86);
  run('sysctl net.inet6.ip6.fw.enable=0');
  assert.equal(passed(), six);
  run('sysctl net.inet.ip.fw.enable=0');
  assert.equal(passed(), Array(ODD.length).fill(true));
  run('enable firewall');
  assert.equal(passed(), Array(ODD.length).fill(false));
});

test('deny_unknown_exthdrs 0 lets unknown headers meet the rules', () => {
  run('sysctl net.inet6.ip6.fw.deny_unknown_exthdrs=0\nadd 100 deny ip6 from any to any proto 46');
  assert.equal(
    ODD.filter(([, , reason]) => reason === 'unknown_ext_header').map(([, frame]) => classify(frame).rule),
    [100, 65535],
  );
});

test.run();
