// SPDX-License-Identifier: BSD-2-Clause
// views.ts: two ways to show a run: pkt-gen's lines (with a bar for bounded runs on a terminal), and JSON records.
import { Presets, SingleBar } from 'cli-progress';
import type { EngineInfo } from '../../../src/index.js';
import type { ReportRecord, ResultRecord } from '../../../src/report/records.js';
import {
  averageText,
  finalLines,
  latencyLines,
  lossLines,
  reportLine,
  shortLine,
} from '../../../src/report/text.js';
import { norm } from '../../../src/report/units.js';
import { Block, linesFor } from '../screen.js';
import type { Settings } from './settings.js';

export interface View {
  start(info: EngineInfo): void;
  /** `total`: packets since the start. */
  report(record: ReportRecord, total: number): void;
  end(record: ResultRecord): void;
}

/** Records, one a line. */
export class JsonView implements View {
  start(): void {}

  report(record: ReportRecord): void {
    process.stdout.write(`${JSON.stringify(record)}\n`);
  }

  end(record: ResultRecord): void {
    process.stdout.write(`${JSON.stringify(record)}\n`);
  }
}

/** Rates that -A averages over. */
const WINDOW = 15;
const SENDERS = new Set(['tx', 'txseq', 'ping']);
const VERBS: Record<string, string> = { tx: 'Sent', txseq: 'Sent', ping: 'Sent', pong: 'Answered' };

/** pkt-gen's lines: progress on stderr, on a terminal one line in its place; the beginning and the end on stdout. */
export class TextView implements View {
  readonly #settings: Settings;
  readonly #rates: number[] = [];
  readonly #block = new Block(process.stderr);
  #bar: SingleBar | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  start(info: EngineInfo): void {
    const { plan, traffic, verbosity } = this.#settings;
    const sending = SENDERS.has(plan.role);
    const verb = sending ? 'Sending on' : plan.role === 'pong' ? 'Working on' : 'Receiving from';
    const queues = sending ? info.txRings : info.rxRings;
    console.log(
      `${verb} ${plan.port}: ${queues} queues, ${info.threads} threads and ${plan.cpus ?? 1} cpus.`,
    );
    if (sending) {
      const six = traffic.version === 6;
      const { src = six ? 'fd00::1' : '10.0.0.1', dst = six ? 'fd01::1' : '10.1.0.1' } = traffic;
      const { srcMac = "the port's own", dstMac = 'ff:ff:ff:ff:ff:ff' } = traffic;
      console.log(`${src} -> ${dst} (${srcMac} -> ${dstMac})`);
    }
    if (verbosity > 0) {
      const prepared = info.prepared ? 'written once' : 'written for each packet';
      console.error(
        `batches of ${info.burst}, ${info.frags} slots a packet, buffers of ${info.bufferSize} bytes ${prepared}`,
      );
    }
    const count = plan.count ?? 0;
    if (count > 0 && process.stderr.isTTY) {
      const format = '{bar} {percentage}% | {value}/{total} packets | {rate}pps';
      // Beside the bar stand two counts, a percentage and a rate.
      const barsize = Math.max(
        10,
        Math.min(40, (process.stderr.columns || 80) - 2 * String(count).length - 38),
      );
      this.#bar = new SingleBar(
        { format, barsize, stream: process.stderr, hideCursor: false },
        Presets.shades_classic,
      );
      this.#bar.start(count, 0, { rate: norm(0) });
    }
  }

  report(record: ReportRecord, total: number): void {
    const { averages, style } = this.#settings;
    if (this.#bar !== undefined) {
      this.#bar.update(total, { rate: norm(record.pps, style.plain) });
      return;
    }
    let average = '';
    if (averages) {
      this.#rates.push(record.pps);
      if (this.#rates.length > WINDOW) this.#rates.shift();
      average = averageText(this.#rates, style);
    }
    if (process.stderr.isTTY) {
      this.#block.draw([shortLine(record, style), ...(average === '' ? [] : [average])]);
      return;
    }
    const now = process.hrtime.bigint() / 1000n;
    const stamp = `${String((now / 1000000n) % 1000n).padStart(3, '0')}.${String(now % 1000000n).padStart(6, '0')}`;
    console.error(`${stamp} main_thread [${process.pid}] ${reportLine(record, style, average)}`);
  }

  end(record: ResultRecord): void {
    const { histogram, style } = this.#settings;
    this.#bar?.update(record.packets);
    this.#bar?.stop();
    const lines = [...finalLines(record, VERBS[record.role] ?? 'Received', style), ...lossLines(record)];
    if (histogram && record.latency !== undefined)
      lines.push(...latencyLines(record.latency, record.role === 'ping' ? 'RTT' : 'Delay'));
    process.stdout.write(`${linesFor(process.stdout, lines).join('\n')}\n`);
  }
}
