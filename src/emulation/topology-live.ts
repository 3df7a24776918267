// SPDX-License-Identifier: BSD-2-Clause
// topology-live.ts: a topology between two ports, and the timer that makes its changes.
import type { LinkState } from './link-states.js';
import type { LiveEmulation } from './live.js';
import type { Measure } from './measures.js';
import type { RelayStats } from './relay.js';
import type { Change } from './topology.js';

/** A change that was due. */
export interface DoneChange extends Change {
  /** When it was made, nanoseconds since the start. */
  made: bigint;
  /** Why it could not be made. */
  error?: Error;
}

/** setTimeout's longest, ms. */
const LONGEST = 2 ** 31 - 1;

/** A topology that runs. Keeps its ports until close() is called. */
export class RunningTopology {
  readonly emulation: LiveEmulation;
  readonly #start = process.hrtime.bigint();
  readonly #left: Change[];
  readonly #done: DoneChange[] = [];
  readonly #onError: ((error: Error) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Use Topology.live. */
  constructor(
    emulation: LiveEmulation,
    changes: readonly Change[],
    onError: ((error: Error) => void) | undefined,
  ) {
    this.emulation = emulation;
    this.#left = [...changes];
    this.#onError = onError;
    this.#wait();
  }

  #wait(): void {
    const [next] = this.#left;
    if (!next) return;
    const left = Number(next.at - (process.hrtime.bigint() - this.#start)) / 1e6;
    this.#timer = setTimeout(() => this.#make(), Math.min(Math.max(0, Math.ceil(left)), LONGEST));
  }

  #make(): void {
    const now = process.hrtime.bigint() - this.#start;
    while (this.#left[0] && this.#left[0].at <= now) {
      const change = this.#left.shift()!;
      try {
        this.emulation.controller.runText(change.commands.join('\n'), 'change');
        this.#done.push({ ...change, made: now });
      } catch (caught) {
        const error = caught as Error;
        this.#done.push({ ...change, made: now, error });
        this.#onError?.(error);
      }
    }
    this.#wait();
  }

  /** Changes made so far, and those that could not be. */
  get changes(): readonly DoneChange[] {
    return this.#done;
  }

  /** Read the counters. */
  stats(): RelayStats {
    return this.emulation.relay.stats();
  }

  /** Flow queues as they are now. */
  links(): LinkState[] {
    return this.emulation.links();
  }

  /** What pipes and queues gave so far. */
  measures(): Measure[] {
    return this.emulation.measures();
  }

  /** Take no more in; resolves with the last counters when all that waits has left (drain), or at once. */
  async stop(drain = true): Promise<RelayStats> {
    clearTimeout(this.#timer);
    this.#left.length = 0;
    this.emulation.relay.stop(drain);
    await this.emulation.relay.finished();
    return this.stats();
  }

  /** Stop at once and free ports, rules and links. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#left.length = 0;
    await this.emulation.close();
  }
}
