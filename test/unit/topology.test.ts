// SPDX-License-Identifier: BSD-2-Clause
// topology.test.ts: topologies built in a program: exact in virtual time, changes at their instants, live between ports.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Topology } from '../../src/emulation/topology.js';
import type { ReplayPacket, ReplayResult } from '../../src/index.js';
import { Bench, udp, until } from './relay-fixture.js';
import { markOf, packetFrame } from './relay-frames.js';

const test = suite('topology');
const MS = 1_000_000n;

/** `count` frames of `size` bytes, `gap` ns apart. */
const stream = (count: number, size: number, gap: bigint, more: Partial<ReplayPacket> = {}): ReplayPacket[] =>
  udp(count, size).map((frame, i) => ({
    time: BigInt(i) * gap,
    frame,
    direction: 'out',
    interface: 'em0',
    ...more,
  }));

const run = async (topology: Topology, packets: Iterable<ReplayPacket>): Promise<ReplayResult[]> => [
  ...(await topology.replay(packets)),
];

const outs = (results: ReplayResult[]): (bigint | undefined)[] => results.map(({ out }) => out);

test('a link in virtual time: exact departures, drops by name, rules that decided', async () => {
  const topology = new Topology({ seed: 1 })
    .pipe(1, { bw: '8Mbit/s', delay: '20ms', queue: 5 })
    .rule('add 100 pipe 1 ip from any to any out');
  const replay = await topology.replay(stream(10, 1000, 0n));
  const results = [...replay];
  // 1 ms a packet: one is on the air, five wait.
  assert.equal(
    outs(results).slice(0, 6),
    [1, 2, 3, 4, 5, 6].map((ms) => BigInt(ms + 20) * MS),
  );
  assert.equal(
    results.slice(6).map(({ drop, out, frame }) => [drop, out, frame]),
    Array(4).fill(['queue_full', undefined, undefined]),
  );
  assert.equal(results[0]!.passes, [{ rule: 100, verdict: 'pipe 1' }]);
  assert.equal(results[5]!.frame, udp(6, 1000)[5]);
  const [link] = replay.links();
  assert.equal([link!.kind, link!.number, link!.totalPackets, link!.drops], ['pipe', 1, 10, 4]);
  const [meter] = replay.carried;
  assert.equal([meter!.passed, meter!.lost, meter!.rate, meter!.delay], [6, 4, 8e6, 21]);
});

test('changes come exactly at their instants', async () => {
  const topology = new Topology()
    .pipe(1, { delay: '20ms' })
    .rule('add 100 pipe 1 ip from any to any')
    .at('5ms', 'pipe 1 config delay 40ms')
    .at(8, 'add 50 deny ip from any to any', 'pipe 1 config delay 1ms')
    .at('0.010s', 'delete 50');
  const results = await run(topology, stream(12, 100, MS));
  assert.equal(
    results.map(({ time, out, drop }) => drop ?? (out! - time) / MS),
    // The last two: order is kept behind those that take 40 ms, the later of which leaves at 47 ms.
    [20n, 20n, 20n, 20n, 20n, 40n, 40n, 40n, 'deny', 'deny', 37n, 36n],
  );
});

test('a change of the bandwidth: what is on the air keeps its time, what waits behind it does not', async () => {
  const topology = new Topology()
    .pipe(1, { bw: '1Mbit/s', queue: 100 })
    .rule('add pipe 1 ip from any to any')
    .at('12ms', 'pipe 1 config bw 8Mbit/s queue 100');
  // 8 ms a packet, from 16 ms on 1 ms.
  assert.equal(
    outs(await run(topology, stream(5, 1000, 0n))),
    [8n, 16n, 17n, 18n, 19n].map((ms) => ms * MS),
  );
});

test('changes after the last packet still count for what waits; time may begin anywhere', async () => {
  const topology = new Topology()
    .pipe(1, { bw: '1Kbit/s', queue: 100 })
    .rule('add pipe 1 ip from any to any')
    .at('1s', 'pipe 1 config bw 8Mbit/s queue 100');
  const begin = 1_700_000_000_000_000_000n;
  const packets = stream(3, 1000, 0n).map((packet) => ({ ...packet, time: packet.time + begin }));
  assert.equal(
    outs(await run(topology, packets)),
    [8000n, 8001n, 8002n].map((ms) => begin + ms * MS),
  );
  // Counted from an earlier start the link is fast when they come.
  const early = await topology.replay(packets, { start: begin - 2000n * MS });
  assert.equal(
    outs([...early]),
    [1n, 2n, 3n].map((ms) => begin + ms * MS),
  );
});

