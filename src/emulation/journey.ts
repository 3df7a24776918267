// SPDX-License-Identifier: BSD-2-Clause
// journey.ts: what becomes of one packet, from its arrival to its departure or loss.
import type { PacketSide } from '../rules/packet-batch.js';

/** Packets of one kind: by which interface they come in or go out. */
export interface PacketSource {
  spec: {
    /** As records name it: "in:em0". */
    name: string;
    out: boolean;
    iface: string;
  };
  /** The interface's id for the rules. */
  iface: number;
  /** Packets lost. */
  dropped: number;
}

/** What a capture says about a packet besides its bytes; the replay hands it on. */
export interface PacketNote {
  /** LINKTYPE_ number of the packet as it is captured. */
  linkType: number;
  /** What stands before the IP header when that is no MAC header: it is not part of the frame. */
  head: Uint8Array;
  comments?: readonly string[];
}

export interface Arrival {
  input: PacketSource;
  side: PacketSide;
  /** Nanoseconds since the first packet, or since the start. */
  time: bigint;
  data: Uint8Array;
  /** Bytes behind `data` that were on the wire but not captured. */
  missing: number;
  note?: PacketNote;
}

/** Packets in the order of their times. */
export interface ArrivalStream {
  inputs: readonly PacketSource[];
  /** undefined: there are no more. */
  next(): Arrival | undefined;
}

export interface Pass {
  rule: number;
  verdict: string;
}

export interface LogEntry {
  rule: number;
  /** 1: to the records, 2: to the log file; 3: both. */
  where: number;
  time: bigint;
}

export interface Journey {
  packet: number;
  input: PacketSource;
  side: PacketSide;
  /** Times are nanoseconds since the first packet. */
  time: bigint;
  /** Bytes it had on the wire, and those that were captured. */
  length: number;
  captured: number;
  /** Bytes of the frame, as it is now, that were not captured. */
  missing: number;
  note: PacketNote | undefined;
  passes: Pass[];
  /** When it went on its way; undefined while it is under way, or lost. */
  out: bigint | undefined;
  /** Why it was lost. */
  drop: string | undefined;
  /** Where a fwd rule sends it: address, address,port or the name of a port. */
  hop: string | undefined;
  /** Packets sent back because of it. */
  answers: number;
  /** Times a link delivered it once more, and copies that are still on their way. */
  copies: number;
  pending: number;
  /** This is such a copy, of that packet. */
  origin: Journey | undefined;
  logs: LogEntry[];
}

export function newJourney(packet: number, arrival: Arrival): Journey {
  const { input, side, time, data, missing, note } = arrival;
  const captured = data.length + (note?.head.length ?? 0);
  // All members in one order: there are millions of these.
  return {
    packet,
    input,
    side,
    time,
    length: captured + missing,
    captured,
    missing,
    note,
    passes: [],
    out: undefined,
    drop: undefined,
    hop: undefined,
    answers: 0,
    copies: 0,
    pending: 0,
    origin: undefined,
    logs: [],
  };
}

/** A copy of a packet, with a way of its own from now on. */
export const copyOf = (journey: Journey): Journey => ({
  ...journey,
  passes: [],
  logs: [],
  origin: journey.origin ?? journey,
});

export const isOver = ({ out, drop, pending }: Journey): boolean =>
  (out !== undefined || drop !== undefined) && pending === 0;
