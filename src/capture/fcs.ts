// SPDX-License-Identifier: BSD-2-Clause
// fcs.ts: frame check sequences that capture files announce: bytes behind each frame that are no part of the packet.
import type { CapturedPacket } from './types.js';

/** In pcap's link type: that its upper four bits say how long the frame check sequence is, in units of 16 bits. */
const HAS_FCS = 0x04000000;

/** Bytes of it by pcap's link type. */
export const fcsOfLink = (link: number): number => (link & HAS_FCS ? (link >>> 28) * 2 : 0);

/**
 * Bytes of it by pcapng's if_fcslen. Bits says the format, but writers say 4, too, and mean bytes: no frame has 4 bits, or
 * 16 bytes, of it.
 */
export const fcsOfOption = (value: number): number => (value < 16 ? value : value >>> 3);

/** Bytes of it by a pcapng packet's flags; 0: as the interface says. */
export const fcsOfFlags = (flags: number): number => (flags >>> 5) & 15;

/** Take it off a packet: of one that was cut, what is there of it. */
export function withoutFcs(packet: CapturedPacket, fcs: number): CapturedPacket {
  if (fcs === 0) return packet;
  packet.length = Math.max(packet.length - fcs, 0);
  // Of what is longer than it says the reader takes off the rest, and counts it.
  if (packet.data.length > packet.length && packet.data.length <= packet.length + fcs)
    packet.data = packet.data.subarray(0, packet.length);
  return packet;
}
