// SPDX-License-Identifier: BSD-2-Clause
// emulate-offline-captures.test.ts: captures in the shapes that other programs write: cut short, of other links, of several,
// with odd times and lengths. What is expected is what libpcap and Wireshark make of them.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CapturePacket, openCapture, PcapWriter } from '../../src/capture/index.js';
import { ip, Laboratory, SYN, tcp, udp } from './emulate-packets.js';

const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const found = (name: string): string =>
  fileURLToPath(new URL(`../golden/capture/found/${name}`, import.meta.url));
const offline = (...args: string[]) => laboratory.run('--offline', '--seed', '1', ...args);
const rules = (...list: string[]): string[] => list.flatMap((rule) => ['--rule', rule]);
const fromFile = (name: string): string[] => ['--input', `in:em0:${found(name)}`];
const packetsOf = (file: string) => [...openCapture(laboratory.file(file))];
const LINK = rules('pipe 1 config bw 1Mbit/s', 'add 100 pipe 1 ip from any to any');

test('a packet cut by a snapshot length is as long as it was: on links, for counters, in outputs', async () => {
  const whole = await offline('--json', ...fromFile('whole.pcap'), ...LINK);
  const cut = await offline('--json', ...fromFile('cut.pcap'), ...LINK, '--output', 'em0:cut-out.pcap');
  assert.equal(cut.records.slice(0, 2), whole.records.slice(0, 2));
  assert.equal(cut.records.at(-1)!.rules, [
    { rule: 100, packets: 10, bytes: 15000 },
    { rule: 65535, packets: 0, bytes: 0 },
  ]);
  assert.is(cut.stderr, '');
  assert.is(cut.records[0]!.out_us, 12112);
  const written = packetsOf('cut-out.pcap');
  assert.ok(written.length > 0);
  assert.ok(written.every(({ data, length }) => data.length === 96 && length === 1514));
  const text = await offline(
    '-q',
    ...fromFile('cut-96-of-1514.pcap'),
    ...rules('pipe 1 config bw 8Mbit/s', 'add 100 pipe 1 ip from any to any iplen 1500'),
  );
  assert.match(text.stdout, 'in:em0: 4 packets, 6056 bytes, of which 384 were captured');
  assert.match(text.stdout, /00100 +4 +6000 pipe 1/);
  assert.match(text.stdout, '1.514000 ms least');
  const records = await offline('--json', ...fromFile('cut-96-of-1514.pcap'), '--bw', '8Mbit/s');
  assert.equal(
    records.records.slice(0, 4).map(({ out_us }) => out_us),
    [1514, 3028, 4542, 6056],
  );
});

test('what rules and links do to a cut packet reaches its bytes; answers and what nat changes have them too', async () => {
  const frame = ip(6, '10.0.0.1', '192.0.2.9', tcp(1000, 80, SYN, { data: 400 }));
  const cut = (size: number): CapturePacket => ({
    time: 0n,
    data: frame.subarray(0, size),
    length: frame.length,
  });
  const file = await laboratory.capture('cut-tcp.pcap', [cut(96), cut(54), cut(34), cut(20), cut(0)]);
  const { records, stderr } = await offline(
    '--json',
    '--input',
    `out:em0:${file}`,
    ...rules(
      'nat 1 config ip 198.51.100.1',
      'add 100 setdscp ef ip from any to any',
      'add 200 nat 1 tcp from any to any out',
      'add 300 deny tcp from any to any 80',
    ),
    '--output',
    'em0:nat.pcap',
  );
  assert.equal(
    records.slice(0, 5).map(({ drop }) => drop),
    [undefined, undefined, undefined, undefined, undefined],
  );
  assert.match(stderr, '3 packets lack headers that were not captured');
  const written = packetsOf('nat.pcap');
  assert.equal(
    written.map(({ data, length }) => [data.length, length]),
    [96, 54, 34, 20, 0].map((size) => [size, frame.length]),
  );
  for (const { data } of written.slice(0, 3)) {
    assert.equal([...data.subarray(26, 30)], [198, 51, 100, 1]);
    assert.is(data[15], 46 << 2);
  }
  const answers = await offline(
    '--input',
    `in:em0:${file}`,
    ...rules('add 100 unreach port tcp from any to any'),
    '--output',
    'em0:answers.pcap',
  );
  assert.match(answers.stdout, 'answered: 3 packets');
  const replies = packetsOf('answers.pcap').filter(({ data }) => data[23] === 1);
  assert.equal(
    replies.map(({ data, length }) => [data.length - length, data.length]),
    [96, 54, 34].map((size) => [0, 14 + 20 + 8 + (size - 14)]),
  );
});

