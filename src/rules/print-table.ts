// SPDX-License-Identifier: BSD-2-Clause
// table list, info and detail.
import { tableSet } from './apply-rules.js';
import type { Flags } from './command.js';
import type { Table, TableEntry } from './table.js';
import { printKey, printValues, type TableValues } from './table-key.js';
import { tablesOf } from './tables.js';
import type { World } from './world.js';

const ENTRY_BYTES = 112;

export const entryLine = (table: Table, key: TableEntry['key'], values: TableValues, flags: Flags): string =>
  `${printKey(key, table.options.flow)} ${printValues(values, table.options.valtype, flags.valuesAsIp)}\n`;

/** Rules that name the table. */
export function usersOf(world: World, table: Table): number[] {
  return world.rules.all
    .filter(
      ({ rule }) =>
        tableSet(world, rule.set) === table.set &&
        tablesOf(rule).some((each) => each.table.name === table.name),
    )
    .map(({ rule }) => rule.number);
}

export function tableInfo(world: World, table: Table, detail: boolean): string {
  const { type, flow, valtype, algo } = table.options;
  const lines = [
    `--- table(${table.name}), set(${table.set}) ---`,
    ` kindex: ${table.id}, type: ${type}${flow.length > 0 ? `:${flow.join(',')}` : ''}${table.locked ? ', locked' : ''}`,
    ` references: ${usersOf(world, table).length}, valtype: ${valtype.join(',') || 'legacy'}`,
    ` algorithm: ${algo}`,
    ` items: ${table.entries.size}, size: ${table.entries.size * ENTRY_BYTES}`,
  ];
  if (table.limit > 0) lines.push(` limit: ${table.limit}`);
  if (detail) {
    const items = (label: string, count: number): string[] => [
      ` ${label}algorithm ${algo.split(':')[1]} info`,
      `  items: ${count} itemsize: ${ENTRY_BYTES}`,
    ];
    const family = (wanted: number): number =>
      [...table.entries.values()].filter(({ key }) => key.type === 'addr' && key.family === wanted).length;
    if (type === 'addr') lines.push(...items('IPv4 ', family(4)), ...items('IPv6 ', family(6)));
    else lines.push(...items('', table.entries.size));
  }
  return lines.map((line) => `${line}\n`).join('');
}

export function listTable(table: Table, flags: Flags): string {
  return `--- table(${table.name}), set(${table.set}) ---\n${table
    .sorted()
    .map(({ key, values }) => entryLine(table, key, values, flags))
    .join('')}`;
}
