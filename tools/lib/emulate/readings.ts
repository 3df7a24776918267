// SPDX-License-Identifier: BSD-2-Clause
// readings.ts: the counters of a run over time, for plots: close together in a short run, further apart in a long one.
import type { RelayStats } from '../../../src/emulation/relay.js';
import {
  atStart,
  type PortPair,
  type RelayReportRecord,
  relayReport,
} from '../../../src/report/relay-records.js';

/** Between two readings at first. */
const FINEST_MS = 25;
/** When there are more, every other one goes. */
const MOST = 600;
/** Less than this is no interval. */
const LEAST_S = 0.001;

export class Readings {
  #kept: RelayStats[] = [];
  #every = 1;
  #ticks = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly read: () => RelayStats) {
    this.#kept.push(atStart(read()));
    this.#timer = setInterval(() => this.tick(), FINEST_MS);
  }

  /** Called at even intervals. */
  tick(): void {
    if (++this.#ticks % this.#every !== 0) return;
    this.#kept.push(this.read());
    if (this.#kept.length <= MOST) return;
    this.#kept = this.#kept.filter((_, i) => i % 2 === 0);
    this.#every *= 2;
  }

  /** No more; the last reading is now. */
  stop(): void {
    clearInterval(this.#timer);
    this.#kept.push(this.read());
  }

  /** What happened from one reading to the next. */
  records(ports: PortPair): RelayReportRecord[] {
    return this.#kept
      .slice(1)
      .map((now, i) => relayReport(ports, this.#kept[i]!, now, []))
      .filter(({ seconds }) => seconds >= LEAST_S);
  }
}
