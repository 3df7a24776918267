// SPDX-License-Identifier: BSD-2-Clause
// page.ts: reads the statistics page of an engine (native/engine/stats.h) by the names its fields have there.
import { PAGE } from '../abi.js';
import { netvaleError } from '../errors.js';
import { native } from '../native.js';
import { Histogram } from '../report/histogram.js';
import { camelCase } from '../spelling.js';

/** State of an engine or one of its workers. */
export type EngineState = 'waiting' | 'running' | 'done' | 'failed';

/** Counters of one worker, or of all together. Packets and bytes only rise; times are CLOCK_MONOTONIC nanoseconds. */
export interface WorkerStats {
  /** Sent and completed, or received; ping: requests sent; pong: answers sent. */
  packets: number;
  bytes: number;
  /** Batches. */
  events: number;
  /** Handed to the port: packets + pending. */
  accepted: number;
  pending: number;
  /** Least free receive slots seen at a batch since restartMinSpace(). */
  minSpace: number;
  /** Time of the first and the last packet; 0: none yet. */
  firstNs: number;
  lastNs: number;
  /** rxseq: numbers missing, late but new, seen again, behind the window. */
  lost: number;
  reordered: number;
  duplicated: number;
  tooLate: number;
  /** Verifying: some byte is not as it was sent. */
  torn: number;
  /** rxseq, ping: not a packet with a sequence number. */
  foreign: number;
  streams: number;
  /** ping: answers in time, requests without one. */
  replies: number;
  timeouts: number;
  pauses: number;
  /** Pacing: packets given up because the port could not take the rate for a second. */
  missed: number;
  /** Pacing: packets per second asked for now. */
  rate: number;
  /** With rules: packets they did not let through. */
  denied: number;
  /** With rules: answers sent back (reset, unreach, keep-alives, fwd), packets sent to ports they name (tee, divert, fwd). */
  answers: number;
  copies: number;
  /** With rules: answers and copies that found no room or no open port, or were lost there. */
  unsent: number;
  /** Sending: packets in a ring when it was set right, because somebody else had moved its head. */
  reset: number;
}

export interface EngineStats {
  state: EngineState;
  /** CLOCK_MONOTONIC nanoseconds. */
  startNs: number;
  workers: (WorkerStats & { state: EngineState; cpu: number | undefined })[];
  total: WorkerStats;
  /** Counters of the port since the engine started, as in PortStats ("txPackets"). */
  port: Record<string, number>;
  /** Packets that went nowhere since the engine started, by reason. */
  drops: Record<string, number>;
}

const WORKER_NAMES = native.workerNames.map(camelCase);
const PORT_NAMES = native.portNames.map(camelCase);

/** Over all workers these are not sums. */
const LEAST = new Set(['firstNs']);
const GREATEST = new Set(['lastNs']);

export class StatsPage {
  readonly #words: BigUint64Array;
  readonly #header: Record<string, number> = {};

  /** Throws EPROTO when the page is not of the version this file reads. */
  constructor(words: BigUint64Array) {
    if (words[0] !== PAGE.magicValue || words[1] !== BigInt(PAGE.versionValue))
      throw netvaleError(
        'EPROTO',
        'the statistics page is of another version than this library: build both from one source',
      );
    this.#words = words;
    native.pageNames.forEach((name, i) => {
      this.#header[name] = Number(words[i]!);
    });
  }

  #group(at: number, names: string[]): Record<string, number> {
    const out: Record<string, number> = {};
    names.forEach((name, i) => {
      out[name] = Number(this.#words[at + i]!);
    });
    return out;
  }

  /** Read everything but the histograms. */
  read(): EngineStats {
    const header = this.#header;
    const workers: EngineStats['workers'] = [];
    for (let i = 0; i < header.workers!; i++) {
      const { state, cpu, ...counters } = this.#group(
        header.worker_at! + i * header.worker_stride!,
        WORKER_NAMES,
      );
      workers.push({
        ...(counters as unknown as WorkerStats),
        state: native.stateNames[state!] as EngineState,
        cpu: cpu === 0 ? undefined : cpu! - 1,
      });
    }
    return {
      state: native.stateNames[Number(this.#words[native.pageNames.indexOf('state')]!)] as EngineState,
      startNs: header.start_ns!,
      workers,
      total: totalOf(workers),
      port: this.#group(header.port_at!, PORT_NAMES),
      drops: this.#group(header.drops_at!, native.dropNames),
    };
  }

  /** The delays all workers recorded, as one histogram. */
  histogram(): Histogram {
    const { histogram_at, histogram_stride, workers } = this.#header;
    const merged = new Histogram();
    for (let i = 0; i < workers!; i++) {
      const at = histogram_at! + i * histogram_stride!;
      merged.mergeWords(this.#words.subarray(at, at + histogram_stride!));
    }
    return merged;
  }

  /** Make every worker start minSpace anew. */
  nextEpoch(): void {
    this.#words[PAGE.epoch] = this.#words[PAGE.epoch]! + 1n;
  }
}

function totalOf(workers: WorkerStats[]): WorkerStats {
  const total: Record<string, number> = {};
  for (const worker of workers)
    for (const [name, value] of Object.entries(worker)) {
      if (typeof value !== 'number') continue;
      const before = total[name];
      if (before === undefined) total[name] = value;
      else if (LEAST.has(name))
        total[name] = before === 0 ? value : value === 0 ? before : Math.min(before, value);
      else if (GREATEST.has(name)) total[name] = Math.max(before, value);
      else total[name] = before + value;
    }
  delete total.cpu;
  return total as unknown as WorkerStats;
}
