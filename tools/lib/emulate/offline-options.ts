// SPDX-License-Identifier: BSD-2-Clause
// offline-options.ts: the options of `emulate --offline`.
import type { Option } from '../options.js';
import { linkOptions } from './link-options.js';
import { type OfflineDraft, readInput, readOutput } from './offline-settings.js';
import { quietOption, reportOption, ruleOptions, showOptions } from './rule-options.js';

/** In the order of the help text. */
export const offlineOptions: Option<OfflineDraft>[] = [
  ...showOptions,
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
  ...linkOptions,
  ...ruleOptions,
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
  reportOption,
  quietOption,
];