test('a header that was not captured is no short one', async () => {
  const { records, stderr } = await offline('--json', ...fromFile('only-ip-header.pcap'), ...LINK);
  assert.ok(records.slice(0, -1).every(({ drop }) => drop === undefined));
  assert.is(
    stderr,
    'emulate: 1 packet lacks headers that were not captured: taken as later fragments are, without ports and flags\n',
  );
  const ports = await offline(
    '--json',
    ...fromFile('only-ip-header.pcap'),
    ...rules('add 100 deny tcp from any to any 1-65535'),
  );
  assert.is(ports.records[0]!.drop, undefined, 'its ports are not known');
});

test('fragments that were not captured whole are not put together of what is there', async () => {
  const data = Buffer.alloc(160, 0x61);
  const whole = ip(17, '10.0.0.1', '192.0.2.9', Buffer.concat([udp(5, 6, 152), data])).subarray(34);
  const piece = (from: number, to: number, more: boolean) =>
    ip(17, '10.0.0.1', '192.0.2.9', whole.subarray(from, to), { fragment: (more ? 0x2000 : 0) | (from / 8) });
  const [one, two] = [piece(0, 160, true), piece(160, 320, false)];
  const file = await laboratory.capture('fragments.pcap', [
    { time: 0n, data: one },
    { time: 1n, data: two.subarray(0, 96), length: two.length },
  ]);
  const { records, stderr } = await offline(
    '--json',
    '--input',
    `in:em0:${file}`,
    ...rules('add 100 reass ip from any to any'),
  );
  assert.equal(
    records.slice(0, 2).map(({ drop, out_us }) => [drop, out_us !== undefined]),
    [
      ['held', false],
      [undefined, true],
    ],
  );
  assert.match(stderr, '1 packet lacks headers');
});

test('links other than Ethernet work at layer 3, and are written as they came', async () => {
  const types: [string, number][] = [
    ['sll-113.pcap', 113],
    ['sll2-276.pcap', 276],
    ['null-0.pcap', 0],
    ['null-be.pcap', 0],
    ['loop-108.pcap', 108],
    ['raw-12.pcap', 101],
    ['raw-14.pcap', 101],
  ];
  for (const [name, type] of types) {
    const list = rules('add 100 count udp from any to any', 'add 200 pipe 1 ip from any to any');
    const { records, stderr } = await offline(
      ...['--json', '--layer', '3', ...fromFile(name), '--output', 'em0:link.pcap'],
      ...rules('pipe 1 config bw 1Mbit/s'),
      ...list,
    );
    assert.is(stderr, '', name);
    const counters = records.at(-1)!.rules as { rule: number; packets: number; bytes: number }[];
    const length = openCapture(found(name)).next()!.data.length;
    const head = { 113: 16, 276: 20, 0: 4, 108: 4 }[type] ?? 0;
    assert.equal([counters[0]!.packets, counters[0]!.bytes], [1, length - head], name);
    assert.is(records[0]!.out_us, (length - head) * 8, name);
    const [before, after] = [openCapture(found(name)), openCapture(laboratory.file('link.pcap'))];
    assert.is(after.interfaces[0]!.linkType, type, name);
    assert.equal(Buffer.from(after.next()!.data), Buffer.from(before.next()!.data), name);
  }
  const two = await offline(...fromFile('sll-113.pcap'));
  assert.is(two.status, 1);
  assert.match(
    two.stderr,
    'byte 24: a packet of link type 113 (Linux cooked capture, SLL): it has no MAC header',
  );
  assert.match(two.stderr, 'use --layer 3');
  const raw = ip(17, '10.0.0.1', '192.0.2.9', udp(1, 2)).subarray(14);
  for (const type of [101, 228]) {
    const file = await laboratory.capture('raw.pcap', [raw], type);
    assert.is((await offline('--layer', '3', '--input', `in:em0:${file}`)).status, 0, String(type));
  }
});

