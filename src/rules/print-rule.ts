// SPDX-License-Identifier: BSD-2-Clause
// Prints a rule as `ipfw list` and `ipfw show` do.
import { printIp4, printIp6 } from './address.js';
import {
  type Action,
  type Block,
  type Match,
  type NextHop,
  PROB_ONE,
  type Rule,
  type State,
  type Test,
} from './ast.js';
import { BARE_ACTION, DSCP, LIMIT_FIELDS, UNREACH, UNREACH6, wordOf } from './keywords.js';
import { layoutRule } from './layout.js';
import { protocolName } from './names.js';
import {
  type PrintOptions,
  printAddress,
  printArg,
  printFlags,
  printMarkValue,
  printOption,
  printPorts,
} from './print-test.js';
import { DEFAULT_RULE } from './ruleset.js';

export interface ListOptions extends PrintOptions {
  /** -c: leave out "from any to any", but for the default rule, which ipfw's kernel has made. */
  compact?: boolean;
  /** -b: action and comment only. */
  actionOnly?: boolean;
}

function printNextHop(to: Exclude<NextHop, { ours: string }>): string {
  if ('tablearg' in to) return 'tablearg';
  return to.family === 4 ? printIp4(Number(to.address)) : printIp6(to.address);
}

export function printAction(action: Action): string {
  switch (action.kind) {
    case 'check-state':
      return `check-state :${action.name}`;
    case 'skipto':
    case 'call':
    case 'pipe':
    case 'queue':
    case 'setfib':
    case 'nat':
      return `${action.kind} ${printArg(action.arg as number)}`;
    case 'setdscp':
      return `setdscp ${action.arg === 'tablearg' ? action.arg : (wordOf(DSCP, action.arg) ?? action.arg)}`;
    case 'setmark':
      return `setmark ${printMarkValue(action.arg)}`;
    case 'divert':
    case 'tee':
      return `${action.kind} ${typeof action.to === 'object' ? action.to.port : action.to}`;
    case 'unreach':
      if (action.code === 1 && action.mtu === 0) return 'reject';
      return `unreach ${wordOf(UNREACH, action.code) ?? action.code}${action.mtu ? ` ${action.mtu}` : ''}`;
    case 'unreach6':
      return `unreach6 ${wordOf(UNREACH6, action.code) ?? action.code}`;
    case 'fwd': {
      const { to } = action;
      if ('ours' in to) return `fwd ${to.ours}`;
      return `fwd ${printNextHop(to)}${to.port ? `,${to.port}` : ''}`;
    }
    case 'tcp-setmss':
      return `tcp-setmss ${action.mss}`;
    default:
      return action.kind;
  }
}

/** The chance with six digits as ipfw prints it, or as many more as it takes to read the same number again. */
export function printProb(prob: number): string {
  for (let digits = 6; digits < 12; digits++) {
    const text = (prob / PROB_ONE).toFixed(digits);
    if (Math.trunc(Number(text) * PROB_ONE) === prob) return text;
  }
  return ((prob + 0.5) / PROB_ONE).toFixed(12);
}

function printModifiers(rule: Rule): string {
  let out = '';
  if (rule.log) {
    out += ' log';
    if (rule.log.amount !== undefined) out += ` logamount ${rule.log.amount}`;
    if (rule.log.destinations) out += ` logdst ${rule.log.destinations.join(',')}`;
  }
  if (rule.altq !== undefined) out += ` altq ${rule.altq}`;
  if (rule.tag) out += ` ${rule.tag.untag ? 'untag' : 'tag'} ${printArg(rule.tag.arg)}`;
  if (rule.setmark !== undefined) out += ` setmark ${printMarkValue(rule.setmark)}`;
  return out;
}

/** A test with its "not"; not in is `out`. */
export function printMatch({ not, test }: Match, one: (test: Test) => string = printOption): string {
  const text = one(test);
  if (!not) return text;
  return text === 'in' ? 'out' : `not ${text}`;
}

function printBlock(block: Block, one?: (test: Test) => string): string {
  const each = block.map((match) => printMatch(match, one));
  return each.length === 1 ? each[0]! : `{ ${each.join(' or ')} }`;
}

export function printState(state: State): string {
  const fields =
    state.fields === undefined
      ? ''
      : ` ${state.fields === 15 ? 'all' : printFlags(LIMIT_FIELDS, state.fields, 0)} ${printArg(state.limit!)}`;
  return `${state.kind}${fields} :${state.name}`;
}

/** Protocol 41 goes by its number here: the name ipv6 means any IPv6 packet. */
const headProto = (test: Test): string => {
  if (test.kind !== 'proto') return test.kind;
  return test.proto === 41 ? '41' : protocolName(test.proto);
};

/** Everything behind the rule's modifiers, with leading blanks; without the comment. */
function printBody(rule: Rule, options: ListOptions): string {
  const layout = layoutRule(rule);
  const parts: string[] = [];
  let print: PrintOptions = options;
  const last = layout.proto?.at(-1)?.test;
  if (last?.kind === 'proto') print = { ...options, protocol: last.proto };
  if (!layout.bare) {
    parts.push(layout.proto ? printBlock(layout.proto, headProto) : 'ip');
    const anywhere = !layout.src && !layout.dst && !layout.srcPort && !layout.dstPort;
    const left = options.compact && anywhere && rule.number !== DEFAULT_RULE;
    for (const side of left ? [] : (['src', 'dst'] as const)) {
      const address = layout[side];
      const port = layout[`${side}Port`];
      parts.push(side === 'src' ? 'from' : 'to', address ? printBlock(address, printAddress) : 'any');
      if (port) parts.push(printBlock([port], (test) => printPorts(test as Test & { kind: 'port' }, print)));
    }
  }
  for (const block of layout.options) parts.push(printBlock(block, (test) => printOption(test, print)));
  if (rule.state) parts.push(printState(rule.state));
  if (rule.defer) parts.push('defer-immediate-action');
  const bareAction = rule.action.kind === 'check-state' || BARE_ACTION.test(rule.action.kind);
  if (parts.length === 0 && !bareAction) parts.push('via any');
  return parts.map((part) => ` ${part}`).join('');
}

/** Action, modifiers, body and comment: what stands behind the rule's number (and set, and prob). */
export function printRuleBody(rule: Rule, options: ListOptions = {}): string {
  const prob = rule.prob === undefined ? '' : `prob ${printProb(rule.prob)} `;
  const head = prob + printAction(rule.action) + printModifiers(rule);
  const comment = rule.comment === undefined ? '' : ` // ${rule.comment}`;
  if (options.actionOnly) return `${head}${comment || ' // ...'}`;
  return head + printBody(rule, options) + comment;
}

/** The rule as a command that makes it: add [number] [set N] ... */
export function printAdd(rule: Rule, options: ListOptions = {}): string {
  const number = rule.number ? ` ${String(rule.number).padStart(5, '0')}` : '';
  return `add${number}${rule.set ? ` set ${rule.set}` : ''} ${printRuleBody(rule, options)}`;
}
