// SPDX-License-Identifier: BSD-2-Clause
// link-meter.ts: what a pipe or queue carried, beside what its configuration promises.
import type { PromiseRecord } from '../report/link-records.js';

export class LinkMeter {
  readonly kind: 'pipe' | 'queue';
  readonly number: number;
  /** As configured last. */
  promised: PromiseRecord['promised'];
  packets = 0;
  passed = 0;
  lost = 0;
  private least: bigint | undefined;
  private most = 0n;
  private total = 0n;
  private first: bigint | undefined;
  private last = 0n;
  /** Bytes behind the first packet that left. */
  private bytes = 0;
  private firstBytes = 0;

  constructor(kind: 'pipe' | 'queue', number: number, promised: PromiseRecord['promised']) {
    this.kind = kind;
    this.number = number;
    this.promised = promised;
  }

  arrived(lost: boolean): void {
    this.packets++;
    if (lost) this.lost++;
  }

  /** A packet leaves after `delay`. */
  left(delay: bigint, time: bigint, length: number, lost: boolean): void {
    if (lost) {
      this.lost++;
      return;
    }
    this.passed++;
    if (this.least === undefined || delay < this.least) this.least = delay;
    if (delay > this.most) this.most = delay;
    this.total += delay;
    if (this.first === undefined) {
      this.first = time;
      this.firstBytes = length;
    } else this.bytes += length;
    this.last = time;
  }

  /** Bits per second between the first and the last departure; undefined: there were not two. */
  get rate(): number | undefined {
    if (this.first === undefined || this.last === this.first) return undefined;
    return (this.bytes * 8e9) / Number(this.last - this.first);
  }

  /** The shortest time a packet took, in milliseconds. */
  get delay(): number | undefined {
    return this.least === undefined ? undefined : Number(this.least) / 1e6;
  }

  /** Beside what it promises. */
  get record(): PromiseRecord {
    const { kind, number, promised, passed, rate } = this;
    return {
      ...{ kind, number, promised },
      measured: {
        packets: passed,
        bytes: this.firstBytes + this.bytes,
        bandwidth: rate ?? 0,
        ...(passed > 0 && {
          delay_min_ms: Number(this.least) / 1e6,
          delay_mean_ms: Number(this.total) / passed / 1e6,
          delay_max_ms: Number(this.most) / 1e6,
        }),
      },
    };
  }

  /** A line for people. */
  get text(): string {
    const { kind, number, packets, passed, lost, rate, delay } = this;
    const { bandwidth, delay_ms, share } = this.promised;
    const link = bandwidth ? bits(bandwidth) : 'no limit';
    const part = share !== undefined && bandwidth ? `${bits(bandwidth * share)} of ${link}` : link;
    const seen = [
      ...(rate === undefined ? [] : [bits(rate)]),
      ...(delay === undefined ? [] : [`${delay.toFixed(3)} ms at least`]),
    ];
    const measured = seen.length > 0 ? `; measured ${seen.join(', ')}` : '';
    return `${kind} ${number}: ${packets} in, ${passed} out, ${lost} lost; promised ${part}, ${delay_ms} ms${measured}`;
  }
}

function bits(rate: number): string {
  const [unit, divisor] = rate >= 1e9 ? ['Gbit/s', 1e9] : rate >= 1e6 ? ['Mbit/s', 1e6] : ['Kbit/s', 1e3];
  return `${(rate / (divisor as number)).toFixed(3)} ${unit}`;
}
