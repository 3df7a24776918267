// SPDX-License-Identifier: BSD-2-Clause
// engine.ts: run a plan on native threads. JavaScript only reads counters from a page of memory meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import { netvaleError } from '../errors.js';
import { type NativeEngine, native } from '../native.js';
import { nativePlan, type Plan } from '../traffic/plan.js';
import { type EngineStats, StatsPage } from './page.js';

/** What the workers really do, after defaults and what the port said. */
export interface EngineInfo {
  threads: number;
  /** Rings bound by all workers together. */
  txRings: number;
  rxRings: number;
  /** Packets a batch. */
  burst: number;
  /** Bytes of virtio-net header before each frame. */
  vnetLength: number;
  /** Buffers are written once and sent again and again. */
  prepared: boolean;
  /** Slots a packet of the largest size takes. */
  frags: number;
  /** Bytes a buffer. */
  bufferSize: number;
  port: string;
}

/** How often finished() looks, in milliseconds. */
const LOOK_MS = 10;

/** Engines that run: stopped when the process ends in an orderly way, so that their ports leave nothing behind. */
const running = new Set<Engine>();
process.on('exit', () => {
  for (const engine of running) engine.close();
});

/** A running plan. Made by startEngine; keeps its resources until close() is called. */
export class Engine {
  readonly info: EngineInfo;
  readonly #native: NativeEngine;
  readonly #page: StatsPage;
  #closed = false;

  /** Use startEngine. */
  constructor(plan: Plan) {
    this.#native = new native.Engine(nativePlan(plan));
    running.add(this);
    this.info = this.#native.describe();
    this.#page = new StatsPage(new BigUint64Array(this.#native.page()));
  }

  #check(): void {
    if (this.#closed) throw netvaleError('ECLOSED', 'the engine is closed');
  }

  /** Read the counters: no native call, no lock. Throws ECLOSED after close(). */
  stats(): EngineStats {
    this.#check();
    return this.#page.read();
  }

  /** Read the histograms of all workers as one. Throws ECLOSED after close(). */
  histogram(): ReturnType<StatsPage['histogram']> {
    this.#check();
    return this.#page.histogram();
  }

  /** Start min_space anew in every worker, as pkt-gen does at each report. Throws ECLOSED after close(). */
  restartMinSpace(): void {
    this.#check();
    this.#page.nextEpoch();
  }

  /** True when every worker has finished. Throws ECLOSED after close(). */
  get done(): boolean {
    return this.#native.done();
  }

  /** Ask the workers to finish, which takes up to a second; finished() tells when. Throws ECLOSED after close(). */
  stop(): void {
    this.#native.stop();
  }

  /**
   * Resolves when every worker has finished and the port is closed; rejects with the first worker's failure. The
   * counters stay readable until close().
   */
  async finished(): Promise<void> {
    while (!this.done) await sleep(LOOK_MS);
    this.#native.join();
  }

  /** Stop, wait for the workers (up to a second) and free everything. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    running.delete(this);
    this.#native.close();
  }
}

/**
 * Start a plan: opens its port and starts one native thread for each of plan.threads. Throws EINVAL (the plan is
 * wrong: the message names the bad part) or what openPort throws; then nothing was started.
 */
export function startEngine(plan: Plan): Engine {
  return new Engine(plan);
}

/** Throws EINVAL, naming the bad part, when a plan cannot be started; opens nothing. */
export function checkPlan(plan: Plan): void {
  native.checkPlan(nativePlan(plan));
}
