// SPDX-License-Identifier: BSD-2-Clause
// histogram.ts: the log-linear histogram of native/engine/histogram.h, read and drawn: 64 linear buckets for each power
// of two (after HdrHistogram, G. Tene), so that a value is known to 1/64.
const BITS = 6;
const BUCKETS = (40 - BITS + 1) << BITS;

/** Bucket of a value, nanoseconds. */
export function bucketOf(value: number): number {
  if (value < 2 ** BITS) return Math.floor(value);
  if (value < 2 ** 31) {
    const shift = 31 - Math.clz32(value) - BITS;
    return (shift << BITS) + (value >>> shift);
  }
  const capped = Math.min(value, 2 ** 40 - 1);
  const shift = Math.max(0, Math.floor(Math.log2(Math.max(capped, 1))) - BITS);
  return (shift << BITS) + Math.floor(capped / 2 ** shift);
}

/** Smallest value of a bucket. */
export function bucketLow(index: number): number {
  const shift = Math.max(0, (index >> BITS) - 1);
  return (index - (shift << BITS)) * 2 ** shift;
}

/** Largest value of a bucket. */
export function bucketHigh(index: number): number {
  return bucketLow(index + 1) - 1;
}

export class Histogram {
  count = 0;
  sum = 0;
  /** Smallest and largest recorded value; Infinity and 0 while empty. */
  min = Number.POSITIVE_INFINITY;
  max = 0;
  readonly #buckets = new Float64Array(BUCKETS);

  /** Add one from a statistics page: count, sum, min, max, then the buckets. */
  mergeWords(words: BigUint64Array): void {
    if (words[0] === 0n) return;
    this.sum += Number(words[1]!);
    this.min = Math.min(this.min, Number(words[2]!));
    this.max = Math.max(this.max, Number(words[3]!));
    for (let i = 0; i < BUCKETS; i++) {
      const count = Number(words[4 + i]!);
      this.#buckets[i]! += count;
      // From the buckets, not from words[0]: the writer may be between the two.
      this.count += count;
    }
  }

  /** Record `times` values of so many nanoseconds. */
  record(value: number, times = 1): void {
    this.#buckets[bucketOf(value)]! += times;
    this.count += times;
    this.sum += value * times;
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
  }

  /** Add what another one has. */
  merge(other: Histogram): void {
    if (other.count === 0) return;
    this.count += other.count;
    this.sum += other.sum;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    for (let i = 0; i < BUCKETS; i++) this.#buckets[i]! += other.#buckets[i]!;
  }

  /** Mean, nanoseconds; 0 when empty. */
  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** The value that `percent` (0..100) of the values do not exceed: the upper end of its bucket. 0 when empty. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.count));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#buckets[i]!;
      if (seen >= wanted) return Math.min(bucketHigh(i), this.max);
    }
    return this.max;
  }

  /** Values by power of two: [low, high) in nanoseconds and how many. From the first to the last that has any. */
  octaves(): { low: number; high: number; count: number }[] {
    const out: { low: number; high: number; count: number }[] = [];
    for (let i = 0; i < BUCKETS; i++) {
      const count = this.#buckets[i]!;
      if (count === 0) continue;
      const low = 2 ** Math.floor(Math.log2(Math.max(1, bucketLow(i))));
      while (out.length > 0 && out.at(-1)!.high < low)
        out.push({ low: out.at(-1)!.high, high: out.at(-1)!.high * 2, count: 0 });
      if (out.at(-1)?.low === low) out.at(-1)!.count += count;
      else out.push({ low, high: low * 2, count });
    }
    return out;
  }
}
