// SPDX-License-Identifier: BSD-2-Clause
// rules-explain.test.ts: packets written as text, and why rules do or do not match them.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { RuleError } from '../../src/rules/error.js';
import { explainPacket, printExplanation } from '../../src/rules/explain.js';
import { parseHost } from '../../src/rules/host.js';
import { NativeEngine } from '../../src/rules/native-engine.js';
import { parsePacket } from '../../src/rules/packet-text.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('a TCP packet', () => {
  const packet = parsePacket('tcp 1.2.3.4:5 > 6.7.8.9:80 in recv em0');
  assert.equal([packet.layer, packet.out, packet.recv], [2, false, 'em0']);
  assert.is(
    hex(packet.frame),
    '0200000000020200000000010800' +
      '4500002800000000400668bb01020304' +
      '06070809' +
      '000500500000000000000000' +
      '5002ffff00000000',
  );
});

test('IPv6, ICMP, other protocols, every word', () => {
  const six = parsePacket(
    'udp [2001:db8::1]:53 > [2001:db8::2]:1024 len 4 out xmit em1 dscp ef ttl 3 layer3',
  );
  assert.equal([six.layer, six.out, six.xmit], [3, true, 'em1']);
  assert.is(hex(six.frame.subarray(14, 22)), '6b800000000c1103');
  assert.is(hex(six.frame.subarray(54)), '00350400000c000000000000');
  const icmp = parsePacket(
    'icmp 10.0.0.1 > 10.0.0.2 type 3 code 4 id 7 tos 1 offset 5 mf mac ff:ff:ff:ff:ff:ff 02:00:00:00:00:09',
  );
  assert.is(hex(icmp.frame.subarray(0, 12)), 'ffffffffffff020000000009');
  assert.is(hex(icmp.frame.subarray(14, 24)), '4501001c000720054001');
  assert.is(hex(icmp.frame.subarray(34)), '0304000000000000');
  assert.is(
    hex(parsePacket('tcp 1.1.1.1:1 > 2.2.2.2:2 flags syn,ack seq 1 ack 2 win 3').frame.subarray(38, 50)),
    '000000010000000250120003',
  );
  assert.is(hex(parsePacket('ospf 1.1.1.1 > 2.2.2.2 mac-type arp').frame.subarray(12, 14)), '0806');
});

test('what is wrong with a packet', () => {
  for (const [text, what] of [
    ['tpc 1.2.3.4 > 5.6.7.8', /:1: unknown protocol "tpc"/],
    ['tcp 1.2.3.4:99999 > 5.6.7.8', /:5: bad address "1\.2\.3\.4:99999"/],
    ['tcp 1.2.3.4 5.6.7.8', /:13: unexpected "5\.6\.7\.8": expected ">"/],
    ['tcp 1.2.3.4 > ::1', /two families/],
    ['tcp 1.2.3.4 > 5.6.7.8 colour red', /:23: unknown word "colour"/],
    ['tcp 1.2.3.4 > 5.6.7.8 in xmit em0', /xmit with an incoming packet/],
    ['tcp 1.2.3.4 > 5.6.7.8 flags syn,what', /bad TCP flag "what"/],
  ] as const)
    assert.throws(
      () => parsePacket(text),
      (error: unknown) => error instanceof RuleError && what.test(error.message),
      text,
    );
});

function explain(rules: string, packet: string, me: string[] = [], all = true): string {
  const engine = new NativeEngine({ seed: 1n });
  try {
    engine.setHost(parseHost({ me }));
    const controller = new Controller({ engine, context: bareContext });
    controller.runText(rules, 'rules');
    const text = printExplanation(
      explainPacket(controller, engine, parsePacket(packet), 1_000_000_000n),
      all,
    );
    assert.match(controller.runText('show', 'x'), /^(\d{5} 0 0 .*\n)+$/, 'nothing was counted');
    return text;
  } finally {
    engine.close();
  }
}

