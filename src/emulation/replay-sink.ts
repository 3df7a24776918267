// SPDX-License-Identifier: BSD-2-Clause
// replay-sink.ts: what a replay tells of, and what it does besides passing packets.
import type { Journey, PacketNote } from './journey.js';

/** What the replay tells of; times are those since the first packet. */
export interface ReplaySink {
  arrived(journey: Journey): void;
  /** Nothing more happens to a packet that arrived: it and its copies have left or are lost. */
  over(journey: Journey): void;
  /** A packet goes on its way; of the frame journey.missing bytes were not captured. */
  departed(journey: Journey, time: bigint, frame: Uint8Array): void;
  /** A packet that rules made: a reply to one that came by `iface` with this note, or a keep-alive. */
  answered(iface: string, out: boolean, time: bigint, frame: Uint8Array, note: PacketNote | undefined): void;
  /** A packet, or a copy of one, goes to a divert port or a port named by fwd. */
  diverted(port: number | string, journey: Journey, time: bigint, frame: Uint8Array): void;
  logged(journey: Journey, rule: number, where: number, time: bigint, frame: Uint8Array): void;
}

/** Something to be done at times of its own: rules and links that change. */
export interface ChangeSchedule {
  /** When the next one is due, nanoseconds since the start; undefined: there are no more. */
  next(): bigint | undefined;
  /** Do it: everything before that instant has happened, nothing at or after it. */
  apply(): void;
}
