// SPDX-License-Identifier: BSD-2-Clause
// Builds an Ethernet frame with an IPv4 or IPv6 packet from what is said of it.

/** One end of a packet. */
export interface End {
  family: 4 | 6;
  address: bigint;
  port: number;
}

/** Everything that can be said of a packet, with what it is otherwise. */
export interface Draft {
  proto: number;
  flags: number;
  seq: number;
  ack: number;
  win: number;
  type: number;
  code: number;
  ttl: number;
  id: number;
  tos: number;
  fragment: number;
  payload: number;
  dstMac: bigint;
  srcMac: bigint;
  etherType: number | undefined;
}

const bytesOf = (value: bigint | number, length: number): number[] =>
  Array.from({ length }, (_, i) => Number((BigInt(value) >> BigInt(8 * (length - 1 - i))) & 0xffn));

function transport(draft: Draft, src: End, dst: End): number[] {
  const ports = [...bytesOf(src.port, 2), ...bytesOf(dst.port, 2)];
  const data = new Array<number>(draft.payload).fill(0);
  switch (draft.proto) {
    case 6:
      return [
        ...ports,
        ...bytesOf(draft.seq, 4),
        ...bytesOf(draft.ack, 4),
        0x50,
        draft.flags,
        ...bytesOf(draft.win, 2),
        0,
        0,
        0,
        0,
        ...data,
      ];
    case 17:
    case 136:
      return [...ports, ...bytesOf(8 + draft.payload, 2), 0, 0, ...data];
    case 132:
      return [...ports, 0, 0, 0, 0, 0, 0, 0, 0, ...data];
    case 1:
    case 58:
      return [draft.type, draft.code, 0, 0, 0, 0, 0, 0, ...data];
    default:
      return data;
  }
}

export function buildFrame(draft: Draft, src: End, dst: End): Uint8Array {
  const body = transport(draft, src, dst);
  const four = src.family === 4;
  const ether = draft.etherType ?? (four ? 0x0800 : 0x86dd);
  const header = four
    ? [
        0x45,
        draft.tos,
        ...bytesOf(20 + body.length, 2),
        ...bytesOf(draft.id, 2),
        ...bytesOf(draft.fragment, 2),
        draft.ttl,
        draft.proto,
        0,
        0,
        ...bytesOf(src.address, 4),
        ...bytesOf(dst.address, 4),
      ]
    : [
        ...bytesOf((6 << 28) | (draft.tos << 20), 4),
        ...bytesOf(body.length, 2),
        draft.proto,
        draft.ttl,
        ...bytesOf(src.address, 16),
        ...bytesOf(dst.address, 16),
      ];
  if (four) {
    let sum = 0;
    for (let i = 0; i < 20; i += 2) sum += (header[i]! << 8) | header[i + 1]!;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    header.splice(10, 2, ...bytesOf(~sum & 0xffff, 2));
  }
  return Uint8Array.from([
    ...bytesOf(draft.dstMac, 6),
    ...bytesOf(draft.srcMac, 6),
    ...bytesOf(ether, 2),
    ...header,
    ...body,
  ]);
}
