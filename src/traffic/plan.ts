// SPDX-License-Identifier: BSD-2-Clause
// plan.ts: what an engine is asked to do, and its translation to the words and units of the C interface.
import { PREPARE, SIZE_MODE, WAIT_MODE } from '../abi.js';
import { netvaleError } from '../errors.js';
import type { NativePlan } from '../native.js';
import { checkOptions, type OptionNames } from '../options.js';
import type { OpenOptions } from '../port/port.js';
import type { NativeEngine as RuleEngine } from '../rules/native-engine.js';

/** What the workers do: count, send, measure round trips, answer, send and count numbered packets. */
export type Role = 'rx' | 'tx' | 'ping' | 'pong' | 'txseq' | 'rxseq';

/** What packets look like. What is left out keeps pkt-gen's default. */
export interface Traffic {
  /** IP version, 4 or 6. Default 4. */
  version?: 4 | 6;
  /** "aa:bb:cc:dd:ee:ff", or a range "aa:…:00-aa:…:ff". Default destination: broadcast. */
  srcMac?: string;
  dstMac?: string;
  /** "ip[:port[-ip:port]]". Default 10.0.0.1:1234 to 10.1.0.1:1234, or fd00::1 to fd01::1. */
  src?: string;
  dst?: string;
  /** Default 'udp'. 'icmp' is an echo request, of the IP version. */
  protocol?: 'udp' | 'tcp' | 'icmp';
  ttl?: number;
  tos?: number;
  /** VLAN tags, outermost first: number, plus priority * 8192. At most 4. */
  vlans?: number[];
  /** Bytes of zeroes (a virtio-net header) before each frame: 0, 10 or 12. Default 0. */
  vnetLength?: 0 | 10 | 12;
  /**
   * Frame bytes without checksum, to 65549: one size, evenly between two, or 60, 590 and 1514 as 7 : 4 : 1. Refused when
   * the headers (and a sequence number) take more. Default 60, or as many as those take.
   */
  size?: number | { min: number; max: number } | 'imix';
  /** Whether buffers are written once, or for each packet. Default 'auto': once when all packets fit the ring. */
  prepare?: 'auto' | 'once' | 'each';
  /** Slots a packet, 1..63. Default 1. */
  frags?: number;
  /** Most bytes a slot; 0: the buffer's size. */
  fragSize?: number;
  /** The first N address tuples again and again, widening ranges where needed. Default 0: as the ranges say. */
  flows?: number;
  /** Source, destination at random (in the range, when one is given). */
  randomSrc?: boolean;
  randomDst?: boolean;
  /** Seed of everything random. */
  seed?: number | bigint;
}

/** One stretch of a rate profile: linear from `from` to `to` packets per second. The last one's end holds for ever. */
export interface RateStep {
  /** 0..1e9 packets per second. */
  from: number;
  to: number;
  /** Over 0; at most 3 days when `from` and `to` differ. */
  milliseconds: number;
}

export interface Plan {
  /** Full port name: "vale0:a". */
  port: string;
  role: Role;
  open?: Omit<OpenOptions, 'batch' | 'wait'>;
  /** 1..16; above 1, worker i opens ring i. Default 1. */
  threads?: number;
  /** Worker i is pinned to processor (cpu + i) modulo cpus. Default: not pinned. */
  cpu?: number;
  /** Processors to use; 0: all. */
  cpus?: number;
  wait?: 'adaptive' | 'sleep' | 'busy';
  /** Packets (ping: round trips) in all; 0: until stopped. */
  count?: number;
  /** Packets a batch. Default 512, ping and pong 1; with a rate what 100 µs carry. */
  burst?: number;
  /** Packets per second in all, to 1e9; 0: as fast as possible. */
  rate?: number;
  /** Instead of rate. */
  ramp?: RateStep[];
  /** Wait before the first packet. */
  linkWaitMs?: number;
  /** Receiving: leave after this long without a packet, once one came; 0: stay. */
  silenceMs?: number;
  /** Leave this long after the start; 0: no limit. */
  durationMs?: number;
  /** ping: give a request up after this long. Default 1000. */
  timeoutMs?: number;
  /** pkt-gen's -o bits. */
  options?: number;
  /**
   * tx, txseq, rx, rxseq: take turns with others that have the port's rings open and do so, too; each packet is sent,
   * and received, by one of them. Goes with open.share.
   */
  share?: boolean;
  /** rxseq: check every byte. */
  verify?: boolean;
  /** rx, rxseq: record delays of stamped packets. */
  histogram?: boolean;
  /** Where option bit 64 (dump) writes packets as text. */
  dumpFd?: number;
  /** txseq: number of worker 0's sequence. Default: from the process id. */
  stream?: number;
  /**
   * Only packets that these rules allow are sent (`out xmit` and the port's name, without "netmap:"), or received and
   * looked at (`in recv`); the others count as `denied`, and sending they use up their place in count and rate all the
   * same. The rules may change while the engine runs; they can be closed after the engine.
   */
  rules?: RuleEngine;
  /** Open file to which matches of rules with `log` are written as JSON records; it stays the caller's. */
  logFd?: number;
  /** File (pcapng) to which the packets of those matches are written, each with a comment that names the rule. */
  matches?: string;
  /** What tx, txseq and ping send. */
  traffic?: Traffic;
}

