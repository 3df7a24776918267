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
  }

  /** The same error at a place, for errors found where only values are known. */
  at(place: Place): RuleError {
    if (this.place) return this;
    return new RuleError(this.problem, { place, expected: this.expected, exit: this.exit });
  }
}
