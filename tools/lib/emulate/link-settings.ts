// SPDX-License-Identifier: BSD-2-Clause
// link-settings.ts: what the short link options (--bw, --delay, --up, ...) come to, one link a direction.
import {
  LINK_SETTINGS,
  type LinkSetting,
  type LinkSettings,
  linkCommands,
  linkContext,
  parseSetting,
} from '../../../src/emulation/simple.js';
import { Controller } from '../../../src/rules/controller.js';
import { RuleError } from '../../../src/rules/error.js';
import { UsageError } from '../options.js';
import { trapIn } from './link-traps.js';
import type { RuleDraft } from './rule-options.js';

/** What the short link options fill. */
export interface LinkDraft {
  /** Out (from the inside, of a command) and back, when one of the options was given. */
  links?: [LinkSettings, LinkSettings];
  /** What reads as if something else was meant, one line each. */
  warnings: string[];
}

/** What a value of an option is, and how it is written. */
const EXPECTED: Partial<Record<LinkSetting, [what: string, example: string]>> = {
  bw: ['a rate', '10Mbit/s, 500Kbit/s or 1MByte/s, without a space'],
  delay: ['a time', '20ms, 150us or 1.5s, without a space'],
  queue: ['a size of a queue', 'up to 100 slots (50), bytes (64KB, 1MB) or a time (20ms)'],
  burst: ['a number of bytes', '15000, 64K or 1M'],
  loss: ['a chance of loss', "1% or 0.001, or a model: 'gemodel 1%,20%', 'list 3,7-9'"],
  duplicate: ['a chance', '1% or 0.001'],
  corrupt: ['a chance', '1% or 0.001'],
  reorder: ['a chance', "25% or 0.25, '25% gap 5'"],
  jitter: ['a variation of the delay', "5ms, '5ms normal', uniform, pareto or table FILE"],
  overhead: ['a number of bytes', "18, '18 atm' or '18 cell 53/5'"],
  framing: ['a framing', 'ethernet'],
  trace: ['a trace', "FILE or 'FILE once'"],
  slot: ['a time between slots', "5ms, 5ms-10ms, '5ms packets 3'"],
  sched: [
    'a scheduler',
    'fifo, wf2q+, rr, qfq, prio, fq_codel, fq_pie, codel or pie, with its words behind it',
  ],
};

/**
 * A value's parts for the two directions. A comma parts them, but not where it belongs to the value: in the lists and
 * states of a loss model; there, and where one likes, it is a semicolon.
 */
function directions(setting: LinkSetting, text: string): string[] {
  if (text.includes(';')) return text.split(';');
  const commas = text.split(',');
  const model = setting === 'loss' && (/^(list|markov|gemodel) /.test(text) || commas.length === 4);
  return model ? [text] : commas;
}

/** The error of a value that rules refuse, in the option's words. */
function refusal(setting: LinkSetting, flag: string, value: string, error: RuleError): UsageError {
  const { problem, expected } = error;
  const [what, example] = EXPECTED[setting]!;
  // Words that are left over are the next parameter for the parser, but nobody typed a `pipe config`.
  if (/^unknown \w+ parameter/.test(problem))
    return new UsageError(`${flag}: '${value}' is not ${what}: expected ${example}`);
  const size = setting === 'queue' || expected === undefined;
  return new UsageError(`${flag}: '${value}': ${problem}: expected ${size ? example : expected}`);
}

/** Refuse a value that is wrong by itself; what is wrong within a file is said later, with its place there. */
function checkSetting(setting: LinkSetting, flag: string, value: string): void {
  try {
    // With its own words first: they know what they expect; then as the link will be made.
    if (setting !== 'sched') parseSetting(setting, value);
    new Controller({ context: linkContext }).runText(linkCommands(1, { [setting]: value }).join('\n'), flag);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    const { place } = error;
    if (place?.file !== undefined && place.file !== flag) return;
    throw refusal(setting, flag, value, error);
  }
}

function setOne(draft: LinkDraft, direction: 0 | 1, setting: LinkSetting, value: string): void {
  draft.links ??= [{}, {}];
  draft.links[direction][setting] = value;
}

/** "10Mbit/s" is for both directions, "10Mbit/s,1Mbit/s" for out and back; an empty part leaves one alone. */
export function linkSetting(draft: LinkDraft, setting: LinkSetting, flag: string, text: string): void {
  const parts = directions(setting, text).map((part) => part.trim());
  if (parts.length > 2 || parts.every((part) => part === ''))
    throw new UsageError(
      `${flag}: '${text}' is not a value, or two with a comma between them (one a direction; a semicolon where values have commas)`,
    );
  for (const part of parts) {
    if (part === '') continue;
    checkSetting(setting, flag, part);
    draft.warnings.push(...trapIn(setting, flag, part));
  }
  const [out, back] = [parts[0]!, parts[1] ?? parts[0]!];
  if (out !== '') setOne(draft, 0, setting, out);
  if (back !== '') setOne(draft, 1, setting, back);
}

/**
 * --up, --down: settings of one direction by their names, as behind `pipe config`: "5Mbit/s", "bw 5Mbit/s delay 20ms". What
 * stands before the first name is the rate.
 */
export function directionSettings(draft: LinkDraft, direction: 0 | 1, flag: string, text: string): void {
  const found: [LinkSetting, string[]][] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const setting = LINK_SETTINGS.find((name) => name === word);
    const last = found.at(-1);
    if (setting !== undefined) found.push([setting, []]);
    else if (last === undefined) found.push(['bw', [word]]);
    else last[1].push(word);
  }
  const empty = found.find(([, words]) => words.length === 0);
  if (found.length === 0 || empty)
    throw new UsageError(
      `${flag}: '${text}': ${empty ? `nothing behind ${empty[0]}` : 'nothing'}: expected a rate (5Mbit/s), or names and values ('bw 5Mbit/s delay 20ms')`,
    );
  for (const [setting, words] of found) {
    const value = words.join(' ');
    checkSetting(setting, `${flag} ${setting}`, value);
    draft.warnings.push(...trapIn(setting, `${flag} ${setting}`, value));
    setOne(draft, direction, setting, value);
  }
}

/** Check that the settings of each direction go together, and not with rules. Throws a UsageError. */
export function settleLinks({ links, files, rules }: LinkDraft & Pick<RuleDraft, 'files' | 'rules'>): void {
  if (links && (files.length > 0 || rules.length > 0))
    throw new UsageError(
      'give either rules (--rules, --rule) or the short link options (--bw, --delay, ...): the short options are rules 100 and 200 with pipes 1 and 2',
    );
  for (const { bw, trace, queue, sched } of links ?? []) {
    if (bw !== undefined && trace !== undefined)
      throw new UsageError(
        `--trace: a trace says when packets may leave and replaces the rate: --bw ${bw} in the same direction would mean nothing; give one of them`,
      );
    if (queue !== undefined && sched?.startsWith('fq_'))
      throw new UsageError(
        `--queue: ${sched.split(' ')[0]} has a limit of its own, in packets: --sched '${sched.split(' ')[0]} limit 1000'`,
      );
  }
}
