// SPDX-License-Identifier: BSD-2-Clause
// rules-arbitrary-test.ts: random tests of rules: every kind of option with random arguments.
import fc from 'fast-check';
import { ALL6, ALL48, mask4, maskBits } from '../../src/rules/address.js';
import type { Arg, Side, TableRef, Test } from '../../src/rules/ast.js';
import { LOOKUP_KEYS, VALUE_KINDS } from '../../src/rules/keywords.js';

const side = fc.constantFrom<Side>('src', 'dst');
export const u8 = fc.integer({ min: 0, max: 255 });
export const u16 = fc.integer({ min: 0, max: 65535 });
export const u32 = fc.integer({ min: 0, max: 0xffffffff });
export const arg = (min: number, max = 65534): fc.Arbitrary<Arg> =>
  fc.oneof(fc.integer({ min, max }), fc.constant<'tablearg'>('tablearg'));

const range = (value: fc.Arbitrary<number>) =>
  fc.tuple(value, value).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));
const ranges = (value: fc.Arbitrary<number>) => fc.array(range(value), { minLength: 1, maxLength: 5 });
/** Distinct numbers in rising order. */
const setOf = (max: number) =>
  fc
    .uniqueArray(fc.integer({ min: 0, max }), { minLength: 1, maxLength: 6 })
    .map((all) => all.sort((a, b) => a - b));

const mask32 = fc.oneof(
  fc.integer({ min: 1, max: 32 }).map(mask4),
  u32.filter((mask) => mask !== 0),
);
const net4 = fc.tuple(u32, mask32).map(([address, mask]) => ({ address: (address & mask) >>> 0, mask }));
const mask128 = fc.oneof(
  fc.integer({ min: 1, max: 128 }).map((bits) => maskBits(bits, 128)),
  fc.bigInt({ min: 1n, max: ALL6 }),
);
const net6 = fc
  .tuple(fc.bigInt({ min: 0n, max: ALL6 }), mask128)
  .map(([address, mask]) => ({ address: address & mask, mask }));
const mac = fc.tuple(
  fc.bigInt({ min: 0n, max: ALL48 }),
  fc.oneof(
    fc.integer({ min: 0, max: 48 }).map((n) => maskBits(n, 48)),
    fc.bigInt({ min: 0n, max: ALL48 }),
  ),
);
const macNet = mac.map(([address, mask]) => ({ address: address & mask, mask }));

const tableName = fc.constantFrom('a', 'T1', '7', 'x-y_z.9', 'lookup');
const valueKind = fc.constantFrom(...VALUE_KINDS.filter((kind) => kind !== 'ipv6'));
const tableRef: fc.Arbitrary<TableRef> = fc.oneof(
  fc.record({ name: tableName }),
  fc.record({ name: tableName, value: fc.record({ kind: valueKind, value: u32, named: fc.constant(true) }) }),
  fc.record({
    name: tableName,
    value: fc.record({ kind: fc.constant('tag' as const), value: u32, named: fc.constant(false) }),
  }),
);
const bareTable = tableName.map((name): TableRef => ({ name }));

const set4: fc.Arbitrary<Test> = fc
  .tuple(side, u32, fc.integer({ min: 24, max: 32 }), fc.uniqueArray(u8, { minLength: 1, maxLength: 20 }))
  .map(([which, address, bits, members]) => {
    const base = (address & mask4(bits)) >>> 0;
    const size = 2 ** (32 - bits);
    const low = base & 255;
    const inside = [...new Set(members.map((member) => low + (member % size)))].sort((a, b) => a - b);
    return { kind: 'set4', side: which, base, size, members: inside };
  });

/** Wanted and unwanted bits of a word list with `bits` bits, at least one of them. */
const flagBits = (bits: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: 2 ** bits - 1 }), fc.integer({ min: 0, max: 2 ** bits - 1 }))
    .map(([set, clear]) => ({ set: set || 1, clear }));

const lookup: fc.Arbitrary<Test> = fc
  .tuple(fc.constantFrom(...LOOKUP_KEYS), bareTable, fc.bigInt({ min: 0n, max: ALL6 }), fc.boolean())
  .map(([key, table, bits, masked]) => {
    if (!masked || key === 'dst-ip' || key === 'src-ip') return { kind: 'lookup', key, table };
    const width = key.endsWith('6') ? 128n : key.endsWith('-mac') ? 48n : 32n;
    return { kind: 'lookup', key, mask: bits & ((1n << width) - 1n), table };
  });

