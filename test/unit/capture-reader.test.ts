// SPDX-License-Identifier: BSD-2-Clause
// capture-reader.test.ts: files that are cut short, lie or are odd: the packets before the damage are delivered, and the
// error names the place.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CapturedPacket, CaptureError, readCapture } from '../../src/capture/index.js';
import './seed.js';

/** Hex and numbers to bytes; numbers are 32 bits, little-endian. */
function file(...parts: (string | number)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part, 'hex');
      const word = Buffer.alloc(4);
      word.writeUInt32LE(part);
      return word;
    }),
  );
}

const HEADER = ['d4c3b2a1', '02000400', 0, 0, 65535, 1] as const;
const PACKET = [1, 5, 4, 4, '01020304'] as const;
const SECTION = ['0a0d0d0a', 28, '4d3c2b1a', '01000000', 'ffffffffffffffff', 28] as const;
const INTERFACE = [1, 20, 1, 0, 20] as const;
/** An enhanced packet of 4 bytes at 2 units. */
const BLOCK = [6, 36, 0, 0, 2, 4, 4, '01020304', 36] as const;

/** What is read, and the message it ended with. */
function read(bytes: Buffer): { packets: CapturedPacket[]; error: string; offset: number; code: string } {
  const packets: CapturedPacket[] = [];
  try {
    for (const packet of readCapture(bytes, 'f')) packets.push(packet);
  } catch (error) {
    assert.instance(error, CaptureError);
    const { message, offset, code } = error as CaptureError;
    return { packets, error: message, offset, code };
  }
  return { packets, error: '', offset: -1, code: '' };
}

for (const [name, head, packet] of [
  ['pcap', file(...HEADER), file(...PACKET)],
  ['pcapng', file(...SECTION, ...INTERFACE), file(...BLOCK)],
] as const) {
  test(`${name}: cut at every byte`, () => {
    const whole = Buffer.concat([head, packet, packet, packet]);
    for (let length = 0; length <= whole.length; length++) {
      const { packets, error, offset } = read(whole.subarray(0, length));
      const behind = length - head.length;
      assert.is(packets.length, Math.max(0, Math.floor(behind / packet.length)), String(length));
      const boundary =
        behind >= 0 ? behind % packet.length === 0 : name === 'pcapng' && (length === 28 || length === 48);
      assert.is(error === '', boundary, `${length}: ${error}`);
      if (!boundary && length >= 4) assert.is(offset, length);
    }
  });

  test(`${name}: bytes changed at random never do worse than an error`, () => {
    const whole = Buffer.concat([head, packet, packet, packet]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        (changes) => {
          const changed = Buffer.from(whole);
          for (const [at, value] of changes) changed[at] = value;
          const { packets, offset } = read(changed);
          assert.ok(packets.length <= 3);
          assert.ok(offset <= whole.length);
        },
      ),
      { numRuns: 2000 },
    );
  });
}

test('a frame check sequence that the file announces is no part of the packet', () => {
  /** A packet of ten bytes whose last four are its checksum, `captured` of them in the file. */
  const bytes = '0102030405060708090a';
  const record = (captured: number) => [1, 5, captured, 10, bytes.slice(0, 2 * captured)];
  const lengths = ({ packets, error }: ReturnType<typeof read>): number[][] => {
    assert.is(error, '');
    return packets.map(({ data, length }) => [data.length, length]);
  };
  const pcap = (link: number) => [...HEADER.slice(0, -1), link] as (string | number)[];
  assert.equal(
    lengths(read(file(...pcap(0x24000001), ...record(10), ...record(8), ...record(6), ...record(3)))),
    [
      [6, 6],
      [6, 6],
      [6, 6],
      [3, 6],
    ],
  );
  assert.equal(lengths(read(file(...pcap(0x20000001), ...record(10)))), [[10, 10]], 'not announced');
  const linkType = readCapture(file(...pcap(0x24000001)), 'f').interfaces[0]!.linkType;
  assert.is(linkType, 1);

  const ng = (fcs: string, flags: string) =>
    read(
      file(
        ...SECTION,
        ...(fcs === '' ? INTERFACE : [1, 28, 1, 0, `0d000100${fcs}000000`, 28]),
        ...(flags === ''
          ? [6, 44, 0, 0, 2, 10, 10, `${bytes}0000`, 44]
          : [6, 52, 0, 0, 2, 10, 10, `${bytes}0000`, `02000400${flags}000000`, 52]),
      ),
    );
  // Four bytes, thirty-two bits, sixteen bits; a packet's own flags come before its interface.
  assert.equal(
    ['', '04', '20', '10', '00'].map((fcs) => lengths(ng(fcs, ''))),
    [[[10, 10]], [[6, 6]], [[6, 6]], [[8, 8]], [[10, 10]]],
  );
  assert.equal(lengths(ng('', '80')), [[6, 6]]);
  assert.equal(lengths(ng('20', '41')), [[8, 8]]);
  assert.equal(lengths(ng('20', '01')), [[6, 6]]);
  assert.is(ng('20', '41').packets[0]!.direction, 'in');
});

