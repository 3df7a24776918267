// SPDX-License-Identifier: BSD-2-Clause
// emulate-offline-links.test.ts: links in emulate --offline beyond the recorded departures: every loss has its name, copies
// and changed packets, order of the output, layers, seeds, wrong parameters.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { native } from '../../src/native.js';
import { ip, Laboratory, udp } from './emulate-packets.js';
import { violations } from './schema.js';

const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const A = '10.0.0.1';
const B = '192.168.0.9';
const rules = (...list: string[]): string[] => list.flatMap((rule) => ['--rule', rule]);
const offline = (...args: string[]) => laboratory.run('--offline', '--seed', '1', ...args);
const packetsOf = (file: string) => [...openCapture(laboratory.file(file))];

/** `count` UDP packets of 50 bytes, `gapUs` microseconds apart, to ports 1, 2, … */
const stream = (name: string, count: number, gapUs: number, change = (frame: Buffer) => frame) =>
  laboratory.capture(
    name,
    Array.from({ length: count }, (_, i) => ({
      time: BigInt(i * gapUs) * 1000n,
      data: change(ip(17, A, B, udp(9, i + 1))),
    })),
  );

const drops = (records: Record<string, unknown>[]) => [
  ...new Set(records.map(({ drop }) => drop).filter((drop) => drop !== undefined)),
];

test('every loss has its name; records fit the schema', async () => {
  const file = await stream('loss.pcap', 60, 1);
  for (const [name, ...list] of [
    ['no_such_pipe', 'add pipe 7 ip from any to any'],
    ['no_such_pipe', 'add queue 7 ip from any to any'],
    ['plr', 'pipe 1 config plr 1', 'add pipe 1 ip from any to any'],
    ['plr', 'pipe 1 config loss 10%', 'add pipe 1 ip from any to any'],
    ['gemodel', 'pipe 1 config loss gemodel 50%,20%', 'add pipe 1 ip from any to any'],
    ['gemodel', 'pipe 1 config plr 0.1,0.5,0.9,0.2', 'add pipe 1 ip from any to any'],
    ['list', 'pipe 1 config loss list 3,7-9', 'add pipe 1 ip from any to any'],
    ['pattern', 'pipe 1 config loss pattern 0010', 'add pipe 1 ip from any to any'],
    ['markov', 'pipe 1 config loss markov 30%,30%', 'add pipe 1 ip from any to any'],
    ['ber', 'pipe 1 config loss ber 1e-3', 'add pipe 1 ip from any to any'],
    ['queue_full', 'pipe 1 config bw 100Kbit/s queue 3', 'add pipe 1 ip from any to any'],
    ['queue_full', 'pipe 1 config bw 100Kbit/s queue 200B', 'add pipe 1 ip from any to any'],
    ['red', 'pipe 1 config bw 100Kbit/s queue 100 red 1/3/4/1', 'add pipe 1 ip from any to any'],
    ['gred', 'pipe 1 config bw 100Kbit/s queue 100 gred 1/3/4/1', 'add pipe 1 ip from any to any'],
    [
      'codel',
      'pipe 1 config bw 20Kbit/s queue 100 codel target 1 interval 10',
      'add pipe 1 ip from any to any',
    ],
  ] as string[][]) {
    const { records, stderr } = await offline('--json', '--input', `in:em0:${file}`, ...rules(...list));
    const missing =
      name === 'no_such_pipe' ? /^emulate: there is no (pipe|queue) 7: rule 100 sends packets there/ : /^$/;
    assert.match(stderr, missing, list[0]);
    assert.equal(drops(records), [name], list[0]);
    assert.is(records.length, 61);
    for (const record of records) assert.equal(violations(record), []);
  }
});

