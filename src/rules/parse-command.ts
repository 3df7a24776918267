// SPDX-License-Identifier: BSD-2-Clause
// A command line of ipfw: flags, then one command. Also for the lines of a rule file.
import {
  type Command,
  type Flags,
  INTERNALS,
  type Job,
  NO_FLAGS,
  type SetCommand,
  TOGGLES,
} from './command.js';
import { acceptAbbreviation, type ParseContext } from './context.js';
import { DUMMYNET_LIMITS, type DummynetKind } from './dummynet.js';
import { EXIT, expectedOf } from './error.js';
import type { Line } from './lexer.js';
import { parseDummynet } from './parse-dummynet.js';
import { parseNat } from './parse-nat.js';
import { parseRule } from './parse-rule.js';
import { parseTable } from './parse-table.js';
import { parseDecimal, type Range } from './ranges.js';
import { parseSysctl } from './sysctl.js';
import { Words } from './words.js';

const SWITCHES: Record<string, Partial<Flags>> = {
  a: { counters: true },
  b: { actionOnly: true, compact: true },
  c: { compact: true },
  d: { dynamic: true },
  D: { dynamic: true, dynamicOnly: true },
  e: { expired: true },
  f: { force: true },
  h: { help: true },
  i: { valuesAsIp: true },
  n: { testOnly: true },
  N: { names: true },
  q: { quiet: true, force: true },
  S: { sets: true },
  t: { time: 'text' },
  T: { time: 'number' },
  v: { verbose: true },
};

/** Flags before the command, as getopt reads them: -aS, -s 3, -s3. */
export function parseFlags(words: Words): Flags {
  if (!words.peek()?.startsWith('-')) return NO_FLAGS;
  const flags = { ...NO_FLAGS };
  while (/^-./.test(words.peek() ?? '')) {
    const text = words.next('');
    if (text === '--') break;
    for (let i = 1; i < text.length; i++) {
      const letter = text[i]!;
      if (letter === 's') {
        const value = text.slice(i + 1) || words.next('the field to sort by');
        if (!/^-?[0-4]$/.test(value))
          throw words.failBack(`bad sort field "${value}"`, '1 to 4, negative for the other way', EXIT.usage);
        flags.sort = Number(value);
        break;
      }
      if (letter === 'p')
        throw words.failBack('-p here', 'ipfw -p preprocessor [its arguments] FILE', EXIT.usage, i);
      if (!Object.hasOwn(SWITCHES, letter))
        throw words.failBack(
          `unknown flag -${letter}`,
          `-${Object.keys(SWITCHES).join('')}, -s field or -p preprocessor`,
          EXIT.usage,
          i,
        );
      Object.assign(flags, SWITCHES[letter]);
    }
  }
  return flags;
}

/** Numbers and ranges separated by blanks or commas, up to the end. */
function parseNumbers(words: Words, what: string, low: number, high: number): Range[] {
  const ranges: Range[] = [];
  while (/^\d/.test(words.peek() ?? '')) {
    const text = words.next('');
    for (const item of text.split(',').filter(Boolean)) {
      const [from, to = from] = item.split(/-(.*)/s);
      const range = words.located(() => ({
        low: parseDecimal(from!, what, low, high),
        high: parseDecimal(to!, what, low, high),
      }));
      if (range.low > range.high) throw words.failBack(`the range ${item} runs backwards`, 'low-high');
      ranges.push(range);
    }
  }
  return ranges;
}

function parseSets(words: Words, context: ParseContext): SetCommand {
  if (acceptAbbreviation(words, 'show', context)) return { kind: 'set-show' };
  if (acceptAbbreviation(words, 'swap', context))
    return { kind: 'set-swap', a: words.decimal('set', 0, 31), b: words.decimal('set', 0, 31) };
  if (acceptAbbreviation(words, 'move', context)) {
    const rule = words.accept('rule');
    const from = rule ? words.decimal('rule number', 1, 65534) : words.decimal('set', 0, 31);
    if (!acceptAbbreviation(words, 'to', context)) throw words.unexpected('"to"');
    return { kind: 'set-move', what: rule ? 'rule' : 'set', from, to: words.decimal('set', 0, 31) };
  }
  const masks = { enable: 0, disable: 0 };
  let which: 'enable' | 'disable' | undefined;
  while (!words.done) {
    if (acceptAbbreviation(words, 'disable', context)) which = 'disable';
    else if (acceptAbbreviation(words, 'enable', context)) which = 'enable';
    else if (!which || !/^\d/.test(words.peek()!))
      throw words.unexpected('show, swap, move, disable N ..., enable N ... or a set number');
    else masks[which] |= 1 << words.decimal('set', 0, 31);
  }
  if (!which) throw words.unexpected('show, swap, move, disable N ..., enable N ...');
  if (masks.enable & masks.disable)
    throw words.failBack('one set both enabled and disabled', 'each set once');
  return { kind: 'set-enable', enable: masks.enable >>> 0, disable: masks.disable >>> 0 };
}

