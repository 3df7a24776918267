// SPDX-License-Identifier: BSD-2-Clause
// Numbers of the binary program, as native/rules/program.h defines them.

export const MAGIC = 0x4e56524c;
export const VERSION = 1;
export const TABLEARG = 0xffffffff;
export const NAME_REF = 0x80000000;
export const STATE_ANY = 0xffffffff;
export const NAT_GLOBAL = 0xfffffffe;
export const MAX_TABLE_ID = 65533;
/** The table of the addresses that are `me`. */
export const TABLE_ME = 65535;
/** The table of routes: verrevpath, versrcreach, antispoof. */
export const TABLE_ROUTES = 65534;

/** Instruction flags, in place in the first word. */
export const NOT = 0x80 << 8;
export const OR = 0x40 << 8;

export const OP = {
  never: 0,
  always: 1,
  srcIp: 2,
  srcIpSet: 4,
  srcMe: 6,
  srcIp6: 8,
  srcMe6: 10,
  srcPort: 12,
  lookup: 14,
  layer2: 16,
  mac: 17,
  macType: 18,
  in: 19,
  recv: 20,
  xmit: 21,
  via: 22,
  diverted: 23,
  proto: 24,
  ip4: 25,
  ip6: 26,
  frag: 27,
  iplen: 28,
  ipid: 29,
  ipttl: 30,
  ipversion: 31,
  iptos: 32,
  ipprecedence: 33,
  dscp: 34,
  ipoptions: 35,
  ext6hdr: 36,
  flowId: 37,
  established: 40,
  tcpflags: 41,
  tcpoptions: 42,
  tcpseq: 43,
  tcpack: 44,
  tcpwin: 45,
  tcpdatalen: 46,
  tcpmss: 47,
  icmptypes: 48,
  icmp6types: 49,
  tagged: 52,
  fib: 53,
  mark: 54,
  verrevpath: 55,
  versrcreach: 56,
  antispoof: 57,
  prob: 60,
  probeState: 61,
  keepState: 62,
  limit: 63,
  skipAction: 64,
  log: 128,
  altq: 129,
  tag: 130,
  untag: 131,
  setmark: 132,
  accept: 140,
  deny: 141,
  count: 142,
  skipto: 143,
  call: 144,
  return: 145,
  checkState: 146,
  pipe: 147,
  queue: 148,
  unreach: 149,
  unreach6: 150,
  reset: 151,
  reset6: 152,
  abort: 153,
  abort6: 154,
  divert: 155,
  tee: 156,
  forward: 157,
  nat: 158,
  setfib: 159,
  setdscp: 160,
  tcpSetmss: 161,
  reass: 162,
} as const;

export const LOOKUP_KEY = {
  'dst-ip': 0,
  'src-ip': 1,
  'dst-port': 2,
  'src-port': 3,
  dscp: 4,
  mark: 5,
  rulenum: 6,
  'dst-mac': 7,
  'src-mac': 8,
  'dst-ip4': 9,
  'src-ip4': 10,
  'dst-ip6': 11,
  'src-ip6': 12,
  flow: 13,
} as const;

export const PATTERN = { name: 1, glob: 2, ip: 3, table: 4 } as const;

export const TABLE_TYPE = { addr: 1, iface: 2, number: 3, flow: 4, mac: 5 } as const;

export const FLOW_FIELD = { 'src-ip': 1, 'dst-ip': 2, proto: 4, 'src-port': 8, 'dst-port': 16 } as const;

/** Index of the word in a table value; ipv6 is not a word. */
export const VALUE_WORD = {
  skipto: 0,
  pipe: 1,
  fib: 2,
  nat: 3,
  dscp: 4,
  tag: 5,
  divert: 6,
  netgraph: 7,
  limit: 8,
  mark: 9,
  ipv4: 10,
} as const;
