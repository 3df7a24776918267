// SPDX-License-Identifier: BSD-2-Clause
// live-report.ts: --report: a run of emulate as an HTML file: what was run, what was promised and measured, and rate, queue,
// delay and loss over time.
import type { LiveEmulation } from '../../../src/emulation/live.js';
import { native } from '../../../src/native.js';
import type { Histogram } from '../../../src/report/histogram.js';
import { htmlReport, type Table } from '../../../src/report/html.js';
import type { PromiseRecord } from '../../../src/report/link-records.js';
import type {
  DirectionRecord,
  RelayReportRecord,
  RelayResultRecord,
} from '../../../src/report/relay-records.js';
import { type DummynetConfig, rateOf } from '../../../src/rules/dummynet.js';
import { printImpairments } from '../../../src/rules/print-impairments.js';
import { plainRate } from '../../../src/rules/units.js';
import { chanceOf, plainChance, shortLink } from './link-echo.js';
import { plotsOf, promisedOf } from './live-plots.js';

export interface LiveReport {
  result: Pick<
    RelayResultRecord,
    'seconds' | 'seed' | 'error' | 'directions' | 'lateness' | 'promises' | 'links'
  >;
  records: readonly RelayReportRecord[];
  began: Date;
  /** The end of its life: what its rules and links are now. */
  live: { controller: LiveEmulation['controller']; relay: Pick<LiveEmulation['relay'], 'delay'> };
  /** Each link in plain words. */
  links: readonly string[];
  /** The links are the short options': 1 is the first direction's, 2 the second's. */
  short: boolean;
  /** Of the program; default: this process's. */
  argv?: readonly string[];
}

const MOST_TITLE = 100;
const NOTHING = '-';

/** A command line as a shell takes it. */
const shellWords = (words: readonly string[]): string =>
  words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');

const local = (date: Date): string => {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
};

const ms = (nanoseconds: number): string => `${Number((nanoseconds / 1e6).toPrecision(4))} ms`;

/** "plr 3 (1.5 %), queue full 2 (1 %)" */
function lostText({ drops, rx_packets, duplicates }: DirectionRecord): string {
  const named = Object.entries(drops).filter(([, count]) => count > 0);
  const share = (count: number): string =>
    rx_packets > 0 ? ` (${plainChance(count / (rx_packets + duplicates))})` : '';
  const all = named.reduce((sum, [, count]) => sum + count, 0);
  if (all === 0) return rx_packets > 0 ? '0 %' : NOTHING;
  const reasons = named.map(([reason, count]) => `${reason} ${count}${share(count)}`).join(', ');
  return named.length === 1 ? reasons : `${all}${share(all)}: ${reasons}`;
}

function promisedLoss({ loss, linkLoss }: DummynetConfig): string {
  const texts = [
    ...(loss ? [plainChance(chanceOf(loss))] : []),
    ...(linkLoss ? printImpairments({ linkLoss }).map((line) => line.trim()) : []),
  ];
  return texts.length > 0 ? texts.join(', ') : '0 %';
}

const rateText = (bits: number): string => (bits > 0 ? plainRate(bits) : NOTHING);

