// SPDX-License-Identifier: BSD-2-Clause
// live-settings.ts: what the command line of a live `emulate` comes to.
import { type LinkSetting, type LinkSettings, parseSetting } from '../../../src/emulation/simple.js';
import { RuleError } from '../../../src/rules/error.js';
import { UsageError } from '../options.js';
import type { RuleDraft } from './rule-options.js';

/** Filled while the command line is read. */
export interface LiveDraft extends RuleDraft {
  ports: string[];
  /** Both directions of a short link, when one of its options was given. */
  links?: [LinkSettings, LinkSettings];
  memory?: number;
  spares?: number;
  slots?: number;
  burst?: number;
  wait: 'adaptive' | 'sleep' | 'busy';
  cpu?: number;
  /** Seconds after which it stops by itself. */
  duration?: number;
  drain: boolean;
  reportMs: number;
  json: boolean;
  verbose: boolean;
  report?: string;
  /** Files for a record of each packet, and for the packets of both ports. */
  log?: string;
  capture?: string;
  /** File for the packets that rules with `log` match. */
  matches?: string;
  socket?: string;
}

export interface LiveSettings extends Omit<LiveDraft, 'show' | 'ports'> {
  inside: string;
  outside: string;
}

export const newLiveDraft = (): LiveDraft => ({
  ports: [],
  files: [],
  rules: [],
  defaultAction: 'allow',
  layer: 2,
  host: { me: [], networks: [], routes: [] },
  wait: 'adaptive',
  drain: true,
  reportMs: 1000,
  json: false,
  verbose: false,
});

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

/** Refuse a value that is wrong by itself; what is wrong within a file is said later, with its place there. */
function checkSetting(setting: LinkSetting, flag: string, value: string): void {
  try {
    parseSetting(setting, value);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    const { problem, expected, place } = error;
    if (place?.file !== undefined) return;
    throw new UsageError(`${flag}: ${problem}${expected === undefined ? '' : `: expected ${expected}`}`);
  }
}

/** "10Mbit/s" is for both directions, "10Mbit/s,1Mbit/s" for inside to outside and back; an empty part leaves one out. */
export function linkSetting(draft: LiveDraft, setting: LinkSetting, flag: string, text: string): void {
  const parts = directions(setting, text).map((part) => part.trim());
  if (parts.length > 2 || parts.every((part) => part === ''))
    throw new UsageError(
      `${flag}: '${text}' is not a value, or two with a comma between them (one a direction; a semicolon where values have commas)`,
    );
  for (const part of parts) if (part !== '') checkSetting(setting, flag, part);
  const [out, back] = [parts[0]!, parts[1] ?? parts[0]!];
  draft.links ??= [{}, {}];
  if (out !== '') draft.links[0][setting] = out;
  if (back !== '') draft.links[1][setting] = back;
}

/** Check that the options go together. Throws a UsageError. */
export function settleLive(draft: LiveDraft): LiveSettings {
  const { ports, show: _show, ...rest } = draft;
  const [inside, outside, ...more] = ports;
  if (inside === undefined || outside === undefined)
    throw new UsageError('two ports are needed: -i INSIDE -i OUTSIDE (or --offline, or -- COMMAND)');
  if (more.length > 0) throw new UsageError(`-i: '${more[0]}' is a third port; a link has two ends`);
  if (inside === outside) throw new UsageError(`-i: '${inside}' is given twice: both ends would be one port`);
  if (draft.links && (draft.files.length > 0 || draft.rules.length > 0))
    throw new UsageError(
      'give either rules (--rules, --rule) or the short link options (--bw, --delay, ...): the short options are rules 100 and 200 with pipes 1 and 2',
    );
  return { ...rest, inside, outside };
}
