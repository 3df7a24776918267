// SPDX-License-Identifier: BSD-2-Clause
// simple.ts: the common case without writing rules: one link for each direction, from a handful of settings.
import path from 'node:path';
import { bareContext } from '../rules/context.js';
import type { DummynetConfig } from '../rules/dummynet.js';
import { lexLine } from '../rules/lexer.js';
import { parseDummynet } from '../rules/parse-dummynet.js';
import { readText } from '../rules/session.js';
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
] as const;
export type LinkSetting = (typeof LINK_SETTINGS)[number];
export type LinkSettings = Partial<Record<LinkSetting, string>>;

const LONGEST_FRAME = 1514;
/** Frames that the shortest default queue holds, and bytes of the longest: what pipe_byte_limit is at first. */
const LEAST_FRAMES = 32;
const MOST_BYTES = 2 ** 30;

/** Bytes of one opportunity of a trace. */
const TRACE_BYTES = 1500;

/** Words of `pipe N config` for one setting. */
function settingWords(name: LinkSetting, value: string): string {
  // A plain chance, or Gilbert-Elliott's four, is dummynet's plr; a pattern or another model is `loss`.
  if (name === 'loss' && /^[\d.%,e-]+$/i.test(value)) return `plr ${value}`;
  // In the short form a comma stands between directions, so that a range has a dash.
  if (name === 'slot') return `slot ${value.replace(/^([^\s,-]+)-/, '$1,')}`;
  return `${name} ${value}`;
}

/** What one setting comes to. Files are relative to the working directory. Throws a RuleError. */
export function parseSetting(name: LinkSetting, value: string): DummynetConfig {
  const context = { ...bareContext, readFile: (file: string) => readText(path.resolve(file)) };
  return parseDummynet(new Words(lexLine(settingWords(name, value))), 'pipe', context);
}

/** bit/s of a link, a trace's on the average; 0: no limit. */
function rateOf({ bw, trace }: LinkSettings): number {
  if (trace !== undefined) {
    const { timesMs } = parseSetting('trace', trace).trace!;
    return (timesMs.length * TRACE_BYTES * 8) / (timesMs.at(-1)! / 1000);
  }
  return bw === undefined ? 0 : parseBandwidth(bw);
}

/**
 * The queue a link gets when none is asked for: what its bandwidth (or its trace on the average) carries in twice the
 * delay (a round trip over two such links), at least 32 full frames and at most 1 GiB. Bytes; undefined without a bandwidth:
 * nothing waits then. Throws a RuleError when the bandwidth, delay or trace cannot be read.
 */
export function defaultQueue(settings: LinkSettings): number | undefined {
  const bits = rateOf(settings);
  if (bits === 0) return undefined;
  const seconds = settings.delay === undefined ? 0 : parseTime(settings.delay) / 1e6;
  const bytes = Math.max(Math.ceil((bits / 8) * 2 * seconds), LEAST_FRAMES * LONGEST_FRAME);
  return Math.min(bytes, MOST_BYTES);
}

/** `pipe N config ...` for settings. Throws a RuleError when the bandwidth, delay or trace cannot be read. */
export function linkCommand(number: number, settings: LinkSettings): string {
  const words = Object.entries(settings).map(([name, value]) => settingWords(name as LinkSetting, value));
  const bytes = settings.queue === undefined ? defaultQueue(settings) : undefined;
  if (bytes !== undefined) words.push(`queue ${bytes}B`);
  return [`pipe ${number} config`, ...words].join(' ');
}

/** Commands for two links: pipe 1 from the inside to the outside, pipe 2 back. */
export function simpleCommands(out: LinkSettings, back: LinkSettings): string[] {
  return [
    linkCommand(1, out),
    linkCommand(2, back),
    'add 100 pipe 1 ip from any to any out',
    'add 200 pipe 2 ip from any to any in',
  ];
}