/** What each direction was promised (where it has a link of its own) beside what was measured. */
function directionTable({ result, live, short }: LiveReport): Table {
  const objects = live.controller.world.dummynet;
  const configs = short ? [shortLink(objects, 1), shortLink(objects, 2)] : [];
  const delays = [live.relay.delay(0), live.relay.delay(1)];
  const names = result.directions.map(({ from, to }, i) => `${i === 0 ? 'up' : 'down'}, ${from} > ${to}`);
  const row = (
    name: string,
    promised: (config: DummynetConfig) => string,
    measured: (one: DirectionRecord, delay: Histogram, index: number) => string,
  ): string[] => [
    name,
    ...result.directions.flatMap((one, i) => [
      ...(configs[i] ? [promised(configs[i])] : []),
      measured(one, delays[i]!, i),
    ]),
  ];
  // Of the packets' exact times, as the link has them: what came later than that is a row of its own.
  const percentile = (percent: number) =>
    row(
      `delay p${percent}`,
      () => '',
      (_, delay) => (delay.count > 0 ? ms(delay.percentile(percent)) : NOTHING),
    );
  const late = result.lateness.count > 0 ? ms(result.lateness.p99) : NOTHING;
  const measuredRate = (index: number): string => {
    const found = result.promises.find((one) => one.number === index + 1);
    return rateText(short ? (found?.measured.bandwidth ?? 0) : result.directions[index]!.tx_bps);
  };
  return {
    title: short ? 'Promised and measured' : 'Measured',
    head: ['', ...names.flatMap((name) => (short ? [`${name}: promised`, 'measured'] : [name]))],
    rows: [
      row(
        'rate',
        (config) => (rateOf(config) > 0 ? plainRate(rateOf(config)) : 'no limit'),
        (_, __, i) => measuredRate(i),
      ),
      row('loss', promisedLoss, (one) => lostText(one)),
      row(
        'delay, least',
        ({ delayMs = 0 }) => `${delayMs} ms`,
        (_, delay) => (delay.count > 0 ? ms(delay.min) : NOTHING),
      ),
      ...[50, 95, 99].map(percentile),
      row(
        'sent later than that, p99',
        () => '0 ms',
        () => late,
      ),
      row(
        'packets in, out',
        () => '',
        ({ rx_packets, tx_packets }) => `${rx_packets}, ${tx_packets}`,
      ),
      row(
        'bytes in, out',
        () => '',
        ({ rx_bytes, tx_bytes }) => `${rx_bytes}, ${tx_bytes}`,
      ),
    ],
  };
}

/** What each pipe and queue promised beside what it gave. */
function linkTable({ result, live }: LiveReport): Table[] {
  if (result.promises.length === 0) return [];
  const objects = live.controller.world.dummynet;
  const row = ({ kind, number, promised, measured }: PromiseRecord): string[] => {
    const own = result.links.filter((link) => link.kind === kind && link.number === number);
    const came = own.reduce((sum, link) => sum + link.total_packets, 0);
    const lost = own.reduce((sum, link) => sum + link.drops, 0);
    const time = (value: number | undefined): string => (value === undefined ? NOTHING : ms(value * 1e6));
    return [
      `${kind} ${number}`,
      promised.bandwidth > 0 ? plainRate(promised.bandwidth * (promised.share ?? 1)) : 'no limit',
      rateText(measured.bandwidth),
      promisedLoss(objects.get(kind, number) ?? {}),
      came > 0 ? `${lost} (${plainChance(lost / came)})` : NOTHING,
      `${promised.delay_ms} ms`,
      [measured.delay_min_ms, measured.delay_mean_ms, measured.delay_max_ms].map(time).join(', '),
      String(measured.packets),
    ];
  };
  const head = ['', 'rate promised', 'measured', 'loss promised', 'measured', 'delay promised'];
  return [
    {
      title: 'Links',
      head: [...head, 'least, mean, most', 'packets'],
      rows: result.promises.map(row),
    },
  ];
}

/** The text of the file. */
export function liveReport(report: LiveReport): string {
  const { result, records, began, live, links, short, argv = process.argv.slice(2) } = report;
  const line = shellWords(['emulate', ...argv]);
  const start = line.length > MOST_TITLE ? `${line.slice(0, MOST_TITLE)}…` : line;
  const facts: Table = {
    title: 'What was run',
    rows: [
      ['command line', line],
      ['began', local(began)],
      ['took', `${result.seconds.toFixed(2)} s`],
      ['seed', result.seed],
      ['version', `netvale ${native.version}`],
      ...links.map((text, i) => [i === 0 ? 'links' : '', text]),
      ...(result.error === undefined ? [] : [['ended by', result.error]]),
    ],
  };
  return htmlReport({
    title: `${start}, ${local(began)}`,
    tables: [facts, directionTable(report), ...(short ? [] : linkTable(report))],
    plots: plotsOf(records, promisedOf(live.controller.world.dummynet, short)),
    texts: [['Rules at the end', live.controller.runText('show', '')]],
  });
}
