// SPDX-License-Identifier: BSD-2-Clause
// record-queue.ts: texts of packets that are done, handed out in the order of the packets' arrival. A packet that waits
// long holds up all behind it; what there is of them by then goes to a temporary file, so that memory holds what waits
// and a few bytes for hundreds of what is done.
import { type Piece, Spool } from './spool.js';

/** Packets that are kept account of together. */
const BLOCK = 256;
/** Characters in memory before they go to the file. */
const MOST_TEXT = 1 << 22;

/** Texts of neighbours in the order of arrival: `texts` and `pieces` while some are missing, then `whole`. */
interface Block {
  /** Packets that came, and those that are done. */
  came: number;
  done: number;
  texts: (string | undefined)[];
  /** Texts of the block that went to the file before it was complete, by their place in it. */
  pieces: Map<number, Piece>;
  whole?: string | Piece;
}

export class RecordQueue {
  private readonly spool = new Spool();
  private readonly blocks: Block[] = [];
  /** Blocks that were handed out and are no more in the array. */
  private gone = 0;
  /** Place of the next record in the first block. */
  private place = 0;
  /** Characters in memory. */
  private held = 0;
  private abandoned = false;

  /** One more packet: their numbers count from 0. */
  add(): void {
    let last = this.blocks.at(-1);
    if (last === undefined || last.came === BLOCK) {
      last = { came: 0, done: 0, texts: [], pieces: new Map() };
      this.blocks.push(last);
    }
    last.came++;
    last.texts.push(undefined);
  }

  /** A packet is done, and this is its text. */
  done(packet: number, text: string): void {
    const block = this.blocks[Math.floor(packet / BLOCK) - this.gone]!;
    block.texts[packet % BLOCK] = text;
    block.done++;
    this.held += text.length;
    if (block !== this.blocks[0]) this.join(block);
    if (this.held > MOST_TEXT) this.toFile();
  }

  /** A block that is complete needs no account of its packets. */
  private join(block: Block): void {
    if (block.done < BLOCK || block.whole !== undefined) return;
    let whole = '';
    for (let at = 0; at < BLOCK; at++) {
      const piece = block.pieces.get(at);
      if (piece) this.held += piece.length;
      whole += piece ? this.spool.take(piece) : block.texts[at]!;
    }
    block.whole = whole;
    block.texts.length = 0;
    block.pieces.clear();
  }

  private toFile(): void {
    for (const block of this.blocks) {
      if (typeof block.whole === 'string') block.whole = this.spool.put(block.whole);
      for (const [at, text] of block.texts.entries()) {
        if (text === undefined || text === '') continue;
        block.pieces.set(at, this.spool.put(text));
        block.texts[at] = '';
      }
    }
    this.held = 0;
  }

  /** No more packets get done: those that are not have no text. */
  abandon(): void {
    this.abandoned = true;
  }

  /** What is to be printed next; undefined: nothing yet. */
  next(): string | undefined {
    for (let block = this.blocks[0]; block; block = this.blocks[0]) {
      if (block.whole !== undefined) {
        const { whole } = block;
        this.drop();
        return this.free(whole);
      }
      const { place } = this;
      if (place < block.came) {
        const text = block.texts[place];
        if (text === undefined && !this.abandoned) return undefined;
        const piece = block.pieces.get(place);
        block.pieces.delete(place);
        block.texts[place] = '';
        this.place++;
        return this.free(piece ?? text ?? '');
      }
      if (block.came < BLOCK) return undefined;
      this.drop();
    }
    return undefined;
  }

  private free(text: string | Piece): string {
    if (typeof text !== 'string') return this.spool.take(text);
    this.held -= text.length;
    return text;
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
