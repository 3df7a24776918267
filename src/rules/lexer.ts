// SPDX-License-Identifier: BSD-2-Clause
// Lexer: cuts a command into words as ipfw's main program does. Blanks separate words, a blank behind a comma does
// not, `#` starts a comment. Each word knows its column, also when it was written in several pieces.
import type { Place } from './error.js';

export interface Word {
  text: string;
  /** Column of the first character, counted from 1. */
  column: number;
  /** Where further pieces of the word stand, when it was written in several: offset in `text` -> column. */
  pieces?: { offset: number; column: number }[];
}

/** One command: its words and the text they were cut from. */
export interface Line {
  file: string | undefined;
  number: number;
  raw: string;
  words: Word[];
}

/** Blank, tab, line feed, vertical tab, form feed, carriage return. */
const isBlank = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

/** Column of character `offset` of a word. */
export function columnOf(word: Word, offset = 0): number {
  const piece = word.pieces?.findLast((each) => each.offset <= offset);
  return piece ? piece.column + offset - piece.offset : word.column + offset;
}

/** Put another piece behind a word. */
function extend(word: Word, text: string, column: number): void {
  word.pieces ??= [];
  word.pieces.push({ offset: word.text.length, column });
  word.text += text;
}

/** Cut one line of text. `line` has no words when it is blank or only a comment. */
export function lexLine(raw: string, number = 1, file?: string): Line {
  const hash = raw.indexOf('#');
  const end = hash < 0 ? raw.length : hash;
  const words: Word[] = [];
  let open: Word | undefined;
  for (let i = 0; i < end; ) {
    if (isBlank(raw.charCodeAt(i))) {
      if (open && !open.text.endsWith(',')) open = undefined;
      i++;
      continue;
    }
    let stop = i;
    while (stop < end && !isBlank(raw.charCodeAt(stop))) stop++;
    const text = raw.slice(i, stop);
    if (open) extend(open, text, i + 1);
    else {
      open = { text, column: i + 1 };
      words.push(open);
    }
    i = stop;
  }
  return { file, number, raw: raw.slice(0, end), words };
}

/** A command given as separate arguments: each is a word, and one that ends in a comma joins the next. */
export function lexArgs(args: readonly string[]): Line {
  if (args.length === 1) return lexLine(args[0]!);
  const words: Word[] = [];
  let column = 1;
  let open: Word | undefined;
  for (const arg of args) {
    if (open) extend(open, arg, column);
    else {
      open = { text: arg, column };
      words.push(open);
    }
    column += arg.length + 1;
    if (!open.text.endsWith(',')) open = undefined;
  }
  return { file: undefined, number: 1, raw: args.join(' '), words };
}

/** The lines of a rule file, blank ones left out. */
export function* lexFile(text: string, file: string): Generator<Line> {
  let number = 0;
  for (let from = 0; from <= text.length; ) {
    const end = text.indexOf('\n', from);
    const stop = end < 0 ? text.length : end;
    const line = lexLine(text.slice(from, stop), ++number, file);
    if (line.words.length > 0) yield line;
    from = stop + 1;
  }
}

/** The same for what a preprocessor made of it: lines `# 12 "name"` or `#line 12 "name"` say where the next one stood. */
export function* lexPreprocessed(text: string, file: string): Generator<Line> {
  let number = 0;
  let name = file;
  for (const raw of text.split('\n')) {
    number++;
    const marker = /^#\s*(?:line\s+)?(\d+)(?:\s+"(.*?)")?/.exec(raw);
    if (marker) {
      number = Number(marker[1]) - 1;
      if (marker[2] !== undefined) name = /^<std(in|out)>$|^stdin$/.test(marker[2]) ? file : marker[2];
      continue;
    }
    const line = lexLine(raw, number, name);
    if (line.words.length > 0) yield line;
  }
}

export const placeOf = (line: Line, word: Word, offset = 0): Place => ({
  file: line.file,
  line: line.number,
  column: columnOf(word, offset),
});
