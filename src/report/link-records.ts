// SPDX-License-Identifier: BSD-2-Clause
// link-records.ts: links and flow queues as emulate reports them.

export interface LinkRecord {
  kind: 'pipe' | 'queue' | 'sched';
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
}
