// SPDX-License-Identifier: BSD-2-Clause
// The links, flow queues and schedulers that were configured, by number.
import { withDefaults } from './aqm-defaults.js';
import type { DummynetCommand, Flags } from './command.js';
import type { DummynetConfig, DummynetKind } from './dummynet.js';
import { EXIT, RuleError } from './error.js';
import type { Journal } from './journal.js';
import { printObjects } from './print-dummynet.js';
import type { Range } from './ranges.js';
import { resetText } from './traps.js';
import { type Transaction, type World, warn } from './world.js';

const inRanges = (number: number, ranges: readonly Range[]): boolean =>
  ranges.length === 0 || ranges.some(({ low, high }) => number >= low && number <= high);

/** Members a new configuration without them leaves as they were; everything else begins anew, as in dummynet. */
const KEPT = ['weight', 'maxLength', 'priority', 'parent', 'scheduler'] as const;

export class DummynetObjects {
  private readonly objects: Record<DummynetKind, Map<number, DummynetConfig>> = {
    pipe: new Map(),
    queue: new Map(),
    sched: new Map(),
  };

  get(kind: DummynetKind, number: number): DummynetConfig | undefined {
    return this.objects[kind].get(number);
  }

  /** Number and configuration of all of a kind, by number. */
  all(kind: DummynetKind, ranges: readonly Range[] = []): [number, DummynetConfig][] {
    return [...this.objects[kind]].filter(([number]) => inRanges(number, ranges)).sort(([a], [b]) => a - b);
  }

  private put(
    kind: DummynetKind,
    number: number,
    config: DummynetConfig | undefined,
    journal: Journal,
  ): void {
    const objects = this.objects[kind];
    const before = objects.get(number);
    if (config) objects.set(number, config);
    else objects.delete(number);
    journal.record(() => {
      if (before) objects.set(number, before);
      else objects.delete(number);
    });
  }

  /** Returns the configuration as it is now. */
  configure(kind: DummynetKind, number: number, given: DummynetConfig, journal: Journal): DummynetConfig {
    const before = this.get(kind, number);
    const config: Record<string, unknown> = { ...given };
    for (const member of KEPT)
      if (given[member] === undefined && before?.[member] !== undefined) config[member] = before[member];
    // a scheduler that keeps its type keeps what belongs to it
    if (kind === 'sched' && given.scheduler === undefined && before?.fair && given.management === undefined)
      Object.assign(config, { fair: before.fair, management: before.management });
    if (kind === 'queue' && config.parent === undefined)
      throw new RuleError(`queue ${number} belongs to no pipe or scheduler`, {
        expected: `queue ${number} config pipe N or sched N`,
      });
    this.put(kind, number, config, journal);
    return config;
  }

  remove(kind: DummynetKind, number: number, journal: Journal): void {
    this.put(kind, number, undefined, journal);
  }
}

/** Queue sizes are bounded by sysctl variables. */
function checkSize({ sysctl }: World, { queue }: DummynetConfig): void {
  const [size, name] =
    queue && 'slots' in queue
      ? [queue.slots, 'pipe_slot_limit']
      : [queue && 'bytes' in queue ? queue.bytes : 0, 'pipe_byte_limit'];
  const limit = sysctl.get(`net.inet.ip.dummynet.${name}`);
  if (size > limit)
    throw new RuleError(`queue size ${size} too large`, {
      expected: `at most ${limit}: raise it with sysctl net.inet.ip.dummynet.${name}`,
    });
}

/** What the engine is to be told of a change of an object; taking it back gives it its parameters again. */
function tellEngine(
  { engine: { dummynet } }: World,
  { engineSteps }: Transaction,
  kind: DummynetKind,
  number: number,
  before: DummynetConfig | undefined,
  after: DummynetConfig | undefined,
): void {
  if (!dummynet) return;
  const become = (config: DummynetConfig | undefined): void => {
    if (config) dummynet.configure(kind, number, config);
    else dummynet.delete(kind, number);
  };
  engineSteps.push({ run: () => become(after), undo: () => become(before) });
}

function remove(world: World, transaction: Transaction, kind: DummynetKind, number: number): void {
  const { dummynet } = world;
  tellEngine(world, transaction, kind, number, dummynet.get(kind, number), undefined);
  dummynet.remove(kind, number, transaction.journal);
}

/** What a command says of its objects; of `pipe N config … type X` also the scheduler of that number. */
function configure(
  world: World,
  transaction: Transaction,
  command: DummynetCommand & { kind: 'dummynet-config' },
): void {
  const { sched, ...own } = command.config;
  checkSize(world, own);
  const mask = own.schedMask ?? own.mask;
  for (const number of command.numbers) {
    change(world, transaction, command, command.object, number, own);
    if (sched)
      change(world, transaction, command, 'sched', number, { ...sched, ...(mask && { schedMask: mask }) });
  }
}

function change(
  world: World,
  transaction: Transaction,
  command: DummynetCommand,
  kind: DummynetKind,
  number: number,
  config: DummynetConfig,
): void {
  const { dummynet } = world;
  const given = withDefaults(config, world.sysctl);
  const before = dummynet.get(kind, number);
  const after = dummynet.configure(kind, number, given, transaction.journal);
  const reset = before && resetText(kind, number, before, given, after);
  if (reset !== undefined) warn(world, command, reset);
  tellEngine(world, transaction, kind, number, before, after);
}

export function applyDummynet(
  world: World,
  command: DummynetCommand,
  flags: Flags,
  transaction: Transaction,
): string {
  const { dummynet } = world;
  switch (command.kind) {
    case 'dummynet-config':
      configure(world, transaction, command);
      return '';
    case 'dummynet-delete':
      for (const range of command.ranges) {
        const found = dummynet.all(command.object, [range]);
        if (found.length === 0 && !world.lenient && !flags.force)
          throw new RuleError(
            `${command.object} ${range.low === range.high ? range.low : `${range.low}-${range.high}`} not found`,
            { exit: EXIT.unavailable },
          );
        for (const [number] of found) {
          // the scheduler that comes with a pipe goes with it
          if (command.object === 'pipe' && dummynet.get('sched', number))
            remove(world, transaction, 'sched', number);
          remove(world, transaction, command.object, number);
        }
      }
      return '';
    case 'dummynet-flush':
      for (const kind of ['queue', 'sched', 'pipe'] as const)
        for (const [number] of dummynet.all(kind)) remove(world, transaction, kind, number);
      return flags.quiet ? '' : 'Flushed all pipes.\n';
    case 'dummynet-list':
      for (const { low, high } of world.lenient ? [] : command.ranges)
        if (
          low === high &&
          !dummynet.get(command.object, low) &&
          !(command.object === 'sched' && dummynet.get('pipe', low))
        )
          warn(world, command, `there is no ${command.object} ${low}`);
      return printObjects(dummynet, command.object, command.ranges, {
        engine: world.engine.dummynet,
        sort: flags.sort,
      });
  }
}
