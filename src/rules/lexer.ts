// SPDX-License-Identifier: BSD-2-Clause
// Lexer: cuts a command into words as ipfw's main program does. Blanks separate words, a blank behind a comma does
// not, `#` starts a comment. Each word knows its column, also when it was written in several pieces.
import type { Place } from './error.js';

export interface Word {
  text: string;
  /** Where the pieces of the word stand: offset in `text` -> column, counted from 1. */
  pieces: { offset: number; column: number }[];
}

/** One command: its words and the text they were cut from. */
export interface Line {
  file: string | undefined;
  number: number;
  raw: string;
  words: Word[];
}

const BLANK = /[ \t\f\v\n\r]/;

/** Column of character `offset` of a word. */
export function columnOf(word: Word, offset = 0): number {
  let found = word.pieces[0]!;
  for (const piece of word.pieces) if (piece.offset <= offset) found = piece;
  return found.column + offset - found.offset;
}

/** Cut one line of text. `line` has no words when it is blank or only a comment. */
export function lexLine(raw: string, number = 1, file?: string): Line {
  const hash = raw.indexOf('#');
  const end = hash < 0 ? raw.length : hash;
  const words: Word[] = [];
  let open: Word | undefined;
  for (let i = 0; i < end; ) {
    if (BLANK.test(raw[i]!)) {
      if (open && !open.text.endsWith(',')) open = undefined;
      i++;
      continue;
    }
    let stop = i;
    while (stop < end && !BLANK.test(raw[stop]!)) stop++;
    const text = raw.slice(i, stop);
    if (open) {
      open.pieces.push({ offset: open.text.length, column: i + 1 });
      open.text += text;
    } else {
      open = { text, pieces: [{ offset: 0, column: i + 1 }] };
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
    if (open) {
      open.pieces.push({ offset: open.text.length, column });
      open.text += arg;
    } else {
      open = { text: arg, pieces: [{ offset: 0, column }] };
      words.push(open);
    }
    column += arg.length + 1;
    if (!open.text.endsWith(',')) open = undefined;
  }
  return { file: undefined, number: 1, raw: args.join(' '), words };
}

/** All non-empty lines of a rule file. */
export function lexFile(text: string, file: string): Line[] {
  const lines = text.split('\n').map((raw, index) => lexLine(raw, index + 1, file));
  return lines.filter((line) => line.words.length > 0);
}

export const placeOf = (line: Line, word: Word, offset = 0): Place => ({
  file: line.file,
  line: line.number,
  column: columnOf(word, offset),
});
