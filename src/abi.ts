// SPDX-License-Identifier: BSD-2-Clause
// abi.ts: numbers that C and TypeScript share. Made from the C headers by `npm run abi`: do not edit.

/** Flags of a slot, as bits. */
export const SLOT_FLAG = {
  morefrag: 32,
} as const;

/** Constants of a rule program. */
export const PROGRAM = {
  magic: 0x4e56524c,
  tableMagic: 0x4e565442,
  natMagic: 0x4e564e54,
  version: 1,
  tablearg: 0xffffffff,
  nameRef: 0x80000000,
  stateAny: 0xffffffff,
  tableMe: 65535,
  tableRoutes: 65534,
  tableMaxId: 65533,
  idOffIp4: 2,
  idOffIp6: 3,
  natGlobal: 0xfffffffe,
  not: 128,
  or: 64,
} as const;

/** Constants of a statistics page. */
export const PAGE = {
  magicValue: 0x315354415453564en,
  versionValue: 1,
  epoch: 16,
} as const;

/** Where things are in a bridge's page. */
export const BRIDGE_PAGE = {
  state: 0,
  startNs: 1,
  nowNs: 2,
  headWords: 16,
  groupWords: 64,
  dropsAt: 16,
} as const;

/** Where things are in a relay's page. */
export const RELAY_PAGE = {
  pageHead: 32,
  groupWords: 96,
  dropsAt: 16,
  measuresAt: 224,
  measureWords: 48,
  measureLostAt: 16,
  measureTimed: 64,
  histograms: 67,
} as const;

/** Opcodes of a rule program. */
export const OP = {
  never: 0,
  always: 1,
  srcIp: 2,
  dstIp: 3,
  srcIpSet: 4,
  dstIpSet: 5,
  srcMe: 6,
  dstMe: 7,
  srcIp6: 8,
  dstIp6: 9,
  srcMe6: 10,
  dstMe6: 11,
  srcPort: 12,
  dstPort: 13,
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

/** What a table is asked for. */
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

/** What an interface is compared with. */
export const PATTERN = {
  name: 1,
  glob: 2,
  ip: 3,
  table: 4,
} as const;

/** Types of tables. */
export const TABLE_TYPE = {
  addr: 1,
  iface: 2,
  number: 3,
  flow: 4,
  mac: 5,
} as const;

/** Fields of a flow table's key, as bits. */
export const FLOW_FIELD = {
  'src-ip': 1,
  'dst-ip': 2,
  proto: 4,
  'src-port': 8,
  'dst-port': 16,
} as const;

/** Words of a table value (ipv6 is not a word). */
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

/** Flags of a nat instance. */
export const NAT_FLAG = {
  deny_in: 1,
  same_ports: 2,
  unreg_only: 4,
  unreg_cgn: 8,
  reset: 16,
  reverse: 32,
  proxy_only: 64,
  skip_global: 128,
  log: 256,
} as const;

/** Kinds of a nat instance's redirects. */
export const REDIRECT = {
  addr: 1,
  port: 2,
  proto: 3,
} as const;

/** What is done with an entry of a table. */
export const TABLE_ENTRY = {
  add: 1,
  set: 2,
  delete: 3,
} as const;

/** Flags of a change of a table. */
export const TABLE_UPDATE = {
  replace: 1,
} as const;

/** How a frame's size is chosen. */
export const SIZE_MODE = {
  fixed: 0,
  random: 1,
  imix: 2,
} as const;

/** When packets are written. */
export const PREPARE = {
  auto: 0,
  once: 1,
  each: 2,
} as const;

/** Options of a generator's plan, as bits. */
export const PLAN_OPTION = {
  prefetch: 1,
  access: 2,
  copy: 4,
  memcpy: 8,
  ts: 16,
  indirect: 32,
  dump: 64,
  rubbish: 256,
  randomSrc: 512,
  randomDst: 1024,
  ppsStats: 2048,
  updateCsum: 4096,
  all: 8063,
} as const;

/** What is special about a packet for the rules. */
export const PACKET_FLAG = {
  raw: 1,
  divertedLoop: 2,
  divertedOutput: 4,
} as const;

/** What rules did to a packet. */
export const VERDICT_FLAG = {
  rewritten: 1,
  replaced: 2,
  fromState: 4,
  lacking: 8,
} as const;

/** Kinds of dummynet's objects. */
export const EMU_KIND = {
  pipe: 0,
  queue: 1,
  sched: 2,
} as const;

/** What a queue's limit counts. */
export const EMU_LIMIT = {
  slots: 0,
  bytes: 1,
  time: 2,
} as const;

/** Management of a queue. */
export const EMU_MANAGEMENT = {
  droptail: 0,
  red: 1,
  gred: 2,
  codel: 3,
  pie: 4,
} as const;

/** Distributions of jitter. */
export const EMU_JITTER = {
  none: 0,
  uniform: 1,
  normal: 2,
  pareto: 3,
  table: 4,
} as const;

/** Models of a link's loss. */
export const EMU_LOSS = {
  none: 0,
  list: 1,
  bits: 2,
  markov: 3,
  ber: 4,
} as const;

/** Schedulers. */
export const EMU_SCHEDULER = {
  fifo: 0,
  wf2q: 1,
  rr: 2,
  qfq: 3,
  prio: 4,
  fq_codel: 5,
  fq_pie: 6,
} as const;

/** Flags of the emulator's packets, as bits. */
export const EMU_PACKET = {
  ect: 1,
  marked: 2,
  corrupt: 4,
  copy: 8,
  noError: 16,
} as const;

/** Why the emulator lost a packet; none: it did not. */
export const EMU_DROP = {
  none: 0,
  noPipe: 1,
  plr: 2,
  gemodel: 3,
  list: 4,
  pattern: 5,
  markov: 6,
  ber: 7,
  queueFull: 8,
  red: 9,
  gred: 10,
  codel: 11,
  pie: 12,
  profile: 13,
  noMemory: 14,
  deleted: 15,
  stopped: 16,
} as const;

/** How a link carries a frame, as bits. */
export const CARRIED = {
  layer3: 1,
  raw: 2,
} as const;

/** How a program waits for a port. */
export const WAIT_MODE = {
  adaptive: 0,
  sleep: 1,
  busy: 2,
} as const;

/** Messages to and from a command behind a link. */
export const COMMAND = {
  go: 1,
  signal: 2,
  started: 3,
  ended: 4,
  exit: 5,
  exec: 6,
} as const;

/** What XDP can do on an interface, as bits. */
export const NIC_XDP = {
  basic: 1,
  redirect: 2,
  ndoXmit: 4,
  zerocopy: 8,
  hwOffload: 16,
  rxSg: 32,
  ndoXmitSg: 64,
} as const;

/** How an XDP program is attached. */
export const NIC_ATTACHED = {
  noXdp: 0,
  xdpNative: 1,
  xdpGeneric: 2,
  xdpHardware: 3,
  xdpSeveral: 4,
} as const;

/** States of what runs on threads of its own. */
export const ENGINE_STATE = {
  waiting: 0,
  running: 1,
  done: 2,
  failed: 3,
} as const;

/** Words of a statistics page's header. */
export const PAGE_WORD = {
  magic: 0,
  version: 1,
  words: 2,
  workers: 3,
  workerAt: 4,
  workerStride: 5,
  histogramAt: 6,
  histogramStride: 7,
  portAt: 8,
  dropsAt: 9,
  drops: 10,
  state: 11,
  error: 12,
  startNs: 13,
  startRealtimeNs: 14,
} as const;
