// SPDX-License-Identifier: BSD-2-Clause
// add, delete, flush, zero, resetlog and the set commands.
import type { Rule } from './ast.js';
import type { Flags, RuleCommand, SetCommand } from './command.js';
import { EXIT, RuleError } from './error.js';
import { listRule, listRules } from './listing.js';
import type { Range } from './ranges.js';
import { DEFAULT_RULE, RESERVED_SET, type StoredRule } from './ruleset.js';
import { defaultOptions, tablesOf } from './tables.js';
import type { Transaction, World } from './world.js';

const rangeText = ({ low, high }: Range): string => (low === high ? `rule ${low}` : `rules ${low}-${high}`);

/** Set in which a rule of this set looks for its tables. */
export const tableSet = (world: World, set: number): number => (world.sysctl.fw('tables_sets') ? set : 0);

/** Tables a rule names must suit; those that do not exist are made, empty. */
function checkTables(world: World, rule: Rule, transaction: Transaction): void {
  for (const { table, type } of tablesOf(rule)) {
    const name = { table: table.name, set: tableSet(world, rule.set) };
    const found = world.tables.find(name);
    if (!found)
      world.tables.create(name, defaultOptions(type), world.sysctl.fw('tables_max'), transaction.journal);
    else if (found.options.type !== type)
      throw new RuleError(`table ${table.name} is of type ${found.options.type}`, {
        expected: `a table of type ${type} here`,
      });
  }
}

function add(world: World, given: Rule, flags: Flags, transaction: Transaction): string {
  checkTables(world, given, transaction);
  const rule = { ...given };
  const limit = world.sysctl.fw('verbose_limit');
  if (rule.log && rule.log.amount === undefined && limit > 0) rule.log = { ...rule.log, amount: limit };
  const stored = world.rules.add(rule, world.sysctl.fw('autoinc_step'), transaction.journal);
  return flags.quiet ? '' : `${listRule(stored.rule, flags)}\n`;
}

/** Rules of each range; a range without any is an error unless -f or -q. */
function chosen(world: World, command: { set?: number; ranges: Range[] }, forgiving: boolean): StoredRule[] {
  for (const range of command.ranges)
    if (range.low === DEFAULT_RULE)
      throw new RuleError(`rule ${DEFAULT_RULE} is the default rule`, { expected: 'numbers up to 65534' });
  for (const range of command.ranges)
    if (!forgiving && world.rules.select([range], command.set).length === 0)
      throw new RuleError(
        `${rangeText(range)} not found${command.set === undefined ? '' : ` in set ${command.set}`}`,
        { exit: EXIT.unavailable },
      );
  return world.rules.select(command.ranges, command.set);
}

function remove(
  world: World,
  command: RuleCommand & { kind: 'delete' },
  flags: Flags,
  transaction: Transaction,
): string {
  const everything = command.ranges.some(({ low, high }) => low === 0 && high === 0);
  const ranges = everything ? [] : command.ranges;
  const forgiving = flags.force || flags.quiet || world.lenient || everything;
  let which = chosen(world, { ...command, ranges }, forgiving);
  if (everything) which = which.filter(({ rule }) => rule.set !== RESERVED_SET);
  if (flags.dynamicOnly)
    transaction.afterwards.push(() => world.engine.deleteStates(which.map(({ id }) => id)));
  else world.rules.remove(which, transaction.journal);
  return '';
}

function flush(
  world: World,
  command: RuleCommand & { kind: 'flush' },
  flags: Flags,
  transaction: Transaction,
): string {
  const which = world.rules
    .select([], command.set)
    .filter(({ rule }) => command.set !== undefined || rule.set !== RESERVED_SET);
  world.rules.remove(which, transaction.journal);
  return flags.quiet ? '' : 'Flushed all rules.\n';
}

function zero(
  world: World,
  command: RuleCommand & { kind: 'zero' | 'resetlog' },
  flags: Flags,
  transaction: Transaction,
): string {
  const logOnly = command.kind === 'resetlog';
  if (command.ranges.length === 0 && command.set === undefined) {
    transaction.afterwards.push(() => world.engine.zero(undefined, logOnly));
    if (flags.quiet) return '';
    return logOnly ? 'Logging counts reset.\n' : 'Accounting cleared.\n';
  }
  const wanted = command.ranges.some(({ low, high }) => low <= DEFAULT_RULE && high >= DEFAULT_RULE);
  const ranges = command.ranges.filter(({ low }) => low !== DEFAULT_RULE);
  const which = ranges.length === 0 && wanted ? [] : chosen(world, { ...command, ranges }, world.lenient);
  const ids = which.map(({ id }) => id);
  if (wanted) ids.push(world.rules.all.at(-1)!.id);
  transaction.afterwards.push(() => world.engine.zero(ids, logOnly));
  if (flags.quiet) return '';
  const what = logOnly ? 'logging count reset' : 'cleared';
  return command.ranges
    .map(({ low, high }) => `Entry ${low === high ? low : `${low}-${high}`} ${what}.\n`)
    .join('');
}

export function applyRule(
  world: World,
  command: RuleCommand,
  flags: Flags,
  transaction: Transaction,
): string {
  switch (command.kind) {
    case 'add':
      return add(world, command.rule, flags, transaction);
    case 'delete':
      return remove(world, command, flags, transaction);
    case 'delete-set':
      for (const set of command.sets) world.rules.remove(world.rules.select([], set), transaction.journal);
      return '';
    case 'flush':
      return flush(world, command, flags, transaction);
    case 'zero':
    case 'resetlog':
      return zero(world, command, flags, transaction);
    case 'list':
      return listRules(world, command, flags, transaction);
  }
}

function showSets(world: World): string {
  const sets = Array.from({ length: RESERVED_SET }, (_, set) => set);
  const off = sets.filter((set) => world.rules.isDisabled(set));
  const on = sets.filter((set) => !world.rules.isDisabled(set));
  const words = [...(off.length > 0 ? ['disable', ...off] : []), ...(on.length > 0 ? ['enable', ...on] : [])];
  return `${words.join(' ')}\n`;
}

export function applySet(world: World, command: SetCommand, transaction: Transaction): string {
  const { rules } = world;
  switch (command.kind) {
    case 'set-show':
      return showSets(world);
    case 'set-enable':
      rules.enableSets(command.enable, command.disable, transaction.journal);
      return '';
    case 'set-swap':
      rules.swapSets(command.a, command.b, transaction.journal);
      return '';
    case 'set-move':
      if (command.what === 'set') rules.moveSet(command.from, command.to, transaction.journal);
      else rules.moveRule(command.from, command.to, transaction.journal);
      return '';
  }
}
