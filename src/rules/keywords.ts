// SPDX-License-Identifier: BSD-2-Clause
// Word lists of the language, in the order they are printed. Values are those of the binary program (native/rules/program.h).

/** Words and their values; several words may have one value, the first is printed. */
export type Vocabulary = readonly (readonly [word: string, value: number])[];

export const codeOf = (words: Vocabulary, word: string): number | undefined =>
  words.find(([each]) => each === word)?.[1];
export const wordOf = (words: Vocabulary, value: number): string | undefined =>
  words.find(([, each]) => each === value)?.[0];
export const wordList = (words: Vocabulary): string => words.map(([word]) => word).join(', ');

export const TCP_FLAGS: Vocabulary = [
  ['syn', 2],
  ['fin', 1],
  ['ack', 16],
  ['psh', 8],
  ['rst', 4],
  ['urg', 32],
];
export const TCP_OPTIONS: Vocabulary = [
  ['mss', 1],
  ['maxseg', 1],
  ['window', 2],
  ['sack', 4],
  ['ts', 8],
  ['timestamp', 8],
  ['cc', 16],
];
export const IP_OPTIONS: Vocabulary = [
  ['ssrr', 2],
  ['lsrr', 1],
  ['rr', 4],
  ['ts', 8],
];
/** `congestion` is both ECN bits; it comes first so that its bits are not printed as another word. */
export const IP_TOS: Vocabulary = [
  ['congestion', 3],
  ['lowdelay', 16],
  ['throughput', 8],
  ['reliability', 4],
  ['mincost', 2],
  ['ecntransport', 2],
];
export const FRAGMENT: Vocabulary = [
  ['rf', 4],
  ['df', 2],
  ['mf', 1],
  ['offset', 8],
];
export const EXT6HDR: Vocabulary = [
  ['frag', 1],
  ['hopopt', 2],
  ['route', 4],
  ['dstopt', 32],
  ['ah', 8],
  ['esp', 16],
  ['rthdr0', 64],
  ['rthdr2', 128],
];
export const LIMIT_FIELDS: Vocabulary = [
  ['src-addr', 1],
  ['src-port', 2],
  ['dst-addr', 4],
  ['dst-port', 8],
];

export const DSCP: Vocabulary = [
  ['af11', 10],
  ['af12', 12],
  ['af13', 14],
  ['af21', 18],
  ['af22', 20],
  ['af23', 22],
  ['af31', 26],
  ['af32', 28],
  ['af33', 30],
  ['af41', 34],
  ['af42', 36],
  ['af43', 38],
  ['be', 0],
  ['va', 44],
  ['ef', 46],
  ['cs0', 0],
  ['cs1', 8],
  ['cs2', 16],
  ['cs3', 24],
  ['cs4', 32],
  ['cs5', 40],
  ['cs6', 48],
  ['cs7', 56],
];

export const ETHER_TYPES: Vocabulary = [
  ['ip', 0x0800],
  ['ipv4', 0x0800],
  ['ipv6', 0x86dd],
  ['arp', 0x0806],
  ['rarp', 0x8035],
  ['vlan', 0x8100],
  ['loop', 0x9000],
  ['trail', 0x1000],
  ['at', 0x809b],
  ['atalk', 0x809b],
  ['aarp', 0x80f3],
  ['pppoe_disc', 0x8863],
  ['pppoe_sess', 0x8864],
  ['ipx_8022', 0x00e0],
  ['ipx_8023', 0x0000],
  ['ipx_ii', 0x8137],
  ['ipx_snap', 0x8137],
  ['ipx', 0x8137],
  ['ns', 0x0600],
];

export const UNREACH: Vocabulary = [
  ['net', 0],
  ['host', 1],
  ['protocol', 2],
  ['port', 3],
  ['needfrag', 4],
  ['srcfail', 5],
  ['net-unknown', 6],
  ['host-unknown', 7],
  ['isolated', 8],
  ['net-prohib', 9],
  ['host-prohib', 10],
  ['tosnet', 11],
  ['toshost', 12],
  ['filter-prohib', 13],
  ['host-precedence', 14],
  ['precedence-cutoff', 15],
];
export const UNREACH6: Vocabulary = [
  ['no-route', 0],
  ['admin-prohib', 1],
  ['address', 3],
  ['port', 4],
];

export const TABLE_TYPES = ['addr', 'iface', 'number', 'flow', 'mac'] as const;
export type TableType = (typeof TABLE_TYPES)[number];

/** Fields of a flow key, in the order they are written. */
export const FLOW_FIELDS = ['src-ip', 'proto', 'src-port', 'dst-ip', 'dst-port'] as const;
export type FlowField = (typeof FLOW_FIELDS)[number];

/** Kinds of table values, in the order they are written. */
export const VALUE_KINDS = [
  'skipto',
  'pipe',
  'fib',
  'nat',
  'dscp',
  'tag',
  'divert',
  'netgraph',
  'limit',
  'ipv4',
  'ipv6',
  'mark',
] as const;
export type ValueKind = (typeof VALUE_KINDS)[number];

/** What `lookup` can look for. */
export const LOOKUP_KEYS = [
  'dst-ip',
  'src-ip',
  'dst-port',
  'src-port',
  'dscp',
  'mark',
  'rulenum',
  'dst-mac',
  'src-mac',
  'dst-ip4',
  'src-ip4',
  'dst-ip6',
  'src-ip6',
] as const;
export type LookupKey = (typeof LOOKUP_KEYS)[number];

/** Actions that may stand alone in a rule, which then is about every packet. */
export const BARE_ACTION = /^(return|count|reass|nat)$/;
