// SPDX-License-Identifier: BSD-2-Clause
// engine.test.ts: engines in JavaScript: plans and what is wrong with them, counters, stopping, closing, threads of Node.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkPlan, type Engine, isNetvaleError, openPort, type Plan, startEngine } from '../../src/index.js';
import { NativeEngine } from '../../src/rules/native-engine.js';
import { PATIENCE, until } from './relay-fixture.js';

const world = mkdtempSync(path.join(tmpdir(), 'netvale-engine-'));
const dir = path.join(world, 'shm');
const started: Engine[] = [];

function start(plan: Plan): Engine {
  const engine = startEngine({ ...plan, open: { dir, ...plan.open } });
  started.push(engine);
  return engine;
}

test.after.each(() => {
  for (const engine of started.splice(0)) engine.close();
});
test.after(() => rmSync(world, { recursive: true }));

/** Code and message of what is thrown. */
function refusal(work: () => unknown): { code: string; message: string } {
  try {
    work();
  } catch (error) {
    assert.instance(error, Error);
    return {
      code: isNetvaleError(error) ? error.code : (error as Error).name,
      message: (error as Error).message,
    };
  }
  throw new Error('accepted');
}

test('a bounded run: done by itself, counted exactly, readable until closed', async () => {
  const engine = start({ port: 'null:', role: 'tx', count: 12345, traffic: { size: 100 } });
  await engine.finished();
  assert.ok(engine.done);
  const { state, total, workers, port, drops } = engine.stats();
  assert.is(state, 'done');
  assert.is(total.packets, 12345);
  assert.is(total.bytes, 1234500);
  assert.is(total.accepted, total.packets + total.pending);
  assert.is(workers.length, 1);
  assert.is(port.txPackets, 12345);
  assert.ok(Object.values(drops).every((count) => count === 0));
  assert.ok(total.firstNs > 0 && total.firstNs <= total.lastNs);
});

test('counters rise while it runs, and stop ends it', async () => {
  const engine = start({ port: 'null:', role: 'tx' });
  await until(() => engine.stats().total.packets > 0, 'packets');
  const first = engine.stats();
  assert.is(first.state, 'running');
  await until(() => engine.stats().total.packets > first.total.packets, 'more packets');
  await until(() => engine.stats().total.events > first.total.events, 'more events');
  engine.stop();
  await engine.finished();
  assert.is(engine.stats().state, 'done');
});

test('threads, and what the workers really do', async () => {
  const engine = start({
    port: 'vale0:t',
    role: 'tx',
    threads: 2,
    count: 1000,
    cpu: 0,
    traffic: { size: 60 },
  });
  assert.is(engine.info.threads, 2);
  assert.is(engine.info.txRings, 2);
  assert.is(engine.info.burst, 512);
  assert.is(engine.info.port, 'vale0:t');
  await engine.finished();
  const { workers, total, drops } = engine.stats();
  assert.is(workers.length, 2);
  assert.is(total.packets, 1000);
  assert.is(workers[0]!.packets + workers[1]!.packets, 1000);
  assert.is(workers[0]!.cpu, 0);
  assert.is(drops.no_port, 1000, 'nobody else is on the switch');
});

test('an engine and a port exchange packets; delays make a histogram', async () => {
  const engine = start({ port: 'vale0:rx', role: 'rx', count: 100, histogram: true });
  const sender = start({ port: 'vale0:tx', role: 'tx', count: 100, rate: 10000, options: 16 });
  await Promise.all([engine.finished(), sender.finished()]);
  const histogram = engine.histogram();
  assert.is(histogram.count, 100);
  assert.ok(histogram.min > 0 && histogram.min <= histogram.max);
  assert.ok(histogram.percentile(50) <= histogram.percentile(99));
});