const name = fc.constantFrom('em0', 'vlan20', 'tun', 'in', 'lo0');

export const anyTest: fc.Arbitrary<Test> = fc.oneof(
  fc.constantFrom<Test>({ kind: 'ip4' }, { kind: 'ip6' }, { kind: 'tagged-tablearg' }),
  fc.integer({ min: 1, max: 255 }).map((proto): Test => ({ kind: 'proto', proto })),
  fc.record({
    kind: fc.constant('net4' as const),
    side,
    nets: fc.array(net4, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('net6' as const),
    side,
    nets: fc.array(net6, { minLength: 1, maxLength: 3 }),
  }),
  set4,
  fc.record({ kind: fc.constantFrom('me' as const, 'me6' as const), side }),
  fc.record({ kind: fc.constantFrom('table' as const, 'mac-table' as const), side, table: tableRef }),
  fc.record({ kind: fc.constant('port' as const), side, ranges: ranges(u16) }),
  fc.record({ kind: fc.constant('mac' as const), dst: macNet, src: macNet }),
  lookup,
  fc.record({ kind: fc.constant('flow' as const), table: tableRef }),
  fc.record({
    kind: fc.constant('iface' as const),
    which: fc.constantFrom('recv' as const, 'xmit' as const, 'via' as const),
    match: fc.oneof(
      name.map((each) => ({ by: 'name' as const, name: each })),
      name.map((each) => ({ by: 'glob' as const, name: `${each}*` })),
      u32.map((address) => ({ by: 'ip' as const, address })),
      bareTable.map((table) => ({ by: 'table' as const, table })),
    ),
  }),
  fc.record({
    kind: fc.constant('plain' as const),
    field: fc.constantFrom(
      'layer2',
      'in',
      'established',
      'verrevpath',
      'versrcreach',
      'antispoof',
      'ipsec',
      'sockarg',
      'diverted',
      'diverted-loopback',
      'diverted-output',
    ),
  }),
  fc.record({
    kind: fc.constant('list' as const),
    field: fc.constantFrom('mac-type', 'iplen', 'ipid', 'tcpwin', 'tcpdatalen', 'tcpmss'),
    ranges: ranges(u16),
  }),
  fc.record({ kind: fc.constant('list' as const), field: fc.constant('ipttl' as const), ranges: ranges(u8) }),
  fc.record({
    kind: fc.constant('list' as const),
    field: fc.constantFrom('fib', 'tagged'),
    ranges: ranges(fc.integer({ min: 0, max: 65534 })),
  }),
  flagBits(6).map((bits): Test => ({ kind: 'flags', field: 'tcpflags', ...bits })),
  flagBits(5).map((bits): Test => ({ kind: 'flags', field: 'tcpoptions', ...bits })),
  flagBits(4).map((bits): Test => ({ kind: 'flags', field: 'ipoptions', ...bits })),
  flagBits(4).map((bits): Test => ({ kind: 'flags', field: 'frag', ...bits })),
  flagBits(4).map(
    ({ set, clear }): Test => ({ kind: 'flags', field: 'iptos', set: set << 1, clear: clear << 1 }),
  ),
  fc.record({
    kind: fc.constant('number' as const),
    field: fc.constant('ipversion' as const),
    value: fc.integer({ min: 0, max: 15 }),
  }),
  fc.record({
    kind: fc.constant('number' as const),
    field: fc.constant('ipprecedence' as const),
    value: fc.integer({ min: 0, max: 7 }),
  }),
  fc.record({
    kind: fc.constant('number' as const),
    field: fc.constantFrom('tcpseq' as const, 'tcpack' as const),
    value: u32,
  }),
  setOf(63).map((values): Test => ({ kind: 'dscp', values })),
  setOf(31).map((values): Test => ({ kind: 'icmptypes', values })),
  setOf(255).map((values): Test => ({ kind: 'icmp6types', values })),
  setOf(0xfffff).map((values): Test => ({ kind: 'flow-id', values })),
  fc.integer({ min: 1, max: 255 }).map((headers): Test => ({ kind: 'ext6hdr', headers })),
  fc.tuple(fc.oneof(u32, fc.constant('tablearg' as const)), u32).map(
    ([value, mask]): Test => ({
      kind: 'mark',
      value: value === 'tablearg' ? value : (value & mask) >>> 0,
      mask,
    }),
  ),
);
