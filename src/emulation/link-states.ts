// SPDX-License-Identifier: BSD-2-Clause
// link-states.ts: what waits in links now, flow queue by flow queue.
import type { DummynetObjects } from '../rules/dummynet-objects.js';
import type { Emulator } from './emulator.js';
import type { FlowInfo } from './native.js';

export interface LinkState {
  kind: 'pipe' | 'queue';
  number: number;
  /** Which flow, where a mask tells flows apart: "10.0.1.0:0 > 0.0.0.0:0"; else empty. */
  flow: string;
  /** Offered since it was made, losses included. */
  totalPackets: number;
  totalBytes: number;
  /** Waiting now. */
  packets: number;
  bytes: number;
  drops: number;
  /** Of drops, by reason; those that happened. */
  lost: Record<string, number>;
  /** Put on the link, and the mean time from their arrival to their departure, once there are any. */
  departed: number;
  delayMeanMs?: number;
}

/** Which flow: "udp 10.0.1.0:0 > 0.0.0.0:0"; empty for the only queue of an object without a mask. */
function flowText(info: FlowInfo): string {
  if (info.expired) return 'those that went';
  if (info.family === 0) return '';
  const side = (address: string, port: number): string =>
    info.family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  return `${info.proto} ${side(info.src, info.srcPort)} > ${side(info.dst, info.dstPort)}`;
}

/** Every flow queue there is, by kind and number. */
export function linkStates(
  objects: Pick<DummynetObjects, 'all'>,
  emulator: Pick<Emulator, 'flows'>,
): LinkState[] {
  return (['pipe', 'queue'] as const).flatMap((kind) =>
    objects.all(kind).flatMap(([number]) =>
      emulator.flows(kind, number).map((info) => ({
        kind,
        number,
        flow: flowText(info),
        totalPackets: info.totalPackets,
        totalBytes: info.totalBytes,
        packets: info.packets,
        bytes: info.bytes,
        drops: info.drops,
        lost: info.lost,
        departed: info.departed,
        ...(info.departed > 0 && { delayMeanMs: info.delayNs / info.departed / 1e6 }),
      })),
    ),
  );
}