test('what is wrong with a plan is named, by checking and by starting', () => {
  const wrong: [Partial<Plan>, string, RegExp][] = [
    [{ role: 'sink' as 'rx' }, 'EINVAL', /sink/],
    [{ threads: 17 }, 'EINVAL', /17|threads/],
    [{ threads: 1.5 }, 'EINVAL', /threads/],
    [{ count: -1 }, 'EINVAL', /count/],
    [{ rate: 2e9 }, 'EINVAL', /rate|2000000000/],
    [{ wait: 'spin' as 'busy' }, 'EINVAL', /spin/],
    [{ durationMs: -1 }, 'EINVAL', /durationMs/],
    [{ port: 'vale0:a\0' }, 'EINVAL', /port/],
    [{ traffic: { size: 5 } }, 'EINVAL', /5/],
    [{ traffic: { size: { min: 100, max: 60 } } }, 'EINVAL', /100/],
    [{ traffic: { srcMac: '00:11' } }, 'EINVAL', /00:11/],
    [{ traffic: { dst: '10.0.0.256' } }, 'EINVAL', /10\.0\.0\.256/],
    [{ traffic: { vlans: [1, 2, 3, 4, 5] } }, 'EINVAL', /5 VLAN/],
    [{ traffic: { vlans: [70000] } }, 'EINVAL', /VLAN/],
    [{ traffic: { vnetLength: 11 as 12 } }, 'EINVAL', /11/],
    [{ traffic: { version: 5 as 4 } }, 'EINVAL', /5/],
    [{ traffic: { seed: -1n } }, 'EINVAL', /seed/],
    [{ ramp: [{ from: 1, to: 2, milliseconds: 0 }] }, 'EINVAL', /ramp|duration|step/],
  ];
  for (const [part, code, words] of wrong) {
    const plan: Plan = { port: 'null:', role: 'tx', ...part };
    const checked = refusal(() => checkPlan(plan));
    assert.is(checked.code, code, checked.message);
    assert.match(checked.message, words);
    assert.is(refusal(() => start(plan)).code, code);
  }
  assert.equal(readdirSync(world), [], 'nothing was opened');
});

test('a port that cannot be opened: the code of opening it', () => {
  const taken = openPort('vale0:x/x', { dir });
  assert.is(refusal(() => start({ port: 'vale0:x/x', role: 'rx' })).code, 'EBUSY');
  taken.close();
  assert.is(refusal(() => start({ port: 'vale0:x', role: 'rx', open: { existing: true } })).code, 'ENOENT');
});

test('after close everything throws ECLOSED, and the port is gone', async () => {
  const engine = start({ port: 'vale0:c', role: 'rx' });
  await sleep(20);
  engine.close();
  engine.close();
  for (const work of [
    () => engine.stats(),
    () => engine.histogram(),
    () => engine.done,
    () => engine.stop(),
    () => engine.restartMinSpace(),
  ])
    assert.is(refusal(work).code, 'ECLOSED', String(work));
  assert.equal(readdirSync(world), []);
});

test('rules are lent to an engine: not closed before it, and only rules will do', async () => {
  const rules = new NativeEngine();
  const plan: Plan = { port: 'null:', role: 'tx', count: 100, rules };
  checkPlan(plan);
  const engine = start(plan);
  await engine.finished();
  assert.is(engine.stats().total.denied, 0);
  assert.is(refusal(() => rules.close()).code, 'EBUSY');
  const [byDefault] = rules.counters().values();
  assert.is(byDefault?.packets, 100n);
  engine.close();
  rules.close();
  assert.is(refusal(() => start(plan)).code, 'ECLOSED');
  const port = openPort('null:', { dir });
  for (const wrong of [{}, 1, port])
    assert.is(refusal(() => checkPlan({ ...plan, rules: { rules: wrong } as NativeEngine })).code, 'EINVAL');
  port.close();
});

test('a Node worker that is terminated takes its ports and engines along, and only its own', async () => {
  const source = `
    Promise.all([
      import('${new URL('../../dist/src/index.js', import.meta.url)}'),
      import('${new URL('../../dist/src/rules/index.js', import.meta.url)}'),
    ]).then(([{ openPort, startEngine }, { NativeEngine }]) => {
      const port = openPort('vale0:w', { dir: ${JSON.stringify(dir)} });
      const bytes = port.rx.bytes;
      startEngine({ port: 'vale0:e', role: 'tx', open: { dir: ${JSON.stringify(dir)} }, rules: new NativeEngine() });
      port.wait('rx');
      require('node:worker_threads').parentPort.postMessage(bytes.length);
    });`;
  const mine = openPort('vale0:mine', { dir });
  const worker = new Worker(source, { eval: true });
  const length = await new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  assert.ok(Number(length) > 0);
  await mine.wait('rx', PATIENCE);
  assert.ok(mine.rx.receive() > 0, 'the engine of the worker sends');
  await worker.terminate();
  while (mine.rx.receive() > 0);
  await sleep(50);
  assert.is(mine.rx.receive(), 0, 'its engine has gone');
  mine.close();
  assert.equal(readdirSync(world), []);
});

test.run();
