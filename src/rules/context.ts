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

/** Read the word if it is `full` or the beginning of it. ipfw accepts beginnings of many keywords and warns. */
export function acceptAbbreviation(words: Words, full: string, context: ParseContext): boolean {
  const text = words.peek();
  if (!text || !full.startsWith(text)) return false;
  if (text !== full) context.warn(`DEPRECATED: '${text}' matched '${full}' as a sub-string`);
  words.next(full);
  return true;
}

/** `not` or `!`, as a word or (for `!`) in front of one. */
export function acceptNot(words: Words, context: ParseContext): boolean {
  let not = false;
  while (words.peek()?.startsWith('!') || words.peek() === 'not') {
    if (not) throw words.fail('double "not"', 'one "not" before a test', { exit: EXIT.usage });
    if (!words.acceptPrefix('!')) acceptAbbreviation(words, 'not', context);
    not = true;
  }
  return not;
}
