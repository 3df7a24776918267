// SPDX-License-Identifier: BSD-2-Clause
// Addresses of the language: IPv4 as a number, IPv6 and MAC as a bigint, each with its mask; reading and printing.

const ALL4 = 0xffffffff;
export const ALL6 = (1n << 128n) - 1n;
export const ALL48 = (1n << 48n) - 1n;

/** a.b.c.d, and the short forms of inet_aton (10.1 is 10.0.0.1) if `short`. */
export function parseIp4(text: string, short = false): number | undefined {
  let ip = 0;
  let dots = 0;
  let part = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      part = Math.max(part, 0) * 10 + code - 48;
      if (part > 0xffffffff) return undefined;
    } else {
      if (code !== 46 || part < 0 || part > 255 || dots === 3) return undefined;
      ip = ip * 256 + part;
      part = -1;
      dots++;
    }
  }
  const rest = 256 ** (4 - dots);
  if (part < 0 || part >= rest || (dots < 3 && !short)) return undefined;
  return ip * rest + part;
}

export const printIp4 = (ip: number): string =>
  `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;

/** IPv6 as inet_pton reads it. */
export function parseIp6(text: string): bigint | undefined {
  if (!text.includes(':')) return undefined;
  let source = text;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted) {
    const low = parseIp4(dotted[2]!);
    if (low === undefined) return undefined;
    source = `${dotted[1]}${(low >>> 16).toString(16)}:${(low & 0xffff).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const count = groups.reduce((sum, half) => sum + half.length, 0);
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  const all =
    halves.length === 1 ? groups[0]! : [...groups[0]!, ...Array<string>(8 - count).fill('0'), ...groups[1]!];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** As inet_ntop prints: the longest run of zero groups (two or more) becomes `::`; mapped addresses end dotted. */
export function printIp6(ip: bigint): string {
  if (ip >> 32n === 0xffffn) return `::ffff:${printIp4(Number(ip & 0xffffffffn))}`;
  const groups = Array.from({ length: 8 }, (_, i) => Number((ip >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > best.length) best = { at: i, length: j - i };
  }
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (best.at < 0) return hex(groups);
  return `${hex(groups.slice(0, best.at))}::${hex(groups.slice(best.at + best.length))}`;
}

export function parseMac(text: string): bigint | undefined {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) return undefined;
  return text.split(':').reduce((sum, part) => (sum << 8n) | BigInt(`0x${part}`), 0n);
}

export const printMac = (mac: bigint): string =>
  mac
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, '$&:');

export const mask4 = (bits: number): number => (bits === 0 ? 0 : (ALL4 << (32 - bits)) >>> 0);
/** The mask of the first `bits` of `width` bits. */
export const maskBits = (bits: number, width: number): bigint =>
  ((1n << BigInt(bits)) - 1n) << BigInt(width - bits);

/** Number of leading ones when the mask is contiguous, else undefined. */
export function prefixLength(mask: bigint | number, width: number): number | undefined {
  if (typeof mask === 'number') {
    const bits = Math.clz32(~mask);
    return (mask << bits) >>> 0 === 0 || bits === 32 ? bits : undefined;
  }
  const text = mask.toString(2).padStart(width, '0');
  const ones = text.indexOf('0') < 0 ? width : text.indexOf('0');
  return text.indexOf('1', ones) < 0 ? ones : undefined;
}

export interface Net4 {
  address: number;
  mask: number;
}

/** An IPv6 or MAC address with its mask. */
export interface Net {
  address: bigint;
  mask: bigint;
}

/** a.b.c.d, a.b.c.d/len or a.b.c.d:mask; `any` stands for a mask of 0. */
export function printNet4({ address, mask }: Net4): string {
  const bits = prefixLength(mask, 32);
  if (bits === 0) return 'any';
  if (bits === undefined) return `${printIp4(address)}:${printIp4(mask)}`;
  return bits === 32 ? printIp4(address) : `${printIp4(address)}/${bits}`;
}

export function printNet6({ address, mask }: Net): string {
  const bits = prefixLength(mask, 128);
  if (bits === undefined) return `${printIp6(address)}/${printIp6(mask)}`;
  return bits === 128 ? printIp6(address) : `${printIp6(address)}/${bits}`;
}

export function printMacNet({ address, mask }: Net): string {
  const bits = prefixLength(mask, 48);
  if (bits === 0) return 'any';
  if (bits === undefined) return `${printMac(address)}&${printMac(mask)}`;
  return bits === 48 ? printMac(address) : `${printMac(address)}/${bits}`;
}
