// SPDX-License-Identifier: BSD-2-Clause
// corpus-pcapng.ts: pcapng files of every shape, with the packets that must be read from them.
import {
  Bytes,
  type CorpusFile,
  captured,
  type Dice,
  type Expected,
  SECOND,
  withoutFcs,
} from './corpus-parts.js';

interface Interface {
  linkType: number;
  snap: number;
  fcs: number;
  /** Units a second, and seconds at unit 0. */
  units: bigint;
  offset: bigint;
}

/** Option codes that mean something in a kind of block are not among these. */
const STRANGE = [2988, 2989, 19372, 19373, 0x7ff0];

/** Options in any order, some of no meaning, with or without their end. */
function options(dice: Dice, little: boolean, known: [code: number, value: Uint8Array][]): Buffer {
  const all = [...known];
  for (let i = dice.roll(3); i > 0; i--)
    all.splice(dice.roll(all.length + 1), 0, [
      dice.one(STRANGE),
      Buffer.concat([Buffer.from('000080fc', 'hex'), dice.bytes(dice.roll(9))]),
    ]);
  const bytes = new Bytes(little);
  for (const [code, value] of all) bytes.u16(code, value.length).padded(value);
  if (all.length > 0 && dice.roll(4) > 0) bytes.u32(0);
  return bytes.all;
}

const number = (little: boolean, size: 4 | 8, value: bigint): Buffer => {
  const bytes = new Bytes(little);
  return (size === 4 ? bytes.u32(Number(value)) : bytes.u64(value)).all;
};

class Section {
  readonly packets: Expected[] = [];
  private readonly blocks: Buffer[] = [];
  private readonly interfaces: Interface[] = [];

  constructor(
    private readonly dice: Dice,
    private readonly little: boolean,
    private readonly shape: NgShape,
  ) {}

  private block(type: number, fixed: Buffer): void {
    const length = 12 + fixed.length;
    this.blocks.push(new Bytes(this.little).u32(type, length).data(fixed).u32(length).all);
  }

  private options(known: [number, Uint8Array][]): Buffer {
    return options(this.dice, this.little, known);
  }

  interface(): void {
    const { dice, little, shape } = this;
    const linkType = shape.plain ? 1 : dice.one([1, 1, 101, 113, 276]);
    const snap = shape.plain ? 65535 : dice.one([0, 65535, 262144, 96]);
    const fcs = shape.plain || linkType !== 1 ? 0 : dice.one([0, 0, 4]);
    const known: [number, Uint8Array][] = [];
    let units = 1_000_000n;
    if (dice.roll(2) === 0) {
      const resolution = dice.one([0, 1, 3, 6, 8, 9, 10, 12, 0x80, 0x8a, 0x94, 0x9e, 0xa0]);
      units = resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
      known.push([9, Uint8Array.of(resolution)]);
    }
    let offset = 0n;
    if (dice.roll(3) === 0) {
      offset = BigInt(dice.one([0, 1, -1_000_000, 1_600_000_000]));
      known.push([14, number(little, 8, offset)]);
    }
    if (fcs > 0) known.push([13, Uint8Array.of(fcs * 8)]);
    for (const [code, text] of [
      [2, 'em0'],
      [3, 'an interface'],
      [12, 'Linux'],
    ] as const)
      if (dice.roll(3) === 0) known.push([code, Buffer.from(text)]);
    const fixed = new Bytes(little).u16(linkType, 0).u32(snap).data(this.options(known)).all;
    this.block(1, fixed);
    this.interfaces.push({ linkType, snap: snap === 0 ? 262144 : snap, fcs, units, offset });
  }

  /** Something that is no packet. */
  other(): void {
    const { dice, little } = this;
    const type = dice.one([4, 5, 10, 0x0bad, 0x40000bad, 0x7fff0001]);
    if (type === 5)
      this.block(5, new Bytes(little).u32(0, 5, 6).data(this.options([[4, number(little, 8, 9n)]])).all);
    else if (type === 4) {
      const host = Buffer.concat([Buffer.from([192, 0, 2, 1]), Buffer.from('host\0')]);
      this.block(4, new Bytes(little).u16(1, host.length).padded(host).u16(0, 0).all);
    } else if (type === 10) this.block(10, new Bytes(little).u32(0x544c534b, 8).data(dice.bytes(8)).all);
    else if ((type & 0xfff) === 0xbad)
      this.block(type, new Bytes(little).u32(32473).padded(dice.bytes(dice.roll(20))).all);
    else this.block(type, new Bytes(little).padded(dice.bytes(dice.roll(60))).all);
  }

