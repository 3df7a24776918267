// SPDX-License-Identifier: BSD-2-Clause
// offline-views.ts: shows what became of packets: as JSON records or for people.
import type { Journey } from '../../../src/emulation/journey.js';
import { vlanLines } from '../../../src/report/vlan.js';
import { figureLines } from './figures.js';
import type { OfflineFigures } from './offline-figures.js';

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

/** One record a packet, its log entries before it; then the result and the counters. `more`: also how often it was answered or copied. */
export class JsonRecords implements OfflineView {
  private readonly more: boolean;
  private readonly strings = new Map<string, string>();

  /** `opaque`: IP packets behind VLAN tags that rules did not look behind. */
  constructor(
    more: boolean,
    private readonly figures: OfflineFigures,
    private readonly opaque: () => number,
  ) {
    this.more = more;
  }

  arrived(journey: Journey): void {
    this.figures.arrived(journey);
  }

  packet(journey: Journey): string {
    this.figures.over(journey);
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
    return `${JSON.stringify(this.figures.record)}\n${JSON.stringify({ type: 'counters', rules, ...(opaque > 0 && { vlan_opaque: opaque }) })}\n`;
  }
}

const milliseconds = (ns: bigint | number): string => `${(Number(ns) / 1e6).toFixed(6)} ms`;
const seconds = (ns: bigint): string => (Number(ns) / 1e9).toFixed(9);
const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** A summary, and with `each` a line for every packet. */
export class TextSummary implements OfflineView {
  /**
   * `listing`: the rules with their counters, as ipfw shows them; `opaque`: IP packets behind VLAN tags that rules did
   * not look behind.
   */
  constructor(
    private readonly each: boolean,
    private readonly figures: OfflineFigures,
    private readonly listing: () => string,
    private readonly opaque: () => number,
  ) {}

  arrived(journey: Journey): void {
    this.figures.arrived(journey);
  }

  packet(journey: Journey): string {
    this.figures.over(journey);
    const { input, time, out, drop, length, passes } = journey;
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
    const { figures } = this;
    const { passed, answers, copies, drops, delays } = figures.sums;
    const lines = figures.byInput.map(({ input, packets, bytes, captured_bytes }) => {
      const part = captured_bytes < bytes ? `, of which ${captured_bytes} were captured` : '';
      return `${input}: ${plural(packets, 'packet')}, ${plural(bytes, 'byte')}${part}`;
    });
    lines.push(`passed: ${plural(passed, 'packet')}`);
    for (const [reason, count] of Object.entries(drops))
      lines.push(`dropped, ${reason}: ${plural(count, 'packet')}`);
    if (answers > 0) lines.push(`answered: ${plural(answers, 'packet')}`);
    if (copies > 0) lines.push(`duplicated: ${plural(copies, 'packet')}`);
    if (delays.max > 0) {
      const [median, most] = [50, 99].map((percent) => milliseconds(delays.percentile(percent)));
      lines.push(
        `delay: ${milliseconds(delays.min)} least, ${milliseconds(delays.mean)} mean, ` +
          `${median} median, ${most} 99 %, ${milliseconds(delays.max)} most`,
      );
    }
    lines.push(...figures.carried, ...figureLines(figures.ways, figures.flows));
    lines.push(...vlanLines(this.opaque()));
    lines.push('rules, with packets and bytes from the IP header on (above, frames from the MAC header on):');
    return `${lines.join('\n')}\n${this.listing()}`;
  }
}
