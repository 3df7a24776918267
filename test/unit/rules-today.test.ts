// SPDX-License-Identifier: BSD-2-Clause
// rules-today.test.ts: packets of odd shapes (test/golden/packets) and what ipfw of FreeBSD 13 to 15 makes of them.
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { Laboratory } from './emulate-packets.js';

const FOLDER = path.resolve('test/golden/packets');
const laboratory = new Laboratory();
test.after(() => laboratory.remove());

interface Outcome {
  /** For each packet its last pass, as "rule verdict"; "" when no rule was asked. */
  passes: string[];
  drops: (string | undefined)[];
  out: (number | undefined)[];
  counters: Record<number, [packets: number, bytes: number]>;
  stderr: string;
  opaque: number | undefined;
}

/** Pass a capture that comes in (or goes out) by em0. `rules`: a file of the folder, or rules themselves. */
async function pass(capture: string, rules: string[], ...more: string[]): Promise<Outcome> {
  const side = more[0] === 'out' ? more.shift()! : 'in';
  const given = rules.flatMap((text) =>
    text.endsWith('.rules') ? ['--rules', path.join(FOLDER, text)] : ['--rule', text],
  );
  const input = ['--input', `${side}:em0:${path.join(FOLDER, capture)}.pcap`];
  const { records, stderr, status } = await laboratory.run(
    '--offline',
    '--seed',
    '1',
    '--json',
    ...input,
    ...given,
    ...more,
  );
  assert.is(status, 0, stderr);
  const packets = records.filter(({ type }) => type === undefined) as {
    passes: { rule: number; verdict: string }[];
    drop?: string;
    out_us?: number;
  }[];
  const counters = records.find(({ type }) => type === 'counters') as unknown as {
    rules: { rule: number; packets: number; bytes: number }[];
    vlan_opaque?: number;
  };
  return {
    passes: packets.map(({ passes }) => {
      const last = passes.at(-1);
      return last ? `${last.rule} ${last.verdict}` : '';
    }),
    drops: packets.map(({ drop }) => drop),
    out: packets.map(({ out_us }) => out_us),
    counters: Object.fromEntries(counters.rules.map((rule) => [rule.rule, [rule.packets, rule.bytes]])),
    stderr,
    opaque: counters.vlan_opaque,
  };
}

/** IPv4 source addresses and IP lengths of an output. */
const sent = (file: string): [source: string, length: number][] =>
  [...openCapture(laboratory.file(file))].map(({ data }) => [
    [...data.subarray(26, 30)].join('.'),
    (data[16]! << 8) | data[17]!,
  ]);

for (const onePass of [0, 1])
  test(`reass: the next rule sees the datagram, with one_pass ${onePass}`, async () => {
    const variable = `sysctl net.inet.ip.fw.one_pass=${onePass}`;
    const { passes } = await pass('reass', [variable, 'reass.rules']);
    assert.equal(passes, ['100 held', '200 deny', '200 deny']);
    const three = await pass('plain', [variable, 'reass-deny.rules']);
    assert.equal(three.passes, ['100 held', '100 held', '200 deny']);
    assert.equal(three.counters[200], [1, 796]);
  });

test('nat: fragments get the alias address in any order', async () => {
  for (const order of ['in-order', 'last-first', 'middle-first']) {
    const { passes } = await pass(order, ['nat.rules'], 'out', '--output', 'em0:nat.pcap');
    assert.equal(passes, Array(3).fill('100 nat'), order);
    assert.equal(
      sent('nat.pcap').map(([source]) => source),
      Array(3).fill('198.51.100.1'),
      order,
    );
  }
});

test('fragments that come twice: the copy is dropped, the datagram is whole', async () => {
  const rules = ['add 100 reass ip from any to any', 'add 200 count udp from any to any 5000'];
  for (const [capture, copy] of [
    ['dup-first', 1],
    ['dup-middle', 2],
    ['plain', undefined],
  ] as const) {
    const { drops, counters } = await pass(capture, rules, '--output', 'em0:whole.pcap');
    assert.equal(counters[200], [1, 796], capture);
    assert.equal(sent('whole.pcap'), [['10.0.0.1', 796]]);
    assert.is(drops.indexOf('fragment_copy'), copy ?? -1, capture);
  }
  const behind = await pass('plain', ['link-duplicates.rules', ...rules], '--output', 'em0:behind.pcap');
  assert.equal(sent('behind.pcap'), [['10.0.0.1', 796]], 'behind a link that duplicates');
  assert.equal(behind.counters[200], [1, 796]);
});

test('divert: one datagram, not three fragments', async () => {
  const { passes } = await pass('plain', ['add divert 1000 ip from any to any'], '--output', '1000:div.pcap');
  assert.equal(passes, ['100 held', '100 held', '100 divert 1000']);
  assert.equal(sent('div.pcap'), [['10.0.0.1', 796]]);
});

test('IPv6: VRRP, short CARP, EtherIP and pfsync are known next headers', async () => {
  const { passes } = await pass('next-header6', ['next-header6.rules']);
  assert.equal(passes, Array(4).fill('100 pass'));
  assert.equal((await pass('vrrp6', ['add 100 allow ip from any to any'])).passes, Array(2).fill('100 pass'));
});

