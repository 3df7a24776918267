// SPDX-License-Identifier: BSD-2-Clause
// freebsd-files.test.ts: rule files as they are written for FreeBSD (test/golden/freebsd) load, into the engine too,
// and are listed as its ipfw lists them.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Emulator } from '../../src/emulation/emulator.js';
import type { Flags } from '../../src/rules/command.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { NativeEngine } from '../../src/rules/native-engine.js';
import { parsePacket } from '../../src/rules/packet-text.js';
import { execute, type Reply } from '../../src/rules/session.js';

const test = suite('files written for FreeBSD');
const folder = 'test/golden/freebsd';

/** A rule set in an engine with links, and what became of commands and files given to it. */
function begin(): {
  load(file: string, flags?: Partial<Flags>): Promise<Reply>;
  run(command: string): Promise<Reply>;
  links: Emulator;
  close(): void;
} {
  const links = new Emulator({ seed: 1n });
  const engine = new NativeEngine({ seed: 1n, dummynet: links });
  const controller = new Controller({ context: bareContext, engine });
  return {
    load: (file, flags = {}) =>
      execute(controller, { text: readFileSync(`${folder}/${file}`, 'utf8'), file, folder, flags }),
    run: (command) => execute(controller, { args: [command], folder }),
    links,
    close: () => {
      engine.close();
      links.close();
    },
  };
}

/** The rules of a file as they are listed, without the default rule. */
async function listed(file: string): Promise<string[]> {
  const { load, run, close } = begin();
  try {
    const reply = await load(file);
    assert.is(reply.error, undefined);
    assert.is(reply.exit, 0);
    return (await run('list')).output.trimEnd().split('\n').slice(0, -1);
  } finally {
    close();
  }
}

test('a table that is not there is flushed and destroyed with a warning, so that a set-up can be run again', async () => {
  const { load, run, close } = begin();
  const gone = (what: string, line: number): string =>
    `table-gone.rules:${line}:1: failed to ${what} table 1: there is no such table`;
  const first = await load('table-gone.rules');
  assert.equal(first.warnings, [gone('flush', 2), gone('destroy', 3)]);
  assert.is(first.exit, 0);
  assert.match((await run('table 1 list')).output, /10\.0\.0\.0\/8 0/);
  const used = await load('table-gone.rules');
  assert.is(used.exit, 71, 'a rule names the table now');
  assert.is((await run('flush')).exit, 0);
  assert.is((await load('table-gone.rules')).exit, 0);
  assert.equal((await run('-q table nothing destroy')).warnings, []);
  assert.equal((await run('table nothing flush')).warnings, [
    'failed to flush table nothing: there is no such table',
  ]);
  assert.equal((await load('table-gone.rules', { quiet: true })).exit, 71);
  for (const command of [
    'lock',
    'unlock',
    'list',
    'modify limit 3',
    'swap 1',
    'lookup 10.0.0.1',
    'delete 10.0.0.1',
  ])
    assert.is((await run(`table nothing ${command}`)).exit, 71, command);
  close();
});

test('forms of rules that the manual of 2014 does not have', async () => {
  assert.equal(await listed('fwd-forms.rules'), [
    '00100 fwd tablearg,3128 tcp from any to table(proxies) 80',
    '00200 fwd 2001:db8::9,3128 tcp from 2001:db8::/32 to any 80',
  ]);
  assert.equal(await listed('check-state.rules'), [
    '00100 prob 0.500000 check-state :default',
    '00200 check-state :x log',
  ]);
  assert.equal(await listed('jump-65535.rules'), [
    '00100 skipto 65535 ip from any to any in',
    '00110 call 65535 ip from any to any',
  ]);
  assert.equal(await listed('logdst.rules'), [
    '00100 deny log logdst bpf ip from any to any',
    '00200 deny log logamount 10 logdst syslog,bpf ip from any to any',
  ]);
  assert.is((await listed('long-lists.rules')).join('\n').split(',').length, 31 + 62 - 1);
});

test('a value behind a table of interfaces is ignored as by ipfw, and that is said', async () => {
  const { load, run, close } = begin();
  const { warnings, exit } = await load('iface-value.rules');
  assert.is(exit, 0);
  assert.equal(warnings, ['recv table(I,5): the value is ignored, as by ipfw']);
  assert.match((await run('list 100')).output, /^00100 deny ip from any to any recv table\(I\)\n$/);
  close();
});

test('an algorithm and its masks are one argument', async () => {
  const { run, close } = begin();
  assert.is((await run('table A create type addr algo "addr:hash masks=/24,/64"')).exit, 0);
  assert.is((await run('table B create algo addr:hash masks=/24,/64 limit 5')).exit, 0);
  assert.is((await run('table A swap B')).exit, 0);
  close();
});

/** When 1250 bytes of a flow leave that came `count` at once, in microseconds. */
function departures(links: Emulator, kind: 'pipe' | 'queue', number: number, count: number): number[] {
  const frame = parsePacket('udp 10.0.0.1:5 > 10.0.0.2:53').frame;
  for (let cookie = 1; cookie <= count; cookie++)
    assert.is(links.enqueue(0n, kind, number, { cookie, length: 1250, frame }), undefined);
  return links.release(10n ** 12n).map(({ time }) => Number(time / 1000n));
}

