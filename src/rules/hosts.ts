// SPDX-License-Identifier: BSD-2-Clause
// Host names in commands: parsing does not wait, so names it meets are noted, looked up, and the text is parsed again.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { ParseContext } from './context.js';

type Lookup = (name: string, family: 4 | 6) => Promise<string | undefined>;

/** As the system's resolver has it. */
export const systemLookup: Lookup = async (name, family) => {
  try {
    return (await lookup(name, { family })).address;
  } catch {
    return undefined;
  }
};

const MOST_ROUNDS = 8;
const STAND_IN = { 4: '192.0.2.1', 6: '2001:db8::1' };

/**
 * Run `work` with a context that knows the addresses of the host names it asks for: `work` runs again whenever it
 * asked for new ones. It must change nothing until `commit` is called with its result.
 */
export async function withHosts<T>(
  base: ParseContext,
  work: (context: ParseContext) => T,
  find: Lookup = systemLookup,
): Promise<T> {
  const known = new Map<string, string | undefined>();
  for (let round = 0; ; round++) {
    const missing = new Set<string>();
    const warnings: string[] = [];
    const context: ParseContext = {
      readFile: (path) => base.readFile(path),
      warn: (text) => warnings.push(text),
      resolveHost(name, family) {
        const key = `${family} ${name}`;
        if (known.has(key)) return known.get(key);
        if (isIP(name) === family) return name;
        if (round < MOST_ROUNDS) missing.add(key);
        return STAND_IN[family];
      },
    };
    let result: T | undefined;
    let failure: unknown;
    try {
      result = work(context);
    } catch (error) {
      failure = error;
    }
    if (missing.size === 0) {
      for (const text of warnings) base.warn(text);
      if (failure !== undefined) throw failure;
      return result as T;
    }
    await Promise.all(
      [...missing].map(async (key) => {
        const [family, name] = key.split(' ') as [string, string];
        known.set(key, await find(name, family === '4' ? 4 : 6));
      }),
    );
  }
}
