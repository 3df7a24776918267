// SPDX-License-Identifier: BSD-2-Clause
// offline-views.ts: shows what became of packets: as JSON records or for people.
import type { Journey } from '../../../src/emulation/journey.js';
import type { LinkMeter } from '../../../src/emulation/link-meter.js';
import { vlanLines } from '../../../src/report/vlan.js';

/** What one packet, or the end, looks like. Packets come when all is known of them, the end when all have come. */
export interface OfflineView {
  arrived?(journey: Journey): void;
  packet(journey: Journey): string;
  end(counters: RuleCounts[]): string;
}

export interface RuleCounts {
  rule: number;
  packets: number;
  bytes: number;
}

const SAFE = 10n ** 15n;
const MOST_STRINGS = 1000;

/** Nanoseconds as microseconds with up to three decimals. */
function micros(ns: bigint): number {
  return ns < SAFE ? Number(ns) / 1000 : Number(`${ns / 1000n}.${String(ns % 1000n).padStart(3, '0')}`);
}

/** One record a packet, its log entries before it; then the counters. `more`: also how often it was answered or copied. */
export class JsonRecords implements OfflineView {
  private readonly more: boolean;
  private readonly strings = new Map<string, string>();

  /** `opaque`: IP packets behind VLAN tags that rules did not look behind. */
  constructor(
    more: boolean,
    private readonly opaque: () => number,
  ) {
    this.more = more;
  }

  packet(journey: Journey): string {
    const { packet, input, time, passes, out, drop, hop, answers, copies } = journey;
    const name = this.quoted(input.spec.name);
    const walked = passes.map(({ rule, verdict }) => `{"rule":${rule},"verdict":${this.quoted(verdict)}}`);
    const more = this.more ? `,"answers":${answers},"copies":${copies}` : '';
    const next = hop === undefined ? '' : `,"next_hop":${this.quoted(hop)}`;
    const end = out === undefined ? `"drop":${this.quoted(drop!)}` : `"out_us":${micros(out)}`;
    const head = `{"packet":${packet},"input":${name},"t_us":${micros(time)}`;
    return `${this.logged(journey)}${head},"passes":[${walked.join(',')}]${next}${more},${end}}\n`;
  }

  private logged({ packet, input, length, logs }: Journey): string {
    return logs
      .filter(({ where }) => where & 1)
      .map(({ rule, time }) => {
        const entry = {
          type: 'log',
          packet,
          input: input.spec.name,
          t_us: micros(time),
          rule,
          bytes: length,
        };
        return `${JSON.stringify(entry)}\n`;
      })
      .join('');
  }

  /** A string as JSON has it; they are few and come again. */
  private quoted(text: string): string {
    let known = this.strings.get(text);
    if (known === undefined) {
      known = JSON.stringify(text);
      if (this.strings.size < MOST_STRINGS) this.strings.set(text, known);
    }
    return known;
  }

  end(rules: RuleCounts[]): string {
    const opaque = this.opaque();
    return `${JSON.stringify({ type: 'counters', rules, ...(opaque > 0 && { vlan_opaque: opaque }) })}\n`;
  }
}

const milliseconds = (ns: bigint | number): string => `${(Number(ns) / 1e6).toFixed(6)} ms`;
const seconds = (ns: bigint): string => (Number(ns) / 1e9).toFixed(9);
const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** A summary, and with `each` a line for every packet. */
export class TextSummary implements OfflineView {
  private readonly each: boolean;
  private readonly listing: () => string;
  private readonly carried: () => LinkMeter[];
  private readonly dropped = new Map<string, number>();
  private passed = 0;
  private answers = 0;
  private copies = 0;
  private total = 0n;
  private least: bigint | undefined;
  private most = 0n;
  private readonly inputs = new Map<string, { packets: number; bytes: number; captured: number }>();

  /**
   * `listing`: the rules with their counters, as ipfw shows them; `carried`: what pipes and queues did; `opaque`: IP
   * packets behind VLAN tags that rules did not look behind.
   */
  constructor(
    each: boolean,
    listing: () => string,
    carried: () => LinkMeter[],
    private readonly opaque: () => number,
  ) {
    this.each = each;
    this.listing = listing;
    this.carried = carried;
  }

  arrived({ input, length, captured }: Journey): void {
    const count = this.inputs.get(input.spec.name) ?? { packets: 0, bytes: 0, captured: 0 };
    count.packets++;
    count.bytes += length;
    count.captured += captured;
    this.inputs.set(input.spec.name, count);
  }

  packet(journey: Journey): string {
    const { input, time, out, drop, length, passes } = journey;
    this.answers += journey.answers;
    this.copies += journey.copies;
    if (out === undefined) this.dropped.set(drop!, (this.dropped.get(drop!) ?? 0) + 1);
    else {
      const delay = out - time;
      this.passed++;
      this.total += delay;
      if (this.least === undefined || delay < this.least) this.least = delay;
      if (delay > this.most) this.most = delay;
    }
    const logged = journey.logs.filter(({ where }) => where & 1);
    const log = logged.map(
      (entry) => `${seconds(entry.time)} ${input.spec.name} logged by rule ${entry.rule}\n`,
    );
    if (!this.each) return log.join('');
    const way = passes.map(({ rule, verdict }) => `${rule} ${verdict}`).join(', ') || 'no rule';
    const hop = journey.hop === undefined ? '' : ` to ${journey.hop}`;
    const end = out === undefined ? `drop: ${drop}` : `out after ${milliseconds(out - time)}${hop}`;
    return `${log.join('')}${seconds(time)} ${input.spec.name} ${plural(length, 'byte')}: ${way}: ${end}\n`;
  }

  end(): string {
    const lines = [...this.inputs].map(([name, { packets, bytes, captured }]) => {
      const part = captured < bytes ? `, of which ${captured} were captured` : '';
      return `${name}: ${plural(packets, 'packet')}, ${plural(bytes, 'byte')}${part}`;
    });
    lines.push(`passed: ${plural(this.passed, 'packet')}`);
    for (const [reason, count] of this.dropped) lines.push(`dropped, ${reason}: ${plural(count, 'packet')}`);
    if (this.answers > 0) lines.push(`answered: ${plural(this.answers, 'packet')}`);
    if (this.copies > 0) lines.push(`duplicated: ${plural(this.copies, 'packet')}`);
    if (this.most > 0n) {
      const mean = Number(this.total) / this.passed;
      lines.push(
        `delay: ${milliseconds(this.least!)} least, ${milliseconds(mean)} mean, ${milliseconds(this.most)} most`,
      );
    }
    for (const meter of this.carried()) lines.push(meter.text);
    lines.push(...vlanLines(this.opaque()));
    return `${lines.join('\n')}\n${this.listing()}`;
  }
}
