// SPDX-License-Identifier: BSD-2-Clause
// emulate-offline-memory.test.ts: a long capture takes as much memory as a short one: what waits, and a few bytes for what is
// done, whatever waits in front of it.
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RecordQueue } from '../../tools/lib/emulate/record-queue.js';
import { ip, Laboratory, udp } from './emulate-packets.js';

const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const program = fileURLToPath(new URL('../../dist/tools/emulate.js', import.meta.url));
/** Says on standard error what the process took at most, in KiB. */
const TELL = `data:text/javascript,${encodeURIComponent(
  'process.on("exit",()=>process._rawDebug("peak",process.resourceUsage().maxRSS))',
)}`;

/**
 * MiB that a run may take more than one a third as long: the garbage of a few megabytes of files. What is kept of each packet,
 * or a megabyte for each that waits, is far more.
 */
const MORE = 80;
const SLOW = ip(17, '192.0.2.1', '198.51.100.2', udp(5000, 9, 365));
const slowLink = (slots: number) => [
  ...['--rule', `pipe 1 config bw 1Kbit/s queue ${slots}`],
  ...['--rule', 'add 100 pipe 1 ip from any to any iplen 393'],
];

function record(frame: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(frame.length, 8);
  head.writeUInt32LE(frame.length, 12);
  return Buffer.concat([head, frame]);
}

/** A capture of `pieces` times the same bytes, all at one instant. */
function capture(name: string, first: Buffer, piece: Buffer, pieces: number): string {
  const file = laboratory.file(name);
  const fd = openSync(file, 'w');
  writeSync(
    fd,
    Buffer.concat([Buffer.from('d4c3b2a10200040000000000000000000000040001000000', 'hex'), first]),
  );
  for (let i = 0; i < pieces; i++) writeSync(fd, piece);
  closeSync(fd);
  return file;
}

/** Peak memory of a run in MiB, lines and last line it printed. */
function run(...args: string[]): Promise<{ peak: number; lines: number; last: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', TELL, program, '--offline', '--seed', '1', ...args]);
    let lines = 0;
    let last = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => {
      for (const byte of data) if (byte === 10) lines++;
      last = `${last}${data.toString('latin1')}`.slice(-400);
    });
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    child.on('error', reject);
    child.on('close', (status) => {
      const [, peak] = /^peak (\d+)$/m.exec(stderr) ?? [];
      if (status !== 0 || peak === undefined) reject(new Error(`status ${status}: ${stderr}`));
      else resolve({ peak: Number(peak) / 1024, lines, last });
    });
  });
}

const OTHER = record(ip(17, '192.0.2.1', '198.51.100.2', udp(5000, 9, 18)));
const PIECE = Buffer.concat(Array.from({ length: 10_000 }, () => OTHER));

for (const [how, ...args] of [['text'], ['records', '--json']])
  test(`${how}: one packet that waits does not keep what follows it`, async () => {
    const peak = async (pieces: number): Promise<number> => {
      const file = capture('waits.pcap', record(SLOW), PIECE, pieces);
      const seen = await run(...args, '--input', `in:em0:${file}`, ...slowLink(50));
      if (how === 'records') assert.is(seen.lines, pieces * 10_000 + 3);
      assert.match(seen.last, how === 'records' ? `"packets":${pieces * 10_000}` : `${pieces * 10_000}`);
      return seen.peak;
    };
    const [small, large] = [await peak(40), await peak(120)];
    assert.ok(large < small + MORE, `${small.toFixed(0)} and ${large.toFixed(0)} MiB`);
  });

test('packets that wait keep their own bytes, not a megabyte of the file each', async () => {
  const long = record(ip(17, '192.0.2.1', '198.51.100.2', udp(5000, 9, 1472)));
  const piece = Buffer.concat([record(SLOW), ...Array.from({ length: 800 }, () => long)]);
  const peak = async (pieces: number): Promise<number> => {
    const file = capture('pinned.pcap', Buffer.alloc(0), piece, pieces);
    return (await run('--input', `in:em0:${file}`, ...slowLink(200))).peak;
  };
  const [small, large] = [await peak(80), await peak(200)];
  assert.ok(
    large < small + MORE,
    `${small.toFixed(0)} and ${large.toFixed(0)} MiB for 120 more packets that wait`,
  );
});

test('records wait for their turn, in memory or in the file, and come out in order and once', () => {
  let state = 7;
  const dice = (sides: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
  const queue = new RecordQueue();
  const text = (packet: number): string => `${packet} ${'x'.repeat(packet % 97)}\n`;
  const open: number[] = [];
  let [came, printed] = [0, ''];
  const print = (): void => {
    for (let part = queue.next(); part !== undefined; part = queue.next()) printed += part;
  };
  for (let round = 0; round < 3000; round++) {
    for (let i = dice(80); i > 0; i--) {
      queue.add();
      open.push(came++);
    }
    // Packet 0 holds up all others for long; some wait behind them.
    for (let i = dice(80); i > 0 && open.length > 1; i--) {
      const at = round < 2500 ? 1 + dice(open.length - 1) : dice(open.length);
      const [packet] = open.splice(at, 1);
      queue.done(packet!, text(packet!));
    }
    if (round % 7 === 0) print();
  }
  for (const packet of open.splice(0, open.length / 2)) queue.done(packet, text(packet));
  const left = new Set(open);
  queue.abandon();
  print();
  queue.close();
  const wanted = Array.from({ length: came }, (_, packet) => (left.has(packet) ? '' : text(packet))).join('');
  assert.ok(wanted.length > 5_000_000);
  assert.ok(printed === wanted, 'the same text');
});

test.run();
