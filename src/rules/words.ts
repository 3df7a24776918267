// SPDX-License-Identifier: BSD-2-Clause
// A cursor over the words of one command: what every parser of the language reads from.
import { EXIT, type ExitCode, type Place, RuleError } from './error.js';
import { columnOf, type Line, placeOf, type Word } from './lexer.js';
import { parseDecimal } from './ranges.js';

export class Words {
  readonly line: Line;
  private readonly words: Word[];
  private index = 0;

  /** Reads the words of the line itself: a line is read once. */
  constructor(line: Line) {
    this.line = line;
    this.words = line.words;
  }

  /** The next word's text, or undefined at the end. */
  peek(ahead = 0): string | undefined {
    return this.words[this.index + ahead]?.text;
  }

  get done(): boolean {
    return this.index >= this.words.length;
  }

  /** Words not read yet. */
  get left(): number {
    return this.words.length - this.index;
  }

  /** Read a word; `expected` says what should be there when there is none. */
  next(expected: string): string {
    const word = this.words[this.index];
    if (!word) throw this.fail('the command ends here', expected, { exit: EXIT.usage });
    this.index++;
    return word.text;
  }

  /** Read the word if it is one of `texts`. */
  accept(...texts: string[]): boolean {
    const text = this.peek();
    if (text === undefined || !texts.includes(text)) return false;
    this.index++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw this.unexpected(`"${text}"`);
  }

  /** Read a leading character of the word, leaving the rest of it as the next word. */
  acceptPrefix(prefix: string): boolean {
    const word = this.words[this.index];
    if (!word?.text.startsWith(prefix)) return false;
    if (word.text === prefix) this.index++;
    else this.words[this.index] = cut(word, prefix.length, word.text.length);
    return true;
  }

  /** Exchange the next two words. */
  swap(): void {
    const [a, b] = [this.words[this.index]!, this.words[this.index + 1]!];
    this.words.splice(this.index, 2, b, a);
  }

  /**
   * Make braces words of their own: leading `{` or `(`, and trailing ones that nothing inside the word opened
   * (so `table(x)` and `10.0.0.0/24{1,2}` stay whole). Comments are left alone.
   */
  splitBraces(): void {
    for (let i = this.index; i < this.words.length; i++) {
      const word = this.words[i]!;
      if (word.text.startsWith('//')) return;
      if (word.text.length < 2) continue;
      if (word.text[0] === '{' || word.text[0] === '(') {
        this.words.splice(i, 1, cut(word, 0, 1), cut(word, 1, word.text.length));
        continue;
      }
      const last = word.text.at(-1)!;
      if (last !== '}' && last !== ')') continue;
      const opened = [...word.text].filter((c) => c === '{' || c === '(').length;
      const closed = [...word.text].filter((c) => c === '}' || c === ')').length;
      if (closed > opened) {
        const at = word.text.length - 1;
        this.words.splice(i, 1, cut(word, 0, at), cut(word, at, at + 1));
        i--; // there may be another one
      }
    }
  }

  /** The text from the next word (less `skip` characters) to the end of the line, blanks made single. */
  rest(skip = 0): string {
    const word = this.words[this.index];
    if (!word) return '';
    this.index = this.words.length;
    return this.line.raw
      .slice(columnOf(word, skip) - 1)
      .split(/\s+/)
      .filter(Boolean)
      .join(' ');
  }

  /** Where the next word stands (or the end of the line), or `ahead` words further. */
  place(ahead = 0, offset = 0): Place {
    const word = this.words[this.index + ahead];
    if (word) return placeOf(this.line, word, offset);
    return { file: this.line.file, line: this.line.number, column: this.line.raw.trimEnd().length + 1 };
  }

  /** An error at the next word. */
  fail(
    problem: string,
    expected?: string,
    options: { exit?: ExitCode; ahead?: number; offset?: number } = {},
  ): RuleError {
    const place = this.place(options.ahead ?? 0, options.offset ?? 0);
    return new RuleError(problem, { place, expected, exit: options.exit ?? EXIT.data });
  }

  /** An error about the word read last. */
  failBack(problem: string, expected?: string, exit?: ExitCode, offset = 0): RuleError {
    return this.fail(problem, expected, { ahead: -1, offset, exit: exit ?? EXIT.data });
  }

  /** The error for a word that does not belong here. */
  unexpected(expected: string, exit: ExitCode = EXIT.usage): RuleError {
    const text = this.peek();
    return this.fail(text === undefined ? 'the command ends here' : `unexpected "${text}"`, expected, {
      exit,
    });
  }

  /** Run `parse` on the word just read; errors without a place get that word's. */
  located<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (error instanceof RuleError) throw error.at(this.place(-1));
      throw error;
    }
  }

  /** Read a decimal number that must lie in low..high. */
  decimal(what: string, low: number, high: number): number {
    const text = this.next(`a ${what} ${low}..${high}`);
    return this.located(() => parseDecimal(text, what, low, high));
  }

  /** Refuse words that are left over. */
  end(): void {
    if (!this.done) throw this.unexpected('the end of the command');
  }
}

function cut(word: Word, from: number, to: number): Word {
  const part: Word = { text: word.text.slice(from, to), column: columnOf(word, from) };
  const pieces = word.pieces?.filter((piece) => piece.offset > from && piece.offset < to);
  if (pieces && pieces.length > 0)
    part.pieces = pieces.map(({ offset, column }) => ({ offset: offset - from, column }));
  return part;
}
