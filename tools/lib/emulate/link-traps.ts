// SPDX-License-Identifier: BSD-2-Clause
// link-traps.ts: values that are right, and mostly not what was meant: without the unit or the per cent sign that netem's
// and dummynet's users have in mind.
import type { LinkSetting } from '../../../src/emulation/simple.js';

const BARE = /^\d+(\.\d+)?$/;

/** Lines to say about a value that was accepted; mostly none. */
export function trapIn(setting: LinkSetting, flag: string, value: string): string[] {
  const [first = ''] = value.split(/\s+/);
  if (!BARE.test(first) || Number(first) === 0) return [];
  switch (setting) {
    case 'bw':
      return [`${flag} ${first}: without a unit it is ${first} bit/s (${first}Mbit/s?)`];
    case 'delay':
    case 'jitter':
    case 'slot':
      return [
        `${flag} ${first}: without a unit it is ${first} ms, where netem takes microseconds (${first}ms, ${first}us)`,
      ];
    case 'loss':
    case 'duplicate':
    case 'corrupt':
    case 'reorder':
      return Number(first) === 1
        ? [
            `${flag} ${first}: a chance of 1 is every packet (1% is one in a hundred, 100% all without this warning)`,
          ]
        : [];
    default:
      return [];
  }
}
