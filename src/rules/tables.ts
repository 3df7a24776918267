// SPDX-License-Identifier: BSD-2-Clause
// All tables of a rule set: creating, changing and finding them, and what the engine must be told of it.

import { FLOW_FIELD, PROGRAM, TABLE_TYPE } from '../abi.js';
import type { IfaceMatch, Rule, TableRef } from './ast.js';
import type { Located, TableName, TableOptions } from './command.js';
import { encodeTableUpdate, type TableChange } from './compiler/table.js';
import type { RuleEngine } from './engine.js';
import { EXIT, RuleError } from './error.js';
import type { Journal } from './journal.js';
import { FLOW_FIELDS, type TableType } from './keywords.js';
import { ALGORITHMS } from './parse-table.js';
import { Table } from './table.js';
import type { TableKey, TableValues } from './table-key.js';

const keyOf = ({ table, set }: TableName): string => `${set} ${table}`;

export const defaultOptions = (type: TableType): TableOptions => ({
  type,
  flow: type === 'flow' ? [...FLOW_FIELDS] : [],
  valtype: [],
  algo: Object.keys(ALGORITHMS).find((name) => ALGORITHMS[name] === type)!,
  limit: 0,
  locked: false,
});

/** Tables a rule refers to, each with the type it must have. */
export function tablesOf(rule: Rule): { table: TableRef; type: TableType }[] {
  const found: { table: TableRef; type: TableType }[] = [];
  for (const block of rule.body)
    for (const { test } of block) {
      if (test.kind === 'table') found.push({ table: test.table, type: 'addr' });
      else if (test.kind === 'mac-table') found.push({ table: test.table, type: 'mac' });
      else if (test.kind === 'flow') found.push({ table: test.table, type: 'flow' });
      else if (test.kind === 'lookup') found.push({ table: test.table, type: lookupType(test.key) });
      else if (test.kind === 'iface' && test.match.by === 'table')
        found.push({ table: (test.match as IfaceMatch & { by: 'table' }).table, type: 'iface' });
    }
  return found;
}

const lookupType = (key: string): TableType =>
  /-ip[46]?$/.test(key) ? 'addr' : key.endsWith('-mac') ? 'mac' : 'number';

/** Keys touched since the last commit, with what they had before. */
type Touched = Map<string, { key: TableKey; before: TableValues | undefined }>;

export class Tables {
  private readonly byName = new Map<string, Table>();
  private nextId = 0;
  private readonly freeIds: number[] = [];
  private destroyed: Table[] = [];
  private touched = new Map<Table, Touched>();

  get all(): Table[] {
    return [...this.byName.values()].sort(
      (a, b) => a.set - b.set || a.name.length - b.name.length || (a.name < b.name ? -1 : 1),
    );
  }

  find(name: TableName): Table | undefined {
    return this.byName.get(keyOf(name));
  }

  get(name: TableName): Table {
    const table = this.find(name);
    if (!table)
      throw new RuleError(`table ${name.table} not found`, {
        expected: `table ${name.table} create first`,
        exit: EXIT.osError,
      });
    return table;
  }

  create(name: TableName, options: TableOptions, max: number, journal: Journal): Table {
    if (this.byName.size >= max)
      throw new RuleError(`too many tables`, {
        expected: `at most ${max}: see sysctl net.inet.ip.fw.tables_max`,
        exit: EXIT.osError,
      });
    const id = this.freeIds.pop() ?? this.nextId++;
    if (id > PROGRAM.tableMaxId) throw new RuleError('no table numbers left', { exit: EXIT.osError });
    const table = new Table(name.table, name.set, { id, limit: options.limit, fresh: true }, options);
    this.byName.set(keyOf(name), table);
    journal.record(() => {
      this.byName.delete(keyOf(name));
      this.freeIds.push(id);
    });
    return table;
  }

