// SPDX-License-Identifier: BSD-2-Clause
// Configuration of links (pipe), flow queues (queue) and schedulers (sched), as the commands give it.

export type DummynetKind = 'pipe' | 'queue' | 'sched';

/** Which fields tell flows apart. */
export interface FlowMask {
  family: 4 | 6;
  srcIp: number;
  dstIp: number;
  /** IPv6 prefix lengths. */
  srcIp6: number;
  dstIp6: number;
  srcPort: number;
  dstPort: number;
  proto: number;
  flowId: number;
  /** By queue number. */
  queue: boolean;
}

/** Extra air time: a file of points, made into equally likely samples. */
export interface LinkProfile {
  file: string;
  name: string;
  /** Samples from this index on are lost packets. */
  lossLevel: number;
  samplesMs: number[];
  bandwidth?: number;
}

export interface RedParameters {
  weight: number;
  minThreshold: number;
  maxThreshold: number;
  maxProbability: number;
}

/** Times in microseconds. */
export interface CodelParameters {
  target: number;
  interval: number;
  ecn: boolean;
}

export interface PieParameters {
  target: number;
  tupdate: number;
  alpha: number;
  beta: number;
  maxBurst: number;
  maxEcnThreshold: number;
  ecn: boolean;
  capDrop: boolean;
  deRandomize: boolean;
  onOff: boolean;
  departureRate: boolean;
}

/** `given`: what a command said; the rest are defaults, which variables may change when it is applied. */
export type QueueManagement =
  | { kind: 'droptail' }
  | { kind: 'red' | 'gred'; red: RedParameters; ecn: boolean }
  | { kind: 'codel'; codel: CodelParameters; given?: Partial<CodelParameters> }
  | { kind: 'pie'; pie: PieParameters; given?: Partial<PieParameters> };

export interface FairQueueing {
  quantum: number;
  limit: number;
  flows: number;
}

export const SCHEDULERS = ['fifo', 'wf2q+', 'rr', 'qfq', 'prio', 'fq_codel', 'fq_pie'] as const;
export type SchedulerType = (typeof SCHEDULERS)[number];

/** Loss of single packets: a probability, or Gilbert-Elliott (drop in good, good->bad, drop in bad, bad->good). */
export type PacketLoss = { random: number } | { good: number; toBad: number; bad: number; toGood: number };

export const JITTER_DISTRIBUTIONS = ['uniform', 'normal', 'pareto', 'table'] as const;

/** Variation of the delay. `values`: a table's, in 8192ths of the deviation (as netem's distribution files). */
export interface Jitter {
  ms: number;
  distribution: (typeof JITTER_DISTRIBUTIONS)[number];
  file?: string;
  values?: number[];
}

/** Loss on the link: numbers of packets, a repeated pattern of 0 and 1, netem's four states, or a bit error rate. */
export type LinkLoss =
  | { kind: 'list'; packets: number[] }
  | { kind: 'bits'; bits: string }
  | { kind: 'markov'; p13: number; p31: number; p32: number; p23: number; p14: number }
  | { kind: 'ber'; rate: number };

/** What dummynet does not do to packets. */
export interface Impairments {
  /** Keeps the packets' order, unless `reorder` is there. */
  jitter?: Jitter;
  /** Packets may overtake; every gap-th, with the probability, skips the delay. */
  reorder?: { probability: number; gap: number };
  duplicate?: number;
  corrupt?: number;
  linkLoss?: LinkLoss;
  /** Bytes a packet costs besides its length; cells of so many bytes, each with an overhead. */
  overhead?: { bytes: number; cell?: { size: number; overhead: number } };
  /** Ethernet: preamble, frame check sequence and gap, 24 bytes a packet. */
  framing?: 'ethernet';
  /** Instants at which a full packet may leave: 1500 bytes of IP. */
  trace?: { file: string; timesMs: number[]; once: boolean };
  slot?: { minMs: number; maxMs: number; packets: number; bytes: number };
}

/** What one command gives; members not given keep their value (or the default of a new object). */
export interface DummynetConfig extends Impairments {
  /** bit/s; 0: unlimited. */
  bandwidth?: number;
  delayMs?: number;
  burstBytes?: number;
  profile?: LinkProfile;
  queue?: { slots: number } | { bytes: number } | { ms: number };
  loss?: PacketLoss;
  noError?: boolean;
  buckets?: number;
  mask?: FlowMask;
  flowMask?: FlowMask;
  schedMask?: FlowMask;
  weight?: number;
  maxLength?: number;
  priority?: number;
  /** The scheduler (or pipe) a queue belongs to. */
  parent?: number;
  management?: QueueManagement;
  scheduler?: SchedulerType;
  fair?: FairQueueing;
  /** What a command said of `fair`; the rest are defaults, which variables may change. */
  fairGiven?: Partial<FairQueueing>;
  /** Of `pipe N config … type X`: what the scheduler with the pipe's number gets. */
  sched?: DummynetConfig;
}

export const DUMMYNET_LIMITS = {
  maxNumber: 65535,
  delayMs: 10_000,
  burstBytes: 2 ** 48 - 1,
  /** More than any value of pipe_byte_limit, which is what counts. */
  queueBytes: 2 ** 40,
  bandwidth: 2 ** 50,
  samples: 1024,
  /** Bytes that Ethernet adds to a frame: preamble 8, frame check sequence 4, gap 12. */
  framing: 24,
  /** Entries of traces, tables and loss patterns. */
  entries: 2 ** 24,
  overhead: 65536,
};

/** Bytes of one opportunity of a trace, when it is counted as a rate. */
const TRACE_BYTES = 1500;

/** bit/s of a link, a trace's on the average; 0: no limit. */
export function rateOf({ bandwidth = 0, trace }: Pick<DummynetConfig, 'bandwidth' | 'trace'>): number {
  const last = trace?.timesMs.at(-1);
  return trace && last ? (trace.timesMs.length * TRACE_BYTES * 8e3) / last : bandwidth;
}

/** Those of FreeBSD's ipfw: queues drop; the schedulers fq_codel and fq_pie mark, and fq_pie takes delays from time stamps. */
export const CODEL_DEFAULT: CodelParameters = { target: 5_000, interval: 100_000, ecn: false };
export const FQ_CODEL_DEFAULT: CodelParameters = { ...CODEL_DEFAULT, ecn: true };
export const PIE_DEFAULT: PieParameters = {
  target: 15_000,
  tupdate: 15_000,
  alpha: 0.125,
  beta: 1.25,
  maxBurst: 150_000,
  maxEcnThreshold: 0.1,
  ecn: false,
  capDrop: true,
  deRandomize: true,
  onOff: false,
  departureRate: true,
};
export const FQ_PIE_DEFAULT: PieParameters = { ...PIE_DEFAULT, ecn: true, departureRate: false };
export const FAIR_DEFAULT: FairQueueing = { quantum: 1514, limit: 10240, flows: 1024 };
