// SPDX-License-Identifier: BSD-2-Clause
// rules-errors.test.ts: what is refused says where and what was expected (test/golden/rules/errors.txt); nothing but a RuleError is ever thrown.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bareContext } from '../../src/rules/context.js';
import { EXIT, RuleError } from '../../src/rules/error.js';
import { lexFile, lexLine } from '../../src/rules/lexer.js';
import { ACTIONS } from '../../src/rules/parse-action.js';
import { parseCommand } from '../../src/rules/parse-command.js';
import { OPTIONS } from '../../src/rules/parse-options.js';
import './seed.js';

function refusal(text: string): RuleError | undefined {
  try {
    parseCommand(lexLine(text), bareContext);
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
  return undefined;
}

const golden = readFileSync('test/golden/rules/errors.txt', 'utf8')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'));

for (const line of golden) {
  const [command, expected] = line.split(' => ') as [string, string];
  test(command, () => {
    const error = refusal(command);
    assert.ok(error, 'it was accepted');
    const got = error.message.replace('command line:1:', '');
    assert.ok(got.startsWith(expected.trimEnd()), `${got}\n  should begin with ${expected}`);
    assert.ok(error.message.length < 1200 && !error.message.includes('\n'), 'one line');
  });
}

test('errors name the file and the line, also behind joined words', () => {
  const lines = [
    ...lexFile('# a file\n\nadd allow ip from 1.2.3.4,  5.6.7.8, 9.9.9.999 to any\n', 'site.rules'),
  ];
  assert.is(lines.length, 1);
  try {
    parseCommand(lines[0]!, bareContext);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /^site\.rules:3:19: bad address "9\.9\.9\.999": expected /);
  }
});

test('exit codes are those of sysexits', () => {
  assert.is(refusal('frob')!.exit, EXIT.usage);
  assert.is(refusal('add allow ip from 10.0.0.300 to any')!.exit, EXIT.data);
  assert.is(refusal('add allow ip from nobody.example to any')!.exit, EXIT.noHost);
});

const words = [
  ...Object.keys(OPTIONS),
  ...ACTIONS,
  'add',
  'table',
  'set',
  'nat',
  'pipe',
  'queue',
  'sched',
  'config',
  'create',
  'type',
  'from',
  'to',
  'any',
  'me',
  'not',
  'or',
  '{',
  '}',
  '(',
  ')',
  '!',
  'tcp',
  'ip',
  'udp',
  '1',
  '65535',
  '10.0.0.0/8',
  '1.2.3.4{1,2',
  'table(x)',
  'table(',
  '::1',
  ',',
  '-',
  '//',
  'keep-state',
  'limit',
  'src-addr',
  ':x',
  'tablearg',
  'log',
  'tag',
  'mask',
  '0xff',
  '-q',
  '-n',
  'em*',
  '1-',
  '-1',
  'bw',
  '1Mbit/s',
  'red',
  'codel',
  'redirect_port',
  'delete',
  'show',
  'constructor',
  '__proto__',
  'toString',
  '\\',
  'á',
  '\u0000',
];

test('any sequence of words is parsed or refused, never worse', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 12 }), (sequence) => {
      refusal(sequence.join(' '));
      refusal(`add ${sequence.join(' ')}`);
      refusal(`add allow ip from any to any ${sequence.join(' ')}`);
    }),
    { numRuns: 4000 },
  );
});

test('any text is parsed or refused, never worse', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      refusal(text);
      refusal(`add ${text}`);
      refusal(`table t ${text}`);
      refusal(`pipe 1 config ${text}`);
      refusal(`nat 1 config ${text}`);
    }),
    { numRuns: 3000 },
  );
});

test.run();
