// SPDX-License-Identifier: BSD-2-Clause
// mask, flow_mask, sched_mask: all | queue | {src-ip|dst-ip|src-port|dst-port|proto} {0xmask|/n} | {src-ip6|dst-ip6} /n |
// flow-id mask. For IPv4, ports and protocol /n means the low n bits, as in dummynet.
import type { FlowMask } from './dummynet.js';
import { RuleError } from './error.js';
import { parseNumber, parseUnsigned } from './ranges.js';
import type { Words } from './words.js';

type NumericField = 'srcIp' | 'dstIp' | 'srcPort' | 'dstPort' | 'proto' | 'flowId' | 'srcIp6' | 'dstIp6';

const FIELDS: Record<string, { field: NumericField; bits: number; family?: 4 | 6 }> = {
  'src-ip': { field: 'srcIp', bits: 32, family: 4 },
  'dst-ip': { field: 'dstIp', bits: 32, family: 4 },
  'src-port': { field: 'srcPort', bits: 16 },
  'dst-port': { field: 'dstPort', bits: 16 },
  proto: { field: 'proto', bits: 8 },
  'flow-id': { field: 'flowId', bits: 20, family: 6 },
  'src-ip6': { field: 'srcIp6', bits: 128, family: 6 },
  'src-ipv6': { field: 'srcIp6', bits: 128, family: 6 },
  'dst-ip6': { field: 'dstIp6', bits: 128, family: 6 },
  'dst-ipv6': { field: 'dstIp6', bits: 128, family: 6 },
};

const EMPTY: FlowMask = {
  family: 4,
  srcIp: 0,
  dstIp: 0,
  srcIp6: 0,
  dstIp6: 0,
  srcPort: 0,
  dstPort: 0,
  proto: 0,
  flowId: 0,
  queue: false,
};

function parseBits(text: string, name: string, bits: number): number {
  const low = text.startsWith('/');
  if (bits === 128) return parseNumber(text.replace('/', ''), `${name} mask length`, 0, 128);
  if (low) return 2 ** parseNumber(text.slice(1), `${name} mask length`, 0, bits) - 1;
  const value = parseUnsigned(text);
  if (value === undefined || value >= 2 ** bits)
    throw new RuleError(`bad ${name} mask "${text}"`, {
      expected: `a number of ${bits} bits or /n for the low n bits`,
    });
  return value;
}

export function parseMask(words: Words): FlowMask {
  const mask = { ...EMPTY };
  let any = false;
  for (;;) {
    const word = words.peek() ?? '';
    // "queue" ends a mask, unless a size follows: then the next parameter begins here
    if (word === 'all' || (word === 'queue' && !/^\d/.test(words.peek(1) ?? ''))) {
      words.next('');
      if (word === 'queue') return { ...mask, queue: true };
      return {
        ...mask,
        srcIp: 2 ** 32 - 1,
        dstIp: 2 ** 32 - 1,
        srcIp6: 128,
        dstIp6: 128,
        srcPort: 65535,
        dstPort: 65535,
        proto: 255,
        flowId: 0xfffff,
      };
    }
    const found = Object.hasOwn(FIELDS, word) ? FIELDS[word] : undefined;
    if (!found) break;
    words.next('');
    const text = words.next(`the ${word} mask: 0xmask or /n`);
    mask[found.field] = words.located(() => parseBits(text, word, found.bits));
    if (found.family) mask.family = found.family;
    any = true;
  }
  if (!any) throw words.unexpected(`all, queue, ${Object.keys(FIELDS).join(', ')}`);
  return mask;
}
