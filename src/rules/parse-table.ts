// SPDX-License-Identifier: BSD-2-Clause
// table NAME create | destroy | modify | swap | add | atomic add | delete | lookup | lock | unlock | list | info | detail | flush
import type { Located, TableCommand, TableOptions } from './command.js';
import { EXIT, RuleError } from './error.js';
import {
  FLOW_FIELDS,
  type FlowField,
  TABLE_TYPES,
  type TableType,
  VALUE_KINDS,
  type ValueKind,
} from './keywords.js';
import { checkTableName } from './parse-address.js';
import type { Words } from './words.js';

const COMMANDS = [
  'add',
  'delete',
  'create',
  'destroy',
  'flush',
  'modify',
  'swap',
  'info',
  'detail',
  'list',
  'lookup',
  'atomic',
  'lock',
  'unlock',
];
const CREATE_OPTIONS = ['type', 'valtype', 'algo', 'limit', 'locked', 'missing', 'or-flush'];

/** Table type of each algorithm; the first of a type is its default. */
export const ALGORITHMS: Record<string, TableType> = {
  'addr:radix': 'addr',
  'addr:hash': 'addr',
  'addr:kfib': 'addr',
  'addr:dxr': 'addr',
  'iface:array': 'iface',
  'number:array': 'number',
  'flow:hash': 'flow',
  'mac:radix': 'mac',
};

/** The one word of `list` that the next word begins (ipfw takes unambiguous beginnings here). */
function choose(words: Words, list: readonly string[], what: string): string {
  const text = words.next(`a ${what}: ${list.join(', ')}`);
  if (list.includes(text)) return text;
  const found = list.filter((each) => each.startsWith(text));
  if (found.length !== 1)
    throw words.failBack(
      `${found.length > 1 ? 'ambiguous' : 'unknown'} ${what} "${text}"`,
      (found.length > 1 ? found : list).join(', '),
      EXIT.usage,
    );
  return found[0]!;
}

const chooseAll = <T extends string>(words: Words, text: string, list: readonly T[], what: string): T[] => {
  const items = text.split(',') as T[];
  for (const item of items)
    if (!list.includes(item)) throw words.failBack(`unknown ${what} "${item}"`, list.join(', '), EXIT.usage);
  return list.filter((each) => items.includes(each));
};

function located(words: Words, expected: string): Located {
  const place = words.place();
  return { text: words.next(expected), place };
}

/**
 * An algorithm and its parameters: as ipfw has them in one argument, in quotes as its manual writes it (which reach us
 * from a file, or inside one argument), or as words of their own.
 */
function algoWords(words: Words): string[] {
  const first = words.next(`an algorithm: ${Object.keys(ALGORITHMS).join(', ')}`);
  if (!first.startsWith('"')) {
    const [name, ...rest] = first.split(/\s+/);
    return [name!, ...(words.peek()?.startsWith('masks=') ? [words.next('')] : rest)];
  }
  let text = first;
  while (text.length < 2 || !text.endsWith('"')) {
    if (words.done) throw words.fail('the quote is not closed', '"');
    text += ` ${words.next('')}`;
  }
  return text.slice(1, -1).split(/\s+/).filter(Boolean);
}

function parseAlgo(words: Words, options: TableOptions): void {
  const begin = words.place();
  const bad = (problem: string, expected: string): RuleError =>
    new RuleError(problem, { place: begin, expected });
  const [name = '', ...parameters] = algoWords(words);
  if (!Object.hasOwn(ALGORITHMS, name))
    throw bad(`unknown algorithm "${name}"`, Object.keys(ALGORITHMS).join(', '));
  options.algo = name;
  if (parameters.length === 0) return;
  const masks = /^masks=\/(\d+),\/(\d+)$/.exec(parameters.join(' '));
  if (name !== 'addr:hash' || !masks || Number(masks[1]) > 32 || Number(masks[2]) > 128)
    throw bad('bad masks', 'masks=/v4,/v6 behind addr:hash, for example masks=/24,/64');
  options.masks = [Number(masks[1]), Number(masks[2])];
}

