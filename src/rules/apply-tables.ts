// SPDX-License-Identifier: BSD-2-Clause
// The table commands.

import { parseIp4, parseIp6 } from './address.js';
import type { Flags, TableCommand } from './command.js';
import { EXIT, RuleError } from './error.js';
import { entryLine, listTable, tableInfo, usersOf } from './print-table.js';
import type { Table } from './table.js';
import { parseKey, parseValues, printKey } from './table-key.js';
import { atPlace, checkUnlocked, defaultOptions } from './tables.js';
import { type Transaction, type World, warn } from './world.js';

function create(
  world: World,
  command: TableCommand & { kind: 'table-create' },
  { journal }: Transaction,
): string {
  const found = world.tables.find(command);
  const { options } = command;
  if (!found) {
    world.tables.create(command, options, world.sysctl.fw('tables_max'), journal);
    return '';
  }
  if (!command.missing)
    throw new RuleError(`table ${command.table} exists`, {
      expected: 'another name, or "missing" or "or-flush"',
      exit: EXIT.osError,
    });
  const same =
    JSON.stringify({ ...found.options, limit: 0, locked: false }) ===
    JSON.stringify({ ...options, limit: 0, locked: false });
  if (!same)
    throw new RuleError(`table ${command.table} exists with other options`, {
      expected: `type ${found.options.type} and its options`,
      exit: EXIT.osError,
    });
  if (command.orFlush) world.tables.flush(found, journal);
  return '';
}

/** A table to destroy or flush; one that is not there is no error, so that a set-up can be run again. */
function tableToClear(
  world: World,
  command: TableCommand,
  what: 'destroy' | 'flush',
  { quiet }: Flags,
): Table | undefined {
  const found = world.tables.find(command);
  if (!found && !quiet)
    warn(world, command, `failed to ${what} table ${command.table}: there is no such table`);
  return found;
}

/** The table of an `add`; one that does not exist is made for addresses, as ipfw does, with a warning. */
function tableToFill(
  world: World,
  command: TableCommand & { kind: 'table-add' },
  { journal }: Transaction,
): Table {
  const found = world.tables.find(command);
  if (found) return found;
  const key = command.entries[0]!.key;
  const host = key.text.split('/', 1)[0]!;
  if (parseIp4(host) === undefined && parseIp6(host) === undefined)
    throw new RuleError(
      `table ${command.table} does not exist and the type of key "${key.text}" cannot be guessed`,
      {
        place: key.place,
        expected: `table ${command.table} create type ... first`,
      },
    );
  warn(world, command, `DEPRECATED: inserting data into non-existent table ${command.table} (auto-created)`);
  return world.tables.create(command, defaultOptions('addr'), world.sysctl.fw('tables_max'), journal);
}

/** All entries or none. -q: entries that exist get the new value. */
function addEntries(
  world: World,
  command: TableCommand & { kind: 'table-add' },
  flags: Flags,
  transaction: Transaction,
): string {
  const table = tableToFill(world, command, transaction);
  checkUnlocked(table);
  const { options } = table;
  let output = '';
  for (const { key: keyText, value } of command.entries) {
    const key = atPlace(keyText, (text) => parseKey(text, options, world.context));
    const values = value
      ? atPlace(value, (text) => parseValues(text, options.valtype, world.context))
      : parseValues(undefined, options.valtype, world.context);
    const exists = table.find(key) !== undefined;
    if (exists && !flags.quiet && !world.lenient)
      throw new RuleError(`table ${table.name} has ${printKey(key, options.flow)} already`, {
        place: keyText.place,
        expected: 'a new key, or -q to change it',
        exit: EXIT.osError,
      });
    if (!exists && table.limit > 0 && table.entries.size >= table.limit)
      throw new RuleError(`limit hit: table ${table.name} has ${table.entries.size} entries`, {
        place: keyText.place,
        expected: `at most ${table.limit}`,
        exit: EXIT.osError,
      });
    world.tables.put(table, key, values, transaction.journal);
    output += `${exists ? 'updated' : 'added'}: ${entryLine(table, key, values, flags)}`;
  }
  return flags.quiet ? '' : output;
}

