// SPDX-License-Identifier: BSD-2-Clause
// freebsd-files.test.ts: rule files as they are written for FreeBSD (test/golden/freebsd) load, into the engine too,
// and are listed as its ipfw lists them.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Emulator } from '../../src/emulation/emulator.js';
import type { Flags } from '../../src/rules/command.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { NativeEngine } from '../../src/rules/native-engine.js';
import { execute, type Reply } from '../../src/rules/session.js';

const test = suite('files written for FreeBSD');
const folder = 'test/golden/freebsd';

/** A rule set in an engine with links, and what became of commands and files given to it. */
function begin(): {
  load(file: string, flags?: Partial<Flags>): Promise<Reply>;
  run(command: string): Promise<Reply>;
  close(): void;
} {
  const links = new Emulator({ seed: 1n });
  const engine = new NativeEngine({ seed: 1n, dummynet: links });
  const controller = new Controller({ context: bareContext, engine });
  return {
    load: (file, flags = {}) =>
      execute(controller, { text: readFileSync(`${folder}/${file}`, 'utf8'), file, folder, flags }),
    run: (command) => execute(controller, { args: [command], folder }),
    close: () => {
      engine.close();
      links.close();
    },
  };
}

/** The rules of a file as they are listed, without the default rule. */
async function listed(file: string): Promise<string[]> {
  const { load, run, close } = begin();
  try {
    const reply = await load(file);
    assert.is(reply.error, undefined);
    assert.is(reply.exit, 0);
    return (await run('list')).output.trimEnd().split('\n').slice(0, -1);
  } finally {
    close();
  }
}

test('a table that is not there is flushed and destroyed with a warning, so that a set-up can be run again', async () => {
  const { load, run, close } = begin();
  const gone = (what: string, line: number): string =>
    `table-gone.rules:${line}:1: failed to ${what} table 1: there is no such table`;
  const first = await load('table-gone.rules');
  assert.equal(first.warnings, [gone('flush', 2), gone('destroy', 3)]);
  assert.is(first.exit, 0);
  assert.match((await run('table 1 list')).output, /10\.0\.0\.0\/8 0/);
  const used = await load('table-gone.rules');
  assert.is(used.exit, 71, 'a rule names the table now');
  assert.is((await run('flush')).exit, 0);
  assert.is((await load('table-gone.rules')).exit, 0);
  assert.equal((await run('-q table nothing destroy')).warnings, []);
  assert.equal((await run('table nothing flush')).warnings, [
    'failed to flush table nothing: there is no such table',
  ]);
  assert.equal((await load('table-gone.rules', { quiet: true })).exit, 71);
  for (const command of [
    'lock',
    'unlock',
    'list',
    'modify limit 3',
    'swap 1',
    'lookup 10.0.0.1',
    'delete 10.0.0.1',
  ])
    assert.is((await run(`table nothing ${command}`)).exit, 71, command);
  close();
});

test('forms of rules that the manual of 2014 does not have', async () => {
  assert.equal(await listed('fwd-forms.rules'), [
    '00100 fwd tablearg,3128 tcp from any to table(proxies) 80',
    '00200 fwd 2001:db8::9,3128 tcp from 2001:db8::/32 to any 80',
  ]);
  assert.equal(await listed('check-state.rules'), [
    '00100 prob 0.500000 check-state :default',
    '00200 check-state :x log',
  ]);
  assert.equal(await listed('jump-65535.rules'), [
    '00100 skipto 65535 ip from any to any in',
    '00110 call 65535 ip from any to any',
  ]);
  assert.equal(await listed('logdst.rules'), [
    '00100 deny log logdst bpf ip from any to any',
    '00200 deny log logamount 10 logdst syslog,bpf ip from any to any',
  ]);
  assert.is((await listed('long-lists.rules')).join('\n').split(',').length, 31 + 62 - 1);
});

test('a value behind a table of interfaces is ignored as by ipfw, and that is said', async () => {
  const { load, run, close } = begin();
  const { warnings, exit } = await load('iface-value.rules');
  assert.is(exit, 0);
  assert.equal(warnings, ['recv table(I,5): the value is ignored, as by ipfw']);
  assert.match((await run('list 100')).output, /^00100 deny ip from any to any recv table\(I\)\n$/);
  close();
});

test('an algorithm and its masks are one argument', async () => {
  const { run, close } = begin();
  assert.is((await run('table A create type addr algo "addr:hash masks=/24,/64"')).exit, 0);
  assert.is((await run('table B create algo addr:hash masks=/24,/64 limit 5')).exit, 0);
  assert.is((await run('table A swap B')).exit, 0);
  close();
});

test.run();