function parseCreate(words: Words, table: string, set: number): TableCommand {
  const options: TableOptions = { type: 'addr', flow: [], valtype: [], algo: '', limit: 0, locked: false };
  const command: TableCommand = { kind: 'table-create', table, set, options, missing: false, orFlush: false };
  let typed = false;
  while (!words.done) {
    switch (choose(words, CREATE_OPTIONS, 'table option')) {
      case 'type': {
        const [type, fields] = words.next(`a type: ${TABLE_TYPES.join(', ')}`).split(/:(.*)/s);
        if (!TABLE_TYPES.includes(type as TableType))
          throw words.failBack(`unknown table type "${type}"`, TABLE_TYPES.join(', '), EXIT.usage);
        options.type = type as TableType;
        typed = true;
        if (fields !== undefined && type !== 'flow')
          throw words.failBack(`the type ${type} has no fields`, `${type}`, EXIT.usage);
        if (type === 'flow')
          options.flow = fields
            ? chooseAll<FlowField>(words, fields, FLOW_FIELDS, 'flow field')
            : [...FLOW_FIELDS];
        break;
      }
      case 'valtype':
        options.valtype = chooseAll<ValueKind>(words, words.next('value types'), VALUE_KINDS, 'value type');
        break;
      case 'algo':
        parseAlgo(words, options);
        break;
      case 'limit':
        options.limit = words.decimal('limit', 0, 0xffffffff);
        break;
      case 'locked':
        options.locked = true;
        break;
      case 'missing':
        command.missing = true;
        break;
      default:
        command.missing = true;
        command.orFlush = true;
    }
  }
  if (!typed && options.algo) options.type = ALGORITHMS[options.algo]!;
  if (options.type === 'flow' && options.flow.length === 0) options.flow = [...FLOW_FIELDS];
  if (!options.algo)
    options.algo = Object.keys(ALGORITHMS).find((name) => ALGORITHMS[name] === options.type)!;
  if (ALGORITHMS[options.algo] !== options.type)
    throw words.failBack(`the algorithm ${options.algo} is not for tables of type ${options.type}`);
  return command;
}

function parseAdd(words: Words, table: string, set: number, atomic: boolean): TableCommand {
  const entries: { key: Located; value?: Located }[] = [];
  do {
    const key = located(words, 'a key');
    entries.push(words.done ? { key } : { key, value: located(words, 'a value') });
  } while (!words.done);
  return { kind: 'table-add', table, set, atomic, entries };
}

/** Everything behind `table`. */
export function parseTable(words: Words, set: number): TableCommand {
  const table = words.next('a table name or all');
  if (table !== 'all') words.located(() => checkTableName(table));
  let verb = choose(words, COMMANDS, 'table command');
  const atomic = verb === 'atomic';
  if (atomic) verb = choose(words, ['add'], 'atomic command');
  if (table === 'all' && !['list', 'info', 'detail', 'flush'].includes(verb))
    throw words.failBack(
      `"table all ${verb}"`,
      `the name of one table: all is for list, info, detail and flush`,
      EXIT.usage,
    );
  switch (verb) {
    case 'create':
      return parseCreate(words, table, set);
    case 'add':
      return parseAdd(words, table, set, atomic);
    case 'delete': {
      const keys = [located(words, 'a key')];
      while (!words.done) keys.push(located(words, 'a key'));
      return { kind: 'table-delete', table, set, keys };
    }
    case 'modify':
      words.expect('limit');
      return { kind: 'table-modify', table, set, limit: words.decimal('limit', 0, 0xffffffff) };
    case 'swap': {
      const other = words.next('the other table');
      return { kind: 'table-swap', table, set, other: words.located(() => checkTableName(other)) };
    }
    case 'lookup':
      return { kind: 'table-lookup', table, set, key: located(words, 'a key') };
    default:
      return {
        kind: `table-${verb as 'destroy' | 'lock' | 'unlock' | 'flush' | 'list' | 'info' | 'detail'}`,
        table,
        set,
      };
  }
}
