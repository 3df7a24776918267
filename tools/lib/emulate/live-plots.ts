// SPDX-License-Identifier: BSD-2-Clause
// live-plots.ts: the plots of a report: rate, packets that wait, delay and losses over time, one colour a direction, with what
// was promised. What never happened has no plot.
import type { LineStyle, Plot, Series } from '../../../src/report/html.js';
import type { DirectionRecord, RelayReportRecord } from '../../../src/report/relay-records.js';
import { rateOf } from '../../../src/rules/dummynet.js';
import type { DummynetObjects } from '../../../src/rules/dummynet-objects.js';
import { shortLink } from './link-echo.js';

/** What is promised to a direction, or by a pipe that is no direction's own. */
export interface Promised {
  name: string;
  colour: Series['colour'];
  /** bit/s, 0: no limit. */
  rate: number;
  delayMs: number;
}

/** Lines for promises at most. */
const MOST_PROMISED = 4;
const DASHES: LineStyle[] = ['solid', 'dash1', 'dash2', 'dash3'];

export function promisedOf(objects: Pick<DummynetObjects, 'get' | 'all'>, short: boolean): Promised[] {
  if (short)
    return ([0, 1] as const).map((index) => {
      const config = shortLink(objects, index + 1);
      const name = index === 0 ? 'up' : 'down';
      return { name, colour: index, rate: rateOf(config), delayMs: config.delayMs ?? 0 };
    });
  return objects
    .all('pipe')
    .slice(0, MOST_PROMISED)
    .map(([number, config]) => ({
      name: `pipe ${number}`,
      colour: 'none',
      rate: rateOf(config),
      delayMs: config.delayMs ?? 0,
    }));
}

type Value = (one: DirectionRecord, record: RelayReportRecord) => number | undefined;

/** "25 ms": how long an interval is, as a rule. */
function interval(records: readonly RelayReportRecord[]): string {
  const all = records.map(({ seconds }) => seconds).sort((a, b) => a - b);
  const seconds = all[Math.floor(all.length / 2)]!;
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${Number(seconds.toPrecision(2))} s`;
}

/** From no record no plot. */
export function plotsOf(records: readonly RelayReportRecord[], promised: readonly Promised[]): Plot[] {
  const [first] = records;
  if (first === undefined) return [];
  const line = (index: 0 | 1, suffix: string, style: LineStyle, value: Value): Series => {
    const { from, to } = first.directions[index];
    return {
      name: `${index === 0 ? 'up' : 'down'}, ${from} > ${to}${suffix}`,
      colour: index,
      style,
      points: records.map((record) => [record.time, value(record.directions[index], record)] as const),
    };
  };
  const both = (suffix: string, style: LineStyle, value: Value): Series[] =>
    ([0, 1] as const).map((index) => line(index, suffix, style, value));
  const end = records.at(-1)!.time;
  const level = (text: string, value: (one: Promised) => number): Series[] =>
    promised
      .filter((one) => value(one) > 0)
      .map((one) => ({
        name: `${one.name}, ${text}`,
        colour: one.colour,
        style: 'promised',
        points: [
          [0, value(one)],
          [end, value(one)],
        ],
      }));
  const happened = ({ points }: Series): boolean =>
    points.some(([, value]) => value !== undefined && value > 0);
  const reasons = (index: 0 | 1): string[] => [
    ...new Set(
      records.flatMap(({ directions }) =>
        Object.entries(directions[index].drops)
          .filter(([, count]) => count > 0)
          .map(([reason]) => reason),
      ),
    ),
  ];
  const lost = ([0, 1] as const).flatMap((index) =>
    reasons(index).map((reason, i) =>
      line(
        index,
        `: ${reason}`,
        DASHES[i % DASHES.length]!,
        ({ drops }, { seconds }) => (drops[reason] ?? 0) / seconds,
      ),
    ),
  );
  const each = interval(records);
  const plots: Plot[] = [
    {
      title: `Rate, over ${each}`,
      unit: 'Mbit/s',
      series: [
        ...both(', in', 'faint', ({ rx_bps }) => rx_bps / 1e6),
        ...both(', out', 'solid', ({ tx_bps }) => tx_bps / 1e6),
        ...level('promised', ({ rate }) => rate / 1e6),
      ],
    },
    { title: 'Packets waiting', unit: 'packets', series: both('', 'solid', ({ waiting }) => waiting) },
    {
      title: `Delay, mean of the packets that left within ${each}`,
      unit: 'ms',
      series: [
        ...both('', 'solid', ({ delay_ms }) => delay_ms),
        ...level('promised', ({ delayMs }) => delayMs),
      ],
    },
    { title: 'Lost, by reason', unit: 'packets/s', series: lost },
  ];
  // Whether packets waited is seen at the readings only, so it is worth a plot when any came.
  const came = records.some(({ directions }) => directions.some(({ rx_packets }) => rx_packets > 0));
  const shown = ({ series }: Plot): boolean =>
    series.some((one) => one.style !== 'promised' && happened(one));
  return plots.filter((plot) => (plot.unit === 'packets' ? came : shown(plot)));
}
