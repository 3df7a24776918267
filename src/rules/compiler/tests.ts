// SPDX-License-Identifier: BSD-2-Clause
// Compiles the tests of a rule: one instruction each.

import { LOOKUP_KEY, OP, VALUE_WORD } from '../../abi.js';
import type { ListField, PlainField, TableRef, Test } from '../ast.js';
import type { LookupKey } from '../keywords.js';
import type { Range } from '../ranges.js';
import { bytesToWords, insn, type References } from './writer.js';

const PLAIN: Record<PlainField, [opcode: number, arg: number]> = {
  layer2: [OP.layer2, 0],
  in: [OP.in, 0],
  established: [OP.established, 0],
  verrevpath: [OP.verrevpath, 0],
  versrcreach: [OP.versrcreach, 0],
  antispoof: [OP.antispoof, 0],
  // no packet here came out of an IPsec tunnel or belongs to a socket
  ipsec: [OP.never, 0],
  sockarg: [OP.never, 0],
  'diverted-loopback': [OP.diverted, 1],
  'diverted-output': [OP.diverted, 2],
  diverted: [OP.diverted, 3],
};

const LIST: Record<ListField, number> = {
  'mac-type': OP.macType,
  iplen: OP.iplen,
  ipid: OP.ipid,
  ipttl: OP.ipttl,
  tcpwin: OP.tcpwin,
  tcpdatalen: OP.tcpdatalen,
  tcpmss: OP.tcpmss,
  tagged: OP.tagged,
  fib: OP.fib,
};

/** A list; ranges that run backwards hold no value, and a list of only such matches nothing. */
function listWords(opcode: number, flags: number, ranges: Range[]): number[] {
  if (ranges.length === 1 && ranges[0]!.low <= ranges[0]!.high)
    return insn(opcode, flags, 0, (ranges[0]!.low | (ranges[0]!.high << 16)) >>> 0);
  const words = ranges
    .filter(({ low, high }) => low <= high)
    .map(({ low, high }) => (low | (high << 16)) >>> 0);
  return words.length === 0 ? insn(OP.never, flags, 0) : insn(opcode, flags, 0, ...words);
}

/** Words of a look-up mask: a word and zeros for numbers and IPv4, the bytes of an IPv6 or MAC address. */
function maskWords(key: LookupKey | 'flow', mask: bigint | undefined): number[] {
  if (mask === undefined) return [0, 0, 0, 0];
  if (key.endsWith('-ip6')) return bytesToWords(mask, 16);
  if (key.endsWith('-mac')) return [...bytesToWords(mask, 6), 0, 0];
  return [Number(mask), 0, 0, 0];
}

function lookupWords(
  refs: References,
  flags: number,
  key: LookupKey | 'flow',
  table: TableRef,
  mask?: bigint,
): number[] {
  const { value } = table;
  const kind = value ? VALUE_WORD[value.kind as keyof typeof VALUE_WORD] : 0;
  return insn(
    OP.lookup,
    flags,
    refs.table(table.name),
    LOOKUP_KEY[key],
    (value ? 1 : 0) | (mask === undefined ? 0 : 2),
    kind,
    value?.value ?? 0,
    ...maskWords(key, mask),
  );
}

function ifaceWords(refs: References, flags: number, test: Test & { kind: 'iface' }): number[] {
  const { match } = test;
  let pattern: number;
  if (match.by === 'ip') pattern = refs.pattern('ip', match.address);
  else if (match.by === 'table') pattern = refs.pattern('table', refs.table(match.table.name));
  else pattern = refs.pattern(match.by, refs.string(match.name));
  return insn(OP[test.which], flags, pattern);
}

/** A map with a bit for each number. */
function bitMap(values: number[], words: number): number[] {
  const map = new Array<number>(words).fill(0);
  for (const value of values) map[value >>> 5] = (map[value >>> 5]! | (1 << (value & 31))) >>> 0;
  return map;
}

/** `flags`: NOT and OR of this test. */
export function testInsn(refs: References, test: Test, flags: number): number[] {
  const side = 'side' in test && test.side === 'dst' ? 1 : 0;
  switch (test.kind) {
    case 'ip4':
    case 'ip6':
      return insn(OP[test.kind], flags, 0);
    case 'proto':
      return insn(OP.proto, flags, test.proto);
    case 'net4':
      if (test.nets.length === 1)
        return insn(OP.srcIp + side, flags, 0, test.nets[0]!.address, test.nets[0]!.mask);
      return insn(OP.srcIp + side, flags, 0, ...test.nets.flatMap(({ address, mask }) => [address, mask]));
    case 'net6':
      return insn(
        OP.srcIp6 + side,
        flags,
        0,
        ...test.nets.flatMap(({ address, mask }) => [
          ...bytesToWords(address, 16),
          ...bytesToWords(mask, 16),
        ]),
      );
    case 'set4': {
      const members = test.members.map((member) => member - (test.base & 255));
      return insn(
        OP.srcIpSet + side,
        flags,
        test.base,
        test.size,
        ...bitMap(members, Math.ceil(test.size / 32)),
      );
    }
    case 'me':
      return insn(OP.srcMe + side, flags, 0);
    case 'me6':
      return insn(OP.srcMe6 + side, flags, 0);
    case 'table':
      return lookupWords(refs, flags, side ? 'dst-ip' : 'src-ip', test.table);
    case 'mac-table':
      return lookupWords(refs, flags, side ? 'dst-mac' : 'src-mac', test.table);
    case 'lookup':
      return lookupWords(refs, flags, test.key, test.table, test.mask);
    case 'flow':
      return lookupWords(refs, flags, 'flow', test.table);
    case 'port':
      return listWords(OP.srcPort + side, flags, test.ranges);
    case 'list':
      return listWords(LIST[test.field], flags, test.ranges);
    case 'mac': {
      const bytes =
        (test.dst.address << 144n) | (test.src.address << 96n) | (test.dst.mask << 48n) | test.src.mask;
      return insn(OP.mac, flags, 0, ...bytesToWords(bytes, 24));
    }
    case 'iface':
      return ifaceWords(refs, flags, test);
    case 'plain': {
      const [opcode, arg] = PLAIN[test.field];
      return insn(opcode, flags, arg);
    }
    case 'flags':
      return insn(OP[test.field], flags, (test.set | (test.clear << 16)) >>> 0);
    case 'number':
      return insn(OP[test.field], flags, test.value);
    case 'dscp':
      return insn(OP.dscp, flags, 0, ...bitMap(test.values, 2));
    case 'icmptypes':
      return insn(OP.icmptypes, flags, bitMap(test.values, 1)[0]!);
    case 'icmp6types':
      return insn(OP.icmp6types, flags, 0, ...bitMap(test.values, 8));
    case 'flow-id':
      return insn(OP.flowId, flags, 0, ...test.values);
    case 'ext6hdr':
      return insn(OP.ext6hdr, flags, test.headers);
    case 'tagged-tablearg':
      return insn(OP.tagged, flags, 0xffffffff);
    case 'mark':
      return insn(
        OP.mark,
        flags,
        test.value === 'tablearg' ? 0 : test.value,
        test.mask,
        test.value === 'tablearg' ? 1 : 0,
      );
  }
}
