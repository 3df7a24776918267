// SPDX-License-Identifier: BSD-2-Clause
// From the parameters of pipe, queue and sched to those of the emulator.
import { EMU_JITTER, EMU_LIMIT, EMU_LOSS, EMU_MANAGEMENT, EMU_SCHEDULER } from '../abi.js';
import type {
  CodelParameters,
  DummynetConfig,
  FlowMask,
  Impairments,
  PieParameters,
} from '../rules/dummynet.js';
import { DUMMYNET_LIMITS } from '../rules/dummynet.js';
import type { NativeCodel, NativeFlowset, NativeLink, NativePie, NativeSched } from './native.js';

const nsOfMs = (ms: number): number => Math.round(ms * 1e6);
const nsOfUs = (us: number): number => Math.round(us * 1e3);

function nativeLoss({ linkLoss }: Impairments): NativeLink {
  switch (linkLoss?.kind) {
    case 'list':
      return { loss: EMU_LOSS.list, lossList: Float64Array.from(linkLoss.packets) };
    case 'bits':
      return { loss: EMU_LOSS.bits, lossBits: linkLoss.bits };
    case 'markov': {
      const { p13, p31, p32, p23, p14 } = linkLoss;
      return { loss: EMU_LOSS.markov, markov: Float64Array.of(p13, p31, p32, p23, p14) };
    }
    case 'ber':
      return { loss: EMU_LOSS.ber, bitErrors: linkLoss.rate };
    default:
      return {};
  }
}

function nativeImpairments(config: Impairments): NativeLink {
  const { jitter, reorder, duplicate, corrupt, overhead, framing, trace, slot } = config;
  const cell = overhead?.cell;
  return {
    ...(jitter && {
      jitter: EMU_JITTER[jitter.distribution],
      jitterNs: nsOfMs(jitter.ms),
      ...(jitter.values && { jitterTable: Int16Array.from(jitter.values) }),
    }),
    reorders: reorder !== undefined,
    ...(reorder && { reorder: reorder.probability, reorderGap: reorder.gap }),
    ...(duplicate !== undefined && { duplicate }),
    ...(corrupt !== undefined && { corrupt }),
    ...nativeLoss(config),
    overhead: (overhead?.bytes ?? 0) + (framing ? DUMMYNET_LIMITS.framing : 0),
    ...(cell && { cellSize: cell.size, cellOverhead: cell.overhead }),
    ...(trace && { traceNs: Float64Array.from(trace.timesMs, nsOfMs), traceOnce: trace.once }),
    ...(slot && {
      slotMinNs: nsOfMs(slot.minMs),
      slotMaxNs: nsOfMs(slot.maxMs),
      slotPackets: slot.packets,
      slotBytes: slot.bytes,
    }),
  };
}

/** The link of a pipe, or of a scheduler. */
export function nativeLink(config: DummynetConfig): NativeLink {
  const { bandwidth = 0, delayMs = 0, burstBytes = 0, profile } = config;
  return {
    bandwidth: Math.round(bandwidth),
    delayNs: nsOfMs(delayMs),
    burstBytes,
    ...(profile && {
      profileNs: Float64Array.from(profile.samplesMs, nsOfMs),
      profileLossLevel: profile.lossLevel,
    }),
    ...nativeImpairments(config),
  };
}

const nativeCodel = ({ target, interval, ecn }: CodelParameters): NativeCodel => ({
  targetNs: nsOfUs(target),
  intervalNs: nsOfUs(interval),
  ecn,
});

const nativePie = (pie: PieParameters): NativePie => ({
  targetNs: nsOfUs(pie.target),
  updateNs: nsOfUs(pie.tupdate),
  maxBurstNs: nsOfUs(pie.maxBurst),
  alpha: pie.alpha,
  beta: pie.beta,
  maxEcn: pie.maxEcnThreshold,
  ecn: pie.ecn,
  capDrop: pie.capDrop,
  deRandomize: pie.deRandomize,
  onOff: pie.onOff,
  departureRate: pie.departureRate,
});

function nativeLimit({ queue }: DummynetConfig): NativeFlowset {
  if (!queue) return {};
  if ('slots' in queue) return { limit: queue.slots, limitKind: EMU_LIMIT.slots };
  if ('bytes' in queue) return { limit: queue.bytes, limitKind: EMU_LIMIT.bytes };
  return { limit: nsOfMs(queue.ms), limitKind: EMU_LIMIT.time };
}

function nativeManagement({ management }: DummynetConfig): NativeFlowset {
  switch (management?.kind) {
    case 'red':
    case 'gred':
      return { management: EMU_MANAGEMENT[management.kind], red: { ...management.red, ecn: management.ecn } };
    case 'codel':
      return { management: EMU_MANAGEMENT.codel, codel: nativeCodel(management.codel) };
    case 'pie':
      return { management: EMU_MANAGEMENT.pie, pie: nativePie(management.pie) };
    default:
      return {};
  }
}

function nativeLossRate({ loss }: DummynetConfig): NativeFlowset {
  if (!loss) return {};
  return 'random' in loss ? { plr: loss.random } : { gilbert: loss };
}

/** The flow queues of a queue, or of a pipe. */
export function nativeFlowset(config: DummynetConfig, mask?: FlowMask): NativeFlowset {
  return {
    ...nativeLimit(config),
    ...nativeManagement(config),
    ...nativeLossRate(config),
    noError: config.noError === true,
    ...(config.weight !== undefined && { weight: config.weight }),
    ...(config.maxLength !== undefined && { lmax: config.maxLength }),
    ...(mask && { mask }),
  };
}

/** A scheduler; its link goes separately. */
export function nativeSched({
  scheduler = 'wf2q+',
  fair,
  management,
  schedMask,
  mask,
}: DummynetConfig): NativeSched {
  return {
    type: EMU_SCHEDULER[scheduler === 'wf2q+' ? 'wf2q' : scheduler],
    ...((schedMask ?? mask) && { mask: (schedMask ?? mask)! }),
    ...(fair && { quantum: fair.quantum, limit: fair.limit, flows: fair.flows }),
    ...(fair && management?.kind === 'codel' && { codel: nativeCodel(management.codel) }),
    ...(fair && management?.kind === 'pie' && { pie: nativePie(management.pie) }),
  };
}

/** Whether a scheduler's parameters say something about its link; otherwise it is that of the pipe of its number. */
export const namesLink = (config: DummynetConfig): boolean =>
  (
    [
      ...['bandwidth', 'delayMs', 'burstBytes', 'profile', 'jitter', 'reorder', 'duplicate'],
      ...['corrupt', 'linkLoss', 'overhead', 'framing', 'trace', 'slot'],
    ] as (keyof DummynetConfig)[]
  ).some((member) => config[member] !== undefined);
