// SPDX-License-Identifier: BSD-2-Clause
// Link profile files: name, bw, loss-level, samples and the points of a cumulative delay curve, made into samples.
import { DUMMYNET_LIMITS, type LinkProfile } from './dummynet.js';
import { type Place, RuleError } from './error.js';
import { parseBandwidth } from './units.js';

/** Milliseconds. */
const MAX_DELAY = 1_000_000;

interface Point {
  prob: number;
  delay: number;
}

/** Linear between neighbouring points; a vertical piece repeats its delay (as dummynet interpolates). */
function interpolate(points: Point[], samples: number): number[] {
  const out = new Array<number>(samples).fill(0);
  for (let i = 0; i + 1 < points.length; i++) {
    const [y1, y2] = [points[i]!.prob * samples, points[i + 1]!.prob * samples];
    const [x1, x2] = [points[i]!.delay, points[i + 1]!.delay];
    const slope = (y2 - y1) / (x2 - x1);
    for (let at = Math.trunc(y1); at < Math.trunc(y2); at++)
      out[at] = x1 === x2 ? x1 : Math.trunc((at - (y1 - slope * x1)) / slope);
  }
  return out;
}

/** Errors without a place get this one. */
function located<T>(place: Place, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof RuleError ? error.at(place) : error;
  }
}

/** Read a profile. Errors name the file and the line. */
export function parseProfile(text: string, file: string): LinkProfile {
  let samples: number | undefined;
  let loss: number | undefined;
  let name = '';
  let bandwidth: number | undefined;
  let order: 'delay' | 'prob' | undefined;
  const points: Point[] = [];
  const lines = text.split('\n');
  for (const [index, raw] of lines.entries()) {
    const place = { file, line: index + 1, column: raw.search(/\S/) + 1 };
    const fail = (problem: string, expected: string): never => {
      throw new RuleError(problem, { place, expected });
    };
    const words = raw.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    const [word, argument] = words;
    if (argument === undefined || words.length > 2) fail(`${words.length} words`, 'two words on a line');
    const number = /^\d*\.?\d+$|^\d+\.$/.test(argument!) ? Number(argument) : Number.NaN;
    const key = word!.toLowerCase();
    if (key === 'samples') {
      if (samples !== undefined) fail('a second "samples"', 'one');
      if (!Number.isInteger(number) || number < 2 || number > DUMMYNET_LIMITS.samples)
        fail(`bad number of samples "${argument}"`, `2..${DUMMYNET_LIMITS.samples}`);
      samples = number;
    } else if (key === 'loss-level') {
      if (loss !== undefined) fail('a second "loss-level"', 'one');
      if (!(number >= 0 && number <= 1)) fail(`bad loss-level "${argument}"`, 'a probability 0..1');
      loss = number;
    } else if (key === 'name') name = argument!;
    else if (key === 'bw') bandwidth = located(place, () => parseBandwidth(argument!));
    else if (key === 'delay' || key === 'prob') {
      if (order) fail(`a second "${order} ..." line`, 'points');
      if (argument !== (key === 'delay' ? 'prob' : 'delay'))
        fail(`"${word} ${argument}"`, '"delay prob" or "prob delay"');
      order = key;
    } else if (order) {
      const first = Number(word);
      if (Number.isNaN(first) || Number.isNaN(number) || first < 0)
        fail(`bad point "${word} ${argument}"`, `two numbers: ${order} first`);
      const point = order === 'delay' ? { delay: first, prob: number } : { prob: first, delay: number };
      if (!(point.prob <= 1)) fail(`probability ${point.prob}`, '0..1');
      if (!(point.delay <= MAX_DELAY)) fail(`delay ${point.delay}`, `at most ${MAX_DELAY} ms`);
      points.push(point);
    } else fail(`unknown word "${word}"`, 'name, bw, samples, loss-level, "delay prob" or "prob delay"');
  }
  if (points.length < 2)
    throw new RuleError(`${points.length} points`, {
      place: { file, line: lines.length, column: 1 },
      expected: 'at least 2',
    });
  points.sort((a, b) => a.prob - b.prob || a.delay - b.delay);
  const count = samples ?? 100;
  return {
    file,
    name,
    lossLevel: Math.trunc((loss ?? 1) * count),
    samplesMs: interpolate(points, count),
    ...(bandwidth !== undefined && { bandwidth }),
  };
}
