// SPDX-License-Identifier: BSD-2-Clause
// live.ts: `emulate` between two ports: start, show how it goes, stop in an orderly way.
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { type LiveEmulation, startEmulation } from '../../../src/emulation/live.js';
import type { RelayStats } from '../../../src/emulation/relay.js';
import { simpleCommands } from '../../../src/emulation/simple.js';
import { type RelayReportRecord, relayReport, relayResult } from '../../../src/report/relay-records.js';
import { RuleError } from '../../../src/rules/error.js';
import { ENDING, EXIT_FAILURE, EXIT_OK } from '../program.js';
import { liveReport } from './live-report.js';
import type { LiveSettings } from './live-settings.js';
import { JsonLiveView, type LiveView, TextLiveView } from './live-views.js';

/** What was understood, for people. */
export function describe(settings: LiveSettings, live: LiveEmulation): string[] {
  const show = (command: string): string[] =>
    live.controller.runText(command, '').trimEnd().split('\n').filter(Boolean);
  const lines = [`${settings.inside} (inside) <-> ${settings.outside} (outside), seed ${live.seed}`];
  if (settings.links || settings.verbose) lines.push(...show('pipe show'));
  if (settings.verbose) lines.push(...show('queue show'), ...show('sched show'), ...show('list'));
  if (settings.verbose && live.rules.socket !== undefined) lines.push(`control socket ${live.rules.socket}`);
  return lines;
}

/** Reports at intervals, gathered for the HTML file when one is wanted. */
export class Reporter {
  readonly records: RelayReportRecord[] = [];
  private before: RelayStats;

  constructor(
    private readonly live: LiveEmulation,
    private readonly settings: Pick<LiveSettings, 'inside' | 'outside' | 'report'>,
    private readonly view: Pick<LiveView, 'report'>,
  ) {
    this.before = live.relay.stats();
  }

  report(): void {
    const { inside, outside, report } = this.settings;
    const now = this.live.relay.stats();
    const record = relayReport([inside, outside], this.before, now, this.live.links());
    if (record.seconds < 0.001) return;
    this.before = now;
    if (report !== undefined) this.records.push(record);
    this.view.report(record);
  }
}

const SIGNALS = Object.keys(ENDING) as (keyof typeof ENDING)[];

/** Run until it is stopped: the first signal lets what waits leave, the second does not. Returns the exit status. */
export async function runLive(settings: LiveSettings): Promise<number> {
  const {
    inside,
    outside,
    links,
    host,
    spares,
    seed,
    duration,
    reportMs,
    json,
    drain,
    report,
    log,
    ...rest
  } = settings;
  const { verbose: _verbose, warnings: _warnings, ...plan } = rest;
  const logFd = log === undefined ? -1 : openSync(log, 'w');
  let live: LiveEmulation | undefined;
  let stops = 0;
  const stop = (signal?: keyof typeof ENDING): void => {
    if (++stops > 1 && live === undefined) process.exit(signal && ENDING[signal]);
    live?.relay.stop(drain && stops === 1);
  };
  for (const signal of SIGNALS) process.on(signal, stop as NodeJS.SignalsListener); // before packets flow: a signal may come with the first one
  try {
    live = await startEmulation({
      ...plan,
      inside,
      outside,
      host,
      logFd,
      ...(spares !== undefined && { extraBufs: spares }),
      ...(seed !== undefined && { seed: BigInt(seed) }),
      rules: links ? simpleCommands(...links) : settings.rules,
      warn: (text) => console.error(`emulate: ${text}`),
    });
  } catch (error) {
    for (const signal of SIGNALS) process.off(signal, stop as NodeJS.SignalsListener);
    if (!(error instanceof RuleError)) throw error;
    console.error(`emulate: ${error.message}`);
    return error.exit;
  }
  const { relay } = live;
  if (stops > 0) relay.stop(drain && stops === 1);
  const view = json ? new JsonLiveView() : new TextLiveView();
  const reporter = new Reporter(live, settings, view);
  const timers = [setInterval(() => reporter.report(), reportMs)];
  if (duration !== undefined) timers.push(setTimeout(stop, duration * 1000));
  let failure: string | undefined;
  try {
    view.start(describe(settings, live));
    await relay.finished();
  } catch (error) {
    failure = (error as Error).message;
    console.error(`emulate: ${failure}`);
  } finally {
    for (const timer of timers) clearInterval(timer);
    for (const signal of SIGNALS) process.off(signal, stop as NodeJS.SignalsListener);
  }
  try {
    reporter.report();
    const result = relayResult([inside, outside], live, failure);
    view.end(result);
    if (report !== undefined) writeFileSync(report, liveReport(result, reporter.records));
  } finally {
    await live.close();
    if (logFd >= 0) closeSync(logFd);
  }
  return failure === undefined ? EXIT_OK : EXIT_FAILURE;
}
