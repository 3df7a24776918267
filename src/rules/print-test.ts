// SPDX-License-Identifier: BSD-2-Clause
// Prints a single test of a rule, with its keyword (as an option) or without (in the head of the rule).
import { printIp4, printIp6, printMac, printMacNet, printNet4, printNet6 } from './address.js';
import type { Arg, TableRef, Test } from './ast.js';
import {
  DSCP,
  ETHER_TYPES,
  EXT6HDR,
  FRAGMENT,
  IP_OPTIONS,
  IP_TOS,
  TCP_FLAGS,
  TCP_OPTIONS,
  type Vocabulary,
  wordOf,
} from './keywords.js';
import { protocolName, serviceName } from './names.js';
import { printRanges } from './ranges.js';

export interface PrintOptions {
  /** -N: names for ports and Ethernet types. */
  names?: boolean;
  /** Protocol that port names are looked up in. */
  protocol?: number;
}

const FLAG_WORDS: Record<string, Vocabulary> = {
  iptos: IP_TOS,
  ipoptions: IP_OPTIONS,
  tcpflags: TCP_FLAGS,
  tcpoptions: TCP_OPTIONS,
  frag: FRAGMENT,
};

export const printArg = (arg: Arg): string => String(arg);
export const printMarkValue = (arg: Arg): string => (arg === 'tablearg' ? arg : `0x${arg.toString(16)}`);

export function printTableRef({ name, value }: TableRef): string {
  if (!value) return `table(${name})`;
  return `table(${name},${value.named ? `${value.kind}=` : ''}${value.kind === 'ipv4' ? printIp4(value.value) : value.value})`;
}

export function printFlags(words: Vocabulary, set: number, clear: number): string {
  const out: string[] = [];
  let [yes, no] = [set, clear];
  for (const [word, bits] of words) {
    if ((yes & bits) === bits) {
      yes &= ~bits;
      out.push(word);
    }
    if ((no & bits) === bits) {
      no &= ~bits;
      out.push(`!${word}`);
    }
  }
  return out.join(',');
}

/** 10.0.0.0/24{1,2,5-9}: three or more in a row make a range. */
function printSet(base: number, size: number, members: number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < members.length; ) {
    let j = i;
    while (members[j + 1] === members[j]! + 1) j++;
    if (j - i >= 2) parts.push(`${members[i]}-${members[j]}`);
    else for (let k = i; k <= j; k++) parts.push(String(members[k]));
    i = j + 1;
  }
  return `${printIp4(base)}/${32 - Math.log2(size)}{${parts.join(',')}}`;
}

/** The address part of a test, without src-ip or dst-ip. */
export function printAddress(test: Test): string {
  switch (test.kind) {
    case 'net4':
      return test.nets.map(printNet4).join(',');
    case 'net6':
      return test.nets.map(printNet6).join(',');
    case 'set4':
      return printSet(test.base, test.size, test.members);
    case 'table':
      return printTableRef(test.table);
    default:
      return test.kind;
  }
}

export function printPorts(test: Test & { kind: 'port' }, { names, protocol = 0 }: PrintOptions): string {
  // a dash inside a service name needs a backslash to be read again
  return printRanges(test.ranges, (port) =>
    names ? serviceName(port, protocol).replaceAll('-', '\\-') : String(port),
  );
}

const etherType = (type: number, names?: boolean): string =>
  (names ? wordOf(ETHER_TYPES, type) : undefined) ?? `0x${type.toString(16).padStart(4, '0')}`;

function printLookupMask(key: string, mask: bigint): string {
  if (key.endsWith('-mac')) return printMac(mask);
  if (key.endsWith('-ip6')) return printIp6(mask);
  return key.endsWith('-ip4') ? printIp4(Number(mask)) : `0x${mask.toString(16)}`;
}

function printIface(test: Test & { kind: 'iface' }): string {
  const { match, which } = test;
  if (match.by === 'ip') return `${which} ${printIp4(match.address)}`;
  return `${which} ${match.by === 'table' ? printTableRef(match.table) : match.name}`;
}

/** A test as it is written among the options; `not` stands before it, except that not in is `out`. */
export function printOption(test: Test, options: PrintOptions = {}): string {
  switch (test.kind) {
    case 'ip4':
    case 'ip6':
      return test.kind;
    case 'proto':
      return `proto ${protocolName(test.proto)}`;
    case 'net4':
    case 'set4':
    case 'me':
    case 'table':
      return `${test.side}-ip ${printAddress(test)}`;
    case 'net6':
    case 'me6':
      return `${test.side}-ip6 ${printAddress(test)}`;
    case 'port':
      return `${test.side}-port ${printPorts(test, options)}`;
    case 'mac':
      return `MAC ${printMacNet(test.dst)} ${printMacNet(test.src)}`;
    case 'mac-table':
      return `${test.side}-mac ${printTableRef(test.table)}`;
    case 'lookup':
      return `lookup ${test.key}${test.mask === undefined ? '' : `:${printLookupMask(test.key, test.mask)}`} ${test.table.name}`;
    case 'flow':
      return `flow ${printTableRef(test.table)}`;
    case 'iface':
      return printIface(test);
    case 'plain':
      return test.field;
    case 'list':
      return `${test.field} ${printRanges(test.ranges, (value) => (test.field === 'mac-type' ? etherType(value, options.names) : String(value)))}`;
    case 'flags':
      if (test.field === 'tcpflags' && test.set === 2 && test.clear === 16) return 'setup';
      if (test.field === 'frag' && test.set === 8 && test.clear === 0) return 'frag';
      return `${test.field} ${printFlags(FLAG_WORDS[test.field]!, test.set, test.clear)}`;
    case 'number':
      return `${test.field === 'ipversion' ? 'ipver' : test.field} ${test.value}`;
    case 'dscp':
      return `dscp ${test.values.map((value) => wordOf(DSCP, value) ?? value).join(',')}`;
    case 'icmptypes':
    case 'icmp6types':
    case 'flow-id':
      return `${test.kind} ${test.values.join(',')}`;
    case 'ext6hdr':
      return `ext6hdr ${printFlags(EXT6HDR, test.headers, 0)}`;
    case 'tagged-tablearg':
      return 'tagged tablearg';
    case 'mark':
      return `mark ${printMarkValue(test.value)}${test.mask === 0xffffffff ? '' : `:0x${test.mask.toString(16)}`}`;
  }
}
