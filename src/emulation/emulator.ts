// SPDX-License-Identifier: BSD-2-Clause
// An emulator: dummynet's objects by their parameters, and packets passed through them at times the caller gives.

import { EMU_KIND } from '../abi.js';
import { argumentError } from '../errors.js';
import { native } from '../native.js';
import { checkOptions, type OptionNames } from '../options.js';
import type { DummynetConfig, DummynetKind } from '../rules/dummynet.js';
import { namesLink, nativeFlowset, nativeLink, nativeSched } from './config.js';
import type {
  EmulationTotals,
  FlowInfo,
  NativeEmulation,
  NativeEmulationOptions,
  NativeRelease,
} from './native.js';

export type EmulatorOptions = NativeEmulationOptions;

/** A packet that leaves, or is lost on its way. */
export interface Departure {
  cookie: number;
  /** Nanoseconds. */
  time: bigint;
  /** Why it is lost; undefined: it departs. */
  drop?: string;
  /** EMU_PACKET bits. */
  flags: number;
  /** With the bit EMU_PACKET.corrupt: which bit to flip, from the first byte's highest. */
  corruptBit: number;
}

/** What a frame has before its IP packet, as far as links count it: at layer 3 they do not. */
export const macBytes = (layer: 2 | 3 = 2): number => (layer === 2 ? 14 : 0);

const OPTIONS: OptionNames<EmulatorOptions> = { seed: true, memory: true, expireNs: true, macBytes: true };

export class Emulator {
  readonly native: NativeEmulation;
  /** What the last call of `native.release` handed out. */
  readonly columns: NativeRelease;

  /** Throws EINVAL for an option that is not known, a TypeError without a seed. */
  constructor(options: EmulatorOptions) {
    checkOptions('options', options, OPTIONS);
    if (typeof options.seed !== 'bigint')
      throw argumentError(`seed must be a bigint, not ${typeof options.seed}`);
    this.native = new native.Emulation(options);
    this.columns = this.native.columns();
  }

  /** Make an object, or give it other parameters. Throws when they make no sense; nothing has changed then. */
  configure(kind: DummynetKind, number: number, config: DummynetConfig): void {
    if (kind === 'pipe') {
      const mask = config.schedMask ?? config.mask;
      this.native.pipeConfig(number, nativeLink(config), nativeFlowset(config), mask);
    } else if (kind === 'queue') {
      this.native.queueConfig(number, config.parent!, nativeFlowset(config, config.flowMask ?? config.mask));
    } else {
      this.native.schedConfig(
        number,
        nativeSched(config),
        namesLink(config) ? nativeLink(config) : undefined,
      );
    }
  }

  delete(kind: DummynetKind, number: number): void {
    this.native.delete(EMU_KIND[kind], number);
  }

  flush(): void {
    this.native.flush();
  }

  /**
   * A packet arrives. `cookie` is the caller's name for it, below 2^53; `frame` tells its flow where a mask or an fq_
   * scheduler asks for it. Returns why it was lost, or undefined when it was taken.
   */
  enqueue(
    now: bigint,
    kind: 'pipe' | 'queue',
    number: number,
    packet: { cookie: number; length: number; ect?: boolean; frame?: Uint8Array; raw?: boolean },
  ): string | undefined {
    const wanted = packet.frame && this.native.wantsKey(EMU_KIND[kind], number) ? packet.frame : undefined;
    const drop = this.native.enqueue(
      now,
      EMU_KIND[kind],
      number,
      packet.cookie,
      packet.length,
      packet.ect === true,
      wanted,
      packet.raw === true,
    );
    return drop === 0 ? undefined : native.emulationDropNames[drop];
  }

  /** Everything that leaves, or is lost, up to `now`, in order of time. */
  release(now: bigint): Departure[] {
    const out: Departure[] = [];
    const { cookies, times, drops, flags, bits } = this.columns;
    for (;;) {
      const count = this.native.release(now);
      for (let i = 0; i < count; i++) {
        const drop = drops[i]!;
        out.push({
          cookie: cookies[i]!,
          time: times[i]!,
          ...(drop !== 0 && { drop: native.emulationDropNames[drop]! }),
          flags: flags[i]!,
          corruptBit: bits[i]!,
        });
      }
      if (count < cookies.length) return out;
    }
  }

  /** When release has something next; undefined: never, unless a packet arrives. */
  next(): bigint | undefined {
    return this.native.next();
  }

  /** All that waits comes out of release as stopped. */
  stop(now: bigint): void {
    this.native.stop(now);
  }

  totals(): EmulationTotals {
    return this.native.totals();
  }

  /** Flow queues of an object; of all of the kind without a number. */
  flows(kind: 'pipe' | 'queue', number = 0): FlowInfo[] {
    return this.native.flows(EMU_KIND[kind], number);
  }

  links(kind: 'pipe' | 'sched', number = 0): FlowInfo[] {
    return this.native.links(EMU_KIND[kind], number);
  }

  close(): void {
    this.native.close();
  }
}