test('IPv6: any next header passes where nobody asked for a firewall, rules drop what they do not know', async () => {
  const unknown = Array(6).fill('unknown_ext_header');
  const link = ['pipe 1 config delay 1', 'add 100 pipe 1 ip from any to any'];
  assert.equal((await pass('ipv6-protocols', [])).passes, Array(6).fill('65535 pass'));
  assert.equal((await pass('ipv6-protocols', link)).passes, Array(6).fill('100 pipe 1'));
  assert.equal((await pass('ipv6-protocols', ['add 100 allow ip from any to any'])).drops, unknown);
  const known = 'sysctl net.inet6.ip6.fw.deny_unknown_exthdrs=0';
  assert.equal((await pass('ipv6-protocols', [known, 'add 100 count tcp from any to any'])).drops, Array(6));
  assert.equal((await pass('ipv6-vrrp-mobility-srv6-eigrp', [])).passes, Array(4).fill('65535 pass'));
  const four = await pass('ipv6-vrrp-mobility-srv6-eigrp', ['add 100 allow ip6 from any to any']);
  assert.equal(four.drops, [undefined, ...unknown.slice(3)]);
});

test('VLAN tags: opaque, with a counter and a line; inner', async () => {
  const opaque = await pass('vlan', ['deny.rules']);
  assert.equal([opaque.passes, opaque.opaque], [['100 deny', '65535 pass', '65535 pass'], 2]);
  const inner = await pass('vlan', ['deny.rules'], '--vlan', 'inner');
  assert.equal([inner.passes, inner.opaque], [Array(3).fill('100 deny'), undefined]);
  const input = ['--input', `in:em0:${path.join(FOLDER, 'vlan.pcap')}`];
  const text = await laboratory.run(
    '--offline',
    '--seed',
    '1',
    ...input,
    '--rules',
    path.join(FOLDER, 'deny.rules'),
  );
  assert.match(text.stdout, 'Behind VLAN tags, not looked into by rules: 2 packets (--vlan inner looks).\n');
  const plain = await laboratory.run('--offline', '--seed', '1', ...input);
  assert.not.match(plain.stdout, 'VLAN');
});

test('layer 3: what is behind VLAN tags takes the link and meets the rules', async () => {
  const link = await pass('vlan', ['slow.rules'], '--layer', '3');
  assert.equal([link.passes, link.out], [Array(3).fill('100 pipe 1'), [40_000, 80_000, 120_000]]);
  const none = await pass('vlan-tcp-22', ['add deny ip from any to any'], '--layer', '3');
  assert.equal(none.drops, ['deny', 'deny']);
});

test('fwd with keep-state: only the direction that made the state', async () => {
  const { passes } = await pass('fwd-state', ['fwd-state.rules'], 'out');
  assert.equal(passes, ['100 forward', '100 pass', '100 forward']);
});

test('a tiny TCP fragment is dropped before any rule', async () => {
  const { passes, drops, counters } = await pass('tiny', ['tiny.rules']);
  assert.equal([passes, drops, counters[100]], [[''], ['tiny_fragment'], [0, 0]]);
});

test('frag: its flags are those of IPv4, of IPv6 only plain frag matches', async () => {
  assert.equal((await pass('frag6', ['frag6.rules'])).passes, Array(3).fill('400 pass'));
  const plain = ['add 100 count ip from any to any frag', 'add 200 count ip from any to any frag offset'];
  const flags = ['!mf', '!offset', 'mf', 'rf', '!df'].map(
    (word, i) => `add ${300 + i} deny ip6 from any to any frag ${word}`,
  );
  const { passes, counters } = await pass('frag6', [...plain, ...flags]);
  assert.equal(passes, Array(3).fill('65535 pass'));
  assert.equal([counters[100]![0], counters[200]![0]], [1, 1], 'the later fragment');
});

test('a mark stays with the packet across a link', async () => {
  const { passes } = await pass('mark-pipe', ['mark-pipe.rules']);
  assert.equal(passes, ['300 deny']);
});

test('iplen matches IPv6; TCP options that are cut off match as far as they are there', async () => {
  const six = await pass('ipv6-of-48-bytes', ['add 100 count ip from any to any iplen 48']);
  assert.is(six.counters[100]![0], 1);
  const cut = await pass('tcp-options-cut', ['add 100 count tcp from any to any tcpoptions ts']);
  assert.is(cut.counters[100]![0], 1);
});

test('flow-id: the label of IPv6, also in lists', async () => {
  const { counters } = await pass('flow', ['flow.rules']);
  assert.equal(
    [10, 20, 30].map((rule) => counters[rule]![0]),
    [2, 1, 2],
  );
});

test('reset answers a segment with the numbers of RFC 9293, 3.10.7.1', async () => {
  const RST = 4;
  const ACK = 16;
  await pass('resets', ['reset.rules'], '--output', `em0:${laboratory.file('answers.pcap')}`);
  const tcp = [...openCapture(laboratory.file('answers.pcap'))].map(({ data }) =>
    Buffer.from(data).subarray(34),
  );
  assert.equal(
    tcp.map((header) => [header[13], header.readUInt32BE(4), header.readUInt32BE(8)]),
    [
      [RST | ACK, 0, 106],
      [RST | ACK, 0, 3],
      [RST, 5000, 0],
      [RST | ACK, 0, 9],
    ],
  );
});

test.run();
