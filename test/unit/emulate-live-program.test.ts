// SPDX-License-Identifier: BSD-2-Clause
// emulate-live-program.test.ts: the program emulate between two ports: options, records, files, signals, deaths.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { listPorts, openPort, type Port } from '../../src/index.js';
import { requestOnce } from '../../src/rules/index.js';
import { type Ended, type Program, recordsOf, until, WAIT_MS, World } from '../multi/programs.js';
import { udp } from './relay-fixture.js';
import { markOf } from './relay-frames.js';
import { violations } from './schema.js';

const test = suite('emulate-live-program');
let world: World;
let inside: Port;
let outside: Port;

test.before.each(() => {
  world = new World();
  inside = openPort('valei:end', { dir: world.dir });
  outside = openPort('valeo:end', { dir: world.dir });
});
test.after.each(() => {
  inside.close();
  outside.close();
  world.end();
});

interface Direction {
  [word: string]: number | string | Record<string, number>;
  drops: Record<string, number>;
}

const file = (name: string): string => path.join(world.base, name);

async function start(...args: string[]): Promise<Program> {
  const program = world.start('emulate', [
    ...['-i', 'valei:r', '-i', 'valeo:r', '--seed', '1', '--socket', file('control')],
    ...args,
  ]);
  await Promise.race([world.ports('valei:r', 'valeo:r'), program.ended]);
  return program;
}

function send(port: Port, count: number, size = 200): void {
  const frames = udp(count, size);
  assert.is(port.tx.reserve(count), count);
  for (const [i, frame] of frames.entries()) {
    port.tx.packet(i).set(frame, 0);
    port.tx.lengths[i] = size;
  }
  port.tx.send(count);
}

async function receive(port: Port, count: number, ms = WAIT_MS): Promise<number[]> {
  const marks: number[] = [];
  for (const end = performance.now() + ms; marks.length < count && performance.now() < end; ) {
    const got = port.rx.receive();
    for (let i = 0; i < got; i++) marks.push(markOf(port.rx.packet(i)));
    if (got === 0) await sleep(1);
  }
  return marks;
}

const ipfw = (...args: string[]) => requestOnce(file('control'), { args, folder: '/' });

/** Wait until a rule of the running program has met `count` packets. */
async function met(rule: RegExp, count: number): Promise<void> {
  await until(() => existsSync(file('control')), 'the control socket');
  for (const start = performance.now(); ; await sleep(10)) {
    const { output } = await ipfw('show');
    const line = output.split('\n').find((text) => rule.test(text)) ?? '';
    if (Number(line.split(/ +/)[1]) >= count) return;
    assert.ok(performance.now() - start < WAIT_MS, `${rule} has not met ${count} packets:\n${output}`);
  }
}

/** Wait until no thread of the program runs any more. */
async function stopped(program: Program): Promise<void> {
  const tasks = `/proc/${program.child.pid}/task`;
  const state = (id: string): string => readFileSync(`${tasks}/${id}/stat`, 'utf8').replace(/^.*\) /, '')[0]!;
  await until(() => readdirSync(tasks).every((id) => state(id) === 'T'), 'it is stopped');
}

