// SPDX-License-Identifier: BSD-2-Clause
// emulate-live-memory.test.ts: where waiting packets are: bounds, spare buffers, long packets, what links do to packets,
// several emulations, ports whose other end dies.
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startEmulation } from '../../src/emulation/live.js';
import { openPort, type Port } from '../../src/index.js';
import { LiveBench, lostOf, passedOn } from './emulate-live-bench.js';
import { Bench, udp, until } from './relay-fixture.js';
import { markOf, packetFrame } from './relay-frames.js';

const test = suite('emulate-live-memory');
let bench: LiveBench;
const ports: Port[] = [];

test.before.each(() => {
  bench = new LiveBench();
});
test.after.each(async () => {
  for (const port of ports.splice(0)) port.close();
  await bench.end();
});

const open = (name: string): Port => {
  const port = openPort(name, { dir: bench.dir });
  ports.push(port);
  return port;
};

const PIPE = 'add pipe 1 ip from any to any out';

test('memory at its bound: drops with a name, and all of it comes back', async () => {
  // 0.6 s a packet: they are all there before many have left on any machine.
  const { controller, relay } = await bench.start(['pipe 1 config bw 20Kbit/s queue 100000', PIPE], {
    memory: 65536,
    extraBufs: 0,
  });
  const { storeSize } = relay.stats();
  // As many as fit, and as many again.
  const count = 2 * Math.ceil(storeSize / 1500);
  await bench.pour(count, 1500);
  const full = relay.stats();
  assert.is(full.spares, 0);
  assert.ok(full.storeUsed > storeSize / 2 && full.storeUsed <= storeSize);
  const waiting = await bench.balanced();
  assert.ok(waiting.drops.no_memory! > 0 && waiting.waiting > 0);
  assert.is(waiting.copied, waiting.waiting + waiting.txPackets);
  controller.runText('pipe 1 config bw 1Gbit/s queue 100000', '');
  const arrived = await bench.collectAll();
  assert.ok(arrived.length > 0);
  for (let i = 1; i < arrived.length; i++) assert.ok(arrived[i]!.mark > arrived[i - 1]!.mark);
  // The same again: nothing was lost of the memory.
  await bench.pour(10, 1500);
  const [out] = await bench.finish();
  assert.is(out.drops.no_memory! + passedOn(out)[0], count + 10);
  assert.is(relay.stats().storeUsed, 0);
});

for (const [what, place] of [
  ['two regions', ''],
  ['one region', '@5'],
] as const)
  test(`100,000 packets through a delayed link, ${what}: every buffer comes back`, async () => {
    bench.inside.close();
    bench.outside.close();
    const from = openPort(`valei:end${place}`, { dir: bench.dir });
    const to = openPort(`valeo:end${place}`, { dir: bench.dir });
    ports.push(from, to);
    const { relay } = await bench.start(['pipe 1 config delay 2ms queue 100000', PIPE], {
      inside: `valei:r${place}`,
      outside: `valeo:r${place}`,
      extraBufs: 2000,
    });
    const spares = await bench.spares();
    assert.is(spares, 4000);
    let flowing = true;
    const drain = async (): Promise<void> => {
      while (flowing) if (to.rx.receive() === 0) await sleep(1);
    };
    const drained = drain();
    await bench.pour(100_000, 1514, { from });
    while (bench.direction().waiting > 0) await sleep(5);
    flowing = false;
    await drained;
    await until(() => relay.stats().spares === spares, `${spares} spare buffers`);
    assert.is(relay.stats().storeUsed, 0);
    const [out] = await bench.finish();
    assert.equal([out.rxPackets, ...passedOn(out), out.copied], [100_000, 100_000, 0, 0]);
  });

test('packets of several slots wait and leave whole', async () => {
  await bench.start(['pipe 1 config delay 20ms bw 100Mbit/s queue 200KB', PIPE]);
  const { tx } = bench.inside;
  const frames = Array.from({ length: 8 }, (_, i) =>
    packetFrame({ size: 9000, sport: 1, dport: 2, mark: i }),
  );
  for (const frame of frames) {
    frame.fill(frame[45]! + 1, 60);
    assert.is(tx.reserve(5), 5);
    for (let i = 0; i < 5; i++) {
      const piece = frame.subarray(i * 2000, (i + 1) * 2000);
      tx.packet(i).set(piece, 0);
      tx.lengths[i] = piece.length;
      tx.flags[i] = i < 4 ? 0x20 : 0;
    }
    tx.send(5);
  }
  const pieces = await bench.receive(bench.outside, 40);
  assert.equal(Buffer.concat(pieces), Buffer.concat(frames));
  const [out] = await bench.finish();
  assert.equal([out.rxPackets, out.txPackets, out.txBytes], [8, 8, 72_000]);
});