test('what is no IP passes cooked captures as it came; answers get a head of their kind', async () => {
  const cooked = (protocol: string, rest: Buffer) =>
    Buffer.concat([Buffer.from(`0000000100060200000000010000${protocol}`, 'hex'), rest]);
  const packet = ip(6, '10.0.0.1', '192.0.2.9', tcp(1000, 80, SYN)).subarray(14);
  const arp = cooked('0806', Buffer.from('45000800060400', 'hex'));
  const file = await laboratory.capture('cooked.pcap', [arp, cooked('0800', packet)], 113);
  const { stdout } = await offline(
    ...['--layer', '3', '--input', `in:em0:${file}`, '--output', 'em0:cooked-out.pcap'],
    ...rules('add 100 reset tcp from any to any', 'add 200 deny ip from any to any'),
  );
  assert.match(stdout, 'passed: 1 packet\n');
  const [passed, answer] = packetsOf('cooked-out.pcap');
  assert.equal(Buffer.from(passed!.data), arp);
  const bytes = Buffer.from(answer!.data);
  assert.is(bytes.readUInt16BE(0), 4, 'outgoing');
  assert.is(bytes.subarray(14, 17).toString('hex'), '080045');
  assert.equal([...bytes.subarray(28, 36)], [192, 0, 2, 9, 10, 0, 0, 1]);
});

test('several link types in one file and in one run', async () => {
  const two = await offline('--json', ...fromFile('ethernet-then-raw.pcapng'), '--output', 'em0:e.pcap');
  assert.is(two.status, 1);
  assert.equal([two.records.length, two.records.at(-1)!.type], [3, 'counters']);
  assert.match(two.stderr, 'byte 252: a packet of link type 101 (raw IP): it has no MAC header');
  assert.is(packetsOf('e.pcap').length, 2);
  const inputs = [...fromFile('ethernet-then-raw.pcapng'), '--input', `in:em0:${found('sll-113.pcap')}`];
  const three = await offline('--json', '--layer', '3', ...inputs, '--output', 'em0:all.pcapng');
  assert.is(three.status, 0, three.stderr);
  assert.is(three.records.length, 6);
  const reader = openCapture(laboratory.file('all.pcapng'));
  const seen = [...reader].map((packet) => reader.interfaces[packet.interface]!.linkType);
  assert.equal(
    [...seen].sort((a, b) => a - b),
    [1, 1, 1, 101, 113],
  );
  assert.ok(reader.interfaces.every(({ name }) => name === 'em0'));
  const pcap = await offline('--layer', '3', ...inputs, '--output', 'em0:all.pcap');
  assert.is(pcap.status, 1);
  assert.match(pcap.stderr, /all\.pcap: packet \d of in:em0 is of link type .* a pcap file holds one/);
  assert.match(pcap.stdout, '65535', 'the summary is there');
  assert.ok(packetsOf('all.pcap').length >= 1);
});

test('another link type in the middle: all before it is passed, counted and written, then the byte is named', async () => {
  const file = laboratory.file('change.pcapng');
  const writer = PcapWriter.create(file, { interfaces: [{}, { linkType: 113 }] });
  const data = ip(17, '10.0.0.1', '192.0.2.9', udp(1, 2));
  for (let i = 0; i < 1000; i++) writer.write({ time: BigInt(i), data });
  writer.write({ time: 1000n, data, interface: 1 });
  writer.write({ time: 1001n, data });
  await writer.close();
  const { records, stderr, status } = await offline(
    '--json',
    '--input',
    `in:em0:${file}`,
    '--output',
    'em0:before.pcap',
  );
  assert.is(status, 1);
  assert.is(records.length, 1001);
  assert.equal(records.at(-1)!.rules, [{ rule: 65535, packets: 1000, bytes: 36000 }]);
  assert.is(packetsOf('before.pcap').length, 1000);
  const block = 32 + 52;
  assert.match(stderr, `${file}: byte ${28 + 2 * 32 + 1000 * block}: a packet of link type 113`);
});

