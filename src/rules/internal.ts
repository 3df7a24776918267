// SPDX-License-Identifier: BSD-2-Clause
// ipfw internal: what rules and tables refer to, as ipfw prints it: interfaces, algorithms, named objects, table values.
import type { INTERNALS } from './command.js';
import { ALGORITHMS } from './parse-table.js';
import type { World } from './world.js';

/** Uses of each of the words, by first use. */
function count(words: Iterable<string>): Map<string, number> {
  const uses = new Map<string, number>();
  for (const word of words) uses.set(word, (uses.get(word) ?? 0) + 1);
  return uses;
}

const lines = (each: Iterable<string>): string => [...each].map((line) => `${line}\n`).join('');

/** Interfaces that rules name; a rule is about an interface whether it is there or not. */
function interfaces({ rules }: World): string {
  const names = rules.all
    .flatMap(({ rule }) => rule.body.flat())
    .flatMap(({ test }) => (test.kind === 'iface' && test.match.by === 'name' ? [test.match.name] : []));
  const sorted = [...count(names)].sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
  return lines(sorted.map(([name, refs]) => `${name} ifindex: unresolved refcount: ${refs} changes: 0`));
}

function algorithms({ tables }: World): string {
  const used = count(tables.all.map(({ options }) => options.algo));
  return lines(
    Object.entries(ALGORITHMS).map(
      ([algo, type]) => `--- ${algo} ---\n type: ${type}\n refcount: ${used.get(algo) ?? 0}`,
    ),
  );
}

/** Names that rules share: those of states, and actions that are modules of ipfw's kernel. */
function objects({ rules }: World): string {
  const names = rules.all.flatMap(({ rule: { action, state } }) => [
    ...(action.kind === 'tcp-setmss' ? ['EACTION\tname: tcp-setmss'] : []),
    ...(action.kind === 'check-state' && action.name !== 'any' ? [`DYNSTATE\tname: ${action.name}`] : []),
    ...(state ? [`DYNSTATE\tname: ${state.name}`] : []),
  ]);
  const found = [...count(names).keys()];
  if (found.length === 0) return 'There are no objects\n';
  const listed = found.map((object, index) => {
    const [type, name] = object.split('\t') as [string, string];
    return ` kidx: ${String(index + 1).padStart(4)}\ttype: ${type.padStart(10)}\t${name}`;
  });
  return lines(['Objects list:', ...listed]);
}

function values({ tables }: World): string {
  const texts = tables.all.flatMap((table) =>
    [...table.entries.values()].map((entry) => entry.values.join(',')),
  );
  return lines([...count(texts)].map(([value, refs], index) => `[${index + 1}] refs=${refs} ${value}`));
}

const LISTS = { iflist: interfaces, talist: algorithms, olist: objects, vlist: values };

export const listInternal = (world: World, what: (typeof INTERNALS)[number]): string => LISTS[what](world);
