// SPDX-License-Identifier: BSD-2-Clause
// library.test.ts: what the library answers to a mistake: an exported error with a code that names what and where; and
// that objects have one spelling.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as netvale from '../../src/index.js';

const base = mkdtempSync(path.join(tmpdir(), 'netvale-library-'));
const dir = path.join(base, 'shm');
test.after(() => rmSync(base, { recursive: true, force: true }));

/** What a call throws, or its promise rejects with. */
async function thrown(work: () => unknown): Promise<netvale.NetvaleError> {
  try {
    await work();
  } catch (error) {
    assert.ok(netvale.isNetvaleError(error), `${work}: ${error} has no code`);
    return error;
  }
  throw new Error(`nothing was thrown: ${work}`);
}

const wrong = (): netvale.Topology => new netvale.Topology({ seed: 1 }).rule('add alow ip from any to any');

test('errors of rules, links and topologies have a class and a code', async () => {
  const cases: [() => unknown, netvale.RuleErrorCode, RegExp][] = [
    [() => wrong().check(), 'ERULE', /alow/],
    [() => wrong().replay([]), 'ERULE', /alow/],
    [() => wrong().live({ inside: 'vale0:a', outside: 'vale1:b', dir, socket: false }), 'ERULE', /alow/],
    [() => new netvale.Topology().pipe(1, { bw: 'fast' }).check(), 'ERULE', /fast/],
    [() => new netvale.Topology().at('1s', 'pipe 0 config').check(), 'ERULE', /at 1s/],
    [() => new netvale.Topology().at('soon', 'flush'), 'ERULE', /soon/],
    [() => new netvale.Topology().pipe(1, { profile: '/nowhere/x' }).check(), 'EUNAVAILABLE', /nowhere/],
    [
      () =>
        netvale.startEmulation({
          inside: 'vale0:a',
          outside: 'vale1:b',
          dir,
          files: ['/nowhere/x'],
          socket: false,
        }),
      'EUNAVAILABLE',
      /nowhere/,
    ],
  ];
  for (const [work, code, words] of cases) {
    const error = await thrown(work);
    assert.instance(error, netvale.RuleError);
    assert.is(error.code, code, error.message);
    assert.match(error.message, words);
  }
});

test('check() throws at once, and does so without a name server', () => {
  assert.throws(
    () => wrong().check(),
    (error: Error) => error instanceof netvale.RuleError,
  );
  assert.is(new netvale.Topology().rule('add deny ip from nobody.invalid to any').check(), undefined);
});

const packet = { time: 0n, frame: new Uint8Array(60), direction: 'in', interface: 'em0' } as const;

test('a packet with a wrong member: a TypeError with the number of the packet and the member', async () => {
  for (const [change, words] of [
    [{ time: 0 }, 'packet 1: time must be a bigint of nanoseconds, not number 0'],
    [{ frame: 'x' }, 'packet 1: frame must be a Uint8Array, not "x"'],
    [{ frame: undefined }, 'packet 1: frame must be a Uint8Array, not undefined'],
    [{ direction: 'sideways' }, `packet 1: direction must be 'in' or 'out', not "sideways"`],
    [{ interface: undefined }, 'packet 1: interface must be the name of an interface, not undefined'],
    [{ interface: '' }, 'packet 1: interface must be the name of an interface, not ""'],
    [{ received: 5 }, 'packet 1: received must be the name of an interface, not number 5'],
  ] as const) {
    const error = await thrown(async () => {
      const packets = [packet, { ...packet, ...change } as never];
      for (const _ of await new netvale.Topology({ seed: 1 }).replay(packets));
    });
    assert.instance(error, TypeError);
    assert.is(error.message, words);
  }
  const writer = netvale.PcapWriter.create(path.join(base, 'x.pcap'));
  writer.write({ time: 0n, data: new Uint8Array(60) });
  for (const [change, words] of [
    [{ time: 0 }, 'packet 1: time must be a bigint of nanoseconds, not number'],
    [{ data: 'x' }, 'packet 1: data must be a Uint8Array, not string'],
  ] as const) {
    const error = await thrown(() =>
      writer.write({ time: 0n, data: new Uint8Array(60), ...change } as never),
    );
    assert.instance(error, TypeError);
    assert.is(error.message, words);
  }
  await writer.close();
});

test('arguments of a wrong type: a TypeError with a code that names the argument', async () => {
  for (const [work, words] of [
    [() => netvale.openPort(5 as never), 'name must be a string'],
    [() => netvale.openPort('vale0:a', 5 as never), 'options must be an object'],
    [() => netvale.openPort('vale0:a', null as never), 'options must be an object, not null'],
    [() => netvale.openPort('vale0:a', { dir, txSlots: 'many' as never }), 'txSlots'],
    [() => netvale.startEngine(undefined as never), 'plan must be an object'],
    [() => netvale.startEmulation(undefined as never), 'options must be an object'],
    [() => netvale.listPorts(5 as never), 'dir must be a string'],
    [() => netvale.runBehindLink({} as never), 'argv must be an array'],
    [() => netvale.runBehindLink({ argv: ['true'] } as never), 'link must be a function'],
    [() => new netvale.Topology({ seed: 'x' as never }), 'seed must be a whole number'],
    [() => new netvale.Topology().rule(5 as never), 'a command must be a string'],
    [() => new netvale.Topology().replay(5 as never), 'packets must be something to iterate over'],
    [() => new netvale.Emulator({} as never), 'seed must be a bigint'],
  ] as const) {
    const error = await thrown(work);
    assert.instance(error, TypeError, error.message);
    assert.is(error.code, 'EINVAL');
    assert.ok(error.message.includes(words), error.message);
  }
  const port = netvale.openPort('vale0:a', { dir });
  for (const work of [() => port.rx.packet(1), () => port.tx.reserve(1e6), () => port.tx.send(5)]) {
    const error = await thrown(work);
    assert.instance(error, RangeError);
    assert.is(error.code, 'ERANGE');
  }
  port.close();
});

