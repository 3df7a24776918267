// SPDX-License-Identifier: BSD-2-Clause
// traffic.test.ts: what pkt-gen's options make of packets, as a JavaScript program at the other end of a pipe sees them.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MORE_FRAGMENTS, openPort } from '../../src/index.js';
import { WAIT_MS, World } from './programs.js';

let world: World;
test.before.each(() => {
  world = new World();
});
test.after.each(() => world.end());

interface Packet {
  bytes: Buffer;
  more: boolean;
}

/** The slots that `pkt-gen -f tx` sends with these options. */
async function sent(slots: number, ...options: string[]): Promise<Packet[]> {
  const port = openPort('netmap:p}1', { dir: world.dir });
  try {
    const program = world.start('pkt-gen', ['-i', 'netmap:p{1', '-f', 'tx', ...options]);
    const packets: Packet[] = [];
    while (packets.length < slots) {
      const { rx } = await port.wait('rx', WAIT_MS);
      if (!rx) break;
      const count = port.rx.receive();
      for (let i = 0; i < count; i++)
        packets.push({
          bytes: Buffer.from(port.rx.packet(i)),
          more: (port.rx.flags[i]! & MORE_FRAGMENTS) !== 0,
        });
    }
    port.rx.receive();
    const { status, stderr } = await program.ended;
    assert.is(status, 0, stderr);
    assert.is(packets.length, slots);
    return packets;
  } finally {
    port.close();
  }
}

