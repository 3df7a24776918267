// SPDX-License-Identifier: BSD-2-Clause
// link-marks.ts: what a link does to a packet's bytes: congestion marks (RFC 3168) and flipped bits.

/** Where a frame's IP header begins, and its version. */
export interface IpHeader {
  at: number;
  version: 4 | 6;
}

const MAC = 14;

export function ipOf(frame: Uint8Array, raw: boolean): IpHeader | undefined {
  const at = raw ? 0 : MAC;
  const type = raw ? 0 : (frame[12]! << 8) | frame[13]!;
  const version = frame.length > at ? frame[at]! >> 4 : 0;
  if (version === 4 && (raw || type === 0x0800) && frame.length >= at + 20) return { at, version };
  if (version === 6 && (raw || type === 0x86dd) && frame.length >= at + 40) return { at, version };
  return undefined;
}

const ecn = (frame: Uint8Array, { at, version }: IpHeader): number =>
  version === 4 ? frame[at + 1]! & 3 : (frame[at + 1]! >> 4) & 3;

/** Whether a packet's ends understand marks. */
export const isCapable = (frame: Uint8Array, ip: IpHeader | undefined): boolean =>
  ip !== undefined && ecn(frame, ip) !== 0;

/** Set "congestion experienced"; IPv4's checksum follows (RFC 1624). */
export function markCongestion(frame: Uint8Array, ip: IpHeader | undefined): void {
  if (!ip) return;
  const { at, version } = ip;
  if (version === 6) {
    frame[at + 1]! |= 0x30;
    return;
  }
  const before = frame[at + 1]!;
  frame[at + 1] = before | 3;
  const checksum = (frame[at + 10]! << 8) | frame[at + 11]!;
  let sum = (~checksum & 0xffff) + (~before & 0xffff) + (before | 3);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  frame[at + 10] = (~sum >> 8) & 255;
  frame[at + 11] = ~sum & 255;
}

/** `bit`: from the first byte's highest. */
export function flipBit(frame: Uint8Array, bit: number): void {
  if (bit >> 3 < frame.length) frame[bit >> 3]! ^= 0x80 >> (bit & 7);
}
