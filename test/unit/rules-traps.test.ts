// SPDX-License-Identifier: BSD-2-Clause
// rules-traps.test.ts: what ipfw does without a word and here is told in a line: packets sent to what is not there, and
// parameters that a new configuration resets.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { openRules } from '../../src/rules/open.js';
import { execute } from '../../src/rules/session.js';

const test = suite('traps');

function begin(lenient = false): (text: string) => Promise<string[]> {
  const controller = new Controller({ context: bareContext, lenient });
  return async (text) => {
    const { warnings, error, exit } = await execute(controller, { text, file: 'f', folder: '.' });
    assert.equal([error, exit], [undefined, 0], text);
    return warnings;
  };
}

test('rules that send packets to what is not there: told once, and again when it goes', async () => {
  const run = begin();
  assert.equal(await run('add 50 pipe 9 ip from any to any'), [
    'there is no pipe 9: rule 50 sends packets there, and they are dropped',
  ]);
  assert.equal(await run('add 60 allow ip from any to any'), []);
  assert.equal(await run('pipe 9 config bw 1Mbit/s'), []);
  assert.equal(await run('add 70 pipe 9 ip from any to any in'), []);
  assert.equal(await run('pipe 9 delete'), [
    'there is no pipe 9: rules 50, 70 send packets there, and they are dropped',
  ]);
  assert.equal(await run('flush\nadd 1 queue 3 ip from any to any\nadd 2 nat 4 ip from any to any'), [
    'there is no queue 3: rule 1 sends packets there, and they are dropped',
    'there is no nat 4: rule 2 sends packets there, and they are dropped',
  ]);
  assert.equal(await run('queue 3 config pipe 7'), [
    'there is no pipe or sched 7: queue 3 belongs to it, and its packets are dropped',
  ]);
  assert.equal(await run('sched 7 config type rr\nnat 4 config ip 10.0.0.1'), []);
  assert.equal(await run('-q -f flush'), []);
});

test('a file is judged as a whole, and one that is only checked may rely on what is there already', async () => {
  assert.equal(await begin()('add 1 pipe 2 ip from any to any\npipe 2 config delay 5'), []);
  assert.equal(await begin(true)('add 1 pipe 2 ip from any to any'), []);
  assert.equal(await begin()('add 1 pipe tablearg ip from any to table(1)\nadd 2 nat global'), []);
});

test('many rules with the same target are one line', async () => {
  const text = Array.from({ length: 9 }, (_, i) => `add ${i + 1} pipe 9 udp from any to any ${i}`).join('\n');
  assert.equal(await begin()(text), [
    'there is no pipe 9: rules 1, 2, 3, 4, 5 and 4 more send packets there, and they are dropped',
  ]);
});

test('several rules given to a program are judged together', async () => {
  const warnings: string[] = [];
  const rules = [
    'add 1 pipe 1 ip from any to any',
    'add 2 pipe 2 ip from any to any',
    'pipe 1 config bw 1Mbit/s',
  ];
  const opened = await openRules({
    program: 'test',
    socket: false,
    rules,
    warn: (text) => warnings.push(text),
  });
  await opened.close();
  assert.equal(warnings, ['there is no pipe 2: rule 2 sends packets there, and they are dropped']);
});

test('what a configuration does not name begins anew, and that is told', async () => {
  const run = begin();
  assert.equal(
    await run('pipe 1 config bw 10Mbit/s delay 20ms queue 500KB mask all jitter 3ms plr 0.5 codel'),
    [],
  );
  assert.equal(await run('pipe 1 config bw 2Mbit/s'), [
    'f:1:1: pipe 1 config begins anew with what it does not name: delay was 20 ms, is 0; queue was 512000 bytes, is 50 slots; plr was 0.5, is none; codel is droptail; mask is gone; jitter is gone',
  ]);
  assert.equal(await run('pipe 1 config bw 3Mbit/s'), []);
  assert.equal(await run('pipe 1 config delay 3'), [
    'f:1:1: pipe 1 config begins anew with what it does not name: bw was 3 Mbit/s, is unlimited',
  ]);
  assert.equal(await run('queue 5 config pipe 1 weight 7 queue 20ms'), []);
  assert.equal(await run('queue 5 config queue 30ms'), [], 'the weight is kept, as in ipfw');
  assert.equal(await run('queue 5 config weight 3'), [
    'f:1:1: queue 5 config begins anew with what it does not name: queue was 30 ms, is 50 slots',
  ]);
});

test('showing what is not there', async () => {
  const run = begin();
  assert.equal(await run('pipe 7 show'), ['f:1:1: there is no pipe 7']);
  assert.equal(await run('queue 7 8 show\nsched 7 show'), [
    'f:1:1: there is no queue 7',
    'f:1:1: there is no queue 8',
    'f:2:1: there is no sched 7',
  ]);
  assert.equal(
    await run('pipe 7 config bw 1Mbit/s\npipe 7 show\nsched 7 show\npipe 1-9 show\npipe show'),
    [],
  );
});

test.run();
