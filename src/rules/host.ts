// SPDX-License-Identifier: BSD-2-Clause
// What a program knows of the host it stands for: its own addresses (`me`) and its routes (verrevpath, antispoof).
import { mask4, maskBits, parseIp4, parseIp6 } from './address.js';
import { RuleError } from './error.js';
import { parseNumber } from './ranges.js';
import type { TableKey } from './table-key.js';

type Prefix = Extract<TableKey, { type: 'addr' }>;

export interface HostFacts {
  me: Prefix[];
  routes: { key: Prefix; iface: string; connected: boolean }[];
}

/** address or address/length */
function parsePrefix(text: string): Prefix {
  const [host, length] = text.split('/', 2);
  const ip4 = parseIp4(host!);
  const address = ip4 === undefined ? parseIp6(host!) : BigInt(ip4);
  if (address === undefined)
    throw new RuleError(`bad address "${text}"`, { expected: 'an IPv4 or IPv6 address or prefix' });
  const family = ip4 === undefined ? 6 : 4;
  const width = family === 4 ? 32 : 128;
  const prefix = length === undefined ? width : parseNumber(length, 'prefix length', 0, width);
  const mask = family === 4 ? BigInt(mask4(prefix)) : maskBits(prefix, 128);
  return { type: 'addr', family, address: address & mask, prefix };
}

/** prefix=interface; "default" is the prefix of length 0. */
function parseRoute(text: string, connected: boolean): HostFacts['routes'][number] {
  const [prefix, iface] = text.split('=', 2);
  if (!iface) throw new RuleError(`bad route "${text}"`, { expected: 'prefix=interface: 10.0.0.0/8=em0' });
  return { key: parsePrefix(prefix === 'default' ? '0.0.0.0/0' : prefix!), iface, connected };
}

/**
 * Addresses that are `me`, networks that are directly connected (prefix=interface; they are routes too) and routes.
 * Throws a RuleError.
 */
export function parseHost(given: {
  me?: readonly string[];
  networks?: readonly string[];
  routes?: readonly string[];
}): HostFacts {
  return {
    me: (given.me ?? []).map(parsePrefix),
    routes: [
      ...(given.networks ?? []).map((text) => parseRoute(text, true)),
      ...(given.routes ?? []).map((text) => parseRoute(text, false)),
    ],
  };
}
