// SPDX-License-Identifier: BSD-2-Clause
// control-folder.test.ts: what becomes of sockets: the dead are cleared away by whoever starts next or meets them, and
// nothing else is: no other file, nobody else's socket, nothing behind a link.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ControlServer } from '../../src/rules/control.js';
import { requestOnce } from '../../src/rules/control-client.js';
import { controller, folder, open, server } from './control-fixture.js';

const test = suite('control folder');
const control = path.join(folder, 'world.control');
const list = { args: ['list'], folder };

test.before.each(open);
test.after.each(async () => {
  await server.close();
  rmSync(control, { recursive: true, force: true });
});

/** A socket whose program was killed. */
function deadSocket(name: string): string {
  const file = path.join(control, name);
  mkdirSync(control, { recursive: true, mode: 0o700 });
  const script = `require('net').createServer().listen(${JSON.stringify(file)},()=>process.kill(process.pid,'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(lstatSync(file).isSocket());
  return file;
}

const second = (file?: string): Promise<ControlServer> =>
  ControlServer.open(controller, { program: 'second', ...(file !== undefined && { path: file }) });

async function refused(work: Promise<unknown>, expected: RegExp): Promise<void> {
  const failure = await work.then(
    () => undefined,
    (error: Error) => error.message,
  );
  assert.match(failure ?? 'it was not refused', expected);
}

test('a program that starts clears away what the dead left', async () => {
  const dead = deadSocket('dead-1.sock');
  const other = await second();
  assert.not.ok(existsSync(dead));
  assert.equal(
    readdirSync(control).sort(),
    [server.path, other.path].map((file) => path.basename(file)).sort(),
  );
  await other.close();
});

test('what is no socket is left alone, by programs and by ipfw', async () => {
  const text = path.join(control, 'notes.sock');
  writeFileSync(text, 'keep me');
  mkdirSync(path.join(control, 'folder.sock'));
  const other = await second();
  await other.close();
  assert.is((await requestOnce(undefined, list)).exit, 0);
  assert.is(readFileSync(text, 'utf8'), 'keep me');
  assert.ok(existsSync(path.join(control, 'folder.sock')));
  await refused(second(text), /notes\.sock is there and is no socket of yours/);
  assert.is(readFileSync(text, 'utf8'), 'keep me');
});

test('nothing behind a link is touched: neither a link in the folder nor a folder that is one', async () => {
  const dead = deadSocket('dead-2.sock');
  const elsewhere = path.join(folder, 'elsewhere');
  mkdirSync(elsewhere, { mode: 0o700 });
  const kept = path.join(elsewhere, 'dead.sock');
  renameSync(dead, kept);
  writeFileSync(path.join(elsewhere, 'text.sock'), 'keep me');
  symlinkSync(kept, path.join(control, 'link.sock'));
  assert.is((await requestOnce(undefined, list)).exit, 0);
  await (await second()).close();
  assert.ok(lstatSync(path.join(control, 'link.sock')).isSymbolicLink());
  await refused(second(path.join(control, 'link.sock')), /is no socket of yours/);
  await server.close();
  rmSync(control, { recursive: true });
  symlinkSync(elsewhere, control);
  await refused(requestOnce(undefined, list), /a folder, not a link/);
  await refused(second(), /a folder, not a link/);
  assert.equal(readdirSync(elsewhere).sort(), ['dead.sock', 'text.sock']);
  unlinkSync(control);
  rmSync(elsewhere, { recursive: true });
});

test('a program takes only its own socket away', async () => {
  const file = path.join(folder, 'shared.sock');
  const first = await second(file);
  unlinkSync(file);
  const heir = await second(file);
  await first.close();
  assert.is((await requestOnce(file, list)).exit, 0, "the other's is still there");
  await heir.close();
  assert.not.ok(existsSync(file));
});

test('a program that starts while the last one ends has its folder', async () => {
  let last = server;
  for (let round = 0; round < 30; round++) {
    const [next] = await Promise.all([
      ControlServer.open(controller, { program: `p${round}` }),
      last.close(),
    ]);
    assert.is((await requestOnce(next.path, list)).exit, 0);
    last = next;
  }
  await last.close();
  assert.not.ok(existsSync(control));
});

test('a folder that is not there is named', () =>
  refused(second(path.join(folder, 'none', 'x.sock')), /cannot listen on .*x\.sock: ENOENT: no folder /));

test('a path as long as the kernel takes; one longer is refused', async () => {
  const long = path.join(folder, 'd'.repeat(105 - folder.length));
  mkdirSync(long);
  const file = path.join(long, 's');
  assert.is(file.length, 107 + 1);
  await refused(second(file), /socket path too long/);
  const fits = path.join(folder, 'd'.repeat(104 - folder.length));
  mkdirSync(fits);
  const other = await second(path.join(fits, 's'));
  assert.is((await requestOnce(other.path, list)).exit, 0);
  await other.close();
  assert.equal(readdirSync(fits), []);
});

test.run();
