// SPDX-License-Identifier: BSD-2-Clause
// rules-actions.test.ts: what actions make of a packet, byte by byte: reassembly, header fields, keep-alives; and what
// travels with it: marks and tags.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketBatch } from '../../src/rules/index.js';
import { ACK, FIN, ip, RST, SYN, tcp, udp } from './emulate-packets.js';
import { classify, clock, engine, fresh, run, SECOND } from './engine-fixture.js';

const A = '10.0.0.1';
const B = '192.168.0.9';
const test = suite('actions');

test.before.each(() => fresh());
test.after.each(() => engine.close());

/** A datagram, and its fragments of at most `size` bytes of payload. */
function fragments(size: number): { whole: Buffer; parts: Buffer[] } {
  const body = udp(7, 2004, 1000);
  for (let i = 8; i < body.length; i++) body[i] = i % 251;
  const whole = ip(17, A, B, body, { id: 77 });
  const payload = whole.subarray(34);
  const parts: Buffer[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const more = at + size < payload.length ? 0x2000 : 0;
    parts.push(ip(17, A, B, payload.subarray(at, at + size), { id: 77, fragment: more | (at >> 3) }));
  }
  return { whole, parts };
}

test('reass puts together the datagram as it was, in whatever order its fragments come', () => {
  run('add 100 reass ip from any to any');
  for (const size of [64, 504, 1000])
    for (const turn of [false, true]) {
      const { whole, parts } = fragments(size);
      if (turn) parts.reverse();
      const last = parts.pop()!;
      for (const part of parts) assert.is(classify(part).action, 'held', `${size}`);
      const { action, data } = classify(last);
      assert.is(action, 'pass');
      assert.equal(
        Buffer.from(data!),
        whole,
        `fragments of ${size} bytes, ${turn ? 'last' : 'first'} one first`,
      );
    }
});

/** A fragment of a datagram of `total` bytes, from `at` on, `length` long; `change` is put over its first byte. */
function piece(whole: Buffer, at: number, length: number, change?: number): Buffer {
  const payload = Buffer.from(whole.subarray(34 + at, 34 + at + length));
  if (change !== undefined) payload[0] = change;
  const more = 34 + at + length < whole.length ? 0x2000 : 0;
  return ip(17, A, B, payload, { id: 77, fragment: more | (at >> 3) });
}

test('reass: a copy is dropped, alone; pieces that overlap and agree make a whole, others end it', () => {
  run('add 100 reass ip from any to any');
  const { whole } = fragments(504);
  const give = (...pieces: [at: number, length: number, change?: number][]) =>
    pieces.map(([at, length, change]) => classify(piece(whole, at, length, change)));
  const said = (...pieces: [at: number, length: number, change?: number][]) =>
    give(...pieces).map(({ action, reason }) => (action === 'deny' ? reason : action));

  assert.equal(said([0, 504], [0, 504], [504, 504], [504, 504]), ['held', 'fragment_copy', 'pass', 'held']);
  clock.now += 60n * SECOND;
  assert.equal(
    said([504, 504], [504, 504], [0, 8], [0, 504]),
    ['held', 'fragment_copy', 'held', 'pass'],
    'the last one twice; one that holds another',
  );
  assert.equal(said([0, 400], [320, 400], [8, 64], [640, 368]), ['held', 'held', 'fragment_copy', 'pass']);
  const [, , last] = give([640, 368], [320, 400], [0, 400]);
  assert.equal(Buffer.from(last!.data!), whole, 'overlapping, the last first');
  assert.equal(said([0, 504], [496, 512, 99], [504, 504]), ['held', 'fragments', 'held'], 'other bytes');
  clock.now += 60n * SECOND;
  assert.equal(said([504, 504], [1000, 8], [504, 500]), ['held', 'fragment_copy', 'fragments'], 'two ends');
});

test('reass: what never becomes whole is forgotten, and of 64 pieces more', () => {
  run('add 100 reass ip from any to any');
  const { parts } = fragments(504);
  assert.is(classify(parts[0]!).action, 'held');
  clock.now += 60n * SECOND;
  assert.is(classify(parts[1]!).action, 'held', 'the first one is gone');
  clock.now += 60n * SECOND;
  const reasons = fragments(8).parts.map((part) => classify(part).reason);
  assert.is(reasons.filter((reason) => reason === 'fragments').length, 1, 'of 126 pieces, the 65th');
});

test('what was put together meets the next rules as what it is: ports, states, index and all', () => {
  const others = Array.from({ length: 40 }, (_, i) => `add 300 deny udp from 10.1.${i}.0/24 to any ${i + 1}`);
  for (const onePass of [0, 1]) {
    fresh();
    run(
      `sysctl net.inet.ip.fw.one_pass=${onePass}\nadd 100 reass ip from any to any\n${others.join('\n')}\n` +
        'add 400 deny udp from any to any 2004 keep-state\nadd 500 allow ip from any to any',
    );
    const { parts, whole } = fragments(400);
    parts.push(parts.shift()!);
    assert.equal(
      parts.map((part) => classify(part)).map(({ rule, action }) => [rule, action]),
      [
        [100, 'held'],
        [100, 'held'],
        [400, 'deny'],
      ],
    );
    const { rule, fromState } = classify(whole);
    assert.equal([rule, fromState], [400, true], 'the state is that of the datagram');
    engine.close();
  }
  fresh();
});

