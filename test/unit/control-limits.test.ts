// SPDX-License-Identifier: BSD-2-Clause
// control-limits.test.ts: no client of a control socket can make the program wait, open a file, or keep more than the
// limits say, nor keep other clients from their answers.
import { spawn, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ControlServer } from '../../src/rules/control.js';
import { requestOnce } from '../../src/rules/control-client.js';
import type { Limits } from '../../src/rules/control-limits.js';
import { EXIT } from '../../src/rules/error.js';
import { readRuleFile } from '../../src/rules/read-file.js';
import { controller, folder, open, server } from './control-fixture.js';
import { until } from './relay-fixture.js';

const test = suite('control limits');
const sockets: Socket[] = [];
let strict: ControlServer | undefined;

test.before.each(open);
test.after.each(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await strict?.close();
  strict = undefined;
  await server.close();
});

const args = (...words: string[]) => ({ args: words, folder });
const list = args('list');

/** Another server with limits of its own. */
async function limited(limits: Partial<Limits>): Promise<string> {
  strict = await ControlServer.open(controller, {
    program: 'strict',
    path: path.join(folder, 'strict.sock'),
    limits,
  });
  return strict.path;
}

function connected(file: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(file, () => resolve(socket));
    socket.on('error', reject);
    sockets.push(socket);
  });
}

/** All that comes until the other side closes. */
const rest = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    const pieces: Buffer[] = [];
    socket.removeAllListeners('error').on('error', () => {});
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('close', () => resolve(Buffer.concat(pieces).toString()));
  });

const fifo = path.join(folder, 'fifo');
spawnSync('mkfifo', [fifo]);

/** A command that names a file, in each of the ways there are. */
const naming = (file: string): string[][] => [
  ['pipe', '1', 'config', 'profile', file],
  ['pipe', '1', 'config', 'trace', file],
  ['pipe', '1', 'config', 'delay', '1ms', 'jitter', '1ms', 'table', file],
  ['pipe', '1', 'config', 'loss', 'pattern', file],
];

test('a file that a command names is read by who names it, and only a regular one', async () => {
  for (const file of [fifo, '/dev/zero', '/dev/stdin', folder])
    for (const words of naming(file)) {
      const failure = await requestOnce(server.path, args(...words)).then(
        (reply) => `answered: ${JSON.stringify(reply)}`,
        (error: Error) => error.message,
      );
      assert.match(failure, /cannot read \S+: (not a regular file|EACCES|ENXIO)[^\n]*$/, words.join(' '));
    }
  const huge = path.join(folder, 'huge');
  writeFileSync(huge, Buffer.alloc(17 * 1024 * 1024, '1 '));
  const failure = await requestOnce(server.path, args(...naming(huge)[1]!)).catch((error) => error.message);
  assert.match(failure, /cannot read \S*huge: it is longer than 16 MiB/);
  rmSync(huge);
});

test('the program itself opens nothing and asks for no name, whatever a request says', async () => {
  for (const file of [fifo, '/dev/zero', '/etc/passwd'])
    for (const words of naming(file)) {
      const socket = await connected(server.path);
      socket.write(`${JSON.stringify(args(...words))}\n`);
      const reply = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
      assert.match(reply.toString(), /cannot read \S+: the request does not carry it/);
      socket.destroy();
    }
  const socket = await connected(server.path);
  socket.write(`${JSON.stringify(args('add', 'allow', 'ip', 'from', 'localhost', 'to', 'any'))}\n`);
  const reply = JSON.parse(String(await new Promise<Buffer>((resolve) => socket.once('data', resolve))));
  assert.is(reply.exit, EXIT.noHost);
  assert.is((await requestOnce(server.path, list)).exit, 0);
});

test('contents travel with the request', async () => {
  const file = path.join(folder, '__proto__');
  writeFileSync(file, '1 0 0 1\n');
  const reply = await requestOnce(server.path, {
    text: 'pipe 1 config loss pattern __proto__',
    file: 'f',
    folder,
  });
  assert.is(reply.error, undefined);
  rmSync(file);
  assert.match((await requestOnce(server.path, args('pipe', 'show'))).output, /pattern/);
});

test('idle connections make way for those who ask', async () => {
  const file = await limited({ clients: 8 });
  for (let i = 0; i < 30; i++) await connected(file).then((socket) => socket.on('error', () => {}));
  for (let i = 0; i < 20; i++) assert.is((await requestOnce(file, list)).exit, 0);
});

test('a request that does not come to its end is refused, and its client closed', async () => {
  const file = await limited({ requestMs: 50 });
  const slow = await connected(file);
  const end = rest(slow);
  slow.write('{"args":["list"],');
  assert.match(await end, /"error":"the request did not come to its end within 0\.05 s"/);
  const idle = await connected(file);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const answer = rest(idle);
  idle.write(`${JSON.stringify(list)}\n`);
  await until(() => idle.bytesRead > 0, 'an answer after a silence');
  idle.destroy();
  assert.match(await answer, /65535/);
});

test('of long requests one is taken at a time, the others wait; all are answered', async () => {
  const SIZE = 900_000;
  const file = await limited({ small: 16_384, request: 1 << 20, clients: 64 });
  const clients = await Promise.all(Array.from({ length: 12 }, () => connected(file)));
  const line = JSON.stringify({ args: ['list'], folder, files: { x: 'y'.repeat(SIZE) } });
  for (const client of clients) client.write(line); // all but the end
  await until(() => clients.some((client) => client.writableLength === 0), 'one is taken whole');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.is(clients.filter((client) => client.writableLength === 0).length, 1);
  assert.is((await requestOnce(file, list)).exit, 0, 'short ones do not wait');
  const answers = clients.map(
    (client) => new Promise<Buffer>((resolve) => client.once('data', (piece: Buffer) => resolve(piece))),
  );
  for (const client of clients) client.write('\n');
  for (const answer of await Promise.all(answers)) assert.match(answer.toString(), /65535/);
  const endless = await connected(file);
  const end = rest(endless);
  endless.write('x'.repeat(1_200_000));
  await end;
  assert.is((await requestOnce(file, list)).exit, 0);
});

test('who does not read its replies does not keep others from theirs', async () => {
  const lines = Array.from(
    { length: 3000 },
    (_, i) => `-q add ${i + 1} count tcp from any to 10.0.0.1 ${i + 1}`,
  );
  controller.runText(lines.join('\n'), 'x');
  const file = await limited({ replies: 1 << 18, replyMs: 50 });
  const deaf = await Promise.all(Array.from({ length: 20 }, () => connected(file)));
  for (const client of deaf) {
    client.pause();
    client.on('error', () => {});
    client.write(`${JSON.stringify(list)}\n`.repeat(20));
  }
  for (let i = 0; i < 5; i++) assert.is((await requestOnce(file, list)).exit, 0);
});

test('a request too long for any program is refused before it is sent', async () => {
  const text = '-q add count ip from any to any // x\n'.repeat(1_000_000);
  const failure = await requestOnce(
    server.path,
    { text, file: 'f', folder },
    {
      jobs: [],
      warnings: [],
      named: false,
      files: {},
    },
  ).catch((error) => error.message);
  assert.match(failure, /the request is longer than 16 MiB/);
});

test('a rule file may come through a pipe', async () => {
  const writer = spawn('sh', ['-c', `echo 'add 7 count ip from any to any' > ${fifo}`]);
  const closed = new Promise((resolve) => writer.once('close', resolve));
  assert.is(await readRuleFile(fifo), 'add 7 count ip from any to any\n');
  await closed;
});

test.run();
