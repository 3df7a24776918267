// SPDX-License-Identifier: BSD-2-Clause
// summary.test.ts: medians, ratios of pairs, targets and the table of the benchmark report.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { median, type Run, summarise, table } from './summary.js';

const run = (value: number, rest: Partial<Run> = {}): Run => ({
  bench: 'b',
  case: 'c',
  unit: 'Mpps',
  value,
  ...rest,
});

test('the median is the middle value, or the mean of the two in the middle', () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), RangeError);
});

test('the ratio is the median of the pairs, not the ratio of the medians', () => {
  const [s] = summarise(
    [
      run(10, { baseline: 10, baseline_name: 'loop' }),
      run(20, { baseline: 80, baseline_name: 'loop' }),
      run(90, { baseline: 100, baseline_name: 'loop' }),
    ],
    [],
  );
  assert.is(s!.ratio, 0.9);
  assert.is(s!.median, 20);
  assert.is(s!.baseline, 80);
  assert.equal([s!.min, s!.max, s!.runs], [10, 90, 3]);
  assert.is(s!.missed, undefined);
});

test('cases stay apart and keep their order', () => {
  const all = summarise([run(1, { case: 'z' }), run(2, { case: 'a' }), run(3, { case: 'z' })], []);
  assert.equal(
    all.map((s) => [s.case, s.runs]),
    [
      ['z', 2],
      ['a', 1],
    ],
  );
});

test('a target says which of its parts were missed', () => {
  const pair = [run(50, { baseline: 100, baseline_name: 'loop' })];
  const missed = (target: object, runs = pair) =>
    summarise(runs, [{ bench: 'b', case: 'c', ...target }])[0]!.missed;
  assert.equal(missed({ least: 50 }), []);
  assert.equal(missed({ least: 51 }), ['≥ 51']);
  assert.equal(missed({ most: 50 }), []);
  assert.equal(missed({ most: 49 }), ['≤ 49']);
  assert.equal(missed({ least: 50, leastRatio: 0.5 }), []);
  assert.equal(missed({ least: 50, leastRatio: 0.51 }), ['ratio ≥ 0.51']);
  assert.equal(missed({ least: 60, mostRatio: 0.49 }), ['≥ 60', 'ratio ≤ 0.49']);
  assert.equal(missed({ leastRatio: 0.1 }, [run(50)]), ['ratio ≥ 0.1']);
  assert.equal(missed({ mostP99: 70 }, [run(50, { p99: 70 })]), []);
  assert.equal(missed({ mostP99: 69 }, [run(50, { p99: 70 })]), ['p99 ≤ 69']);
});

test('the table has one aligned line a case', () => {
  const lines = table(
    summarise(
      [run(61.23, { baseline: 92.1, baseline_name: 'copy-loop 60', p99: 70 })],
      [{ bench: 'b', case: 'c', least: 60, leastRatio: 0.7 }],
    ),
  ).split('\n');
  assert.is(lines.length, 3);
  assert.is(new Set(lines.map((line) => line.length)).size, 1);
  assert.match(
    lines[2]!,
    /\| b +\| c +\| 61\.2 Mpps, p99 70\.0 \| 61\.2\.\.61\.2 \| 92\.1 \(copy-loop 60\) +\| 0\.66 +\| ≥ 60, ratio ≥ 0\.7 \| missed ratio ≥ 0\.7 \|/,
  );
});

test.run();
