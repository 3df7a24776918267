// SPDX-License-Identifier: BSD-2-Clause
// link-records.ts: links and flow queues as emulate reports them.

import type { LinkState } from '../emulation/link-states.js';
import type { Measure } from '../emulation/measures.js';
import { type DummynetConfig, rateOf } from '../rules/dummynet.js';
import type { DummynetObjects } from '../rules/dummynet-objects.js';

export interface LinkRecord {
  kind: 'pipe' | 'queue';
  number: number;
  /** Which flow, where a mask tells flows apart: "10.0.1.0:0 > 0.0.0.0:0"; else empty. */
  flow: string;
  /** Offered since it was made, losses included. */
  total_packets: number;
  total_bytes: number;
  /** Waiting now. */
  packets: number;
  bytes: number;
  drops: number;
  /** Of drops, by reason; those that happened. */
  lost: Record<string, number>;
  /** Put on the link, and the mean time from their arrival to their departure, once there are any. */
  departed: number;
  delay_mean_ms?: number;
}

/** What a pipe or queue promises, and what it gave. Rates are bit/s, 0: no limit; times milliseconds. */
export interface PromiseRecord {
  kind: 'pipe' | 'queue';
  number: number;
  promised: {
    bandwidth: number;
    delay_ms: number;
    /** Queues: of which scheduler, and what of its bandwidth is theirs for certain, as long as all its queues are busy. */
    sched?: number;
    weight?: number;
    share?: number;
  };
  measured: {
    packets: number;
    bytes: number;
    /** From the first packet sent to the last; 0 for a single one. */
    bandwidth: number;
    /** From arrival to sending; with one_pass. */
    delay_min_ms?: number;
    delay_mean_ms?: number;
    delay_max_ms?: number;
  };
}

/** What the configuration of a pipe or queue promises. */
export function promiseOf(
  objects: Pick<DummynetObjects, 'get' | 'all'>,
  kind: 'pipe' | 'queue',
  number: number,
): PromiseRecord['promised'] {
  const own = objects.get(kind, number);
  if (kind === 'pipe' || own?.parent === undefined)
    return { bandwidth: rateOf(own ?? {}), delay_ms: own?.delayMs ?? 0 };
  const { parent: sched } = own;
  const link: DummynetConfig = { ...objects.get('pipe', sched), ...objects.get('sched', sched) };
  const weightOf = (config: DummynetConfig): number => config.weight || 1;
  const weight = weightOf(own);
  const siblings = objects.all('queue').filter(([, { parent }]) => parent === sched);
  const total = siblings.reduce((sum, [, config]) => sum + weightOf(config), 0);
  return {
    bandwidth: rateOf(link),
    delay_ms: link.delayMs ?? 0,
    sched,
    weight,
    // Strict priorities have no shares.
    ...(link.scheduler !== 'prio' && { share: weight / total }),
  };
}

/** Beside each measure what was configured. */
export function promiseRecords(
  measures: readonly Measure[],
  objects: Pick<DummynetObjects, 'get' | 'all'>,
): PromiseRecord[] {
  const sorted = [...measures].sort((a, b) => a.kind.localeCompare(b.kind) || a.number - b.number);
  return sorted.map((one) => {
    const { kind, number, packets, bytes, firstBytes, firstNs, lastNs, delays } = one;
    const seconds = (lastNs - firstNs) / 1e9;
    return {
      kind,
      number,
      promised: promiseOf(objects, kind, number),
      measured: {
        packets,
        bytes,
        bandwidth: seconds > 0 ? ((bytes - firstBytes) * 8) / seconds : 0,
        ...(delays > 0 && {
          delay_min_ms: one.delayMinNs / 1e6,
          delay_mean_ms: one.delaySumNs / delays / 1e6,
          delay_max_ms: one.delayMaxNs / 1e6,
        }),
      },
    };
  });
}

/** A flow queue as a record. */
export function linkRecord({ totalPackets, totalBytes, delayMeanMs, ...state }: LinkState): LinkRecord {
  return {
    ...state,
    total_packets: totalPackets,
    total_bytes: totalBytes,
    ...(delayMeanMs !== undefined && { delay_mean_ms: delayMeanMs }),
  };
}
