// SPDX-License-Identifier: BSD-2-Clause
// offline-links.ts: what happens to packets that rules send into a pipe or queue.
import { RuleError } from '../../../src/rules/error.js';
import type { OpenRules } from '../../../src/rules/index.js';
import type { Journey } from './offline-journey.js';

/** A packet on a link, and how it goes on when one_pass is off. */
export interface Parcel {
  journey: Journey;
  frame: Uint8Array;
  context: Uint8Array;
}

/** Called when a packet leaves a link, or is lost on it. */
export type Release = (parcel: Parcel, time: bigint, drop: string | undefined) => void;

export interface Links {
  /** Whether packets can be on their way at all. */
  readonly busy: boolean;
  /** When the next packet leaves; undefined: none waits. */
  next(): bigint | undefined;
  /** A packet arrives. Why it is lost, or undefined. */
  send(kind: 'pipe' | 'queue', number: number, time: bigint, parcel: Parcel): string | undefined;
  /** Hand out what leaves at `time` or before, in order. */
  release(time: bigint, out: Release): void;
}

/** Pipes without any parameter: what is sent into one leaves at once. */
export class PlainLinks implements Links {
  readonly busy = false;
  private readonly objects: OpenRules['controller']['world']['dummynet'];
  private ready: { parcel: Parcel; time: bigint }[] = [];

  constructor({ controller }: OpenRules) {
    this.objects = controller.world.dummynet;
    for (const kind of ['pipe', 'queue', 'sched'] as const)
      for (const [number, config] of this.objects.all(kind))
        if (Object.values(config).some((value) => value !== undefined))
          throw new RuleError(`${kind} ${number} has parameters`, { expected: 'pipes without any' });
  }

  next(): bigint | undefined {
    return this.ready[0]?.time;
  }

  send(kind: 'pipe' | 'queue', number: number, time: bigint, parcel: Parcel): string | undefined {
    if (!this.objects.get(kind, number)) return 'no such pipe';
    this.ready.push({ parcel, time });
    return undefined;
  }

  release(_time: bigint, out: Release): void {
    const { ready } = this;
    this.ready = [];
    for (const { parcel, time } of ready) out(parcel, time, undefined);
  }
}
