// SPDX-License-Identifier: BSD-2-Clause
// The engine of native/rules, through the addon.

import { PROGRAM } from '../abi.js';
import { native } from '../native.js';
import { encodeTableUpdate } from './compiler/table.js';
import type { DummynetEngine, DynamicState, RuleCounter, RuleEngine, StateFigures } from './engine.js';
import type { HostFacts } from './host.js';
import type { Sysctl } from './sysctl.js';

/** A packet to classify or explain. Interfaces are ids of `interface(name)`. */
export interface NativePacket {
  data: Uint8Array;
  /** Nanoseconds. */
  time: bigint;
  inIf?: number;
  outIf?: number;
  out: boolean;
  /** 2: with MAC header; 3: rules see the IP packet only. */
  layer: 2 | 3;
  /** `data` begins with the IP header. */
  raw?: boolean;
  /** Bytes behind `data` that were on the wire but not captured. */
  missing?: number;
  /** Of an earlier verdict: the packet goes on where that one left the rules. */
  context?: Uint8Array;
}

/** How a pass through the rules ended; `nat`: the packet passes, or resumes when one_pass is off. */
export type RuleAction = 'pass' | 'deny' | 'pipe' | 'queue' | 'divert' | 'forward' | 'nat' | 'held';

export interface NativeVerdict {
  action: RuleAction;
  reason: string;
  rule: number;
  id: number;
  arg: number | string;
  rewritten: boolean;
  fromState: boolean;
  data?: Uint8Array;
  nextHop?: string;
  nextHopPort?: number;
  context: Uint8Array;
  answers: Uint8Array[];
  copies: (number | string)[];
  logs: { rule: number; id: number; where: number }[];
}

/** What became of a rule on a packet's way. */
export interface NativeStep {
  id: number;
  number: number;
  matched: boolean;
  state: boolean;
  /** Index of the instruction that said no; -1: none. */
  failed: number;
  opcode: number;
}

interface NativeCounter {
  id: number;
  number: number;
  set: number;
  /** Its set is. */
  disabled: boolean;
  packets: bigint;
  bytes: bigint;
  last: bigint;
}

/** Packets and verdicts of a batch, one a column; see PacketBatch. */
export interface NativeColumns {
  data: Uint8Array;
  offsets: Uint32Array;
  lengths: Uint32Array;
  /** Bytes that were on the wire besides. */
  missing: Uint32Array;
  /** Nanoseconds. */
  times: BigUint64Array;
  inIfs: Uint16Array;
  outIfs: Uint16Array;
  /** KIND bits. */
  kinds: Uint8Array;
  contexts: Uint8Array;
  actions: Uint8Array;
  reasons: Uint8Array;
  /** VERDICT bits. */
  flags: Uint8Array;
  rules: Uint16Array;
  ids: Uint32Array;
  args: Uint32Array;
}

/** The addon's class RuleBatch: memory it shares with the engine. */
export interface NativeBatch {
  columns(): NativeColumns;
}

/** What happened beside verdicts. `packet` is its index in the batch, -1 for none of it. */
export type NativeEvent =
  | ({ kind: 'answer'; frame: Uint8Array } & NativeSide)
  | ({ kind: 'copy'; port: number | string } & NativeSide)
  | ({ kind: 'log'; rule: number; id: number; where: number } & NativeSide)
  | { kind: 'replaced'; packet: number; data: Uint8Array }
  | { kind: 'hop'; packet: number; address: string; port: number }
  | { kind: 'port'; packet: number; port: number | string };

/** The packet something happened to: where it came from and goes. */
interface NativeSide {
  packet: number;
  inIf: number;
  outIf: number;
  out: boolean;
}

/** The addon's class Rules. */
export interface NativeRules {
  load(program: Uint8Array): void;
  setParams(params: Record<string, number | bigint>): void;
  interface(name: string): number;
  interfaceAddress(id: number, address: number): void;
  tableCreate(id: number, type: number, flowFields: number, limit: number): void;
  tableDestroy(id: number): void;
  tableLimit(id: number, limit: number): void;
  tableUpdate(update: Uint8Array): void;
  natConfig(nat: Uint8Array): void;
  natDelete(id: number): void;
  natLog(id: number): string;
  counters(): NativeCounter[];
  zero(ids: Uint32Array | undefined, logOnly: boolean): void;
  states(now: bigint, expired: boolean): (Omit<DynamicState, 'expires'> & { expires: bigint })[];
  stateFigures(): StateFigures;
  deleteStates(ids?: Uint32Array): number;
  classify(packet: NativePacket): NativeVerdict;
  /** Packets 0 to count - 1 in order; what happened besides, if anything did. */
  classifyBatch(batch: NativeBatch, count: number): NativeEvent[] | undefined;
  explain(packet: NativePacket): { verdict: NativeVerdict; steps: NativeStep[] };
  tick(now: bigint): { states: number; answers: Uint8Array[]; events: NativeEvent[] };
  /** IP packets that came behind VLAN tags which the rules did not look behind. */
  tagged(): number;
  close(): void;
}

