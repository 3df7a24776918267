// SPDX-License-Identifier: BSD-2-Clause
// Keys and values of tables: reading them for a table of a given type, and printing them.
import { mask4, maskBits, parseIp4, parseIp6, parseMac, printIp4, printIp6, printMac } from './address.js';
import type { TableOptions } from './command.js';
import type { ParseContext } from './context.js';
import { RuleError } from './error.js';
import { codeOf, DSCP, type FlowField, type ValueKind } from './keywords.js';
import { protocolNumber, servicePort } from './names.js';
import { hostAddress4 } from './parse-address.js';
import { parseNumber, parseUnsigned } from './ranges.js';

/** IPv4 addresses are kept as bigints too. */
export type TableKey =
  | { type: 'addr'; family: 4 | 6; address: bigint; prefix: number }
  | { type: 'iface'; name: string }
  | { type: 'number'; number: number }
  | {
      type: 'flow';
      family: 0 | 4 | 6;
      src: bigint;
      dst: bigint;
      proto: number;
      srcPort: number;
      dstPort: number;
    }
  | { type: 'mac'; address: bigint; prefix: number };

/** One number for each kind the table holds, in their order; a legacy table has a single one. */
export type TableValues = (number | bigint)[];

function parseAddrKey(text: string, options: TableOptions, context: ParseContext): TableKey {
  const [host, length] = text.split('/', 2);
  const ip6 = parseIp6(host!);
  const family = ip6 === undefined ? 4 : 6;
  const width = family === 4 ? 32 : 128;
  const fixed = options.masks?.[family === 4 ? 0 : 1] ?? (options.algo === 'addr:hash' ? width : undefined);
  const prefix = length === undefined ? (fixed ?? width) : parseNumber(length, 'prefix length', 0, width);
  if (fixed !== undefined && prefix !== fixed)
    throw new RuleError(`prefix /${prefix} in a table of addr:hash`, {
      expected: `/${fixed}, the length all its IPv${family} entries have`,
    });
  if (ip6 !== undefined) return { type: 'addr', family, address: ip6 & maskBits(prefix, 128), prefix };
  return {
    type: 'addr',
    family,
    address: BigInt((hostAddress4(host!, context) & mask4(prefix)) >>> 0),
    prefix,
  };
}

/** src-ip, proto, src-port, dst-ip and dst-port, those of them the table has, separated by commas. */
function parseFlowKey(text: string, fields: FlowField[]): TableKey {
  const key = {
    type: 'flow' as const,
    family: 0 as 0 | 4 | 6,
    src: 0n,
    dst: 0n,
    proto: 0,
    srcPort: 0,
    dstPort: 0,
  };
  const parts = text.split(',');
  if (parts.length !== fields.length)
    throw new RuleError(`bad flow key "${text}"`, { expected: fields.join(',') });
  for (const [index, field] of fields.entries()) {
    const part = parts[index]!;
    if (field === 'proto') {
      const proto = parseUnsigned(part) ?? protocolNumber(part);
      if (proto === undefined || proto > 255)
        throw new RuleError(`unknown protocol "${part}"`, { expected: 'a name or a number 0..255' });
      key.proto = proto;
    } else if (field === 'src-port' || field === 'dst-port') {
      const port = parseUnsigned(part) ?? servicePort(part);
      if (port === undefined || port > 65535)
        throw new RuleError(`bad port "${part}"`, { expected: 'a service or a number 0..65535' });
      key[field === 'src-port' ? 'srcPort' : 'dstPort'] = port;
    } else {
      const ip4 = parseIp4(part);
      const address = ip4 === undefined ? parseIp6(part) : BigInt(ip4);
      if (address === undefined)
        throw new RuleError(`bad address "${part}"`, { expected: 'an IPv4 or IPv6 address' });
      const family = ip4 === undefined ? 6 : 4;
      if (key.family !== 0 && key.family !== family)
        throw new RuleError(`addresses of two families in "${text}"`, { expected: 'both IPv4 or both IPv6' });
      key.family = family;
      key[field === 'src-ip' ? 'src' : 'dst'] = address;
    }
  }
  return key;
}

