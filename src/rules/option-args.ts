// SPDX-License-Identifier: BSD-2-Clause
// Arguments of rule options: one function per kind of argument.
import { ALL48, maskBits, type Net, parseIp4, parseIp6, parseMac } from './address.js';
import type { FlagsField, ListField, NumberField, PlainField, Side, TableRef, Test } from './ast.js';
import { isAbbreviation, type ParseContext } from './context.js';
import { RuleError } from './error.js';
import {
  codeOf,
  ETHER_TYPES,
  FRAGMENT,
  LOOKUP_KEYS,
  type LookupKey,
  type Vocabulary,
  wordList,
} from './keywords.js';
import { protocolNumber, servicePort } from './names.js';
import { checkTableName, parseAddress, parseTableRef } from './parse-address.js';
import { parseNumber, parseRanges, parseUnsigned, type Range } from './ranges.js';
import type { Words } from './words.js';

/** What option parsers share: the words, the context and the protocol named last (ports are looked up in it). */
export interface BodyReader {
  words: Words;
  context: ParseContext;
  protocol: number;
}

/** A parsed option: a test, or 'any' when it matches every packet. */
export type Parsed = Test | 'any';

export function parsePorts(text: string, protocol: number): Range[] {
  return parseRanges(text, {
    what: 'port',
    max: 65535,
    named: (name) => servicePort(name, protocol) ?? servicePort(name),
  });
}

export function parseFlags(text: string, words: Vocabulary, what: string): { set: number; clear: number } {
  const flags = { set: 0, clear: 0 };
  for (const item of text.split(',')) {
    const clear = item.startsWith('!');
    const value = codeOf(words, clear ? item.slice(1) : item);
    if (value === undefined)
      throw new RuleError(`bad ${what} "${item}"`, {
        expected: `${wordList(words)}, each with "!" for its absence`,
      });
    if (clear) flags.clear |= value;
    else flags.set |= value;
  }
  return flags;
}

/** Distinct numbers of a list without ranges, in rising order. */
export function parseSetOf(text: string, what: string, max: number, words?: Vocabulary): number[] {
  const values = text.split(',').map((item) => codeOf(words ?? [], item) ?? parseNumber(item, what, 0, max));
  return [...new Set(values)].sort((a, b) => a - b);
}

export function parseMacNet(text: string): Net {
  if (text === 'any') return { address: 0n, mask: 0n };
  const [, mac, separator, tail] = /^([^&/]*)([&/]?)(.*)$/.exec(text)!;
  const address = parseMac(mac!);
  let mask: bigint | undefined = ALL48;
  if (separator === '/') mask = maskBits(parseNumber(tail!, 'MAC prefix length', 0, 48), 48);
  if (separator === '&') mask = parseMac(tail!);
  if (address === undefined || mask === undefined)
    throw new RuleError(`bad MAC address "${text}"`, {
      expected: 'any, xx:xx:xx:xx:xx:xx, MAC/length or MAC&mask',
    });
  return { address: address & mask, mask };
}

/** A word parsed by `parse`; errors get its place. */
export function argument<T>({ words }: BodyReader, expected: string, parse: (text: string) => T): T {
  const text = words.next(expected);
  return words.located(() => parse(text));
}

export const plain = (field: PlainField) => (): Test => ({ kind: 'plain', field });

export const list =
  (field: ListField, max: number) =>
  (reader: BodyReader): Test => {
    const named = field === 'mac-type' ? (name: string) => codeOf(ETHER_TYPES, name) : undefined;
    const rules = { what: field, max, ...(named && { named }) };
    return argument(reader, `${field}: numbers or ranges`, (text) => ({
      kind: 'list',
      field,
      ranges: parseRanges(text, rules),
    }));
  };

export const flags =
  (field: FlagsField, words: Vocabulary) =>
  (reader: BodyReader): Test =>
    argument(reader, `${field}: ${wordList(words)}`, (text) => ({
      kind: 'flags',
      field,
      ...parseFlags(text, words, field),
    }));

export const number =
  (field: NumberField, max: number) =>
  (reader: BodyReader): Test =>
    argument(reader, `${field}: a number 0..${max}`, (text) => ({
      kind: 'number',
      field,
      value: parseNumber(text, field, 0, max),
    }));

export const address =
  (side: Side, six: boolean) =>
  (reader: BodyReader): Parsed =>
    argument(reader, 'an address', (text) => parseAddress(text, side, six, reader.context));

export const ports =
  (side: Side) =>
  (reader: BodyReader): Parsed =>
    argument(reader, 'ports', (text) =>
      isAbbreviation(text, 'any', reader.context)
        ? 'any'
        : { kind: 'port', side, ranges: parsePorts(text, reader.protocol) },
    );

export function tableArgument(reader: BodyReader): TableRef {
  return argument(reader, 'table(name)', (text) => {
    const table = parseTableRef(text);
    if (!table) throw new RuleError(`unexpected "${text}"`, { expected: 'table(name) or table(name,value)' });
    return table;
  });
}

