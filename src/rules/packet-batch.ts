// SPDX-License-Identifier: BSD-2-Clause
// packet-batch.ts: packets for the rule engine many at a time: what goes in and what comes out, as columns in memory that is
// used again and again.
import { VERDICT_FLAG } from '../abi.js';
import { native } from '../native.js';
import type { NativeBatch, NativeColumns, NativeEngine, NativeEvent, RuleAction } from './native-engine.js';

const KIND = { out: 1, layer3: 2, raw: 4, goesOn: 8 } as const;

/** Where a packet comes from or goes to; interfaces are ids of `interface(name)`. */
export interface PacketSide {
  inIf: number;
  outIf: number;
  out: boolean;
  layer: 2 | 3;
  /** Frames begin with the IP header. */
  raw: boolean;
}

export class PacketBatch {
  count = 0;
  readonly columns: NativeColumns;
  private readonly memory: NativeBatch;
  private used = 0;

  /** For up to `capacity` packets of `bytes` bytes together. */
  constructor(capacity: number, bytes: number) {
    this.memory = new native.RuleBatch(capacity, bytes);
    this.columns = this.memory.columns();
  }

  clear(): void {
    this.count = 0;
    this.used = 0;
  }

  hasRoom(length: number): boolean {
    return this.count < this.columns.offsets.length && this.used + length <= this.columns.data.length;
  }

  /**
   * Add a packet (its bytes are copied); there must be room. `missing`: bytes behind them that were on the wire but not
   * captured. `context`: it goes on where that verdict left the rules.
   */
  add(frame: Uint8Array, time: bigint, side: PacketSide, missing = 0, context?: Uint8Array): void {
    const { columns, count } = this;
    columns.data.set(frame, this.used);
    columns.offsets[count] = this.used;
    columns.lengths[count] = frame.length;
    columns.missing[count] = missing;
    columns.times[count] = time;
    columns.inIfs[count] = side.inIf;
    columns.outIfs[count] = side.outIf;
    columns.kinds[count] =
      (side.out ? KIND.out : 0) |
      (side.layer === 3 ? KIND.layer3 : 0) |
      (side.raw ? KIND.raw : 0) |
      (context ? KIND.goesOn : 0);
    if (context) columns.contexts.set(context, count * native.ruleContextBytes);
    this.used += frame.length;
    this.count++;
  }

  /** Ask the rules about all packets, in order. Returns what happened besides, if anything did. */
  classify(engine: NativeEngine): NativeEvent[] | undefined {
    return engine.rules.classifyBatch(this.memory, this.count);
  }

  /** The packet as it is now; valid until the next `clear`. */
  frame(index: number): Uint8Array {
    const at = this.columns.offsets[index]!;
    return this.columns.data.subarray(at, at + this.columns.lengths[index]!);
  }

  action(index: number): RuleAction {
    return native.ruleActionNames[this.columns.actions[index]!] as RuleAction;
  }

  /** Why: "rule" when its action says so. */
  reason(index: number): string {
    return native.ruleReasonNames[this.columns.reasons[index]!]!;
  }

  /** Number of the rule that ended the pass; 0: none was asked. */
  rule(index: number): number {
    return this.columns.rules[index]!;
  }

  /** Of pipe, queue, divert: the number. */
  arg(index: number): number {
    return this.columns.args[index]!;
  }

  rewritten(index: number): boolean {
    return (this.columns.flags[index]! & (VERDICT_FLAG.rewritten | VERDICT_FLAG.replaced)) !== 0;
  }

  /** A header was not captured: the rules took the packet as they take a later fragment. */
  lacks(index: number): boolean {
    const { flags, missing } = this.columns;
    if (missing[index] === 0) return false;
    return (flags[index]! & VERDICT_FLAG.lacking) !== 0 || this.reason(index) === 'not_captured';
  }

  /** A copy of what the packet takes along when it goes on later: tags, call stack, where. */
  context(index: number): Uint8Array {
    const size = native.ruleContextBytes;
    return this.columns.contexts.slice(index * size, (index + 1) * size);
  }
}
