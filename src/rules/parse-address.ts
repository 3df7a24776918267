// SPDX-License-Identifier: BSD-2-Clause
// Addresses in rules: any, me, me6, table(...), lists of addresses with masks, address sets a.b.c.d/len{n,n-m}.
import {
  ALL6,
  mask4,
  maskBits,
  type Net,
  type Net4,
  parseIp4,
  parseIp6,
  prefixLength,
  printIp4,
} from './address.js';
import type { Side, TableRef, Test } from './ast.js';
import { isAbbreviation, type ParseContext } from './context.js';
import { EXIT, RuleError } from './error.js';
import { codeOf, DSCP, VALUE_KINDS, type ValueKind } from './keywords.js';
import { parseNumber, parseUnsigned } from './ranges.js';

const ADDRESS = 'any, me, me6, table(name), an address, address/length, address:mask or a list of them';

/** Split at commas that are not inside braces. */
export function splitList(text: string): string[] {
  return text.includes(',') ? text.split(/,(?![^{]*\})/) : [text];
}

export function checkTableName(name: string): string {
  if (!/^[A-Za-z0-9_.-]{1,63}$/.test(name) || name === 'all')
    throw new RuleError(`bad table name "${name}"`, {
      expected: '1 to 63 letters, digits, "-", "_" or ".", and not "all"',
    });
  return name;
}

function tableValue(text: string, kind: ValueKind): number {
  const value = parseUnsigned(text) ?? (kind === 'ipv4' || kind === 'tag' ? parseIp4(text) : undefined);
  const code = kind === 'dscp' ? codeOf(DSCP, text) : undefined;
  if (code !== undefined) return code;
  if (value === undefined || value > 0xffffffff)
    throw new RuleError(`bad table value "${text}"`, { expected: 'a number 0..4294967295' });
  return value;
}

/** table(name), table(name,value), table(name,kind=value); undefined if the text is not of that form. */
export function parseTableRef(text: string): TableRef | undefined {
  if (!text.startsWith('table(')) return undefined;
  const inside = /^table\(([^()]*)\)$/.exec(text)?.[1];
  if (inside === undefined)
    throw new RuleError(`forgotten parenthesis in "${text}"`, {
      expected: 'table(name) or table(name,value)',
    });
  const [name, value, ...more] = inside.split(',');
  if (more.length > 0)
    throw new RuleError(`bad table reference "${text}"`, { expected: 'table(name) or table(name,value)' });
  checkTableName(name!);
  if (value === undefined) return { name: name! };
  const [kind, number] = value.includes('=') ? value.split('=', 2) : ['tag', value];
  if (!VALUE_KINDS.includes(kind as ValueKind) || kind === 'ipv6')
    throw new RuleError(`bad table value kind "${kind}"`, {
      expected: `${VALUE_KINDS.filter((k) => k !== 'ipv6').join(', ')}`,
    });
  return {
    name: name!,
    value: {
      kind: kind as ValueKind,
      value: tableValue(number!, kind as ValueKind),
      named: value.includes('='),
    },
  };
}

function hostAddress(name: string, family: 4 | 6, context: ParseContext): number | bigint {
  const parse = family === 4 ? (text: string) => parseIp4(text, true) : parseIp6;
  const direct = parse(name);
  if (direct !== undefined) return direct;
  if (/^[\d.]+$/.test(name) || name.includes(':') || !/^[A-Za-z0-9]([A-Za-z0-9._-]*)$/.test(name))
    throw new RuleError(`bad address "${name}"`, { expected: ADDRESS });
  const found = context.resolveHost(name, family);
  const address = found === undefined ? undefined : parse(found);
  if (address === undefined)
    throw new RuleError(`hostname "${name}" unknown`, {
      expected: 'a name with an IP address, or the address itself',
      exit: EXIT.noHost,
    });
  return address;
}

export const hostAddress4 = (name: string, context: ParseContext): number =>
  hostAddress(name, 4, context) as number;

