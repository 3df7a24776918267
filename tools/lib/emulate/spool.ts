// SPDX-License-Identifier: BSD-2-Clause
// spool.ts: text that has to wait for its turn, in a temporary file without a name: it takes no memory, and goes with the
// process.
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Where a text lies in the file. */
export interface Piece {
  offset: number;
  length: number;
}

export class Spool {
  private fd = -1;
  private end = 0;
  /** Bytes in the file that are still to be read. */
  private held = 0;

  /** Throws what opening and writing the file throws. */
  put(text: string): Piece {
    if (this.fd < 0) this.open();
    const bytes = Buffer.from(text);
    const piece = { offset: this.end, length: bytes.length };
    for (let at = 0; at < bytes.length; )
      at += writeSync(this.fd, bytes, at, bytes.length - at, piece.offset + at);
    this.end += bytes.length;
    this.held += bytes.length;
    return piece;
  }

  /** The text, once: its place in the file is free then. */
  take({ offset, length }: Piece): string {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      const got = readSync(this.fd, bytes, at, length - at, offset + at);
      if (got === 0) throw new Error('the temporary file for records was cut short');
      at += got;
    }
    this.held -= length;
    if (this.held === 0 && this.fd >= 0) {
      ftruncateSync(this.fd);
      this.end = 0;
    }
    return bytes.toString();
  }

  private open(): void {
    const name = path.join(os.tmpdir(), `netvale-${process.pid}-${Math.random().toString(36).slice(2)}`);
    this.fd = openSync(name, 'wx+', 0o600);
    unlinkSync(name);
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
  }
}