test('an unknown option is EINVAL with its name, wherever options are taken', async () => {
  const ports = { inside: 'vale0:a', outside: 'vale1:b', dir, socket: false } as const;
  for (const work of [
    () => netvale.openPort('vale0:a', { dir, slotz: 5 } as never),
    () => netvale.startEngine({ port: 'null:', role: 'rx', slotz: 5 } as never),
    () => netvale.startEngine({ port: 'null:', role: 'tx', traffic: { slotz: 5 } } as never),
    () => netvale.startEngine({ port: 'null:', role: 'rx', open: { slotz: 5 } } as never),
    () => netvale.checkPlan({ port: 'null:', role: 'tx', ramp: [{ from: 1, to: 1, slotz: 5 }] } as never),
    () => netvale.startEmulation({ ...ports, slotz: 5 } as never),
    () => new netvale.Relay({ inside: 'vale0:a', outside: 'vale1:b', dir, slotz: 5 } as never),
    () => new netvale.Topology({ slotz: 5 } as never),
    () => new netvale.Topology().live({ ...ports, slotz: 5 } as never),
    () => new netvale.Topology().replay([], { slotz: 5 } as never),
    () => new netvale.Emulator({ seed: 1n, slotz: 5 } as never),
    () => netvale.runBehindLink({ argv: ['true'], link: () => assert.unreachable(), slotz: 5 } as never),
    () => netvale.PcapWriter.create(path.join(base, 'y.pcap'), { slotz: 5 } as never),
  ]) {
    const error = await thrown(work);
    assert.is(error.code, 'EINVAL', error.message);
    assert.match(error.message, /unknown option "slotz": expected /, `${work}: ${error.message}`);
  }
  assert.match(
    (await thrown(() => new netvale.Topology().pipe(1, { slotz: 5 } as never).check())).message,
    'slotz',
  );
  assert.equal(netvale.listPorts(dir), []);
});

/** Names of members, deep down; what is counted by reason has the names of the reasons. */
function* members(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) yield name;
    if (name !== 'drops') yield* members(inner);
  }
}

test('members of objects are in camel case', async () => {
  const engine = netvale.startEngine({ port: 'null:', role: 'tx', count: 10 });
  await engine.finished();
  const topology = new netvale.Topology().pipe(1).rule('add pipe 1 ip from any to any');
  const running = await topology.live({ inside: 'vale0:a', outside: 'vale1:b', dir, socket: false });
  const replay = await topology.replay([packet]);
  for (const _ of replay);
  const port = netvale.openPort('vale0:c', { dir });
  const all = [
    ...[engine.stats(), engine.info, running.stats(), replay.links(), running.measures(), port.stats()],
    netvale.listPorts(dir),
  ].flatMap((one) => [...members(one)]);
  port.close();
  await running.close();
  engine.close();
  for (const name of ['minSpace', 'rxPackets', 'totalPackets', 'txDelivered', 'memoryId'])
    assert.ok(all.includes(name), name);
  assert.equal(
    all.filter((name) => !/^[a-z][a-zA-Z0-9]*$/.test(name)),
    [],
  );
});

test('the example that writes traffic says how it is used', () => {
  const example = new URL('../../docs/examples/traffic.mjs', import.meta.url).pathname;
  for (const args of [
    [],
    ['x.pcap'],
    ['x.pcap', 'udp 1.2.3.4 5.6.7.8'],
    ['x.pcap', 'udp 1.2.3.4:1 5.6.7.8:2 60 many 1'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [example, ...args], {
      encoding: 'utf8',
      cwd: base,
    });
    assert.is(status, 2, stderr);
    assert.match(stderr, /^usage: node .*traffic\.mjs FILE 'PROTO /);
    assert.not.match(stderr, '    at ');
  }
});

test('what settings can be is in their types', () => {
  const types = readFileSync(new URL('../../src/emulation/topology-settings.ts', import.meta.url), 'utf8');
  assert.not.match(types, /\b(type|framing|loss)\??: string;/);
  const plain: netvale.SchedulerSetting = 'wf2q+';
  const filled: netvale.SchedulerSetting = 'fq_codel quantum 300';
  const loss: netvale.LossSetting[] = ['1%', 0.01, 'gemodel 1%,20%', 'list 3,7-9'];
  // @ts-expect-error there is no such scheduler
  const unknown: netvale.SchedulerSetting = 'htb';
  // @ts-expect-error nor such a model
  const model: netvale.LossSetting = 'burst 3';
  assert.is([plain, filled, unknown, ...loss, model].length, 8);
});

test.run();