test('a reason has one spelling, and stands on the page', () => {
  const page = readFileSync(new URL('../../docs/emulate.md', import.meta.url), 'utf8');
  const own = new Set(['none', 'rule', 'not_ip', 'not_captured']); // no losses; the rule's is `deny`
  for (const name of [...native.emulationDropNames, ...native.ruleReasonNames]) {
    assert.match(name, /^[a-z]+(?:_[a-z]+)*$/);
    assert.ok(own.has(name) || page.includes(`\`${name}\``), `docs/emulate.md: ${name}`);
  }
  for (const name of native.relayDropNames) assert.match(name, /^[a-z]+(?:_[a-z]+)*$/);
});

test('what leaves links and what passes by them is written in the order of time', async () => {
  const file = await stream('order.pcap', 300, 100);
  const { records, stderr } = await offline(
    ...['--json', '-v', '--input', `in:em0:${file}`, '--output', 'em0:order.pcapng'],
    ...rules(
      ...[
        'pipe 1 config bw 1Mbit/s delay 3 queue 50',
        'pipe 2 config delay 1',
        'add 100 pipe 1 udp from any to any 1-100',
      ],
      ...['add 200 pipe 2 udp from any to any 101-150', 'add 300 allow ip from any to any'],
    ),
  );
  assert.is(stderr, '');
  const passed = records.filter(({ out_us }) => out_us !== undefined);
  const written = packetsOf('order.pcapng');
  assert.is(written.length, passed.length);
  const times = written.map(({ time }) => Number(time) / 1000);
  assert.equal(
    times,
    passed.map(({ out_us }) => out_us as number).sort((a, b) => a - b),
  );
  for (const record of records) assert.equal(violations(record), []);
});

test('a copy goes its own way, also behind the link', async () => {
  const file = await stream('copy.pcap', 20, 1000);
  const twice = ['pipe 1 config delay 1 duplicate 1', 'add 100 pipe 1 ip from any to any'];
  const one = await offline(
    ...['--json', '-v', '--input', `in:em0:${file}`, '--output', 'em0:copies.pcapng', ...rules(...twice)],
  );
  assert.is(one.stderr, '');
  const copies = (records: Record<string, unknown>[]) => records.slice(0, -1).map((record) => record.copies);
  assert.equal(copies(one.records), new Array(20).fill(1));
  const written = packetsOf('copies.pcapng').map(({ data }) => data[37]);
  assert.equal(
    written,
    Array.from({ length: 40 }, (_, i) => (i >> 1) + 1),
  );
  // Behind the link each of the two passes the rest of the rules: one more link doubles both.
  const two = await offline(
    ...['--json', '-v', '--input', `in:em0:${file}`, '--output', 'em0:copies2.pcapng'],
    ...rules(
      'disable one_pass',
      ...twice,
      'pipe 2 config delay 2 duplicate 1',
      'add 200 pipe 2 udp from any to any 1-10',
    ),
    ...rules('add 300 deny udp from any to any 20'),
  );
  assert.equal(copies(two.records), [...new Array(10).fill(3), ...new Array(9).fill(1), 0]);
  assert.is(packetsOf('copies2.pcapng').length, 10 * 4 + 9 * 2);
  assert.equal(two.records[19]!.drop, 'deny');
});

test('corrupted packets have one wrong bit; the others are as they came', async () => {
  const file = await stream('corrupt.pcap', 40, 1000);
  const { stderr } = await offline(
    ...['--json', '--input', `in:em0:${file}`, '--output', 'em0:wrong.pcapng'],
    ...rules('pipe 1 config delay 1 corrupt 1', 'add pipe 1 udp from any to any 1-20'),
  );
  assert.is(stderr, '');
  const before = packetsOf('corrupt.pcap');
  const after = packetsOf('wrong.pcapng').sort((a, b) => Number(a.time - b.time));
  const wrong = after.map(({ data }) => {
    const best = before.map(({ data: was }) =>
      was.reduce((sum, byte, at) => sum + (byte ^ data[at]!).toString(2).replaceAll('0', '').length, 0),
    );
    return Math.min(...best);
  });
  assert.is(wrong.filter((bits) => bits === 1).length, 20);
  assert.is(wrong.filter((bits) => bits === 0).length, 20);
});

