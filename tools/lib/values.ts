// SPDX-License-Identifier: BSD-2-Clause
// values.ts: reads the arguments of options; each throws a UsageError that names the option and what it got.
import { UsageError } from './options.js';

/** Powers of ten. */
const SUFFIXES: Record<string, number> = { '': 0, k: 3, K: 3, m: 6, M: 6, g: 9, G: 9 };

function outside(flag: string, text: string, what: string): UsageError {
  return new UsageError(`${flag}: '${text}' is not ${what}`);
}

/** A whole number from low to high, decimal. */
export function whole(flag: string, text: string, low: number, high: number): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high)) throw outside(flag, text, `a whole number from ${low} to ${high}`);
  return value;
}

/** A count or rate, from 0 to `high`: "1000", "10k", "1.5M", "2G" (powers of ten). */
export function scaled(flag: string, text: string, high: number, what: string): number {
  const [, whole = '', fraction = '', suffix = ''] =
    /^([0-9]+)(?:\.(?=[0-9])([0-9]*?)0*)?([kKmMgG]?)$/.exec(text) ?? [];
  const power = SUFFIXES[suffix]!;
  // Moving the point in the text keeps every digit.
  const fits = whole !== '' && fraction.length <= power;
  const value = fits ? Number(whole + fraction.padEnd(power, '0')) : Number.NaN;
  if (!(value <= high))
    throw outside(flag, text, `${what}: a whole number up to ${high}, with k, M or G if you like`);
  return value;
}

/** A time from low to high, decimal fractions allowed, in the unit the option has. */
export function time(flag: string, text: string, low: number, high: number, unit: string): number {
  const value = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low && value <= high))
    throw outside(flag, text, `a number of ${unit} from ${low} to ${high}`);
  return value;
}

/** Any text but none. */
export function filled(flag: string, text: string): string {
  if (text === '') throw new UsageError(`${flag}: the argument is empty`);
  return text;
}

/** One of some words. */
export function oneOf<T extends string>(flag: string, text: string, words: readonly T[]): T {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new UsageError(`${flag}: '${text}' is not one of ${words.join(', ')}`);
  return found;
}

/** "a,b,c": one to `most` numbers, each read by `read`. */
export function list<T>(flag: string, text: string, most: number, read: (part: string) => T): T[] {
  const parts = text.split(',');
  if (parts.length > most)
    throw new UsageError(`${flag}: '${text}' has ${parts.length} parts, at most ${most} are possible`);
  return parts.map(read);
}
