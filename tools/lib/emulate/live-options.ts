// SPDX-License-Identifier: BSD-2-Clause
// live-options.ts: the options of `emulate` between two ports.
import type { LinkSetting } from '../../../src/emulation/simple.js';
import type { Option } from '../options.js';
import { UsageError } from '../options.js';
import { oneOf, scaled, time, whole } from '../values.js';
import { type LiveDraft, linkSetting } from './live-settings.js';
import { isPcapng } from './offline-settings.js';
import { ruleOptions, showOptions } from './rule-options.js';

const link = (name: LinkSetting, argument: string, help: string): Option<LiveDraft> => ({
  name,
  argument,
  help,
  set: (draft, text, flag) => linkSetting(draft, name, flag, text),
});

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
  link('bw', 'rate', 'bandwidth, 10Mbit/s; with a comma for each direction: 10Mbit/s,1Mbit/s'),
  link('delay', 'time', 'propagation delay: 20ms, 150us, 1.5s'),
  link('loss', 'chance', "packets lost at random: 1%, 0.001; or a model: 'list 3,7-9' (docs/emulate.md)"),
  link('queue', 'size', 'queue: 50 (slots), 64KB, 20ms; default: twice what bandwidth times delay hold'),
  link('burst', 'bytes', 'credit an idle link earns'),
  link('jitter', 'time', "delay varies so much, '5ms normal'; order is kept"),
  link('reorder', 'chance', 'packets that skip the delay'),
  link('duplicate', 'chance', 'packets delivered twice'),
  link('corrupt', 'chance', 'packets with one bit flipped'),
  link('overhead', 'bytes', 'what each packet costs on the link besides its length'),
  link('framing', 'kind', 'ethernet: preamble, checksum and gap count as on a wire'),
  link('trace', 'file', 'opportunities to send 1500 bytes, one time in ms a line (mahimahi)'),
  link('slot', 'min[-max]', 'packets leave in slots that are so far apart'),
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
    help: 'milliseconds between reports (default 1000)',
    set: (draft, text, flag) => {
      draft.reportMs = whole(flag, text, 10, 2 ** 31 - 1);
    },
  },
  {
    name: 'json',
    help: 'records on stdout, one a line',
    set: (draft) => {
      draft.json = true;
    },
  },
  {
    name: 'report',
    argument: 'file.html',
    help: 'write a report with plots of rate, queue and loss',
    set: (draft, text) => {
      draft.report = text;
    },
  },
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
];
