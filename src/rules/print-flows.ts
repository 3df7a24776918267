// SPDX-License-Identifier: BSD-2-Clause
// Flow queues and their counters, as ipfw prints them below the object they belong to.
import type { FlowQueue } from './engine.js';
import { protocolName } from './names.js';

const HEADS = {
  4: 'BKT Prot ___Source IP/port____ ____Dest. IP/port____ Tot_pkt/bytes Pkt/Byte Drp',
  6: 'BKT ___Prot___ _flow-id_ ______________Source IPv6/port_______________ _______________Dest. IPv6/port_______________ Tot_pkt/bytes Pkt/Byte Drp',
};

const left = (value: string | number, width: number): string => String(value).padEnd(width);
const right = (value: string | number, width: number): string => String(value).padStart(width);

/** A protocol without a name is a number, to the right. */
function proto4(proto: number): string {
  const name = protocolName(proto);
  return name === String(proto) ? right(name, 4) : left(name, 4);
}

function printFlow(flow: FlowQueue, index: number): string {
  const { src, dst, srcPort, dstPort } = flow;
  // a star marks the sum of the flows that are gone
  const bucket = `${right(index & 0xff, 3)}${flow.expired ? '*' : ' '}`;
  const ends =
    flow.family === 6
      ? `${right(protocolName(flow.proto), 9)} ${right(flow.flowId, 7)}  ${right(src, 39)}/${left(srcPort, 5)}  ${right(dst, 39)}/${left(dstPort, 5)} `
      : `${proto4(flow.proto)} ${right(src, 15)}/${left(srcPort, 5)} ${right(dst, 15)}/${left(dstPort, 5)} `;
  const total = `${right(flow.totalPackets, 4)} ${right(flow.totalBytes, 8)}`;
  return `${bucket}${ends}${total} ${right(flow.packets, 2)} ${right(flow.bytes, 4)} ${right(flow.drops, 3)}`;
}

/** Counters that -s can name: 1 to 4. */
const COUNTERS = ['packets', 'bytes', 'totalPackets', 'totalBytes'] as const;

/** In the order of counter `field` (1 to 4), the largest first; a negative one the other way; 0: as they come. */
export function sortFlows(flows: readonly FlowQueue[], field: number): readonly FlowQueue[] {
  const counter = COUNTERS[Math.abs(field) - 1];
  if (counter === undefined) return flows;
  return [...flows].sort((a, b) => (field < 0 ? a[counter] - b[counter] : b[counter] - a[counter]));
}

/** Lines: those of IPv4 (and what is no IP) under their head, then those of IPv6 under theirs. */
export function printFlows(flows: readonly FlowQueue[]): string[] {
  return ([4, 6] as const).flatMap((family) => {
    const chosen = flows.filter((flow) => (flow.family === 6) === (family === 6));
    return chosen.length === 0 ? [] : [HEADS[family], ...chosen.map(printFlow)];
  });
}
