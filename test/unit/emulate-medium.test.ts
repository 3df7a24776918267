// SPDX-License-Identifier: BSD-2-Clause
// emulate-medium.test.ts: what a packet takes of a link: burst credit, opportunities of a trace, its length without padding, and
// marks behind VLAN tags; on capture files, in topologies and live alike.
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { Topology } from '../../src/emulation/topology.js';
import type { ReplayPacket } from '../../src/index.js';
import { LiveBench } from './emulate-live-bench.js';
import { ip, Laboratory, SYN, tcp, udp } from './emulate-packets.js';

const test = suite('emulate-medium');
const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const A = '10.0.0.1';
const B = '192.168.0.9';
const MAC = 14;

interface Timed {
  time: bigint;
  data: Buffer;
}

/** A frame of `size` bytes, from its MAC header on. */
const frameOf = (size: number): Buffer => ip(17, A, B, udp(1, 2, size - 42));

/** Microseconds at which packets leave pipe 1, configured so: on files, and the same in a topology. */
async function outs(packets: Timed[], pipe: string, layer: 2 | 3 = 2): Promise<number[]> {
  const file = await laboratory.capture('in.pcap', packets);
  const rules = [`pipe 1 config ${pipe}`, 'add 100 pipe 1 ip from any to any'];
  const { records, stderr } = await laboratory.run(
    ...['--offline', '--seed', '1', '--json', '--layer', String(layer), '--input', `in:em0:${file}`],
    ...rules.flatMap((rule) => ['--rule', rule]),
  );
  assert.is(stderr, '');
  const seen = records.filter(({ packet }) => packet !== undefined).map(({ out_us }) => out_us as number);
  const stream = packets.map(
    ({ time, data }): ReplayPacket => ({ time, frame: data, direction: 'in', interface: 'em0' }),
  );
  const replay = await new Topology({ seed: 1, layer }).rule(...rules).replay(stream);
  assert.equal(
    [...replay].map(({ out }) => Number(out! - packets[0]!.time) / 1000),
    seen,
    `${pipe}: in a topology`,
  );
  return seen;
}

test('burst: what packets leave of the credit is there for the next, however far apart they are', async () => {
  const train = (from: number) =>
    Array.from({ length: 12 }, (_, i) => ({ time: BigInt(from + i * 12) * 1000n, data: frameOf(200) }));
  // 1600 bytes are eight frames; the ninth takes its 8 ms from when the credit began.
  const left = (from: number) => [
    ...[0, 12, 24, 36, 48, 60, 72, 84].map((us) => from + us),
    ...[8000, 16000, 24000, 32000].map((us) => from + us),
  ];
  const pipe = 'bw 200Kbit/s burst 1600';
  assert.equal(await outs(train(0), pipe), left(0));
  assert.equal(await outs([...train(0), ...train(10_000_000)], pipe), [...left(0), ...left(10_000_000)]);
  // Half of it after 32 ms of rest; a packet now and then at the bandwidth costs nothing.
  const rest = [...train(0), ...train(64_000)];
  assert.equal((await outs(rest, pipe)).slice(12), [
    ...[64_000, 64_012, 64_024, 64_036],
    ...[72_000, 80_000, 88_000, 96_000, 104_000, 112_000, 120_000, 128_000],
  ]);
});

test('burst: a new link has all its credit, however long that takes to earn', async () => {
  const packets = Array.from({ length: 100 }, (_, i) => ({ time: BigInt(i) * 1000n, data: frameOf(1000) }));
  assert.equal(
    await outs(packets, 'bw 1Kbit/s burst 100KB queue 200'),
    packets.map((_, i) => i),
  );
});

test('burst, live: frames one after the other go at once', async () => {
  const bench = new LiveBench();
  try {
    // 100 frames would take 800 s.
    await bench.start(
      ['pipe 1 config bw 1Kbit/s burst 100000 queue 200', 'add pipe 1 ip from any to any out'],
      {},
    );
    for (let i = 0; i < 10; i++) {
      await bench.pour(10, 1000);
      assert.is((await bench.collect(10)).length, 10);
    }
    const [out] = await bench.finish();
    assert.is(out.txPackets, 100);
  } finally {
    await bench.end();
  }
});