test('what other programs write and no page allows is read as they read it', () => {
  const times = (bytes: Buffer) => read(bytes).packets.map(({ time }) => time);
  assert.equal(times(file(...HEADER, 1, 1000000, 4, 4, '01020304')), [2_000_000_000n]);
  assert.equal(times(file(...HEADER, 1, 4294967295, 4, 4, '01020304')), [4_295_967_295_000n]);
  // More captured than was on the wire: as long as on the wire, and counted.
  for (const bytes of [
    file(...HEADER, 1, 5, 4, 3, '01020304', ...PACKET),
    file(...SECTION, ...INTERFACE, 6, 36, 0, 0, 2, 4, 3, '01020304', 36, ...BLOCK),
  ]) {
    const reader = readCapture(bytes);
    assert.equal(
      [...reader].map(({ data, length }) => [data.length, length]),
      [
        [3, 3],
        [4, 4],
      ],
    );
    assert.is(reader.overlong, 1);
  }
  // Kuznetzov's format has 8 bytes more; before 2.3 the lengths are in the other order, in 2.3 where it is plain.
  const magic = (text: string, ...more: (string | number)[]) =>
    file(text, '02000400', 0, 0, 65535, 1, ...more);
  assert.equal(times(magic('34cdb2a1', 1, 2, 4, 4, 0, 0, '01020304')), [1_000_002_000n]);
  const old = (version: string) =>
    read(file('d4c3b2a1', version, 0, 0, 65535, 1, 1, 5, 9, 4, '01020304')).packets.map(
      ({ data, length }) => [data.length, length],
    );
  assert.equal([old('02000200'), old('02000300')], [[[4, 9]], [[4, 9]]]);
  const packet = read(
    file(
      ...SECTION,
      ...INTERFACE,
      6,
      56,
      0,
      0,
      2,
      4,
      4,
      '01020304',
      '01000200',
      '68690000',
      '01000200',
      '796f0000',
      0,
      56,
    ),
  ).packets[0]!;
  assert.equal([packet.comment, packet.comments], ['hi', ['hi', 'yo']]);
});

test('what is no capture file is called by its name', () => {
  const problem = (hex: string) => read(file(hex, 0, 0, 0)).error;
  assert.is(
    problem('1f8b0800'),
    'f: byte 0: it is compressed (gzip): unpack it first: expected a pcap or pcapng file',
  );
  for (const [hex, name] of [
    ['28b52ffd', 'zstd'],
    ['fd377a58', 'xz'],
    ['425a6839', 'bzip2'],
    ['04224d18', 'lz4'],
    ['504b0304', 'zip'],
  ])
    assert.match(problem(hex!)!, `it is compressed (${name}): unpack it first`);
  assert.match(problem('736e6f6f')!, 'it is a capture of the format snoop');
  assert.match(problem('12345678')!, 'it begins with 12345678');
});

