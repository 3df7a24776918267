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
  side: PacketSide;
  /** Packets lost. */
  dropped: number;
}

export interface Arrival {
  input: PacketSource;
  /** Nanoseconds since the first packet, or since the start. */
  time: bigint;
  data: Uint8Array;
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
  /** Times are nanoseconds since the first packet. */
  time: bigint;
  length: number;
  passes: Pass[];
  /** When it went on its way; undefined while it is under way, or lost. */
  out?: bigint;
  /** Why it was lost. */
  drop?: string;
  /** Where a fwd rule sends it: address, address,port or the name of a port. */
  hop?: string;
  /** Packets sent back because of it. */
  answers: number;
  /** Times a link delivered it once more, and copies that are still on their way. */
  copies: number;
  pending: number;
  /** This is such a copy, of that packet. */
  origin?: Journey;
  logs: LogEntry[];
}

export const newJourney = (packet: number, input: PacketSource, time: bigint, length: number): Journey => ({
  packet,
  input,
  time,
  length,
  passes: [],
  answers: 0,
  copies: 0,
  pending: 0,
  logs: [],
});

/** A copy of a packet, with a way of its own from now on. */
export const copyOf = (journey: Journey): Journey => ({
  ...journey,
  passes: [],
  logs: [],
  origin: journey.origin ?? journey,
});

export const isOver = ({ out, drop, pending }: Journey): boolean =>
  (out !== undefined || drop !== undefined) && pending === 0;
