// SPDX-License-Identifier: BSD-2-Clause
// Applies commands, all of a call or none: to the model first, then to the engine, taking both back on an error.
import { applyNat } from './apply-nat.js';
import { applyRule, applySet } from './apply-rules.js';
import { applyTable } from './apply-tables.js';
import type { Command, Job } from './command.js';
import type { ParseContext } from './context.js';
import { applyDummynet, DummynetObjects } from './dummynet-objects.js';
import { NoEngine, type RuleEngine } from './engine.js';
import { EXIT, type ExitCode, RuleError } from './error.js';
import { answerExplain } from './explain.js';
import { tellFigures } from './figures.js';
import { listInternal } from './internal.js';
import { Journal } from './journal.js';
import { lexFile } from './lexer.js';
import type { NativeEngine } from './native-engine.js';
import { parseCommand } from './parse-command.js';
import { RuleSet } from './ruleset.js';
import { Sysctl } from './sysctl.js';
import { Tables } from './tables.js';
import { missing } from './traps.js';
import type { Transaction, World } from './world.js';

export interface ControllerOptions {
  context: ParseContext;
  engine?: RuleEngine;
  /** Action of rule 65535; default allow. */
  defaultAction?: 'allow' | 'deny';
  ifaceAddress?: (name: string) => number | undefined;
  /** Only check: what is deleted may exist elsewhere, entries may exist already. */
  lenient?: boolean;
  /** Why the program cannot do what a command asks for: it is refused then. */
  refuse?: ((command: Command) => string | undefined) | undefined;
}

const TOGGLE_VARIABLES: Record<string, string[]> = {
  firewall: ['net.inet.ip.fw.enable', 'net.inet6.ip6.fw.enable'],
};

/** Is it the engine of native/rules, and not one that only remembers? */
const runsPackets = (engine: RuleEngine): engine is NativeEngine => 'rules' in engine;

export class Controller {
  readonly world: World;
  private readonly refuse: ControllerOptions['refuse'];
  /** Status of the last run that was not refused: not ok when something was asked for that is not there. */
  exit: ExitCode = EXIT.ok;
  /** What is known to be missing. */
  private told = new Set<string>();

  constructor(options: ControllerOptions) {
    this.refuse = options.refuse;
    const tables = new Tables();
    const sysctl = new Sysctl();
    sysctl.tell('net.inet.ip.fw.default_to_accept', options.defaultAction === 'deny' ? 0 : 1);
    const tableId = (name: string, set: number): number =>
      tables.get({ table: name, set: sysctl.fw('tables_sets') ? set : 0 }).id;
    this.world = {
      rules: new RuleSet(options.defaultAction ?? 'allow', tableId),
      tables,
      nats: new Map(),
      dummynet: new DummynetObjects(),
      sysctl,
      engine: options.engine ?? new NoEngine(),
      context: options.context,
      ifaceAddress: options.ifaceAddress ?? (() => undefined),
      lenient: options.lenient ?? false,
    };
    this.world.engine.load(this.program());
    this.world.rules.changed = false;
  }

  /** The binary program of the rules as they stand. */
  program(): Uint8Array {
    const { rules, sysctl } = this.world;
    return rules.program({
      ip4: sysctl.get('net.inet.ip.fw.enable') === 1,
      ip6: sysctl.get('net.inet6.ip6.fw.enable') === 1,
    });
  }

  /** Apply parsed commands and return what they print. Throws a RuleError, and then nothing was changed. */
  run(jobs: readonly Job[]): string {
    const transaction: Transaction = {
      journal: new Journal(),
      engineSteps: [],
      afterwards: [],
      exit: EXIT.ok,
    };
    const { world } = this;
    let output = '';
    try {
      for (const { command, flags } of jobs) {
        try {
          output += this.apply(command, flags, transaction);
        } catch (error) {
          if (error instanceof RuleError) throw command.place ? error.at(command.place) : error;
          throw error;
        }
      }
      this.commit(transaction);
    } catch (error) {
      transaction.journal.rollback();
      world.tables.settle(false);
      if (world.rules.changed) world.rules.recompile();
      world.rules.changed = false;
      throw error;
    }
    world.tables.settle(true);
    this.exit = transaction.exit;
    return output;
  }

