// SPDX-License-Identifier: BSD-2-Clause
// list and show: rules with counters, times and sets, and dynamic states, in ipfw's columns.
import type { Rule } from './ast.js';
import type { Flags, RuleCommand } from './command.js';
import type { DynamicState, RuleCounter } from './engine.js';
import { EXIT, RuleError } from './error.js';
import { protocolName } from './names.js';
import { type ListOptions, printRuleBody } from './print-rule.js';
import type { Range } from './ranges.js';
import type { StoredRule } from './ruleset.js';
import type { World } from './world.js';

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
  if (flags.time === 'text') return last > 0 ? `${ctime(last)} ` : ' '.repeat(24);
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
  return `${number5(state.rule)}${count} ${kind} ${protocolName(state.proto)} ${state.src} ${state.srcPort} <-> ${state.dst} ${state.dstPort} :${name}`;
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

export function listRules(world: World, command: RuleCommand & { kind: 'list' }, flags: Flags): string {
  const inSet = world.rules.all.filter(({ rule }) => command.set === undefined || rule.set === command.set);
  const show = command.counters || flags.counters;
  const counters = show || flags.time !== 'none' ? world.engine.counters() : new Map<number, RuleCounter>();
  const states = flags.dynamic ? world.engine.states(flags.expired) : [];
  const count = ({ id }: StoredRule): RuleCounter => counters.get(id) ?? NEVER;
  const lines: string[] = [];
  const ranges = command.ranges.length > 0 ? command.ranges : [{ low: 0, high: 65535 }];
  const span = {
    low: Math.min(...ranges.map(({ low }) => low)),
    high: Math.max(...ranges.map(({ high }) => high)),
  };
  const counted = inSet.filter(({ rule }) => inRange(rule.number, span)).map(count);
  const columnWidth = show ? width([...counted, ...states]) : { packets: 0, bytes: 0 };
  for (const range of ranges) {
    const found = inSet.filter(({ rule }) => inRange(rule.number, range));
    if (found.length === 0 && command.ranges.length > 0) {
      const what =
        range.low === range.high
          ? `rule ${range.low} does not exist`
          : `no rules in range ${range.low}-${range.high}`;
      throw new RuleError(what, { exit: EXIT.unavailable });
    }
    if (flags.dynamicOnly) continue;
    for (const stored of found) {
      const disabled = world.rules.isDisabled(stored.rule.set);
      if (!disabled || flags.sets)
        lines.push(listRule(stored.rule, flags, columnWidth, count(stored), disabled));
    }
  }
  const wanted = states.filter(({ rule }) => ranges.some((range) => inRange(rule, range)));
  if (flags.dynamic && wanted.length > 0) {
    lines.push(`## Dynamic rules (${wanted.length}):`);
    for (const state of wanted) lines.push(listState(state, world, columnWidth));
  }
  return lines.map((line) => `${line}\n`).join('');
}