  packet(): void {
    const { dice, little, interfaces } = this;
    const kind = dice.one(
      this.shape.plain ? ['enhanced'] : (['enhanced', 'enhanced', 'enhanced', 'old', 'simple'] as const),
    );
    const id = kind === 'simple' ? 0 : dice.roll(interfaces.length);
    const { linkType, snap, units, offset, fcs } = interfaces[id]!;
    const { whole, size } = captured(dice, linkType, snap);
    if (kind === 'simple') {
      const held = whole.subarray(0, Math.min(whole.length, snap));
      this.block(3, new Bytes(little).u32(whole.length).padded(held).all);
      this.add(linkType, 0n, held, whole.length, fcs, { timeless: true });
      return;
    }
    // No instant before 1970: of those each reader makes something else.
    const most = 2n ** 63n / units;
    const wanted = BigInt(dice.one([0, 1, 1_700_000_000]));
    const seconds = wanted + offset < 0n ? -offset : wanted > most ? most : wanted;
    const stamp = seconds * units + (units * BigInt(dice.roll(1_000_000))) / 1_000_003n;
    const time = (stamp * SECOND) / units + offset * SECOND;
    const known: [number, Uint8Array][] = [];
    const comments = dice.roll(4) === 0 ? ['first', 'second of all', 'äöü'].slice(0, 1 + dice.roll(3)) : [];
    for (const text of comments) known.push([1, Buffer.from(text)]);
    const way = dice.roll(3);
    if (way > 0) known.push([2, number(little, 4, BigInt(way))]);
    if (dice.roll(4) === 0) known.push([3, Buffer.concat([Buffer.from([2]), dice.bytes(4)])]);
    if (kind === 'enhanced' && dice.roll(4) === 0) known.push([4, number(little, 8, 7n)]);
    const head = new Bytes(little);
    if (kind === 'old') head.u16(id, dice.one([0, 3, 0xffff]));
    else head.u32(id);
    head.u32(Number(stamp >> 32n), Number(stamp & 0xffffffffn), size, whole.length);
    head.padded(whole.subarray(0, size)).data(this.options(known));
    this.block(kind === 'old' ? 2 : 6, head.all);
    const direction = ([undefined, 'in', 'out'] as const)[way];
    const fine = units * SECOND >= 2n ** 64n;
    this.add(linkType, time, whole.subarray(0, size), whole.length, fcs, { comments, direction, fine });
  }

  private add(
    linkType: number,
    time: bigint,
    data: Buffer,
    length: number,
    fcs: number,
    { comments = [], direction, timeless = false, fine = false }: Partial<Expected>,
  ): void {
    this.packets.push({
      ...{ time, linkType, comments, direction, timeless, fine, whole: { data, length } },
      ...withoutFcs(data, length, fcs),
    });
  }

  get bytes(): Buffer {
    const { dice, little } = this;
    const body = Buffer.concat(this.blocks);
    const about = this.options(
      dice.roll(2) === 0
        ? [
            [1, Buffer.from('a file')],
            [4, Buffer.from('corpus')],
          ]
        : [],
    );
    const length = 28 + about.length;
    const said = dice.roll(2) === 0 ? BigInt(body.length) : -1n;
    const head = new Bytes(little)
      .u32(0x0a0d0d0a, length, 0x1a2b3c4d)
      .u16(1, 0)
      .u64(said)
      .data(about)
      .u32(length);
    return Buffer.concat([head.all, body]);
  }
}

export interface NgShape {
  /** As libpcap wants it: one section, interfaces alike. */
  plain: boolean;
}

/** A pcapng file by chance. */
export function pcapng(dice: Dice, name: string, shape: NgShape): CorpusFile {
  const sections = Array.from({ length: shape.plain ? 1 : 1 + dice.roll(3) }, () => {
    const section = new Section(dice, dice.roll(2) === 0, shape);
    let interfaces = 0;
    for (let i = dice.roll(16); i > 0; i--) {
      const what = dice.roll(8);
      if (interfaces === 0 || (what === 0 && interfaces < 4)) {
        section.interface();
        interfaces++;
      } else if (what === 1) section.other();
      else section.packet();
    }
    return section;
  });
  return {
    name,
    bytes: Buffer.concat(sections.map(({ bytes }) => bytes)),
    packets: sections.flatMap(({ packets }) => packets),
    plain: shape.plain && sections[0]!.packets.length > 0,
  };
}
