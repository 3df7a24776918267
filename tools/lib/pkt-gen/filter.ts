// SPDX-License-Identifier: BSD-2-Clause
// filter.ts: pkt-gen's rules: opened with a control socket for ipfw; what of them has no meaning here is said.
import { EXIT, RuleError } from '../../../src/rules/error.js';
import { type OpenRules, openRules } from '../../../src/rules/open.js';
import type { FilterSettings } from './settings.js';

/** Actions that need links, other ports or a host: packets that meet them are denied. */
const DENYING = new Set(['pipe', 'queue', 'divert', 'fwd', 'reass']);
/** Actions of which only the verdict counts: what they would send goes nowhere. */
const ANSWERING = new Set(['tee', 'unreach', 'unreach6', 'reset', 'reset6', 'abort', 'abort6']);

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
      warn: (text) => console.error(`${program}: ${text}`),
    });
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    console.error(`${program}: ${error.message}`);
    // What ipfw takes for wrong usage, an unknown word, is wrong data here: it stands in a file or an argument.
    return error.exit === EXIT.usage ? EXIT.data : error.exit;
  }
}

/** What to say at the start: rules that mean less here than elsewhere; with `verbosity`, where ipfw finds them. */
export function describeFilter({ controller, socket }: OpenRules, verbosity: number): string[] {
  const kinds = new Set(controller.world.rules.all.map(({ rule }) => rule.action.kind as string));
  const denying = [...DENYING].filter((kind) => kinds.has(kind));
  const answering = [...ANSWERING].filter((kind) => kinds.has(kind));
  const lines: string[] = [];
  if (denying.length + answering.length > 0)
    lines.push(
      `rules: pkt-gen has no links and no other ports: ${[
        ...(denying.length > 0 ? [`packets that meet ${denying.join(', ')} are denied`] : []),
        ...(answering.length > 0 ? [`nothing is sent for ${answering.join(', ')}`] : []),
      ].join('; ')}`,
    );
  if (verbosity > 0 && socket !== undefined) lines.push(`rules: ipfw --socket ${socket}`);
  return lines;
}
