// SPDX-License-Identifier: BSD-2-Clause
// Parameters of queue management: red and gred, codel, pie. Everything behind codel or pie belongs to it. Times and numbers
// out of range become the nearest in it, as FreeBSD's dummynet has it (dn_aqm_codel.c, dn_aqm_pie.c, dn_sched_fq_*.c).
import {
  CODEL_DEFAULT,
  type CodelParameters,
  FQ_CODEL_DEFAULT,
  FQ_PIE_DEFAULT,
  PIE_DEFAULT,
  type PieParameters,
  type QueueManagement,
  type RedParameters,
} from './dummynet.js';
import { parseTime } from './units.js';
import type { Words } from './words.js';

const bound = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** Microseconds. */
function time(words: Words, what: string, low: number, high: number): number {
  const text = words.next(`${what}: a time`);
  return bound(
    words.located(() => parseTime(text)),
    low,
    high,
  );
}

function number(words: Words, what: string, shape: RegExp, low: number, high: number): number {
  const text = words.next(`${what}: a number ${low}..${high}`);
  if (!shape.test(text)) throw words.failBack(`bad ${what} "${text}"`, `a number ${low}..${high}`);
  return bound(Number(text), low, high);
}

const fraction = (words: Words, what: string, high: number): number =>
  number(words, what, /^\d*\.?\d+$/, 0, high);

/** A count, of bytes, packets or flows. */
export const boundedCount = (words: Words, what: string, high: number): number =>
  number(words, what, /^\d+$/, 1, high);

/** w_q/min_th/max_th/max_p; K behind a threshold is 1024 bytes. */
export function parseRed(words: Words): RedParameters {
  const text = words.next('w_q/min_th/max_th/max_p');
  const expected =
    'w_q/min_th/max_th/max_p with 0 < w_q <= 1, min_th <= max_th, 0 <= max_p <= 1: 0.002/30/80/0.1';
  const [, w, low, lowK, high, highK, p] =
    /^([\d.]+)\/(\d+)([kK]?)\/(\d+)([kK]?)\/([\d.]+)$/.exec(text) ?? [];
  const red: RedParameters = {
    weight: Number(w),
    minThreshold: Number(low) * (lowK ? 1024 : 1),
    maxThreshold: Number(high) * (highK ? 1024 : 1),
    maxProbability: Number(p),
  };
  const good =
    red.weight > 0 &&
    red.weight <= 1 &&
    red.minThreshold <= red.maxThreshold &&
    red.maxThreshold > 0 &&
    red.maxProbability <= 1;
  if (!good) throw words.failBack(`bad red parameters "${text}"`, expected);
  return red;
}

/** Read parameters until the end of the command; `own` reads those of the scheduler around it. */
function untilEnd(words: Words, what: string, names: string, one: (word: string) => boolean, own: Own): void {
  while (!words.done) {
    if (own()) continue;
    const word = words.next('');
    if (!one(word))
      throw words.failBack(
        `unknown ${what} parameter "${word}"`,
        `${names} (what belongs to the queue stands before ${what})`,
      );
  }
}

/** Reads what belongs to the scheduler around codel or pie; false: the next word is none of it. */
type Own = () => boolean;
const NOTHING: Own = () => false;

/** What was given; `own`: within fq_codel. */
export function parseCodel(words: Words, own: Own = NOTHING): QueueManagement {
  const codel: Partial<CodelParameters> = {};
  const longest = own === NOTHING ? 5e6 : 100e6;
  const one = (word: string): boolean => {
    if (word === 'target') codel.target = time(words, 'target', 1, 5e6);
    else if (word === 'interval') codel.interval = time(words, 'interval', 1, longest);
    else if (word === 'ecn' || word === 'noecn') codel.ecn = word === 'ecn';
    else return false;
    return true;
  };
  untilEnd(words, 'codel', 'target, interval, ecn, noecn', one, own);
  const defaults = own === NOTHING ? CODEL_DEFAULT : FQ_CODEL_DEFAULT;
  return { kind: 'codel', codel: { ...defaults, ...codel }, given: codel };
}

/** What was given; `own`: within fq_pie. */
export function parsePie(words: Words, own: Own = NOTHING): QueueManagement {
  const pie: Partial<PieParameters> = {};
  const longest = own === NOTHING ? 10e6 : 5e6;
  const switches: Record<
    string,
    [keyof PieParameters & ('ecn' | 'capDrop' | 'deRandomize' | 'onOff' | 'departureRate'), boolean]
  > = {
    ecn: ['ecn', true],
    noecn: ['ecn', false],
    capdrop: ['capDrop', true],
    nocapdrop: ['capDrop', false],
    derand: ['deRandomize', true],
    noderand: ['deRandomize', false],
    // as ipfw's manual has them, but not its program
    drand: ['deRandomize', true],
    nodrand: ['deRandomize', false],
    onoff: ['onOff', true],
    dre: ['departureRate', true],
    ts: ['departureRate', false],
  };
  const one = (word: string): boolean => {
    const found = Object.hasOwn(switches, word) ? switches[word] : undefined;
    if (found) pie[found[0]] = found[1];
    else if (word === 'target') pie.target = time(words, 'target', 1, longest);
    else if (word === 'tupdate') pie.tupdate = time(words, 'tupdate', 1, longest);
    else if (word === 'max_burst') pie.maxBurst = time(words, 'max_burst', 0, longest);
    else if (word === 'alpha') pie.alpha = fraction(words, 'alpha', 7);
    else if (word === 'beta') pie.beta = fraction(words, 'beta', 7);
    else if (word === 'max_ecnth') pie.maxEcnThreshold = fraction(words, 'max_ecnth', 1);
    else return false;
    return true;
  };
  const names = `target, tupdate, alpha, beta, max_burst, max_ecnth, ${Object.keys(switches).join(', ')}`;
  untilEnd(words, 'pie', names, one, own);
  const defaults = own === NOTHING ? PIE_DEFAULT : FQ_PIE_DEFAULT;
  return { kind: 'pie', pie: { ...defaults, ...pie }, given: pie };
}