const PROTOCOLS = { udp: 17, tcp: 6, icmp: 1 } as const;

const PLAN: OptionNames<Plan> = {
  port: true,
  role: true,
  open: true,
  threads: true,
  cpu: true,
  cpus: true,
  wait: true,
  count: true,
  burst: true,
  rate: true,
  ramp: true,
  linkWaitMs: true,
  silenceMs: true,
  durationMs: true,
  timeoutMs: true,
  options: true,
  share: true,
  verify: true,
  histogram: true,
  dumpFd: true,
  stream: true,
  rules: true,
  logFd: true,
  matches: true,
  traffic: true,
};

const TRAFFIC: OptionNames<Traffic> = {
  version: true,
  srcMac: true,
  dstMac: true,
  src: true,
  dst: true,
  protocol: true,
  ttl: true,
  tos: true,
  vlans: true,
  vnetLength: true,
  size: true,
  prepare: true,
  frags: true,
  fragSize: true,
  flows: true,
  randomSrc: true,
  randomDst: true,
  seed: true,
};

const OPEN: OptionNames<NonNullable<Plan['open']>> = {
  dir: true,
  existing: true,
  copy: true,
  share: true,
  txRings: true,
  rxRings: true,
  txSlots: true,
  rxSlots: true,
};

const STEP: OptionNames<RateStep> = {
  from: true,
  to: true,
  milliseconds: true,
};

function pick<T extends Record<string, number>>(table: T, name: string, what: string): number {
  const value = table[name];
  if (value === undefined)
    throw netvaleError('EINVAL', `${what} must be one of ${Object.keys(table).join(', ')}, not '${name}'`);
  return value;
}

/** Milliseconds as whole nanoseconds. Throws EINVAL when negative or beyond 100 days. */
function nanoseconds(milliseconds: number, what: string): number {
  if (!(milliseconds >= 0 && milliseconds <= 8.64e9))
    throw netvaleError('EINVAL', `${what} must be from 0 to 8640000000 ms, not ${milliseconds}`);
  return Math.round(milliseconds * 1e6);
}

function nativeTraffic(traffic: Traffic): Record<string, unknown> {
  const { size, protocol, prepare, ...rest } = traffic;
  const out: Record<string, unknown> = { ...rest };
  if (protocol !== undefined) out.protocol = pick(PROTOCOLS, protocol, 'protocol');
  if (prepare !== undefined) out.prepare = pick(PREPARE, prepare, 'prepare');
  if (size === 'imix') Object.assign(out, { sizeMode: SIZE_MODE.imix });
  else if (size === undefined) return out;
  else if (typeof size === 'number') Object.assign(out, { sizeMode: SIZE_MODE.fixed, sizeMax: size });
  else Object.assign(out, { sizeMode: SIZE_MODE.random, sizeMin: size.min, sizeMax: size.max });
  return out;
}

/** A plan as the native part takes it. Throws EINVAL for what has no translation. */
export function nativePlan(plan: Plan): NativePlan {
  checkOptions('plan', plan, PLAN);
  if (plan.traffic !== undefined) checkOptions('plan.traffic', plan.traffic, TRAFFIC);
  if (plan.open !== undefined) checkOptions('plan.open', plan.open, OPEN);
  for (const step of plan.ramp ?? []) checkOptions('plan.ramp', step, STEP);
  const { wait, ramp, linkWaitMs, silenceMs, durationMs, timeoutMs, traffic, rules, ...rest } = plan;
  const out: NativePlan = { ...rest };
  if (wait !== undefined) out.waitMode = pick(WAIT_MODE, wait, 'wait');
  if (linkWaitMs !== undefined) out.linkWaitNs = nanoseconds(linkWaitMs, 'linkWaitMs');
  if (silenceMs !== undefined) out.silenceNs = nanoseconds(silenceMs, 'silenceMs');
  if (durationMs !== undefined) out.durationNs = nanoseconds(durationMs, 'durationMs');
  if (timeoutMs !== undefined) out.timeoutNs = nanoseconds(timeoutMs, 'timeoutMs');
  if (ramp !== undefined)
    out.ramp = ramp.map(({ from, to, milliseconds }) => ({
      from,
      to,
      durationNs: nanoseconds(milliseconds, 'a ramp step'),
    }));
  if (rules !== undefined) out.rules = rules.rules;
  if (traffic !== undefined) out.traffic = nativeTraffic(traffic);
  return out;
}
