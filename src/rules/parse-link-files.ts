// SPDX-License-Identifier: BSD-2-Clause
// Files that a link's parameters name: traces (mahimahi's), distributions (netem's), loss patterns. Errors name the file,
// the line and the column.
import { DUMMYNET_LIMITS } from './dummynet.js';
import { RuleError } from './error.js';

/** The words of a file with their places; # begins a comment. */
function* wordsOf(
  text: string,
  file: string,
): Generator<{ word: string; fail: (expected: string) => never }> {
  let line = 0;
  for (const raw of text.split('\n')) {
    line++;
    for (const match of raw.replace(/#.*/, '').matchAll(/\S+/g)) {
      const [word] = match;
      const place = { file, line, column: match.index + 1 };
      const printable = word.replace(/[^\x20-\x7e]/g, '?');
      const shown = word.length > 40 ? `${printable.slice(0, 40)}…` : printable;
      const fail = (expected: string): never => {
        throw new RuleError(`bad entry "${shown}"`, { place, expected });
      };
      yield { word, fail };
    }
  }
}

function refuseCount(count: number, what: string, file: string): void {
  if (count < 1 || count > DUMMYNET_LIMITS.entries)
    throw new RuleError(count < 1 ? `${what} is empty` : `${what} has too many entries`, {
      place: { file, line: 1, column: 1 },
      expected: `1 to ${DUMMYNET_LIMITS.entries} entries`,
    });
}

/** Whole milliseconds that do not fall, one an opportunity to send 1500 bytes. */
export function parseTrace(text: string, file: string): number[] {
  const times: number[] = [];
  for (const { word, fail } of wordsOf(text, file)) {
    const time = /^\d{1,12}$/.test(word) ? Number(word) : fail('whole milliseconds');
    if (time < (times.at(-1) ?? 0)) fail(`not before the last, ${times.at(-1)}`);
    times.push(time);
  }
  refuseCount(times.length, 'the trace', file);
  if (times.at(-1) === 0)
    throw new RuleError('the trace ends at 0', {
      place: { file, line: 1, column: 1 },
      expected: 'a last time later than 0: the trace lasts until then',
    });
  return times;
}

/** Whole numbers -32768..32767: deviations in 8192ths. */
export function parseDistribution(text: string, file: string): number[] {
  const values: number[] = [];
  for (const { word, fail } of wordsOf(text, file)) {
    const value = /^[+-]?\d{1,5}$/.test(word) ? Number(word) : Number.NaN;
    if (!(value >= -32768 && value <= 32767)) fail('a whole number -32768..32767');
    values.push(value);
  }
  refuseCount(values.length, 'the distribution', file);
  return values;
}

/** Zeros and ones, blanks between them as one likes. */
export function parsePattern(text: string, file: string): string {
  const parts: string[] = [];
  for (const { word, fail } of wordsOf(text, file)) {
    if (!/^[01]+$/.test(word)) fail('0 (passes) and 1 (lost)');
    parts.push(word);
  }
  const bits = parts.join('');
  refuseCount(bits.length, 'the pattern', file);
  return bits;
}