function parseNet4(item: string, context: ParseContext): Net4 {
  const at = item.search(/[/:]/);
  const host = at < 0 ? item : item.slice(0, at);
  const tail = item.slice(at + 1);
  let mask = 0xffffffff;
  if (at >= 0 && item[at] === '/') mask = mask4(parseNumber(tail, 'prefix length', 0, 32));
  if (at >= 0 && item[at] === ':') {
    const given = parseIp4(tail, true);
    if (given === undefined) throw new RuleError(`bad netmask "${tail}"`, { expected: 'a mask as a.b.c.d' });
    mask = given;
  }
  return { address: (hostAddress4(host, context) & mask) >>> 0, mask };
}

function parseNet6(item: string, context: ParseContext): Net {
  const [host, tail] = item.split('/', 2);
  let mask = ALL6;
  if (tail !== undefined) {
    const given = tail.includes(':')
      ? parseIp6(tail)
      : maskBits(parseNumber(tail, 'prefix length', 0, 128), 128);
    if (given === undefined)
      throw new RuleError(`bad mask "${tail}"`, { expected: 'a length 0..128 or an IPv6 mask' });
    mask = given;
  }
  return { address: (hostAddress(host!, 6, context) as bigint) & mask, mask };
}

/** base[/24..32]{n,n-m,...}: addresses by their last byte. */
function parseSet(text: string, side: Side, context: ParseContext): Test {
  const [, base, list] = /^([^{]*)\{([^{}]*)\}$/.exec(text) ?? [];
  if (splitList(text).length > 1)
    throw new RuleError(`address set in a list: "${text}"`, {
      expected: 'the set alone: put sets into an or-block { a or b }',
    });
  if (base === undefined || list === undefined)
    throw new RuleError(`bad address set "${text}"`, {
      expected: 'address/length{n,n-m,...} alone, not in a list',
    });
  const net = parseNet4(base.includes('/') ? base : `${base}/24`, context);
  const bits = prefixLength(net.mask, 32);
  if (bits === undefined || bits < 24)
    throw new RuleError(`bad address set "${text}"`, { expected: 'a prefix length 24..32 before the brace' });
  const size = 2 ** (32 - bits);
  const low = net.address & 255;
  const members = new Set<number>();
  for (const item of list.split(',')) {
    const ends = item.split('-').map((part) => parseUnsigned(part));
    const [from, to = from] = ends;
    if (
      ends.length > 2 ||
      from === undefined ||
      to === undefined ||
      from < low ||
      to > low + size - 1 ||
      from > to
    )
      throw new RuleError(`bad member "${item}" of the set ${printIp4(net.address)}/${bits}`, {
        expected: `numbers or ranges within ${low}..${low + size - 1}`,
      });
    for (let n = from; n <= to; n++) members.add(n);
  }
  return { kind: 'set4', side, base: net.address, size, members: [...members].sort((a, b) => a - b) };
}

/**
 * The address after from, to, src-ip, dst-ip, src-ip6 or dst-ip6. `prefer6`: names and `me` mean IPv6.
 * Returns 'any' when every address matches.
 */
export function parseAddress(
  text: string,
  side: Side,
  prefer6: boolean,
  context: ParseContext,
): Test | 'any' {
  if (isAbbreviation(text, 'any', context)) return 'any';
  if (text === 'me6' || (prefer6 && text === 'me')) return { kind: 'me6', side };
  if (isAbbreviation(text, 'me', context)) return { kind: 'me', side };
  const table = parseTableRef(text);
  if (table) return { kind: 'table', side, table };
  const items = splitList(text);
  if (items.some((item) => item === ''))
    throw new RuleError(`bad address list "${text}"`, { expected: 'addresses with one comma between them' });
  const first = items[0]!.split('/', 1)[0]!;
  if (
    parseIp6(first) !== undefined ||
    (prefer6 && parseIp4(first.split(/[:{]/, 1)[0]!, true) === undefined)
  ) {
    const nets = items.map((item) => parseNet6(item, context));
    return nets.some((net) => net.mask === 0n) ? 'any' : { kind: 'net6', side, nets };
  }
  if (text.includes('{')) return parseSet(text, side, context);
  const nets = items.map((item) => parseNet4(item, context));
  return nets.some((net) => net.mask === 0) ? 'any' : { kind: 'net4', side, nets };
}
