// SPDX-License-Identifier: BSD-2-Clause
// record-queue.ts: texts of packets that are done, handed out in the order of the packets' arrival. A packet that waits
// long holds up all behind it; what there is of them by then goes to a temporary file, so that memory holds what waits
// and a few bytes for hundreds of what is done.
import { type Piece, Spool } from './spool.js';

/** Packets that are kept account of together. */
const BLOCK = 256;

/** Where the texts of neighbours are: each one's `pieces` while some are missing, then `whole`. */
interface Block {
  /** Packets that came, and those that are done. */
  came: number;
  done: number;
  pieces: (Piece | undefined)[];
  whole?: Piece;
}

const NOTHING: Piece = { offset: 0, length: 0 };

export class RecordQueue {
  private readonly spool = new Spool();
  private readonly blocks: Block[] = [];
  /** Blocks that were handed out and are no more in the array. */
  private gone = 0;
  /** Place of the next record in the first block. */
  private place = 0;
  /** Texts whose turn it is, in front of that. */
  private ready = '';
  private abandoned = false;

  /** One more packet: their numbers count from 0. */
  add(): void {
    let last = this.blocks.at(-1);
    if (last === undefined || last.came === BLOCK) {
      last = { came: 0, done: 0, pieces: [] };
      this.blocks.push(last);
    }
    last.came++;
    last.pieces.push(undefined);
  }

  /** A packet is done, and this is its text. */
  done(packet: number, text: string): void {
    const index = Math.floor(packet / BLOCK) - this.gone;
    const block = this.blocks[index]!;
    block.done++;
    if (index === 0 && packet % BLOCK === this.place) {
      this.ready += text;
      this.place++;
      return;
    }
    block.pieces[packet % BLOCK] = text === '' ? NOTHING : this.spool.put(text);
    if (block.done === BLOCK && index > 0) this.join(block);
  }

  /** A block that is complete needs no account of its packets. */
  private join(block: Block): void {
    const pieces = block.pieces.filter((piece) => piece !== NOTHING) as Piece[];
    const [first] = pieces;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    let end = first?.offset;
    const together = pieces.every(({ offset, length }) => {
      const follows = offset === end;
      end = offset + length;
      return follows;
    });
    if (together) block.whole = { offset: first?.offset ?? 0, length };
    else block.whole = this.spool.put(pieces.map((piece) => this.spool.take(piece)).join(''));
    block.pieces.length = 0;
  }

  /** No more packets get done: those that are not have no text. */
  abandon(): void {
    this.abandoned = true;
  }

  /** What is to be printed next; undefined: nothing yet. */
  next(): string | undefined {
    if (this.ready !== '') {
      const text = this.ready;
      this.ready = '';
      return text;
    }
    for (let block = this.blocks[0]; block; block = this.blocks[0]) {
      const { whole, pieces, came } = block;
      if (whole) {
        this.drop();
        return this.spool.take(whole);
      }
      if (this.place < came) {
        const piece = pieces[this.place] ?? (this.abandoned ? NOTHING : undefined);
        if (piece === undefined) return undefined;
        this.place++;
        return this.spool.take(piece);
      }
      if (came < BLOCK) return undefined;
      this.drop();
    }
    return undefined;
  }

  private drop(): void {
    this.blocks.shift();
    this.gone++;
    this.place = 0;
  }

  close(): void {
    this.spool.close();
  }
}
