// SPDX-License-Identifier: BSD-2-Clause
// rules-program.test.ts: the compiler against native/rules/program.h: numbers, layout, and all recorded rule files.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OP } from '../../src/abi.js';
import { encodeNat } from '../../src/rules/compiler/nat.js';
import { encodeTableUpdate } from '../../src/rules/compiler/table.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import {
  EXT6HDR,
  FRAGMENT,
  IP_OPTIONS,
  LIMIT_FIELDS,
  TCP_FLAGS,
  TCP_OPTIONS,
} from '../../src/rules/keywords.js';

const header = readFileSync('native/rules/program.h', 'utf8');

test('what a destination is compared with follows its source', () => {
  for (const [name, value] of Object.entries(OP))
    if (name.startsWith('src')) assert.is(OP[name.replace('src', 'dst') as keyof typeof OP], value + 1, name);
});

test('flag bits are those named in the comments', () => {
  const bits = (opcode: string): string =>
    new RegExp(`NV_OP_${opcode} = .*?/\\*(.*?)(\\*/|\\n)`).exec(header)![1]!;
  for (const [word, value] of TCP_FLAGS)
    assert.match(bits('TCPFLAGS'), new RegExp(`\\b${value} ${word}\\b`), word);
  for (const [word, value] of IP_OPTIONS)
    assert.match(bits('IPOPTIONS'), new RegExp(`\\b${value} ${word}\\b`), word);
  for (const [word, value] of EXT6HDR)
    assert.match(bits('EXT6HDR'), new RegExp(`\\b${value} ${word}\\b`), word);
  for (const [word, value] of TCP_OPTIONS.filter(([name]) => name !== 'maxseg' && name !== 'timestamp'))
    assert.match(bits('TCPOPTIONS'), new RegExp(`\\b${value} ${word}\\b`), word);
  for (const [word, value] of FRAGMENT)
    assert.match(bits('FRAG'), new RegExp(`\\b${value} ${word}\\b`), word);
  for (const [word, value] of LIMIT_FIELDS) assert.match(header, new RegExp(`\\b${value} ${word}\\b`), word);
});

const files = readdirSync('test/golden/vectors').filter((file) => file.endsWith('.rules'));

function load(file: string): Controller {
  const folder = 'test/golden/vectors';
  const controller = new Controller({
    context: { ...bareContext, readFile: (name) => readFileSync(path.join(folder, name), 'utf8') },
  });
  controller.runText(readFileSync(path.join(folder, file), 'utf8'), file);
  return controller;
}

/** Rules as listed with -S, as commands. */
const relist = (controller: Controller): string =>
  controller
    .runText('-S list', 'list')
    .replaceAll('# DISABLED ', '')
    .split('\n')
    .filter((line) => line && !line.startsWith('65535'))
    .map((line) => `add ${line}`)
    .join('\n');

test('all recorded rule files load; listed and loaded again they are the same program', () => {
  assert.is(files.length, 134);
  for (const file of files) {
    const controller = load(file);
    const again = new Controller({ context: bareContext });
    for (const table of controller.world.tables.all.sort((a, b) => a.id - b.id)) {
      const { type, flow, valtype } = table.options;
      const kind = `${type}${flow.length > 0 ? `:${flow.join(',')}` : ''}`;
      again.runText(
        `table ${table.name} create type ${kind}${valtype.length > 0 ? ` valtype ${valtype.join(',')}` : ''}`,
        'tables',
      );
    }
    again.runText(relist(controller), 'again');
    const { rules } = controller.world;
    const off = Array.from({ length: 31 }, (_, set) => set).filter((set) => rules.isDisabled(set));
    if (off.length > 0) again.runText(`set disable ${off.join(' ')}`, 'sets');
    const words = (each: Controller): Uint8Array => {
      const bytes = each.program();
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < view.getUint32(20, true); i++) view.setUint32(64 + 16 * i, 0, true); // ids differ
      return bytes;
    };
    assert.is(relist(again), relist(controller), file);
    assert.equal(words(again), words(controller), file);
  }
});

