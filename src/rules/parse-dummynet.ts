// SPDX-License-Identifier: BSD-2-Clause
// pipe N config ..., queue N config ..., sched N config ...: parameters of links, flow queues and schedulers.
import type { ParseContext } from './context.js';
import {
  DUMMYNET_LIMITS,
  type DummynetConfig,
  type DummynetKind,
  FAIR_DEFAULT,
  type FairQueueing,
  type PacketLoss,
  SCHEDULERS,
  type SchedulerType,
} from './dummynet.js';
import { RuleError } from './error.js';
import { boundedCount, parseCodel, parsePie, parseRed } from './parse-aqm.js';
import { IMPAIRMENTS } from './parse-impairments.js';
import { parseMask } from './parse-mask.js';
import { parseProfile } from './parse-profile.js';
import { parseNumber } from './ranges.js';
import { parseBandwidth, parseBurst, parseProbability, parseTime } from './units.js';
import type { Words } from './words.js';

/** 50, 50KBytes, 1MB, 3000B, 20ms: slots, bytes (K is 1024, as in dummynet) or time. */
function parseQueueSize(text: string): NonNullable<DummynetConfig['queue']> {
  if (/^[\d.]+(s|ms|us)$/.test(text)) {
    const us = parseTime(text);
    if (!(us > 0 && us <= 1e9))
      throw new RuleError(`bad queue size "${text}"`, { expected: 'a time up to 1000 s' });
    return { ms: us / 1000 };
  }
  // A small m would be half of "ms".
  const [, number, prefix, bytes] = /^(\d+)([kKMG]?)(|B|[bB]ytes?)$/.exec(text) ?? [];
  if (number === undefined)
    throw new RuleError(`bad queue size "${text}"`, {
      expected: 'slots (50), bytes (50KBytes, 1MB, 3000B) or a time (20ms)',
    });
  if (!prefix && !bytes) {
    return { slots: parseNumber(number, 'queue size', 1, 0x7fffffff) };
  }
  const unit = 1024 ** ['', 'K', 'M', 'G'].indexOf(prefix!.toUpperCase());
  return { bytes: parseNumber(number, 'queue size', 1, DUMMYNET_LIMITS.queueBytes / unit) * unit };
}

/** plr p, or K,p,H,r: drop in good, good to bad, drop in bad, bad to good. */
function parseLoss(text: string): PacketLoss {
  const parts = text.split(',').map(parseProbability);
  if (parts.length === 1) return { random: parts[0]! };
  if (parts.length !== 4) throw new RuleError(`bad loss "${text}"`, { expected: 'plr p or plr K,p,H,r' });
  const [good, toBad, bad, toGood] = parts as [number, number, number, number];
  return { good, toBad, bad, toGood };
}

export type Parameter = (words: Words, config: DummynetConfig, context: ParseContext) => void;

/** A parameter of one word. */
const single =
  (expected: string, set: (config: DummynetConfig, text: string) => void): Parameter =>
  (words, config) => {
    const text = words.next(expected);
    words.located(() => set(config, text));
  };
const numeric = (
  member: 'weight' | 'maxLength' | 'priority' | 'parent' | 'buckets',
  what: string,
  low: number,
  high: number,
): Parameter =>
  single(what, (config, text) => {
    config[member] = parseNumber(text, what, low, high);
  });

const LINK: Record<string, Parameter> = {
  ...IMPAIRMENTS,
  bw: single('a bandwidth', (config, text) => {
    config.bandwidth = parseBandwidth(text);
  }),
  delay: single('a delay in ms', (config, text) => {
    config.delayMs = parseTime(text) / 1000;
    if (config.delayMs > DUMMYNET_LIMITS.delayMs)
      throw new RuleError(`delay "${text}" too long`, { expected: `at most ${DUMMYNET_LIMITS.delayMs} ms` });
  }),
  burst: single('bytes', (config, text) => {
    config.burstBytes = parseBurst(text);
  }),
  profile: (words, config, context) => {
    const file = words.next('a profile file');
    if (config.profile) throw words.failBack('profile given twice', 'one profile');
    config.profile = words.located(() => parseProfile(context.readFile(file), file));
  },
};
LINK.bandwidth = LINK.bw!;

