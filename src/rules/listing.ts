// SPDX-License-Identifier: BSD-2-Clause
// list and show: rules with counters, times and sets, and dynamic states, in ipfw's columns.
import type { Rule } from './ast.js';
import type { Flags, RuleCommand } from './command.js';
import type { DynamicState, RuleCounter } from './engine.js';
import { EXIT } from './error.js';
import { protocolName } from './names.js';
import { type ListOptions, printRuleBody } from './print-rule.js';
import type { Range } from './ranges.js';
import type { StoredRule } from './ruleset.js';
import { type Transaction, type World, warn } from './world.js';

const NEVER: RuleCounter = { packets: 0n, bytes: 0n, last: 0 };
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Thu Jan  1 00:00:00 1970, as ctime() does. */
export function ctime(seconds: number): string {
  const t = new Date(seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = String(t.getDate()).padStart(2);
  return `${DAYS[t.getDay()]} ${MONTHS[t.getMonth()]} ${day} ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())} ${t.getFullYear()}`;
}

const listOptions = (flags: Flags): ListOptions => ({
  compact: flags.compact,
  actionOnly: flags.actionOnly,
  names: flags.names,
});

const number5 = (number: number): string => String(number).padStart(5, '0');

/** Widths of the counter columns; 0: no counters. */
interface Columns {
  packets: number;
  bytes: number;
}

const columns = (count: { packets: bigint; bytes: bigint }, { packets, bytes }: Columns): string =>
  packets === 0 ? '' : `${String(count.packets).padStart(packets)} ${String(count.bytes).padStart(bytes)} `;

function timeColumn(last: number, flags: Flags): string {
  if (flags.time === 'number') return `${String(last).padStart(10)} `;
  if (flags.time === 'text') return (last > 0 ? ctime(last) : '').padEnd(25);
  return '';
}

/** One line for a rule. */
export function listRule(
  rule: Rule,
  flags: Flags,
  width: Columns = { packets: 0, bytes: 0 },
  count = NEVER,
  disabled = false,
): string {
  return (
    `${disabled ? '# DISABLED ' : ''}${number5(rule.number)} ${columns(count, width)}${timeColumn(count.last, flags)}` +
    `${flags.sets ? `set ${rule.set} ` : ''}${printRuleBody(rule, listOptions(flags))}`
  );
}

function listState(state: DynamicState, world: World, width: Columns): string {
  const count = width.packets === 0 ? '' : ` ${columns(state, width)}(${state.expires}s)`;
  const kind = state.kind === 'PARENT' ? `PARENT ${state.children}` : state.kind;
  const name = world.rules.references.nameOfState(state.name);
  const known = protocolName(state.proto);
  const proto = known === String(state.proto) ? `proto ${known}` : known;
  return `${number5(state.rule)}${count} ${kind} ${proto} ${state.src} ${state.srcPort} <-> ${state.dst} ${state.dstPort} :${name}`;
}

function width(counts: { packets: bigint; bytes: bigint }[]): Columns {
  const digits = (values: bigint[]): number =>
    values.reduce((most, value) => Math.max(most, String(value).length), 1);
  return {
    packets: digits(counts.map(({ packets }) => packets)),
    bytes: digits(counts.map(({ bytes }) => bytes)),
  };
}

const inRange = (number: number, { low, high }: Range): boolean => number >= low && number <= high;

/** Bytes of a list of states as ipfw's kernel hands it out (64 bit): its head, and each state. */
const STATES_HEAD = 16;
const STATE_BYTES = 136;

/** ipfw tells how many states there are in all and how long their list is, but not where rules are named. */
function dynamicHead(states: readonly DynamicState[], named: boolean): string {
  const size = STATES_HEAD + STATE_BYTES * states.length;
  return named ? '## Dynamic rules:' : `## Dynamic rules (${states.length} ${size}):`;
}

/** A rule that was named and is not there is told; the others are listed all the same. */
function notFound(world: World, command: RuleCommand, { low, high }: Range, transaction: Transaction): void {
  const what = low === high ? `rule ${low} does not exist` : `no rules in range ${low}-${high}`;
  warn(world, command, what);
  transaction.exit = EXIT.unavailable;
}

export function listRules(
  world: World,
  command: RuleCommand & { kind: 'list' },
  flags: Flags,
  transaction: Transaction,
): string {
  const inSet = world.rules.all.filter(({ rule }) => command.set === undefined || rule.set === command.set);
  const show = command.counters || flags.counters;
  const counters = show || flags.time !== 'none' ? world.engine.counters() : new Map<number, RuleCounter>();
  const states = flags.dynamic ? world.engine.states(flags.expired) : [];
  const count = ({ id }: StoredRule): RuleCounter => counters.get(id) ?? NEVER;
  const lines: string[] = [];
  const named = command.ranges.length > 0;
  const ranges = named ? command.ranges : [{ low: 0, high: 65535 }];
  const span = {
    low: Math.min(...ranges.map(({ low }) => low)),
    high: Math.max(...ranges.map(({ high }) => high)),
  };
  const counted = inSet.filter(({ rule }) => inRange(rule.number, span)).map(count);
  const columnWidth = show ? width([...counted, ...states]) : { packets: 0, bytes: 0 };
  for (const range of flags.dynamicOnly ? [] : ranges) {
    const found = inSet.filter(({ rule }) => inRange(rule.number, range));
    if (found.length === 0 && named) notFound(world, command, range, transaction);
    for (const stored of found) {
      const disabled = world.rules.isDisabled(stored.rule.set);
      if (!disabled || flags.sets)
        lines.push(listRule(stored.rule, flags, columnWidth, count(stored), disabled));
    }
  }
  if (states.length > 0) {
    lines.push(dynamicHead(states, named));
    for (const range of ranges)
      for (const state of states)
        if (inRange(state.rule, range)) lines.push(listState(state, world, columnWidth));
  }
  return lines.map((line) => `${line}\n`).join('');
}
