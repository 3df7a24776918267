// SPDX-License-Identifier: BSD-2-Clause
// Words of instructions, and the strings, interface patterns and names they refer to. Both machines this
// runs on (x64, arm64) are little-endian, as the words are packed here.
import { PATTERN } from '../../abi.js';

/** An instruction and its payload as words. `flags` are NOT and OR. */
export function insn(opcode: number, flags: number, arg: number, ...payload: number[]): number[] {
  payload.unshift((opcode | flags | ((payload.length + 2) << 16)) >>> 0, arg);
  return payload;
}

/** Bytes of a number in network order, packed into words as they lie in memory. */
export function bytesToWords(value: bigint, bytes: number): number[] {
  const padded = value << BigInt(8 * ((4 - (bytes % 4)) % 4));
  const count = Math.ceil(bytes / 4);
  return Array.from({ length: count }, (_, i) =>
    swap(Number((padded >> BigInt(32 * (count - 1 - i))) & 0xffffffffn)),
  );
}

const swap = (word: number): number =>
  (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;

export interface Pattern {
  kind: number;
  arg: number;
}

/**
 * What instructions refer to by number. It outlives single programs, so that the words of a rule need not be made
 * anew for each; state names keep their numbers for ever, because states do.
 */
export class References {
  private strings = new Map<string, number>();
  private bytes = 0;
  private patternKeys = new Map<string, number>();
  patterns: Pattern[] = [];
  private readonly stateNames = new Map<string, number>([['default', 0]]);

  /** `tableId`: id of the table a rule of set `set` means by `name`. */
  constructor(private readonly tableId: (name: string, set: number) => number) {}

  /** Set of the rule being compiled. */
  ruleSet = 0;

  table(name: string): number {
    return this.tableId(name, this.ruleSet);
  }

  string(text: string): number {
    let at = this.strings.get(text);
    if (at === undefined) {
      at = this.bytes;
      this.strings.set(text, at);
      this.bytes += Buffer.byteLength(text) + 1;
    }
    return at;
  }

  pattern(kind: keyof typeof PATTERN, arg: number): number {
    const key = `${kind} ${arg}`;
    let index = this.patternKeys.get(key);
    if (index === undefined) {
      index = this.patterns.push({ kind: PATTERN[kind], arg }) - 1;
      this.patternKeys.set(key, index);
    }
    return index;
  }

  stateName(name: string): number {
    let id = this.stateNames.get(name);
    if (id === undefined) {
      id = this.stateNames.size;
      this.stateNames.set(name, id);
    }
    return id;
  }

  /** Name of a state name's number. */
  nameOfState(id: number): string {
    for (const [name, each] of this.stateNames) if (each === id) return name;
    return String(id);
  }

  /** How many strings and patterns there are, also such as no rule uses any more. */
  get size(): number {
    return this.strings.size + this.patterns.length;
  }

  /** Forget strings and patterns: the words of all rules must be made anew. */
  reset(): void {
    this.strings = new Map();
    this.bytes = 0;
    this.patternKeys = new Map();
    this.patterns = [];
  }

  get stringBytes(): Buffer {
    return Buffer.from([...this.strings.keys()].map((text) => `${text}\0`).join(''));
  }
}
