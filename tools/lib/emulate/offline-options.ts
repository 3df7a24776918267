// SPDX-License-Identifier: BSD-2-Clause
// offline-options.ts: the options of `emulate --offline`.
import type { Option } from '../options.js';
import { oneOf, whole } from '../values.js';
import { type OfflineDraft, readInput, readOutput } from './offline-settings.js';

const show = (what: 'help' | 'version') => (draft: OfflineDraft) => {
  draft.show = what;
};

const commas = (text: string): string[] => text.split(',').filter((part) => part !== '');

/** In the order of the help text. */
export const offlineOptions: Option<OfflineDraft>[] = [
  { name: 'h', help: 'show this help', set: show('help') },
  { name: 'help', help: 'the same', set: show('help') },
  { name: 'version', help: 'show the version', set: show('version') },
  { name: 'offline', help: "work on capture files, in their packets' time", set: () => {} },
  {
    name: 'input',
    argument: 'in|out:iface:file',
    help: 'packets received (in) or sent (out) by an interface; several are merged by time',
    set: (draft, text, flag) => {
      draft.inputs.push(readInput(flag, text));
    },
  },
  {
    name: 'output',
    argument: 'iface:file',
    help: 'write what passes by an interface, or goes to a divert port of this name;\npcapng if the name ends so, else pcap',
    set: (draft, text, flag) => {
      draft.outputs.push(readOutput(flag, text));
    },
  },
  {
    name: 'rules',
    argument: 'file',
    help: "rules in ipfw's language (docs/ipfw.md); may be given several times",
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
  {
    name: 'log',
    argument: 'file.pcapng',
    help: 'write packets that rules with "log" match',
    set: (draft, text) => {
      draft.log = text;
    },
  },
  {
    name: 'json',
    help: 'one record a packet on stdout, then the counters',
    set: (draft) => {
      draft.json = true;
    },
  },
  {
    name: 'v',
    help: 'a line for each packet before the summary;\nwith --json: also how many answers and copies it caused',
    set: (draft) => {
      draft.verbose = true;
    },
  },
];