test('deleting a pipe drops what waits, by name; made again, it passes', async () => {
  const topology = new Topology()
    .pipe(1, { delay: '10ms' })
    .rule('add pipe 1 ip from any to any')
    .at('5ms', 'pipe 1 delete')
    .at('8ms', 'pipe 1 config delay 2ms');
  const results = await run(topology, stream(10, 100, MS));
  for (const { drop } of results.slice(0, 8)) assert.ok(drop !== undefined);
  assert.is(results[6]!.drop, 'no_such_pipe');
  assert.equal(outs(results.slice(8)), [10n * MS, 11n * MS]);
});

test('one_pass may change: packets that wait for further rules go on', async () => {
  const topology = new Topology()
    .pipe(1, { delay: '5ms' })
    .pipe(2, { delay: '5ms' })
    .rule('add 100 pipe 1 ip from any to any', 'add 200 pipe 2 ip from any to any')
    .at('10ms', 'disable one_pass')
    .at('20ms', 'enable one_pass');
  const results = await run(topology, stream(30, 100, MS));
  assert.equal(
    results.map(({ time, out }) => (out! - time) / MS),
    [...Array(10).fill(5n), ...Array(10).fill(10n), ...results.slice(20).map(() => 5n)],
  );
  assert.equal(results[12]!.passes, [
    { rule: 100, verdict: 'pipe 1' },
    { rule: 200, verdict: 'pipe 2' },
    { rule: 65535, verdict: 'pass' },
  ]);
});

test('queues share by weight; a mask makes one for each flow', async () => {
  const topology = new Topology()
    .sched(1, { type: 'wf2q+', bw: '8Mbit/s' })
    .queue(1, { sched: 1, weight: 3, queue: 200 })
    .queue(2, { sched: 1, weight: 1, queue: 200, mask: 'src-port 0xffff' })
    .rule('add queue 1 udp from any to any 1', 'add queue 2 udp from any to any 2');
  const packets: ReplayPacket[] = Array.from({ length: 200 }, (_, i) => ({
    time: 0n,
    frame: packetFrame({ size: 1000, sport: 7, dport: 1 + (i % 2), mark: i }),
    direction: 'in',
    interface: 'em0',
  }));
  const replay = await topology.replay(packets);
  const first = [...replay].filter(({ out }) => out! <= 80n * MS);
  const heavy = first.filter(({ packet }) => packet % 2 === 0).length;
  assert.ok(first.length === 80 && heavy >= 58 && heavy <= 62, `${heavy} of ${first.length}`);
  assert.match(replay.links().find(({ number }) => number === 2)!.flow, /:7 >/);
});

test('the same seed gives the same results, another one others', async () => {
  const build = (seed: number): Topology =>
    new Topology({ seed })
      .pipe(1, { bw: '50Mbit/s', delay: '10ms', jitter: '3ms', plr: 0.1, duplicate: 0.05, corrupt: 0.05 })
      .rule('add prob 0.9 pipe 1 ip from any to any')
      .at('100ms', 'pipe 1 config bw 20Mbit/s delay 5ms jitter 4ms plr 0.2 reorder 0.1');
  const packets = stream(500, 500, MS / 2n);
  const [one, again, other] = [
    await run(build(7), packets),
    await run(build(7), packets),
    await run(build(8), packets),
  ];
  assert.equal(one, again);
  assert.not.equal(outs(one), outs(other));
  assert.ok(one.some(({ copies }) => copies.length > 0) && one.some(({ drop }) => drop === 'plr'));
  for (const { time, out, drop } of one) assert.ok(drop !== undefined || out! >= time);
});

test('what goes out may have come in somewhere; answers are counted', async () => {
  const topology = new Topology({ host: { me: ['10.9.9.9'], networks: [], routes: [] } }).rule(
    'add 100 count ip from any to any out recv em0 xmit em1',
    'add 200 reject udp from any to any out recv em0 xmit em1',
  );
  const results = await run(topology, [
    ...stream(2, 100, 0n, { interface: 'em1', received: 'em0' }),
    ...stream(1, 100, 0n, { interface: 'em1' }),
  ]);
  assert.equal(
    results.map(({ drop, answers }) => [drop, answers]),
    [
      ['deny', 1],
      ['deny', 1],
      [undefined, 0],
    ],
  );
});

