// SPDX-License-Identifier: BSD-2-Clause
// link-types.ts: what stands before the IP header in captures that are not of Ethernet. Numbers and layouts are those of
// www.tcpdump.org/linktypes.html.
import { LINK_ETHERNET, LINK_RAW } from './types.js';

export const LINK_NULL = 0;
export const LINK_LOOP = 108;
export const LINK_SLL = 113;
export const LINK_SLL2 = 276;

/** LINKTYPE_RAW, the numbers of DLT_RAW that programs write in its place, LINKTYPE_IPV4 and LINKTYPE_IPV6. */
const RAW = [LINK_RAW, 12, 14, 228, 229];
/** Numbers that systems have for IPv6 as an address family: Linux, BSD, FreeBSD, macOS. */
const FAMILIES6 = [10, 24, 28, 30];
const ETHERTYPE_IP4 = 0x0800;
const ETHERTYPE_IP6 = 0x86dd;

/** Types by what people call them. */
const NAMES: Readonly<Record<number, string>> = {
  [LINK_NULL]: 'NULL, BSD loopback',
  [LINK_ETHERNET]: 'Ethernet',
  6: 'token ring',
  7: 'ARCNET',
  8: 'SLIP',
  9: 'PPP',
  10: 'FDDI',
  50: 'PPP, serial',
  51: 'PPPoE',
  100: 'ATM, RFC 1483',
  [LINK_RAW]: 'raw IP',
  104: 'Cisco HDLC',
  105: 'IEEE 802.11',
  [LINK_LOOP]: 'LOOP, OpenBSD loopback',
  109: 'IPsec, ENC',
  [LINK_SLL]: 'Linux cooked capture, SLL',
  117: 'PFLOG',
  119: 'IEEE 802.11, Prism',
  127: 'IEEE 802.11, radiotap',
  147: 'reserved for users, USER0',
  189: 'USB, Linux',
  192: 'PPI',
  195: 'IEEE 802.15.4',
  201: 'Bluetooth HCI',
  220: 'USB, Linux, padded',
  227: 'CAN',
  228: 'raw IPv4',
  229: 'raw IPv6',
  239: 'NFLOG',
  249: 'USB, Windows',
  253: 'netlink',
  [LINK_SLL2]: 'Linux cooked capture v2, SLL2',
};

/** What is taken, for messages. */
export const LINKS_TAKEN =
  'Ethernet (1), raw IP (101, 12, 14, 228, 229), Linux cooked (113, 276), loopback (0, 108)';

/** "127 (IEEE 802.11, radiotap)" */
export function linkName(type: number): string {
  const name = RAW.includes(type) ? (NAMES[type] ?? NAMES[LINK_RAW]) : NAMES[type];
  return name === undefined ? String(type) : `${type} (${name})`;
}

/** The type that stands for it: of raw IP there is one. */
export const linkOf = (type: number): number => (RAW.includes(type) ? LINK_RAW : type);

/**
 * Bytes before the IP packet, all of them when it holds another protocol or its header was not captured. undefined: of
 * such a link nothing is known.
 */
export function headOf(type: number, data: Uint8Array): number | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const behind = (size: number, isIp: () => boolean): number =>
    data.length >= size && isIp() ? size : data.length;
  const carries = (ethertype: number): boolean => ethertype === ETHERTYPE_IP4 || ethertype === ETHERTYPE_IP6;
  const family = (value: number): boolean => value === 2 || FAMILIES6.includes(value);
  switch (linkOf(type)) {
    case LINK_RAW:
      return 0;
    case LINK_NULL: // in the byte order of the machine it was captured on
      return behind(4, () => family(view.getUint32(0)) || family(view.getUint32(0, true)));
    case LINK_LOOP:
      return behind(4, () => family(view.getUint32(0)));
    case LINK_SLL:
      return behind(16, () => carries(view.getUint16(14)));
    case LINK_SLL2:
      return behind(20, () => carries(view.getUint16(0)));
    default:
      return undefined;
  }
}

/** The head of an answer, an IP packet, to a packet with this head: cooked captures say which way and which protocol. */
export function answerHead(type: number, head: Uint8Array, ip: Uint8Array, out: boolean): Uint8Array {
  const size = type === LINK_SLL ? 16 : type === LINK_SLL2 ? 20 : Math.min(head.length, 4);
  if (size <= 4) return head.subarray(0, size);
  const answer = new Uint8Array(size);
  answer.set(head.subarray(0, size));
  const view = new DataView(answer.buffer);
  const OUTGOING = 4;
  const ethertype = ip[0]! >> 4 === 6 ? ETHERTYPE_IP6 : ETHERTYPE_IP4;
  if (type === LINK_SLL) {
    view.setUint16(0, out ? OUTGOING : 0);
    view.setUint16(14, ethertype);
  } else {
    view.setUint16(0, ethertype);
    view.setUint8(10, out ? OUTGOING : 0);
  }
  return answer;
}
