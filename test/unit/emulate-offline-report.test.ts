// SPDX-License-Identifier: BSD-2-Clause
// emulate-offline-report.test.ts: --report on capture files: the page and the records of a live run, over the files' time.
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DirectionRecord, RelayReportRecord } from '../../src/report/relay-records.js';
import { ip, Laboratory, udp } from './emulate-packets.js';

const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const offline = (...args: string[]) => laboratory.run('--offline', '--seed', '1', ...args);
const FRAME = ip(17, '10.0.0.1', '192.0.2.9', udp(1, 2, 958));

test('a page and records tell what went each way, when, and what was lost', async () => {
  // 8 Mbit/s for a second, a gap of 99 s, and a packet: more intervals than are kept at the finest.
  const times = [...Array.from({ length: 1000 }, (_, i) => BigInt(i) * 1_000_000n), 100_000_000_000n];
  const file = await laboratory.capture(
    'traffic.pcap',
    times.map((time) => ({ time, data: FRAME })),
  );
  const { stderr, status } = await offline(
    ...['-q', '--input', `in:em0:${file}`, '--input', `out:em1:${file}`],
    ...['--bw', '16Mbit/s,4Mbit/s', '--delay', '5ms', '--queue', '20', '--duplicate', '10%,0%'],
    ...['--report', 'run.html', '--report', 'run.jsonl'],
  );
  assert.equal([status, stderr], [0, '']);
  const records = readFileSync(laboratory.file('run.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RelayReportRecord);
  const result = records.pop() as unknown as {
    type: string;
    inputs: { packets: number; passed: number; drops: object }[];
  };
  assert.is(result.type, 'result');
  assert.ok(records.length > 100 && records.length <= 600, `${records.length}`);
  const sum = (way: 0 | 1, value: (one: DirectionRecord) => number): number =>
    records.reduce((total, { directions }) => total + value(directions[way]), 0);
  for (const [way, input] of [
    [0, result.inputs[1]!],
    [1, result.inputs[0]!],
  ] as const) {
    assert.is(
      sum(way, (one) => one.rx_packets),
      1001,
    );
    assert.is(
      sum(way, (one) => one.tx_packets - one.duplicates),
      input.passed,
    );
    assert.is(
      sum(way, ({ drops }) => drops.queue_full ?? 0),
      1001 - input.passed,
    );
    assert.is(records.at(-1)!.directions[way].waiting, 0);
  }
  assert.ok(sum(0, (one) => one.duplicates) > 50);
  assert.ok(sum(1, (one) => one.drops.queue_full ?? 0) > 400);
  assert.ok(Math.abs(records.at(-1)!.time - 100) < 1, 'until the end');
  const busy = records[1]!.directions[1];
  assert.ok(Math.abs(busy.tx_bps - 4e6) < 4e5, `${busy.tx_bps}`);
  assert.ok(busy.delay_ms! > 40 && busy.delay_ms! < 50, `${busy.delay_ms}`);
  const page = readFileSync(laboratory.file('run.html'), 'utf8');
  assert.match(page, '--offline --seed 1');
  assert.match(page, '4 Mbit/s');
  assert.match(page, 'polyline');
  assert.match(page, 'queue_full');
});

test('the files of a report are opened before packets are passed', async () => {
  const file = await laboratory.capture('one.pcap', [FRAME]);
  const { stderr, status, stdout } = await offline(
    ...['--json', '--input', `in:em0:${file}`, '--output', 'em0:never.pcap', '--report', 'nowhere/x.html'],
  );
  assert.is(status, 1);
  assert.match(stderr, /^emulate: --report: cannot write nowhere\/x\.html: .*no such file or directory\n$/);
  assert.is(stdout, '');
  assert.not(existsSync(laboratory.file('never.pcap')));
});

test.run();
