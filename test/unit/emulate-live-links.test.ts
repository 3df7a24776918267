// SPDX-License-Identifier: BSD-2-Clause
// emulate-live-links.test.ts: links between live ports: never before their time, full queues, one_pass, changes while
// packets flow, stopping.
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { simpleCommands } from '../../src/emulation/simple.js';
import { type Arrived, LiveBench, lostOf, passedOn } from './emulate-live-bench.js';
import { udp } from './relay-fixture.js';

const test = suite('emulate-live-links');
let bench: LiveBench;

test.before.each(() => {
  bench = new LiveBench();
});
test.after.each(() => bench.end());

const MS = 1_000_000n;
/** How late packets may be on a machine that does other things: only to tell slow from never. */
const SLACK = 60_000n * MS;

/** Packet i leaves `at(i)` ns after it was sent, or later, in order. */
function assertTimes(arrived: Arrived[], sent: bigint[], at: (i: number) => bigint): void {
  assert.equal(
    arrived.map(({ mark }) => mark),
    sent.map((_, i) => i),
  );
  for (const [i, { time }] of arrived.entries()) {
    const took = time - sent[i]!;
    assert.ok(took >= at(i), `packet ${i} took ${took} ns, not ${at(i)}`);
    assert.ok(took < at(i) + SLACK, `packet ${i} took ${took} ns instead of ${at(i)}`);
  }
}

test('delay: no packet before its time', async () => {
  const { relay } = await bench.start(['pipe 1 config delay 20ms', 'add pipe 1 ip from any to any out']);
  const sent = await bench.pour(300, 200);
  assertTimes(await bench.collect(300), sent, () => 20n * MS);
  await bench.finish();
  const [measure] = relay.measures();
  assert.equal([measure!.kind, measure!.number, measure!.packets, measure!.delays], ['pipe', 1, 300, 300]);
  assert.ok(measure!.delayMinNs >= 20e6, `${measure!.delayMinNs}`);
  // On the link's own clock it is exact: histograms know values to 1/64.
  const delay = relay.delay(0);
  assert.is(delay.count, 300);
  assert.ok(delay.min >= 20e6 * (63 / 64) && delay.max <= 20e6 * (65 / 64), `${delay.min} to ${delay.max}`);
  assert.is(relay.lateness().count, 300);
});

test('bandwidth: packet after packet, each direction its own', async () => {
  await bench.start(
    simpleCommands({ bw: '8Mbit/s', delay: '5ms', queue: '200' }, { bw: '80Mbit/s', queue: '200' }),
  );
  const out = await bench.pour(100, 1000);
  const first = out[0]!;
  // 1 ms a packet; all were sent at once, so the i-th waits for those before it.
  const arrived = await bench.collect(100);
  assertTimes(arrived, Array(100).fill(first), (i) => BigInt(i + 1) * MS + 5n * MS);
  const back = await bench.pour(100, 1000, { from: bench.outside, index: 1 });
  assertTimes(
    await bench.collect(100, bench.inside),
    Array(100).fill(back[0]!),
    (i) => BigInt(i + 1) * (MS / 10n),
  );
  await bench.finish();
  const [slow, fast] = bench.live.measures();
  // 99 packets from the first departure to the last: what is late at the first only makes it shorter.
  assert.ok(slow!.lastNs - slow!.firstNs > 50e6, `${slow!.lastNs - slow!.firstNs} ns`);
  assert.ok(fast!.delayMaxNs >= 1e6);
});

test('a full queue drops by name', async () => {
  const { controller } = await bench.start([
    'pipe 1 config bw 10Kbit/s queue 10',
    'add pipe 1 ip from any to any out',
  ]);
  // 0.8 s a packet: 200 come at once, before many have left on any machine.
  await bench.pour(200, 1000);
  controller.runText('pipe 1 config bw 100Mbit/s queue 10', '');
  const arrived = await bench.collectAll();
  const [out] = await bench.finish();
  assert.is(arrived.length, out.txPackets);
  const full = out.drops.queue_full!;
  assert.ok(full > 100 && full <= 190, `${full} dropped`);
  assert.is(lostOf(out), full);
  assert.is(out.txPackets, 200 - full);
});

test('a lossy link drops by name, and the same ones with the same seed', async () => {
  const marks: number[][] = [];
  for (let run = 0; run < 2; run++) {
    if (run > 0) {
      await bench.end();
      bench = new LiveBench();
    }
    await bench.start(['pipe 1 config plr 0.3', 'add pipe 1 ip from any to any out'], { seed: 77n });
    await bench.pour(400, 100);
    marks.push((await bench.collectAll()).map(({ mark }) => mark));
    const [out] = await bench.finish();
    assert.is(out.drops.plr, 400 - marks[run]!.length);
    assert.ok(lostOf(out) > 60 && lostOf(out) < 180, `${lostOf(out)}`);
  }
  assert.equal(marks[0], marks[1]);
});

