// SPDX-License-Identifier: BSD-2-Clause
// report.test.ts: reports as text, word for word, and the histogram's arithmetic against a plain sorted list.
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { WorkerStats } from '../../src/index.js';
import { native } from '../../src/native.js';
import { bucketHigh, bucketLow, bucketOf, Histogram } from '../../src/report/histogram.js';
import { latencyRecord, type ResultRecord, reportRecord } from '../../src/report/records.js';
import { averageText, finalLines, latencyLines, lossLines, reportLine } from '../../src/report/text.js';
import { duration, norm } from '../../src/report/units.js';
import { violations } from './schema.js';
import './seed.js';

const STYLE = { plain: false, framing: 0 };
const SOURCE = { program: 'pkt-gen', role: 'tx', port: 'vale0:a' };

const counters = (packets: number, bytes: number, events: number): WorkerStats =>
  ({ packets, bytes, events, minSpace: 3 }) as WorkerStats;

const result = (more: Partial<ResultRecord> = {}): ResultRecord => ({
  type: 'result',
  ...SOURCE,
  packets: 1000,
  bytes: 60000,
  events: 3,
  seconds: 0.01,
  pps: 1e5,
  bps: 48e6,
  average_batch: 1000 / 3,
  drops: { no_space: 0, busy: 0 },
  missed: 0,
  ...more,
});

test('numbers with a prefix', () => {
  assert.is(norm(0), '0.000 ');
  assert.is(norm(999), '999.000 ');
  assert.is(norm(1000), '1.000 K');
  assert.is(norm(4036000), '4.036 M');
  assert.is(norm(2.5e15), '2500.000 T');
  assert.is(norm(4036000, true), '4036000.000 ');
});

test('times', () => {
  assert.is(duration(999), '999 ns');
  assert.is(duration(12345), '12.3 µs');
  assert.is(duration(1e6), '1 ms');
  assert.is(duration(2.5e9), '2.5 s');
});

test("pkt-gen's progress line", () => {
  const record = reportRecord(SOURCE, counters(0, 0, 0), counters(4040036, 242402160, 7906), 1, 1.001, 0);
  assert.is(
    reportLine(record, STYLE),
    '4.036 Mpps (4.040 Mpkts 1.937 Gbps in 1001000 usec) 511.01 avg_batch 3 min_space',
  );
  assert.is(
    reportLine(record, { plain: true, framing: 0 }),
    `4036000.000 pps (4040036.000 pkts ${record.bps.toFixed(3)} bps in 1001000 usec) 511.01 avg_batch 3 min_space`,
  );
});

test('an interval without packets, and framing', () => {
  const record = reportRecord(SOURCE, counters(5, 300, 1), counters(5, 300, 1), 2, 1, 0);
  assert.is(
    reportLine(record, STYLE),
    '0.000 pps (0.000 pkts 0.000 bps in 1000000 usec) 0.00 avg_batch 3 min_space',
  );
  assert.is(reportRecord(SOURCE, counters(0, 0, 0), counters(10, 600, 1), 1, 1, 192).bps, 600 * 8 + 10 * 192);
});

test("pkt-gen's final lines", () => {
  assert.equal(finalLines(result(), 'Sent', { plain: false, framing: 192 }), [
    'Sent 1000 packets 60000 bytes 3 events 60 bytes each in 0.01 seconds.',
    'Speed: 100.000 Kpps Bandwidth: 48.000 Mbps (raw 67.200 Mbps). Average batch: 333.33 pkts',
  ]);
  assert.equal(finalLines(result({ packets: 0 }), 'Received', STYLE), ['Received nothing.']);
});

