// SPDX-License-Identifier: BSD-2-Clause
// not-capture.ts: what a file is that begins like no capture file that is read.
import { CaptureError } from './error.js';
import type { ByteSource } from './source.js';

/** First bytes of compressed files. */
const COMPRESSED: readonly [name: string, bytes: readonly number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['compress', [0x1f, 0x9d]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzip', [0x4c, 0x5a, 0x49, 0x50]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ['7z', [0x37, 0x7a, 0xbc, 0xaf]],
];

/** First bytes of captures in other formats, which Wireshark's editcap turns into pcap. */
const FORMATS: readonly [name: string, bytes: readonly number[]][] = [
  ['snoop', [0x73, 0x6e, 0x6f, 0x6f]],
  ['btsnoop', [0x62, 0x74, 0x73, 0x6e]],
  ['Network Monitor', [0x47, 0x4d, 0x42, 0x55]],
  ['Network Monitor 1', [0x52, 0x54, 0x53, 0x53]],
  ['Sniffer', [0x54, 0x52, 0x53, 0x4e]],
];

/** Neither pcap nor pcapng. */
export function notCapture(source: ByteSource): CaptureError {
  const count = Math.min(source.have(4), 4);
  const first = source.chunk.subarray(source.at, source.at + count);
  const begins = ([, bytes]: readonly [string, readonly number[]]): boolean =>
    bytes.every((byte, at) => first[at] === byte);
  const compressed = COMPRESSED.find(begins);
  const format = FORMATS.find(begins);
  const problem = compressed
    ? `it is compressed (${compressed[0]}): unpack it first`
    : format
      ? `it is a capture of the format ${format[0]}: editcap -F pcap makes one that can be read`
      : count < 4
        ? 'the file is too short for a capture file'
        : `it begins with ${Buffer.from(first).toString('hex')}`;
  return new CaptureError('ENOTCAPTURE', source.file, source.offset, problem, 'a pcap or pcapng file');
}