test('marks: congestion experienced, and a right header checksum', async () => {
  const file = await stream('ecn.pcap', 60, 1, (frame) => {
    frame[15] = 2; // ECT(0)
    frame.writeUInt16BE(0, 24);
    frame.writeUInt16BE(~sum(frame.subarray(14, 34)) & 0xffff, 24);
    return frame;
  });
  const { records, stderr } = await offline(
    ...['--json', '--input', `in:em0:${file}`, '--output', 'em0:marked.pcapng'],
    ...rules('pipe 1 config bw 100Kbit/s queue 100 red 1/3/4/1 ecn', 'add pipe 1 ip from any to any'),
  );
  assert.is(stderr, '');
  assert.equal(drops(records), []);
  const headers = packetsOf('marked.pcapng').map(({ data }) => data.subarray(14, 34));
  assert.ok(headers.filter((header) => (header[1]! & 3) === 3).length > 40);
  assert.ok(headers.every((header) => sum(header) === 0xffff));
});

/** One's complement sum of an IP header. */
function sum(header: Uint8Array): number {
  let total = 0;
  for (let at = 0; at < header.length; at += 2) total += (header[at]! << 8) | header[at + 1]!;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

test('links carry frames at layer 2, IP packets at layer 3', async () => {
  const file = await stream('layer.pcap', 1, 1);
  const list = rules('pipe 1 config bw 1Mbit/s', 'add pipe 1 ip from any to any');
  for (const [layer, us] of [
    ['2', 400],
    ['3', 288],
  ] as const) {
    const { records } = await offline('--json', '--layer', layer, '--input', `in:em0:${file}`, ...list);
    assert.is(records[0]!.out_us, us);
  }
});

test('the same seed gives the same bytes, another one others', async () => {
  const file = await stream('seed.pcap', 200, 100);
  const list = rules('pipe 1 config plr 0.3 delay 5 jitter 3', 'add pipe 1 ip from any to any');
  const run = async (seed: string) => {
    const { stdout } = await laboratory.run(
      ...[
        '--offline',
        '--seed',
        seed,
        '--json',
        '--input',
        `in:em0:${file}`,
        '--output',
        'em0:seed.pcapng',
        ...list,
      ],
    );
    return stdout + readFileSync(laboratory.file('seed.pcapng'), 'hex');
  };
  const first = await run('7');
  assert.is(await run('7'), first);
  assert.is.not(await run('8'), first);
});

test('a profile is found beside its rule file; what is wrong is named', async () => {
  const file = await stream('profile.pcap', 3, 100_000);
  mkdirSync(laboratory.file('rules'));
  writeFileSync(
    laboratory.file('rules/p.rules'),
    'pipe 1 config profile air.profile bw 1Mbit/s delay 0\nadd pipe 1 ip from any to any\n',
  );
  writeFileSync(
    laboratory.file('rules/air.profile'),
    'name air\nbw 1Mbit/s\nloss-level 1.0\nprob delay\n0 10\n1 10\n',
  );
  const right = await offline('--json', '--input', `in:em0:${file}`, '--rules', 'rules/p.rules');
  assert.is(right.stderr, '');
  assert.is(right.records[0]!.out_us, 10_400);
  for (const [text, message] of [
    ['pipe 1 config bw 1Mbit/s queue none\n', /^emulate: wrong\.rules:1:\d+: /],
    ['pipe 1 config profile none.profile\n', /^emulate: .*none\.profile/],
  ] as const) {
    writeFileSync(laboratory.file('wrong.rules'), text);
    const { status, stderr, stdout } = await offline('--input', `in:em0:${file}`, '--rules', 'wrong.rules');
    assert.is(status, 65);
    assert.match(stderr, message);
    assert.is(stdout, '');
  }
});

test.run();
