// SPDX-License-Identifier: BSD-2-Clause
// emulate-offline-tshark.test.ts: what every action makes of packets, written by --output and read by tshark with all
// checksums verified.
import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openCapture } from '../../src/capture/index.js';
import { ACK, ip, Laboratory, ping, SYN, sctpInit, tcp, udp } from './emulate-packets.js';

const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const VERIFY = ['ip.check_checksum:TRUE', 'tcp.check_checksum:TRUE', 'udp.check_checksum:TRUE'];
VERIFY.push('sctp.checksum:crc32c');
const BAD = [
  ...['ip', 'tcp', 'udp', 'icmp', 'icmpv6', 'sctp'].map((name) => `${name}.checksum.status == 0`),
  '_ws.malformed',
  '_ws.expert.severity >= 0x800000',
].join(' || ');

/** Fields of the packets of a file that fit a filter. */
function tshark(file: string, filter: string, ...fields: string[]): string[] {
  const args = [...VERIFY.flatMap((option) => ['-o', option]), '-n', '-r', laboratory.file(file)];
  args.push('-Y', filter, '-T', 'fields', '-E', 'separator= ', ...fields.flatMap((field) => ['-e', field]));
  const { stdout, stderr, status } = spawnSync('tshark', args, { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '');
}

const missing = spawnSync('tshark', ['--version']).status !== 0;
const check = (name: string, run: () => Promise<void>): void => {
  if (missing) {
    console.log(`skip ${name}: tshark is not installed`);
    test.skip(name, run);
  } else test(name, run);
};

const A = '10.0.0.1';
const B = '192.168.0.9';
const A6 = 'fd00::1';
const B6 = 'fd01::9';

/** Each: a rule, a packet, and what the answer is to tshark. */
const answers: [rule: string, frame: Buffer, fields: string][] = [
  ['reset tcp from any to any 1001', ip(6, A, B, tcp(5, 1001, SYN)), '192.168.0.9 10.0.0.1 0x0014'],
  [
    'reset tcp from any to any 1002',
    ip(6, A, B, tcp(5, 1002, ACK, { data: 7 })),
    '192.168.0.9 10.0.0.1 0x0004',
  ],
  ['reset6 tcp from any to any 1003', ip(6, A6, B6, tcp(5, 1003, SYN)), '0x0014'],
  ['reject udp from any to any 1004', ip(17, A, B, udp(5, 1004)), '192.168.0.9 10.0.0.1 3 1'],
  ['unreach port udp from any to any 1005', ip(17, A, B, udp(5, 1005, 1400)), '192.168.0.9 10.0.0.1 3 3'],
  ['unreach needfrag 576 udp from any to any 1006', ip(17, A, B, udp(5, 1006)), '192.168.0.9 10.0.0.1 3 4'],
  [
    'unreach filter-prohib icmp from any to 192.168.0.8',
    ip(1, A, '192.168.0.8', ping()),
    '192.168.0.8 10.0.0.1 3 13',
  ],
  ['unreach6 admin-prohib udp from any to any 1007', ip(17, A6, B6, udp(5, 1007, 1400)), '1 1'],
  ['unreach6 port udp from any to any 1008', ip(17, A6, B6, udp(5, 1008)), '1 4'],
  ['abort sctp from any to any 1009', ip(132, A, B, sctpInit(5, 1009)), '192.168.0.9 10.0.0.1 6'],
  ['abort6 sctp from any to any 1010', ip(132, A6, B6, sctpInit(5, 1010)), '6'],
];
const ANSWER_FIELDS = [
  'ip.src',
  'ip.dst',
  'tcp.flags',
  'icmp.type',
  'icmp.code',
  'icmpv6.type',
  'icmpv6.code',
];

for (const layer of ['2', '3'])
  check(`layer ${layer}: every answer is a packet without an error`, async () => {
    const input = await laboratory.capture(
      'in.pcap',
      answers.map(([, frame]) => frame),
    );
    const rules = answers.flatMap(([rule], index) => ['--rule', `add ${100 + index} ${rule}`]);
    const { status, stderr, stdout } = await laboratory.run(
      ...['--offline', '--layer', layer, '--seed', '1', '--input', `in:em0:${input}`, ...rules],
      ...['--output', `em0:answers.pcapng`],
    );
    assert.is(stderr, '');
    assert.is(status, 0);
    assert.match(stdout, `answered: ${answers.length} packets`);
    const packets = [...openCapture(laboratory.file('answers.pcapng'))];
    assert.equal(
      packets.map(({ direction }) => direction),
      answers.map(() => 'out'),
    );
    assert.equal(tshark('answers.pcapng', BAD, 'frame.number', '_ws.expert.message'), []);
    const read = tshark('answers.pcapng', 'frame', ...ANSWER_FIELDS, 'sctp.chunk_type');
    // What an ICMP error quotes has fields of its own, behind a comma.
    const own = read.map((line) =>
      line
        .replaceAll(/,[^ ]*/g, '')
        .split(' ')
        .filter(Boolean)
        .join(' '),
    );
    assert.equal(
      own,
      answers.map(([, , fields]) => fields),
    );
  });

check('a packet sent is answered toward its sender: the answer comes in', async () => {
  const input = await laboratory.capture('sent.pcap', [ip(6, A, B, tcp(5, 1001, SYN))]);
  await laboratory.run(
    ...['--offline', '--seed', '1', '--input', `out:em1:${input}`, '--rule', 'add reset tcp from any to any'],
    ...['--output', 'em1:sent.pcapng'],
  );
  const [packet] = [...openCapture(laboratory.file('sent.pcapng'))];
  assert.is(packet!.direction, 'in');
  assert.equal(tshark('sent.pcapng', BAD, 'frame.number'), []);
});

for (const layer of ['2', '3'])
  check(`layer ${layer}: nat, setdscp, tcp-setmss and reass leave right packets`, async () => {
    const whole = udp(7, 2004, 3000);
    const more = 0x2000;
    // The datagram's checksum is that of the whole; put in once, then cut.
    const full = ip(17, A, B, whole);
    const body = full.subarray(34);
    const sent = [
      ip(6, A, B, tcp(5, 2000, SYN)),
      ip(17, A, B, udp(5, 2003)),
      ip(1, A, B, ping()),
      ip(6, A, '192.168.1.1', tcp(6, 81, SYN, { mss: 1460 })),
      ip(17, A, '192.168.1.2', udp(6, 82)),
      ip(17, A6, B6, udp(6, 83)),
      ip(17, A, '192.168.1.3', body.subarray(0, 1480), { id: 77, fragment: more }),
      ip(17, A, '192.168.1.3', body.subarray(1480, 2960), { id: 77, fragment: more | 185 }),
      ip(17, A, '192.168.1.3', body.subarray(2960), { id: 77, fragment: 370 }),
    ];
    // The pseudo header has another destination than the checksum was made for.
    const first = sent[6]!;
    first.writeUInt16BE(checksumFor(first, sent[7]!, sent[8]!), 34 + 6);
    const input = await laboratory.capture('change.pcap', sent);
    const { status, stderr, stdout } = await laboratory.run(
      ...['--offline', '--layer', layer, '--seed', '1', '--input', `out:em0:${input}`],
      ...['--rule', 'nat 1 config ip 172.16.0.1', '--rule', `add 100 nat 1 ip4 from any to ${B}`],
      ...['--rule', 'add 200 tcp-setmss 1200 tcp from any to 192.168.1.1'],
      ...['--rule', 'add 300 setdscp ef ip from any to any 82,83'],
      ...['--rule', 'add 400 reass ip from any to 192.168.1.3'],
      ...['--output', 'em0:changed.pcapng', '-v'],
    );
    assert.is(stderr, '');
    assert.is(status, 0, stdout);
    assert.equal(tshark('changed.pcapng', BAD, 'frame.number', '_ws.expert.message'), []);
    const fields = ['ip.src', 'ip.dsfield.dscp', 'ipv6.tclass.dscp', 'tcp.options.mss_val', 'udp.length'];
    const read = tshark('changed.pcapng', 'frame', ...fields).map((line) =>
      line.split(' ').filter(Boolean).join(' '),
    );
    assert.equal(read, [
      '172.16.0.1 0',
      '172.16.0.1 0 16',
      '172.16.0.1 0',
      '10.0.0.1 0 1200',
      '10.0.0.1 46 16',
      '46 16',
      '10.0.0.1 0 3008',
    ]);
  });

/** The UDP checksum of three fragments' payload together. */
function checksumFor(...fragments: Buffer[]): number {
  const body = Buffer.concat(fragments.map((fragment) => fragment.subarray(34)));
  body.writeUInt16BE(0, 6);
  return ip(17, A, '192.168.1.3', body).readUInt16BE(34 + 6);
}

test.run();
