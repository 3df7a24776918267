// SPDX-License-Identifier: BSD-2-Clause
// way-meter.ts: what the packets of one input that one rule sent to a pipe or queue got there, in virtual time.
import { native } from '../native.js';
import { Histogram } from '../report/histogram.js';
import type { PacketSource } from './journey.js';

/** Histograms kept at most: there may be thousands of rules. */
const MOST_TIMED = 256;

export class WayMeter {
  /** That left it, and their bytes as the link counts them. */
  packets = 0;
  bytes = 0;
  /** Lost there, by reason. */
  readonly drops: Record<string, number> = {};

  constructor(
    readonly rule: number,
    readonly kind: 'pipe' | 'queue',
    readonly number: number,
    /** Name of the input: "in:em0". */
    readonly from: string,
    /** From arrival to departure, nanoseconds; undefined beyond the first ways. */
    readonly delay: Histogram | undefined,
  ) {}

  /** `drop`: index of the emulator's reason. */
  lost(drop: number): void {
    const reason = native.emulationDropNames[drop]!;
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }

  left(delay: bigint, length: number): void {
    this.packets++;
    this.bytes += length;
    this.delay?.record(Number(delay));
  }
}

/** All ways, in the order in which packets first went. */
export class WayMeters {
  readonly all: WayMeter[] = [];
  private readonly byInput = new Map<PacketSource, Map<string, Map<number, WayMeter>>>();
  private last: WayMeter | undefined;
  private lastInput: PacketSource | undefined;

  find(input: PacketSource, kind: 'pipe' | 'queue', number: number, rule: number): WayMeter {
    const { last } = this;
    if (last?.rule === rule && last.number === number && last.kind === kind && this.lastInput === input)
      return last;
    const places = this.byInput.get(input) ?? new Map<string, Map<number, WayMeter>>();
    this.byInput.set(input, places);
    const place = `${kind} ${number}`;
    const rules = places.get(place) ?? new Map<number, WayMeter>();
    places.set(place, rules);
    let found = rules.get(rule);
    if (!found) {
      const delay = this.all.length < MOST_TIMED ? new Histogram() : undefined;
      found = new WayMeter(rule, kind, number, input.spec.name, delay);
      rules.set(rule, found);
      this.all.push(found);
    }
    this.last = found;
    this.lastInput = input;
    return found;
  }
}
