// SPDX-License-Identifier: BSD-2-Clause
// emulate-figures.test.ts: what emulate says of a run at its end: promised beside measured, rates of traces, lateness.
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Histogram } from '../../src/report/histogram.js';
import { latencyRecord } from '../../src/report/records.js';
import type { DirectionRecord, RelayResultRecord } from '../../src/report/relay-records.js';
import { resultLines } from '../../tools/lib/emulate/live-views.js';
import { ip, Laboratory, udp } from './emulate-packets.js';

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

test.run();