test('a full frame fits one opportunity of a trace, at layer 2 as at layer 3', async () => {
  const trace = (name: string, text: string) => {
    writeFileSync(laboratory.file(name), text);
    return `queue 2000 trace ${laboratory.file(name)}`;
  };
  const sparse = trace('sparse', '100\n200\n300\n');
  const each = trace('each', '1\n');
  const zeros = trace('zeros', '0\n0\n1\n1\n1\n2\n3\n7\n');
  const burst = (count: number, size: number) =>
    Array.from({ length: count }, (_, i) => ({ time: BigInt(i) * 1000n, data: frameOf(size) }));
  for (const layer of [2, 3] as const) {
    assert.equal(await outs(burst(1, 1514), sparse, layer), [100_000]);
    // What a tagged frame carries, and mahimahi's device hands over; one byte more is too long.
    assert.equal(await outs(burst(1, MAC + 1504), sparse, layer), [100_000]);
    assert.equal(await outs(burst(1, MAC + 1505), sparse, layer), [200_000]);
    assert.is((await outs(burst(1000, 1514), each, layer)).at(-1), 1_000_000);
    assert.equal(await outs(burst(7, 1514), zeros, layer), [0, 1000, 1000, 1000, 2000, 3000, 7000]);
  }
});

test('a full frame fits one opportunity of a trace, live', async () => {
  const bench = new LiveBench();
  try {
    writeFileSync(laboratory.file('once'), '0\n1\n1\n1\n1\n1\n1\n1\n1\n1\n');
    await bench.start([
      `pipe 1 config queue 100 trace ${laboratory.file('once')} once`,
      'add pipe 1 ip from any to any out',
    ]);
    // Ten opportunities for what comes in one batch, and nothing after them.
    await bench.pour(10, 1514);
    assert.is((await bench.collect(10)).length, 10);
    await bench.finish(false);
  } finally {
    await bench.end();
  }
});

/** Ethernet fills what is shorter than its shortest frame, and a driver may leave a check sequence behind. */
const padded = (frame: Buffer, size: number): Buffer =>
  Buffer.concat([frame, Buffer.alloc(size - frame.length, 0x5a)]);

/** Behind VLAN tags, the outer one of a provider. */
const tagged = (frame: Buffer, tags: number): Buffer =>
  Buffer.concat([
    frame.subarray(0, 12),
    Buffer.from('88a80001'.repeat(Math.max(0, tags - 1)) + '81000002'.repeat(Math.min(1, tags)), 'hex'),
    frame.subarray(12),
  ]);

const A6 = '2001:db8::1';
const B6 = '2001:db8::2';

test('padding is not part of an IP packet at layer 3, and of the frame at layer 2', async () => {
  const frames = [
    padded(ip(17, A, B, udp(1, 2, 12)), 60),
    padded(ip(17, A, B, udp(1, 2, 12)), 54),
    padded(ip(6, A, B, Buffer.alloc(20, 0x50)), 64),
    padded(ip(17, A6, B6, udp(1, 2, 12)), 78),
    ip(17, A, B, udp(1, 2, 12)),
  ];
  const packets = frames.map((data, i) => ({ time: BigInt(i) * 1_000_000_000n, data }));
  // A byte takes a millisecond.
  const took = async (layer: 2 | 3) =>
    (await outs(packets, 'bw 8Kbit/s', layer)).map((us, i) => us / 1000 - i * 1000);
  assert.equal(await took(3), [40, 40, 40, 60, 40]);
  assert.equal(await took(2), [60, 54, 64, 78, 54]);
});

