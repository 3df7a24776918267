// SPDX-License-Identifier: BSD-2-Clause
// read-options.ts: the options of a pcapng block.
import type { ByteSource } from './source.js';

/** Call `take` with each option in [from, to), counted from the next byte of the source. */
export function readOptions(
  source: ByteSource,
  from: number,
  to: number,
  little: boolean,
  take: (code: number, start: number, length: number) => void,
): void {
  for (let ahead = from; ahead + 4 <= to; ) {
    const code = source.view.getUint16(source.at + ahead, little);
    const length = source.view.getUint16(source.at + ahead + 2, little);
    if (code === 0) return;
    if (ahead + 4 + length > to)
      throw source.wrong(ahead + 2, `an option of ${length} bytes`, `at most ${to - ahead - 4}`);
    take(code, source.at + ahead + 4, length);
    ahead += 4 + ((length + 3) & ~3);
  }
}

const decoder = new TextDecoder();

export const optionText = (source: ByteSource, start: number, length: number): string =>
  decoder.decode(source.chunk.subarray(start, start + length)).replace(/\0+$/, '');
