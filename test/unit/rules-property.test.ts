// SPDX-License-Identifier: BSD-2-Clause
// rules-property.test.ts: random rules printed and read again are the same rule and the same program.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Rule } from '../../src/rules/ast.js';
import { compileRule } from '../../src/rules/compiler/rule.js';
import { References } from '../../src/rules/compiler/writer.js';
import { bareContext } from '../../src/rules/context.js';
import { orderedBlocks } from '../../src/rules/layout.js';
import { lexLine } from '../../src/rules/lexer.js';
import { parseCommand } from '../../src/rules/parse-command.js';
import { printAdd } from '../../src/rules/print-rule.js';
import { anyRule, checkState } from './rules-arbitrary.js';
import './seed.js';

const parse = (text: string): Rule => {
  const command = parseCommand(lexLine(text), bareContext)?.command;
  if (command?.kind !== 'add') throw new Error(`not a rule: ${text}`);
  return command.rule;
};

const tables = ['a', 'T1', '7', 'x-y_z.9', 'lookup'];
const code = (rule: Rule): number[] => {
  const references = new References((name) => tables.indexOf(name));
  const { words, testWords } = compileRule(rule, references);
  return [testWords, ...words];
};

/** What survives printing: tests in the order they are listed. */
const settled = (rule: Rule): Rule => ({ ...rule, body: orderedBlocks(rule) });

const check = (rule: Rule): void => {
  const text = printAdd(rule);
  const again = parse(text);
  assert.is(printAdd(again), text);
  assert.equal(again, settled(rule), text);
  assert.equal(code(again), code(rule), text);
};

test('a rule printed and read is the same tree and the same program', () => {
  fc.assert(fc.property(anyRule, check), { numRuns: 3000 });
});

test('check-state too', () => {
  fc.assert(fc.property(checkState, check));
});

test('-c leaves out "from any to any" and nothing else', () => {
  fc.assert(
    fc.property(anyRule, (rule) => {
      const [full, compact] = [printAdd(rule), printAdd(rule, { compact: true })];
      if (compact !== full) assert.is(compact, full.replace(' from any to any', ''));
    }),
    { numRuns: 1000 },
  );
});

test('-N changes the text, not the program', () => {
  fc.assert(
    fc.property(anyRule, (rule) => {
      const text = printAdd(rule, { names: true });
      assert.equal(code(parse(text)), code(rule), text);
    }),
    { numRuns: 1000 },
  );
});

test('the order of look-ups, on which tablearg depends, is kept', () => {
  const order = (text: string): string[] =>
    orderedBlocks(parse(text)).flatMap((block) =>
      block.flatMap(({ test: each }) => ('table' in each ? [each.table.name] : [])),
    );
  assert.equal(order('add allow ip from any to table(b) src-ip table(a)'), ['b', 'a']);
  assert.equal(order('add allow ip from table(a) to table(b)'), ['a', 'b']);
  assert.equal(order('add allow ip from any to any dst-ip table(a) lookup src-port c'), ['a', 'c']);
  assert.equal(order('add allow ip from any to any lookup src-port c dst-ip table(a)'), ['c', 'a']);
});

test.run();