/** Some beginnings ipfw takes without a word: those of nat, pipe and set. */
function acceptBeginning(words: Words, full: string): boolean {
  const text = words.peek();
  return text !== undefined && text !== '' && full.startsWith(text) && words.accept(text);
}

/** explain [--json] [--all] PACKET */
function parseExplain(words: Words): Command {
  const given = { json: false, all: false };
  for (;;) {
    if (words.accept('--json')) given.json = true;
    else if (words.accept('--all')) given.all = true;
    else break;
  }
  if (words.done) throw words.unexpected("a packet: 'tcp 1.2.3.4:5 > 6.7.8.9:80 in recv em0'");
  return { kind: 'explain', packet: words.rest(), ...given };
}

function parseInternal(words: Words): Command {
  const what = words.next(INTERNALS.join(', '));
  const found = INTERNALS.find((each) => each === what);
  if (!found) throw words.failBack(`internal "${what}"`, INTERNALS.join(', '), EXIT.usage);
  return { kind: 'internal', what: found };
}

/** pipe, queue, flowset (another word for queue), sched; undefined: none of them. */
function parseObjectKind(words: Words, context: ParseContext): DummynetKind | undefined {
  if (acceptBeginning(words, 'pipe')) return 'pipe';
  for (const kind of ['queue', 'flowset', 'sched'] as const)
    if (acceptAbbreviation(words, kind, context)) return kind === 'flowset' ? 'queue' : kind;
  return undefined;
}

function parseObjects(words: Words, object: DummynetKind, context: ParseContext): Command {
  const max = DUMMYNET_LIMITS.maxNumber;
  let ranges = parseNumbers(words, `${object} number`, 1, max);
  const verb = ['config', 'delete', 'list', 'show', 'flush'].find((each) =>
    acceptAbbreviation(words, each, context),
  );
  if (!verb) throw words.unexpected(`${object} N config ..., delete, show or flush`);
  if (verb === 'flush') return { kind: 'dummynet-flush' };
  if (ranges.length === 0) ranges = parseNumbers(words, `${object} number`, 1, max);
  if (verb === 'list' || verb === 'show') return { kind: 'dummynet-list', object, ranges };
  if (ranges.length === 0) throw words.unexpected(`the number of a ${object}`);
  if (verb === 'delete') return { kind: 'dummynet-delete', object, ranges };
  const numbers = ranges.flatMap(({ low, high }) =>
    Array.from({ length: high - low + 1 }, (_, i) => low + i),
  );
  return { kind: 'dummynet-config', object, numbers, config: parseDummynet(words, object, context) };
}

function parseNatCommand(words: Words, context: ParseContext): Command {
  let ranges = parseNumbers(words, 'nat instance', 1, 65534);
  const verb = ['config', 'delete', 'show'].find((each) => acceptAbbreviation(words, each, context));
  if (!verb) throw words.unexpected('nat N config ..., delete or show');
  if (ranges.length === 0 && verb !== 'show') ranges = parseNumbers(words, 'nat instance', 1, 65534);
  return parseNat(words, verb, ranges, context);
}

