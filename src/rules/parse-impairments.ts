// SPDX-License-Identifier: BSD-2-Clause
// What a link does beyond dummynet's parameters: jitter, reorder, duplicate, corrupt, loss, overhead, framing, trace, slot.
import type { ParseContext } from './context.js';
import {
  DUMMYNET_LIMITS,
  type DummynetConfig,
  JITTER_DISTRIBUTIONS,
  type Jitter,
  type LinkLoss,
  type PacketLoss,
} from './dummynet.js';
import { RuleError } from './error.js';
import { parseDistribution, parsePattern, parseTrace } from './parse-link-files.js';
import { parseNumber } from './ranges.js';
import { parseProbability, parseTime } from './units.js';
import type { Words } from './words.js';

function probability(words: Words, what: string): number {
  const text = words.next(`${what}: a probability, 0.01 or 1%`);
  return words.located(() => parseProbability(text));
}

function milliseconds(text: string): number {
  const ms = parseTime(text) / 1000;
  if (ms > DUMMYNET_LIMITS.delayMs)
    throw new RuleError(`time "${text}" too long`, { expected: `at most ${DUMMYNET_LIMITS.delayMs} ms` });
  return ms;
}

/** jitter TIME [uniform|normal|pareto|table FILE] */
function jitter(words: Words, config: DummynetConfig, context: ParseContext): void {
  const text = words.next('a time');
  const found: Jitter = { ms: words.located(() => milliseconds(text)), distribution: 'uniform' };
  const distribution = JITTER_DISTRIBUTIONS.find((name) => words.accept(name));
  if (distribution) found.distribution = distribution;
  if (distribution === 'table') {
    const file = words.next('a file with a distribution');
    found.file = file;
    found.values = words.located(() => parseDistribution(context.readFile(file), file));
  }
  config.jitter = found;
}

/** reorder [P] [gap N]: packets may overtake, and so many skip the delay. */
function reorder(words: Words, config: DummynetConfig): void {
  const found = { probability: 0, gap: 1 };
  if (/^[\d.]/.test(words.peek() ?? '')) found.probability = probability(words, 'reorder');
  if (words.accept('gap')) found.gap = words.decimal('gap', 1, 1_000_000);
  config.reorder = found;
}

/** 3,7-9: numbers of packets, rising. */
function packetList(text: string): number[] {
  const packets: number[] = [];
  for (const part of text.split(',')) {
    const [low, high = low, ...more] = part.split('-');
    if (more.length > 0) throw new RuleError(`bad range "${part}"`, { expected: 'N or N-M' });
    const first = parseNumber(low!, 'packet number', 1, 2 ** 40);
    const last = parseNumber(high!, 'packet number', 1, 2 ** 40);
    if (last < first || first <= (packets.at(-1) ?? 0))
      throw new RuleError(`packet numbers do not rise at "${part}"`, { expected: 'rising numbers: 3,7-9' });
    if (packets.length + last - first >= DUMMYNET_LIMITS.entries)
      throw new RuleError('too many packet numbers', { expected: `at most ${DUMMYNET_LIMITS.entries}` });
    for (let packet = first; packet <= last; packet++) packets.push(packet);
  }
  return packets;
}

function markov(text: string): LinkLoss {
  const given = text.split(',').map(parseProbability);
  if (given.length < 2 || given.length > 5)
    throw new RuleError(`bad states "${text}"`, { expected: 'p13,p31[,p32[,p23[,p14]]]' });
  const [p13, p31, p32 = 0, p23 = 1, p14 = 0] = given as [number, number, ...number[]];
  if (p13 + p14 > 1 || p31 + p32 > 1)
    throw new RuleError(`bad states "${text}"`, { expected: 'p13 + p14 and p31 + p32 at most 1' });
  return { kind: 'markov', p13, p31, p32, p23, p14 };
}

/** netem's gemodel p,r,1-h,1-k: good to bad, bad to good, loss in bad, loss in good; defaults as there. */
function gilbertElliott(text: string): PacketLoss {
  const given = text.split(',').map(parseProbability);
  if (given.length > 4) throw new RuleError(`bad gemodel "${text}"`, { expected: 'p[,r[,1-h[,1-k]]]' });
  const [toBad, toGood = 1 - toBad, bad = 1, good = 0] = given as [number, ...number[]];
  return { good, toBad, bad, toGood };
}

const MODELS =
  'a probability, or list N,N-M, pattern 0010 or a file, markov p13,p31,…, gemodel p,r,…, ber RATE';