test('layout of a program', () => {
  const controller = new Controller({ context: bareContext });
  controller.runText('add 7 set 2 deny tcp from 10.0.0.0/8 to any 80 recv em0\nset disable 2', 'x');
  const bytes = controller.program();
  const view = new DataView(bytes.buffer);
  const words = Array.from({ length: 12 }, (_, i) => view.getUint32(4 * i, true));
  assert.equal(words, [0x4e56524c, 1, bytes.length, 4, 64, 2, 96, 15, 160, 1, 176, 4]);
  assert.equal(
    [
      view.getUint16(68, true),
      bytes[70],
      view.getUint32(72, true),
      view.getUint16(76, true),
      view.getUint16(78, true),
    ],
    [7, 2, 0, 11, 2],
  );
  assert.equal(
    [
      view.getUint16(84, true),
      bytes[86],
      view.getUint32(88, true),
      view.getUint16(92, true),
      view.getUint16(94, true),
    ],
    [65535, 31, 13, 0, 2],
  );
  const code = Array.from({ length: 15 }, (_, i) => view.getUint32(96 + 4 * i, true));
  const insn = (opcode: number, length: number): number => opcode | (length << 16);
  assert.equal(code, [
    insn(24, 2),
    6,
    insn(2, 4),
    0,
    0x0a000000,
    0xff000000,
    insn(13, 3),
    0,
    80 | (80 << 16),
    insn(20, 2),
    0,
    insn(141, 2),
    0,
    insn(140, 2),
    0,
  ]);
  assert.is(Buffer.from(bytes.subarray(176, 180)).toString(), 'em0\0');
});

test('layout of a table update', () => {
  const key = { type: 'addr' as const, family: 6 as const, address: 0x20010db8n << 96n, prefix: 32 };
  const bytes = encodeTableUpdate(
    5,
    [
      { key, values: [1, 2, 0xffn] },
      { key: { type: 'number', number: 9 }, values: undefined },
    ],
    ['skipto', 'tag', 'ipv6'],
  );
  const view = new DataView(bytes.buffer);
  assert.is(bytes.length, 32 + 2 * 112);
  assert.equal(
    [0, 4, 8, 12, 16].map((at) => view.getUint32(at, true)),
    [0x4e565442, 1, 5, 0, 2],
  );
  assert.equal([...bytes.subarray(32, 38)], [2, 0, 0, 0, 6, 32]);
  assert.equal([...bytes.subarray(48, 52)], [0x20, 0x01, 0x0d, 0xb8]);
  assert.equal([view.getUint32(80, true), view.getUint32(100, true), bytes[32 + 48 + 63]], [1, 2, 0xff]);
  assert.equal([view.getUint32(144, true), view.getUint32(156, true)], [3, 9]);
});

test('layout of a nat instance', () => {
  const controller = new Controller({ context: bareContext });
  controller.runText(
    'nat 9 config ip 1.2.3.4 same_ports redirect_port tcp 10.0.0.1:80,10.0.0.2:81 5.6.7.8:500 9.9.9.9:7',
    'x',
  );
  const bytes = encodeNat(controller.world.nats.get(9)!, 0x01020304);
  const view = new DataView(bytes.buffer);
  const word = (at: number): number => view.getUint32(at, true);
  const half = (at: number): number => view.getUint16(at, true);
  assert.is(bytes.length, 48 + 40 + 2 * 8);
  assert.equal([0, 4, 8, 12, 16, 24, 28].map(word), [0x4e564e54, 1, 9, 2, 0x01020304, 1, 2]);
  assert.equal([48, 52, 56, 60].map(word), [2, 6, 0x05060708, 0x09090909]);
  assert.equal([64, 66, 68, 70].map(half), [500, 1, 7, 1]);
  assert.equal([72, 76].map(word), [0, 2]);
  assert.equal([word(88), half(92), word(96), half(100)], [0x0a000001, 80, 0x0a000002, 81]);
});

test.run();
