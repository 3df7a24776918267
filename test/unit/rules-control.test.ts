// SPDX-License-Identifier: BSD-2-Clause
// rules-control.test.ts: the control socket and the program ipfw: several clients, nonsense, death of a client, exit codes.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ControlServer } from '../../src/rules/control.js';
import { connectControl, request, requestOnce } from '../../src/rules/control-client.js';
import { EXIT } from '../../src/rules/error.js';
import { controller, folder, open, server } from './control-fixture.js';

const test = suite('control');

test.before.each(open);
test.after.each(() => server.close());

const args = (...words: string[]) => ({ args: words, folder });
const listing = () => controller.runText('list', 'x');

test('the socket is for this user alone, in a folder for this user alone', () => {
  assert.is(statSync(server.path).mode & 0o777, 0o600);
  assert.is(statSync(path.dirname(server.path)).mode & 0o777, 0o700);
});

test('commands, listings and errors go through it', async () => {
  assert.equal(await requestOnce(server.path, args('add', 'allow', 'ip', 'from', 'any', 'to', 'any')), {
    output: '00100 allow ip from any to any\n',
    warnings: [],
    exit: EXIT.ok,
  });
  const bad = await requestOnce(undefined, args('add', 'alow', 'ip', 'from', 'any', 'to', 'any'));
  assert.is(bad.exit, EXIT.data);
  assert.is(bad.error, 'command line:1:5: unknown action "alow": expected "allow"');
  const old = await requestOnce(undefined, { text: 'lis\n', file: 'f', folder });
  assert.match(old.warnings[0]!, /DEPRECATED/);
  assert.match(old.output, /^00100 allow/);
});

test('a file is applied whole or not at all', async () => {
  const reply = await requestOnce(server.path, {
    text: 'add 1 allow ip from any to any\nadd 2 deny\n',
    file: 'site.rules',
    folder,
  });
  assert.is(reply.error, 'site.rules:2:11: the command ends here: expected a protocol or an option');
  assert.is(listing(), '65535 allow ip from any to any\n');
});

test('clients take turns; the requests of one are answered in order', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, () => connectControl(server.path)));
  const all = clients.flatMap((client, who) =>
    [1].map(async () => {
      for (let i = 0; i < 25; i++) {
        const reply = await request(client, {
          text: `add ${who * 1000 + i + 1} count ip from any to any\nadd ${who * 1000 + i + 1} allow ip from any to any in`,
          file: 'x',
          folder,
        });
        assert.is(reply.exit, 0);
      }
    }),
  );
  await Promise.all(all);
  for (const client of clients) client.destroy();
  assert.is(listing().split('\n').length, 8 * 25 * 2 + 2);
});

test('half a request, nonsense and a sudden end change nothing', async () => {
  const before = listing();
  const say = (text: string, answer: boolean): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(server.path, () => {
        socket.write(text);
        if (!answer) setTimeout(() => socket.destroy(), 20);
      });
      socket.on('data', (piece) => {
        resolve(piece.toString());
        socket.destroy();
      });
      socket.on('close', () => resolve(''));
    });
  assert.is(await say('{"args":["add","1","deny","ip"', false), '');
  for (const text of [
    'nonsense',
    '[]',
    '1',
    'null',
    '{}',
    '{"args":"x","folder":"/"}',
    '{"args":[],"text":"","folder":"/"}',
    '{"text":1,"folder":"/"}',
    '{"text":"","folder":"a"}',
    '{"text":"","folder":"/","flags":null}',
    '"\u0000"',
    '{"args":[1],"folder":"/"}',
  ])
    assert.match(await say(`${text}\n`, true), /"error":"bad request/, text);
  assert.is(listing(), before);
  assert.is((await requestOnce(server.path, args('list'))).exit, 0, 'it still answers');
});

test('two requests in one write, one request in many', async () => {
  const line = (text: string): string => `${JSON.stringify({ text, file: 'f', folder })}\n`;
  const replies = await new Promise<string>((resolve) => {
    const got: string[] = [];
    const socket = connect(server.path, () => {
      const all = line('add 5 allow ip from any to any') + line('list');
      socket.write(all.slice(0, 3));
      setTimeout(() => socket.write(all.slice(3)), 10);
    });
    socket.on('data', (piece) => {
      got.push(piece.toString());
      if (got.join('').split('\n').length === 3) {
        socket.destroy();
        resolve(got.join(''));
      }
    });
  });
  assert.match(replies, /"00005 allow ip from any to any\\n".*\n.*65535 allow/);
});

