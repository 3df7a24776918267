// SPDX-License-Identifier: BSD-2-Clause
// The commands of the language, parsed: what each one asks for.
import type { Rule } from './ast.js';
import type { DummynetConfig, DummynetKind } from './dummynet.js';
import type { Place } from './error.js';
import type { FlowField, TableType, ValueKind } from './keywords.js';
import type { NatConfig } from './nat.js';
import type { Range } from './ranges.js';

/** Text whose meaning depends on what exists when the command runs (a table's keys and values). */
export interface Located {
  text: string;
  place: Place;
}

export interface TableOptions {
  type: TableType;
  flow: FlowField[];
  /** Empty: one number for everything (legacy). */
  valtype: ValueKind[];
  algo: string;
  /** addr:hash masks=/v4,/v6 */
  masks?: [number, number];
  limit: number;
  locked: boolean;
}

/** A table is named by its name and set: without tables_sets all of them are in set 0. */
export interface TableName {
  table: string;
  set: number;
}

export type TableCommand = TableName &
  (
    | { kind: 'table-create'; options: TableOptions; missing: boolean; orFlush: boolean }
    | { kind: 'table-destroy' | 'table-lock' | 'table-unlock' }
    | { kind: 'table-modify'; limit: number }
    | { kind: 'table-swap'; other: string }
    | { kind: 'table-add'; atomic: boolean; entries: { key: Located; value?: Located }[] }
    | { kind: 'table-delete'; keys: Located[] }
    | { kind: 'table-lookup'; key: Located }
    | { kind: 'table-flush' | 'table-list' | 'table-info' | 'table-detail' }
  );

export type DummynetCommand =
  | { kind: 'dummynet-config'; object: DummynetKind; numbers: number[]; config: DummynetConfig }
  | { kind: 'dummynet-delete'; object: DummynetKind; ranges: Range[] }
  | { kind: 'dummynet-list'; object: DummynetKind; ranges: Range[] }
  | { kind: 'dummynet-flush' };

export type NatCommand =
  | { kind: 'nat-config'; config: NatConfig }
  | { kind: 'nat-delete'; ids: number[] }
  | { kind: 'nat-show'; what: 'config' | 'log'; ranges: Range[] };

export type SetCommand =
  | { kind: 'set-enable'; enable: number; disable: number }
  | { kind: 'set-move'; what: 'set' | 'rule'; from: number; to: number }
  | { kind: 'set-swap'; a: number; b: number }
  | { kind: 'set-show' };

export const TOGGLES = [
  'firewall',
  'altq',
  'one_pass',
  'debug',
  'verbose',
  'dyn_keepalive',
  'skipto_cache',
] as const;

/** Lists of `internal`. */
export const INTERNALS = ['iflist', 'talist', 'olist', 'vlist'] as const;

export type RuleCommand =
  | { kind: 'add'; rule: Rule }
  /** No ranges and no set, or rule 0: everything. */
  | { kind: 'delete'; set?: number; ranges: Range[] }
  | { kind: 'delete-set'; sets: number[] }
  | { kind: 'flush'; set?: number }
  | { kind: 'zero' | 'resetlog'; set?: number; ranges: Range[] }
  | { kind: 'list'; counters: boolean; set?: number; ranges: Range[] };

export type Command = (
  | RuleCommand
  | SetCommand
  | TableCommand
  | NatCommand
  | DummynetCommand
  | { kind: 'toggle'; what: (typeof TOGGLES)[number]; on: boolean }
  | { kind: 'sysctl'; name?: string; value?: number }
  | { kind: 'internal'; what: (typeof INTERNALS)[number] }
  /** Our own: the packet as it was written, and how the answer is to be told. */
  | { kind: 'explain'; packet: string; json: boolean; all: boolean }
) & { place?: Place };

/** Command-line flags; they may stand before any command, also in a file. */
export interface Flags {
  counters: boolean; // -a
  actionOnly: boolean; // -b
  compact: boolean; // -c
  dynamic: boolean; // -d
  dynamicOnly: boolean; // -D
  expired: boolean; // -e
  force: boolean; // -f
  help: boolean; // -h
  valuesAsIp: boolean; // -i
  testOnly: boolean; // -n
  names: boolean; // -N
  quiet: boolean; // -q
  sort: number; // -s field
  sets: boolean; // -S
  time: 'none' | 'text' | 'number'; // -t, -T
  verbose: boolean; // -v
}

export const NO_FLAGS: Readonly<Flags> = {
  counters: false,
  actionOnly: false,
  compact: false,
  dynamic: false,
  dynamicOnly: false,
  expired: false,
  force: false,
  help: false,
  valuesAsIp: false,
  testOnly: false,
  names: false,
  quiet: false,
  sort: 0,
  sets: false,
  time: 'none',
  verbose: false,
};

/** A command with the flags it was given. */
export interface Job {
  flags: Readonly<Flags>;
  command: Command;
}

/** Commands that change something the packets see. */
export const changes = ({ kind }: Command): boolean =>
  !/^(list|set-show|table-(list|info|detail|lookup)|nat-show|dummynet-list|internal|explain|sysctl)$/.test(
    kind,
  );