test('losses have names; what did not happen has no line', () => {
  assert.equal(lossLines(result()), []);
  assert.equal(lossLines(result({ denied: 0, answers: 0, copies: 0, unsent: 0 })), [
    'Rules: denied 0 packets',
  ]);
  assert.equal(lossLines(result({ denied: 9, answers: 2, copies: 3, unsent: 4 })), [
    'Rules: denied 9 packets, sent 2 answers, 3 packets to other ports, 4 more could not be sent',
  ]);
  assert.equal(lossLines(result({ drops: { no_space: 5, busy: 0, runt: 1 }, missed: 2 })), [
    'Drops: no_space 5, runt 1',
    'Pacing: gave up 2 packets, the port could not take the rate',
  ]);
  const sequence = { streams: 1, lost: 2, reordered: 3, duplicated: 4, too_late: 5, torn: 6, foreign: 7 };
  assert.equal(lossLines(result({ sequence })), [
    'Sequence: 1 streams, 2 lost, 3 reordered, 4 duplicated, 5 too late, 6 torn, 7 foreign',
  ]);
});

test('mean and standard deviation of the rates, empty intervals left out', () => {
  assert.is(averageText([], STYLE), '');
  assert.is(averageText([0, 2000, 4000], STYLE), '[avg/std 3.000 K/1.000 Kpps] ');
});

test('buckets: contiguous, and known to 1/64', () => {
  for (let i = 0; i < 2239; i++) {
    assert.is(bucketHigh(i) + 1, bucketLow(i + 1));
    assert.is(bucketOf(bucketLow(i)), i);
    assert.is(bucketOf(bucketHigh(i)), i);
    assert.ok(bucketHigh(i) - bucketLow(i) <= bucketLow(i) / 64);
  }
  assert.is(bucketOf(2 ** 50), 2239);
});

test('percentiles are those of the sorted values, to 1/64', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 ** 31 }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 100, noNaN: true }),
      (values, percent) => {
        const histogram = new Histogram();
        for (const value of values) histogram.record(value);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil((percent / 100) * values.length)) - 1]!;
        const found = histogram.percentile(percent);
        assert.ok(found >= exact && found <= exact + exact / 64, `${found} for ${exact}`);
        assert.is(histogram.min, sorted[0]);
        assert.is(histogram.max, sorted.at(-1));
        assert.is(
          histogram.octaves().reduce((sum, { count }) => sum + count, 0),
          values.length,
        );
      },
    ),
  );
});

test('a drawn histogram', () => {
  const histogram = new Histogram();
  histogram.record(1000, 4);
  histogram.record(5000, 1);
  const lines = latencyLines(latencyRecord(histogram), 'RTT');
  assert.is(lines[0], 'RTT over 5 packets: min 1 µs av 1.8 µs max 5 µs');
  assert.is(lines[2], `       512 ns .. 1.02 µs            4 ${'#'.repeat(50)}`);
  assert.is(lines[3], '      1.02 µs .. 2.05 µs            0');
  assert.is(lines[5], `       4.1 µs .. 8.19 µs            1 ${'#'.repeat(13)}`);
  assert.equal(latencyLines(latencyRecord(new Histogram()), 'RTT'), ['RTT: nothing recorded']);
});

test('records fit the schema; what is missing, added or of a wrong type does not', () => {
  const drops = Object.fromEntries(native.dropNames.map((name) => [name, 0]));
  const good = result({ drops, latency: latencyRecord(new Histogram()), error: 'the port is gone' });
  assert.equal(violations(good), []);
  assert.equal(violations(reportRecord(SOURCE, counters(0, 0, 0), counters(9, 540, 2), 1.5, 0.5, 0)), []);
  const { seconds: _, ...less } = good;
  for (const [bad, why] of [
    [less, 'record.seconds is missing'],
    [{ ...good, extra: 1 }, 'record.extra is not in the schema'],
    [{ ...good, packets: 1.5 }, 'record.packets is number, not integer'],
    [{ ...good, bytes: -1 }, 'record.bytes is below 0'],
    [{ ...good, role: 'sink' }, 'record.role: sink is not possible'],
    [{ ...good, drops: { no_space: 0 } }, 'record.drops.busy is missing'],
    [{ ...good, type: 'end' }, 'record.type is not report'],
  ] as const)
    assert.ok(violations(bad).includes(why), `${why}: ${violations(bad)}`);
});

test.run();
