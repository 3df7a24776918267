// SPDX-License-Identifier: BSD-2-Clause
// offline-figures.ts: the totals of a run on capture files: what came, what passed and how long it took, what was lost and
// why; the same figures as those of a run between ports.
import type { Journey } from '../../../src/emulation/journey.js';
import type { Links } from '../../../src/emulation/virtual-links.js';
import { Histogram } from '../../../src/report/histogram.js';
import { type LinkRecord, linkRecord, type PromiseRecord } from '../../../src/report/link-records.js';
import { type LatencyRecord, latencyRecord } from '../../../src/report/records.js';
import type { WayRecord } from '../../../src/report/way-records.js';

/** One input. */
export interface InputRecord {
  input: string;
  packets: number;
  /** As long as they were on the wire, from the MAC header on; and of those captured. */
  bytes: number;
  captured_bytes: number;
  passed: number;
  answers: number;
  copies: number;
  /** By reason; those that happened. */
  drops: Record<string, number>;
  /** From arrival to departure of what passed, nanoseconds. */
  delay?: LatencyRecord;
}

export interface OfflineResultRecord {
  type: 'result';
  program: string;
  /** From the first packet to the last arrival or departure. */
  seconds: number;
  seed: string;
  inputs: InputRecord[];
  links: LinkRecord[];
  promises: PromiseRecord[];
  ways: WayRecord[];
}

interface Count extends Omit<InputRecord, 'delay'> {
  delays: Histogram;
}

export class OfflineFigures {
  private readonly inputs = new Map<string, Count>();
  private recent: Count | undefined;
  private last = 0n;

  constructor(
    private readonly links: Pick<Links, 'carried' | 'ways' | 'states'>,
    private readonly seed: string,
  ) {}

  private of(input: string): Count {
    if (this.recent?.input === input) return this.recent;
    let count = this.inputs.get(input);
    if (!count) {
      const none = { packets: 0, bytes: 0, captured_bytes: 0, passed: 0, answers: 0, copies: 0, drops: {} };
      count = { input, ...none, delays: new Histogram() };
      this.inputs.set(input, count);
    }
    this.recent = count;
    return count;
  }

  arrived({ input, length, captured, time }: Journey): void {
    const count = this.of(input.spec.name);
    count.packets++;
    count.bytes += length;
    count.captured_bytes += captured;
    if (time > this.last) this.last = time;
  }

  over({ input, time, out, drop, answers, copies }: Journey): void {
    const count = this.of(input.spec.name);
    count.answers += answers;
    count.copies += copies;
    if (out === undefined) {
      count.drops[drop!] = (count.drops[drop!] ?? 0) + 1;
      return;
    }
    count.passed++;
    count.delays.record(Number(out - time));
    if (out > this.last) this.last = out;
  }

  /** Of all inputs together. */
  get sums(): Pick<InputRecord, 'passed' | 'answers' | 'copies' | 'drops'> & { delays: Histogram } {
    const sums = {
      passed: 0,
      answers: 0,
      copies: 0,
      drops: {} as Record<string, number>,
      delays: new Histogram(),
    };
    for (const { passed, answers, copies, drops, delays } of this.inputs.values()) {
      sums.passed += passed;
      sums.answers += answers;
      sums.copies += copies;
      sums.delays.merge(delays);
      for (const [reason, count] of Object.entries(drops))
        sums.drops[reason] = (sums.drops[reason] ?? 0) + count;
    }
    return sums;
  }

  get byInput(): InputRecord[] {
    return [...this.inputs.values()].map(({ delays, ...count }) => ({
      ...count,
      ...(delays.count > 0 && { delay: latencyRecord(delays) }),
    }));
  }

  get ways(): WayRecord[] {
    return this.links.ways.map(({ rule, kind, number, from, packets, bytes, drops, delay }) => ({
      ...{ rule, kind, number, from, packets, bytes, drops },
      ...(delay && delay.count > 0 && { delay: latencyRecord(delay) }),
    }));
  }

  /** Pipes and queues: a line each, as they promise and as they did. */
  get carried(): string[] {
    return this.links.carried.map(({ text }) => text);
  }

  get flows(): LinkRecord[] {
    return this.links.states().map(linkRecord);
  }

  get record(): OfflineResultRecord {
    return {
      type: 'result',
      program: 'emulate',
      seconds: Number(this.last) / 1e9,
      seed: this.seed,
      inputs: this.byInput,
      links: this.flows,
      promises: this.links.carried.filter(({ packets }) => packets > 0).map(({ record }) => record),
      ways: this.ways,
    };
  }
}