test('divert gets whole datagrams, of IPv6 too', () => {
  run('add 100 divert 1000 ip from any to any');
  const { whole, parts } = fragments(400);
  const verdicts = parts.map((part) => classify(part));
  assert.equal(
    verdicts.map(({ action }) => action),
    ['held', 'held', 'divert'],
  );
  assert.equal(Buffer.from(verdicts[2]!.data!), whole);
  assert.is(classify(whole).action, 'divert');

  // hop-by-hop options in front, which every fragment repeats; then a Fragment header, then the payload's part
  const body = udp(7, 2004, 1000);
  const options = Buffer.from('11000104000000', 'hex');
  const six = ip(0, 'fd00::1', 'fd00::2', Buffer.concat([options, Buffer.from([0]), body]));
  const pieces = [0, 400, 800].map((at) => {
    const part = body.subarray(at, at + 400);
    const header = Buffer.from([17, 0, 0, 0, 0, 0, 0, 9]);
    header.writeUInt16BE(at | (at + 400 < body.length ? 1 : 0), 2);
    const hop = Buffer.concat([Buffer.from([44]), options.subarray(1), Buffer.from([0])]);
    return ip(0, 'fd00::1', 'fd00::2', Buffer.concat([hop, header, part]));
  });
  for (const order of [pieces, [...pieces].reverse()]) {
    const given = order.map((part) => classify(Buffer.from(part)));
    assert.equal(
      given.map(({ action }) => action),
      ['held', 'held', 'divert'],
    );
    assert.equal(Buffer.from(given[2]!.data!), six);
  }
  const copies = [pieces[0]!, pieces[0]!, pieces[1]!].map((part) => classify(Buffer.from(part)));
  assert.equal(
    copies.map(({ action, reason }) => (action === 'deny' ? reason : action)),
    ['held', 'fragment_copy', 'held'],
  );
});

test('fwd and keep-state: answers go their own way', () => {
  run('add 100 fwd 10.0.0.9 tcp from any to any 80 setup keep-state\nadd 200 allow ip from any to any');
  const verdicts = [
    classify(ip(6, A, B, tcp(7, 80, SYN)), true),
    classify(ip(6, B, A, tcp(80, 7, SYN | ACK)), false),
    classify(ip(6, A, B, tcp(7, 80, ACK)), true),
  ];
  assert.equal(
    verdicts.map(({ rule, action, nextHop }) => [rule, action, nextHop]),
    [
      [100, 'forward', '10.0.0.9'],
      [100, 'pass', undefined],
      [100, 'forward', '10.0.0.9'],
    ],
  );
});

test('setmark is seen by later rules, through masks, and stays with the packet behind a pipe', () => {
  run(
    'add 100 setmark 0x12 udp from any to any 1\nadd 200 allow ip from any to any mark 0x12\n' +
      'add 300 setmark 0xf4 udp from any to any 2\nadd 400 allow ip from any to any mark 0x4:0xf\n' +
      'add 500 setmark 7 udp from any to any 3\nadd 600 pipe 1 udp from any to any 3\n' +
      'add 700 deny ip from any to any mark 7\nadd 800 allow ip from any to any mark 0',
  );
  const rules = [1, 2, 4].map((port) => classify(ip(17, A, B, udp(5, port))).rule);
  assert.equal(rules, [200, 400, 800]);
  const frame = ip(17, A, B, udp(5, 3));
  const batch = new PacketBatch(1, 4096);
  const side = { inIf: 0, outIf: 0, out: true, layer: 2 as const, raw: false };
  batch.add(frame, clock.now, side);
  batch.classify(engine);
  assert.is(batch.rule(0), 600);
  const context = batch.context(0);
  batch.clear();
  batch.add(frame, clock.now, side, 0, context);
  batch.classify(engine);
  assert.is(batch.rule(0), 700, 'behind the pipe');
});

test('tags: several on a packet, lists and ranges of them, taken away again', () => {
  run(
    'add 100 count tag 5 ip from any to any\nadd 110 count tag 9 ip from any to any\n' +
      'add 200 count untag 5 udp from any to any 1\nadd 300 allow ip from any to any tagged 5\n' +
      'add 400 deny ip from any to any tagged 6-8,10\nadd 500 allow ip from any to any tagged 7-9',
  );
  assert.is(classify(ip(17, A, B, udp(5, 1))).rule, 500);
  assert.is(classify(ip(17, A, B, udp(5, 2))).rule, 300);
});

