// SPDX-License-Identifier: BSD-2-Clause
// Numbers, lists and ranges: "80", "1-100,443,0x50", with names where the field has names.
import { RuleError } from './error.js';

export interface Range {
  low: number;
  high: number;
}

/** The value of a text of up to 15 decimal digits; -1 for anything else. */
function digits(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return -1;
    value = value * 10 + code - 48;
  }
  return value;
}

/** An unsigned number: decimal, 0x hexadecimal or 0 octal as strtoul reads it; undefined when it is not one. */
export function parseUnsigned(text: string): number | undefined {
  if (text.charCodeAt(0) !== 48 || text.length === 1) {
    const value = digits(text);
    return value < 0 ? undefined : value;
  }
  if (/^0x[0-9a-f]{1,13}$/i.test(text)) return Number.parseInt(text.slice(2), 16);
  return /^0[0-7]{1,17}$/.test(text) ? Number.parseInt(text, 8) : undefined;
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
  const value = digits(text);
  if (value < low || value > high)
    throw new RuleError(`bad ${what} "${text}"`, { expected: `a number ${low}..${high}` });
  return value;
}

export interface RangeRules {
  /** What the list is of: "port", "ipttl". */
  what: string;
  max: number;
  /** Value of a name, if the field has names. */
  named?: (name: string) => number | undefined;
}

function parseItem(item: string, rules: RangeRules): Range {
  const value = (text: string): number | undefined => {
    const number = parseUnsigned(text);
    if (number !== undefined) return number <= rules.max ? number : undefined;
    return /[a-z]/i.test(text) ? rules.named?.(text.replaceAll(/\\(.)/g, '$1')) : undefined;
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

/** As many as one instruction of ipfw's kernel holds; its manual says 30. */
const MOST = 62;

/** Read "a,b-c,...". Throws a RuleError (without a place) naming the bad item. */
export function parseRanges(text: string, rules: RangeRules): Range[] {
  const items = text.split(',');
  if (items.length > MOST)
    throw new RuleError(`${items.length} entries in one list of ${rules.what}s`, {
      expected: `at most ${MOST}: use an or-block of several lists`,
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
