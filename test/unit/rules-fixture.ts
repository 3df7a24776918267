// SPDX-License-Identifier: BSD-2-Clause
// rules-fixture.ts: a controller on an engine that remembers what it was told, for tests of commands.
import { bareContext } from '../../src/rules/context.js';
import { Controller, type ControllerOptions } from '../../src/rules/controller.js';
import { type DynamicState, NoEngine, type RuleCounter } from '../../src/rules/engine.js';
import { RuleError } from '../../src/rules/error.js';

/** An engine that remembers what it was told and can be made to refuse. */
export class FakeEngine extends NoEngine {
  log: string[] = [];
  refuse = '';
  programs: Uint8Array[] = [];
  counts = new Map<number, RuleCounter>();
  dynamic: DynamicState[] = [];

  private note(what: string): void {
    this.log.push(what);
    if (this.refuse && what.startsWith(this.refuse)) throw new Error('no memory');
  }
  override load(program?: Uint8Array): void {
    this.note('load');
    if (program) this.programs.push(program);
  }
  override tableCreate(id?: number): void {
    this.note(`create ${id}`);
  }
  override tableDestroy(id?: number): void {
    this.note(`destroy ${id}`);
  }
  override tableLimit(id?: number, limit?: number): void {
    this.note(`limit ${id} ${limit}`);
  }
  override tableUpdate(update?: Uint8Array): void {
    const view = new DataView(update!.buffer);
    const ops = Array.from({ length: view.getUint32(16, true) }, (_, i) =>
      view.getUint32(32 + 112 * i, true),
    );
    this.note(
      `update ${view.getUint32(8, true)} ${ops.map((op) => ['', 'add', 'set', 'delete'][op]).join(' ')}`,
    );
  }
  override natConfig(): void {
    this.note('nat');
  }
  override natDelete(id?: number): void {
    this.note(`nat delete ${id}`);
  }
  override setVariables(): void {
    this.note('variables');
  }
  override zero(ids?: number[], logOnly?: boolean): void {
    this.note(`zero ${ids ?? 'all'}${logOnly ? ' log' : ''}`);
  }
  override counters(): Map<number, RuleCounter> {
    return this.counts;
  }
  override states(): DynamicState[] {
    return this.dynamic;
  }
  override deleteStates(ids?: number[]): void {
    this.note(`forget ${ids}`);
  }
}

export function make(options: Partial<ControllerOptions> = {}): {
  run: (text: string) => string;
  engine: FakeEngine;
  warnings: string[];
  controller: Controller;
} {
  const engine = new FakeEngine();
  const warnings: string[] = [];
  const controller = new Controller({
    context: { ...bareContext, warn: (text) => warnings.push(text) },
    engine,
    ...options,
  });
  engine.log = [];
  return { run: (text) => controller.runText(text, 'x'), engine, warnings, controller };
}

export function refusal(work: () => void): RuleError {
  try {
    work();
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
  throw new Error('not refused');
}

/** Numbers of the rules as listed. */
export const numbers = (run: (text: string) => string): number[] =>
  run('list')
    .trim()
    .split('\n')
    .map((line) => Number(line.slice(0, 5)));
