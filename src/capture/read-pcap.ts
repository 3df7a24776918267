// SPDX-License-Identifier: BSD-2-Clause
// read-pcap.ts: packets of a classic pcap file, in microseconds or nanoseconds, of either byte order, as libpcap reads it:
// also of Kuznetzov's modified format, and of the old versions that have the two lengths in the other order.
import { fcsOfLink, withoutFcs } from './fcs.js';
import type { ByteSource } from './source.js';
import { type CapturedPacket, type CaptureInterface, MAX_PACKET } from './types.js';

export const PCAP_HEADER = 24;
const RECORD_HEADER = 16;
/** Of the modified format: interface, protocol and packet type follow. */
const LONG_HEADER = 24;

interface Variant {
  little: boolean;
  perSecond: number;
  /** Bytes of a packet's header. */
  record: number;
}

/** The magic number, read as little-endian, and what it means. */
export const PCAP_MAGIC: ReadonlyMap<number, Variant> = new Map([
  [0xa1b2c3d4, { little: true, perSecond: 1_000_000, record: RECORD_HEADER }],
  [0xd4c3b2a1, { little: false, perSecond: 1_000_000, record: RECORD_HEADER }],
  [0xa1b23c4d, { little: true, perSecond: 1_000_000_000, record: RECORD_HEADER }],
  [0x4d3cb2a1, { little: false, perSecond: 1_000_000_000, record: RECORD_HEADER }],
  [0xa1b2cd34, { little: true, perSecond: 1_000_000, record: LONG_HEADER }],
  [0x34cdb2a1, { little: false, perSecond: 1_000_000, record: LONG_HEADER }],
]);

export interface PcapHeader extends Variant {
  /** Whether the two lengths are in the other order: always (minor versions up to 2), or where it is plain (3). */
  swapped: 'always' | 'maybe' | 'never';
  interface: CaptureInterface;
  /** Bytes of frame check sequence behind each frame: no part of the packet. */
  fcs: number;
}

/** The file header; its magic number is known. */
export function readPcapHeader(source: ByteSource): PcapHeader {
  source.need(PCAP_HEADER, 'the file header');
  const { view, at } = source;
  const variant = PCAP_MAGIC.get(view.getUint32(at, true))!;
  const { little, perSecond } = variant;
  const major = view.getUint16(at + 4, little);
  const minor = view.getUint16(at + 6, little);
  if (major !== 2) throw source.wrong(4, `major version ${major}`, 'major version 2');
  const snapLength = view.getUint32(at + 16, little);
  const link = view.getUint32(at + 20, little);
  source.at += PCAP_HEADER;
  return {
    ...variant,
    swapped: minor < 3 ? 'always' : minor === 3 ? 'maybe' : 'never',
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
  const { little, perSecond, record, swapped } = header;
  const nanoseconds = 1_000_000_000 / perSecond;

  while (source.have(1) > 0) {
    source.need(record, 'a packet header');
    const { view, at } = source;
    const first = view.getUint32(at + 8, little);
    const second = view.getUint32(at + 12, little);
    const other = swapped === 'always' || (swapped === 'maybe' && first > second);
    const captured = other ? second : first;
    const length = other ? first : second;
    if (captured > MAX_PACKET)
      throw source.wrong(other ? 12 : 8, `a packet of ${captured} bytes`, `at most ${MAX_PACKET}`);
    source.need(record + captured, 'a packet');
    const start = source.at + record;
    // A fraction may be a second or more: it counts all the same, as everywhere.
    const fraction = source.view.getUint32(source.at + 4, little);
    const time =
      BigInt(source.view.getUint32(source.at, little)) * 1_000_000_000n + BigInt(fraction * nanoseconds);
    const data = source.chunk.subarray(start, start + captured);
    yield withoutFcs({ time, data, length, interface: 0 }, header.fcs);
    source.at += record + captured;
  }
}