test("pipe N config type X: the rate is the pipe's, the type that of the scheduler with its number", async () => {
  const { load, run, links, close } = begin();
  const { warnings, error } = await load('pipe-type.rules');
  assert.equal([warnings, error], [[], undefined]);
  const sched = (await run('sched 10001 show')).output;
  assert.match(
    sched,
    /^10001: {2}20\.000 Mbit\/s {4}0 ms burst 0 \n sched 10001 type FQ_CODEL flags 0x0 0 buckets 0 active\n/,
  );
  assert.match(
    sched,
    /\n FQ_CODEL target 5ms interval 100ms quantum 300 limit 600 flows 1024 ECN\n {3}Children flowsets: 10000 \n$/,
  );
  const wf2q = (await run('sched 10000 show')).output;
  assert.match(
    wf2q,
    /^10000: 100\.000 Mbit\/s {3}20 ms burst 0 \n sched 10000 type WF2Q\+ flags 0x1 64 buckets 0 active\n/,
  );
  assert.match(
    (await run('pipe 10001 show')).output,
    / sched 75537 type FIFO flags 0x0 0 buckets 0 active\n/,
  );
  assert.match((await run('queue 10000 show')).output, /^q10000 .* sched 10001 weight 100 /);
  assert.equal(departures(links, 'queue', 10000, 3), [500, 1000, 1500]);
  assert.equal(departures(links, 'pipe', 10000, 2), [20_100, 20_200]);
  await run('pipe 10001 config bw 10Mbit/s');
  assert.match((await run('sched 10001 show')).output, /10\.000 Mbit\/s.*\n sched 10001 type FQ_CODEL/);
  await run('sched 10001 config queue 60');
  assert.match(
    (await run('sched 10001 show')).output,
    / FQ_CODEL target 5ms interval 100ms quantum 300 limit 600/,
  );
  await run('pipe 10001 delete');
  assert.is((await run('sched 10001 show')).output, '');
  assert.is((await run('pipe 3 config fq_codel target 5')).exit, 65);
  assert.is((await run('pipe 3 config type fq_codel target 5 mask all')).exit, 65);
  assert.is((await run('queue 3 config pipe 1 type rr')).exit, 65);
  close();
});

test('derand and noderand, as the program has them', async () => {
  const { load, run, close } = begin();
  assert.is((await load('pie-derand.rules')).error, undefined);
  assert.match((await run('pipe 1 show')).output, / CapDrop DRE Derand\n/);
  assert.match((await run('pipe 2 show')).output, / CapDrop DRE NoDerand\n/);
  assert.match((await run('sched 3 show')).output, / CapDrop TS NoDerand\n/);
  close();
});

test('variables are the defaults of what a command does not give, from then on', async () => {
  const { run, close } = begin();
  await run('pipe 1 config codel');
  const set = (name: string, value: number): Promise<Reply> =>
    run(`sysctl net.inet.ip.dummynet.${name}=${value}`);
  assert.is((await set('codel.target', 8000)).output, 'net.inet.ip.dummynet.codel.target: 5000 -> 8000\n');
  await set('pie.alpha', 250);
  await set('pie.max_ecnth', 50);
  await set('fqcodel.quantum', 300);
  await set('fqpie.flows', 64);
  assert.is((await set('codel.target', 0)).exit, 65);
  await run('pipe 2 config codel interval 50');
  await run('pipe 3 config codel target 6');
  await run('pipe 4 config pie');
  await run('sched 5 config type fq_codel');
  await run('sched 6 config type fq_pie limit 500');
  const shown = async (what: string): Promise<string> => (await run(`${what} show`)).output;
  assert.match(await shown('pipe 1'), /CoDel target 5ms interval 100ms/);
  assert.match(await shown('pipe 2'), /CoDel target 8ms interval 50ms/);
  assert.match(await shown('pipe 3'), /CoDel target 6ms interval 100ms/);
  assert.match(await shown('pipe 4'), /alpha 0\.25 beta 1\.25 max_burst 150ms max_ecnth 0\.05/);
  assert.match(
    await shown('sched 5'),
    /FQ_CODEL target 5ms interval 100ms quantum 300 limit 10240 flows 1024/,
  );
  assert.match(await shown('sched 6'), /alpha 0\.125 .* quantum 1514 limit 500 flows 64/);
  close();
});

test('variables of the links are what went through them', async () => {
  const { run, links, close } = begin();
  const value = async (name: string): Promise<number> =>
    Number(/: (\d+)\n/.exec((await run(`sysctl net.inet.ip.dummynet.${name}`)).output)![1]);
  await run('pipe 1 config bw 1Mbit/s queue 4');
  await run('sched 2 config type rr bw 1Mbit/s');
  await run('queue 1 config sched 2');
  for (let cookie = 1; cookie <= 7; cookie++) links.enqueue(0n, 'pipe', 1, { cookie, length: 100 });
  links.enqueue(0n, 'queue', 1, { cookie: 8, length: 100 });
  links.release(10n ** 6n);
  assert.is(await value('io_pkt'), 8);
  assert.is(await value('io_pkt_drop'), 2);
  assert.equal([await value('schk_count'), await value('fsk_count')], [3, 3]);
  assert.equal([await value('si_count'), await value('queue_count')], [2, 2]);
  assert.equal([await value('tick_lost'), await value('tick_diff'), await value('io_pkt_fast')], [0, 0, 0]);
  assert.is((await run('sysctl net.inet.ip.dummynet.io_pkt=3')).exit, 65);
  close();
});

test.run();