/** The Internet checksum's sum over words (RFC 1071): 0xffff when the checksum inside is right. */
function sum(...parts: Buffer[]): number {
  let total = 0;
  for (const part of parts)
    for (let i = 0; i < part.length; i += 2) total += (part[i]! << 8) | (part[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** Checks the IPv4 and transport checksums of a frame whose IP header begins at `at`. */
function checkIpv4(frame: Buffer, at: number): void {
  const length = frame.readUInt16BE(at + 2);
  const header = frame.subarray(at, at + 20);
  const payload = frame.subarray(at + 20, at + length);
  assert.is(sum(header), 0xffff, 'IPv4 header checksum');
  const protocol = header[9]!;
  const pseudo = Buffer.concat([
    header.subarray(12, 20),
    Buffer.from([0, protocol, payload.length >> 8, payload.length & 255]),
  ]);
  assert.is(protocol === 1 ? sum(payload) : sum(pseudo, payload), 0xffff, 'transport checksum');
}

const ips = (packets: Packet[], at: number) =>
  packets.map(({ bytes }) => [...bytes.subarray(at, at + 4)].join('.'));

test('IPv4, UDP: addresses, ports, lengths and checksums', async () => {
  const options = [
    '-n',
    '4',
    '-l',
    '100',
    '-s',
    '10.1.2.3:1000',
    '-d',
    '10.4.5.6:53',
    '-D',
    '02:00:00:00:00:0d',
  ];
  const packets = await sent(4, ...options, '-S', '02:00:00:00:00:05');
  for (const { bytes } of packets) {
    assert.is(bytes.length, 100);
    assert.is(bytes.subarray(0, 12).toString('hex'), '02000000000d020000000005');
    assert.is(bytes.readUInt16BE(12), 0x0800);
    assert.is(bytes.readUInt16BE(16), 86);
    assert.is(bytes[23], 17);
    assert.is(bytes.readUInt16BE(34), 1000);
    assert.is(bytes.readUInt16BE(36), 53);
    assert.is(bytes.readUInt16BE(38), 66);
    checkIpv4(bytes, 14);
  }
  assert.equal(ips(packets, 26), new Array(4).fill('10.1.2.3'));
  assert.equal(ips(packets, 30), new Array(4).fill('10.4.5.6'));
});

test('every packet of many flows has right checksums', async () => {
  const packets = await sent(
    3000,
    '-n',
    '3000',
    '--flows',
    '1000',
    '--prepare',
    'each',
    '-l',
    '200',
    '-l',
    '60',
  );
  for (const { bytes } of packets) checkIpv4(bytes, 14);
  const flows = new Set(packets.map(({ bytes }) => bytes.subarray(26, 38).toString('hex')));
  assert.is(flows.size, 1000);
});

test('ranges of addresses, ports and MACs are walked from end to end', async () => {
  const ranges = ['-s', '10.0.0.1:5-10.0.0.3:6', '-D', '02:00:00:00:00:01-02:00:00:00:00:04'];
  const packets = await sent(240, '-n', '240', ...ranges, '--prepare', 'each');
  assert.equal([...new Set(ips(packets, 26))].sort(), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  assert.equal([...new Set(packets.map(({ bytes }) => bytes.readUInt16BE(34)))].sort(), [5, 6]);
  assert.equal([...new Set(packets.map(({ bytes }) => bytes[5]))].sort(), [1, 2, 3, 4]);
});

test('IPv6: addresses, and the UDP checksum that must not be missing', async () => {
  const packets = await sent(2, '-n', '2', '-6', '-l', '90', '-s', '[fd00::5]:7', '-d', '[fd01::6]:8');
  for (const { bytes } of packets) {
    assert.is(bytes.readUInt16BE(12), 0x86dd);
    assert.is(bytes.readUInt16BE(18), 36);
    assert.is(bytes[20], 17);
    assert.is(bytes.subarray(22, 38).toString('hex'), `fd00${'0'.repeat(27)}5`);
    assert.is(bytes.subarray(38, 54).toString('hex'), `fd01${'0'.repeat(27)}6`);
    const payload = bytes.subarray(54);
    assert.not.equal(payload.readUInt16BE(6), 0);
    assert.is(sum(bytes.subarray(22, 54), Buffer.from([0, 17, 0, payload.length]), payload), 0xffff);
  }
});

test('ICMP echo requests', async () => {
  for (const { bytes } of await sent(3, '-n', '3', '--proto', 'icmp', '-l', '98')) {
    assert.is(bytes[23], 1);
    assert.is(bytes[34], 8);
    checkIpv4(bytes, 14);
  }
});

test('VLAN tags, outermost first', async () => {
  const [packet] = await sent(1, '-n', '1', '--vlan', '100:5,7', '-l', '80');
  const { bytes } = packet!;
  assert.is(bytes.subarray(12, 22).toString('hex'), '88a8a064810000070800');
  checkIpv4(bytes, 22);
});

test('-l twice: every size between, ends included', async () => {
  const packets = await sent(2000, '-n', '2000', '-l', '70', '-l', '64', '--prepare', 'each');
  assert.equal([...new Set(packets.map(({ bytes }) => bytes.length))].sort(), [64, 65, 66, 67, 68, 69, 70]);
});

test('--imix: 60, 590 and 1514 as 7 : 4 : 1', async () => {
  const packets = await sent(12000, '-n', '12000', '--imix', '--prepare', 'each');
  const share = (size: number) => packets.filter(({ bytes }) => bytes.length === size).length / 1000;
  assert.is(share(60) + share(590) + share(1514), 12);
  for (const [size, part] of [
    [60, 7],
    [590, 4],
    [1514, 1],
  ] as const)
    assert.ok(Math.abs(share(size) - part) < 0.4, `${size}: ${share(size)} of 12`);
});

test('-F and -M: packets of several slots', async () => {
  const three = await sent(6, '-n', '2', '-F', '3', '-l', '300');
  assert.equal(
    three.map(({ more }) => more),
    [true, true, false, true, true, false],
  );
  assert.is(
    three.slice(0, 3).reduce((total, { bytes }) => total + bytes.length, 0),
    300,
  );
  checkIpv4(Buffer.concat(three.slice(0, 3).map(({ bytes }) => bytes)), 14);
  const sized = await sent(4, '-n', '1', '-M', '100', '-F', '4', '-l', '400');
  assert.equal(
    sized.map(({ bytes }) => bytes.length),
    [100, 100, 100, 100],
  );
});

test('a frame longer than a buffer takes as many slots as it needs', async () => {
  const slots = await sent(5, '-n', '1', '-l', '9000');
  const frame = Buffer.concat(slots.map(({ bytes }) => bytes));
  assert.is(frame.length, 9000);
  checkIpv4(frame, 14);
});

test('-H: an empty virtio-net header before the frame', async () => {
  const [packet] = await sent(1, '-n', '1', '-H', '12', '-l', '60');
  const { bytes } = packet!;
  assert.is(bytes.length, 72);
  assert.ok(bytes.subarray(0, 12).every((byte) => byte === 0));
  checkIpv4(bytes, 26);
});

test('-z and -Z: random within the range; the same seed, the same packets', async () => {
  const random = ['-n', '500', '-z', '-Z', '-s', '10.0.0.0-10.0.0.255', '--prepare', 'each'];
  const one = await sent(500, ...random, '--seed', '7');
  const again = await sent(500, ...random, '--seed', '7');
  const other = await sent(500, ...random, '--seed', '8');
  const frames = (packets: Packet[]) => packets.map(({ bytes }) => bytes.subarray(14).toString('hex')).join();
  assert.is(frames(one), frames(again));
  assert.is.not(frames(one), frames(other));
  assert.ok(ips(one, 26).every((ip) => ip.startsWith('10.0.0.')));
  assert.ok(new Set(ips(one, 26)).size > 100);
  assert.ok(new Set(ips(one, 30)).size > 400);
});

test.run();
