// SPDX-License-Identifier: BSD-2-Clause
// spool.ts: text that has to wait for its turn: a little of it in memory, the rest in a temporary file without a name, which
// goes with the process.
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Where a text lies. */
export interface Piece {
  offset: number;
  length: number;
}

const MEMORY = 1 << 20;
/** Bytes of a character at most. */
const WIDEST = 3;

export class Spool {
  private fd = -1;
  private readonly memory = Buffer.allocUnsafe(MEMORY);
  /** Bytes in the file, and in memory behind those. */
  private filed = 0;
  private used = 0;
  /** Bytes that are still to be taken. */
  private held = 0;

  /** Throws what opening and writing the file throws. */
  put(text: string): Piece {
    const most = text.length * WIDEST;
    if (this.used + most > MEMORY) this.flush();
    const offset = this.filed + this.used;
    let length: number;
    if (most > MEMORY) {
      const bytes = Buffer.from(text);
      length = bytes.length;
      this.write(bytes, length);
    } else {
      length = this.memory.write(text, this.used);
      this.used += length;
    }
    this.held += length;
    return { offset, length };
  }

  /** The text, once: its place is free then. */
  take({ offset, length }: Piece): string {
    if (length === 0) return '';
    if (offset < this.filed && offset + length > this.filed) this.flush();
    const text = offset < this.filed ? this.read(offset, length) : this.inMemory(offset, length);
    this.held -= length;
    if (this.held === 0) {
      if (this.filed > 0) ftruncateSync(this.fd);
      this.filed = this.used = 0;
    }
    return text;
  }

  private inMemory(offset: number, length: number): string {
    const start = offset - this.filed;
    return this.memory.toString('utf8', start, start + length);
  }

  private read(offset: number, length: number): string {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) {
      const got = readSync(this.fd, bytes, at, length - at, offset + at);
      if (got === 0) throw new Error('the temporary file for records was cut short');
      at += got;
    }
    return bytes.toString();
  }

  private flush(): void {
    this.write(this.memory, this.used);
    this.used = 0;
  }

  private write(bytes: Buffer, length: number): void {
    if (this.fd < 0) this.open();
    for (let at = 0; at < length; ) at += writeSync(this.fd, bytes, at, length - at, this.filed + at);
    this.filed += length;
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
