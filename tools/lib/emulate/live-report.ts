// SPDX-License-Identifier: BSD-2-Clause
// live-report.ts: --report: a run of emulate as an HTML file with rate, queue and loss over time.
import { htmlReport, type Plot, type Series } from '../../../src/report/html.js';
import type {
  DirectionRecord,
  RelayReportRecord,
  RelayResultRecord,
} from '../../../src/report/relay-records.js';
import { promisedLines, resultLines } from './live-views.js';

const sum = (drops: Record<string, number>): number => Object.values(drops).reduce((a, b) => a + b, 0);

function plot(
  records: readonly RelayReportRecord[],
  title: string,
  unit: string,
  lines: readonly [suffix: string, value: (one: DirectionRecord, record: RelayReportRecord) => number][],
): Plot {
  const series: Series[] = [0, 1].flatMap((index) =>
    lines.map(([suffix, value]) => {
      const { from, to } = records[0]!.directions[index]!;
      return {
        name: `${from} > ${to}${suffix}`,
        points: records.map((record) => [record.time, value(record.directions[index]!, record)] as const),
      };
    }),
  );
  return { title, unit, series };
}

/** The text of the file. */
export function liveReport(result: RelayResultRecord, records: readonly RelayReportRecord[]): string {
  const [inside] = result.directions;
  const facts = [...resultLines(result), ...promisedLines(result)].map((line) => ['', line] as const);
  const plots =
    records.length === 0
      ? []
      : [
          plot(records, 'Rate', 'Mbit/s', [
            [', in', (one) => one.rx_bps / 1e6],
            [', out', (one) => one.tx_bps / 1e6],
          ]),
          plot(records, 'Packets waiting', 'packets', [['', (one) => one.waiting]]),
          plot(records, 'Delay', 'ms', [['', (one) => one.delay_ms ?? 0]]),
          plot(records, 'Lost', 'packets/s', [['', (one, { seconds }) => sum(one.drops) / seconds]]),
        ];
  return htmlReport({ title: `emulate ${inside.from} <-> ${inside.to}`, facts, plots });
}
