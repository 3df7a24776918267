// SPDX-License-Identifier: BSD-2-Clause
// relay-frames.ts: UDP and TCP frames for tests of relays.

export interface FrameFields {
  /** Bytes of the frame, at least 60. */
  size: number;
  sport: number;
  dport: number;
  /** Written into the first four bytes behind the transport header. */
  mark: number;
  src?: [number, number, number, number];
  dst?: [number, number, number, number];
  tos?: number;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Ethernet, IPv4, UDP without a checksum. */
export function packetFrame({ size, sport, dport, mark, src, dst, tos }: FrameFields): Uint8Array {
  const frame = new Uint8Array(size);
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0], 0);
  frame.set([0x45, tos ?? 0], 14);
  view.setUint16(16, size - 14);
  frame.set([64, 17], 22);
  frame.set(src ?? [10, 0, 0, 1], 26);
  frame.set(dst ?? [10, 1, 0, 1], 30);
  view.setUint16(24, checksum(frame.subarray(14, 34)));
  view.setUint16(34, sport);
  view.setUint16(36, dport);
  view.setUint16(38, size - 34);
  view.setUint32(42, mark);
  return frame;
}

/** The number a frame of packetFrame carries. */
export const markOf = (frame: Uint8Array): number =>
  new DataView(frame.buffer, frame.byteOffset).getUint32(42);
