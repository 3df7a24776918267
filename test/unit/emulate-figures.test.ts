// SPDX-License-Identifier: BSD-2-Clause
// emulate-figures.test.ts: what emulate says of a run at its end: promised beside measured, rates of traces, lateness.
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Histogram } from '../../src/report/histogram.js';
import type { LinkRecord, PromiseRecord } from '../../src/report/link-records.js';
import { type LatencyRecord, latencyRecord } from '../../src/report/records.js';
import type {
  DirectionRecord,
  RelayReportRecord,
  RelayResultRecord,
} from '../../src/report/relay-records.js';
import { reportLines, resultLines } from '../../tools/lib/emulate/live-views.js';
import { ip, Laboratory, udp } from './emulate-packets.js';
import { violations } from './schema.js';

const test = suite('emulate-figures');
const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const latency = (...values: number[]) => {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return latencyRecord(histogram);
};

const direction = (more: Partial<DirectionRecord>): DirectionRecord => ({
  ...{ from: 'vale0:e', to: 'vale1:e', rx_packets: 0, rx_bytes: 0, tx_packets: 0, tx_bytes: 0 },
  ...{ rx_pps: 0, rx_bps: 0, tx_pps: 0, tx_bps: 0, waiting: 0, duplicates: 0, answers: 0, answers_lost: 0 },
  ...{ copies: 0, copies_lost: 0, returned: 0, bounced: 0, flooded: 0, pending: 0, drops: {} },
  ...more,
});

const result = (more: Partial<RelayResultRecord>): RelayResultRecord => ({
  ...{
    type: 'result',
    program: 'emulate',
    seconds: 1,
    seed: '1',
    links: [],
    promises: [],
    ways: [],
    lateness: latency(),
  },
  ...{ directions: [direction({}), direction({ from: 'vale1:e', to: 'vale0:e' })] },
  ...{ capture_lost: 0, log_lost: 0, vlan_opaque: 0, ring_resets: 0 },
  ...more,
});

test('sentences end, and a delay says which clock it is by', () => {
  const one = direction({
    ...{ rx_packets: 10, rx_bytes: 600, tx_packets: 7, tx_bytes: 420 },
    ...{ drops: { queue_full: 2, plr: 1, deny: 0 }, delay: latency(1e6, 2e6, 4e6) },
  });
  const [first, second] = resultLines(result({ directions: [one, direction({})] }));
  assert.match(
    first!,
    /^vale0:e > vale1:e: 10 packets 600 bytes in, 7 packets 420 bytes out\. Lost: queue_full 2, plr 1\. Delay promised: min 1 ms, median .* ms, 99 % 4 ms, max 4 ms\.$/,
  );
  assert.is(second, 'vale0:e > vale1:e: 0 packets 0 bytes in, 0 packets 0 bytes out.');
  const report: RelayReportRecord = {
    ...{ type: 'report', program: 'emulate', time: 1, seconds: 1, links: [], store_used: 0 },
    directions: [{ ...one, waiting: 3 }, direction({})],
  };
  assert.match(reportLines(report)[1]!, / bps out, 3 waiting, lost: queue_full 2, plr 1$/);
  assert.match(reportLines(report)[2]!, / bps out, 0 waiting$/);
  const unsent = resultLines(result({ capture_lost: 2, log_lost: 1 }));
  assert.is(unsent[2], 'Beside packets, lost: packets of the capture file 2, records of the log 1.');
});

test('lateness is told, and warned of when one packet in a hundred is far behind', () => {
  const late = (p99: number) =>
    resultLines(result({ lateness: latency(...Array(97).fill(1e4), p99, p99, p99) })).filter((line) =>
      /later|Warning/.test(line),
    );
  assert.is(late(1e5).length, 1);
  assert.match(
    late(1e5)[0]!,
    /^Sent later than promised by: median .*, 99 % .*, max .* \(measured delays hold it\)\.$/,
  );
  const [, warning, ...rest] = late(40e6);
  assert.equal(rest, []);
  assert.match(warning!, /^Warning: one packet in a hundred was sent 40 ms late or more: .*\.$/);
  assert.equal(
    resultLines(result({})).filter((line) => /later|Warning/.test(line)),
    [],
  );
});

