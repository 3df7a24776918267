// SPDX-License-Identifier: BSD-2-Clause
// filter.ts: pkt-gen's rules: opened with a control socket for ipfw; what of them has no meaning here is refused.
import type { Command } from '../../../src/rules/command.js';
import { EXIT, RuleError } from '../../../src/rules/error.js';
import { type OpenRules, openRules } from '../../../src/rules/open.js';
import type { FilterSettings, Settings } from './settings.js';

/** Actions that no packet can be given to here. */
const REFUSED: Record<string, string> = {
  pipe: 'has no links',
  queue: 'has no links',
  reass: 'lets no packet wait for its other fragments',
};

/** Why a command is refused. A rule that silently dropped its packets would be worse. */
function refuse(command: Command): string | undefined {
  if (command.kind === 'dummynet-config') return 'pkt-gen has no links: use emulate';
  const kind = command.kind === 'add' ? command.rule.action.kind : '';
  const reason = REFUSED[kind];
  return reason && `the action "${kind}" is refused: pkt-gen ${reason}: use emulate`;
}

/**
 * Open what the command line asks for; undefined: it says nothing about rules. Where a rule is wrong, prints the line that
 * says so and returns the exit status.
 */
export async function openFilter(
  program: string,
  settings: FilterSettings | undefined,
): Promise<OpenRules | number | undefined> {
  if (settings === undefined) return undefined;
  try {
    return await openRules({
      program,
      ...settings,
      refuse,
      warn: (text) => console.error(`${program}: ${text}`),
    });
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    console.error(`${program}: ${error.message}`);
    // What ipfw takes for wrong usage, an unknown word, is wrong data here: it stands in a file or an argument.
    return error.exit === EXIT.usage ? EXIT.data : error.exit;
  }
}

/** What to say at the start: a `log` that goes nowhere; with -v, where ipfw finds the rules. */
export function describeFilter({ controller, socket }: OpenRules, settings: Settings): string[] {
  const { plan, filter, verbosity } = settings;
  const lines: string[] = [];
  const logs = controller.world.rules.all.some(({ rule }) => rule.log !== undefined);
  if (logs && filter?.log === undefined && plan.matches === undefined)
    lines.push(
      'rules: matches of rules with log are not kept: --log FILE or --log FILE.pcapng says where to',
    );
  if (verbosity > 0 && socket !== undefined) lines.push(`rules: ipfw --socket ${socket}`);
  return lines;
}
