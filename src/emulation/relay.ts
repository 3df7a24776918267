// SPDX-License-Identifier: BSD-2-Clause
// relay.ts: the live loop between two ports (native/relay) and its counters.

import { setTimeout as sleep } from 'node:timers/promises';
import { RELAY_PAGE, WAIT_MODE } from '../abi.js';
import type { EngineState } from '../engine/page.js';
import { netvaleError } from '../errors.js';
import { type NativeRelay, native } from '../native.js';
import { checkOptions, type OptionNames } from '../options.js';
import { Histogram } from '../report/histogram.js';
import type { NativeRules } from '../rules/native-engine.js';
import { camelCase } from '../spelling.js';
import { type Measure, readWays, sumOfWays, type WayMeasure } from './measures.js';

export interface RelayOptions {
  /** Port names: packets from inside to outside are `out recv INSIDE xmit OUTSIDE`, the others `in recv OUTSIDE`. */
  inside: string;
  outside: string;
  dir?: string;
  /** Of NativeEngine; none: everything passes. */
  rules?: NativeRules;
  /** Of the addon's class Emulation; none: there are no links. */
  emulation?: object;
  /** What rules see; default 2. */
  layer?: 2 | 3;
  /** Default true. */
  onePass?: boolean;
  /** Bytes that packets may take that wait beyond the spare buffers; default 256 MiB. */
  memory?: number;
  /** Spare buffers of each region; default 4096. */
  extraBufs?: number;
  /** Slots of rings that are created; default 1024. */
  slots?: number;
  /** Packets taken at once, 1 to 1024; default 256. */
  burst?: number;
  wait?: 'adaptive' | 'sleep' | 'busy';
  /** Processor to run on. */
  cpu?: number;
  /** File (pcapng) to which the packets of both ports are written, in and out. */
  capture?: string;
  /** Open file to which every arrival, departure and loss is written as a JSON record; it stays the caller's. */
  logFd?: number;
  /** File (pcapng) to which packets that rules with `log` match are written, each with a comment that names the rule. */
  matches?: string;
  /** Nanoseconds from CLOCK_MONOTONIC to the time the rules see; default: to now. */
  timeOffset?: bigint;
}

export const RELAY_OPTIONS: OptionNames<RelayOptions> = {
  inside: true,
  outside: true,
  dir: true,
  rules: true,
  emulation: true,
  layer: true,
  onePass: true,
  memory: true,
  extraBufs: true,
  slots: true,
  burst: true,
  wait: true,
  cpu: true,
  capture: true,
  logFd: true,
  matches: true,
  timeOffset: true,
};

/**
 * What came from one port. rxPackets + duplicates + returned + flooded
 * = txPackets + bounced + waiting + pending + the sum of drops.
 */
export interface DirectionStats {
  rxPackets: number;
  rxBytes: number;
  /** Taken by the other port, and not lost there; a flooded packet once for each copy. */
  txPackets: number;
  txBytes: number;
  /** In links now. */
  waiting: number;
  /** Of all that waited: in the packed store, not in their own buffers. */
  copied: number;
  /** Made by reject, reset and keep-alives, and sent back to the port packets come from. */
  answers: number;
  /** That port's ring was full, or it lost them. */
  answersLost: number;
  /** Made by tee. */
  copies: number;
  /** The port tee names was not open, or full, or lost them. */
  copiesLost: number;
  /** Made by links. */
  duplicates: number;
  /** Came back from divert ports. */
  returned: number;
  reassembled: number;
  /** Sent back by fwd. */
  bounced: number;
  /** Further copies that a switch made of what was sent there. */
  flooded: number;
  /** In the ring of a port that takes nothing now: a pipe whose other end left. */
  pending: number;
  /** Packets that left links and whose delay is known (with one_pass), and the sum of their delays. */
  delays: number;
  delaySumNs: number;
  /** By reason; every reason is there. */
  drops: Record<string, number>;
}

export interface RelayStats {
  state: EngineState;
  /** CLOCK_MONOTONIC nanoseconds. */
  startNs: number;
  nowNs: number;
  storeUsed: number;
  storeSize: number;
  /** Buffers left for packets that wait. */
  spares: number;
  sleeps: number;
  batches: number;
  /** Packets that could not be written to the capture file. */
  captureLost: number;
  /** Records of packets that could not be written. */
  logLost: number;
  /** Rings set right, because somebody else wrote into them what cannot be. */
  ringResets: number;
  /** From the inside, from the outside. */
  directions: [DirectionStats, DirectionStats];
}