test("a link with a trace promises the trace's mean rate, also through queues and in lists", async () => {
  writeFileSync(laboratory.file('sparse.trace'), '100\n200\n300\n');
  const file = await laboratory.capture('one.pcap', [ip(17, '10.0.0.1', '10.0.0.2', udp(1, 2, 1472))]);
  const trace = `trace ${laboratory.file('sparse.trace')}`;
  const { stdout } = await laboratory.run(
    ...['--offline', '--seed', '1', '--input', `in:em0:${file}`],
    ...['--rule', `pipe 1 config ${trace}`, '--rule', `sched 2 config type wf2q+ ${trace}`],
    ...['--rule', 'queue 1 config sched 2 weight 1', '--rule', 'queue 2 config sched 2 weight 3'],
    ...['--rule', 'pipe 3 config delay 5', '--rule', 'add 100 pipe 1 ip from any to any'],
  );
  assert.match(stdout, /^pipe 1: .*promised 120\.000 Kbit\/s, 0 ms/m);
  assert.match(stdout, /^pipe 3: .*promised no limit, 5 ms/m);
  assert.match(stdout, /^queue 2: .*promised 90\.000 Kbit\/s of 120\.000 Kbit\/s, 0 ms/m);
});

test('what rules did not look into behind VLAN tags is said in one line, when there was something', () => {
  const said = (count: number) =>
    resultLines(result({ vlan_opaque: count })).filter((line) => /VLAN/.test(line));
  assert.equal(said(0), []);
  assert.equal(said(1), ['Behind VLAN tags, not looked into by rules: 1 packet (--vlan inner looks).']);
});

