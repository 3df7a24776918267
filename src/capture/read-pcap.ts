// SPDX-License-Identifier: BSD-2-Clause
// read-pcap.ts: packets of a classic pcap file, in microseconds or nanoseconds, of either byte order.
import { CaptureError } from './error.js';
import { fcsOfLink, withoutFcs } from './fcs.js';
import type { ByteSource } from './source.js';
import { type CapturedPacket, type CaptureInterface, MAX_PACKET } from './types.js';

export const PCAP_HEADER = 24;
const RECORD_HEADER = 16;

/** The magic number, read as little-endian, and what it means. */
export const PCAP_MAGIC: ReadonlyMap<number, { little: boolean; perSecond: number }> = new Map([
  [0xa1b2c3d4, { little: true, perSecond: 1_000_000 }],
  [0xd4c3b2a1, { little: false, perSecond: 1_000_000 }],
  [0xa1b23c4d, { little: true, perSecond: 1_000_000_000 }],
  [0x4d3cb2a1, { little: false, perSecond: 1_000_000_000 }],
]);

export interface PcapHeader {
  little: boolean;
  perSecond: number;
  interface: CaptureInterface;
  /** Bytes of frame check sequence behind each frame: no part of the packet. */
  fcs: number;
}

/** The file header; its magic number is known. */
export function readPcapHeader(source: ByteSource): PcapHeader {
  source.need(PCAP_HEADER, 'the file header');
  const { view, at } = source;
  const { little, perSecond } = PCAP_MAGIC.get(view.getUint32(at, true))!;
  const major = view.getUint16(at + 4, little);
  if (major !== 2) throw source.wrong(4, `major version ${major}`, 'major version 2');
  const snapLength = view.getUint32(at + 16, little);
  const link = view.getUint32(at + 20, little);
  source.at += PCAP_HEADER;
  return {
    little,
    perSecond,
    fcs: fcsOfLink(link),
    interface: {
      linkType: link & 0xffff,
      snapLength: snapLength === 0 ? MAX_PACKET : snapLength,
      unitsPerSecond: BigInt(perSecond),
    },
  };
}

/** The packets behind the file header. */
export function* readPcap(source: ByteSource, header: PcapHeader): Generator<CapturedPacket> {
  const { little, perSecond } = header;
  const nanoseconds = 1_000_000_000 / perSecond;

  while (source.have(1) > 0) {
    source.need(RECORD_HEADER, 'a packet header');
    const { view, at } = source;
    const fraction = view.getUint32(at + 4, little);
    const captured = view.getUint32(at + 8, little);
    const length = view.getUint32(at + 12, little);
    if (fraction >= perSecond)
      throw source.wrong(4, `a fraction of a second of ${fraction}`, `less than ${perSecond}`);
    if (captured > MAX_PACKET)
      throw source.wrong(8, `a packet of ${captured} bytes`, `at most ${MAX_PACKET}`);
    if (captured > length)
      throw source.wrong(12, `a packet of ${length} bytes of which ${captured} are here`, 'no more than all');
    source.need(RECORD_HEADER + captured, 'a packet');
    const start = source.at + RECORD_HEADER;
    const time =
      BigInt(source.view.getUint32(source.at, little)) * 1_000_000_000n + BigInt(fraction * nanoseconds);
    const data = source.chunk.subarray(start, start + captured);
    yield withoutFcs({ time, data, length, interface: 0 }, header.fcs);
    source.at += RECORD_HEADER + captured;
  }
}

/** Neither magic number nor anything else that is known. */
export function notCapture(source: ByteSource): CaptureError {
  const found = source.have(4) >= 4 ? source.view.getUint32(source.at).toString(16).padStart(8, '0') : '';
  return new CaptureError(
    'ENOTCAPTURE',
    source.file,
    source.offset,
    found === '' ? 'the file is too short for a capture file' : `it begins with ${found}`,
    'a pcap or pcapng file',
  );
}
