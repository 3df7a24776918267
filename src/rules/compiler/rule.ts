// SPDX-License-Identifier: BSD-2-Clause
// Compiles one rule: its tests in the order it is listed in, states, then what it does.

import { OP, PROGRAM } from '../../abi.js';
import type { Action, Arg, NextHop, Rule, State } from '../ast.js';
import { RuleError } from '../error.js';
import { orderedBlocks } from '../layout.js';
import { testInsn } from './tests.js';
import { bytesToWords, insn, type References } from './writer.js';

export interface CompiledRule {
  words: readonly number[];
  testWords: number;
}

/** Flags of an instruction, in place in its first word. */
const NOT = PROGRAM.not << 8;
const OR = PROGRAM.or << 8;

const argOf = (arg: Arg): number => (arg === 'tablearg' ? PROGRAM.tablearg : arg);

/** The payload is there in every form: family, port and address of an IP next hop, zeros for the others. */
function forward(refs: References, to: NextHop): number[] {
  if ('tablearg' in to) return insn(OP.forward, 0, PROGRAM.tablearg, 0, to.port, 0, 0, 0, 0);
  if ('ours' in to)
    return insn(OP.forward, 0, (refs.string(to.ours) | PROGRAM.nameRef) >>> 0, 0, 0, 0, 0, 0, 0);
  const address = to.family === 4 ? [Number(to.address), 0, 0, 0] : bytesToWords(to.address, 16);
  return insn(OP.forward, 0, 0, to.family, to.port, ...address);
}

const setmark = (mark: Arg): number[] =>
  insn(OP.setmark, 0, mark === 'tablearg' ? 0 : mark, mark === 'tablearg' ? 1 : 0);

function actionInsn(refs: References, action: Action): number[] {
  switch (action.kind) {
    case 'allow':
      return insn(OP.accept, 0, 0);
    case 'check-state':
      return insn(OP.checkState, 0, action.name === 'any' ? PROGRAM.stateAny : refs.stateName(action.name));
    case 'skipto':
    case 'call':
    case 'pipe':
    case 'queue':
    case 'setfib':
    case 'setdscp':
      return insn(OP[action.kind], 0, argOf(action.arg));
    case 'setmark': // an action of its own that goes on with the next rule
      return [...setmark(action.arg), ...insn(OP.count, 0, 0)];
    case 'nat':
      return insn(OP.nat, 0, action.arg === 'global' ? PROGRAM.natGlobal : argOf(action.arg));
    case 'divert':
    case 'tee':
      return insn(
        OP[action.kind],
        0,
        typeof action.to === 'object'
          ? (refs.string(action.to.port) | PROGRAM.nameRef) >>> 0
          : argOf(action.to),
      );
    case 'unreach':
    case 'unreach6':
      return insn(OP[action.kind], 0, action.code, action.mtu);
    case 'fwd':
      return forward(refs, action.to);
    case 'tcp-setmss':
      return insn(OP.tcpSetmss, 0, action.mss);
    default:
      return insn(OP[action.kind], 0, 0);
  }
}

function stateInsn(refs: References, state: State): number[] {
  const name = refs.stateName(state.name);
  return state.limit === undefined
    ? insn(OP.keepState, 0, name)
    : insn(OP.limit, 0, name, state.fields ?? 0, argOf(state.limit));
}

/** Put words behind others: faster than spreading them, as often as it is done. */
function append(to: number[], words: readonly number[]): void {
  for (let i = 0; i < words.length; i++) to.push(words[i]!);
}

function testWords(rule: Rule, refs: References): number[] {
  const probes = rule.state?.kind === 'keep-state' || rule.state?.kind === 'limit';
  const words = rule.prob === undefined ? [] : insn(OP.prob, 0, rule.prob);
  if (rule.state && probes) append(words, insn(OP.probeState, 0, refs.stateName(rule.state.name)));
  for (const block of orderedBlocks(rule))
    for (let i = 0; i < block.length; i++) {
      const { not, test } = block[i]!;
      append(words, testInsn(refs, test, (not ? NOT : 0) | (i < block.length - 1 ? OR : 0)));
    }
  if (rule.state) append(words, stateInsn(refs, rule.state));
  if (rule.defer) append(words, insn(OP.skipAction, 0, 0));
  return words;
}

function actionWords(rule: Rule, refs: References): number[] {
  if (!rule.log && !rule.tag && rule.altq === undefined && rule.setmark === undefined)
    return actionInsn(refs, rule.action);
  const words: number[] = [];
  if (rule.log) {
    const to = rule.log.destinations ?? ['syslog', 'bpf'];
    words.push(
      ...insn(
        OP.log,
        0,
        rule.log.amount ?? 0,
        (to.includes('syslog') ? 1 : 0) | (to.includes('bpf') ? 2 : 0),
      ),
    );
  }
  if (rule.altq !== undefined) words.push(...insn(OP.altq, 0, refs.string(rule.altq)));
  if (rule.tag) words.push(...insn(rule.tag.untag ? OP.untag : OP.tag, 0, argOf(rule.tag.arg)));
  if (rule.setmark !== undefined && rule.action.kind !== 'setmark') words.push(...setmark(rule.setmark));
  words.push(...actionInsn(refs, rule.action));
  return words;
}

const MAX_WORDS = 65535;

export function compileRule(rule: Rule, refs: References): CompiledRule {
  refs.ruleSet = rule.set;
  const words = testWords(rule, refs);
  const tests = words.length;
  if (tests > MAX_WORDS)
    throw new RuleError(`rule too long: ${tests} words`, {
      expected: `at most ${MAX_WORDS} words: use a table for so many addresses`,
    });
  append(words, actionWords(rule, refs));
  return { words, testWords: tests };
}
