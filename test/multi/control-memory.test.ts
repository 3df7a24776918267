// SPDX-License-Identifier: BSD-2-Clause
// control-memory.test.ts: clients that send without end, hang, or ask all the time cost a running emulate a bounded
// amount of memory, and nobody else his answer. Without times: how late packets are under this is the benchmark
// control-load.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { requestOnce } from '../../src/rules/index.js';
import { until, WAIT_MS, World } from './programs.js';

const test = suite('memory of a control socket');

/** Bytes that clients send in all, and that the program may grow by. */
const FLOOD = 1_000_000_000;
const MOST = 64 * 1024 * 1024;

/** Greatest resident size of a process so far, in bytes. */
const peakOf = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;

test('a flood, half requests and idle connections: at most 64 MiB, and ipfw is answered', async () => {
  const world = new World();
  const sockets: Socket[] = [];
  try {
    const program = world.start('emulate', ['-i', 'vale0:e', '-i', 'vale1:e', '--delay', '1ms']);
    const control = `${world.dir}.control`;
    await until(
      () => existsSync(control) && readdirSync(control).some((name) => name.endsWith('.sock')),
      'its socket',
    );
    await world.ports('vale0:e', 'vale1:e');
    const file = path.join(control, readdirSync(control).find((name) => name.endsWith('.sock'))!);
    const list = { args: ['list'], folder: '/' };
    for (let i = 0; i < 20; i++) assert.is((await requestOnce(file, list)).exit, 0);
    const before = peakOf(program.child.pid!);
    let sent = 0;
    const piece = Buffer.alloc(1 << 20, 'x');
    /** A client that sends until it is cut off, and comes again. */
    const flood = (): void => {
      if (sent >= FLOOD) return;
      const socket = connect(file);
      const more = (): void => {
        if (socket.destroyed || sent >= FLOOD) return void socket.destroy();
        sent += piece.length;
        socket.write(piece, more);
      };
      socket
        .on('connect', more)
        .on('error', () => {})
        .on('close', flood);
      sockets.push(socket);
    };
    for (let i = 0; i < 8; i++) flood();
    for (let i = 0; i < 30; i++) {
      const idle = connect(file);
      idle.on('error', () => {}).on('connect', () => idle.write(i % 2 ? '{"args":["list"' : ''));
      sockets.push(idle);
    }
    let answers = 0;
    for (const start = performance.now(); sent < FLOOD; ) {
      assert.is((await requestOnce(file, list)).exit, 0);
      answers++;
      assert.ok(performance.now() - start < WAIT_MS, `${sent} bytes were taken`);
    }
    assert.ok(answers > 0, `${answers} answers`);
    const grown = peakOf(program.child.pid!) - before;
    assert.ok(grown <= MOST, `it grew by ${(grown / 1024 / 1024).toFixed(1)} MiB`);
    console.log(`# grew by ${(grown / 1024 / 1024).toFixed(1)} MiB, ${answers} answers meanwhile`);
    for (const socket of sockets) socket.destroy();
    assert.is((await program.signal('SIGINT')).status, 0);
  } finally {
    for (const socket of sockets) socket.destroy();
    world.end();
  }
});

test.run();
