// SPDX-License-Identifier: BSD-2-Clause
// rules-listing.test.ts: what each command is listed as (test/golden/rules/listing.txt), and that the listing read again is the same rule.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Rule } from '../../src/rules/ast.js';
import { bareContext, type ParseContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { lexLine } from '../../src/rules/lexer.js';
import { parseCommand } from '../../src/rules/parse-command.js';
import { printAdd, printRuleBody } from '../../src/rules/print-rule.js';

const context: ParseContext = bareContext;

const parse = (text: string): Rule => {
  const command = parseCommand(lexLine(text), context)!.command;
  if (command.kind !== 'add') throw new Error(`not a rule: ${text}`);
  return command.rule;
};

const golden = readFileSync('test/golden/rules/listing.txt', 'utf8')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'))
  .map((line) => line.split(' => ') as [string, string]);

for (const [command, listing] of golden) {
  test(command, () => {
    const rule = parse(command);
    assert.is(printRuleBody(rule), listing);
    const again = parse(printAdd(rule));
    assert.is(printRuleBody(again), listing);
    assert.equal(again, parse(printAdd(again)));
    const program = (text: string): Uint8Array => {
      const controller = new Controller({ context });
      controller.runText(text, 'test');
      return controller.program();
    };
    assert.equal(program(command.replace(/^100 add/, 'add 100')), program(printAdd(rule)));
  });
}

test('there are rules to test', () => assert.ok(golden.length > 130));

const body = (text: string, options: object): string => printRuleBody(parse(text), options);

test('-c leaves out what says nothing', () => {
  assert.is(body('add allow ip from any to any in', { compact: true }), 'allow ip in');
  assert.is(body('add allow tcp from any to any', { compact: true }), 'allow tcp');
  assert.is(body('add allow ip from any to any', { compact: true }), 'allow ip');
  assert.is(
    body('add allow { tcp or udp } from any to any out', { compact: true }),
    'allow { tcp or udp } out',
  );
  assert.is(body('add allow tcp from any to any 80', { compact: true }), 'allow tcp from any to any 80');
  assert.is(body('add allow src-port 80', { compact: true }), 'allow src-port 80');
  assert.is(body('add allow ip from any to any // why', { compact: true }), 'allow ip // why');
  assert.is(body('add allow ip from me to any in', { compact: true }), 'allow ip from me to any in');
  assert.is(body('add return via any', { compact: true }), 'return');
});

test('-b shows action and comment', () => {
  assert.is(body('add allow log ip from any to any // why', { actionOnly: true }), 'allow log // why');
  assert.is(body('add allow ip from any to any', { actionOnly: true }), 'allow // ...');
});

test('-N shows names of ports and Ethernet types', () => {
  assert.is(
    body('add allow tcp from any 22 to any 20-21,80', { names: true }),
    'allow tcp from any ssh to any ftp\\-data-ftp,http',
  );
  assert.is(body('add allow mac-type 0x0806,0x1234', { names: true }), 'allow mac-type arp,0x1234');
  const named = printAdd(parse('add allow tcp from any to any 20-21'), { names: true });
  assert.is(printRuleBody(parse(named)), 'allow tcp from any to any 20-21');
});

test.run();