test('the rule that decides, and why those before it did not', () => {
  const rules = `
    add 100 allow tcp from any to any established
    add 200 deny ip from 10.0.0.0/8 to any
    add 300 count ip from any to any { in or layer2 } // counted
    add 400 skipto 600 tcp from any to me 22,80 setup recv em0
    add 500 deny ip from any to any
    add 600 pipe 7 ip from any to any`;
  assert.is(
    explain(rules, 'tcp 1.2.3.4:5 > 6.7.8.9:80 in recv em0', ['6.7.8.9']),
    `00100 allow tcp from any to any established
      no: established
00200 deny ip from 10.0.0.0/8 to any
      no: src-ip 10.0.0.0/8
00300 count ip from any to any { in or layer2 } // counted
      matches
00400 skipto 600 tcp from any to me 22,80 setup recv em0
      matches
00600 pipe 7 ip from any to any
      matches
pipe 7 by rule 600
`,
  );
  assert.match(
    explain(rules, 'tcp 1.2.3.4:5 > 6.7.8.9:80 in recv em1', ['6.7.8.9']),
    /00400 .*\n {6}no: recv em0\n00500 .*\n {6}matches\ndeny by rule 500\n$/,
  );
  assert.match(explain(rules, 'tcp 1.2.3.4:5 > 6.7.8.9:80 in recv em0'), /00400 .*\n {6}no: dst-ip me\n/);
  assert.match(
    explain(rules, 'udp 10.0.0.1:5 > 6.7.8.9:80 in recv em0'),
    /00100 .*\n {6}no: proto tcp\n00200 .*\n {6}matches\ndeny by rule 200\n$/,
  );
});

test('first the way of the packet, the rest on demand', () => {
  const hundred = Array.from(
    { length: 100 },
    (_, i) => `add deny udp from 10.1.${i + 1}.0/24 to any ${i + 1}`,
  );
  const packet = 'udp 10.0.0.1:1 > 10.0.0.2:2';
  assert.is(
    explain(hundred.join('\n'), packet, [], false),
    '      100 rules that do not match (--all: why)\n65535 allow ip from any to any\n      matches\npass by rule 65535\n',
  );
  assert.is(explain(hundred.join('\n'), packet).split('\n').length, 203 + 1);
  assert.is(
    explain(
      'add 1 count udp from any to any\nadd 2 deny tcp from any to any\nadd 3 deny ip from any to any',
      packet,
      [],
      false,
    ),
    `00001 count udp from any to any
      matches
      1 rule that does not match (--all: why)
00003 deny ip from any to any
      matches
deny by rule 3
`,
  );
});

test('or-blocks, states, chance, tables, layers', () => {
  assert.match(
    explain('add 1 deny ip from any to any { out or not ip4 }', 'tcp 1.1.1.1 > 2.2.2.2'),
    /no: \{ out or not ip4 \}\n/,
  );
  assert.match(
    explain('add 1 check-state\nadd 2 allow tcp from any to any 80 keep-state', 'tcp 1.1.1.1:1 > 2.2.2.2:81'),
    /check-state :default\n {6}no: no state\n00002 .*\n {6}no: dst-port 80\n/,
  );
  assert.match(
    explain('add 1 prob 0.000001 deny ip from any to any', 'tcp 1.1.1.1 > 2.2.2.2'),
    /matches: with probability 0\.000001\ndeny by rule 1\n$/,
  );
  assert.match(
    explain(
      'table t create\ntable t add 1.1.1.0/24 5\nadd 1 skipto tablearg ip from table(t) to any\nadd 5 deny ip from any to any',
      'tcp 1.1.1.1 > 2.2.2.2',
    ),
    /deny by rule 5\n$/,
  );
  assert.match(
    explain('add 1 deny ip from any to any layer2', 'tcp 1.1.1.1 > 2.2.2.2 layer3'),
    /no: layer2\n65535 .*\n {6}matches\npass by rule 65535\n$/,
  );
});

test.run();
