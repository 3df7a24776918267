// SPDX-License-Identifier: BSD-2-Clause
// bridge.ts: two ports joined: what comes in at one leaves at the other, and back, on threads of its own (native/bridge).
import { setTimeout as sleep } from 'node:timers/promises';
import { BRIDGE_PAGE, WAIT_MODE } from '../abi.js';
import { netvaleError } from '../errors.js';
import { type NativeBridge, native } from '../native.js';
import { checkOptions, type OptionNames } from '../options.js';

export interface BridgeOptions {
  /** Two port names; one alone, or the same twice: everything goes back to where it came from. */
  ports: [string] | [string, string];
  /** The directory that the ports live in; default: $NETVALE_DIR or the user's own. */
  dir?: string;
  /** Slots of each ring of ports that are made, 2 to 4096. */
  slots?: number;
  /** Slots at most in one go, 1 to 4096; default 1024. */
  burst?: number;
  /** 1 for both ways, or 2: one each way. Default 1. */
  threads?: 1 | 2;
  /** Processor of the first thread; the second takes the next. Default: any. */
  cpu?: number;
  /** What to do when there is nothing: spin a little and then sleep (default), sleep at once, never sleep. */
  wait?: keyof typeof WAIT_MODE;
  /** Copy also where buffers could be exchanged. */
  copy?: boolean;
  /** Milliseconds to wait before the first packet, for links that come up slowly. */
  startMs?: number;
}

const OPTIONS: OptionNames<BridgeOptions> = {
  ports: true,
  dir: true,
  slots: true,
  burst: true,
  threads: true,
  cpu: true,
  wait: true,
  copy: true,
  startMs: true,
};

/** Counters of one way. packets = delivered + the sum of drops + what is still in a pipe. */
export interface WayStats {
  packets: number;
  bytes: number;
  /** Turns in which something was moved. */
  batches: number;
  /** Times the other port had no room for what there was: it waited. */
  held: number;
  delivered: number;
  deliveredBytes: number;
  sleeps: number;
  /** By reason: those of the port sent to, and bad_slot, slots that named no packet. */
  drops: Record<string, number>;
}

export interface BridgeStats {
  /** CLOCK_MONOTONIC nanoseconds. */
  startNs: number;
  nowNs: number;
  /** From the first port to the second, and back; one only for a single port. */
  ways: WayStats[];
}

const LOOK_MS = 10;

const bridges = new Set<Bridge>();
process.on('exit', () => {
  for (const bridge of bridges) bridge.close();
});

/** A running bridge. Keeps its ports until close() is called. */
export class Bridge {
  /** Names without mode and options. */
  readonly ports: [string, string];
  /** 1 when everything goes back to one port. */
  readonly ways: number;
  readonly threads: number;
  /** Buffers are exchanged, for both ports are in one region; else packets are copied. */
  readonly exchange: boolean;
  readonly #native: NativeBridge;
  readonly #words: BigUint64Array;
  #closed = false;

  /** Opens both ports and starts. Throws a NetvaleError. */
  constructor(options: BridgeOptions) {
    checkOptions('bridge', options, OPTIONS);
    const { wait = 'adaptive', startMs = 0, ...plan } = options;
    const waitMode: number | undefined = WAIT_MODE[wait];
    if (waitMode === undefined)
      throw netvaleError('EINVAL', `wait must be one of ${Object.keys(WAIT_MODE).join(', ')}, not '${wait}'`);
    if (!(startMs >= 0 && startMs <= 8.64e9))
      throw netvaleError('EINVAL', `startMs must be from 0 to 8640000000 ms, not ${startMs}`);
    this.#native = new native.Bridge({ ...plan, waitMode, startNs: Math.round(startMs * 1e6) });
    bridges.add(this);
    this.#words = new BigUint64Array(this.#native.page());
    const { ports, ways, threads, exchange } = this.#native.describe();
    this.ports = ports;
    this.ways = ways;
    this.threads = threads;
    this.exchange = exchange;
  }

  #check(): void {
    if (this.#closed) throw netvaleError('ECLOSED', 'the bridge is closed');
  }

  #way(index: number): WayStats {
    const at = BRIDGE_PAGE.headWords + index * BRIDGE_PAGE.groupWords;
    const word = Object.fromEntries(
      native.bridgeNames.map((name, i) => [name, Number(this.#words[at + i]!)]),
    ) as Record<string, number>;
    const drops = Object.fromEntries(
      native.dropNames.map((name, i) => [name, Number(this.#words[at + BRIDGE_PAGE.dropsAt + i]!)]),
    ) as Record<string, number>;
    return {
      packets: word.packets!,
      bytes: word.bytes!,
      batches: word.batches!,
      held: word.held!,
      delivered: word.delivered!,
      deliveredBytes: word.delivered_bytes!,
      sleeps: word.sleeps!,
      drops: { ...drops, bad_slot: (drops.bad_slot ?? 0) + word.bad_slot! },
    };
  }

  /** Read the counters: no native call, no lock. */
  stats(): BridgeStats {
    this.#check();
    return {
      startNs: Number(this.#words[BRIDGE_PAGE.startNs]!),
      nowNs: Number(this.#words[BRIDGE_PAGE.nowNs]!),
      ways: Array.from({ length: this.ways }, (_, i) => this.#way(i)),
    };
  }

  /** Take no more in. What was taken has been sent. */
  stop(): void {
    this.#check();
    this.#native.stop();
  }

  /** Resolves when it has ended; the ports are closed then, the counters stay. Rejects with what ended it. */
  async finished(): Promise<void> {
    for (this.#check(); !this.#native.done(); this.#check()) await sleep(LOOK_MS);
    this.#native.join();
  }

  /** Stop and free. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    bridges.delete(this);
    this.#native.close();
  }
}

/** Join two ports. Throws a NetvaleError. */
export const startBridge = (options: BridgeOptions): Bridge => new Bridge(options);
