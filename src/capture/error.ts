// SPDX-License-Identifier: BSD-2-Clause
// error.ts: what is wrong with a capture file: where, what was found and what was expected there.

/**
 * ENOTCAPTURE: neither pcap nor pcapng. ETRUNCATED: the file ends inside a header or packet. EBADCAPTURE: it says what
 * cannot be. ENOTSUP: it is right, and of no use here.
 */
export type CaptureErrorCode = 'ENOTCAPTURE' | 'ETRUNCATED' | 'EBADCAPTURE' | 'ENOTSUP';

export class CaptureError extends Error {
  override name = 'CaptureError';
  readonly code: CaptureErrorCode;
  readonly file: string;
  /** Byte in the file, from 0. */
  readonly offset: number;
  readonly expected: string;

  constructor(code: CaptureErrorCode, file: string, offset: number, problem: string, expected: string) {
    super(`${file}: byte ${offset}: ${problem}: expected ${expected}`);
    this.code = code;
    this.file = file;
    this.offset = offset;
    this.expected = expected;
  }
}
