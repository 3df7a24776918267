// SPDX-License-Identifier: BSD-2-Clause
// capture-writer.test.ts: capture files written and read back: every format, byte order and resolution; back-pressure;
// errors.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CapturedPacket,
  type CapturePacket,
  MAX_PACKET,
  openCapture,
  PcapWriter,
  type PcapWriterOptions,
  readCapture,
} from '../../src/capture/index.js';

/** A stream that keeps what it is given; `slow` says when it has enough. */
class Memory extends Writable {
  readonly chunks: Buffer[] = [];
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    setImmediate(done);
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

async function written(options: PcapWriterOptions, packets: CapturePacket[]): Promise<Buffer> {
  const memory = new Memory();
  const writer = new PcapWriter(memory, options);
  for (const packet of packets) if (!writer.write(packet)) await writer.drain();
  await writer.close();
  return memory.bytes;
}

const bytes = (length: number, first = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + first) & 255);
const all = (buffer: Uint8Array): CapturedPacket[] => [...readCapture(buffer)];
const failure = async (work: () => unknown): Promise<{ code: string; message: string }> => {
  try {
    await work();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('it was accepted');
};

const TIME = 1_700_000_000_123_456_789n;

for (const format of ['pcap', 'pcapng'] as const)
  for (const precision of ['us', 'ns'] as const)
    for (const byteOrder of ['little', 'big'] as const)
      test(`${format}, ${precision}, ${byteOrder}-endian: what is written is read`, async () => {
        const packets = [0, 1, 2, 3, 60, 1514, MAX_PACKET].map((length, i) => ({
          time: TIME + BigInt(i),
          data: bytes(length, i),
          length: length + (i % 2) * 100,
        }));
        const file = await written({ format, precision, byteOrder }, packets);
        const unit = precision === 'us' ? 1000n : 1n;
        assert.equal(
          all(file),
          packets.map((packet) => ({ ...packet, time: (packet.time / unit) * unit, interface: 0 })),
        );
      });

test('pcap: the bytes are those of the format', async () => {
  const data = Uint8Array.of(1, 2, 3);
  const file = await written({ snapLength: 65535 }, [{ time: 2_000_003_000n, data }]);
  const header = 'd4c3b2a1' + '02000400' + '00000000' + '00000000' + 'ffff0000' + '01000000';
  assert.is(file.toString('hex'), `${header}02000000${'03000000'}${'03000000'}${'03000000'}010203`);
  const big = await written({ precision: 'ns', byteOrder: 'big', snapLength: 96, linkType: 101 }, []);
  assert.is(big.toString('hex'), 'a1b23c4d' + '00020004' + '00000000' + '00000000' + '00000060' + '00000065');
});

test('pcapng: interfaces, comments, directions, drop counts and statistics', async () => {
  const memory = new Memory();
  const writer = new PcapWriter(memory, {
    format: 'pcapng',
    interfaces: [
      { name: 'em0', description: 'inside' },
      { name: 'em1', snapLength: 4 },
    ],
    comment: 'about the file',
    application: 'a test',
  });
  writer.write({ time: TIME, data: bytes(5), interface: 1, direction: 'in', comment: 'cut', drops: 3 });
  assert.is(writer.addInterface({ name: 'em2', linkType: 101 }), 2);
  writer.write({ time: TIME + 1n, data: bytes(6), interface: 2, direction: 'out' });
  writer.statistics(1, TIME + 2n, { received: 10n, dropped: 2n ** 40n, comment: 'bad' });
  await writer.close();
  assert.is(writer.packets, 2);
  const reader = readCapture(memory.bytes);
  assert.equal(
    [...reader],
    [
      {
        time: TIME,
        data: bytes(4),
        length: 5,
        interface: 1,
        direction: 'in',
        comment: 'cut',
        drops: 3,
      },
      { time: TIME + 1n, data: bytes(6), length: 6, interface: 2, direction: 'out' },
    ],
  );
  const unitsPerSecond = 1_000_000_000n;
  assert.equal(reader.interfaces, [
    { name: 'em0', description: 'inside', linkType: 1, snapLength: MAX_PACKET, unitsPerSecond },
    { name: 'em1', linkType: 1, snapLength: 4, unitsPerSecond },
    { name: 'em2', linkType: 101, snapLength: MAX_PACKET, unitsPerSecond },
  ]);
  assert.equal([...reader.statistics], [[1, { received: 10n, dropped: 2n ** 40n, comment: 'bad' }]]);
});

test('a stream that is slow is waited for, and loses nothing', async () => {
  let waits = 0;
  const memory = new Memory({ highWaterMark: 1000 });
  const writer = new PcapWriter(memory);
  const packets = Array.from({ length: 500 }, (_, i) => ({ time: BigInt(i) * 1000n, data: bytes(1500, i) }));
  for (const packet of packets)
    if (!writer.write(packet)) {
      waits++;
      await writer.drain();
      assert.is(memory.writableNeedDrain, false);
    }
  await writer.close();
  assert.ok(waits > 5 && waits < 500, String(waits));
  assert.equal(
    all(memory.bytes).map(({ data }) => data[0]),
    packets.map(({ data }) => data[0]),
  );
});

test('errors have stable codes', async () => {
  const writer = (options?: PcapWriterOptions) => new PcapWriter(new Memory(), options);
  const data = bytes(10);
  for (const [code, work] of [
    ['EINVAL', () => writer({ linkType: 70000 })],
    ['EINVAL', () => writer({ snapLength: 0 })],
    ['ENOTSUP', () => writer({ comment: 'x' })],
    ['ENOTSUP', () => writer({ interfaces: [{}, {}] })],
    ['ENOTSUP', () => writer().addInterface()],
    ['ENOTSUP', () => writer().statistics(0, 0n, {})],
    ['ENOTSUP', () => writer().write({ time: 0n, data, comment: 'x' })],
    ['EINVAL', () => writer().write({ time: 0n, data, interface: 1 })],
    ['EINVAL', () => writer().write({ time: 0n, data, length: 9 })],
    ['ERANGE', () => writer().write({ time: -1n, data })],
    ['ERANGE', () => writer().write({ time: 2n ** 32n * 1_000_000_000n, data })],
    ['ERANGE', () => writer({ format: 'pcapng' }).write({ time: 0n, data, comment: 'x'.repeat(70000) })],
    ['ENOENT', () => PcapWriter.create('/nonexistent/folder/x.pcap').close()],
  ] as const)
    assert.is((await failure(work)).code, code, String(work));
  const closed = writer();
  await closed.close();
  await closed.close();
  assert.is((await failure(() => closed.write({ time: 0n, data }))).code, 'ECLOSED');
});

test('a stream that fails or is taken away: what comes after says so', async () => {
  const broken = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('no space'), { code: 'ENOSPC' })),
  });
  const writer = new PcapWriter(broken);
  writer.write({ time: 0n, data: bytes(100) });
  assert.is((await failure(() => writer.drain())).code, 'ENOSPC');
  assert.is((await failure(() => writer.close())).code, 'ENOSPC');
  const never = new Writable({ highWaterMark: 1, write: () => {} });
  const waiting = new PcapWriter(never);
  setImmediate(() => never.destroy());
  assert.is((await failure(() => waiting.drain())).code, 'ECLOSED');
});

test('files by name, and what reading them says', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'netvale-capture-'));
  try {
    for (const name of ['a.pcap', 'a.pcapng']) {
      const file = path.join(folder, name);
      const writer = PcapWriter.create(file);
      writer.write({ time: TIME, data: bytes(3) });
      await writer.close();
      const reader = openCapture(file);
      assert.is(reader.format, name.slice(2));
      assert.is([...reader].length, 1);
      assert.is(reader.next(), undefined);
      assert.ok(readFileSync(file).length > 24);
    }
    assert.is((await failure(() => openCapture(path.join(folder, 'none')))).code, 'ENOENT');
    const text = path.join(folder, 'text');
    writeFileSync(text, 'hello');
    assert.is(
      (await failure(() => openCapture(text))).message,
      `${text}: byte 0: it begins with 68656c6c: expected a pcap or pcapng file`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
