// SPDX-License-Identifier: BSD-2-Clause
// capture-corpus.test.ts: some hundred capture files of every shape, whole and cut, packet by packet: the reader in TypeScript,
// the one in C, tcpdump (libpcap) and Wireshark must see the same.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CaptureError, readCapture } from '../../src/capture/index.js';
import { corpus } from './capture-corpus.js';
import { type CorpusFile, Dice, type Expected } from './corpus-parts.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'netvale-corpus-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const SEED = Number(process.env.NETVALE_SEED ?? 20250107);
const files = corpus(SEED);
const lister = fileURLToPath(new URL('../../build/example_list-capture', import.meta.url));
const place = ({ name }: CorpusFile): string => path.join(folder, name);
for (const file of files) writeFileSync(place(file), file.bytes);

/** A packet in one line, so that a difference can be read. */
const line = ({
  time,
  data,
  length,
  linkType,
  direction,
}: Omit<Expected, 'comments' | 'timeless' | 'fine' | 'whole'>): string =>
  `${time} ${data.length} ${length} ${linkType} ${direction ?? '-'} ${Buffer.from(data).toString('hex')}`;

interface Read {
  lines: string[];
  /** Byte at which reading ended, if it was not the end. */
  error: number | undefined;
}

function readHere(bytes: Buffer): Read & { comments: string[][]; timeless: boolean[] } {
  const seen = { lines: [] as string[], comments: [] as string[][], timeless: [] as boolean[] };
  try {
    const reader = readCapture(bytes, 'f');
    for (const packet of reader) {
      const { linkType } = reader.interfaces[packet.interface]!;
      const { comment, comments, direction, timeless = false } = packet;
      seen.lines.push(line({ ...packet, data: Buffer.from(packet.data), direction, linkType }));
      seen.comments.push([...(comments ?? (comment === undefined ? [] : [comment]))]);
      seen.timeless.push(timeless);
    }
  } catch (error) {
    assert.instance(error, CaptureError);
    return { ...seen, error: (error as CaptureError).offset };
  }
  return { ...seen, error: undefined };
}

/** All files by the C reader: lines behind "file NAME". */
function readInC(names: string[]): (Read & { comments: string[] })[] {
  const { stdout } = spawnSync(lister, names, { encoding: 'utf8', maxBuffer: 1 << 28 });
  return stdout
    .split(/^file .*\n/m)
    .slice(1)
    .map((text) => {
      const lines = text.split('\n').filter(Boolean);
      const error = lines.find((one) => one.startsWith('error '));
      const packets = lines
        .filter((one) => /^\d+ \d+ /.test(one))
        .map((one) => /^((?:\S+ ){5}\S*) (.*)$/.exec(one)!);
      return {
        lines: packets.map(([, what]) => what!),
        comments: packets.map(([, , comment]) => comment!),
        error: error === undefined ? undefined : Number(/: byte (\d+):/.exec(error)![1]),
      };
    });
}

test('the readers in TypeScript and in C see every packet as it was made', () => {
  const inC = readInC(files.map(place));
  assert.is(inC.length, files.length);
  let packets = 0;
  for (const [index, file] of files.entries()) {
    const about = `${file.name}, seed ${SEED}`;
    const wanted = file.packets.map(line);
    const here = readHere(file.bytes);
    assert.equal(here.lines, wanted, `${about}, TypeScript`);
    assert.equal(
      here.comments,
      file.packets.map(({ comments }) => comments),
      about,
    );
    assert.equal(
      here.timeless,
      file.packets.map(({ timeless }) => timeless),
      about,
    );
    assert.is(here.error, undefined, about);
    assert.equal(inC[index]!.lines, wanted, `${about}, C`);
    assert.equal(
      inC[index]!.comments,
      file.packets.map(({ comments }) => comments[0] ?? ''),
      about,
    );
    assert.is(inC[index]!.error, undefined, about);
    packets += wanted.length;
  }
  assert.ok(files.length > 300 && packets > 1500, `${files.length} files, ${packets} packets`);
});

test('cut anywhere: the same packets and the same byte from both', () => {
  const dice = new Dice(SEED + 1);
  const cut = files.map((file) => ({
    ...file,
    name: `cut-${file.name}`,
    bytes: file.bytes.subarray(0, dice.roll(file.bytes.length)),
  }));
  for (const file of cut) writeFileSync(place(file), file.bytes);
  const inC = readInC(cut.map(place));
  for (const [index, file] of cut.entries()) {
    const about = `${file.name}, ${file.bytes.length} bytes, seed ${SEED}`;
    const here = readHere(file.bytes);
    assert.equal(here.lines, file.packets.slice(0, here.lines.length).map(line), about);
    assert.equal(inC[index]!.lines, here.lines, `${about}, C`);
    assert.is(inC[index]!.error, here.error, about);
  }
});