test('a fraction of a second of more than a second; more captured than there was', async () => {
  const { records, status } = await offline('--json', ...fromFile('fraction-of-a-second-1000000.pcap'));
  assert.is(status, 0);
  assert.equal(
    records.slice(0, -1).map(({ t_us }) => t_us),
    [0, 999_999, 1_011_040, 2_000_004],
  );
  for (const name of ['caplen.pcap', 'caplen.pcapng']) {
    const file = await offline('--json', ...fromFile(name), '--output', 'em0:caplen.pcap');
    assert.is(file.status, 0);
    assert.equal(
      packetsOf('caplen.pcap').map(({ data, length }) => [data.length, length]),
      [62, 46, 62].map((size) => [size, size]),
    );
    assert.is(
      file.stderr,
      'emulate: 1 packet says it was shorter on the wire than in the file: the rest is left out\n',
    );
  }
});

test('pcap output has nanoseconds where the input or a link has them', async () => {
  const fraction = async (...args: string[]) => {
    assert.is((await offline(...args, '--output', 'em0:fine.pcap')).status, 0);
    const bytes = readFileSync(laboratory.file('fine.pcap'));
    return [
      bytes.readUInt32LE(0).toString(16),
      ...packetsOf('fine.pcap').map(({ time }) => time % 1_000_000_000n),
    ];
  };
  assert.equal(await fraction(...fromFile('nanoseconds.pcap')), [
    'a1b23c4d',
    123_456_789n,
    123_456_790n,
    123_457_999n,
  ]);
  const data = ip(17, '10.0.0.1', '192.0.2.9', udp(1, 2));
  const writer = PcapWriter.create(laboratory.file('us.pcap'));
  writer.write({ time: 1000n, data });
  await writer.close();
  const us = ['--input', `in:em0:${laboratory.file('us.pcap')}`];
  assert.equal(await fraction(...us), ['a1b2c3d4', 1000n]);
  assert.equal(await fraction(...us, '--bw', '3Gbit/s'), ['a1b23c4d', 1134n]);
});

test('a time that a file cannot hold: named, and no broken file', async () => {
  for (const name of ['old.pcapng', 'old.pcap']) {
    const { stderr, stdout, status } = await offline(
      ...fromFile('before-1970.pcapng'),
      '--output',
      `em0:${name}`,
    );
    assert.is(status, 1);
    assert.match(stderr, `emulate: ${name}: packet 0 of in:em0: before 1970: time -300000000000000000 ns`);
    assert.match(stdout, 'in:em0: 2 packets');
    assert.equal(packetsOf(name), []);
  }
  const without = await offline(...fromFile('before-1970.pcapng'));
  assert.is(without.status, 0);
});

test('comments stay with their packets, also with those that wait, and with several', async () => {
  await offline(
    ...fromFile('comment.pcapng'),
    '--output',
    'em1:none.pcapng',
    '--output',
    'em0:comment.pcapng',
  );
  assert.is(packetsOf('comment.pcapng')[0]!.comment, 'first of all');
  const writer = PcapWriter.create(laboratory.file('two.pcapng'));
  const data = ip(17, '10.0.0.1', '192.0.2.9', udp(1, 2));
  writer.write({ time: 0n, data, comments: ['one', 'two'] });
  await writer.close();
  await offline(
    '--input',
    `out:em0:${laboratory.file('two.pcapng')}`,
    '--bw',
    '1Mbit/s',
    '--output',
    'em0:out.pcapng',
  );
  const [packet] = packetsOf('out.pcapng');
  assert.equal([packet!.comments, packet!.direction], [['one', 'two'], 'out']);
  assert.is(
    (await offline(...fromFile('comment.pcapng'), '--output', 'em0:c.pcap')).status,
    0,
    'pcap has none',
  );
});

