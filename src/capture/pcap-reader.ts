// SPDX-License-Identifier: BSD-2-Clause
// pcap-reader.ts: reads pcap and pcapng files packet by packet. Whatever is wrong with a file, the packets before it are
// delivered first; then a CaptureError names the offset and what was expected there.
import { closeSync, openSync, readSync } from 'node:fs';
import { notCapture } from './not-capture.js';
import { PCAP_MAGIC, readPcap, readPcapHeader } from './read-pcap.js';
import { BLOCK, PcapngReader } from './read-pcapng.js';
import { ByteSource, type ReadBytes } from './source.js';
import type { CapturedPacket, CaptureFormat, CaptureInterface, CaptureStatistics } from './types.js';

export class CaptureReader implements Iterable<CapturedPacket> {
  readonly file: string;
  readonly format: CaptureFormat;
  /** Those met so far; a pcap file has one, known from the beginning. */
  readonly interfaces: CaptureInterface[] = [];
  /** Of pcapng, by index of the interface; complete at the end. */
  readonly statistics = new Map<number, CaptureStatistics>();
  /** Packets of which the file holds more bytes than it says they had on the wire: the rest was left out. */
  overlong = 0;
  private readonly source: ByteSource;
  private readonly packets: Generator<CapturedPacket>;
  private readonly closeFile: () => void;
  private closed = false;

  /** Throws a CaptureError when it is no capture file. */
  constructor(file: string, read: ReadBytes, closeFile: () => void = () => {}) {
    this.file = file;
    this.closeFile = closeFile;
    const source = new ByteSource(file, read);
    this.source = source;
    const magic = source.have(4) >= 4 ? source.view.getUint32(source.at, true) : 0;
    if (PCAP_MAGIC.has(magic)) {
      this.format = 'pcap';
      const header = readPcapHeader(source);
      this.interfaces.push(header.interface);
      this.packets = readPcap(source, header);
    } else if (magic === BLOCK.section) {
      this.format = 'pcapng';
      this.packets = new PcapngReader(source, this.interfaces, this.statistics).packets();
    } else throw notCapture(source);
  }

  /** Byte of the file at which the last packet's record begins; at the end that behind all. */
  get offset(): number {
    return this.source.offset;
  }

  /** The next packet, or undefined at the end. Throws a CaptureError at damage; then there is no more. */
  next(): CapturedPacket | undefined {
    if (this.closed) return undefined;
    const result = this.packets.next();
    if (result.done) return undefined;
    const packet = result.value;
    if (packet.data.length > packet.length) {
      this.overlong++;
      packet.data = packet.data.subarray(0, packet.length);
    }
    return packet;
  }

  *[Symbol.iterator](): Generator<CapturedPacket> {
    try {
      for (let packet = this.next(); packet; packet = this.next()) yield packet;
    } finally {
      this.close();
    }
  }

  /** Close the file. May be called again. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.closeFile();
  }
}

/** Open a capture file. Throws what opening throws (ENOENT, EACCES) or a CaptureError. */
export function openCapture(file: string): CaptureReader {
  const fd = openSync(file, 'r');
  try {
    return new CaptureReader(
      file,
      (into) => readSync(fd, into),
      () => closeSync(fd),
    );
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Read a capture that is in memory. */
export function readCapture(bytes: Uint8Array, name = 'capture'): CaptureReader {
  let at = 0;
  return new CaptureReader(name, (into) => {
    const some = bytes.subarray(at, at + into.length);
    into.set(some);
    at += some.length;
    return some.length;
  });
}