test('files have the figures of a live run: totals, reasons, delays, by rule and by flow queue', async () => {
  // Two senders share a line of 1 Mbit/s: one packet of 100 bytes every 10 ms, and 1000 bytes every millisecond.
  const small = Array.from({ length: 20 }, (_, i) => ({
    time: BigInt(i) * 10_000_000n,
    data: ip(17, '10.0.0.1', '10.9.9.9', udp(1, 1, 58)),
  }));
  const bulk = Array.from({ length: 200 }, (_, i) => ({
    time: BigInt(i) * 1_000_000n + 1n,
    data: ip(17, '10.0.0.2', '10.9.9.9', udp(2, 2, 958)),
  }));
  const file = await laboratory.capture(
    'two.pcap',
    [...small, ...bulk].sort((a, b) => Number(a.time - b.time)),
  );
  const command = (sched: string, ...more: string[]) =>
    laboratory.run(
      ...['--offline', '--seed', '1', '--input', `in:em0:${file}`, ...more],
      ...['--rule', 'pipe 1 config bw 1Mbit/s', '--rule', `sched 1 config type ${sched}`],
      ...['--rule', 'queue 1 config sched 1 queue 20', '--rule', 'add 100 queue 1 udp from any to any 1'],
      ...['--rule', 'add 200 queue 1 udp from any to any 2', '--rule', 'add 300 deny ip from any to any'],
    );
  interface Way {
    rule: number;
    packets: number;
    bytes: number;
    drops: Record<string, number>;
    delay: LatencyRecord;
  }
  interface Result {
    inputs: {
      packets: number;
      bytes: number;
      passed: number;
      drops: Record<string, number>;
      delay: LatencyRecord;
    }[];
    links: LinkRecord[];
    ways: Way[];
    promises: PromiseRecord[];
    seconds: number;
  }
  const { records, result, stderr } = await command('fq_codel', '--json');
  assert.is(stderr, '');
  assert.equal(violations(result), []);
  const { inputs, links, ways, promises, seconds } = result as unknown as Result;
  const packets = records.filter(({ passes }) => passes !== undefined) as unknown as {
    t_us: number;
    out_us?: number;
    drop?: string;
    passes: { rule: number }[];
  }[];
  const of = (rule: number) => packets.filter(({ passes }) => passes[0]!.rule === rule);
  const waits = (some: typeof packets) =>
    some
      .filter(({ out_us }) => out_us !== undefined)
      .map(({ t_us, out_us }) => (out_us! - t_us) * 1000)
      .sort((a, b) => a - b);
  const near = (value: number, wanted: number): void =>
    assert.ok(Math.abs(value - wanted) <= wanted / 64 + 1, `${value}, not ${wanted}`);
  const drops = (some: typeof packets) => {
    const counts: Record<string, number> = {};
    for (const { drop } of some) if (drop !== undefined) counts[drop] = (counts[drop] ?? 0) + 1;
    return counts;
  };
  // Each figure is what the packets' records say.
  const [input] = inputs;
  assert.equal([input!.packets, input!.bytes], [220, 20 * 100 + 200 * 1000]);
  assert.is(input!.passed, waits(packets).length);
  assert.equal(input!.drops, drops(packets));
  near(input!.delay.p50, waits(packets)[Math.ceil(input!.passed / 2) - 1]!);
  near(input!.delay.p99, waits(packets)[Math.ceil(input!.passed * 0.99) - 1]!);
  assert.ok(Math.abs(seconds - Math.max(...packets.map(({ out_us }) => out_us ?? 0)) / 1e6) < 1e-9);
  assert.equal(
    ways.map(({ rule }) => rule),
    [100, 200],
  );
  for (const way of ways) {
    const own = of(way.rule);
    assert.is(way.packets, waits(own).length);
    assert.is(way.bytes, waits(own).length * (way.rule === 100 ? 100 : 1000));
    assert.equal(way.drops, drops(own));
    near(way.delay.p50, waits(own)[Math.ceil(way.packets / 2) - 1]!);
    assert.is(way.delay.max, Math.round(waits(own).at(-1)!));
  }
  // What fq_codel does for the small flow can be seen; behind a fifo it waits as long as all.
  assert.ok(ways[0]!.delay.p99 < 20e6 && ways[1]!.delay.p50 > 100e6, JSON.stringify(ways));
  const [link] = links.filter(({ kind }) => kind === 'queue');
  assert.equal(link!.lost, drops(packets));
  assert.equal(
    [link!.total_packets, link!.drops, link!.departed],
    [220, drops(packets).codel ?? 0, input!.passed],
  );
  assert.ok(Math.abs(link!.delay_mean_ms! * 1e6 - input!.delay.mean) < 1e-3);
  const [promise] = promises;
  assert.is(promise!.measured.packets, input!.passed);
  assert.ok(Math.abs(promise!.measured.delay_mean_ms! * 1e6 - input!.delay.mean) < 1e-3);

  const text = (await command('fifo')).stdout;
  assert.match(text, /^dropped, queue_full: \d+ packets$/m);
  assert.match(text, /^delay: \S+ ms least, \S+ ms mean, \S+ ms median, \S+ ms 99 %, \S+ ms most$/m);
  assert.match(
    text,
    /^rule 100, queue 1, from in:em0: \d+ packets \d+ bytes out(, lost: queue_full \d+)?; delay min .*, median .*, 99 % .*, max .*$/m,
  );
  assert.match(
    text,
    /^rule 200, queue 1, from in:em0: \d+ packets \d+ bytes out, lost: queue_full \d+; delay/m,
  );
  assert.match(text, /^rules, with packets and bytes from the IP header on \(above, frames/m);
  const masked = await laboratory.run(
    ...[
      '--offline',
      '--seed',
      '1',
      '--input',
      `in:em0:${file}`,
      '--rule',
      'pipe 1 config bw 1Mbit/s mask src-ip 0xffffffff',
    ],
    ...['--rule', 'add 100 pipe 1 ip from any to any'],
  );
  assert.match(
    masked.stdout,
    /^pipe 1, flow 0 10\.0\.0\.1:0 > 0\.0\.0\.0:0: 20 packets 2000 bytes in; delay .* mean$/m,
  );
});

test.run();
