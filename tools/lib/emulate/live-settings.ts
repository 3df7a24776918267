// SPDX-License-Identifier: BSD-2-Clause
// live-settings.ts: what the command line of a live `emulate` comes to.
import { UsageError } from '../options.js';
import { type LinkDraft, settleLinks } from './link-settings.js';
import type { RuleDraft } from './rule-options.js';

/** Filled while the command line is read. */
export interface LiveDraft extends RuleDraft, LinkDraft {
  ports: string[];
  memory?: number;
  spares?: number;
  slots?: number;
  burst?: number;
  wait: 'adaptive' | 'sleep' | 'busy';
  cpu?: number;
  /** Seconds after which it stops by itself. */
  duration?: number;
  drain: boolean;
  /** Milliseconds between reports, when that was asked for. */
  reportMs?: number;
  json: boolean;
  verbose: boolean;
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
  warnings: [],
  files: [],
  rules: [],
  defaultAction: 'allow',
  layer: 2,
  vlan: 'opaque',
  host: { me: [], networks: [], routes: [] },
  wait: 'adaptive',
  drain: true,
  json: false,
  verbose: false,
  quiet: false,
});

/** Check that the options go together. Throws a UsageError. */
export function settleLive(draft: LiveDraft): LiveSettings {
  const { ports, show: _show, ...rest } = draft;
  const [inside, outside, ...more] = ports;
  if (inside === undefined || outside === undefined)
    throw new UsageError('two ports are needed: -i INSIDE -i OUTSIDE (or --offline, or -- COMMAND)');
  if (more.length > 0) throw new UsageError(`-i: '${more[0]}' is a third port; a link has two ends`);
  if (inside === outside) throw new UsageError(`-i: '${inside}' is given twice: both ends would be one port`);
  settleLinks(draft);
  return { ...rest, inside, outside };
}
