// SPDX-License-Identifier: BSD-2-Clause
// Errors of the rule language: where in the input, what is wrong, what was expected, and the sysexits code to end with.

/** Exit codes as ipfw uses them (sysexits.h). */
export const EXIT = {
  ok: 0,
  usage: 64,
  data: 65,
  noHost: 68,
  unavailable: 69,
  osError: 71,
} as const;

/**
 * What a program tells errors of this language apart by. ERULE: a command, a rule or a file of rules is wrong. ENOHOST: a
 * host's name is unknown. EUNAVAILABLE: a file cannot be read, or what is asked for is not there. EOSERR: the system
 * refused.
 */
export type RuleErrorCode = 'ERULE' | 'ENOHOST' | 'EUNAVAILABLE' | 'EOSERR';

const CODES: Record<number, RuleErrorCode> = {
  [EXIT.noHost]: 'ENOHOST',
  [EXIT.unavailable]: 'EUNAVAILABLE',
  [EXIT.osError]: 'EOSERR',
};

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A place in the input: file (or undefined for a command line), line and column counted from 1. */
export interface Place {
  file: string | undefined;
  line: number;
  column: number;
}

export const placeText = (place: Place): string =>
  `${place.file ?? 'command line'}:${place.line}:${place.column}`;

/** One refused command. `message` is the whole line for the user; nothing of that command was applied. */
export class RuleError extends Error {
  override name = 'RuleError';
  readonly place: Place | undefined;
  readonly problem: string;
  readonly expected: string | undefined;
  readonly exit: ExitCode;
  readonly code: RuleErrorCode;

  constructor(
    problem: string,
    options: { place?: Place | undefined; expected?: string | undefined; exit?: ExitCode } = {},
  ) {
    const where = options.place ? `${placeText(options.place)}: ` : '';
    super(`${where}${problem}${options.expected ? `: expected ${options.expected}` : ''}`);
    this.problem = problem;
    this.place = options.place;
    this.expected = options.expected;
    this.exit = options.exit ?? EXIT.data;
    this.code = CODES[this.exit] ?? 'ERULE';
  }

  /** The same error at a place, for errors found where only values are known. */
  at(place: Place): RuleError {
    if (this.place) return this;
    return new RuleError(this.problem, { place, expected: this.expected, exit: this.exit });
  }
}

/** Mistakes of a file that are shown at once. */
const MOST_ERRORS = 20;

/** All mistakes of a file as one error, a line each; the status is that of the first. */
export function together(errors: readonly RuleError[]): RuleError {
  const first = errors[0]!;
  if (errors.length === 1) return first;
  const lines = errors.slice(0, MOST_ERRORS).map(({ message }) => message);
  if (errors.length > MOST_ERRORS) lines.push(`and ${errors.length - MOST_ERRORS} mistakes more`);
  const all = new RuleError(first.problem, {
    place: first.place,
    expected: first.expected,
    exit: first.exit,
  });
  all.message = lines.join('\n');
  return all;
}

/** Edits (a letter changed, added, left out, or two swapped) that make one word of another, up to 3. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}

/** The words of a list that a mistyped one may be. */
export const nearest = (text: string, list: readonly string[]): string[] =>
  list.filter((word) => distance(text, word) <= (word.length > 4 ? 2 : 1));

/** What was expected instead of a word: the one of the list that it is nearly, or all of them. */
export function expectedOf(text: string, list: readonly string[]): string {
  const near = nearest(text, list);
  return near.length > 0 ? near.map((word) => `"${word}"`).join(' or ') : list.join(', ');
}