/** Bytes of a changed frame that differ from the one it was. */
const differing = (before: Buffer, after: Uint8Array): number[] =>
  [...before.keys()].filter((at) => before[at] !== after[at]);

test('setdscp and tcp-setmss change their field and its checksum, nothing else', () => {
  run('add 100 setdscp af41 ip from any to any\nadd 200 tcp-setmss 1200 tcp from any to any');
  const syn = tcp(5, 80, SYN, { mss: 1460 });
  const four = ip(6, A, B, syn);
  const sent = Buffer.from(four);
  const { data } = classify(four);
  const got = Buffer.from(data ?? four);
  // 14: type of service and IP checksum; 34: the TCP checksum and the option's value.
  assert.equal(
    differing(sent, got),
    [15, 24, 25, 50, 51, 56, 57].filter((at) => sent[at] !== got[at]),
  );
  assert.is(got[15], 34 << 2);
  const wanted = Buffer.from(syn);
  wanted.writeUInt16BE(1200, 22);
  const expected = ip(6, A, B, wanted);
  assert.equal(got.subarray(34), expected.subarray(34), 'TCP header with its checksum');

  const small = ip(6, A, B, tcp(5, 80, SYN, { mss: 536 }));
  const before = Buffer.from(small);
  classify(small);
  assert.equal(small.subarray(34), before.subarray(34), 'a smaller one stays');

  const six = ip(6, 'fd00::1', 'fd00::2', syn);
  classify(six);
  assert.is(((six[14]! & 15) << 4) | (six[15]! >> 4), 34 << 2);
  assert.equal(six.subarray(54), ip(6, 'fd00::1', 'fd00::2', wanted).subarray(54));
});

/** A TCP segment with these numbers. */
function segment(sport: number, dport: number, flags: number, seq: number, ack: number): Buffer {
  const buffer = tcp(sport, dport, flags);
  buffer.writeUInt32BE(seq, 4);
  buffer.writeUInt32BE(ack, 8);
  return buffer;
}

test('keep-alives go to both ends with the numbers each has acknowledged, and stop with the state', () => {
  run('add 100 allow tcp from any to any keep-state');
  classify(ip(6, A, B, segment(7, 80, SYN, 1000, 0)), true);
  classify(ip(6, B, A, segment(80, 7, SYN | ACK, 5000, 1001)), false);
  classify(ip(6, A, B, segment(7, 80, ACK, 1001, 5001)), true);
  clock.now += 270n * SECOND;
  assert.equal(engine.rules.tick(clock.now).answers, [], 'not before the last 20 seconds');
  clock.now += 12n * SECOND;
  const { answers, states } = engine.rules.tick(clock.now);
  assert.is(states, 1);
  const seen = answers
    .map((frame) => {
      const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
      assert.is(frame.length, 14 + 40);
      const ends = [view.getUint16(34), view.getUint16(36)];
      // As a sender of these numbers would have made it: all but the MAC header, the id, the time to live and the window.
      const [from, to] = ends[0] === 7 ? [A, B] : [B, A];
      const own = segment(ends[0]!, ends[1]!, ACK, view.getUint32(38), view.getUint32(42));
      own.writeUInt16BE(view.getUint16(48), 14);
      assert.equal(Buffer.from(frame.subarray(34)), ip(6, from, to, own).subarray(34), 'checksum');
      return [...ends, view.getUint32(38), view.getUint32(42)];
    })
    .sort(([a], [b]) => a! - b!);
  assert.equal(seen, [
    [7, 80, 1000, 5001],
    [80, 7, 5000, 1001],
  ]);
  clock.now += 60n * SECOND;
  engine.rules.tick(clock.now);
  assert.equal(engine.rules.tick(clock.now + SECOND).answers, []);
  assert.is(engine.rules.tick(clock.now + SECOND).states, 0);
});

test('a connection that is closed or reset makes room when its short lifetime is over, not its long one', () => {
  run('add 100 allow tcp from any to any keep-state');
  const connect = (port: number, last: Buffer[]): void => {
    classify(ip(6, A, B, segment(port, 80, SYN, 1000, 0)), true);
    classify(ip(6, B, A, segment(80, port, SYN | ACK, 5000, 1001)), false);
    classify(ip(6, A, B, segment(port, 80, ACK, 1001, 5001)), true);
    for (const packet of last) classify(packet, true);
  };
  connect(1, []);
  connect(2, [
    ip(6, A, B, segment(2, 80, FIN | ACK, 1001, 5001)),
    ip(6, B, A, segment(80, 2, FIN | ACK, 5001, 1002)),
  ]);
  connect(3, [ip(6, A, B, segment(3, 80, RST, 1001, 0))]);
  assert.is(engine.rules.tick(clock.now).states, 3);
  clock.now += 3n * SECOND;
  assert.is(engine.rules.tick(clock.now).states, 1, 'the one that is open');
});

test.run();