const QUEUE: Record<string, Parameter> = {
  queue: single('a queue size', (config, text) => {
    config.queue = parseQueueSize(text);
  }),
  plr: single('a loss probability', (config, text) => {
    config.loss = parseLoss(text);
  }),
  noerror: (_words, config) => {
    config.noError = true;
  },
  buckets: numeric('buckets', 'number of buckets', 1, 65536),
  weight: numeric('weight', 'weight', 0, 65536),
  lmax: numeric('maxLength', 'lmax', 1, 65535),
  pri: numeric('priority', 'priority', 0, 65535),
  pipe: numeric('parent', 'pipe or scheduler number', 1, DUMMYNET_LIMITS.maxNumber),
  droptail: (_words, config) => {
    config.management = { kind: 'droptail' };
  },
  red: (words, config) => {
    config.management = { kind: 'red', red: parseRed(words), ecn: false };
  },
  gred: (words, config) => {
    config.management = { kind: 'gred', red: parseRed(words), ecn: false };
  },
  ecn: (words, config) => {
    const management = config.management;
    if (management?.kind !== 'red' && management?.kind !== 'gred')
      throw words.failBack('ecn without red or gred', 'red or gred before ecn');
    management.ecn = true;
  },
  codel: (words, config) => {
    config.management = parseCodel(words);
  },
  pie: (words, config) => {
    config.management = parsePie(words);
  },
};
QUEUE.maxlen = QUEUE.lmax!;
QUEUE.priority = QUEUE.pri!;
QUEUE.sched = QUEUE.pipe!;
QUEUE.link = QUEUE.pipe!;

/**
 * type X. Behind `pipe N config` it is about the scheduler of that number, which queues of the pipe run under.
 * fq_codel and fq_pie take quantum, limit, flows and the parameters of their queue management, to the end. */
function parseScheduler(words: Words, config: DummynetConfig): void {
  const text = words.next(`a scheduler: ${SCHEDULERS.join(', ')}`);
  const type = text.toLowerCase();
  if (!SCHEDULERS.includes(type as SchedulerType))
    throw words.failBack(`unknown scheduler "${text}"`, SCHEDULERS.join(', '));
  config.scheduler = type as SchedulerType;
  if (!type.startsWith('fq_')) return;
  const fair: Partial<FairQueueing> = {};
  const own = (): boolean => {
    if (words.accept('quantum')) fair.quantum = boundedCount(words, 'quantum', 9000);
    else if (words.accept('limit')) fair.limit = boundedCount(words, 'limit', 20480);
    else if (words.accept('flows')) fair.flows = boundedCount(words, 'flows', 65536);
    else return false;
    return true;
  };
  config.management = type === 'fq_codel' ? parseCodel(words, own) : parsePie(words, own);
  config.fair = { ...FAIR_DEFAULT, ...fair };
  config.fairGiven = fair;
}

/** Parameters behind `pipe|queue|sched N config`. */
export function parseDummynet(words: Words, kind: DummynetKind, context: ParseContext): DummynetConfig {
  const config: DummynetConfig = {};
  const table: Record<string, Parameter> = { ...(kind !== 'queue' && LINK), ...QUEUE };
  const masks: Record<string, 'mask' | 'flowMask' | 'schedMask'> = {
    mask: 'mask',
    flow_mask: 'flowMask',
    sched_mask: 'schedMask',
  };
  while (!words.done) {
    const word = words.next('');
    if (kind === 'sched' && word === 'type') parseScheduler(words, config);
    else if (kind === 'pipe' && word === 'type') {
      config.sched ??= {};
      parseScheduler(words, config.sched);
    } else if (word === 'fq_codel' || word === 'fq_pie')
      throw words.failBack(
        `"${word}" without type`,
        `sched N config type ${word}, or pipe N config type ${word}`,
      );
    else if (Object.hasOwn(masks, word)) config[masks[word]!] = parseMask(words);
    else if (Object.hasOwn(table, word)) table[word]!(words, config, context);
    else {
      const elsewhere = Object.hasOwn(LINK, word)
        ? `"${word}" is for links (pipe or sched)`
        : `unknown ${kind} parameter "${word}"`;
      throw words.failBack(
        elsewhere,
        [...Object.keys(table), ...Object.keys(masks), ...(kind !== 'queue' ? ['type'] : [])].join(', '),
      );
    }
  }
  if (config.profile?.bandwidth !== undefined) config.bandwidth ??= config.profile.bandwidth;
  return config;
}
