// SPDX-License-Identifier: BSD-2-Clause
// Numbers with units: bandwidths, times, bytes.
import { DUMMYNET_LIMITS } from './dummynet.js';
import { RuleError } from './error.js';

const SCALE: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** 10Mbit/s, 300KByte/s, 64000: bit/s. A unit that begins with B (not Bit) or "by" means bytes. 0 is unlimited. */
export function parseBandwidth(text: string): number {
  const [, number, prefix, unit] =
    /^(\d+(?:\.\d+)?)([kmg]?)(|b|bps|bits?(?:\/s)?|b\/s|bytes?(?:\/s)?)$/i.exec(text) ?? [];
  if (number === undefined)
    throw new RuleError(`bad bandwidth "${text}"`, {
      expected: 'a number with K, M or G and bit/s or Byte/s: 10Mbit/s',
    });
  const bytes = /^B(?!i)/.test(unit!) || /^by/i.test(unit!);
  const bits = Math.round(Number(number) * SCALE[prefix!.toLowerCase()]! * (bytes ? 8 : 1));
  if (bits > DUMMYNET_LIMITS.bandwidth)
    throw new RuleError(`bandwidth "${text}" too large`, { expected: 'at most 2^50 bit/s' });
  return bits;
}

/** expand_number: 3K is 3 * 1024. */
export function parseBurst(text: string): number {
  const [, number, prefix] = /^(\d+)([kmgt]?)b?$/i.exec(text) ?? [];
  const bytes = Number(number) * 1024 ** ['', 'k', 'm', 'g', 't'].indexOf((prefix ?? '').toLowerCase());
  if (!(bytes <= DUMMYNET_LIMITS.burstBytes))
    throw new RuleError(`bad burst "${text}"`, { expected: 'bytes with K, M or G, below 2^48' });
  return bytes;
}

/** A time in microseconds: milliseconds unless s, ms or us is behind it. */
export function parseTime(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?|\.\d+)(s|ms|us|)$/.exec(text) ?? [];
  if (number === undefined)
    throw new RuleError(`bad time "${text}"`, { expected: 'milliseconds, or a number with s, ms or us' });
  return Number(number) * { s: 1e6, ms: 1e3, us: 1, '': 1e3 }[unit as 's' | 'ms' | 'us' | '']!;
}

/** 0.01 or 1%. */
export function parseProbability(text: string): number {
  const [, number, percent] = /^(\d*\.?\d+(?:e-\d+)?)(%?)$/i.exec(text) ?? [];
  const value = number === undefined ? Number.NaN : Number(number) / (percent ? 100 : 1);
  if (!(value >= 0 && value <= 1))
    throw new RuleError(`bad probability "${text}"`, { expected: '0..1, or 0%..100%' });
  return value;
}

/** A number with as many digits as are worth reading. */
export const plain = (value: number, digits = 6): string => String(Number(value.toPrecision(digits)));

const RATES = [
  [1e9, 'Gbit/s'],
  [1e6, 'Mbit/s'],
  [1e3, 'Kbit/s'],
  [1, 'bit/s'],
] as const;

/** "10 Mbit/s" */
export function plainRate(bits: number): string {
  const [scale, unit] = RATES.find(([least]) => bits >= least) ?? RATES[3];
  return `${plain(bits / scale)} ${unit}`;
}