/** What tcpdump writes: pcap in this machine's order with nanoseconds. */
function parseTcpdump(bytes: Buffer, linkType: number): string[] {
  assert.is(bytes.readUInt32LE(0), 0xa1b23c4d);
  const lines: string[] = [];
  for (let at = 24; at < bytes.length; ) {
    const [seconds, fraction, captured, length] = [0, 4, 8, 12].map((ahead) =>
      bytes.readUInt32LE(at + ahead),
    );
    const data = bytes.subarray(at + 16, at + 16 + captured!);
    const time = BigInt(seconds!) * 1_000_000_000n + BigInt(fraction!);
    lines.push(line({ time, data, length: length!, linkType, direction: undefined }));
    at += 16 + captured!;
  }
  return lines;
}

test('tcpdump sees the same', () => {
  const plain = files.filter((file) => file.plain);
  assert.ok(plain.length > 100, `${plain.length}`);
  for (const file of plain) {
    const args = ['-r', place(file), '-w', '-', '--time-stamp-precision=nano'];
    const { stdout, stderr, status } = spawnSync('tcpdump', args, { maxBuffer: 1 << 26 });
    assert.is(status, 0, `${file.name}, seed ${SEED}: ${stderr}`);
    const wanted = file.packets.map((packet) => line({ ...packet, direction: undefined }));
    assert.equal(parseTcpdump(stdout, file.packets[0]?.linkType ?? 1), wanted, `${file.name}, seed ${SEED}`);
  }
});

/** Wireshark's numbers of link types (WTAP_ENCAP). */
const ENCAPSULATION: Record<number, number> = { 1: 1, 101: 7, 113: 25, 276: 210 };

/** What tshark says of each packet of a file. */
function tshark(file: string): string[] {
  const fields = [
    'time_epoch',
    'cap_len',
    'len',
    'encap_type',
    'packet_flags_direction',
    'md5_hash',
    'comment',
  ];
  const { stdout, stderr, status } = spawnSync(
    'tshark',
    [
      ...['-r', file, '-n', '-o', 'frame.generate_md5_hash:TRUE', '-T', 'fields'],
      ...['-E', 'separator=/t', '-E', 'aggregator=|'],
      ...fields.flatMap((field) => ['-e', `frame.${field}`]),
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  assert.is(status, 0, stderr);
  // Custom blocks count as packets there, of no link.
  return stdout.split('\n').filter((text) => text !== '' && text.split('\t')[3] !== '');
}

for (const format of ['pcap', 'pcapng'])
  test(`Wireshark sees the same: ${format}`, () => {
    // All in one file, for tshark takes long to start: files of pcapng are sections of a longer one.
    const some = files.filter(({ name }) => name.endsWith(`.${format}`));
    const together = path.join(folder, `together.${format}`);
    if (format === 'pcapng') writeFileSync(together, Buffer.concat(some.map(({ bytes }) => bytes)));
    else {
      const merge = spawnSync('mergecap', ['-a', '-w', together, ...some.map(place)], { encoding: 'utf8' });
      assert.is(merge.status, 0, merge.stderr);
    }
    const seen = tshark(together);
    const wanted = some.flatMap(({ name, packets }) =>
      packets.map(({ time, whole: { data, length }, linkType, direction, comments, timeless, fine }) => {
        const seconds = `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, '0')}`;
        const way = direction === undefined ? '' : direction === 'in' ? '0x00000001' : '0x00000002';
        const hash = createHash('md5').update(data).digest('hex');
        const about = [
          timeless ? '' : seconds,
          data.length,
          length,
          ENCAPSULATION[linkType],
          way,
          hash,
          comments.join('|'),
        ];
        return { name, fine, line: about.join('\t') };
      }),
    );
    assert.is(seen.length, wanted.length);
    const behindTime = (text: string): string => text.replace(/^\S*/, '');
    for (const [index, { name, fine, line: expected }] of wanted.entries()) {
      const about = `packet ${index}, ${name}, seed ${SEED}`;
      if (fine) assert.is(behindTime(seen[index]!), behindTime(expected), about);
      else assert.is(seen[index], expected, about);
    }
  });

test.run();
