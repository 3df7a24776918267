// SPDX-License-Identifier: BSD-2-Clause
// rules-load.ts: "rules-load": the text of 10,000 rules through lexer, parser, compiler and index, each time into a new
// engine; the baseline is the same without the engine. Arguments and records as in bench.h.
import { parseArgs } from 'node:util';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { NativeEngine } from '../../src/rules/native-engine.js';
import { execute } from '../../src/rules/session.js';

const RULES = 10_000;

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, seconds: { type: 'string', default: '0.5' } },
});

let state = 12345;
/** A number below `sides`, from a linear congruential generator: the same rules in every run. */
function roll(sides: number): number {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor(((state >>> 8) / 2 ** 24) * sides);
}
const net = (): string => `${1 + roll(222)}.${roll(256)}.${roll(256)}.${roll(256)}/${12 + roll(21)}`;

/** Random prefixes, port ranges and protocols, as in rules_bench.c. */
function randomRules(): string {
  let text = '';
  for (let i = 0; i < RULES; i++) {
    const low = roll(65536);
    const [src, dst] = [roll(3) ? net() : 'any', roll(3) ? net() : 'any'];
    text += `add ${1 + i * 6} ${i % 2 ? 'allow' : 'deny'} ${roll(2) ? 'tcp' : 'udp'} from ${src} to ${dst} ${low}-${low + roll(65536 - low)}\n`;
  }
  return text;
}

/** Milliseconds from text to the running program. */
async function load(text: string, engine?: NativeEngine): Promise<number> {
  const controller = new Controller({ context: bareContext, ...(engine && { engine }) });
  const start = performance.now();
  const { error } = await execute(controller, { text, file: 'rules', folder: '/', flags: { quiet: true } });
  if (error) throw new Error(error);
  return performance.now() - start;
}

for (let i = 0; i < Number(values.runs); i++) {
  const text = randomRules();
  const engine = new NativeEngine();
  const value = await load(text, engine);
  engine.close();
  const baseline = await load(text);
  console.log(
    JSON.stringify({
      bench: 'rules-load',
      case: `${RULES} rules`,
      unit: 'ms',
      value,
      baseline,
      baseline_name: 'without the engine',
    }),
  );
}
