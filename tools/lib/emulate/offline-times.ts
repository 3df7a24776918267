// SPDX-License-Identifier: BSD-2-Clause
// offline-times.ts: times for packets that have none (pcapng's simple packet blocks): they arrive with the packet before
// them in their file, those at its beginning with the first that has a time.
import type { CapturedPacket, CaptureReader } from '../../../src/capture/index.js';

/** Packets without a time that are kept at the beginning of a file; of more the clock starts at 0. */
const MOST_KEPT = 4096;

function* filled(reader: CaptureReader): Generator<CapturedPacket, undefined> {
  const kept: CapturedPacket[] = [];
  let last: bigint | undefined;
  let damage: unknown;
  try {
    for (let packet = reader.next(); packet; packet = reader.next()) {
      if (!packet.timeless) last = packet.time;
      else if (last === undefined && kept.length === MOST_KEPT) last = 0n;
      if (last === undefined) {
        kept.push(packet);
        continue;
      }
      for (const one of kept.splice(0)) yield { ...one, time: last };
      yield packet.timeless ? { ...packet, time: last } : packet;
    }
  } catch (error) {
    damage = error;
  }
  for (const one of kept) yield { ...one, time: 0n };
  if (damage !== undefined) throw damage;
}

/** Gives the packets of a file one by one, each with a time. Throws as the reader does, behind the packets before. */
export function timed(reader: CaptureReader): () => CapturedPacket | undefined {
  if (reader.format === 'pcap') return () => reader.next();
  const packets = filled(reader);
  return () => packets.next().value;
}
