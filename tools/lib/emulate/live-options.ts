// SPDX-License-Identifier: BSD-2-Clause
// live-options.ts: the options of `emulate` between two ports.
import type { Option } from '../options.js';
import { UsageError } from '../options.js';
import { oneOf, scaled, time, whole } from '../values.js';
import { linkOptions } from './link-options.js';
import type { LiveDraft } from './live-settings.js';
import { isPcapng } from './offline-settings.js';
import { quietOption, reportOption, ruleOptions, showOptions } from './rule-options.js';

/** The store's 16 pages: one for each size of packets there may be at a time. */
const LEAST_MEMORY = 4_000_000;

/** In the order of the help text. */
export const liveOptions: Option<LiveDraft>[] = [
  ...showOptions,
  {
    name: 'i',
    argument: 'port',
    help: 'twice: the inside and the outside; packets from inside to outside are "out" for the rules',
    set: (draft, text, flag) => {
      if (text === '') throw new UsageError(`${flag}: the port's name is empty`);
      draft.ports.push(text);
    },
  },
  ...linkOptions,
  ...ruleOptions,
  {
    name: 'memory',
    argument: 'bytes',
    help: 'bound for packets that wait outside their own buffers, with k, M or G (default 256M, at least 4M)',
    set: (draft, text, flag) => {
      draft.memory = scaled(flag, text, 2 ** 40, 'a number of bytes');
      if (draft.memory < LEAST_MEMORY) throw new UsageError(`${flag}: '${text}' is too little: at least 4M`);
    },
  },
  {
    name: 'spares',
    argument: 'buffers',
    help: 'spare buffers a region, in which packets wait without a copy (default 4096)',
    set: (draft, text, flag) => {
      draft.spares = whole(flag, text, 0, 2 ** 20);
    },
  },
  {
    name: 'slots',
    argument: 'slots',
    help: 'slots of each ring of ports that are created (default 1024)',
    set: (draft, text, flag) => {
      draft.slots = whole(flag, text, 2, 4096);
    },
  },
  {
    name: 'b',
    argument: 'burst',
    help: 'packets taken at once, 1 to 1024 (default 256)',
    set: (draft, text, flag) => {
      draft.burst = whole(flag, text, 1, 1024);
    },
  },
  {
    name: 'wait',
    argument: 'mode',
    help: 'when idle: adaptive (spin, then sleep; default), sleep, busy (never sleep)',
    set: (draft, text, flag) => {
      draft.wait = oneOf(flag, text, ['adaptive', 'sleep', 'busy']);
    },
  },
  {
    name: 'a',
    argument: 'cpu',
    help: 'run on this processor',
    set: (draft, text, flag) => {
      draft.cpu = whole(flag, text, 0, 4095);
    },
  },
  {
    name: 'time',
    argument: 'seconds',
    help: 'stop after so long',
    set: (draft, text, flag) => {
      draft.duration = time(flag, text, 0.001, 1e9, 'seconds');
    },
  },
  {
    name: 'no-drain',
    help: 'at the end drop what still waits instead of letting it leave',
    set: (draft) => {
      draft.drain = false;
    },
  },
  {
    name: 'T',
    argument: 'ms',
    help: 'milliseconds between reports (default 1000; around a command none)',
    set: (draft, text, flag) => {
      draft.reportMs = whole(flag, text, 10, 2 ** 31 - 1);
    },
  },
  {
    name: 'json',
    help: 'records on stdout, one a line; around a command on stderr',
    set: (draft) => {
      draft.json = true;
    },
  },
  reportOption,
  {
    name: 'log',
    argument: 'file',
    help: 'write a JSON record for each arrival, departure, loss and match of a rule with "log";\nFILE.pcapng: the packets that such rules match. May be given for both',
    set: (draft, text) => {
      if (isPcapng(text)) draft.matches = text;
      else draft.log = text;
    },
  },
  {
    name: 'capture',
    argument: 'file.pcapng',
    help: 'write the packets of both ports, in and out',
    set: (draft, text) => {
      draft.capture = text;
    },
  },
  {
    name: 'socket',
    argument: 'path',
    help: 'control socket for ipfw (default: one that ipfw finds)',
    set: (draft, text) => {
      draft.socket = text;
    },
  },
  {
    name: 'v',
    help: 'say more: the rules and links as they were understood',
    set: (draft) => {
      draft.verbose = true;
    },
  },
  quietOption,
];
