// SPDX-License-Identifier: BSD-2-Clause
// relay-outlets.test.ts: ports that rules name are opened beside the data path: nothing stands still while that takes
// long, what is lost meanwhile has a name, and what failed is tried again.
import { type ChildProcess, spawn } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Relay } from '../../src/emulation/relay.js';
import { openPort } from '../../src/index.js';
import { NativeEngine } from '../../src/rules/index.js';
import { type OpenRules, openRules } from '../../src/rules/open.js';
import { Bench, PATIENCE, udp, until } from './relay-fixture.js';

const test = suite('outlets of a relay');
let bench: Bench;
let relay: Relay;
let opened: OpenRules;
let holder: ChildProcess | undefined;

test.before.each(async () => {
  bench = new Bench();
  opened = await openRules({ program: 'test', socket: false, engine: new NativeEngine() });
  relay = new Relay({ ...Bench.ports, dir: bench.dir, rules: opened.engine.rules });
});
test.after.each(async () => {
  holder?.kill('SIGKILL');
  holder = undefined;
  relay.close();
  await opened.close();
  bench.close();
});

const out = () => relay.stats().directions[0];

/** Send packets until a counter has grown. */
async function sendUntil(word: 'copies' | 'bounced', what: string): Promise<void> {
  const before = out()[word];
  for (const end = performance.now() + PATIENCE; out()[word] === before; ) {
    assert.ok(performance.now() < end, what);
    await bench.send(bench.inside, udp(1, 60));
    await bench.receive(bench.outside, 1, 20);
  }
}

/** Hold the lock of the directory, as a process does that is stopped in the middle of an open. */
function lock(): Promise<void> {
  holder = spawn('flock', [bench.dir, '-c', 'echo held; read forever'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return new Promise((resolve) => holder!.stdout!.once('data', () => resolve()));
}

test('packets flow while a port cannot be opened; it is as soon as it can', async () => {
  const listener = openPort('valet:listener', { dir: bench.dir });
  await lock();
  opened.controller.runText('add tee valet:t udp from any to any', 'x');
  const frames = udp(200, 60);
  await bench.send(bench.inside, frames);
  assert.equal(await bench.receive(bench.outside, 200), frames);
  await until(() => out().copiesLost === 200, 'the copies are lost by name');
  assert.is(out().copies, 0);
  assert.is(holder!.exitCode, null, 'the lock is still held');
  holder!.stdin!.end('\n');
  await sendUntil('copies', 'copies are made');
  assert.ok((await bench.receive(listener, 1)).length === 1);
  listener.close();
});

test('a port in use is tried again; packets for it are lost as not_open meanwhile', async () => {
  const user = openPort('valet:t/x', { dir: bench.dir });
  opened.controller.runText('add fwd valet:t udp from any to any 9', 'x');
  await bench.send(bench.inside, udp(5, 60));
  await until(() => out().drops.not_open === 5, 'five are lost by name');
  const listener = openPort('valet:listener', { dir: bench.dir });
  user.close();
  await sendUntil('bounced', 'packets go there');
  assert.ok((await bench.receive(listener, 1)).length === 1);
  listener.close();
});

test.run();
