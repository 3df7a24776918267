// SPDX-License-Identifier: BSD-2-Clause
// relay.test.ts: the live loop without links: directions, verdicts and what they do to packets, counters, stopping.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DirectionStats, Relay, type RelayOptions } from '../../src/emulation/relay.js';
import { openPort } from '../../src/index.js';
import { NativeEngine } from '../../src/rules/index.js';
import { type OpenRules, openRules } from '../../src/rules/open.js';
import { Bench, udp, until } from './relay-fixture.js';
import { markOf } from './relay-frames.js';

const test = suite('relay');
let bench: Bench;
let relay: Relay | undefined;
let opened: OpenRules | undefined;

test.before.each(() => {
  bench = new Bench();
});
test.after.each(async () => {
  relay?.close();
  relay = undefined;
  await opened?.close();
  opened = undefined;
  bench.close();
});

async function start(rules: string[] | undefined, options: Partial<RelayOptions> = {}): Promise<Relay> {
  if (rules) opened = await openRules({ program: 'test', rules, socket: false, engine: new NativeEngine() });
  relay = new Relay({
    ...Bench.ports,
    dir: bench.dir,
    ...(opened && { rules: opened.engine.rules }),
    ...options,
  });
  return relay;
}

/** Stop and return what each direction counted, after checking that nothing went without a name. */
async function counted(): Promise<[DirectionStats, DirectionStats]> {
  relay!.stop();
  await relay!.finished();
  const { directions } = relay!.stats();
  for (const one of directions) {
    const lost = Object.values(one.drops).reduce((sum, count) => sum + count, 0);
    assert.is(
      one.rxPackets + one.duplicates + one.returned + one.flooded,
      one.txPackets + one.bounced + one.waiting + one.pending + lost,
    );
  }
  return directions;
}

/** Wait until the relay has dealt with so many packets from the inside. */
const dealtWith = (count: number): Promise<void> =>
  until(() => relay!.stats().directions[0].rxPackets >= count, `${count} packets`);

test('without rules everything passes, both ways, unchanged and in order', async () => {
  await start(undefined);
  const frames = udp(500, 200);
  await bench.send(bench.inside, frames);
  assert.equal(await bench.receive(bench.outside, 500), frames);
  await bench.send(bench.outside, udp(3, 60));
  assert.equal((await bench.receive(bench.inside, 3)).map(markOf), [0, 1, 2]);
  const [out, back] = await counted();
  assert.equal([out.rxPackets, out.txPackets, out.rxBytes], [500, 500, 100_000]);
  assert.equal([back.rxPackets, back.txPackets], [3, 3]);
});

test('packets of several slots go through in one piece', async () => {
  await start(['add allow ip from any to any']);
  const { tx } = bench.inside;
  const [frame] = udp(1, 5000);
  assert.is(tx.reserve(3), 3);
  for (let i = 0; i < 3; i++) {
    const piece = frame!.subarray(i * 2000, (i + 1) * 2000);
    tx.packet(i).set(piece, 0);
    tx.lengths[i] = piece.length;
    tx.flags[i] = i < 2 ? 0x20 : 0;
  }
  tx.send(3);
  const pieces = await bench.receive(bench.outside, 3);
  assert.equal(Buffer.concat(pieces), Buffer.from(frame!));
  await counted();
});

test('from the inside it is out recv INSIDE xmit OUTSIDE, from the outside in recv OUTSIDE', async () => {
  await start([
    'add 100 deny udp from any to any 1 out recv valei:r xmit valeo:r',
    'add 200 deny udp from any to any 2 in recv valeo:r',
    'add 300 deny udp from any to any 3 in xmit valei:r',
    'add 400 deny udp from any to any 4 via valeo:r',
  ]);
  const frames = [1, 2, 3, 4].flatMap((port) => udp(1, 60, port));
  await bench.send(bench.inside, frames);
  await bench.send(bench.outside, frames);
  assert.is((await bench.receive(bench.outside, 2)).length, 2);
  assert.is((await bench.receive(bench.inside, 2)).length, 2);
  assert.ok((await bench.quiet(bench.outside)) && (await bench.quiet(bench.inside)));
  const [out, back] = await counted();
  assert.is(out.drops.deny, 2);
  assert.is(back.drops.deny, 2);
  const counters = opened!.controller.runText('show', 'x');
  assert.match(counters, /^00100\s+1\s/m);
  assert.match(counters, /^00400\s+2\s/m);
});

test('answers go back where the packet came from; fwd to an address bounces', async () => {
  await start(['add reject udp from any to any 7', 'add fwd 10.9.9.9 udp from any to any 8']);
  await bench.send(bench.inside, udp(2, 60, 7));
  const answers = await bench.receive(bench.inside, 2);
  assert.equal(
    answers.map((frame) => [frame[23], frame[34], frame[35]]),
    [
      [1, 3, 1],
      [1, 3, 1],
    ],
  );
  await bench.send(bench.outside, udp(1, 60, 8));
  assert.is((await bench.receive(bench.outside, 1)).length, 1);
  const [out, back] = await counted();
  assert.equal([out.answers, out.drops.deny, back.bounced], [2, 2, 1]);
});