export function parseKey(text: string, options: TableOptions, context: ParseContext): TableKey {
  switch (options.type) {
    case 'addr':
      return parseAddrKey(text, options, context);
    case 'iface':
      if (text.length > 15)
        throw new RuleError(`interface name "${text}" too long`, { expected: 'at most 15 characters' });
      return { type: 'iface', name: text };
    case 'number':
      return { type: 'number', number: parseNumber(text, 'number', 0, 0xffffffff) };
    case 'flow':
      return parseFlowKey(text, options.flow);
    case 'mac': {
      const [mac, length] = text.split('/', 2);
      const address = parseMac(mac!);
      const prefix = length === undefined ? 48 : parseNumber(length, 'prefix length', 0, 48);
      if (address === undefined)
        throw new RuleError(`bad MAC address "${text}"`, { expected: 'xx:xx:xx:xx:xx:xx or MAC/length' });
      return { type: 'mac', address: address & maskBits(prefix, 48), prefix };
    }
  }
}

export const printFamily = (family: 0 | 4 | 6, address: bigint): string =>
  family === 6 ? printIp6(address) : printIp4(Number(address));

/** As `table list` prints keys; also what tells keys apart. */
export function printKey(key: TableKey, flow: FlowField[]): string {
  switch (key.type) {
    case 'addr':
      return `${printFamily(key.family, key.address)}/${key.prefix}`;
    case 'iface':
      return key.name;
    case 'number':
      return String(key.number);
    case 'mac':
      return `${printMac(key.address)}/${key.prefix}`;
    case 'flow': {
      const parts = {
        'src-ip': printFamily(key.family, key.src),
        proto: key.proto,
        'src-port': key.srcPort,
        'dst-ip': printFamily(key.family, key.dst),
        'dst-port': key.dstPort,
      };
      return flow.map((field) => parts[field]).join(',');
    }
  }
}

function parseOne(text: string, kind: ValueKind, context: ParseContext): number | bigint {
  if (kind === 'ipv4') return parseIp4(text) ?? hostAddress4(text, context);
  if (kind === 'ipv6') {
    const ip = parseIp6(text);
    if (ip === undefined) throw new RuleError(`bad ipv6 value "${text}"`, { expected: 'an IPv6 address' });
    return ip;
  }
  if (kind === 'dscp') return codeOf(DSCP, text) ?? parseNumber(text, 'dscp value', 0, 63);
  const max = kind === 'skipto' || kind === 'divert' ? 65535 : 0xffffffff;
  return parseNumber(text, `${kind} value`, 0, max);
}

/** A value as `table add` takes it: one for each kind, or any number or IPv4 address in a legacy table. */
export function parseValues(
  text: string | undefined,
  valtype: ValueKind[],
  context: ParseContext,
): TableValues {
  if (text === undefined)
    return valtype.length === 0 ? [0] : valtype.map((kind) => (kind === 'ipv6' ? 0n : 0));
  if (valtype.length === 0) {
    const number = parseUnsigned(text) ?? parseIp4(text) ?? hostAddress4(text, context);
    if (number > 0xffffffff)
      throw new RuleError(`bad value "${text}"`, {
        expected: 'a number 0..4294967295, an IPv4 address or a host name',
      });
    return [number];
  }
  const parts = text.split(',');
  if (parts.length !== valtype.length)
    throw new RuleError(`bad value "${text}"`, {
      expected: `${valtype.length} value(s): ${valtype.join(',')}`,
    });
  return valtype.map((kind, index) => parseOne(parts[index]!, kind, context));
}

/** `asIp`: -i, print the value of a legacy table as an IPv4 address. */
export function printValues(values: TableValues, valtype: ValueKind[], asIp = false): string {
  if (valtype.length === 0) return asIp ? printIp4(Number(values[0])) : String(values[0]);
  return valtype
    .map((kind, index) => {
      const value = values[index]!;
      if (kind === 'ipv4') return printIp4(Number(value));
      return kind === 'ipv6' ? printIp6(BigInt(value)) : String(value);
    })
    .join(',');
}
