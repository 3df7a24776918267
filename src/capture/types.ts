// SPDX-License-Identifier: BSD-2-Clause
// types.ts: packets, interfaces and statistics of capture files, the same for reading and writing.

/** pcap and pcapng; see draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. */
export type CaptureFormat = 'pcap' | 'pcapng';
export type Precision = 'us' | 'ns';
export type ByteOrder = 'little' | 'big';
export type Direction = 'in' | 'out';

/** LINKTYPE_ETHERNET and LINKTYPE_RAW (a packet begins with its IP header). */
export const LINK_ETHERNET = 1;
export const LINK_RAW = 101;

/** Longest packet that is read or written, as in libpcap. */
export const MAX_PACKET = 262_144;

export interface CaptureInterface {
  name?: string;
  description?: string;
  /** LINKTYPE_ number; 1 is Ethernet. */
  linkType: number;
  /** Longer packets are cut to this. */
  snapLength: number;
  /** Time stamps a second: 1_000_000_000n for nanoseconds. */
  unitsPerSecond: bigint;
}

/** A packet to write. */
export interface CapturePacket {
  /** Nanoseconds since the epoch (or whatever the file counts from). */
  time: bigint;
  data: Uint8Array;
  /** Bytes it had on the wire; default: those of `data`. */
  length?: number;
  /** Index of its interface; default 0. */
  interface?: number;
  /** pcapng only. */
  direction?: Direction;
  comment?: string;
  /** All comments, where there are several. */
  comments?: readonly string[];
  /** Packets lost between the one before and this one on its interface. */
  drops?: number;
}

/** A packet that was read. `data` stays valid; it shares memory with packets beside it. */
export interface CapturedPacket extends CapturePacket {
  length: number;
  interface: number;
  /** It has no time stamp (a simple packet block of pcapng): `time` is 0. */
  timeless?: boolean;
}

/** pcapng's interface statistics. */
export interface CaptureStatistics {
  received?: bigint;
  /** Lost for want of room in the interface. */
  dropped?: bigint;
  /** Accepted by the filter, lost in the system, handed to the program. */
  accepted?: bigint;
  systemDropped?: bigint;
  delivered?: bigint;
  comment?: string;
}