function deleteEntries(
  world: World,
  command: TableCommand & { kind: 'table-delete' },
  flags: Flags,
  { journal }: Transaction,
): string {
  const table = world.tables.get(command);
  checkUnlocked(table);
  let output = '';
  for (const keyText of command.keys) {
    const key = atPlace(keyText, (text) => parseKey(text, table.options, world.context));
    const found = table.find(key);
    if (!found && !flags.quiet && !world.lenient)
      throw new RuleError(`table ${table.name} has no ${printKey(key, table.options.flow)}`, {
        place: keyText.place,
        exit: EXIT.osError,
      });
    if (!found) continue;
    world.tables.put(table, key, undefined, journal);
    output += `deleted: ${entryLine(table, key, found.values, flags)}`;
  }
  return flags.quiet ? '' : output;
}

function swap(
  world: World,
  command: TableCommand & { kind: 'table-swap' },
  { journal }: Transaction,
): string {
  const a = world.tables.get(command);
  const b = world.tables.get({ table: command.other, set: command.set });
  checkUnlocked(a);
  checkUnlocked(b);
  const kind = (table: Table): string =>
    JSON.stringify([table.options.type, table.options.flow, table.options.valtype, table.options.masks]);
  if (kind(a) !== kind(b))
    throw new RuleError(`tables ${a.name} and ${b.name} differ in type or value type`, {
      expected: 'two tables of the same kind',
      exit: EXIT.usage,
    });
  for (const [table, other] of [
    [a, b],
    [b, a],
  ] as const)
    if (table.limit > 0 && other.entries.size > table.limit)
      throw new RuleError(`table ${other.name} has more entries than ${table.name} may hold`, {
        expected: `at most ${table.limit}`,
        exit: EXIT.usage,
      });
  world.tables.swap(a, b, journal);
  world.rules.recompile();
  return '';
}

function lookup(world: World, command: TableCommand & { kind: 'table-lookup' }, flags: Flags): string {
  const table = world.tables.get(command);
  const key = atPlace(command.key, (text) => parseKey(text, table.options, world.context));
  const found = table.lookup(key);
  if (!found)
    throw new RuleError(`entry ${command.key.text} not found`, {
      place: command.key.place,
      exit: EXIT.unavailable,
    });
  return entryLine(table, found.key, found.values, flags);
}

export function applyTable(
  world: World,
  command: TableCommand,
  flags: Flags,
  transaction: Transaction,
): string {
  const { journal } = transaction;
  const several = (): Table[] => (command.table === 'all' ? world.tables.all : [world.tables.get(command)]);
  switch (command.kind) {
    case 'table-create':
      return create(world, command, transaction);
    case 'table-add':
      return addEntries(world, command, flags, transaction);
    case 'table-delete':
      return deleteEntries(world, command, flags, transaction);
    case 'table-swap':
      return swap(world, command, transaction);
    case 'table-lookup':
      return lookup(world, command, flags);
    case 'table-destroy': {
      const table = tableToClear(world, command, 'destroy', flags);
      if (!table) return '';
      const users = usersOf(world, table);
      if (users.length > 0)
        throw new RuleError(`table ${table.name} is used by rule ${users.join(', ')}`, {
          expected: 'a table no rule names',
          exit: EXIT.osError,
        });
      world.tables.destroy(table, journal);
      return '';
    }
    case 'table-modify':
      world.tables.setLimit(world.tables.get(command), command.limit, journal);
      return '';
    case 'table-lock':
    case 'table-unlock': {
      const table = world.tables.get(command);
      const before = table.locked;
      table.locked = command.kind === 'table-lock';
      journal.record(() => {
        table.locked = before;
      });
      return '';
    }
    case 'table-flush':
      for (const table of command.table === 'all'
        ? several()
        : [tableToClear(world, command, 'flush', flags)])
        if (table) {
          checkUnlocked(table);
          world.tables.flush(table, journal);
        }
      return '';
    case 'table-list':
      return several()
        .map((table) => listTable(table, flags))
        .join('');
    case 'table-info':
    case 'table-detail':
      return several()
        .map((table) => tableInfo(world, table, command.kind === 'table-detail'))
        .join('');
  }
}
