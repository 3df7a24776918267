// SPDX-License-Identifier: BSD-2-Clause
// settings.ts: what a pkt-gen command line comes to: a plan for the engine and how to show what it does.

import { PLAN_OPTION } from '../../../src/abi.js';
import type { Plan, Traffic } from '../../../src/index.js';
import { hasLink } from '../../../src/port/name.js';
import type { TextStyle } from '../../../src/report/text.js';
import type { VlanView } from '../../../src/rules/open.js';
import { UsageError } from '../options.js';

/** Filled while the command line is read. */
export interface Draft {
  show?: 'help' | 'version';
  port?: string;
  plan: Omit<Plan, 'port' | 'traffic'>;
  traffic: Traffic;
  /** -l, in the order given. */
  sizes: number[];
  imix: boolean;
  linkWaitSeconds?: number;
  reportMs: number;
  json: boolean;
  verbosity: number;
  style: TextStyle;
  /** What packets must pass; undefined: nothing was said about rules. */
  filter?: FilterSettings;
}

/** --rules, --rule, --default, --vlan with a word, --log and --socket. */
export interface FilterSettings {
  files: string[];
  rules: string[];
  defaultAction: 'allow' | 'deny';
  vlan?: VlanView;
  socket?: string;
  /** File for records of matches. */
  log?: string;
}

/** The draft's filter, begun by the first option about it. */
export function filterOf(draft: Draft): FilterSettings {
  draft.filter ??= { files: [], rules: [], defaultAction: 'allow' };
  return draft.filter;
}

export interface Settings {
  plan: Plan;
  traffic: Traffic;
  reportMs: number;
  json: boolean;
  /** -A */
  averages: boolean;
  /** Print a latency histogram. */
  histogram: boolean;
  verbosity: number;
  style: TextStyle;
  filter: FilterSettings | undefined;
}

/** pkt-gen's defaults; those of the traffic are the library's. */
export function newDraft(): Draft {
  return {
    plan: { role: 'rx', options: 0 },
    traffic: {},
    sizes: [],
    imix: false,
    reportMs: 1000,
    json: false,
    verbosity: 0,
    style: { plain: false, framing: 0 },
  };
}

/** Only an interface has a link to wait for; switches, pipes and null ports are ready at once. */
const defaultLinkWait = (port: string): number => (hasLink(port) ? 2 : 0);

function sizeOf(draft: Draft): Traffic['size'] {
  const [max, min] = draft.sizes;
  if (draft.imix && max !== undefined) throw new UsageError('--imix and -l contradict each other');
  if (draft.imix) return 'imix';
  if (max === undefined || min === undefined) return max;
  if (min > max)
    throw new UsageError(`-l: the second size (${min}) is the least and must not exceed the first (${max})`);
  return { min, max };
}

/** An address of the other version than the one asked for: the option to give is named. */
function checkVersion({ version = 4, src, dst }: Traffic): void {
  for (const [flag, text] of [
    ['-s', src],
    ['-d', dst],
  ] as const) {
    if (text === undefined) continue;
    const six = text.startsWith('[') || text.split(':').length > 3 || text.includes('::');
    if (six && version === 4) throw new UsageError(`${flag}: '${text}' is an IPv6 address: give -6 with it`);
    if (!six && version === 6 && /^\d+\.\d+\.\d+\.\d+/.test(text))
      throw new UsageError(`${flag}: '${text}' is an IPv4 address, and -6 asks for IPv6`);
  }
}

/** Put a draft together. Throws UsageError where options contradict each other or -i is missing. */
export function settle(draft: Draft): Settings {
  const { port, plan, traffic } = draft;
  if (port === undefined) throw new UsageError('no port: -i names it (pkt-gen -h shows how)');
  if (plan.ramp !== undefined && plan.rate !== undefined)
    throw new UsageError('-R and --ramp contradict each other');
  if (plan.share && (plan.role === 'ping' || plan.role === 'pong'))
    throw new UsageError(`--share: ${plan.role} needs its rings for itself`);
  checkVersion(traffic);
  const size = sizeOf(draft);
  if (size !== undefined) traffic.size = size;
  const options = plan.options ?? 0;
  const dumping = (options & PLAN_OPTION.dump) !== 0;
  return {
    plan: {
      ...plan,
      port,
      traffic,
      linkWaitMs: (draft.linkWaitSeconds ?? defaultLinkWait(port)) * 1000,
      // Records own stdout, so a dump beside them goes to stderr.
      ...(dumping ? { dumpFd: draft.json ? 2 : 1 } : {}),
    },
    traffic,
    reportMs: draft.reportMs,
    json: draft.json,
    averages: (options & PLAN_OPTION.ppsStats) !== 0,
    histogram: plan.histogram === true || plan.role === 'ping',
    verbosity: draft.verbosity,
    style: draft.style,
    filter: draft.filter,
  };
}
