// SPDX-License-Identifier: BSD-2-Clause
// table.ts: a table that is repainted in place on a terminal, and printed line by line elsewhere.
export class LiveTable {
  readonly #widths: number[];
  #painted = false;

  /** Prints the heading. */
  constructor(heading: string[]) {
    this.#widths = heading.map((cell) => Math.max(cell.length, 10));
    console.log(this.#line(heading));
  }

  #line(cells: string[]): string {
    return cells.map((cell, i) => cell.padStart(this.#widths[i]!)).join('  ');
  }

  /** Show the row that is still changing. Elsewhere than on a terminal only its last state is printed, by keep(). */
  show(cells: string[]): void {
    if (!process.stdout.isTTY) return;
    process.stdout.write(`${this.#painted ? '\r\x1b[K' : ''}${this.#line(cells)}`);
    this.#painted = true;
  }

  /** The row is final. */
  keep(cells: string[]): void {
    this.show(cells);
    process.stdout.write(process.stdout.isTTY ? '\n' : `${this.#line(cells)}\n`);
    this.#painted = false;
  }
}
