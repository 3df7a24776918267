// SPDX-License-Identifier: BSD-2-Clause
// source.ts: a file's bytes in large pieces, with the offset they have in the file.
import { CaptureError } from './error.js';

const CHUNK = 1 << 20;

/** Fill `into` with what comes next; 0 at the end. */
export type ReadBytes = (into: Uint8Array) => number;

export class ByteSource {
  readonly file: string;
  /** Bytes at hand are chunk[at..end); `view` is of the whole chunk. A chunk is never written again. */
  chunk: Uint8Array = new Uint8Array(0);
  view = new DataView(this.chunk.buffer);
  at = 0;
  private end = 0;
  /** Offset in the file of chunk[0]. */
  private base = 0;
  private readonly read: ReadBytes;

  constructor(file: string, read: ReadBytes) {
    this.file = file;
    this.read = read;
  }

  /** Offset in the file of the next byte. */
  get offset(): number {
    return this.base + this.at;
  }

  /** Have `count` bytes at hand; returns how many there are, fewer only at the end of the file. */
  have(count: number): number {
    if (this.end - this.at < count) this.fill(count);
    return this.end - this.at;
  }

  private fill(count: number): void {
    // What was handed out stays as it is: the rest moves into a new chunk.
    const chunk = new Uint8Array(Math.max(CHUNK, count));
    const rest = this.chunk.subarray(this.at, this.end);
    chunk.set(rest);
    let end = rest.length;
    while (end < count) {
      const got = this.read(chunk.subarray(end));
      if (got === 0) break;
      end += got;
    }
    this.base += this.at;
    this.chunk = chunk;
    this.view = new DataView(chunk.buffer);
    this.at = 0;
    this.end = end;
  }

  /** Have `count` bytes of `what` at hand, or throw: the file ends too early. */
  need(count: number, what: string): void {
    const got = this.have(count);
    if (got >= count) return;
    throw new CaptureError(
      'ETRUNCATED',
      this.file,
      this.offset + got,
      `the file ends within ${what} that begins at byte ${this.offset}`,
      `${count - got} more bytes`,
    );
  }

  /** What is `ahead` of the next byte is wrong. */
  wrong(ahead: number, problem: string, expected: string): CaptureError {
    return new CaptureError('EBADCAPTURE', this.file, this.offset + ahead, problem, expected);
  }

  /** Leave out `count` bytes of `what`, however many, without having them all at hand. */
  skip(count: number, what: string): void {
    for (let left = count; left > 0; ) {
      const some = Math.min(left, CHUNK);
      this.need(some, what);
      this.at += some;
      left -= some;
    }
  }
}
