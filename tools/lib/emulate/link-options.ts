// SPDX-License-Identifier: BSD-2-Clause
// link-options.ts: the short options that make a link for each direction without writing rules.
import type { LinkSetting } from '../../../src/emulation/simple.js';
import type { Option } from '../options.js';
import { directionSettings, type LinkDraft, linkSetting } from './link-settings.js';

const link = (name: LinkSetting, argument: string, help: string): Option<LinkDraft> => ({
  name,
  argument,
  help,
  set: (draft, text, flag) => linkSetting(draft, name, flag, text),
});

/** In the order of the help text. */
export const linkOptions: Option<LinkDraft>[] = [
  link(
    'bw',
    'rate',
    'bandwidth, 10Mbit/s; with a comma for each direction, first up\n(out of the command, inside to outside), then down: 1Mbit/s,10Mbit/s',
  ),
  {
    name: 'up',
    argument: 'rate',
    help: "for packets from inside to outside alone: 1Mbit/s, or 'bw 1Mbit/s delay 20ms loss 1%'",
    set: (draft, text, flag) => directionSettings(draft, 0, flag, text),
  },
  {
    name: 'down',
    argument: 'rate',
    help: 'the same for packets from outside to inside',
    set: (draft, text, flag) => directionSettings(draft, 1, flag, text),
  },
  link('delay', 'time', 'propagation delay: 20ms, 150us, 1.5s'),
  link('loss', 'chance', "packets lost at random: 1%, 0.001; or a model: 'list 3,7-9' (emulate.md)"),
  link('queue', 'size', 'queue: 50 (slots), 64KB, 1MB, 20ms; default: twice what bandwidth times delay hold'),
  link(
    'sched',
    'type',
    "scheduler or queue management: fq_codel, fq_pie, codel, pie, 'wf2q+', ..., with its words",
  ),
  link('burst', 'bytes', 'credit an idle link earns'),
  link('jitter', 'time', "delay varies so much, '5ms normal'; order is kept"),
  link('reorder', 'chance', 'packets that skip the delay'),
  link('duplicate', 'chance', 'packets delivered twice'),
  link('corrupt', 'chance', 'packets with one bit flipped'),
  link('overhead', 'bytes', 'what each packet costs on the link besides its length'),
  link('framing', 'kind', 'ethernet: preamble, checksum and gap count as on a wire'),
  link(
    'trace',
    'file',
    'opportunities to send 1500 bytes, one time in ms a line (mahimahi); instead of --bw',
  ),
  link('slot', 'min[-max]', 'packets leave in slots that are so far apart'),
];
