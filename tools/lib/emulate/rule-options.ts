// SPDX-License-Identifier: BSD-2-Clause
// rule-options.ts: the options of `emulate` that mean the same between ports and on capture files: help, rules, what is
// known of the host, the seed.
import type { VlanView } from '../../../src/rules/open.js';
import type { Option } from '../options.js';
import { oneOf, whole } from '../values.js';

/** What these options set. */
export interface RuleDraft {
  /** A page with plots, and a file for records. */
  report?: string;
  records?: string;
  show?: 'help' | 'version';
  files: string[];
  rules: string[];
  defaultAction: 'allow' | 'deny';
  layer: 2 | 3;
  vlan: VlanView;
  host: { me: string[]; networks: string[]; routes: string[] };
  seed?: number;
  /** Do not say at the start what was understood. */
  quiet: boolean;
}

const show = (what: 'help' | 'version') => (draft: RuleDraft) => {
  draft.show = what;
};

const commas = (text: string): string[] => text.split(',').filter((part) => part !== '');

export const showOptions: Option<RuleDraft>[] = [
  { name: 'h', help: 'show this help', set: show('help') },
  { name: 'help', help: 'the same', set: show('help') },
  { name: 'version', help: 'show the version', set: show('version') },
];

/** Whether a report's name asks for records. */
const isRecords = (file: string): boolean => /\.(json|jsonl)$/.test(file);

export const reportOption: Option<Pick<RuleDraft, 'report' | 'records'>> = {
  name: 'report',
  argument: 'file.html',
  help: 'write a page with plots of rate, delay, queue and loss;\nFILE.json: the records of --json. May be given for both',
  set: (draft, text) => {
    if (isRecords(text)) draft.records = text;
    else draft.report = text;
  },
};

export const quietOption: Option<RuleDraft> = {
  name: 'q',
  help: 'do not show the links at the start; around a command: say nothing but warnings and errors',
  set: (draft) => {
    draft.quiet = true;
  },
};

export const ruleOptions: Option<RuleDraft>[] = [
  {
    name: 'rules',
    argument: 'file',
    help: "rules in ipfw's language (ipfw.md); may be given several times",
    set: (draft, text) => {
      draft.files.push(text);
    },
  },
  {
    name: 'rule',
    argument: "'add …'",
    help: 'one more command, applied after the files',
    set: (draft, text) => {
      draft.rules.push(text);
    },
  },
  {
    name: 'layer',
    argument: '2|3',
    help: '2: rules see frames with their MAC header (default); 3: IP packets only',
    set: (draft, text, flag) => {
      draft.layer = oneOf(flag, text, ['2', '3']) === '2' ? 2 : 3;
    },
  },
  {
    name: 'vlan',
    argument: 'inner|opaque',
    help: 'opaque: a frame with a VLAN tag is no IP packet to rules, as ipfw has it (default);\ninner: rules look behind up to two tags (802.1Q, 802.1ad)',
    set: (draft, text, flag) => {
      draft.vlan = oneOf(flag, text, ['inner', 'opaque']) === 'inner' ? 'inner' : 'opaque';
    },
  },
  {
    name: 'default',
    argument: 'action',
    help: 'what rule 65535 does: allow (default) or deny',
    set: (draft, text, flag) => {
      draft.defaultAction = oneOf(flag, text, ['allow', 'deny']);
    },
  },
  {
    name: 'me',
    argument: 'address,…',
    help: 'addresses that are "me"',
    set: (draft, text) => {
      draft.host.me.push(...commas(text));
    },
  },
  {
    name: 'network',
    argument: 'prefix=if,…',
    help: 'networks that are directly connected',
    set: (draft, text) => {
      draft.host.networks.push(...commas(text));
    },
  },
  {
    name: 'route',
    argument: 'prefix=if,…',
    help: 'routes, "default" for all else; for verrevpath and antispoof',
    set: (draft, text) => {
      draft.host.routes.push(...commas(text));
    },
  },
  {
    name: 'seed',
    argument: 'N',
    help: 'seed of everything random; the same seed gives the same bytes\n(default: chosen and printed)',
    set: (draft, text, flag) => {
      draft.seed = whole(flag, text, 1, Number.MAX_SAFE_INTEGER);
    },
  },
];