test('what each rule got of a pipe is told apart, and adds up', async () => {
  await bench.start([
    'pipe 1 config bw 100Mbit/s queue 1000 delay 1ms mask dst-port 0xffff',
    'pipe 2 config loss list 1-3',
    'add 100 pipe 1 udp from any to any 1 out',
    'add 200 pipe 1 udp from any to any 2 out',
    'add 300 pipe 2 udp from any to any 3 out',
  ]);
  for (const [dport, count] of [
    [1, 10],
    [2, 20],
    [3, 5],
  ] as const)
    await bench.pour(count, 1000, { dport });
  assert.is((await bench.collectAll()).length, 32);
  await bench.finish();
  const { relay } = bench.live;
  const ways = relay.ways();
  assert.equal(
    ways.map(({ rule, kind, number, from, packets, bytes, drops, delay }) => [
      ...[rule, kind, number, from, packets, bytes, drops, delay!.count],
    ]),
    [
      [100, 'pipe', 1, 0, 10, 10_000, {}, 10],
      [200, 'pipe', 1, 0, 20, 20_000, {}, 20],
      [300, 'pipe', 2, 0, 2, 2000, { list: 3 }, 2],
    ],
  );
  assert.ok(ways[0]!.delay!.min >= 1e6 && ways[2]!.delay!.max === 0);
  const whole = relay.delay(0);
  assert.is(
    whole.sum,
    ways.reduce((sum, { delay }) => sum + delay!.sum, 0),
  );
  assert.equal(
    relay
      .measures()
      .map(({ kind, number, packets, bytes, delays }) => [kind, number, packets, bytes, delays]),
    [
      ['pipe', 1, 30, 30_000, 30],
      ['pipe', 2, 2, 2000, 2],
    ],
  );
  const flows = bench.live.links().filter(({ number }) => number === 1);
  assert.equal(flows.map(({ totalPackets, departed, drops }) => [totalPackets, departed, drops]).sort(), [
    [10, 10, 0],
    [20, 20, 0],
  ]);
  const sum = flows.reduce((total, { departed, delayMeanMs }) => total + departed * delayMeanMs!, 0);
  assert.ok(Math.abs(sum * 1e6 - ways[0]!.delay!.sum - ways[1]!.delay!.sum) < 1, `${sum}`);
});

test('one_pass 0: behind a link packets go on with their tags, through further links', async () => {
  const { controller, relay } = await bench.start([
    'pipe 1 config delay 5ms',
    'pipe 2 config delay 5ms',
    'disable one_pass',
    'add 50 count tag 7 udp from any to any 1 out',
    'add 100 pipe 1 udp from any to any out',
    'add 200 deny udp from any to any 2 tagged 7',
    'add 300 pipe 2 udp from any to any tagged 7',
    'add 400 count udp from any to any tagged 7',
    'add 500 deny udp from any to any 3',
  ]);
  const start = process.hrtime.bigint();
  const spares = await bench.spares();
  await bench.send(bench.inside, [...udp(3, 100, 1), ...udp(2, 100, 2), ...udp(1, 100, 3)]);
  const arrived = await bench.collect(5);
  assert.is(arrived.length, 5);
  const tagged = arrived.filter(({ frame }) => frame[37] === 1);
  assert.is(tagged.length, 3);
  for (const { time } of tagged) assert.ok(time - start >= 10n * MS);
  const [out] = await bench.finish();
  assert.equal([out.txPackets, out.drops.deny], [5, 1]);
  const { storeUsed, spares: left } = relay.stats();
  assert.equal([storeUsed, left], [0, spares]);
  const shown = controller.runText('show', '');
  for (const [rule, count] of [
    ['00300', 3],
    ['00400', 3],
    ['00500', 1],
  ] as const)
    assert.match(shown, new RegExp(`^${rule}\\s+${count}\\s`, 'm'));
});

test('from link to link: long packets in their buffers, short ones in the store, all given back', async () => {
  const { relay } = await bench.start([
    'pipe 1 config delay 3ms',
    'pipe 2 config delay 3ms',
    'pipe 3 config delay 3ms plr 0.2',
    'disable one_pass',
    'add 100 pipe 1 udp from any to any out',
    'add 150 setmark 5 udp from any to any 7 out',
    'add 200 pipe 2 udp from any to any out',
    'add 300 pipe 3 udp from any to any out',
  ]);
  const spares = await bench.spares();
  for (const [size, dport] of [
    [100, 1],
    [1000, 1],
    [100, 7],
    [1000, 7],
  ] as const)
    await bench.pour(250, size, { dport });
  const arrived = await bench.collectAll();
  const [out] = await bench.finish();
  assert.equal([out.txPackets, out.drops.plr], [arrived.length, 1000 - arrived.length]);
  for (const { frame, mark } of arrived) assert.equal(frame, udp(mark + 1, frame.length, frame[37])[mark]);
  const { storeUsed, spares: left } = relay.stats();
  assert.equal([storeUsed, left], [0, spares]);
});