test('padding is not seen by rules at layer 3: counters, lengths, headers, answers', async () => {
  const short = padded(ip(6, A, B, tcp(1, 2, SYN)), 60);
  short.writeUInt16BE(32, 16); // no whole TCP header
  const nothing = padded(ip(59, A6, B6, Buffer.alloc(0)), 60);
  const frames = [
    padded(ip(17, A, B, udp(1, 2, 12)), 60),
    padded(ip(17, A6, B6, udp(1, 2, 0)), 80),
    short,
    nothing,
  ];
  const file = await laboratory.capture('padded.pcap', frames);
  const run = (layer: 2 | 3) =>
    laboratory.run(
      ...['--offline', '--seed', '1', '--json', '--layer', String(layer), '--input', `in:em0:${file}`],
      ...['--output', 'em0:answers.pcap', '--rule', 'add 100 count ip from any to any iplen 40,48'],
      ...[
        '--rule',
        'add 200 count ip from any to any',
        '--rule',
        'add 300 unreach6 port ip6 from any to any',
      ],
    );
  const counts = (records: Record<string, unknown>[]) =>
    (records.at(-1)!.rules as { packets: number; bytes: number }[]).map(({ packets, bytes }) => [
      packets,
      bytes,
    ]);
  const three = await run(3);
  assert.equal(counts(three.records), [
    [3, 128],
    [3, 128],
    [2, 88],
    [1, 40],
  ]);
  assert.is(three.records[2]!.drop, 'short_header');
  const answers = [...openCapture(laboratory.file('answers.pcap'))].filter(({ data }) => data[20] === 58);
  assert.equal(
    answers.map(({ data }) => data.length),
    [MAC + 40 + 8 + 48, MAC + 40 + 8 + 40],
  );
  // At layer 2 the frame is what there is: IPv6 counts all of it.
  const two = await run(2);
  assert.equal(counts(two.records)[1], [4, 40 + 66 + 32 + 46]);
  assert.is(two.records[2]!.drop, undefined);
});

test('padding is not counted at layer 3 live, and comes out as it went in', async () => {
  const bench = new LiveBench();
  try {
    await bench.start(['pipe 1 config delay 1ms', 'add pipe 1 ip from any to any out'], { layer: 3 });
    const frames = [padded(frameOf(54), 60), frameOf(300), padded(frameOf(300), 400)];
    await bench.send(bench.inside, frames);
    const arrived = await bench.collect(3);
    assert.equal(
      arrived.map(({ frame }) => Buffer.from(frame).toString('hex')),
      frames.map((frame) => frame.toString('hex')),
    );
    assert.is(bench.live.links()[0]!.totalBytes, 40 + 286 + 286);
    await bench.finish();
  } finally {
    await bench.end();
  }
});

/** ECT(0), and the header's checksum right. */
function capable(frame: Buffer): Buffer {
  const copy = Buffer.from(frame);
  copy[15]! |= 2;
  copy.writeUInt16BE(0, 24);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += copy.readUInt16BE(at);
  copy.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 24);
  return copy;
}

const congested = (frames: Uint8Array[], at: number): number => {
  for (const frame of frames) {
    const view = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    let sum = 0;
    for (let i = at; i < at + 20; i += 2) sum += view.readUInt16BE(i);
    assert.is((sum & 0xffff) + (sum >>> 16), 0xffff, 'the checksum is right');
  }
  return frames.filter((frame) => (frame[at + 1]! & 3) === 3).length;
};

for (const tags of [0, 1, 2])
  test(`congestion is marked behind ${tags} VLAN tags: on files, in a topology and live`, async () => {
    const frames = Array.from({ length: 40 }, (_, i) => tagged(capable(ip(17, A, B, udp(9, i + 1))), tags));
    const rules = [
      'pipe 1 config bw 100Kbit/s queue 100 red 1/3/4/1 ecn',
      'add 100 pipe 1 ip from any to any out',
    ];
    const packets = frames.map((data, i) => ({ time: BigInt(i) * 1000n, data }));
    const file = await laboratory.capture('ecn.pcap', packets);
    const { stderr } = await laboratory.run(
      ...['--offline', '--seed', '1', '--input', `out:em0:${file}`, '--output', 'em0:marked.pcap'],
      ...rules.flatMap((rule) => ['--rule', rule]),
    );
    assert.is(stderr, '');
    const at = MAC + 4 * tags;
    const written = [...openCapture(laboratory.file('marked.pcap'))].map(({ data }) => data);
    assert.is(written.length, 40, 'none is dropped');
    const marked = congested(written, at);
    assert.ok(marked >= 30, `${marked}`);

    const replay = await new Topology({ seed: 1 })
      .rule(...rules)
      .replay(packets.map(({ time, data }) => ({ time, frame: data, direction: 'out', interface: 'em0' })));
    assert.is(
      congested(
        [...replay].map(({ frame }) => frame!),
        at,
      ),
      marked,
    );

    const bench = new LiveBench();
    try {
      await bench.start(rules);
      await bench.send(bench.inside, frames);
      const arrived = await bench.collect(40);
      assert.is(arrived.length, 40, 'none is dropped live');
      assert.ok(
        congested(
          arrived.map(({ frame }) => frame),
          at,
        ) > 0,
      );
      await bench.finish();
    } finally {
      await bench.end();
    }
  });

test.run();
