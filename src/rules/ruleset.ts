// SPDX-License-Identifier: BSD-2-Clause
// The rules themselves: numbering, sets, and the program made of them. Changes go through a journal.
import { PROGRAM } from '../abi.js';
import type { Rule } from './ast.js';
import { assembleProgram, type ProgramRule } from './compiler/program.js';
import { type CompiledRule, compileRule } from './compiler/rule.js';
import { References } from './compiler/writer.js';
import { EXIT, RuleError } from './error.js';
import type { Journal } from './journal.js';
import type { Range } from './ranges.js';

export const DEFAULT_RULE = 65535;
export const RESERVED_SET = 31;

/** Ids of rules that are not the user's: the default rule, and those that let everything pass while the firewall is off. */
const DEFAULT_ID = 1;
const BYPASS_ID = { ip4: PROGRAM.idOffIp4, ip6: PROGRAM.idOffIp6 };
const FIRST_ID = 4;

/** A rule in its place. `id` names it to the engine for its whole life. */
export interface StoredRule {
  id: number;
  rule: Rule;
  code?: CompiledRule;
}

const MANY_REFERENCES = 4096;

const namesTableOfInterfaces = (rule: Rule): boolean =>
  rule.body.some((block) => block.some(({ test }) => test.kind === 'iface' && test.match.by === 'table'));

/** Does the rule's number lie in one of the ranges (none: any)? */
const inRanges = (rule: Rule, ranges: readonly Range[]): boolean =>
  ranges.length === 0 || ranges.some(({ low, high }) => rule.number >= low && rule.number <= high);

export class RuleSet {
  /** In the order of evaluation, without the default rule. */
  private rules: StoredRule[] = [];
  private readonly defaultRule: StoredRule;
  private nextId = FIRST_ID;
  /** Bit n: set n is disabled. */
  disabled = 0;
  /** The rules changed since the program was made. */
  changed = true;
  readonly references: References;

  /** `tableId`: engine table that rules of a set mean by a name. */
  constructor(defaultAction: 'allow' | 'deny', tableId: (name: string, set: number) => number) {
    this.references = new References(tableId);
    const rule: Rule = {
      number: DEFAULT_RULE,
      set: RESERVED_SET,
      action: { kind: defaultAction },
      body: [],
      optionsOnly: false,
      defer: false,
    };
    this.defaultRule = { id: DEFAULT_ID, rule };
  }

  /** All rules in order, the default rule last. */
  get all(): readonly StoredRule[] {
    return [...this.rules, this.defaultRule];
  }

  get count(): number {
    return this.rules.length + 1;
  }

  isDisabled(set: number): boolean {
    return (this.disabled & (1 << set)) !== 0;
  }

  /** Rules by number and set, without the default rule. */
  select(ranges: readonly Range[], set: number | undefined): StoredRule[] {
    return this.rules.filter(({ rule }) => inRanges(rule, ranges) && (set === undefined || rule.set === set));
  }

  /** The number after the last rule, by autoinc_step; the last number again when there is no room. */
  private nextNumber(step: number): number {
    const last = this.rules.at(-1)?.rule.number ?? 0;
    return last + step < DEFAULT_RULE ? last + step : Math.max(last, 1);
  }

  /** Insert behind the rules of the same number. Returns it with its number. */
  add(given: Rule, step: number, journal: Journal): StoredRule {
    const rule = given.number === 0 ? { ...given, number: this.nextNumber(step) } : given;
    let low = 0;
    let high = this.rules.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.rules[middle]!.rule.number <= rule.number) low = middle + 1;
      else high = middle;
    }
    const stored = { id: this.nextId++, rule };
    this.rules.splice(low, 0, stored);
    this.touch();
    journal.record(() => {
      this.rules.splice(this.rules.indexOf(stored), 1);
    });
    return stored;
  }

  /** Take out rules. Returns how many there were. */
  remove(which: readonly StoredRule[], journal: Journal): number {
    if (which.length === 0) return 0;
    const gone = new Set(which);
    const before = this.rules;
    this.rules = before.filter((each) => !gone.has(each));
    this.touch();
    // a table that only a forgotten pattern names would seem to be in use
    if (
      which.some(({ rule }) => namesTableOfInterfaces(rule)) ||
      this.references.size > MANY_REFERENCES + 4 * this.count
    )
      this.recompile();
    journal.record(() => {
      this.rules = before;
    });
    return which.length;
  }

  /** Give rules another set. */
  private assign(choose: (rule: Rule) => number, journal: Journal): number {
    const before = this.rules;
    this.rules = before.map((stored) => {
      const set = choose(stored.rule);
      if (set === stored.rule.set) return stored;
      const moved: StoredRule = { id: stored.id, rule: { ...stored.rule, set } };
      return moved;
    });
    this.touch();
    journal.record(() => {
      this.rules = before;
    });
    return this.rules.filter((stored, index) => stored !== before[index]).length;
  }

  moveSet(from: number, to: number, journal: Journal): void {
    this.assign((rule) => (rule.set === from ? to : rule.set), journal);
  }

  moveRule(number: number, to: number, journal: Journal): void {
    if (!this.rules.some(({ rule }) => rule.number === number))
      throw new RuleError(`rule ${number} not found`, { exit: EXIT.unavailable });
    this.assign((rule) => (rule.number === number ? to : rule.set), journal);
  }

  swapSets(a: number, b: number, journal: Journal): void {
    this.assign((rule) => (rule.set === a ? b : rule.set === b ? a : rule.set), journal);
  }

  /** Enable and disable sets at one instant. */
  enableSets(enable: number, disable: number, journal: Journal): void {
    if (disable & (1 << RESERVED_SET))
      throw new RuleError(`set ${RESERVED_SET} cannot be disabled`, { expected: 'sets 0..30' });
    const before = this.disabled;
    this.disabled = ((before & ~enable) | disable) >>> 0;
    this.touch();
    journal.record(() => {
      this.disabled = before;
    });
  }

  /** Compile all rules again: a name means another table, or strings and patterns are left that no rule refers to. */
  recompile(): void {
    this.references.reset();
    for (const stored of this.rules) delete stored.code;
    this.touch();
  }

  touch(): void {
    this.changed = true;
  }

  /** Rules in front of all others that pass what is not to be filtered (disable firewall). */
  private bypass(enabled: { ip4: boolean; ip6: boolean }): StoredRule[] {
    const off = (['ip4', 'ip6'] as const).filter((family) => !enabled[family]);
    const pass = (family: 'ip4' | 'ip6', all: boolean): StoredRule => ({
      id: BYPASS_ID[family],
      rule: {
        ...this.defaultRule.rule,
        number: 1,
        action: { kind: 'allow' },
        body: all ? [] : [[{ not: false, test: { kind: family } }]],
      },
    });
    return off.length === 2 ? [pass('ip4', true)] : off.map((family) => pass(family, false));
  }

  /** The binary program of the rules as they are now. */
  program(enabled = { ip4: true, ip6: true }): Uint8Array {
    const rules = [...this.bypass(enabled), ...this.all].map((stored): ProgramRule => {
      stored.code ??= compileRule(stored.rule, this.references);
      const { number, set } = stored.rule;
      return { id: stored.id, number, set, code: stored.code };
    });
    return assembleProgram(rules, this.disabled, this.references);
  }
}
