// SPDX-License-Identifier: BSD-2-Clause
// screen.ts: text on a terminal: lines that fit its width, and a block that is drawn again in its place.
import type { WriteStream } from 'node:tty';

type Stream = Pick<WriteStream, 'isTTY' | 'columns' | 'rows'> & { write(text: string): unknown };

/** A line in pieces of at most `width` characters, broken at spaces where there are some; what goes on is indented. */
export function fold(line: string, width: number): string[] {
  const indent = `${/^ */.exec(line)![0]}    `;
  const pieces: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const least = pieces.length === 0 ? 0 : indent.length;
    const space = rest.lastIndexOf(' ', width);
    const at = space > least ? space : width;
    pieces.push(rest.slice(0, at).trimEnd());
    rest = indent + rest.slice(at).trimStart();
  }
  pieces.push(rest);
  return pieces;
}

/** Characters a line may have: one less than there are columns, since some terminals go on behind the last. */
const widthOf = ({ columns }: Stream): number => Math.max((columns || 80) - 1, 20);

/** Lines as they are written to a stream: folded on a terminal, as they are elsewhere. */
export const linesFor = (stream: Stream, lines: readonly string[]): readonly string[] =>
  stream.isTTY ? lines.flatMap((line) => fold(line, widthOf(stream))) : lines;

/** A block of lines at the bottom of a terminal. */
export class Block {
  #drawn = 0;

  constructor(private readonly stream: Stream) {}

  /** Draw it in place of what was drawn before; where there is no terminal, below it. */
  draw(lines: readonly string[]): void {
    let shown = linesFor(this.stream, lines);
    const room = (this.stream.rows || 24) - 1;
    if (this.stream.isTTY && shown.length > room)
      shown = [...shown.slice(0, room - 1), `    and ${shown.length - room + 1} more lines`];
    const text = shown.map((line) => `${line}\n`).join('');
    if (!this.stream.isTTY) {
      this.stream.write(text);
      return;
    }
    // To column 1 first: a terminal echoes "^C" where the cursor stands.
    const up = this.#drawn > 0 ? `\r\x1b[${this.#drawn}A\x1b[J` : '';
    this.stream.write(up + text);
    this.#drawn = shown.length;
  }

  /** Leave it where it stands: what is written next goes below. */
  leave(): void {
    this.#drawn = 0;
  }
}
