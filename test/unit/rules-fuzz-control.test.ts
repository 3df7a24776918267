// SPDX-License-Identifier: BSD-2-Clause
// rules-fuzz-control.test.ts: the control socket under clients that send rubbish, halves, too much, or never read:
// the server goes on, its memory stays bounded, and the rules are those that whole commands made.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bareContext } from '../../src/rules/context.js';
import { ControlServer } from '../../src/rules/control.js';
import { requestOnce } from '../../src/rules/control-client.js';
import { Controller } from '../../src/rules/controller.js';
import './seed.js';

const REQUEST_MAX = 64 * 1024;
const folder = mkdtempSync(path.join(os.tmpdir(), 'nv-fuzz-'));
process.env.NETVALE_DIR = path.join(folder, 'world');

const test = suite('control socket, fuzzed');
let controller: Controller;
let server: ControlServer;

test.before.each(async () => {
  controller = new Controller({ context: bareContext });
  controller.runText('-q add 10 deny udp from 10.0.0.0/8 to any', 'x');
  server = await ControlServer.open(controller, { program: 'fuzz', limits: { request: REQUEST_MAX } });
});
test.after.each(() => server.close());
test.after(() => rmSync(folder, { recursive: true }));

const args = (...words: string[]) => ({ args: words, folder });
const listing = async (): Promise<string> => (await requestOnce(server.path, args('list'))).output;

const connected = (): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(server.path, () => resolve(socket));
    socket.on('error', reject);
  });

/** Send pieces, end, and wait for what comes back; a server that cuts the line off is an answer too. */
async function talk(pieces: readonly Uint8Array[]): Promise<string> {
  const socket = await connected();
  socket.removeAllListeners('error');
  socket.on('error', () => {});
  const answers: Buffer[] = [];
  socket.on('data', (piece: Buffer) => answers.push(piece));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  for (const piece of pieces) if (!socket.destroyed) socket.write(piece);
  socket.end();
  await closed;
  return Buffer.concat(answers).toString();
}

const json = fc.json().map((text) => Buffer.from(`${text}\n`));
const likeRequests = fc
  .record(
    {
      args: fc.oneof(fc.array(fc.string()), fc.anything()),
      text: fc.oneof(fc.string(), fc.anything()),
      file: fc.anything(),
      folder: fc.oneof(fc.constant('/'), fc.anything()),
      flags: fc.oneof(fc.object(), fc.anything()),
    },
    { requiredKeys: [] },
  )
  .map((request) => {
    try {
      return Buffer.from(`${JSON.stringify(request)}\n`);
    } catch {
      return Buffer.from('{\n');
    }
  });

test('random bytes, random JSON, requests that are nearly right', async () => {
  const before = await listing();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.uint8Array({ maxLength: 2000 }), json, likeRequests), { maxLength: 6 }),
      async (pieces) => {
        for (const line of (await talk(pieces)).split('\n').filter(Boolean)) {
          const { output, exit } = JSON.parse(line) as { output: unknown; exit: unknown };
          assert.type(output, 'string');
          assert.type(exit, 'number');
        }
      },
    ),
    { numRuns: 150 },
  );
  assert.is(await listing(), before);
});

test('a line without end is cut off at the limit', async () => {
  const socket = await connected();
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const piece = Buffer.alloc(8192, 0x61);
  for (let sent = 0; sent < 4 * REQUEST_MAX && !socket.destroyed; sent += piece.length) {
    socket.write(piece);
    await sleep(0);
  }
  await closed;
  assert.match(await listing(), /^00010 deny/);
});

test('many clients with half a line hold nobody up', async () => {
  const hanging = await Promise.all(Array.from({ length: 40 }, connected));
  for (const socket of hanging) socket.write('{"args":["flush"],"folder":"/');
  assert.match(await listing(), /^00010 deny/);
  for (const socket of hanging) socket.destroy();
  assert.match(await listing(), /^00010 deny/);
});

test('more clients than there may be: each that asks is answered, those that do not make way', async () => {
  const ends = new Set<Socket>();
  for (let i = 0; i < 165; i++) {
    const socket = await connected();
    socket.on('error', () => {}).on('close', () => ends.add(socket));
    socket.resume();
    if (i % 20 === 0) assert.match(await listing(), /^00010 deny/);
  }
  for (let tries = 0; tries < 10_000 && ends.size < 100; tries++) await sleep(10);
  assert.ok(ends.size >= 100, `${ends.size} were closed`);
  assert.match(await listing(), /^00010 deny/);
});

test('a client that never reads is not answered into memory, and gets all once it reads', async () => {
  const REQUESTS = 120;
  controller.runText(
    Array.from(
      { length: 2000 },
      (_, i) => `-q add ${100 + i} allow tcp from any to 10.1.${i >> 8}.${i & 255}`,
    ).join('\n'),
    'x',
  );
  const size = Buffer.byteLength(JSON.stringify({ output: controller.runText('list', 'x') }));
  const deaf = await connected();
  deaf.pause();
  let written = false;
  deaf.write(`${JSON.stringify(args('list'))}\n`.repeat(REQUESTS), () => {
    written = true;
  });
  await sleep(300);
  global.gc?.();
  const held = process.memoryUsage();
  await sleep(500);
  const later = process.memoryUsage();
  assert.ok(size * REQUESTS > 8e6, 'the answers are many');
  assert.ok(
    later.external + later.arrayBuffers - held.external - held.arrayBuffers < (size * REQUESTS) / 4,
    'memory grows with answers that nobody reads',
  );
  assert.match(await listing(), /00010 deny/, 'others are served');
  let lines = 0;
  await new Promise<void>((resolve) => {
    deaf.on('data', (piece: Buffer) => {
      for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines++;
      if (lines === REQUESTS) resolve();
    });
    deaf.resume();
  });
  assert.ok(written);
  deaf.destroy();
});

test('two controllers at once: one command after the other, each whole', async () => {
  const text = (name: string): string =>
    Array.from({ length: 20 }, () => `-q add count ip from any to any // ${name}`).join('\n');
  const replies = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      requestOnce(server.path, { text: text(`c${i}`), file: 'f', folder }),
    ),
  );
  for (const reply of replies) assert.is(reply.exit, 0, reply.error);
  const owners = (await listing()).match(/\/\/ c\d+/g)!;
  assert.is(owners.length, 240);
  for (let i = 0; i < owners.length; i++) assert.is(owners[i], owners[i - (i % 20)], 'files do not mix');
});

test.run();