export const iface =
  (which: 'recv' | 'xmit' | 'via') =>
  (reader: BodyReader): Parsed =>
    argument(reader, 'an interface, a pattern, its address, table(name) or any', (text) => {
      if (text === 'any') return 'any';
      const table = parseTableRef(text);
      if (table?.value) reader.context.warn(`${which} ${text}: the value is ignored, as by ipfw`);
      if (table) return { kind: 'iface', which, match: { by: 'table', table: { name: table.name } } };
      if (/^\d/.test(text)) {
        const ip = parseIp4(text, true);
        if (ip === undefined)
          throw new RuleError(`bad interface address "${text}"`, { expected: 'an IPv4 address a.b.c.d' });
        return { kind: 'iface', which, match: { by: 'ip', address: ip } };
      }
      return { kind: 'iface', which, match: { by: /[*?[]/.test(text) ? 'glob' : 'name', name: text } };
    });

/** frag [spec]: without one, a fragment offset other than 0. */
export function frag({ words }: BodyReader): Test {
  const text = words.peek();
  const given = text?.split(',').every((item) => codeOf(FRAGMENT, item.replace(/^!/, '')) !== undefined);
  if (!given) return { kind: 'flags', field: 'frag', set: 8, clear: 0 };
  return { kind: 'flags', field: 'frag', ...parseFlags(words.next(''), FRAGMENT, 'frag') };
}

function lookupMask(text: string, key: LookupKey): bigint {
  const numeric = parseUnsigned(text) ?? parseIp4(text);
  let mask: bigint | undefined;
  if (key.endsWith('-mac')) mask = parseMac(text);
  else if (key.endsWith('-ip6')) mask = parseIp6(text);
  else if (numeric !== undefined && numeric <= 0xffffffff) mask = BigInt(numeric);
  if (key === 'dst-ip' || key === 'src-ip')
    throw new RuleError(`${key} takes no mask`, {
      expected: `${key}4 or ${key}6 with a mask of that family`,
    });
  if (mask === undefined)
    throw new RuleError(`bad mask "${text}" for ${key}`, { expected: 'a mask of the kind of the field' });
  return mask;
}

/** lookup key[:mask] table */
export function lookup(reader: BodyReader): Test {
  const { words } = reader;
  const [key, ...maskParts] = words.next(`what to look up: ${LOOKUP_KEYS.join(', ')}`).split(':');
  if (key === 'uid' || key === 'jail')
    throw words.failBack(`lookup ${key} is refused: packets here belong to no local socket`);
  if (!LOOKUP_KEYS.includes(key as LookupKey))
    throw words.failBack(`cannot look up "${key}"`, LOOKUP_KEYS.join(', '));
  const mask =
    maskParts.length > 0 ? words.located(() => lookupMask(maskParts.join(':'), key as LookupKey)) : undefined;
  const table = argument(reader, 'a table name', (text) => {
    const ref = parseTableRef(text) ?? { name: checkTableName(text) };
    if (ref.value) throw new RuleError('lookup compares no value', { expected: 'a table name' });
    return ref;
  });
  return { kind: 'lookup', key: key as LookupKey, ...(mask !== undefined && { mask }), table };
}

export function mark(reader: BodyReader): Test {
  return argument(reader, 'a mark[:mask] or tablearg[:mask]', (text) => {
    const [value, mask, ...more] = text.split(':');
    if (more.length > 0)
      throw new RuleError(`bad mark "${text}"`, { expected: 'value[:mask] or tablearg[:mask]' });
    const bits = mask === undefined ? 0xffffffff : parseNumber(mask, 'mark mask', 0, 0xffffffff);
    if (value === 'tablearg') return { kind: 'mark', value, mask: bits };
    const wanted = parseNumber(value!, 'mark', 0, 0xffffffff);
    if ((wanted & bits) >>> 0 !== wanted)
      throw new RuleError(`mark "${text}" can never match: its mask leaves out bits of the value`, {
        expected: `a value within the mask, such as 0x${((wanted & bits) >>> 0).toString(16)}`,
      });
    return { kind: 'mark', value: wanted, mask: bits };
  });
}

export function protocol(reader: BodyReader): Parsed {
  return argument(reader, 'a protocol', (text) => {
    if (text === 'ip' || isAbbreviation(text, 'all', reader.context)) return 'any';
    if (text === 'ip4' || text === 'ip6') return { kind: text };
    const proto = parseProtocol(text);
    if (proto === undefined)
      throw new RuleError(`unknown protocol "${text}"`, { expected: 'a name or a number 1..255' });
    reader.protocol = proto;
    return { kind: 'proto', proto };
  });
}

/** Number of a protocol name or number; 0 is not one (it stands for ip). */
export function parseProtocol(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) > 0 && Number(text) < 256 ? Number(text) : undefined;
  const proto = protocolNumber(text);
  return proto !== undefined && proto > 0 && proto < 256 ? proto : undefined;
}