test('one_pass changes while packets wait: all of them leave', async () => {
  const { controller } = await bench.start([
    'pipe 1 config delay 30ms',
    'add 100 pipe 1 ip from any to any out',
    'add 200 count ip from any to any out',
  ]);
  await bench.pour(10, 100);
  controller.runText('disable one_pass', '');
  await bench.pour(10, 100);
  controller.runText('enable one_pass', '');
  assert.is((await bench.collect(20)).length, 20);
  const [out] = await bench.finish();
  assert.is(out.txPackets, 20);
  // The second ten were told to go on behind the rule.
  assert.match(controller.runText('show 200', ''), /^00200\s+10\s/m);
});

test('pipe config while packets flow: nothing is lost or overtaken', async () => {
  const { controller } = await bench.start(['pipe 1 config delay 10ms', 'add pipe 1 ip from any to any out']);
  const settings = [
    'bw 900Mbit/s delay 1ms',
    'delay 12ms',
    'bw 400Mbit/s',
    'bw 2Gbit/s delay 3ms',
    'delay 0',
  ];
  let changes = 0;
  const between = (): void => {
    controller.runText(`pipe 1 config ${settings[changes++ % settings.length]} queue 30000`, '');
  };
  let over = false;
  const collected = (async () => {
    const out = [];
    while (!over) {
      out.push(...(await bench.collectAll()));
      await sleep(1);
    }
    return [...out, ...(await bench.collectAll())];
  })();
  await bench.pour(20_000, 300, { between });
  over = true;
  const arrived = await collected;
  const [out] = await bench.finish();
  assert.equal([out.rxPackets, ...passedOn(out)], [20_000, 20_000, 0]);
  assert.is(arrived.length, out.txPackets);
  assert.ok(changes > 50, `${changes} changes`);
  // A far end that is read too slowly loses in its own ring, by name; what came, came in order.
  for (let i = 1; i < arrived.length; i++) assert.ok(arrived[i]!.mark > arrived[i - 1]!.mark);
});

test('a slow link that becomes fast: the packet on the air keeps its time, those behind it do not', async () => {
  const { controller } = await bench.start([
    'pipe 1 config bw 10Kbit/s queue 50',
    'add pipe 1 ip from any to any out',
  ]);
  const [sent] = await bench.pour(40, 1000);
  controller.runText('pipe 1 config bw 100Mbit/s queue 50', '');
  const arrived = await bench.collect(40);
  assert.equal(
    arrived.map(({ mark }) => mark),
    Array.from({ length: 40 }, (_, i) => i),
  );
  assert.ok(arrived[0]!.time - sent! >= 800n * MS, `${arrived[0]!.time - sent!}`);
  // 32 s if it were still slow
  assert.ok(arrived[39]!.time - sent! < 25_000n * MS, `${arrived[39]!.time - sent!}`);
  await bench.finish();
});

test('a deleted pipe drops by name; made again, packets pass', async () => {
  const { controller } = await bench.start(['pipe 1 config delay 1ms', 'add pipe 1 ip from any to any out']);
  await bench.pour(5, 100);
  assert.is((await bench.collect(5)).length, 5);
  controller.runText('pipe 1 delete', '');
  await bench.pour(5, 100);
  controller.runText('pipe 1 config delay 2ms', '');
  await bench.pour(5, 100);
  assert.is((await bench.collect(5)).length, 5);
  const [out] = await bench.finish();
  assert.equal([out.txPackets, out.drops.no_such_pipe], [10, 5]);
});

test('stopping: what waits leaves in its time, or is dropped as stopped', async () => {
  const { relay } = await bench.start(['pipe 1 config delay 300ms', 'add pipe 1 ip from any to any out']);
  const sent = await bench.pour(200, 400);
  relay.stop();
  const arrived = await bench.collect(200);
  assertTimes(arrived, sent, () => 300n * MS);
  await relay.finished();
  assert.is(bench.direction().txPackets, 200);
  await bench.live.close();

  await bench.start(['pipe 1 config delay 10s', 'add pipe 1 ip from any to any out']);
  await bench.pour(200, 400);
  bench.live.relay.stop();
  await sleep(60);
  assert.is(bench.live.relay.stats().state, 'running');
  const [out] = await bench.finish(false);
  assert.equal([out.txPackets, out.drops.stopped], [0, 200]);
});

test.run();
