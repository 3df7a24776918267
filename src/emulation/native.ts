// SPDX-License-Identifier: BSD-2-Clause
// The emulator of native/emulation, through the addon. Times are nanoseconds.
import type { FlowMask } from '../rules/dummynet.js';
import type { FlowQueue } from '../rules/engine.js';

export interface NativeEmulationOptions {
  seed: bigint;
  /** Bytes at most for queues and links made by masks. */
  memory?: number;
  expireNs?: number;
  /** Of each packet's length: the MAC header, which traces do not count. */
  macBytes?: number;
}

/** struct nv_emu_link; what is not given is zero. */
export interface NativeLink {
  bandwidth?: number;
  delayNs?: number;
  burstBytes?: number;
  profileNs?: Float64Array;
  profileLossLevel?: number;
  jitter?: number;
  jitterNs?: number;
  /** 8192ths of jitterNs. */
  jitterTable?: Int16Array;
  reorders?: boolean;
  reorder?: number;
  reorderGap?: number;
  duplicate?: number;
  corrupt?: number;
  loss?: number;
  lossList?: Float64Array;
  lossBits?: string;
  /** p13 p31 p32 p23 p14 */
  markov?: Float64Array;
  bitErrors?: number;
  overhead?: number;
  cellSize?: number;
  cellOverhead?: number;
  traceNs?: Float64Array;
  traceOnce?: boolean;
  slotMinNs?: number;
  slotMaxNs?: number;
  slotPackets?: number;
  slotBytes?: number;
}

export interface NativeCodel {
  targetNs: number;
  intervalNs: number;
  ecn: boolean;
}

export interface NativePie {
  targetNs: number;
  updateNs: number;
  maxBurstNs: number;
  alpha: number;
  beta: number;
  maxEcn: number;
  ecn: boolean;
  capDrop: boolean;
  deRandomize: boolean;
  onOff: boolean;
  departureRate: boolean;
}

/** struct nv_emu_flowset */
export interface NativeFlowset {
  limit?: number;
  limitKind?: number;
  management?: number;
  noError?: boolean;
  plr?: number;
  gilbert?: { good: number; toBad: number; bad: number; toGood: number };
  weight?: number;
  lmax?: number;
  mask?: FlowMask;
  red?: {
    weight: number;
    minThreshold: number;
    maxThreshold: number;
    maxProbability: number;
    ecn: boolean;
    averagePacket?: number;
    maxPacket?: number;
  };
  codel?: NativeCodel;
  pie?: NativePie;
}

/** struct nv_emu_sched */
export interface NativeSched {
  /** EMU_SCHEDULER */
  type: number;
  mask?: FlowMask;
  quantum?: number;
  limit?: number;
  flows?: number;
  codel?: NativeCodel;
  pie?: NativePie;
}

/** Columns that release fills, in memory shared with the addon; all of one length. */
export interface NativeRelease {
  cookies: Float64Array;
  times: BigUint64Array;
  /** Index of the drop's name; 0: the packet departs. */
  drops: Uint8Array;
  /** EMU_PACKET bits. */
  flags: Uint8Array;
  /** Which bit of a corrupt packet is to be flipped, from the first byte's highest. */
  bits: Uint32Array;
  /** Bytes as the link counts them. */
  lengths: Uint32Array;
}

/** A flow queue, or a link. */
export interface FlowInfo extends FlowQueue {
  number: number;
  /** Put on the link. */
  departed: number;
  departedBytes: number;
  /** Flow queues: of those, the sum of the times from arrival to departure. */
  delayNs: number;
  /** Flow queues: drops by reason; those that happened. */
  lost: Record<string, number>;
}

/** offered + duplicated = departed + waiting + the sum of drops, always. */
export interface EmulationTotals {
  offered: number;
  offeredBytes: number;
  duplicated: number;
  departed: number;
  departedBytes: number;
  waiting: number;
  marked: number;
  corrupted: number;
  reordered: number;
  links: number;
  flows: number;
  memory: number;
  drops: Record<string, number>;
}

/** The addon's class Emulation. `number` 0 means all objects of a kind where flows are asked for. */
export interface NativeEmulation {
  pipeConfig(number: number, link: NativeLink, flowset: NativeFlowset, mask?: FlowMask): void;
  queueConfig(number: number, parent: number, flowset: NativeFlowset): void;
  schedConfig(number: number, sched: NativeSched, link?: NativeLink): void;
  delete(kind: number, number: number): void;
  flush(): void;
  /** Whether enqueue should be given the frame: the object has a mask or an fq_ scheduler. */
  wantsKey(kind: number, number: number): boolean;
  /** Index of the drop's name; 0: taken. `raw`: the frame begins with the IP header. */
  enqueue(
    now: bigint,
    kind: number,
    number: number,
    cookie: number,
    length: number,
    ect: boolean,
    frame?: Uint8Array,
    raw?: boolean,
  ): number;
  /**
   * The same for a frame, whose length on the link, marks and addresses are found in it. `missing`: bytes of it that
   * were not captured; `how`: bits of abi.ts, CARRIED.
   */
  send(
    now: bigint,
    kind: number,
    number: number,
    cookie: number,
    frame: Uint8Array,
    missing: number,
    how: number,
  ): number;
  /** Do to the frame's bytes what release says of it: `flags`, and which bit. */
  change(frame: Uint8Array, how: number, flags: number, bit: number): void;
  /** The columns, the same memory at each call. */
  columns(): NativeRelease;
  /** How many packets were due, and are in the columns now; as many as these have room for: there may be more. */
  release(now: bigint): number;
  /** When release has something next; undefined: never, unless a packet arrives. */
  next(): bigint | undefined;
  /** All that waits comes out of release as stopped. */
  stop(now: bigint): void;
  totals(): EmulationTotals;
  flows(kind: number, number: number): FlowInfo[];
  links(kind: number, number: number): FlowInfo[];
  close(): void;
}