test('copies for tee that find no room are counted', async () => {
  await start(['add tee 5000 udp from any to any'], { slots: 16 });
  for (let i = 0; i < 4; i++) {
    await bench.send(bench.inside, udp(10, 60));
    assert.is((await bench.receive(bench.outside, 10)).length, 10);
  }
  const [out] = await counted();
  assert.equal([out.copies, out.copiesLost, out.txPackets], [15, 25, 40]);
});

test('what a divert port sends by itself goes out, from the first rule on', async () => {
  await start(['add 100 tee 5000 udp from any to any 7', 'add 200 deny udp from any to any 8']);
  await bench.send(bench.inside, udp(1, 60, 7));
  await bench.receive(bench.outside, 1);
  const filter = openPort('netmap:divert5000}0', { dir: bench.dir });
  try {
    await bench.send(filter, [...udp(1, 60, 8), ...udp(1, 60, 9)]);
    assert.equal(
      (await bench.receive(bench.outside, 1)).map((frame) => frame[37]),
      [9],
    );
    const [out] = await counted();
    assert.equal([out.returned, out.drops.deny, out.txPackets], [2, 1, 2]);
  } finally {
    filter.close();
  }
});

test('divert: out at a port of ours, and what comes back goes on behind the rule', async () => {
  await start([
    'add 100 divert 5000 udp from any to any 7',
    'add 200 count udp from any to any 7 diverted-output',
    'add 300 tee valet:t udp from any to any 7',
  ]);
  const filter = openPort('netmap:divert5000}0', { dir: bench.dir });
  const copies = openPort('valet:other', { dir: bench.dir });
  try {
    await bench.send(bench.inside, udp(3, 60, 7));
    const diverted = await bench.receive(filter, 3);
    assert.equal(diverted.map(markOf), [0, 1, 2]);
    assert.ok(await bench.quiet(bench.outside, 20));
    await bench.send(filter, diverted.slice(0, 2));
    assert.is((await bench.receive(bench.outside, 2)).length, 2);
    assert.is((await bench.receive(copies, 2)).length, 2);
    const [out] = await counted();
    assert.equal([out.returned, out.drops.diverted, out.copies, out.txPackets], [2, 3, 2, 2]);
    assert.match(opened!.controller.runText('show 200', 'x'), /^00200\s+2\s/m);
  } finally {
    filter.close();
    copies.close();
  }
});

test('rules change while packets flow', async () => {
  await start([]);
  await bench.send(bench.inside, udp(1, 60));
  assert.is((await bench.receive(bench.outside, 1)).length, 1);
  opened!.controller.runText('add 10 deny udp from any to any', 'x');
  await bench.send(bench.inside, udp(1, 60));
  await dealtWith(2);
  assert.ok(await bench.quiet(bench.outside));
  opened!.controller.runText('delete 10', 'x');
  await bench.send(bench.inside, udp(1, 60));
  assert.is((await bench.receive(bench.outside, 1)).length, 1);
  const [out] = await counted();
  assert.equal([out.rxPackets, out.drops.deny], [3, 1]);
});

test('both ports in one region: buffers change places', async () => {
  bench.inside.close();
  await start(undefined, { inside: 'valei:r@5', outside: 'valeo:r@5' });
  const end = openPort('valei:end', { dir: bench.dir });
  try {
    const frames = udp(600, 1514);
    await bench.send(end, frames);
    assert.equal(await bench.receive(bench.outside, 600), frames);
    await counted();
  } finally {
    end.close();
  }
});

test('pipes and queues drop without links; a relay that waits for nothing sleeps', async () => {
  await start(['add pipe 1 ip from any to any']);
  await bench.send(bench.inside, udp(4, 60));
  await dealtWith(4);
  assert.ok(await bench.quiet(bench.outside));
  const before = relay!.stats().sleeps;
  const since = performance.now();
  await until(() => relay!.stats().sleeps > before + 3, 'it sleeps');
  // For 50 ms at a time.
  const slept = relay!.stats().sleeps - before;
  const took = performance.now() - since;
  assert.ok(slept < 20 + took / 10, `slept ${slept} times in ${took} ms`);
  const [out] = await counted();
  assert.is(out.drops.no_such_pipe, 4);
});

test('what cannot be opened, and what is in use', async () => {
  assert.throws(() => new Relay({ inside: 'vale0', outside: 'valeo:r', dir: bench.dir }), /vale0/);
  assert.throws(() => new Relay({ ...Bench.ports, dir: bench.dir, burst: 0 }), /burst/);
  assert.throws(() => new Relay({ ...Bench.ports, dir: bench.dir, rules: {} as never }), /rules is not/);
  const running = await start([]);
  assert.throws(() => opened!.engine.close(), /in use/);
  running.close();
  assert.throws(() => running.stats(), /closed/);
});

test.run();
