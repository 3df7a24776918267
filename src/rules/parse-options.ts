// SPDX-License-Identifier: BSD-2-Clause
// The options of a rule body: keyword -> reader of its arguments.
import { EXIT, expectedOf } from './error.js';
import { DSCP, EXT6HDR, IP_OPTIONS, IP_TOS, TCP_FLAGS, TCP_OPTIONS, wordList } from './keywords.js';
import {
  address,
  argument,
  type BodyReader,
  flags,
  frag,
  iface,
  list,
  lookup,
  mark,
  number,
  type Parsed,
  parseFlags,
  parseMacNet,
  parseSetOf,
  plain,
  ports,
  protocol,
  tableArgument,
} from './option-args.js';

const refused =
  (reason: string) =>
  ({ words }: BodyReader): never => {
    throw words.failBack(`the option "${words.peek(-1)}" is refused: ${reason}`);
  };
const NO_SOCKETS = 'packets here belong to no local socket, so it could never match; remove it';

type OptionParser = (reader: BodyReader) => Parsed;

const tagged: OptionParser = (reader) => {
  if (reader.words.accept('tablearg')) return { kind: 'tagged-tablearg' };
  return list('tagged', 65534)(reader);
};

export const OPTIONS: Record<string, OptionParser> = {
  in: plain('in'),
  layer2: plain('layer2'),
  bridged: plain('layer2'),
  established: plain('established'),
  estab: plain('established'),
  verrevpath: plain('verrevpath'),
  versrcreach: plain('versrcreach'),
  antispoof: plain('antispoof'),
  ipsec: plain('ipsec'),
  sockarg: plain('sockarg'),
  diverted: plain('diverted'),
  'diverted-loopback': plain('diverted-loopback'),
  'diverted-output': plain('diverted-output'),
  uid: refused(NO_SOCKETS),
  gid: refused(NO_SOCKETS),
  jail: refused(NO_SOCKETS),
  ip4: () => ({ kind: 'ip4' }),
  ipv4: () => ({ kind: 'ip4' }),
  ip6: () => ({ kind: 'ip6' }),
  ipv6: () => ({ kind: 'ip6' }),
  proto: protocol,
  'src-ip': address('src', false),
  'dst-ip': address('dst', false),
  'src-ip6': address('src', true),
  'src-ipv6': address('src', true),
  'dst-ip6': address('dst', true),
  'dst-ipv6': address('dst', true),
  'src-port': ports('src'),
  'dst-port': ports('dst'),
  recv: iface('recv'),
  xmit: iface('xmit'),
  via: iface('via'),
  iplen: list('iplen', 65535),
  ipid: list('ipid', 65535),
  ipttl: list('ipttl', 255),
  fib: list('fib', 65534),
  tcpwin: list('tcpwin', 65535),
  tcpdatalen: list('tcpdatalen', 65535),
  tcpmss: list('tcpmss', 65535),
  'mac-type': list('mac-type', 65535),
  tagged,
  ipversion: number('ipversion', 15),
  ipver: number('ipversion', 15),
  ipprecedence: number('ipprecedence', 7),
  tcpseq: number('tcpseq', 0xffffffff),
  tcpack: number('tcpack', 0xffffffff),
  iptos: flags('iptos', IP_TOS),
  ipoptions: flags('ipoptions', IP_OPTIONS),
  ipopts: flags('ipoptions', IP_OPTIONS),
  tcpflags: flags('tcpflags', TCP_FLAGS),
  tcpflgs: flags('tcpflags', TCP_FLAGS),
  tcpoptions: flags('tcpoptions', TCP_OPTIONS),
  tcpopts: flags('tcpoptions', TCP_OPTIONS),
  setup: () => ({ kind: 'flags', field: 'tcpflags', set: 2, clear: 16 }),
  frag,
  fragment: frag,
  dscp: (r) => argument(r, 'DSCPs', (text) => ({ kind: 'dscp', values: parseSetOf(text, 'DSCP', 63, DSCP) })),
  icmptypes: (r) =>
    argument(r, 'ICMP types', (text) => ({ kind: 'icmptypes', values: parseSetOf(text, 'ICMP type', 31) })),
  icmp6types: (r) =>
    argument(r, 'ICMPv6 types', (text) => ({
      kind: 'icmp6types',
      values: parseSetOf(text, 'ICMPv6 type', 255),
    })),
  'flow-id': (r) =>
    argument(r, 'flow labels', (text) => ({
      kind: 'flow-id',
      values: parseSetOf(text, 'flow label', 0xfffff),
    })),
  ext6hdr: (r) =>
    argument(r, wordList(EXT6HDR), (text) => ({
      kind: 'ext6hdr',
      headers: parseFlags(text, EXT6HDR, 'extension header').set,
    })),
  MAC: (r) => ({
    kind: 'mac',
    dst: argument(r, 'MAC dst src', parseMacNet),
    src: argument(r, 'the source MAC', parseMacNet),
  }),
  'src-mac': (r) => ({ kind: 'mac-table', side: 'src', table: tableArgument(r) }),
  'dst-mac': (r) => ({ kind: 'mac-table', side: 'dst', table: tableArgument(r) }),
  flow: (r) => ({ kind: 'flow', table: tableArgument(r) }),
  lookup,
  mark,
};
OPTIONS.mac = OPTIONS.MAC!;
OPTIONS.icmptype = OPTIONS.icmptypes!;
OPTIONS.icmp6type = OPTIONS.icmp6types!;

/** Words that cannot be ports: they begin an option or end the part before. */
export const isKeyword = (text: string): boolean =>
  Object.hasOwn(OPTIONS, text) ||
  /^(out|to|or|\||not|!.*|any|[{}()]|\/\/.*|keep-state|record-state|limit|set-limit|altq|(defer-(immediate-)?|skip-)action)$/.test(
    text,
  );

const OTHER = ['out', 'keep-state', 'record-state', 'limit', 'set-limit', 'defer-action', '// comment'];

/** What an unknown option may have been meant as; where a protocol could stand, that too. */
export const optionsLike = (text: string, protocols: readonly string[] = []): string =>
  expectedOf(text, [...protocols, ...Object.keys(OPTIONS), ...OTHER]);

export function parseOption(reader: BodyReader): { parsed: Parsed; invert: boolean } {
  const { words } = reader;
  if (words.accept('out')) return { parsed: { kind: 'plain', field: 'in' }, invert: true };
  const word = words.next('an option');
  if (!Object.hasOwn(OPTIONS, word))
    throw words.failBack(`unknown option "${word}"`, optionsLike(word), EXIT.usage);
  return { parsed: OPTIONS[word]!(reader), invert: false };
}
