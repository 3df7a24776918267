// SPDX-License-Identifier: BSD-2-Clause
// rules-live.test.ts: packets of odd shapes (test/golden/packets) through a running relay: the same as on files.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { simpleCommands } from '../../src/emulation/simple.js';
import { openPort } from '../../src/index.js';
import { LiveBench } from './emulate-live-bench.js';
import { ip, udp } from './emulate-packets.js';
import { until } from './relay-fixture.js';

const framesOf = (name: string): Buffer[] =>
  [...openCapture(`test/golden/packets/${name}.pcap`)].map(({ data }) => Buffer.from(data));

/** Run `body` with rules between two switches. */
async function between(
  rules: readonly string[],
  options: Parameters<LiveBench['start']>[1],
  body: (bench: LiveBench) => Promise<void>,
): Promise<void> {
  const bench = new LiveBench();
  try {
    await bench.start(rules, options);
    await body(bench);
  } finally {
    await bench.end();
  }
}

const hex = (frames: readonly Uint8Array[]): string[] =>
  frames.map((frame) => Buffer.from(frame).toString('hex'));

test('a plain link carries whatever comes: unknown next headers, cut headers, tiny fragments', async () => {
  const frames = [
    ...framesOf('ipv6-protocols'),
    ...framesOf('ipv6-vrrp-mobility-srv6-eigrp'),
    ...framesOf('tiny'),
    ...framesOf('vlan'),
    ip(6, '10.0.0.1', '10.0.0.2', Buffer.alloc(19)),
    ip(112, 'fd00::1', 'fd00::2', Buffer.alloc(2)),
  ];
  for (const layer of [2, 3] as const)
    await between(simpleCommands({ delay: '1ms' }, {}), { layer }, async (bench) => {
      await bench.send(bench.inside, frames);
      const arrived = await bench.collect(frames.length);
      assert.equal(hex(arrived.map(({ frame }) => frame)), hex(frames), `layer ${layer}`);
      assert.is(bench.live.links()[0]!.totalPackets, frames.length, 'all took the link');
      await bench.finish();
    });
});

test('reass, then nat, with one_pass off: every datagram of a batch is whole and meets the rules', async () => {
  const DATAGRAMS = 40;
  const body = Buffer.from(udp(7, 2004, 1000));
  for (let i = 8; i < body.length; i++) body[i] = i % 251;
  const whole = (id: number): Buffer => ip(17, '10.0.0.5', '10.0.0.9', body, { id });
  const ids = Array.from({ length: DATAGRAMS }, (_, i) => i + 1);
  const parts = ids.flatMap((id) => {
    const payload = whole(id).subarray(34);
    const part = (at: number, length: number, more: number) =>
      ip(17, '10.0.0.5', '10.0.0.9', payload.subarray(at, at + length), { id, fragment: more | (at >> 3) });
    return [part(504, 504, 0), part(504, 504, 0), part(0, 504, 0x2000)]; // the last one twice, and first
  });
  const rules = [
    'disable one_pass',
    'nat 1 config ip 192.0.2.1 same_ports',
    'add 100 reass ip from any to any',
    'add 200 nat 1 ip from any to any out',
    'add 300 deny ip from 10.0.0.0/8 to any',
    'add 400 allow udp from 192.0.2.1 to any 2004',
    'add 500 deny ip from any to any',
  ];
  await between(rules, {}, async (bench) => {
    await bench.send(bench.inside, parts);
    const arrived = await bench.collect(DATAGRAMS);
    for (const [i, { frame }] of arrived.entries()) {
      const got = Buffer.from(frame);
      assert.equal(
        [got.length, got.readUInt16BE(18), got.subarray(26, 30).join('.')],
        [14 + 1028, i + 1, '192.0.2.1'],
      );
      assert.equal(got.subarray(42), body.subarray(8), `datagram ${i + 1}`);
    }
    const [out] = await bench.finish();
    assert.equal([out.drops.held, out.drops.fragment_copy], [DATAGRAMS, DATAGRAMS]);
  });
});

test('divert: the port gets whole datagrams, and what it gives back goes on behind the rule', async () => {
  const rules = [
    'add 100 divert 5000 udp from any to any',
    'add 200 deny udp from any to any frag',
    'add 300 allow udp from any to any 5000 iplen 796',
    'add 400 deny ip from any to any',
  ];
  await between(rules, {}, async (bench) => {
    const fragments = framesOf('plain');
    await bench.send(bench.inside, fragments);
    await until(() => bench.direction().drops.diverted === 1, 'a datagram is diverted');
    const divert = openPort('netmap:divert5000}0', { dir: bench.dir });
    try {
      await bench.send(bench.inside, fragments);
      const [whole] = await bench.receive(divert, 1);
      assert.is(whole!.length, 810);
      await bench.send(divert, [whole!]);
      assert.equal(hex((await bench.collect(1)).map(({ frame }) => frame)), hex([whole!]));
      const [out] = await bench.finish();
      assert.equal([out.drops.held, out.drops.diverted, out.returned, out.txPackets], [4, 2, 1, 1]);
    } finally {
      divert.close();
    }
  });
});

test('VLAN tags: opaque to rules and counted, or looked behind', async () => {
  const frames = framesOf('vlan');
  const rules = ['add 100 deny tcp from any to any 22'];
  await between(rules, {}, async (bench) => {
    await bench.send(bench.inside, frames);
    assert.equal(hex((await bench.collect(2)).map(({ frame }) => frame)), hex(frames.slice(1)));
    const [out] = await bench.finish();
    assert.is(out.drops.deny, 1);
    assert.is(bench.live.rules.engine.rules.tagged(), 2);
  });
  await between(rules, { vlan: 'inner' }, async (bench) => {
    await bench.send(bench.inside, frames);
    await until(() => bench.direction().rxPackets === frames.length, 'all frames are in');
    const [out] = await bench.finish();
    assert.is(out.drops.deny, 3);
    assert.is(bench.live.rules.engine.rules.tagged(), 0);
  });
});

test.run();
