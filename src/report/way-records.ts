// SPDX-License-Identifier: BSD-2-Clause
// way-records.ts: what the packets that one rule sent to a pipe or queue got there, as emulate reports it.
import type { LatencyRecord } from './records.js';

export interface WayRecord {
  rule: number;
  kind: 'pipe' | 'queue';
  number: number;
  /** Port, or input, they came from. */
  from: string;
  /** That left it, and their bytes as the link counts them. */
  packets: number;
  bytes: number;
  /** Lost there, by reason; those that happened. */
  drops: Record<string, number>;
  /** From arrival to departure by the link's clock, nanoseconds; live with one_pass only. */
  delay?: LatencyRecord;
}
