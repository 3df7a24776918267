// SPDX-License-Identifier: BSD-2-Clause
// emulate-offline.test.ts: emulate --offline on small captures: merging, records, every kind of action, time, damage, wrong
// command lines and rules.
import { truncateSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { ACK, ip, Laboratory, ping, SYN, tcp, udp } from './emulate-packets.js';

const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const A = '10.0.0.1';
const B = '192.168.0.9';
const MS = 1_000_000n;
const rules = (...list: string[]): string[] => list.flatMap((rule) => ['--rule', rule]);
const offline = (...args: string[]) => laboratory.run('--offline', '--seed', '1', ...args);
const packetsOf = (file: string) => [...openCapture(laboratory.file(file))];

test('inputs are merged by time, equal times in the order of the command line', async () => {
  const data = ip(17, A, B, udp(1, 2));
  const one = await laboratory.capture(
    'one.pcap',
    [5n, 7n, 9n].map((time) => ({ time: time * MS, data })),
  );
  const two = await laboratory.capture(
    'two.pcap',
    [5n, 6n, 9n].map((time) => ({ time: time * MS, data })),
  );
  const { records, stderr } = await offline(
    '--json',
    '--input',
    `out:em1:${two}`,
    '--input',
    `in:em0:${one}`,
  );
  assert.is(stderr, '');
  assert.equal(
    records.slice(0, -1).map(({ input, t_us, packet }) => [packet, input, t_us]),
    [
      [0, 'out:em1', 0],
      [1, 'in:em0', 0],
      [2, 'out:em1', 1000],
      [3, 'in:em0', 2000],
      [4, 'out:em1', 4000],
      [5, 'in:em0', 4000],
    ],
  );
  assert.equal(records.at(-1), { type: 'counters', rules: [{ rule: 65535, packets: 6, bytes: 6 * 36 }] });
});

test('records: fractions of microseconds, late packets, a drop with its reason', async () => {
  const data = ip(17, A, B, udp(1, 2));
  const file = await laboratory.capture(
    'late.pcap',
    [10_000n, 11_234n, 11_000n].map((time) => ({ time, data })),
  );
  const { records, stderr, status } = await offline(
    '--json',
    '--default',
    'deny',
    '--input',
    `in:em0:${file}`,
  );
  assert.is(status, 0);
  assert.match(stderr, 'emulate: 1 packet has an earlier time than the one before');
  assert.equal(records.slice(0, 3), [
    { packet: 0, input: 'in:em0', t_us: 0, passes: [{ rule: 65535, verdict: 'deny' }], drop: 'deny' },
    { packet: 1, input: 'in:em0', t_us: 1.234, passes: [{ rule: 65535, verdict: 'deny' }], drop: 'deny' },
    { packet: 2, input: 'in:em0', t_us: 1.234, passes: [{ rule: 65535, verdict: 'deny' }], drop: 'deny' },
  ]);
  const short = await laboratory.capture('short.pcap', [ip(6, A, B, Buffer.alloc(19))]);
  const cut = await offline('--json', '--default', 'deny', '--input', `in:em0:${short}`);
  assert.equal(cut.records[0], { packet: 0, input: 'in:em0', t_us: 0, passes: [], drop: 'short_header' });
});

test('headers that do not fit: TCP, UDP and ICMP are dropped unseen, of other protocols nothing is read', async () => {
  const bare = (proto: number, payload: number, first = 0x45): Buffer => {
    const frame = ip(94, A, B, Buffer.alloc(payload));
    frame[14] = first;
    frame[23] = proto;
    return frame;
  };
  const options = (proto: number, payload: number): Buffer => bare(proto, payload, 0x4f); // says 40 bytes of them
  const file = await laboratory.capture('headers.pcap', [
    bare(1, 7),
    bare(1, 8),
    bare(17, 7),
    options(17, 47),
    options(17, 48),
    options(94, 0),
    options(47, 39),
  ]);
  const rules = ['--rule', 'add 100 deny ip from any to any ipoptions !rr'];
  const { records } = await offline('--json', ...rules, '--input', `in:em0:${file}`);
  assert.equal(
    records.slice(0, 7).map(({ passes, drop }) => [(passes as unknown[]).length, drop]),
    [
      [0, 'short_header'],
      [1, 'deny'],
      [0, 'short_header'],
      [0, 'short_header'],
      ...[1, 2, 3].map(() => [1, 'deny']),
    ],
  );
});

test('divert, tee, fwd, log: what they mean on files', async () => {
  const file = await laboratory.capture(
    'actions.pcap',
    [1, 2, 3, 4, 5].map((port) => ip(17, A, B, udp(9, port))),
  );
  const { records, stderr } = await offline(
    ...['--json', '--input', `in:em0:${file}`, '--log', 'log.pcapng', '--output', 'em0:passed.pcapng'],
    ...['--output', '8668:divert.pcapng', '--output', '9:tee.pcap'],
    ...rules(
      'add 100 divert 8668 udp from any to any 1',
      'add 200 tee 9 udp from any to any 2',
      'add 300 fwd 10.9.9.9,53 udp from any to any 3',
      'add 400 count log udp from any to any 4',
      'add 500 deny log logdst bpf udp from any to any 5',
    ),
  );
  assert.is(stderr, '');
  const ends = (index: number) => {
    const { passes, out_us, drop, next_hop } = records.filter(({ passes: p }) => p)[index]!;
    return [passes, out_us ?? drop, next_hop];
  };
  assert.equal(ends(0), [[{ rule: 100, verdict: 'divert 8668' }], 'divert', undefined]);
  assert.equal(ends(1), [[{ rule: 65535, verdict: 'pass' }], 1000, undefined]);
  assert.equal(ends(2), [[{ rule: 300, verdict: 'forward' }], 2000, '10.9.9.9,53']);
  assert.equal(
    records.filter(({ type }) => type === 'log'),
    [{ type: 'log', packet: 3, input: 'in:em0', t_us: 3000, rule: 400, bytes: 50 }],
  );
  assert.is(
    records.findIndex(({ type }) => type === 'log'),
    3,
  );
  const ports = (name: string) => packetsOf(name).map(({ data }) => data[37]);
  assert.equal(ports('passed.pcapng'), [2, 3, 4]);
  assert.equal(ports('divert.pcapng'), [1]);
  assert.equal(ports('tee.pcap'), [2]);
  assert.equal(
    packetsOf('log.pcapng').map(({ comment, direction, time }) => [comment, direction, time]),
    [
      ['rule 400', 'in', 3n * MS],
      ['rule 500', 'in', 4n * MS],
    ],
  );
});

test('nat goes on when one_pass is off, reass always', async () => {
  const body = udp(7, 2004, 1000);
  const file = await laboratory.capture('more.pcap', [
    ip(1, A, B, ping()),
    ip(17, A, B, body.subarray(0, 504), { id: 5, fragment: 0x2000 }),
    ip(17, A, B, body.subarray(504), { id: 5, fragment: 63 }),
  ]);
  const list = [
    'nat 1 config ip 172.16.0.1',
    'add 100 nat 1 icmp from any to any',
    'add 200 reass udp from any to any',
    'add 300 deny ip from 172.16.0.1 to any',
    'add 400 allow udp from any to any 2004 iplen 1028',
    'add 500 deny ip from any to any',
  ];
  const on = await offline('--json', '--input', `out:em0:${file}`, ...rules(...list));
  assert.equal(
    on.records.slice(0, 3).map(({ passes, drop }) => [passes, drop]),
    [
      [[{ rule: 100, verdict: 'nat' }], undefined],
      [[{ rule: 200, verdict: 'held' }], 'held'],
      [[{ rule: 400, verdict: 'pass' }], undefined],
    ],
  );
  const off = await offline('--json', '--input', `out:em0:${file}`, ...rules('disable one_pass', ...list));
  assert.equal(
    off.records.slice(0, 3).map(({ passes, drop }) => [passes, drop]),
    [
      [
        [
          { rule: 100, verdict: 'nat' },
          { rule: 300, verdict: 'deny' },
        ],
        'deny',
      ],
      [[{ rule: 200, verdict: 'held' }], 'held'],
      [[{ rule: 400, verdict: 'pass' }], undefined],
    ],
  );
});

test('states live and die by the time of the packets; keep-alives are sent meanwhile', async () => {
  const syn = ip(6, A, B, tcp(7, 80, SYN));
  const answer = ip(6, B, A, tcp(80, 7, SYN | ACK));
  const packet = (seconds: number, data: Buffer) => ({ time: BigInt(seconds) * 1000n * MS, data });
  // Both ends acknowledge until 102, and again until 400: the state lives until 402, then until 700.
  const inside = await laboratory.capture('inside.pcap', [
    packet(100, syn),
    packet(102, ip(6, A, B, tcp(7, 80, ACK))),
    packet(399, ip(6, A, B, tcp(7, 80, ACK))),
  ]);
  const outside = await laboratory.capture('outside.pcap', [
    packet(101, answer),
    packet(400, ip(6, B, A, tcp(80, 7, ACK))),
    packet(86_400 * 400, answer),
  ]);
  const { records, stderr } = await offline(
    ...[
      '--json',
      '--input',
      `out:em0:${inside}`,
      '--input',
      `in:em0:${outside}`,
      '--output',
      'em0:alive.pcapng',
    ],
    ...rules(
      'add 100 check-state',
      'add 200 allow tcp from any to any setup keep-state out',
      'add 300 deny ip from any to any',
    ),
  );
  assert.is(stderr, '');
  assert.equal(
    records.slice(0, 6).map(({ passes }) => (passes as { rule: number }[])[0]!.rule),
    [200, 200, 200, 200, 200, 300],
  );
  const alive = packetsOf('alive.pcapng');
  const seconds = alive.map(({ time }) => Number(time / (1000n * MS)));
  assert.equal(seconds.slice(0, 3), [100, 101, 102]);
  assert.equal(
    seconds,
    [...seconds].sort((a, b) => a - b),
  );
  // In the last 20 seconds, every 5, both ends are asked.
  const asked = seconds.filter((second) => ![100, 101, 102, 399, 400].includes(second));
  assert.is(asked.length, 14, String(asked));
  assert.ok(asked.every((second) => (second >= 382 && second < 399) || (second >= 680 && second < 700)));
});

test('damage: what is before it is done, then the place is named and the status is 1', async () => {
  const file = await laboratory.capture('damaged.pcap', [ip(17, A, B, udp(1, 2)), ip(17, A, B, udp(1, 3))]);
  truncateSync(file, 24 + 16 + 50 + 20);
  const { records, stderr, status } = await offline('--json', '--input', `in:em0:${file}`);
  assert.is(status, 1);
  assert.is(records.length, 2);
  assert.is(
    stderr,
    `emulate: ${file}: byte 110: the file ends within a packet that begins at byte 90: expected 46 more bytes\n`,
  );
});

test('raw IP captures', async () => {
  const raw = ip(17, A, B, udp(1, 2)).subarray(14);
  const file = await laboratory.capture('raw.pcap', [raw], 101);
  const list = rules('add 100 reject udp from any to any', 'add 200 deny ip from any to any layer2');
  const two = await offline('--input', `in:em0:${file}`, ...list);
  assert.is(two.status, 1);
  assert.is(
    two.stderr,
    `emulate: ${file}: byte 24: a packet of link type 101 (raw IP): it has no MAC header: expected Ethernet (1), or use --layer 3\n`,
  );
  const three = await offline(
    '--layer',
    '3',
    '--input',
    `in:em0:${file}`,
    '--output',
    'em0:raw-out.pcap',
    ...list,
  );
  assert.is(three.status, 0, three.stderr);
  const reader = openCapture(laboratory.file('raw-out.pcap'));
  assert.is(reader.interfaces[0]!.linkType, 101);
  assert.is([...reader][0]!.data[0], 0x45);
  const odd = await laboratory.capture('odd.pcap', [raw], 127);
  assert.match(
    (await offline('--input', `in:em0:${odd}`)).stderr,
    'a packet of link type 127 (IEEE 802.11, radiotap), which cannot be used',
  );
});

test('text: a summary with the rules, and a line a packet with -v', async () => {
  const file = await laboratory.capture('text.pcap', [ip(17, A, B, udp(1, 2)), ip(17, A, B, udp(1, 3))]);
  const { stdout } = await offline(
    '-v',
    '--input',
    `in:em0:${file}`,
    ...rules('add deny udp from any to any 3'),
  );
  assert.is(
    stdout,
    [
      '0.000000000 in:em0 50 bytes: 65535 pass: out after 0.000000 ms',
      '0.001000000 in:em0 50 bytes: 100 deny: drop: deny',
      'in:em0: 2 packets, 100 bytes',
      'passed: 1 packet',
      'dropped, deny: 1 packet',
      'rules, with packets and bytes from the IP header on (above, frames from the MAC header on):',
      '00100 1 36 deny udp from any to any 3',
      '65535 1 36 allow ip from any to any\n',
    ].join('\n'),
  );
});

test('the same seed gives the same bytes; a chosen one is printed', async () => {
  const file = await laboratory.capture(
    'random.pcap',
    Array.from({ length: 200 }, (_, i) => ip(17, A, B, udp(1, i))),
  );
  const args = [
    '--offline',
    '--json',
    '--input',
    `in:em0:${file}`,
    ...rules('add prob 0.5 deny ip from any to any'),
  ];
  const chosen = await laboratory.run(...args);
  const [, seed] = /^emulate: seed (\d+)\n$/.exec(chosen.stderr) ?? [];
  assert.ok(seed);
  assert.is((await laboratory.run(...args, '--seed', seed!)).stdout, chosen.stdout);
  assert.is.not((await laboratory.run(...args, '--seed', '12345678901')).stdout, chosen.stdout);
});

test('wrong command lines end with 2, wrong rules with 65 and their place', async () => {
  const file = await laboratory.capture('x.pcap', [ip(17, A, B, udp(1, 2))]);
  for (const [args, message] of [
    [[], '--offline needs packets: --input in:INTERFACE:FILE or out:INTERFACE:FILE'],
    [['--input', 'em0:x'], "--input: 'em0:x' is not in:INTERFACE:FILE or out:INTERFACE:FILE"],
    [['--input', `in::${file}`], `--input: 'in::${file}': an interface's name has 1 to 15 characters`],
    [['--input', `in:a:${file}`, '--output', 'b'], "--output: 'b' is not INTERFACE:FILE"],
    [
      ['--input', `in:a:${file}`, '--output', 'b:o.pcap', '--output', 'a:o.pcap'],
      '--output: o.pcap cannot hold two interfaces (b and a): only a .pcapng file can',
    ],
    [
      ['--input', `in:a:${file}`, '--output', `a:${file}`],
      `${file} is read and written: give the output another name`,
    ],
    [['--input', `in:a:${file}`, '--log', 'x.pcap'], "--log: 'x.pcap' is not a .pcapng file of its own"],
    [['--layer', '4'], "--layer: '4' is not one of 2, 3"],
    [['--bogus'], 'unknown option --bogus (emulate -h lists them)'],
    [['--input', `in:a:${file}`, '--me', 'x'], 'bad address "x": expected an IPv4 or IPv6 address or prefix'],
  ] as const) {
    const { status, stderr } = await offline(...args);
    assert.is(stderr, `emulate: ${message}\n`);
    assert.is(status, 2);
  }
  writeFileSync(laboratory.file('bad.rules'), 'add allow ip from any to any\nadd alow ip from any to any\n');
  const bad = await offline('--input', `in:a:${file}`, '--rules', 'bad.rules');
  assert.is(bad.status, 65);
  assert.match(bad.stderr, /^emulate: bad\.rules:2:5: .*"alow"/);
  assert.is((await offline('--input', `in:a:${file}`, '--rule', 'add bogus')).status, 65);
  const gone = await offline('--input', 'in:a:gone.pcap');
  assert.equal([gone.status, gone.stderr], [1, 'emulate: cannot read gone.pcap: no such file\n']);
  const nowhere = await offline('--input', `in:a:${file}`, '--output', 'a:none/x.pcap');
  assert.is(nowhere.status, 1);
  assert.match(nowhere.stderr, /^emulate: .*none\/x\.pcap/);
});

test('several interfaces in one pcapng, with what each received and lost', async () => {
  const em0 = await laboratory.capture('em0.pcap', [ip(17, A, B, udp(1, 2)), ip(17, A, B, udp(1, 3))]);
  const em1 = await laboratory.capture('em1.pcap', [ip(17, B, A, udp(2, 1))]);
  const { stderr } = await offline(
    ...['--input', `in:em0:${em0}`, '--input', `out:em1:${em1}`],
    ...['--output', 'em0:both.pcapng', '--output', 'em1:both.pcapng'],
    ...rules('add deny udp from any to any 3'),
  );
  assert.is(stderr, '');
  const reader = openCapture(laboratory.file('both.pcapng'));
  assert.equal(
    [...reader].map(({ interface: index, direction }) => [index, direction]),
    [
      [0, 'in'],
      [1, 'out'],
    ],
  );
  assert.equal(
    reader.interfaces.map(({ name }) => name),
    ['em0', 'em1'],
  );
  assert.equal(
    [...reader.statistics.values()],
    [
      { received: 2n, dropped: 1n },
      { received: 1n, dropped: 0n },
    ],
  );
});

test.run();
