// SPDX-License-Identifier: BSD-2-Clause
// A table of the model: options, entries, look-up. The engine has a copy of the entries under the same id.
import { mask4, maskBits } from './address.js';
import type { TableOptions } from './command.js';
import type { Journal } from './journal.js';
import { printKey, type TableKey, type TableValues } from './table-key.js';

export interface TableEntry {
  key: TableKey;
  values: TableValues;
}

/** The engine's table behind a name; swapping two names exchanges them. */
export interface EngineTable {
  id: number;
  limit: number;
  /** The engine does not have it yet. */
  fresh: boolean;
}

const rank = ({ key }: TableEntry): bigint => {
  if (key.type === 'addr') return (BigInt(key.family) << 140n) | (key.address << 8n) | BigInt(key.prefix);
  if (key.type === 'mac') return (key.address << 8n) | BigInt(key.prefix);
  return key.type === 'number' ? BigInt(key.number) : 0n;
};

export class Table {
  entries = new Map<string, TableEntry>();
  locked: boolean;
  limit: number;

  constructor(
    readonly name: string,
    readonly set: number,
    public engine: EngineTable,
    readonly options: TableOptions,
  ) {
    this.locked = options.locked;
    this.limit = options.limit;
  }

  get id(): number {
    return this.engine.id;
  }

  keyText(key: TableKey): string {
    return printKey(key, this.options.flow);
  }

  find(key: TableKey): TableEntry | undefined {
    return this.entries.get(this.keyText(key));
  }

  /** Put an entry in or (undefined) take it out. */
  put(key: TableKey, values: TableValues | undefined, journal: Journal): void {
    const text = this.keyText(key);
    const before = this.entries.get(text);
    const { entries } = this;
    if (values) entries.set(text, { key, values });
    else entries.delete(text);
    journal.record(() => {
      if (before) entries.set(text, before);
      else entries.delete(text);
    });
  }

  clear(journal: Journal): void {
    const before = this.entries;
    this.entries = new Map();
    journal.record(() => {
      this.entries = before;
    });
  }

  /** The entry a packet with this key would find: for addresses the one with the longest prefix. */
  lookup(key: TableKey): TableEntry | undefined {
    if (key.type !== 'addr' && key.type !== 'mac') return this.find(key);
    for (let prefix = key.prefix; prefix >= 0; prefix--) {
      let mask = maskBits(prefix, key.type === 'mac' ? 48 : 128);
      if (key.type === 'addr' && key.family === 4) mask = BigInt(mask4(prefix));
      const found = this.find({ ...key, address: key.address & mask, prefix });
      if (found) return found;
    }
    return undefined;
  }

  /** Entries in the order they are listed: by address or number; others as they came. */
  sorted(): TableEntry[] {
    const entries = [...this.entries.values()];
    if (this.options.type === 'flow') return entries;
    if (this.options.type === 'iface')
      return entries.sort((a, b) => (this.keyText(a.key) < this.keyText(b.key) ? -1 : 1));
    const ranked = entries.map((entry) => ({ entry, rank: rank(entry) }));
    return ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ entry }) => entry);
  }
}