test('simple packets have no time: they arrive with the packet before, the first with the first that has one', async () => {
  const { records, stderr } = await offline('--json', ...fromFile('simple-after-enhanced.pcapng'));
  const times = records.slice(0, -1).map(({ t_us }) => t_us as number);
  assert.is(
    stderr,
    'emulate: 1 packet has no time (simple packet blocks): taken as arriving with the one before\n',
  );
  assert.equal(times[1], times[0]);
  const word = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const simple = Buffer.concat([3, 20, 4, 0x04030201, 20].map(word));
  const enhanced = Buffer.concat([6, 36, 0, 0, 5000, 4, 4, 0x04030201, 36].map(word));
  const bytes = readFileSync(found('simple-after-enhanced.pcapng'));
  const head = bytes.subarray(0, bytes.readUInt32LE(4) + bytes.readUInt32LE(bytes.readUInt32LE(4) + 4));
  const file = laboratory.file('simple.pcapng');
  writeFileSync(file, Buffer.concat([head, simple, simple, enhanced, simple]));
  const first = await offline('--json', '--input', `in:em0:${file}`);
  assert.equal(
    first.records.slice(0, 4).map(({ t_us }) => t_us),
    [0, 0, 0, 0],
  );
  assert.match(first.stderr, '3 packets have no time');
});

test('what cannot be read or written is named', async () => {
  const gzip = await offline('--json', ...fromFile('gzip.pcap.gz'));
  assert.is(gzip.status, 1);
  assert.match(gzip.stderr, 'it is compressed (gzip): unpack it first');
  const modified = await offline('--json', ...fromFile('modified-format.pcap'));
  assert.equal([modified.status, modified.records.length], [0, 2]);
  const full = await offline(...fromFile('whole-1514.pcap'), '--output', 'em0:/dev/full');
  assert.equal([full.status, full.stderr], [1, 'emulate: cannot write /dev/full: no space left on device\n']);
  assert.match(full.stdout, 'passed: 4 packets');
  const nowhere = await offline(...fromFile('whole-1514.pcap'), '--output', 'em0:nowhere/x.pcap');
  assert.equal(
    [nowhere.status, nowhere.stderr, nowhere.stdout],
    [1, 'emulate: cannot write nowhere/x.pcap: no such file or directory\n', ''],
    'before anything is passed',
  );
});

test('the short link options mean on files what they mean live', async () => {
  const data = ip(17, '10.0.0.1', '192.0.2.9', udp(1, 2, 972));
  const file = await laboratory.capture('short.pcap', [data]);
  const both = ['--input', `in:em0:${file}`, '--input', `out:em1:${file}`];
  const { records } = await offline('--json', ...both, '--bw', '1Mbit/s,2Mbit/s', '--delay', '5ms');
  const outs = Object.fromEntries(records.slice(0, 2).map(({ input, out_us }) => [input, out_us]));
  const us = data.length * 8;
  assert.equal(outs, { 'in:em0': 5000 + us / 2, 'out:em1': 5000 + us });
  const lost = await offline('--json', ...both, '--loss', '100%,0%');
  assert.equal(
    lost.records.slice(0, 2).map(({ input, drop }) => [input, drop]),
    [
      ['in:em0', undefined],
      ['out:em1', 'plr'],
    ],
  );
  const refused = await offline(...both, '--bw', '1Mbit/s', '--rule', 'add allow ip from any to any');
  assert.equal(
    [refused.status, refused.stderr.split(':')[1]],
    [2, ' give either rules (--rules, --rule) or the short link options (--bw, --delay, ...)'],
  );
  const trap = await offline(...both, '--loss', '1');
  assert.match(trap.stderr, 'warning: --loss 1');
});

test.run();
