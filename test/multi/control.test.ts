// SPDX-License-Identifier: BSD-2-Clause
// control.test.ts: ipfw and running programs: what is left of a program's socket however it ends, files that have no
// end, a program that is stopped.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Program, until, World } from './programs.js';

const test = suite('control sockets of programs');
let world: World;

test.before.each(() => {
  world = new World();
});
test.after.each(() => world.end());

const sockets = (): string[] =>
  existsSync(`${world.dir}.control`)
    ? readdirSync(`${world.dir}.control`).filter((name) => /\.sock$/.test(name))
    : [];

async function emulate(...args: string[]): Promise<Program> {
  const program = world.start('emulate', ['-i', 'vale0:e', '-i', 'vale1:e', '--delay', '1ms', ...args]);
  await Promise.race([
    program.ended.then(({ stderr }) => assert.unreachable(stderr)),
    until(() => sockets().some((name) => name.includes(`-${program.child.pid}`)), 'its socket'),
  ]);
  await world.ports('vale0:e', 'vale1:e');
  return program;
}

test('killed: the next program that starts clears the socket away', async () => {
  const first = await emulate();
  await first.signal('SIGKILL');
  assert.is(sockets().length, 1);
  const second = world.start('pkt-gen', [
    '-i',
    'vale0:g',
    '-f',
    'rx',
    '--rule',
    'add allow ip from any to any',
  ]);
  await world.ports('vale0:g');
  await until(() => sockets().length === 1 && sockets()[0]!.startsWith('pkt-gen'), 'only the new socket');
  await second.signal('SIGKILL');
  const third = await emulate();
  assert.is(sockets().length, 1);
  await third.signal('SIGINT');
  assert.not.ok(existsSync(`${world.dir}.control`), 'the folder goes with the last one');
});

test('ended by a reader that went away: nothing is left', async () => {
  const program = await emulate('--json', '-T', '20');
  program.child.stdout!.destroy();
  const { status } = await program.ended;
  assert.is(status, 0);
  assert.equal(sockets(), []);
  assert.not.ok(existsSync(`${world.dir}.control`));
});

test('files without an end are refused in one line, at the start and by ipfw; the program goes on', async () => {
  const fifo = path.join(world.base, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const program = await emulate();
  for (const file of [fifo, '/dev/zero']) {
    const refused = await world.run('ipfw', ['pipe', '1', 'config', 'profile', file]);
    assert.is(refused.status, 69);
    assert.match(refused.stderr, /^ipfw: [^\n]*cannot read \S+: not a regular file\n$/);
    const rules = path.join(world.base, 'rules');
    writeFileSync(rules, `pipe 1 config trace ${file}\n`);
    const start = await world.run('emulate', ['-i', 'vale2:e', '-i', 'vale3:e', '--rules', rules]);
    assert.is(start.status, 69);
    assert.match(start.stderr, /^emulate: [^\n]*rules:1:\d+: cannot read \S+: not a regular file\n$/);
  }
  const { stdout } = await world.run('ipfw', ['pipe', 'show']);
  assert.match(stdout, /^00001:/m);
  assert.is((await program.signal('SIGINT')).status, 0);
});

test('a program that is stopped: ipfw says so, and does not wait', async () => {
  const program = await emulate();
  program.child.kill('SIGSTOP');
  const refused = await world.run('ipfw', ['list']);
  assert.match(refused.stderr, new RegExp(`^ipfw: no answer: process ${program.child.pid} is stopped`));
  assert.is(refused.status, 69);
  program.child.kill('SIGCONT');
  const { stdout } = await world.run('ipfw', ['list']);
  assert.match(stdout, /65535/);
  await program.signal('SIGINT');
});

test.run();
