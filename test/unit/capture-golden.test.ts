// SPDX-License-Identifier: BSD-2-Clause
// capture-golden.test.ts: the files of test/golden/capture, which native/capture_golden_test writes and reads as well: the
// same bytes from both writers, the same packets to both readers, and to tshark.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CapturePacket,
  openCapture,
  PcapWriter,
  type PcapWriterOptions,
} from '../../src/capture/index.js';

const FOLDER = fileURLToPath(new URL('../golden/capture', import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), 'netvale-golden-'));
test.after(() => rmSync(scratch, { recursive: true }));

const TIME = 1_700_000_000_123_456_789n;
const data = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 255);

const plain: CapturePacket[] = [
  { time: TIME, data: data(60) },
  { time: TIME + 1_000_001n, data: data(61), length: 1514 },
];
const rich: CapturePacket[] = [
  { time: TIME, data: data(60), interface: 0, direction: 'in' },
  { time: TIME + 1_000_001n, data: data(61), length: 1514, interface: 1, direction: 'out', comment: 'cut' },
  { time: TIME + 2_000_002n, data: data(0), interface: 0, comment: 'four' },
];
const two = [{ name: 'em0' }, { name: 'em1', linkType: 101, snapLength: 61 }];

const files: [string, PcapWriterOptions, CapturePacket[]][] = [
  ['us-little.pcap', {}, plain],
  ['ns-big.pcap', { precision: 'ns', byteOrder: 'big' }, plain],
  ['little.pcapng', { format: 'pcapng', interfaces: two }, rich],
  ['us-big.pcapng', { format: 'pcapng', interfaces: two, precision: 'us', byteOrder: 'big' }, rich],
];

async function write(file: string, options: PcapWriterOptions, packets: CapturePacket[]): Promise<void> {
  const writer = PcapWriter.create(file, options);
  for (const packet of packets) writer.write(packet);
  if (writer.format === 'pcapng') writer.statistics(1, TIME + 3_000_003n, { received: 7n, dropped: 6n });
  await writer.close();
}

for (const [name, options, packets] of files) {
  const golden = path.join(FOLDER, name);
  const unit = name.startsWith('us') ? 1000n : 1n;

  test(`${name}: the writer writes it`, async () => {
    const file = path.join(scratch, name);
    await write(file, options, packets);
    assert.is(readFileSync(file, 'hex'), readFileSync(golden, 'hex'));
  });

  test(`${name}: the reader reads it`, () => {
    const reader = openCapture(golden);
    assert.equal(
      [...reader],
      packets.map((packet) => ({
        interface: 0,
        length: packet.data.length,
        ...packet,
        time: (packet.time / unit) * unit,
      })),
    );
    if (reader.format === 'pcapng')
      assert.equal([...reader.statistics], [[1, { received: 7n, dropped: 6n }]]);
  });

  const label = `${name}: tshark reads it`;
  const read = (): void => {
    const fields = [
      'frame.time_epoch',
      'frame.cap_len',
      'frame.len',
      'frame.interface_name',
      'frame.comment',
    ];
    const args = ['-r', golden, '-T', 'fields', '-E', 'separator=|', ...fields.flatMap((one) => ['-e', one])];
    const { stdout, stderr, status } = spawnSync('tshark', args, { encoding: 'utf8' });
    assert.is(status, 0, stderr);
    const ng = name.endsWith('pcapng');
    assert.equal(
      stdout.trimEnd().split('\n'),
      packets.map(({ time, data: { length }, length: wire = length, interface: index = 0, comment = '' }) => {
        const shown = (time / unit) * unit;
        const second = `${shown / 1_000_000_000n}.${String(shown % 1_000_000_000n).padStart(9, '0')}`;
        return [second, length, wire, ng ? two[index]!.name : '', comment].join('|');
      }),
    );
  };
  if (spawnSync('tshark', ['--version']).status === 0) test(label, read);
  else {
    console.log(`skip ${label}: tshark is not installed`);
    test.skip(label, read);
  }
}

test.run();
