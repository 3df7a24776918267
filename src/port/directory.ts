// SPDX-License-Identifier: BSD-2-Clause
// directory.ts: which ports there are, and clearing away what dead processes left.
import { native } from '../native.js';

export interface PortInfo {
  /** Full name: "vale0:a". */
  name: string;
  /** "vale", "pipe", "null", "tap". */
  kind: string;
  memoryId: number;
  txRings: number;
  rxRings: number;
  txSlots: number;
  rxSlots: number;
  /** Live openings, over all processes. */
  openers: number;
}

/** Ports that exist in a directory (default: as in OpenOptions.dir). Throws EACCES, EPERM. */
export function listPorts(dir?: string): PortInfo[] {
  return native.list(dir);
}

/** Remove what dead processes left behind in a directory; returns how many things. Throws EACCES, EPERM, EBUSY. */
export function collectGarbage(dir?: string): number {
  return native.collect(dir);
}
