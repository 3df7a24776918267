// SPDX-License-Identifier: BSD-2-Clause
// simple.ts: the common case without writing rules: one link for each direction, from a handful of settings.
import { parseBandwidth, parseTime } from '../rules/units.js';

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

/** "1%" is 0.01; anything else stays as it is. */
function chance(text: string): string {
  const [, number] = /^(\d+(?:\.\d+)?|\.\d+)%$/.exec(text) ?? [];
  return number === undefined ? text : String(Number((Number(number) / 100).toPrecision(12)));
}

const LONGEST_FRAME = 1514;
/** Frames that the shortest default queue holds. */
const LEAST_FRAMES = 32;

/**
 * The queue a link gets when none is asked for: what the bandwidth carries in twice the delay (a round trip over two
 * such links), at least 32 full frames. Bytes; undefined without a bandwidth: nothing waits then.
 */
export function defaultQueue(settings: LinkSettings): number | undefined {
  const bits = settings.bw === undefined ? 0 : parseBandwidth(settings.bw);
  if (bits === 0) return undefined;
  const seconds = settings.delay === undefined ? 0 : parseTime(settings.delay) / 1e6;
  return Math.max(Math.ceil((bits / 8) * 2 * seconds), LEAST_FRAMES * LONGEST_FRAME);
}

/** `pipe N config ...` for settings. Throws a RuleError when the bandwidth or delay cannot be read. */
export function linkCommand(number: number, settings: LinkSettings): string {
  const words = [`pipe ${number} config`];
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    // A plain chance is dummynet's plr; a pattern or a model is `loss`.
    if (name === 'loss' && /^[\d.]+%?$/.test(value)) words.push(`plr ${chance(value)}`);
    else words.push(`${name} ${value.split(' ').map(chance).join(' ')}`);
  }
  if (settings.queue === undefined && settings.trace === undefined) {
    const bytes = defaultQueue(settings);
    if (bytes !== undefined) words.push(`queue ${bytes}B`);
  }
  return words.join(' ');
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