  /** What rules and queues refer to that is not there: a line for each that was not told before. */
  traps(): string[] {
    if (this.world.lenient) return [];
    const now = missing(this.world);
    const fresh = [...now].filter(([name]) => !this.told.has(name)).map(([, text]) => text);
    this.told = new Set(now.keys());
    return fresh;
  }

  /** Parse and apply text, all of it or nothing. */
  runText(text: string, file: string): string {
    const jobs: Job[] = [];
    for (const line of lexFile(text, file)) {
      const job = parseCommand(line, this.world.context);
      if (job) jobs.push(job);
    }
    return this.run(jobs);
  }

  private commit(transaction: Transaction): void {
    const { engine, tables, rules, sysctl } = this.world;
    const fromTables = tables.commit(engine);
    const steps = [...fromTables.before.map(([run, undo]) => ({ run, undo })), ...transaction.engineSteps];
    let done = 0;
    try {
      for (const step of steps) {
        step.run();
        done++;
      }
      if (rules.changed) engine.load(this.program());
    } catch (error) {
      for (const step of steps.slice(0, done).reverse()) step.undo();
      throw error instanceof RuleError
        ? error
        : new RuleError(`the engine refused: ${(error as Error).message}`, { exit: EXIT.unavailable });
    }
    rules.changed = false;
    sysctl.tell('net.inet.ip.fw.static_count', rules.count);
    for (const step of [...fromTables.after, ...transaction.afterwards]) step();
  }

  private apply(command: Command, flags: Job['flags'], transaction: Transaction): string {
    const { world } = this;
    const reason = this.refuse?.(command);
    if (reason !== undefined) throw new RuleError(reason);
    switch (command.kind) {
      case 'toggle': {
        const names = TOGGLE_VARIABLES[command.what] ?? [`net.inet.ip.fw.${command.what}`];
        for (const name of names) this.setVariable(name, command.on ? 1 : 0, transaction);
        return '';
      }
      case 'sysctl':
        return this.sysctl(command, flags.quiet, transaction);
      case 'internal':
        return listInternal(world, command.what);
      case 'explain':
        if (!runsPackets(world.engine))
          throw new RuleError('no packets meet these rules', {
            expected: 'ipfw explain --rules FILE PACKET',
          });
        return answerExplain(this, world.engine, command);
      case 'add':
      case 'delete':
      case 'delete-set':
      case 'flush':
      case 'zero':
      case 'resetlog':
      case 'list':
        return applyRule(world, command, flags, transaction);
      case 'set-show':
      case 'set-enable':
      case 'set-move':
      case 'set-swap':
        return applySet(world, command, transaction);
      case 'nat-config':
      case 'nat-delete':
      case 'nat-show':
        return applyNat(world, command, flags, transaction);
      case 'dummynet-config':
      case 'dummynet-delete':
      case 'dummynet-flush':
      case 'dummynet-list':
        return applyDummynet(world, command, flags, transaction);
      default:
        return applyTable(world, command, flags, transaction);
    }
  }

  private setVariable(name: string, value: number, { journal, engineSteps }: Transaction): number {
    const { sysctl, engine, rules } = this.world;
    const before = sysctl.set(name, value);
    journal.record(() => sysctl.set(name, before));
    const tell = (): void => engine.setVariables(sysctl);
    engineSteps.push({
      run: tell,
      undo: () => {
        sysctl.set(name, before);
        tell();
      },
    });
    if (name.endsWith('.fw.enable')) rules.touch();
    if (name.endsWith('.tables_sets')) rules.recompile();
    return before;
  }

  private sysctl(
    command: { name?: string; value?: number },
    quiet: boolean,
    transaction: Transaction,
  ): string {
    const { sysctl } = this.world;
    tellFigures(this.world);
    if (command.name === undefined)
      return sysctl
        .list()
        .map(([name, value]) => `${name}: ${value}\n`)
        .join('');
    if (command.value === undefined) return `${command.name}: ${sysctl.get(command.name)}\n`;
    const before = this.setVariable(command.name, command.value, transaction);
    return quiet ? '' : `${command.name}: ${before} -> ${command.value}\n`;
  }
}