const { pageHead: HEAD_WORDS, groupWords: GROUP_WORDS, dropsAt: DROPS_AT } = RELAY_PAGE;
const LOOK_MS = 10;

/** Nanoseconds from CLOCK_MONOTONIC to the time since 1970. */
export const clockOffset = (): bigint => BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

const relays = new Set<Relay>();
process.on('exit', () => {
  for (const relay of relays) relay.close();
});

/** A running relay. Keeps its ports until close() is called. */
export class Relay {
  readonly #native: NativeRelay;
  readonly #words: BigUint64Array;
  readonly #histograms: BigUint64Array;
  #closed = false;

  /** Opens both ports and starts. Throws a NetvaleError. */
  constructor(options: RelayOptions) {
    checkOptions('options', options, RELAY_OPTIONS);
    const { wait = 'adaptive', timeOffset = clockOffset(), ...plan } = options;
    this.#native = new native.Relay({ ...plan, waitMode: WAIT_MODE[wait], timeOffset });
    relays.add(this);
    this.#words = new BigUint64Array(this.#native.page());
    this.#histograms = new BigUint64Array(this.#native.histograms());
  }

  #check(): void {
    if (this.#closed) throw netvaleError('ECLOSED', 'the relay is closed');
  }

  #direction(index: number): DirectionStats {
    const at = HEAD_WORDS + index * GROUP_WORDS;
    const drops: Record<string, number> = {};
    native.relayDropNames.forEach((name, i) => {
      if (name !== 'none') drops[name] = (drops[name] ?? 0) + Number(this.#words[at + DROPS_AT + i]!);
    });
    const words = native.relayNames.map((name, i) => [camelCase(name), Number(this.#words[at + i]!)]);
    const delay = (1 + index) * (this.#histograms.length / RELAY_PAGE.histograms);
    return {
      ...(Object.fromEntries(words) as Omit<DirectionStats, 'drops'>),
      delays: Number(this.#histograms[delay]!),
      delaySumNs: Number(this.#histograms[delay + 1]!),
      drops,
    };
  }

  /** Read the counters: no native call, no lock. */
  stats(): RelayStats {
    this.#check();
    const head = Object.fromEntries(
      native.relayPageNames.map((name, i) => [camelCase(name), Number(this.#words[i]!)]),
    ) as unknown as Omit<RelayStats, 'state'> & { state: number };
    return {
      ...head,
      state: native.stateNames[head.state] as EngineState,
      directions: [this.#direction(0), this.#direction(1)],
    };
  }

  /** What each rule's packets got of pipes and queues so far, in the order in which they first went there. */
  ways(): WayMeasure[] {
    this.#check();
    const delayOf = (group: number): Histogram | undefined =>
      group < RELAY_PAGE.measureTimed ? this.#histogram(3 + group) : undefined;
    return readWays(this.#words, delayOf);
  }

  /** What pipes and queues gave so far. */
  measures(): Measure[] {
    this.#check();
    return sumOfWays(readWays(this.#words, () => undefined));
  }

  #histogram(index: number): Histogram {
    this.#check();
    const words = this.#histograms.length / RELAY_PAGE.histograms;
    const merged = new Histogram();
    merged.mergeWords(this.#histograms.subarray(index * words, (index + 1) * words));
    return merged;
  }

  /** How late departures were: nanoseconds behind the links' exact time. */
  lateness(): Histogram {
    return this.#histogram(0);
  }

  /** Nanoseconds from arrival to exact departure, of packets from the inside (0) or the outside (1); with one_pass only. */
  delay(from: 0 | 1): Histogram {
    return this.#histogram(1 + from);
  }

  /** enable or disable one_pass. */
  setOnePass(onePass: boolean): void {
    this.#check();
    this.#native.setOnePass(onePass);
  }

  /** Take no more in, and end when all that waits has left (drain) or at once. */
  stop(drain = true): void {
    this.#check();
    this.#native.stop(drain);
  }

  /** Resolves when it has ended; the ports are closed then, the counters stay. Rejects with what ended it. */
  async finished(): Promise<void> {
    for (this.#check(); !this.#native.done(); this.#check()) await sleep(LOOK_MS);
    this.#native.join();
  }

  /** Stop at once and free. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    relays.delete(this);
    this.#native.close();
  }
}
