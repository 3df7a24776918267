// SPDX-License-Identifier: BSD-2-Clause
// The binary form of a change of a table (struct nv_rules_update and its entries).
import { PROGRAM, TABLE_ENTRY, TABLE_UPDATE, VALUE_WORD } from '../../abi.js';
import type { ValueKind } from '../keywords.js';
import type { TableKey, TableValues } from '../table-key.js';

const HEAD = 32;
const ENTRY = 112;
const VALUE = 48;
const IPV6 = 48; // within a value
const IFACE = 44;

/** One key and the values it is to have; undefined: none. */
export interface TableChange {
  key: TableKey;
  values: TableValues | undefined;
  /** Interface id, in the table of routes. */
  iface?: number;
}

function writeBytes(out: Uint8Array, offset: number, value: bigint, bytes: number): void {
  let rest = value;
  for (let i = bytes - 1; i >= 0; i--) {
    out[offset + i] = Number(rest & 255n);
    rest >>= 8n;
  }
}

function writeKey(out: Uint8Array, view: DataView, offset: number, key: TableKey): void {
  const bytes = 'family' in key && key.family === 6 ? 16 : 4;
  if ('family' in key) view.setUint8(offset + 4, key.family);
  if ('prefix' in key) view.setUint8(offset + 5, key.prefix);
  if (key.type === 'addr') writeBytes(out, offset + 16, key.address, bytes);
  if (key.type === 'mac') writeBytes(out, offset + 16, key.address, 6);
  if (key.type === 'iface') out.set(Buffer.from(key.name), offset + 16);
  if (key.type === 'number') view.setUint32(offset + 12, key.number, true);
  if (key.type === 'flow') {
    view.setUint8(offset + 6, key.proto);
    view.setUint16(offset + 8, key.srcPort, true);
    view.setUint16(offset + 10, key.dstPort, true);
    writeBytes(out, offset + 16, key.src, bytes);
    writeBytes(out, offset + 32, key.dst, bytes);
  }
}

/** Each kind has its word; the one number of a legacy table stands in all of them. */
function writeValue(
  out: Uint8Array,
  view: DataView,
  offset: number,
  values: TableValues,
  valtype: ValueKind[],
): void {
  if (valtype.length === 0) {
    for (const word of Object.values(VALUE_WORD)) view.setUint32(offset + 4 * word, Number(values[0]), true);
    return;
  }
  for (const [index, kind] of valtype.entries()) {
    const value = values[index]!;
    if (kind === 'ipv6') writeBytes(out, offset + IPV6, BigInt(value), 16);
    else view.setUint32(offset + 4 * VALUE_WORD[kind], Number(value), true);
  }
}

/** `replace`: the table gets exactly these entries. */
export function encodeTableUpdate(
  table: number,
  changes: readonly TableChange[],
  valtype: ValueKind[],
  replace = false,
): Uint8Array {
  const out = new Uint8Array(HEAD + ENTRY * changes.length);
  const view = new DataView(out.buffer);
  const words = [
    PROGRAM.tableMagic,
    PROGRAM.version,
    table,
    replace ? TABLE_UPDATE.replace : 0,
    changes.length,
  ];
  for (const [index, word] of words.entries()) view.setUint32(4 * index, word, true);
  let offset = HEAD;
  for (const { key, values, iface } of changes) {
    view.setUint32(offset, values ? (replace ? TABLE_ENTRY.add : TABLE_ENTRY.set) : TABLE_ENTRY.delete, true);
    writeKey(out, view, offset, key);
    if (values) writeValue(out, view, offset + VALUE, values, valtype);
    if (iface !== undefined) view.setUint32(offset + VALUE + IFACE, iface, true);
    offset += ENTRY;
  }
  return out;
}
