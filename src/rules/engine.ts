// SPDX-License-Identifier: BSD-2-Clause
// What the rule set needs of the engine that runs it (native/rules through the addon, or nothing when a file is only
// checked or listed). Calls throw when the engine refuses; it is then as it was.
import type { DummynetConfig, DummynetKind } from './dummynet.js';
import type { Sysctl } from './sysctl.js';

export interface RuleCounter {
  packets: bigint;
  bytes: bigint;
  /** Seconds since the epoch of the last match; 0: never. */
  last: number;
}

/** A dynamic state, as -d lists it. */
export interface DynamicState {
  ruleId: number;
  rule: number;
  kind: 'STATE' | 'LIMIT' | 'PARENT';
  /** Connections a PARENT counts. */
  children: number;
  proto: number;
  src: string;
  srcPort: number;
  dst: string;
  dstPort: number;
  /** Number of its name in the program. */
  name: number;
  packets: bigint;
  bytes: bigint;
  /** Seconds left. */
  expires: number;
  tcpFlags: number;
}

/** The table of states: how many, what `limit` counts by, buckets, states in the fullest one. */
export interface StateFigures {
  states: number;
  parents: number;
  buckets: number;
  longest: number;
}

/** A flow queue and its counters. */
export interface FlowQueue {
  /** The sum of those that went away after being idle. */
  expired: boolean;
  /** 4, 6; 0: not IP, or no mask tells. */
  family: number;
  proto: number;
  src: string;
  dst: string;
  srcPort: number;
  dstPort: number;
  flowId: number;
  /** Offered, losses included. */
  totalPackets: number;
  totalBytes: number;
  /** Waiting. */
  packets: number;
  bytes: number;
  drops: number;
}

/** Where pipes, queues and schedulers run. Calls throw when parameters make no sense; nothing has changed then. */
export interface DummynetEngine {
  configure(kind: DummynetKind, number: number, config: DummynetConfig): void;
  delete(kind: DummynetKind, number: number): void;
  flows(kind: 'pipe' | 'queue', number: number): FlowQueue[];
  /** One for each instance of a scheduler. */
  links(kind: 'pipe' | 'sched', number: number): FlowQueue[];
  /** Packets given to links, and lost there by reason. */
  totals?(): { offered: number; drops: Record<string, number> };
}

export interface RuleEngine {
  /** Where links run; without it they are only listed. */
  dummynet?: DummynetEngine;
  /** Replace the running program (struct nv_rules_program). */
  load(program: Uint8Array): void;
  tableCreate(id: number, type: number, flowFields: number, limit: number): void;
  tableDestroy(id: number): void;
  tableLimit(id: number, limit: number): void;
  /** struct nv_rules_update */
  tableUpdate(update: Uint8Array): void;
  /** struct nv_rules_nat */
  natConfig(nat: Uint8Array): void;
  natDelete(id: number): void;
  natLog?(id: number): string;
  setVariables(sysctl: Sysctl): void;
  counters(): Map<number, RuleCounter>;
  /** undefined: all rules. */
  zero(ids: number[] | undefined, logOnly: boolean): void;
  states(expired: boolean): DynamicState[];
  stateFigures?(): StateFigures;
  deleteStates(ruleIds: number[]): void;
}

/** No packets: for checking and listing files. */
export class NoEngine implements RuleEngine {
  load(): void {}
  tableCreate(): void {}
  tableDestroy(): void {}
  tableLimit(): void {}
  tableUpdate(): void {}
  natConfig(): void {}
  natDelete(): void {}
  setVariables(): void {}
  counters(): Map<number, RuleCounter> {
    return new Map();
  }
  zero(): void {}
  states(): DynamicState[] {
    return [];
  }
  deleteStates(): void {}
}