/** The result of a run with --json, after checking all records and that no packet went without a name. */
function resultOf(ended: Ended): { directions: [Direction, Direction] } & Record<string, unknown> {
  assert.is(ended.status, 0, ended.stderr);
  const records = recordsOf(ended.stdout);
  for (const record of records) assert.equal(violations(record), []);
  const result = records.at(-1) as { directions: [Direction, Direction] } & Record<string, unknown>;
  assert.is(result.type, 'result');
  for (const one of result.directions) {
    const { rx_packets, duplicates, returned, flooded, tx_packets, bounced, waiting, pending } =
      one as never as Record<string, number>;
    const lost = Object.values(one.drops).reduce((sum, count) => sum + count, 0);
    assert.is(
      rx_packets! + duplicates! + returned! + flooded!,
      tx_packets! + bounced! + waiting! + pending! + lost,
    );
  }
  return result;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('short options for each direction; records fit the schema; the end lets what waits leave', async () => {
  const program = await start('--bw', '8Mbit/s,80Mbit/s', '--delay', '30ms,', '-T', '50', '--json');
  const since = performance.now();
  send(inside, 40, 1000);
  send(outside, 40, 1000);
  assert.is((await receive(inside, 40)).length, 40);
  program.child.kill('SIGINT');
  assert.equal(await receive(outside, 40), numbers(40));
  assert.ok(performance.now() - since >= 70, 'too early');
  const result = resultOf(await program.ended);
  assert.equal(
    result.directions.map(({ tx_packets }) => tx_packets),
    [40, 40],
  );
  const promises = result.promises as { promised: object; measured: { delay_min_ms: number } }[];
  assert.equal(
    promises.map(({ promised }) => promised),
    [
      { bandwidth: 8e6, delay_ms: 30 },
      { bandwidth: 80e6, delay_ms: 0 },
    ],
  );
  assert.ok(promises[0]!.measured.delay_min_ms >= 31);
  assert.ok(promises[1]!.measured.delay_min_ms >= 0.1);
  assert.is(result.seed, '1');
});

test('the second signal drops what waits, by name', async () => {
  const program = await start('--delay', '9s', '--json');
  send(inside, 30);
  await met(/pipe 1 /, 30);
  program.child.kill('SIGTERM');
  await program.printed(
    /^emulate: waiting for 30 packets on the link to leave \(Ctrl-C drops what is left\)$/m,
  );
  assert.is(program.child.exitCode, null);
  const result = resultOf(await program.signal('SIGINT'));
  assert.equal([result.directions[0].tx_packets, result.directions[0].drops.stopped], [0, 30]);
});

test('--time, --report, --log, --capture', async () => {
  const [report, log, capture] = ['report.html', 'log.jsonl', 'both.pcapng'].map(file);
  const program = await start(
    ...['--delay', '10ms', '--loss', '0.5,0', '--time', '5', '-T', '100', '--json'],
    ...['--report', report!, '--log', log!, '--capture', capture!],
  );
  send(inside, 60);
  send(outside, 20);
  assert.equal(await receive(inside, 20), numbers(20));
  const ended = await program.ended;
  const result = resultOf(ended);
  assert.ok((result.seconds as number) >= 5);
  // All that came lies in the ring.
  const out = await receive(outside, result.directions[0].tx_packets as number);
  assert.equal(await receive(outside, 1, 20), []);
  const lost = result.directions[0].drops.plr!;
  assert.ok(lost > 5 && lost < 55 && out.length === 60 - lost);

  const html = readFileSync(report!, 'utf8');
  for (const text of ['valei:r', 'Rate', 'Packets waiting', 'Delay', '</svg>', '</html>'])
    assert.match(html, text);
  assert.not.match(html, /NaN|undefined/);

  const lines = recordsOf(readFileSync(log!, 'utf8'));
  const kinds = new Map<unknown, number>();
  for (const { event } of lines) kinds.set(event, (kinds.get(event) ?? 0) + 1);
  assert.equal([kinds.get('arrive'), kinds.get('depart'), kinds.get('drop')], [80, 80 - lost, lost]);

  const packets = [...openCapture(capture!)];
  assert.is(packets.length, 80 + 80 - lost);
  const seen = (name: string, direction: string): number[] => {
    const reader = openCapture(capture!);
    return [...reader]
      .filter(
        (packet) => reader.interfaces[packet.interface]!.name === name && packet.direction === direction,
      )
      .map(({ data }) => markOf(data));
  };
  assert.equal(seen('valei:r', 'in'), numbers(60));
  assert.equal(seen('valeo:r', 'out'), out);
  assert.equal(seen('valei:r', 'out'), numbers(20));
});

test('rules with log are told of in the log of packets, and their packets are kept', async () => {
  const log = file('matches.jsonl');
  const packets = file('matches.pcapng');
  const program = await start(
    ...['--rule', 'add 300 count log udp from any to any out'],
    ...['--rule', 'add 350 count log logdst syslog udp from any to any out'],
    ...['--rule', 'add 360 count log logdst bpf udp from any to any in'],
    ...['--rule', 'add 400 deny log udp from any to any in'],
    ...['--log', log, '--log', packets, '--json'],
  );
  send(inside, 2);
  assert.is((await receive(outside, 2)).length, 2);
  send(outside, 2);
  const matches = () => recordsOf(readFileSync(log, 'utf8')).filter(({ event }) => event === 'log');
  await until(() => matches().length === 6, 'six records');
  resultOf(await program.signal('SIGINT'));
  for (const [from, records, comments] of [
    [0, [300, 350, 300, 350], ['rule 300', 'rule 300']],
    [1, [400, 400], ['rule 360', 'rule 400', 'rule 360', 'rule 400']],
  ] as const) {
    const mine = matches().filter((match) => match.from === from);
    assert.equal(
      mine.map(({ rule }) => rule),
      records,
    );
    const written = [...openCapture(packets)].filter((packet) => packet.interface === from);
    assert.equal(
      written.map(({ comment }) => comment),
      comments,
    );
    assert.ok(written.every(({ direction }) => direction === (from === 0 ? 'out' : 'in')));
  }
  const kept = openCapture(packets);
  assert.is([...kept].length, 6);
  assert.equal(
    kept.interfaces.map(({ name }) => name),
    ['valei:r', 'valeo:r'],
  );
});

test('ipfw changes the link of the running program', async () => {
  const program = await start('--delay', '1ms', '--json');
  send(inside, 5);
  assert.is((await receive(outside, 5)).length, 5);
  await until(() => existsSync(file('control')), 'the control socket');
  const reply = await ipfw('pipe 1 config delay 200ms');
  assert.is(reply.exit, 0);
  const since = performance.now();
  send(inside, 5);
  assert.is((await receive(outside, 5)).length, 5);
  assert.ok(performance.now() - since >= 200);
  resultOf(await program.signal('SIGINT'));
});

test('stopped for two seconds and continued: what waited leaves, counters are honest', async () => {
  const program = await start('--delay', '300ms', '--json');
  send(inside, 200);
  await met(/pipe 1 /, 200);
  program.child.kill('SIGSTOP');
  await stopped(program);
  send(inside, 200);
  // What left before it was stopped: nothing, but on a machine that stood still itself.
  const early = await receive(outside, 200, 20);
  await sleep(2000);
  assert.equal(await receive(outside, 1, 20), []);
  program.child.kill('SIGCONT');
  assert.equal(
    [...early, ...(await receive(outside, 400 - early.length))],
    [...numbers(200), ...numbers(200)],
  );
  const result = resultOf(await program.signal('SIGINT'));
  assert.equal([result.directions[0].rx_packets, result.directions[0].tx_packets], [400, 400]);
});

test('kill -9: the ports are free, and a new one starts on them at once', async () => {
  const first = await start('--delay', '5s');
  send(inside, 100);
  await sleep(50);
  await first.signal('SIGKILL');
  const second = await start('--delay', '1ms', '--json');
  send(inside, 100);
  assert.equal(await receive(outside, 100), numbers(100));
  resultOf(await second.signal('SIGINT'));
  assert.equal(
    listPorts(world.dir)
      .map(({ name }) => name)
      .sort(),
    ['valei:end', 'valeo:end'],
  );
});

test('what cannot be: one line that names it', async () => {
  const running = await start('--delay', '1ms');
  for (const [args, expected, status] of [
    [['-i', 'valei:r', '-i', 'vale9:x'], /^emulate: valei:r is in use by/, 1],
    [['-i', 'vale9:x', '-i', 'vale9:x'], /^emulate: -i: 'vale9:x' is given twice/, 2],
    [['-i', 'vale9:x'], /^emulate: two ports are needed/, 2],
    [['-i', 'vale9:x', '-i', 'vale8:x', '--bw', 'fast'], /^emulate: .*fast/, 2],
    [['-i', 'vale9:x', '-i', 'vale8:x', '--bw', '1,2,3'], /^emulate: --bw: '1,2,3'/, 2],
    [
      ['-i', 'vale9:x', '-i', 'vale8:x', '--rules', file('none')],
      /^emulate: cannot read .*none: no such file/,
      69,
    ],
  ] as const) {
    const ended = await world.run('emulate', [...args]);
    assert.match(ended.stderr, expected);
    assert.is(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
    assert.is(ended.status, status, ended.stderr);
    assert.is(ended.stdout, '');
  }
  await running.signal('SIGINT');
});

test.run();