test('lies are named with their place', () => {
  const lies: [string, Buffer][] = [
    [
      'f: byte 52: a packet of 300000 bytes: expected at most 262144',
      file(...HEADER, ...PACKET, 1, 5, 300000, 4),
    ],
    ['f: byte 4: major version 3: expected major version 2', file('d4c3b2a1', '03000400', 0, 0, 65535, 1)],
    [
      'f: byte 52: a block of 34 bytes: expected a multiple of 4, at least 12',
      file(...SECTION, ...INTERFACE, 6, 34, 0, 0, 2, 4, 4, '01020304', 36),
    ],
    [
      'f: byte 80: a block of 36 bytes that ends with 40: expected the same twice',
      file(...SECTION, ...INTERFACE, ...BLOCK.slice(0, -1), 40),
    ],
    [
      'f: byte 56: a packet of interface 1: expected one of 0 to 0',
      file(...SECTION, ...INTERFACE, 6, 36, 1, 0, 2, 4, 4, '01020304', 36),
    ],
    [
      'f: byte 36: a packet of interface 0: expected an interface description before it',
      file(...SECTION, ...BLOCK),
    ],
    [
      'f: byte 68: a packet of 5 bytes: expected at most 4',
      file(...SECTION, ...INTERFACE, 6, 36, 0, 0, 2, 5, 5, '01020304', 36),
    ],
    [
      'f: byte 8: the byte order mark 12345678: expected 1a2b3c4d',
      file('0a0d0d0a', 28, '78563412', '01000000', 'ffffffffffffffff', 28),
    ],
    [
      'f: byte 46: an option of 9 bytes: expected at most 4',
      file(...SECTION, 1, 28, 1, 0, '02000900', '61626364', 28),
    ],
  ];
  for (const [message, bytes] of lies) {
    assert.is(read(bytes).error, message);
    assert.is(read(bytes).code, 'EBADCAPTURE');
  }
});

test('pcapng: sections of both byte orders, resolutions, offsets, other and old blocks', () => {
  const big = (part: string | number): string =>
    typeof part === 'string' ? part : part.toString(16).padStart(8, '0');
  const bytes = file(
    ...SECTION,
    // microseconds; 2^-10 s; nanoseconds from 100 s on
    ...INTERFACE,
    ...[1, 32, 1, 0, '09000100', '8a000000', 0, 32],
    ...[1, 44, 1, 0, '09000100', '09000000', '0e000800', '6400000000000000', 0, 44],
    // a name resolution block, which is left out
    ...[4, 12, 12],
    ...BLOCK,
    ...[6, 36, 1, 0, 1024 + 512, 4, 4, '01020304', 36],
    ...[6, 36, 2, 0, 7, 4, 4, '01020304', 36],
    // a simple packet, and an obsolete packet of interface 1 with 9 drops
    ...[3, 20, 4, '05060708', 20],
    ...[2, 36, '01000900', 0, 1024, 4, 4, '0a0b0c0d', 36],
    // a big-endian section whose interface 0 is another one
    ...['0a0d0d0a', big(28), '1a2b3c4d', '00010000', 'ffffffffffffffff', big(28)],
    ...[big(1), big(20), '00650000', big(0), big(20)],
    ...[big(6), big(36), big(0), big(0), big(3), big(4), big(9), '01020304', big(36)],
  );
  const reader = readCapture(bytes);
  const packets = [...reader];
  assert.equal(
    packets.map(({ time, interface: iface, length, drops }) => [time, iface, length, drops]),
    [
      [2000n, 0, 4, undefined],
      [1_500_000_000n, 1, 4, undefined],
      [100_000_000_007n, 2, 4, undefined],
      [0n, 0, 4, undefined],
      [1_000_000_000n, 1, 4, 9],
      [3000n, 3, 9, undefined],
    ],
  );
  assert.equal(
    reader.interfaces.map(({ linkType }) => linkType),
    [1, 1, 1, 101],
  );
});

test('packets stay as they are while more is read', () => {
  const data = Buffer.alloc(200_000, 1);
  const records = Array.from({ length: 40 }, (_, i) => [
    ...[i, 0, data.length, data.length],
    data.fill(i).toString('hex'),
  ]).flat();
  const packets = [...readCapture(file(...HEADER, ...records))];
  assert.is(packets.length, 40);
  for (const [i, packet] of packets.entries()) assert.ok(packet.data.every((byte) => byte === i));
});

test.run();