test('duplicates, flipped bits and overtaking: counted, and nothing else changes', async () => {
  const { relay } = await bench.start([
    'pipe 1 config delay 5ms duplicate 0.2',
    'pipe 2 config delay 5ms corrupt 0.3',
    'pipe 3 config delay 20ms reorder 0.2',
    'add pipe 1 udp from any to any 1 out',
    'add pipe 2 udp from any to any 2 out',
    'add pipe 3 udp from any to any 3 out',
  ]);
  await bench.pour(300, 400, { dport: 1 });
  const twice = await bench.collectAll();
  const { duplicates } = bench.direction();
  assert.ok(duplicates > 20 && duplicates < 120, `${duplicates}`);
  assert.is(twice.length, 300 + duplicates);
  assert.is(new Set(twice.map(({ mark }) => mark)).size, 300);

  await bench.pour(300, 400, { dport: 2 });
  const flipped = await bench.collect(300);
  const original = udp(300, 400, 2);
  const bits = flipped.map(({ frame }, i) =>
    frame.reduce((sum, byte, at) => {
      let differs = byte ^ original[i]![at]!;
      for (; differs; differs &= differs - 1) sum++;
      return sum;
    }, 0),
  );
  assert.equal([...new Set(bits)].sort(), [0, 1]);
  const changed = bits.filter((count) => count > 0).length;
  assert.ok(changed > 50 && changed < 150, `${changed}`);

  await bench.pour(300, 400, { dport: 3 });
  const mixed = (await bench.collect(300)).map(({ mark }) => mark);
  assert.equal(
    [...mixed].sort((a, b) => a - b),
    original.map(markOf),
  );
  assert.ok(mixed.some((mark, i) => i > 0 && mark < mixed[i - 1]!));
  const [out] = await bench.finish();
  assert.is(out.txPackets, 900 + duplicates);
  assert.is(relay.stats().storeUsed, 0);
});

test('two emulations at once; a port that is in use', async () => {
  await bench.start(['pipe 1 config delay 1ms', PIPE]);
  const ends = ['vale2:end', 'vale3:end'].map(open);
  const other = await startEmulation({
    inside: 'vale2:r',
    outside: 'vale3:r',
    dir: bench.dir,
    socket: false,
    rules: ['pipe 1 config delay 2ms', PIPE],
  });
  try {
    await bench.send(ends[0]!, udp(20, 100));
    await bench.pour(20, 100);
    assert.is((await bench.collect(20)).length, 20);
    assert.is((await bench.collect(20, ends[1])).length, 20);
    assert.is(bench.direction().rxPackets, 20);
    assert.is(other.relay.stats().directions[0].rxPackets, 20);
    for (const [inside, outside, expected] of [
      ['valei:r', 'vale4:x', /^valei:r is in use by/],
      ['vale4:x', 'vale3:r', /^vale3:r is in use by/],
      ['vale4:x', 'vale4:x', /^vale4:x is in use by/],
    ] as const) {
      const failure = await startEmulation({ inside, outside, dir: bench.dir, socket: false }).then(
        (live) => live.close(),
        (error: Error) => error.message,
      );
      assert.match(failure ?? 'opened', expected);
    }
  } finally {
    await other.close();
  }
});

test('the other end of a pipe goes away and comes back', async () => {
  bench.outside.close();
  const far = openPort('netmap:x}1', { dir: bench.dir });
  await bench.start(['pipe 1 config delay 5ms', PIPE], { outside: 'netmap:x{1' });
  await bench.pour(200, 300);
  assert.is((await bench.collect(200, far)).length, 200);
  far.close();
  // Nobody takes these; the ring fills, and what finds no room is lost by name.
  await bench.pour(3000, 300);
  await bench.balanced();
  assert.is(bench.live.relay.stats().state, 'running');
  const back = open('netmap:x}1');
  await sleep(20);
  await bench.pour(200, 300);
  const arrived = await bench.collect(200, back);
  assert.ok(arrived.length >= 200, `${arrived.length}`);
  const [out] = await bench.finish();
  assert.is(out.rxPackets, 3400);
  // What the other end had not given back when it left is lost by name, too.
  const named = Object.keys(out.drops).filter((name) => out.drops[name]! > 0);
  assert.equal(
    named.filter((name) => name !== 'tx_full' && name !== 'peer_gone'),
    [],
  );
});

test('the program of a far end is gone: the rest goes on', async () => {
  await bench.start(['pipe 1 config delay 20ms', PIPE, 'add pipe 1 ip from any to any in']);
  await bench.pour(100, 300);
  assert.is((await bench.collect(100)).length, 100);
  bench.outside.close();
  await bench.pour(100, 300);
  await until(() => lostOf(bench.direction()) === 100, 'what goes to nobody is lost by name');
  bench.live.controller.runText('pipe 1 config delay 1ms', '');
  const again = open(Bench.ports.outside.replace(':r', ':again'));
  await bench.pour(100, 300);
  assert.ok((await bench.collect(100, again)).length >= 100);
  const [out] = await bench.finish();
  assert.equal([out.txPackets, out.drops.no_port], [200, 100]);
});

test.run();
