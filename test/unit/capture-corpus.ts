// SPDX-License-Identifier: BSD-2-Clause
// capture-corpus.ts: makes capture files of every shape there is, each with the packets that must be read from it. The same
// seed makes the same files.
import { Bytes, type CorpusFile, captured, Dice, type Expected, SECOND, withoutFcs } from './corpus-parts.js';
import { pcapng } from './corpus-pcapng.js';

interface PcapShape {
  little: boolean;
  magic: number;
  minor: number;
  linkType: number;
  fcs: number;
}

function pcap(dice: Dice, name: string, { little, magic, minor, linkType, fcs }: PcapShape): CorpusFile {
  const snap = dice.one([65535, 262144, 96]);
  const bytes = new Bytes(little);
  const link = (linkType | (fcs > 0 ? 0x04000000 | ((fcs / 2) << 28) : 0)) >>> 0;
  bytes.u32(magic).u16(2, minor).u32(0, 0, snap, link);
  const packets: Expected[] = [];
  const units = magic === 0xa1b23c4d ? 1 : 1000;
  for (let i = dice.roll(12); i > 0; i--) {
    const { whole, size } = captured(dice, linkType, snap);
    const seconds = dice.one([0, 1, 1_700_000_000, 0xffffffff]);
    const fraction =
      dice.roll(8) === 0 ? 1_000_000_000 / units + dice.roll(1_000_000) : dice.roll(1_000_000_000 / units);
    // Before version 2.3 the two lengths stand in the other order; in 2.3 readers look.
    const lengths =
      minor < 3 || (minor === 3 && dice.roll(2) === 0) ? [whole.length, size] : [size, whole.length];
    bytes.u32(seconds, fraction, ...lengths);
    if (magic === 0xa1b2cd34)
      bytes
        .u32(1 + dice.roll(4))
        .u16(0x0800)
        .data(dice.bytes(2));
    bytes.data(whole.subarray(0, size));
    packets.push({
      time: BigInt(seconds) * SECOND + BigInt(fraction * units),
      ...withoutFcs(whole.subarray(0, size), whole.length, fcs),
      whole: { data: whole.subarray(0, size), length: whole.length },
      linkType,
      direction: undefined,
      comments: [],
      timeless: false,
      fine: false,
    });
  }
  return { name, bytes: bytes.all, packets, plain: fcs === 0 };
}

/** Some hundred files: every kind of pcap, and pcapng by chance. */
export function corpus(seed: number): CorpusFile[] {
  const dice = new Dice(seed);
  const files: CorpusFile[] = [];
  for (const little of [true, false])
    for (const magic of [0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34])
      for (const minor of [4, 3, 2])
        for (const [linkType, fcs] of [
          [1, 0],
          [1, 4],
          [101, 0],
          [113, 0],
          [276, 0],
        ] as const)
          files.push(pcap(dice, `${files.length}.pcap`, { little, magic, minor, linkType, fcs }));
  for (let i = 0; i < 60; i++) files.push(pcapng(dice, `${files.length}.pcapng`, { plain: true }));
  for (let i = 0; i < 200; i++) files.push(pcapng(dice, `${files.length}.pcapng`, { plain: false }));
  return files;
}