/** delete, flush, zero, resetlog, list, show, table: the commands that may follow `set N`. */
function parseSetWide(words: Words, set: number | undefined, context: ParseContext): Command | undefined {
  const inSet = set === undefined ? {} : { set };
  const numbers = (): Range[] => parseNumbers(words, 'rule number', 0, 65535);
  if (acceptAbbreviation(words, 'delete', context)) {
    if (acceptAbbreviation(words, 'set', context)) {
      if (set !== undefined) throw words.failBack(`set ${set} delete set`, 'delete set N', EXIT.usage);
      const sets = parseNumbers(words, 'set', 0, 31).flatMap(({ low, high }) =>
        Array.from({ length: high - low + 1 }, (_, i) => low + i),
      );
      if (sets.length === 0) throw words.unexpected('a set number 0..31');
      return { kind: 'delete-set', sets };
    }
    const ranges = numbers();
    if (ranges.length === 0) throw words.unexpected('a rule number, a range or set N');
    return { kind: 'delete', ...inSet, ranges };
  }
  if (acceptAbbreviation(words, 'flush', context)) return { kind: 'flush', ...inSet };
  if (acceptAbbreviation(words, 'zero', context)) return { kind: 'zero', ...inSet, ranges: numbers() };
  if (acceptAbbreviation(words, 'resetlog', context))
    return { kind: 'resetlog', ...inSet, ranges: numbers() };
  if (acceptAbbreviation(words, 'print', context) || acceptAbbreviation(words, 'list', context))
    return { kind: 'list', counters: false, ...inSet, ranges: numbers() };
  if (acceptAbbreviation(words, 'show', context))
    return { kind: 'list', counters: true, ...inSet, ranges: numbers() };
  if (acceptAbbreviation(words, 'table', context)) return parseTable(words, set ?? 0);
  return undefined;
}

const COMMANDS = [
  'add',
  'delete',
  'flush',
  'zero',
  'resetlog',
  'list',
  'show',
  'set',
  'table',
  'nat',
  'pipe',
  'queue',
  'sched',
  'enable',
  'disable',
  'sysctl',
  'internal',
];

const REFUSED: Record<string, string> = {
  nat64lsn: 'NAT64 is not built in',
  nat64stl: 'NAT64 is not built in',
  nat64clat: 'NAT64 is not built in',
  nptv6: 'IPv6 prefix translation is not built in',
};

function parseVerb(words: Words, context: ParseContext): Command {
  const first = words.peek()!;
  if (Object.hasOwn(REFUSED, first)) throw words.fail(`"${first}" is refused: ${REFUSED[first]}`);
  if (words.accept('sysctl')) {
    const text = words.next('a variable, variable=value or -a');
    return text === '-a' ? { kind: 'sysctl' } : { kind: 'sysctl', ...words.located(() => parseSysctl(text)) };
  }
  if (acceptAbbreviation(words, 'add', context)) return { kind: 'add', rule: parseRule(words, context) };
  if (words.accept('explain')) return parseExplain(words);
  const abbreviated = (full: string): boolean => acceptAbbreviation(words, full, context);
  if (acceptBeginning(words, 'nat')) return parseNatCommand(words, context);
  const object = parseObjectKind(words, context);
  if (object) return parseObjects(words, object, context);
  for (const on of [true, false])
    if (abbreviated(on ? 'enable' : 'disable')) {
      const what = TOGGLES.find((each) => acceptAbbreviation(words, each, context));
      if (!what) throw words.unexpected(TOGGLES.join(', '));
      return { kind: 'toggle', what, on };
    }
  if (acceptBeginning(words, 'set')) {
    if (!/^\d/.test(words.peek() ?? '')) return parseSets(words, context);
    const set = words.decimal('set', 0, 31);
    if (acceptAbbreviation(words, 'add', context))
      return { kind: 'add', rule: parseRule(words, context, set) };
    const command = parseSetWide(words, set, context);
    if (!command) throw words.unexpected('add, delete, flush, zero, resetlog, list, show or table');
    return command;
  }
  const command = parseSetWide(words, undefined, context);
  if (command) return command;
  if (abbreviated('internal')) return parseInternal(words);
  throw words.unexpected(expectedOf(first, COMMANDS));
}

/** Parse a line. Undefined when it holds nothing but flags. */
export function parseCommand(line: Line, context: ParseContext): Job | undefined {
  const words = new Words(line);
  const flags = parseFlags(words);
  if (words.done) return undefined;
  // ipfw1 wrote "100 add ..." for "add 100 ..."
  if (/^\d+$/.test(words.peek()!) && words.peek(1) !== undefined) words.swap();
  const place = words.place();
  const command = parseVerb(words, context);
  words.end();
  command.place = place;
  return { flags, command };
}