test('two servers of one process have names of their own, and so have equal process numbers', async () => {
  const second = await ControlServer.open(controller, { program: 'test' });
  assert.not.equal(second.path, server.path);
  await second.close();
  assert.ok(existsSync(server.path));
  // The namespace's number is in the name, but for the one that the machine begins with.
  const space = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  const name = path.basename(server.path);
  assert.is(name, space === '4026531836' ? `test-${process.pid}.sock` : `test-${process.pid}.${space}.sock`);
});

test('a folder that is not there is said to be that', async () => {
  const file = path.join(folder, 'nowhere', 's');
  await ControlServer.open(controller, { program: 'test', path: file }).then(
    () => assert.unreachable(),
    (error) => {
      assert.is(
        error.message,
        `cannot listen on ${file}: ENOENT: no folder ${path.dirname(file)}: expected the path of a socket in a folder that is there`,
      );
      assert.is(error.exit, 71);
    },
  );
});

test('a taken path is refused, a dead one is reused, sockets of the dead are swept', async () => {
  try {
    await ControlServer.open(controller, { program: 'x', path: server.path });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /used by another program/);
  }
  const dead = path.join(path.dirname(server.path), 'dead.sock');
  const script = `const s=require('net').createServer().listen(${JSON.stringify(dead)},()=>process.kill(process.pid,'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(existsSync(dead));
  const reply = await requestOnce(undefined, args('list'));
  assert.is(reply.exit, 0);
  assert.not.ok(existsSync(dead), 'swept');
  spawnSync(process.execPath, ['-e', script]);
  const second = await ControlServer.open(controller, { program: 'x', path: dead });
  try {
    await requestOnce(undefined, args('list'));
    assert.unreachable();
  } catch (error) {
    assert.match(
      (error as Error).message,
      /2 programs with rules or links are running: expected one of\n {2}--socket .*\n {2}--socket /,
    );
  }
  await second.close();
  assert.equal(readdirSync(path.dirname(server.path)), [path.basename(server.path)]);
});

test('the last program takes the folder with it', async () => {
  const control = path.dirname(server.path);
  await server.close();
  assert.not.ok(existsSync(control));
  try {
    await requestOnce(undefined, args('list'));
    assert.unreachable();
  } catch (error) {
    assert.match(
      (error as Error).message,
      /no program with rules or links is running: expected emulate \(a link, --bw /,
    );
  }
});

test('a folder open to others is refused', async () => {
  chmodSync(path.dirname(server.path), 0o755);
  try {
    await connectControl();
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /not safely yours/);
  } finally {
    chmodSync(path.dirname(server.path), 0o700);
  }
});

test('host names are looked up before anything is applied', async () => {
  const reply = await requestOnce(server.path, {
    text: 'add 1 allow ip from localhost to any\ntable t create\ntable t add localhost 5 127.0.0.2 localhost',
    file: 'f',
    folder,
  });
  assert.is(
    reply.output,
    '00001 allow ip from 127.0.0.1 to any\nadded: 127.0.0.1/32 5\nadded: 127.0.0.2/32 2130706433\n',
  );
  const unknown = await requestOnce(server.path, {
    text: 'add 2 allow ip from no.such.invalid to any',
    file: 'f',
    folder,
  });
  assert.is(unknown.exit, EXIT.noHost);
});

test('files named in commands are relative to the folder of the rules', async () => {
  writeFileSync(path.join(folder, 'x.profile'), 'name x\nsamples 10\nloss-level 1\nprob delay\n0 5\n1 5\n');
  const reply = await requestOnce(server.path, {
    text: 'pipe 1 config profile x.profile bw 1Mbit/s delay 0',
    file: 'f',
    folder,
  });
  assert.is(reply.error, undefined);
  assert.match(
    (await requestOnce(server.path, args('pipe', 'show'))).output,
    /profile: name "x" loss 1\.000000 samples 10/,
  );
});

test('kill -9 of ipfw in the middle of a request changes nothing', async () => {
  const before = listing();
  const script = `
    const socket = require('net').connect(${JSON.stringify(server.path)}, () => {
      socket.write('{"text":"add 1 deny ip from any to any\\\\nadd', () => process.kill(process.pid, 'SIGKILL'));
    });`;
  assert.is(spawnSync(process.execPath, ['-e', script], { timeout: 100_000 }).signal, 'SIGKILL');
  await requestOnce(server.path, args('set', 'show'));
  assert.is(listing(), before);
});

test('a program that dies while it answers is an error, not a hang', async () => {
  const file = path.join(folder, 'mute.sock');
  const mute = createServer((socket) => socket.once('data', () => socket.destroy())).listen(file);
  await new Promise((resolve) => mute.once('listening', resolve));
  try {
    await requestOnce(file, args('list'));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /the program went away/);
  }
  mute.close();
});

test.run();