  destroy(table: Table, journal: Journal): void {
    const name = keyOf({ table: table.name, set: table.set });
    this.byName.delete(name);
    this.destroyed.push(table);
    journal.record(() => {
      this.byName.set(name, table);
      this.destroyed = this.destroyed.filter((each) => each !== table);
    });
  }

  put(table: Table, key: TableKey, values: TableValues | undefined, journal: Journal): void {
    const touched: Touched = this.touched.get(table) ?? new Map();
    this.touched.set(table, touched);
    const text = table.keyText(key);
    if (!touched.has(text)) touched.set(text, { key, before: table.find(key)?.values });
    table.put(key, values, journal);
  }

  flush(table: Table, journal: Journal): void {
    for (const { key } of [...table.entries.values()]) this.put(table, key, undefined, journal);
  }

  setLimit(table: Table, limit: number, journal: Journal): void {
    const before = table.limit;
    table.limit = limit;
    journal.record(() => {
      table.limit = before;
    });
  }

  /** Exchange content and engine table of two names; the program then refers to the other one. */
  swap(a: Table, b: Table, journal: Journal): void {
    const exchange = (): void => {
      [a.entries, b.entries] = [b.entries, a.entries];
      [a.engine, b.engine] = [b.engine, a.engine];
      const [ta, tb] = [this.touched.get(a), this.touched.get(b)];
      if (tb) this.touched.set(a, tb);
      else this.touched.delete(a);
      if (ta) this.touched.set(b, ta);
      else this.touched.delete(b);
    };
    exchange();
    journal.record(exchange);
  }

  /** What the engine must be told, to be done before the program is loaded and after; each with its undoing. */
  commit(engine: RuleEngine): { before: [run: () => void, undo: () => void][]; after: (() => void)[] } {
    const before: [() => void, () => void][] = [];
    for (const table of this.byName.values()) {
      const { type, flow } = table.options;
      const { id, limit: known, fresh } = table.engine;
      const { limit } = table;
      const fields = flow.reduce((sum, field) => sum | FLOW_FIELD[field], 0);
      if (fresh)
        before.push([
          () => engine.tableCreate(id, TABLE_TYPE[type], fields, limit),
          () => engine.tableDestroy(id),
        ]);
      else if (limit !== known)
        before.push([() => engine.tableLimit(id, limit), () => engine.tableLimit(id, known)]);
    }
    for (const [table, touched] of this.touched) {
      if (this.destroyed.includes(table)) continue;
      const forward: TableChange[] = [];
      const back: TableChange[] = [];
      for (const { key, before: old } of touched.values()) {
        const now = table.find(key)?.values;
        if (!now && !old) continue;
        forward.push({ key, values: now });
        back.push({ key, values: old });
      }
      if (forward.length === 0) continue;
      const { id } = table;
      const { valtype } = table.options;
      before.push([
        () => engine.tableUpdate(encodeTableUpdate(id, forward, valtype)),
        () => engine.tableUpdate(encodeTableUpdate(id, back, valtype)),
      ]);
    }
    const gone = this.destroyed.filter((table) => !table.engine.fresh);
    return { before, after: gone.map((table) => () => engine.tableDestroy(table.id)) };
  }

  /** Forget what was touched: it was committed (true) or taken back. */
  settle(committed: boolean): void {
    if (committed) {
      this.freeIds.push(...this.destroyed.map((table) => table.id));
      for (const table of this.byName.values())
        table.engine = { id: table.id, limit: table.limit, fresh: false };
    }
    this.destroyed = [];
    this.touched = new Map();
  }
}

export const checkUnlocked = (table: Table): void => {
  if (table.locked)
    throw new RuleError(`table ${table.name} is locked`, {
      expected: `table ${table.name} unlock first`,
      exit: EXIT.osError,
    });
};

/** Run `parse` on located text; errors get its place. */
export function atPlace<T>(located: Located, parse: (text: string) => T): T {
  try {
    return parse(located.text);
  } catch (error) {
    if (error instanceof RuleError) throw error.at(located.place);
    throw error;
  }
}