/** loss P, loss list 3,7-9, loss pattern 00100|FILE, loss markov p13,p31,p32,p23,p14, loss gemodel p,r,…, loss ber 1e-6 */
function loss(words: Words, config: DummynetConfig, context: ParseContext): void {
  const model = words.next(MODELS);
  if (/^[\d.]/.test(model)) {
    config.loss = { random: words.located(() => parseProbability(model)) };
    return;
  }
  const argument = <T>(what: string, parse: (text: string) => T): T => {
    const text = words.next(what);
    return words.located(() => parse(text));
  };
  switch (model) {
    case 'list':
      config.linkLoss = argument('packet numbers: 3,7-9', (text) => ({
        kind: 'list',
        packets: packetList(text),
      }));
      break;
    case 'pattern':
      config.linkLoss = argument('zeros and ones, or a file', (text) => ({
        kind: 'bits',
        bits: /^[01]+$/.test(text) ? text : parsePattern(context.readFile(text), text),
      }));
      break;
    case 'markov':
      config.linkLoss = argument('p13,p31[,p32[,p23[,p14]]]', markov);
      break;
    case 'gemodel':
      config.loss = argument('p[,r[,1-h[,1-k]]]', gilbertElliott);
      break;
    case 'ber':
      config.linkLoss = argument('a bit error rate: 1e-6', (text) => ({
        kind: 'ber',
        rate: parseProbability(text),
      }));
      break;
    default:
      throw words.failBack(`unknown loss model "${model}"`, MODELS);
  }
}

/** overhead BYTES [cell SIZE/OVERHEAD | atm] */
function overhead(words: Words, config: DummynetConfig): void {
  const text = words.next('bytes a packet');
  const bytes = words.located(() => {
    const size = parseNumber(text.replace(/^-/, ''), 'overhead', 0, DUMMYNET_LIMITS.overhead);
    return text.startsWith('-') ? -size : size;
  });
  config.overhead = { bytes };
  if (words.accept('atm')) config.overhead.cell = { size: 48, overhead: 5 };
  if (!words.accept('cell')) return;
  const cell = words.next('SIZE/OVERHEAD, bytes: 48/5');
  const [size, extra, ...more] = cell.split('/');
  if (extra === undefined || more.length > 0)
    throw words.failBack(`bad cell "${cell}"`, 'SIZE/OVERHEAD: 48/5');
  config.overhead.cell = words.located(() => {
    const found = {
      size: parseNumber(size!, 'cell size', 1, DUMMYNET_LIMITS.overhead),
      overhead: parseNumber(extra, 'cell overhead', 0, DUMMYNET_LIMITS.overhead),
    };
    if (found.overhead > 64 * found.size)
      throw new RuleError(`cell overhead ${extra} too large`, { expected: 'at most 64 times the size' });
    return found;
  });
}

/** slot MIN[,MAX] [packets N] [bytes N] */
function slot(words: Words, config: DummynetConfig): void {
  const text = words.next('the time between slots: MIN or MIN,MAX');
  const [minMs, maxMs] = words.located(() => {
    const [low, high = low, ...more] = text.split(',');
    const [least, most] = [milliseconds(low!), milliseconds(high!)];
    if (more.length > 0 || most <= 0 || least > most)
      throw new RuleError(`bad slot "${text}"`, { expected: 'MIN,MAX with MIN <= MAX, longer than 0' });
    return [least, most];
  });
  const found = { minMs, maxMs, packets: 0, bytes: 0 };
  for (;;) {
    if (words.accept('packets')) found.packets = words.decimal('packets', 1, 1_000_000_000);
    else if (words.accept('bytes')) found.bytes = words.decimal('bytes', 1, 1_000_000_000);
    else break;
  }
  config.slot = found;
}

export const IMPAIRMENTS: Record<
  string,
  (words: Words, config: DummynetConfig, context: ParseContext) => void
> = {
  jitter,
  reorder,
  loss,
  overhead,
  slot,
  duplicate: (words, config) => {
    config.duplicate = probability(words, 'duplicate');
  },
  corrupt: (words, config) => {
    config.corrupt = probability(words, 'corrupt');
  },
  framing: (words, config) => {
    words.expect('ethernet');
    config.framing = 'ethernet';
  },
  trace: (words, config, context) => {
    const file = words.next('a trace file');
    const timesMs = words.located(() => parseTrace(context.readFile(file), file));
    const once = words.accept('once');
    if (!once) words.accept('loop');
    config.trace = { file, timesMs, once };
  },
};
