// SPDX-License-Identifier: BSD-2-Clause
// What a parser needs beside the words: how host names become addresses, and where warnings go.
import { EXIT, RuleError } from './error.js';
import type { Words } from './words.js';

export interface ParseContext {
  /** Address of a host name, or undefined when it is not known. */
  resolveHost(name: string, family: 4 | 6): string | undefined;
  warn(text: string): void;
  /** Text of a file named in a command (link profiles), relative to the rule file. Throws a RuleError. */
  readFile(path: string): string;
}

/** No name look-ups, no files; warnings are lost. */
export const bareContext: ParseContext = {
  resolveHost: () => undefined,
  warn: () => {},
  readFile: (path) => {
    throw new RuleError(`cannot read "${path}": commands here may not name files`, {
      exit: EXIT.unavailable,
    });
  },
};

/** Is the word `full` or the beginning of it? ipfw accepts beginnings of many keywords and warns. */
export function isAbbreviation(text: string | undefined, full: string, context: ParseContext): boolean {
  if (!text || !full.startsWith(text)) return false;
  if (text !== full) context.warn(`DEPRECATED: '${text}' matched '${full}' as a sub-string`);
  return true;
}

/** Read the word if it is `full` or the beginning of it. */
export function acceptAbbreviation(words: Words, full: string, context: ParseContext): boolean {
  if (!isAbbreviation(words.peek(), full, context)) return false;
  words.next(full);
  return true;
}

/** Is the word `not`, or in the head of a rule the beginning of it? */
export const saysNot = (text: string | undefined, head: boolean): boolean =>
  text === 'not' || (head && (text === 'n' || text === 'no'));

/**
 * `not` or `!`, as a word or (for `!`) in front of one. `head`: before a rule's protocol, addresses and ports, where
 * ipfw takes beginnings of the word.
 */
export function acceptNot(words: Words, context: ParseContext, head: boolean): boolean {
  let not = false;
  while (words.peek()?.startsWith('!') || saysNot(words.peek(), head)) {
    if (not) throw words.fail('double "not"', 'one "not" before a test', { exit: EXIT.usage });
    if (!words.acceptPrefix('!')) acceptAbbreviation(words, 'not', context);
    not = true;
  }
  return not;
}
