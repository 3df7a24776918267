// SPDX-License-Identifier: BSD-2-Clause
// ipfw explain: which rule decides about a packet, and why those before it did not match.
import type { Rule } from './ast.js';
import type { Command } from './command.js';
import type { Controller } from './controller.js';
import { RuleError } from './error.js';
import { orderedBlocks } from './layout.js';
import type { NativeEngine, NativeStep } from './native-engine.js';
import { parsePacket, type TextPacket } from './packet-text.js';
import { printMatch, printProb, printRuleBody, printState } from './print-rule.js';

/** What the instructions of a rule's test part say, in their order; each alternative of an or-block is one. */
function describeTests(rule: Rule): string[] {
  const out: string[] = [];
  if (rule.prob !== undefined) out.push(`prob ${printProb(rule.prob)}`);
  if (rule.state?.kind === 'keep-state' || rule.state?.kind === 'limit')
    out.push(`no state ${rule.state.name}`);
  for (const block of orderedBlocks(rule)) {
    const each = block.map((match) => printMatch(match));
    for (const _ of each) out.push(each.length === 1 ? each[0]! : `{ ${each.join(' or ')} }`);
  }
  if (rule.state) out.push(printState(rule.state));
  if (rule.defer) out.push('defer-immediate-action');
  return out;
}

export interface Explanation {
  steps: { rule: number; text: string; matched: boolean; why: string }[];
  verdict: { action: string; rule: number; reason: string };
}

function why(step: NativeStep, rule: Rule): string {
  if (step.state) return 'a dynamic state';
  if (step.matched && rule.action.kind === 'check-state') return 'looks for a state';
  if (step.matched) return rule.prob === undefined ? '' : `with probability ${printProb(rule.prob)}`;
  if (rule.action.kind === 'check-state') return 'no state';
  return step.failed < 0 ? '' : (describeTests(rule)[step.failed] ?? '');
}

/**
 * Walk a packet through the rules of a controller whose engine is `engine`. Nothing is changed; a rule with `prob` is
 * taken to match.
 */
export function explainPacket(
  controller: Controller,
  engine: NativeEngine,
  packet: TextPacket,
  now: bigint,
): Explanation {
  const { rules } = engine;
  const { verdict, steps } = rules.explain({
    data: packet.frame,
    time: now,
    layer: packet.layer,
    out: packet.out,
    ...(packet.recv !== undefined && { inIf: rules.interface(packet.recv) }),
    ...(packet.xmit !== undefined && { outIf: rules.interface(packet.xmit) }),
  });
  const byId = new Map(controller.world.rules.all.map(({ id, rule }) => [id, rule]));
  return {
    steps: steps.map((step) => {
      const rule = byId.get(step.id);
      if (!rule) throw new RuleError(`the engine ran a rule ${step.number} that is not listed`);
      return { rule: step.number, text: printRuleBody(rule), matched: step.matched, why: why(step, rule) };
    }),
    verdict: {
      action:
        verdict.arg && /pipe|queue|divert/.test(verdict.action)
          ? `${verdict.action} ${verdict.arg}`
          : verdict.action,
      rule: verdict.rule,
      reason: verdict.reason,
    },
  };
}

/** The answer to a request, of rules that run in `engine`. Throws a RuleError when the packet is not one. */
export function answerExplain(
  controller: Controller,
  engine: NativeEngine,
  { packet, json, all }: Command & { kind: 'explain' },
): string {
  const now = BigInt(Date.now()) * 1_000_000n;
  const explanation = explainPacket(controller, engine, parsePacket(packet), now);
  return json ? `${JSON.stringify(explanation)}\n` : printExplanation(explanation, all);
}

/** Lines for people: the packet's way, that is the rules that match; with `all` also the others, and why they do not. */
export function printExplanation({ steps, verdict }: Explanation, all: boolean): string {
  const lines: string[] = [];
  let passed = 0;
  const tellPassed = (): void => {
    if (passed > 0)
      lines.push(
        `      ${passed === 1 ? '1 rule that does' : `${passed} rules that do`} not match (--all: why)`,
      );
    passed = 0;
  };
  for (const { rule, text, matched, why: reason } of steps) {
    if (!matched && !all) {
      passed++;
      continue;
    }
    tellPassed();
    const because = reason ? `: ${reason}` : '';
    lines.push(
      `${String(rule).padStart(5, '0')} ${text}\n      ${matched ? `matches${because}` : `no${because}`}`,
    );
  }
  tellPassed();
  const by =
    verdict.rule === 0
      ? `before any rule (${verdict.reason})`
      : `by rule ${verdict.rule}${verdict.reason === 'rule' ? '' : ` (${verdict.reason})`}`;
  return `${[...lines, `${verdict.action} ${by}`].join('\n')}\n`;
}
