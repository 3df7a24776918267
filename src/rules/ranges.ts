// SPDX-License-Identifier: BSD-2-Clause
// Numbers, lists and ranges: "80", "1-100,443,0x50", with names where the field has names.
import { RuleError } from './error.js';

export interface Range {
  low: number;
  high: number;
}

/** An unsigned number: decimal, 0x hexadecimal or 0 octal as strtoul reads it; undefined when it is not one. */
export function parseUnsigned(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return /^(0|[1-9]\d*)$/.test(text) ? Number(text) : undefined;
}

/** A number that must lie in low..high; `what` names it in the error. */
export function parseNumber(text: string, what: string, low: number, high: number): number {
  const value = parseUnsigned(text);
  if (value === undefined || value < low || value > high)
    throw new RuleError(`bad ${what} "${text}"`, { expected: `a number ${low}..${high}` });
  return value;
}

/** Decimal only, as rule, set and object numbers are read (leading zeros are allowed: 00100). */
export function parseDecimal(text: string, what: string, low: number, high: number): number {
  if (!/^\d+$/.test(text) || Number(text) < low || Number(text) > high)
    throw new RuleError(`bad ${what} "${text}"`, { expected: `a number ${low}..${high}` });
  return Number(text);
}

export interface RangeRules {
  /** What the list is of: "port", "ipttl". */
  what: string;
  max: number;
  /** Value of a name, if the field has names. */
  named?: (name: string) => number | undefined;
  /** Most entries (ipfw's 30). */
  most?: number;
}

function parseItem(item: string, rules: RangeRules): Range {
  const value = (text: string): number | undefined => {
    const number = parseUnsigned(text);
    if (number !== undefined) return number <= rules.max ? number : undefined;
    return rules.named?.(text.replaceAll(/\\(.)/g, '$1'));
  };
  const whole = value(item);
  if (whole !== undefined) return { low: whole, high: whole };
  // a dash separates a range unless a backslash stands before it
  for (let dash = item.indexOf('-', 1); dash > 0; dash = item.indexOf('-', dash + 1)) {
    if (item[dash - 1] === '\\') continue;
    const low = value(item.slice(0, dash));
    const high = value(item.slice(dash + 1));
    if (low !== undefined && high !== undefined) return { low, high };
  }
  throw new RuleError(`bad ${rules.what} "${item}"`, {
    expected: `a number 0..${rules.max}${rules.named ? ', a name' : ''} or a range low-high`,
  });
}

/** Read "a,b-c,...". Throws a RuleError (without a place) naming the bad item. */
export function parseRanges(text: string, rules: RangeRules): Range[] {
  const items = text.split(',');
  if (items.length > (rules.most ?? 30))
    throw new RuleError(`${items.length} entries in one list of ${rules.what}s`, {
      expected: `at most ${rules.most ?? 30}: use an or-block of several lists`,
    });
  return items.map((item) => parseItem(item, rules));
}

/** True if the text can only be meant as a list of numbers and names (not a keyword). */
export function looksLikeRanges(text: string, rules: RangeRules): boolean {
  try {
    parseRanges(text, rules);
    return true;
  } catch {
    return false;
  }
}

export const printRanges = (ranges: readonly Range[], item: (value: number) => string = String): string =>
  ranges.map(({ low, high }) => (low === high ? item(low) : `${item(low)}-${item(high)}`)).join(',');
