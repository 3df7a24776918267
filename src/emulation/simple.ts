// SPDX-License-Identifier: BSD-2-Clause
// simple.ts: the common case without writing rules: one link for each direction, from a handful of settings.
import path from 'node:path';
import { bareContext, type ParseContext } from '../rules/context.js';
import { type DummynetConfig, rateOf } from '../rules/dummynet.js';
import { lexLine } from '../rules/lexer.js';
import { parseDummynet } from '../rules/parse-dummynet.js';
import { readNamedFile } from '../rules/read-file.js';
import { parseBandwidth, parseTime } from '../rules/units.js';
import { Words } from '../rules/words.js';

/** Parameters of `pipe N config` that have a short form; values as ipfw reads them, percentages allowed for chances. */
export const LINK_SETTINGS = [
  'bw',
  'delay',
  'loss',
  'queue',
  'burst',
  'jitter',
  'reorder',
  'duplicate',
  'corrupt',
  'overhead',
  'framing',
  'trace',
  'slot',
  'sched',
] as const;
export type LinkSetting = (typeof LINK_SETTINGS)[number];
export type LinkSettings = Partial<Record<LinkSetting, string>>;

const LONGEST_FRAME = 1514;
/** Frames that the shortest default queue holds, and bytes of the longest: what pipe_byte_limit is at first. */
const LEAST_FRAMES = 32;
const MOST_BYTES = 2 ** 30;

/** Words of `pipe N config` for one setting. */
function settingWords(name: LinkSetting, value: string): string {
  // A plain chance, or Gilbert-Elliott's four, is dummynet's plr; a pattern or another model is `loss`.
  if (name === 'loss' && /^[\d.%,e-]+$/i.test(value)) return `plr ${value}`;
  // In the short form a comma stands between directions, so that a range has a dash.
  if (name === 'slot') return `slot ${value.replace(/^([^\s,-]+)-/, '$1,')}`;
  return `${name} ${value}`;
}

/** Files are relative to the working directory. */
export const linkContext: ParseContext = {
  ...bareContext,
  readFile: (file: string) => readNamedFile(path.resolve(file)),
};

/** What one setting comes to. Throws a RuleError. */
export function parseSetting(name: LinkSetting, value: string): DummynetConfig {
  return parseDummynet(new Words(lexLine(settingWords(name, value))), 'pipe', linkContext);
}

/**
 * The queue a link gets when none is asked for: what its bandwidth (or its trace on the average) carries in twice the
 * delay (a round trip over two such links), at least 32 full frames and at most 1 GiB. Bytes; undefined without a bandwidth:
 * nothing waits then. Throws a RuleError when the bandwidth, delay or trace cannot be read.
 */
export function defaultQueue(settings: LinkSettings): number | undefined {
  const { bw, trace } = settings;
  const bits = rateOf({
    ...(bw !== undefined && { bandwidth: parseBandwidth(bw) }),
    ...(trace !== undefined && { trace: parseSetting('trace', trace).trace! }),
  });
  if (bits === 0) return undefined;
  const seconds = settings.delay === undefined ? 0 : parseTime(settings.delay) / 1e6;
  const bytes = Math.max(Math.ceil((bits / 8) * 2 * seconds), LEAST_FRAMES * LONGEST_FRAME);
  return Math.min(bytes, MOST_BYTES);
}

/** Schedulers that hold queues of their own, a flow each; others but fifo get flows told apart by a mask. */
export const OWN_FLOWS = /^fq_/i;
/** Ways to manage one queue, which a pipe has itself. */
const MANAGEMENT = /^(codel|pie)\b/i;

/** Settings of the flow queue, where a scheduler stands between it and the link. */
const ofQueue = (name: string, value: string): boolean =>
  name === 'queue' || settingWords(name as LinkSetting, value).startsWith('plr ');

/**
 * Commands for a link of `settings`: `pipe N config ...`, and with a scheduler `sched N` and `queue N` too. Throws a RuleError
 * when the bandwidth, delay or trace cannot be read.
 */
export function linkCommands(number: number, settings: LinkSettings): string[] {
  const { sched, ...given } = settings;
  const bytes = given.queue === undefined ? defaultQueue(given) : undefined;
  const words = (pick: (name: string, value: string) => boolean): string[] =>
    Object.entries(given)
      .filter(([name, value]) => pick(name, value))
      .map(([name, value]) => settingWords(name as LinkSetting, value));
  const size = bytes === undefined ? [] : [`queue ${bytes}B`];
  if (sched === undefined || MANAGEMENT.test(sched))
    return [[`pipe ${number} config`, ...words(() => true), ...size, ...(sched ? [sched] : [])].join(' ')];
  const flows = OWN_FLOWS.test(sched) ? [] : /^fifo/i.test(sched) ? size : [...size, 'mask all'];
  return [
    [`pipe ${number} config`, ...words((name, value) => !ofQueue(name, value))].join(' '),
    `sched ${number} config type ${sched}`,
    [`queue ${number} config sched ${number}`, ...words(ofQueue), ...flows].join(' '),
  ];
}

/** Where packets go that shall take the link: "pipe 1", or the queue before its scheduler. */
export const linkTarget = (number: number, { sched }: LinkSettings): string =>
  `${sched === undefined || MANAGEMENT.test(sched) ? 'pipe' : 'queue'} ${number}`;

/** Commands for two links: 1 from the inside to the outside, 2 back. */
export function simpleCommands(out: LinkSettings, back: LinkSettings): string[] {
  return [
    ...linkCommands(1, out),
    ...linkCommands(2, back),
    `add 100 ${linkTarget(1, out)} ip from any to any out`,
    `add 200 ${linkTarget(2, back)} ip from any to any in`,
  ];
}