const SECOND = 1_000_000_000n;

/** Parameters of the engine and the variables they come from. */
const PARAMETERS: [parameter: string, variable: string][] = [
  ...[
    'dyn_max',
    'dyn_parent_max',
    'dyn_ack_lifetime',
    'dyn_syn_lifetime',
    'dyn_fin_lifetime',
    'dyn_rst_lifetime',
    'dyn_udp_lifetime',
  ],
  ...['dyn_short_lifetime', 'dyn_keepalive', 'dyn_keep_states'],
].map((name): [string, string] => [name, `net.inet.ip.fw.${name}`]);
PARAMETERS.push(
  ['deny_unknown_exthdrs', 'net.inet6.ip6.fw.deny_unknown_exthdrs'],
  ['permit_single_frag6', 'net.inet6.ip6.fw.permit_single_frag6'],
);

const clock = (): bigint => BigInt(Date.now()) * 1_000_000n;

export interface NativeEngineOptions {
  /** Seed of `prob` and of the state table's hash; default: from the system. */
  seed?: bigint;
  /** Nanoseconds; default: the real clock. */
  now?: () => bigint;
  /** Where pipes, queues and schedulers run (an Emulator). */
  dummynet?: DummynetEngine;
}

export class NativeEngine implements RuleEngine {
  readonly rules: NativeRules;
  readonly dummynet?: DummynetEngine;
  /** Called when sysctl variables change. */
  onVariables?: (sysctl: Sysctl) => void;
  private readonly now: () => bigint;

  constructor(options: NativeEngineOptions = {}) {
    this.rules = new native.Rules(options.seed === undefined ? {} : { seed: options.seed });
    this.now = options.now ?? clock;
    if (options.dummynet) this.dummynet = options.dummynet;
  }

  load(program: Uint8Array): void {
    this.rules.load(program);
  }

  tableCreate(id: number, type: number, flowFields: number, limit: number): void {
    this.rules.tableCreate(id, type, flowFields, limit);
  }

  tableDestroy(id: number): void {
    this.rules.tableDestroy(id);
  }

  tableLimit(id: number, limit: number): void {
    this.rules.tableLimit(id, limit);
  }

  tableUpdate(update: Uint8Array): void {
    this.rules.tableUpdate(update);
  }

  natConfig(nat: Uint8Array): void {
    this.rules.natConfig(nat);
  }

  natDelete(id: number): void {
    this.rules.natDelete(id);
  }

  natLog(id: number): string {
    return this.rules.natLog(id);
  }

  setVariables(sysctl: Sysctl): void {
    this.onVariables?.(sysctl);
    this.rules.setParams(
      Object.fromEntries(PARAMETERS.map(([parameter, variable]) => [parameter, sysctl.get(variable)])),
    );
  }

  counters(): Map<number, RuleCounter> {
    return new Map(
      this.rules
        .counters()
        .map(({ id, packets, bytes, last }) => [id, { packets, bytes, last: Number(last / SECOND) }]),
    );
  }

  zero(ids: number[] | undefined, logOnly: boolean): void {
    this.rules.zero(ids && Uint32Array.from(ids), logOnly);
  }

  states(expired: boolean): DynamicState[] {
    const now = this.now();
    return this.rules.states(now, expired).map((state) => {
      const left = state.expires > now ? (state.expires - now + SECOND - 1n) / SECOND : 0n;
      return { ...state, expires: Number(left) };
    });
  }

  stateFigures(): StateFigures {
    return this.rules.stateFigures();
  }

  deleteStates(ruleIds: number[]): void {
    this.rules.deleteStates(Uint32Array.from(ruleIds));
  }

  /** Tell what is known of the host: the addresses that are `me`, and its routes. */
  setHost({ me, routes }: HostFacts): void {
    const mine = me.map((key) => ({ key, values: [1] }));
    // what the engine reads in the table of routes: netgraph: it is the default route, limit: it is directly connected
    const known = routes.map(({ key, iface, connected }) => ({
      key,
      values: [key.prefix === 0 ? 1 : 0, connected ? 1 : 0],
      iface: this.rules.interface(iface),
    }));
    this.rules.tableUpdate(encodeTableUpdate(PROGRAM.tableMe, mine, [], true));
    this.rules.tableUpdate(encodeTableUpdate(PROGRAM.tableRoutes, known, ['netgraph', 'limit'], true));
  }

  close(): void {
    this.rules.close();
  }
}
