// SPDX-License-Identifier: BSD-2-Clause
// live-run.ts: a running emulation as the program has it, between two ports or around a command: what is said at the start,
// reports at intervals, files, and the end.
import { type LiveEmulation, startEmulation } from '../../../src/emulation/live.js';
import type { RelayStats } from '../../../src/emulation/relay.js';
import { simpleCommands } from '../../../src/emulation/simple.js';
import {
  atStart,
  type PortPair,
  type RelayResultRecord,
  relayReport,
  relayResult,
} from '../../../src/report/relay-records.js';
import { echoObjects, echoShort } from './link-echo.js';
import type { LiveOutputs } from './live-outputs.js';
import { liveReport } from './live-report.js';
import type { LiveSettings } from './live-settings.js';
import type { LiveView } from './live-views.js';
import { Readings } from './readings.js';

/** How long what waits may take to leave before that is said. */
const PATIENCE_MS = 500;

/** Less than this is no interval. */
const LEAST_S = 0.001;

export interface RunOptions {
  settings: LiveSettings;
  /** Names of the ports to open. */
  ports: PortPair;
  /** What the two directions are called at the start: "up, vale0:a > vale1:b". */
  labels: readonly [string, string];
  /** First line of the start; none: there is none. */
  head?: (live: LiveEmulation) => string;
  view: LiveView;
  /** Whether to report at intervals. */
  reports: boolean;
}

/** What startEmulation is told. */
function start(settings: LiveSettings, [inside, outside]: PortPair, logFd: number): Promise<LiveEmulation> {
  const { files, defaultAction, socket, layer, vlan, memory, slots, burst, wait, cpu, capture, matches } =
    settings;
  const { links, host, spares, seed, rules } = settings;
  const given = { socket, memory, slots, burst, cpu, capture, matches, extraBufs: spares };
  return startEmulation({
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as object),
    ...{ inside, outside, files, defaultAction, layer, vlan, wait, host, logFd },
    ...(seed !== undefined && { seed: BigInt(seed) }),
    rules: links ? simpleCommands(...links) : rules,
    warn: (text) => console.error(`emulate: ${text}`),
  });
}

export class LiveRun {
  readonly #began = new Date();
  readonly #readings: Readings | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #before: RelayStats;
  #closed = false;

  private constructor(
    readonly live: LiveEmulation,
    private readonly options: RunOptions,
    private readonly outputs: LiveOutputs,
  ) {
    const { settings, view, head } = options;
    this.#before = atStart(live.relay.stats());
    if (outputs.hasPage) this.#readings = new Readings(() => live.relay.stats());
    if (!settings.quiet)
      view.start([
        ...(head ? [head(live)] : []),
        ...this.echo(),
        ...(settings.verbose ? this.details() : []),
      ]);
    this.#timers.push(setInterval(() => this.#report(), settings.reportMs ?? 1000));
  }

  /** Open files and ports and start. Throws a RuleError or a NetvaleError, and then nothing is left open. */
  static async start(options: RunOptions, outputs: LiveOutputs): Promise<LiveRun> {
    return new LiveRun(await start(options.settings, options.ports, outputs.logFd), options, outputs);
  }

  /** Each link in plain words. */
  private echo(): string[] {
    const objects = this.live.controller.world.dummynet;
    return this.options.settings.links ? echoShort(objects, this.options.labels) : echoObjects(objects);
  }

  /** With -v: the rules, and where ipfw speaks to this program. */
  private details(): string[] {
    const { controller, rules } = this.live;
    const listed = controller.runText('list', '').trimEnd().split('\n').filter(Boolean);
    return [...listed, ...(rules.socket === undefined ? [] : [`control socket ${rules.socket}`])];
  }

  get #names(): PortPair {
    const { inside, outside } = this.options.settings;
    return [inside, outside];
  }

  #report(): void {
    const now = this.live.relay.stats();
    const record = relayReport(this.#names, this.#before, now, this.live.links());
    if (record.seconds < LEAST_S) return;
    this.#before = now;
    this.outputs.record(record);
    if (this.options.reports) this.options.view.report(record);
  }

  /** Take no more in. With `drain` what waits still leaves, and that is said if it takes long. */
  stop(drain: boolean): void {
    if (this.#closed) return;
    this.live.relay.stop(drain);
    if (drain) this.#timers.push(setTimeout(() => this.#stillWaiting(), PATIENCE_MS));
  }

  #stillWaiting(): void {
    const { directions } = this.live.relay.stats();
    const waiting = directions[0].waiting + directions[1].waiting;
    if (waiting > 0)
      this.options.view.note(
        `emulate: waiting for ${waiting} ${waiting === 1 ? 'packet' : 'packets'} on the link to leave (Ctrl-C drops what is left)`,
      );
  }

  /** Resolves when packets flow no more: to what was wrong, or undefined. */
  async finished(): Promise<string | undefined> {
    try {
      await this.live.relay.finished();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Behind finished(): show and write what became of it, and let everything go. */
  async close(failure: string | undefined): Promise<RelayResultRecord> {
    const { view, settings } = this.options;
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#readings?.stop();
    try {
      this.#report();
      const result = relayResult(this.#names, this.live, failure);
      this.outputs.record(result);
      view.end(result);
      if (this.#readings)
        this.outputs.page(
          liveReport({
            result,
            records: this.#readings.records(this.#names),
            began: this.#began,
            live: this.live,
            links: this.echo(),
            short: settings.links !== undefined,
          }),
        );
      return result;
    } finally {
      await this.live.close();
    }
  }
}
