// SPDX-License-Identifier: BSD-2-Clause
// page.ts: what a Markdown page asks to be executed. The marks, which a reader sees as well:
//
//   ```sh       commands; all of them are run, as they stand, block after block in one directory
//   ```text     directly behind commands: the key lines of what they print. "…" stands for anything, and a number with a
//               decimal point for any number
//   ```c, ```js whose first line is a comment with a file's name: that file, written before the commands that follow
//
// Other blocks are read by people only; commands in them are a mistake, and so is a program without a name. A count that is
// shown exactly must not depend on how fast the machine is: on a switch at most what fits into a ring of 1,024 slots.

/** One thing to do. `line` is where it begins in the page, from 1. */
export type Step =
  | { kind: 'file'; line: number; name: string; text: string }
  | { kind: 'commands'; line: number; text: string; shown: string };

interface Block {
  line: number;
  language: string;
  text: string;
}

/** A mistake in a page. */
export class PageError extends Error {
  constructor(page: string, line: number, message: string) {
    super(`${page}:${line}: ${message}`);
  }
}

const PROGRAM_LANGUAGES = new Set(['c', 'js', 'ts']);
const FILE_NAME = /^(?:\/\/|\/\*) ([\w-]+\.(?:c|m?js|ts))\b/;
const COMMAND = /^\s*(?:\$ |(?:npx|npm|node|cc|pkt-gen) \S)/;
const INDENTED_COMMAND = /^ {4,}(?:\$ |(?:npx|npm|node|cc) \S)/;

/** The fenced blocks of a page, and the lines outside of them ('' where a block is). */
function split(page: string, text: string): { blocks: Block[]; outside: string[] } {
  const blocks: Block[] = [];
  const outside: string[] = [];
  let open: { line: number; language: string; lines: string[] } | undefined;
  text.split('\n').forEach((content, index) => {
    const fence = /^```(.*)$/.exec(content);
    outside.push(fence || open ? '' : content);
    if (fence === null) open?.lines.push(content);
    else if (open === undefined) open = { line: index + 1, language: fence[1]!.trim(), lines: [] };
    else {
      blocks.push({ line: open.line, language: open.language, text: open.lines.join('\n') });
      open = undefined;
    }
  });
  if (open !== undefined) throw new PageError(page, open.line, 'this block has no end');
  return { blocks, outside };
}

/** Is there nothing but empty lines between the end of one block and the beginning of the next? */
function adjacent(before: Block, after: Block, outside: string[]): boolean {
  const end = before.line + before.text.split('\n').length + 1;
  return outside.slice(end, after.line - 1).every((line) => line.trim() === '');
}

/** What the page asks for, in its order. Throws PageError. */
export function readPage(page: string, text: string): Step[] {
  const { blocks, outside } = split(page, text);
  const steps: Step[] = [];
  outside.forEach((line, index) => {
    if (INDENTED_COMMAND.test(line)) throw new PageError(page, index + 1, 'put commands into a ```sh block');
  });
  blocks.forEach((block, index) => {
    const { line, language } = block;
    const before = blocks[index - 1];
    const last = steps.at(-1);
    if (language === 'sh') steps.push({ kind: 'commands', line, text: block.text, shown: '' });
    else if (PROGRAM_LANGUAGES.has(language)) {
      const name = FILE_NAME.exec(block.text)?.[1];
      if (name === undefined)
        throw new PageError(page, line, 'the first line must be a comment with a file name');
      steps.push({ kind: 'file', line, name, text: `${block.text}\n` });
    } else if (
      language === 'text' &&
      before?.language === 'sh' &&
      last?.kind === 'commands' &&
      adjacent(before, block, outside)
    )
      last.shown = block.text;
    else if (block.text.split('\n').some((content) => COMMAND.test(content)))
      throw new PageError(page, line, 'put commands into a ```sh block');
  });
  return steps;
}

/** A shown line as what it stands for. */
function patternOf(shown: string): RegExp {
  const literal = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const source = shown
    .trimEnd()
    .split('…')
    .map((part) =>
      part
        .split(/(?<![\d.])\d+\.\d+(?![\d.])/)
        .map(literal)
        .join('\\d+(?:\\.\\d+)?'),
    )
    .join('.*');
  return new RegExp(`^${source}$`);
}

/** The lines of `shown` that are not among the printed ones, in whatever order programs beside each other print. */
export function missingLines(shown: string, printed: string): string[] {
  const left = printed.split('\n').map((line) => line.trimEnd());
  return shown.split('\n').filter((line) => {
    if (line.trim() === '' || line.trim() === '…') return false;
    const found = left.findIndex((candidate) => patternOf(line).test(candidate));
    if (found >= 0) left.splice(found, 1);
    return found < 0;
  });
}
