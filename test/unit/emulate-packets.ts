// SPDX-License-Identifier: BSD-2-Clause
// emulate-packets.ts: frames with right checksums, and running `emulate --offline` on them.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CapturePacket, PcapWriter } from '../../src/capture/index.js';
import { parseIp4, parseIp6 } from '../../src/rules/address.js';

const program = fileURLToPath(new URL('../../dist/tools/emulate.js', import.meta.url));

export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const zeros = (count: number): Buffer => Buffer.alloc(count);

/** RFC 1071. */
function sum(...parts: Buffer[]): number {
  const bytes = Buffer.concat(parts);
  let total = 0;
  for (let i = 0; i < bytes.length; i++) total += i % 2 === 0 ? bytes[i]! << 8 : bytes[i]!;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

function address(text: string): Buffer {
  const four = parseIp4(text);
  const hex = four === undefined ? parseIp6(text)!.toString(16).padStart(32, '0') : '';
  return four === undefined ? Buffer.from(hex, 'hex') : Buffer.concat([u16(four >>> 16), u16(four & 0xffff)]);
}

/** Where the checksum of a transport header is; undefined: it has none here. */
const CHECKSUM_AT: Record<number, number> = { 1: 2, 6: 16, 17: 6, 58: 2 };

export interface IpOptions {
  id?: number;
  /** Flags and offset. */
  fragment?: number;
}

/** An Ethernet frame from 02:…:01 to 02:…:02 with an IP packet; the payload's checksum is put in. */
export function ip(
  proto: number,
  src: string,
  dst: string,
  payload: Buffer,
  { id = 1, fragment = 0 }: IpOptions = {},
): Buffer {
  const [from, to] = [address(src), address(dst)];
  const body = Buffer.from(payload);
  const at = CHECKSUM_AT[proto];
  if (at !== undefined && fragment === 0) {
    const pseudo = proto === 1 ? [] : [from, to, u16(0), u16(body.length), u16(proto)];
    body.writeUInt16BE(sum(...pseudo, body), at);
  }
  const mac = Buffer.from(`020000000002020000000001${from.length === 4 ? '0800' : '86dd'}`, 'hex');
  if (from.length === 16)
    return Buffer.concat([
      mac,
      Buffer.from('60000000', 'hex'),
      u16(body.length),
      Buffer.from([proto, 64]),
      from,
      to,
      body,
    ]);
  const head = Buffer.concat([
    Buffer.from([0x45, 0]),
    u16(20 + body.length),
    u16(id),
    u16(fragment),
    Buffer.from([64, proto]),
    u16(0),
    from,
    to,
  ]);
  head.writeUInt16BE(sum(head), 10);
  return Buffer.concat([mac, head, body]);
}

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

/** A TCP segment; with `mss` it has that option. */
export function tcp(sport: number, dport: number, flags: number, { mss = 0, data = 0 } = {}): Buffer {
  const options = mss ? Buffer.concat([Buffer.from([2, 4]), u16(mss)]) : zeros(0);
  const ports = Buffer.concat([u16(sport), u16(dport), Buffer.from('0000000100000002', 'hex')]);
  const rest = Buffer.concat([
    Buffer.from([(5 + options.length / 4) << 4, flags]),
    u16(8192),
    u16(0),
    u16(0),
  ]);
  return Buffer.concat([ports, rest, options, Buffer.alloc(data, 0x61)]);
}

export const udp = (sport: number, dport: number, data = 8): Buffer =>
  Buffer.concat([u16(sport), u16(dport), u16(8 + data), u16(0), Buffer.alloc(data, 0x62)]);

export const ping = (data = 8): Buffer =>
  Buffer.concat([Buffer.from('0800000012340001', 'hex'), zeros(data)]);

/** An SCTP INIT chunk; its checksum (CRC32c) is left 0. */
export const sctpInit = (sport: number, dport: number): Buffer =>
  Buffer.concat([
    u16(sport),
    u16(dport),
    zeros(8),
    Buffer.from('01000014', 'hex'),
    Buffer.from('0a0b0c0d', 'hex'),
    Buffer.from('00010000000100010000000a', 'hex'),
  ]);

export interface Emulated {
  status: number;
  stdout: string;
  stderr: string;
  /** The records, with --json: of packets and log entries, and last the counters. */
  records: Record<string, unknown>[];
  /** The record of the whole run, which stands before the counters. */
  result: Record<string, unknown> | undefined;
}

/** A folder for files, and the program run in it. */
export class Laboratory {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'netvale-emulate-'));

  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Write frames (a millisecond apart) or packets to a capture file. */
  async capture(name: string, packets: (Buffer | CapturePacket)[], linkType = 1): Promise<string> {
    const writer = PcapWriter.create(this.file(name), { linkType, precision: 'ns' });
    for (const [index, packet] of packets.entries())
      writer.write('time' in packet ? packet : { time: BigInt(index) * 1_000_000n, data: packet });
    await writer.close();
    return this.file(name);
  }

  run(...args: string[]): Promise<Emulated> {
    return new Promise((resolve) => {
      const options = { cwd: this.folder, maxBuffer: 1 << 26 };
      execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
        const lines = args.includes('--json') ? stdout.split('\n').filter((line) => line !== '') : [];
        const all = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        resolve({
          status: error === null ? 0 : Number(error.code ?? -1),
          stdout,
          stderr,
          records: all.filter(({ type }) => type !== 'result'),
          result: all.find(({ type }) => type === 'result'),
        });
      });
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