test('mistakes are named before anything runs', async () => {
  const fails = async (topology: Topology, expected: RegExp): Promise<void> => {
    for (const start of [
      () => topology.check(),
      () => topology.replay([]),
      () => topology.live({ ...Bench.ports, dir: '/nowhere' }),
    ])
      try {
        await start();
        assert.unreachable('it ran');
      } catch (error) {
        assert.match((error as Error).message, expected);
      }
  };
  await fails(
    new Topology().pipe(1, { delay: '60s' }),
    /^"pipe 1 config delay 60s", column 21: delay "60s" too long: expected at most 10000 ms$/,
  );
  await fails(new Topology().rule('add permit'), /^"add permit"/);
  await fails(new Topology().at('2s', 'add 1 pip 1 ip from any to any'), /^at 2s: change:1:/);
  await fails(
    new Topology().at('1s', 'delete 5').at(500, 'add 5 deny ip from any to any').at(2, 'delete 5'),
    /^at 0.002s: /,
  );
  assert.throws(() => new Topology().at('soon', 'flush'), /bad time "soon"/);
  assert.throws(() => new Topology().pipe(1, { bw: 'fast' }), /bad bandwidth "fast"/);

  const backwards = stream(3, 100, -MS).map((packet) => ({ ...packet, time: packet.time + 5n * MS }));
  const replay = await new Topology().replay(backwards);
  assert.throws(() => [...replay], /^packet 1: its time 4000000 is before 5000000/);
  assert.throws(() => [...replay], /runs once/);
});

test('an iteration that stops early frees everything', async () => {
  const topology = new Topology().pipe(1, { delay: '1ms' }).rule('add pipe 1 ip from any to any');
  const replay = await topology.replay(stream(2000, 100, MS));
  for (const { packet } of replay) if (packet === 3) break;
  assert.throws(() => [...replay], /runs once/);
  assert.is(replay.links()[0]!.kind, 'pipe');
  (await topology.replay([])).close();
});

test('live: the same topology between ports, with its changes', async () => {
  const bench = new Bench();
  const errors: Error[] = [];
  const running = await new Topology({ seed: 3 })
    .pipe(1, { delay: '1ms' })
    .rule('add pipe 1 ip from any to any out')
    .at('1000ms', 'pipe 1 config delay 200ms')
    .at('1050ms', 'delete 77', 'add 10 deny ip from any to any')
    .rule('add 77 count ip from any to any')
    .live({ ...Bench.ports, dir: bench.dir, socket: false, onError: (error) => errors.push(error) });
  try {
    running.emulation.controller.runText('delete 77', '');
    await bench.send(bench.inside, udp(5, 100));
    assert.is((await bench.receive(bench.outside, 5)).length, 5);
    await until(() => running.changes.length === 2, 'two changes');
    const [made, failed] = running.changes;
    assert.ok(made!.made >= 1000n * MS && made!.error === undefined);
    // Somebody else had deleted the rule: all of that change is left undone.
    assert.ok(failed!.error === errors[0] && errors.length === 1);
    const sent = process.hrtime.bigint();
    await bench.send(bench.inside, udp(5, 100));
    const late = await bench.receive(bench.outside, 5);
    assert.ok(process.hrtime.bigint() - sent >= 200n * MS);
    assert.equal(late.map(markOf), [0, 1, 2, 3, 4]);
    assert.is(running.links()[0]!.totalPackets, 10);
    assert.is(running.measures()[0]!.packets, 10);
    await bench.send(bench.inside, udp(5, 100));
    await until(() => running.stats().directions[0].rxPackets === 15, '15 packets');
    const { directions } = await running.stop();
    assert.equal([directions[0].txPackets, directions[0].waiting], [15, 0]);
  } finally {
    await running.close();
    bench.close();
  }
});

test('live and in virtual time the same seed loses the same packets', async () => {
  const bench = new Bench();
  const topology = new Topology({ seed: 5 })
    .pipe(1, { delay: '1ms', plr: '20%' })
    .rule('add pipe 1 ip from any to any out');
  const running = await topology.live({ ...Bench.ports, dir: bench.dir, socket: false });
  try {
    await bench.send(bench.inside, udp(200, 100));
    const virtual = await run(topology, stream(200, 100, MS));
    const passed = virtual.filter(({ drop }) => drop === undefined).map(({ packet }) => packet);
    const arrived = (await bench.receive(bench.outside, passed.length)).map(markOf);
    assert.equal(arrived, passed);
    assert.ok(await bench.quiet(bench.outside));
    assert.ok(arrived.length > 100 && arrived.length < 200, `${arrived.length}`);
  } finally {
    await running.close();
    bench.close();
  }
});

test('a rule to a pipe that is not there is a warning of the process', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  new Topology({ seed: 1 }).rule('add pipe 9 ip from any to any').check();
  const { name, message } = await warned;
  assert.is(name, 'NetvaleWarning');
  assert.is(message, 'there is no pipe 9: rule 100 sends packets there, and they are dropped');
});

test.run();
