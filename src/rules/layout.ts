// SPDX-License-Identifier: BSD-2-Clause
// Where the tests of a rule stand when it is listed: "proto from src [ports] to dst [ports] options". As in ipfw, a
// test given as an option (src-ip 10.0.0.1) is listed in its place of the head. The program has the same order, so
// that a listed rule read again gives the same program.
import type { Block, Match, Rule, Side, Test } from './ast.js';

export interface Layout {
  /** The rule is listed as options only. */
  bare: boolean;
  proto?: Block | undefined;
  src?: Block | undefined;
  srcPort?: Match | undefined;
  dst?: Block | undefined;
  dstPort?: Match | undefined;
  options: Block[];
}

const isVersion = (test: Test): boolean => test.kind === 'ip4' || test.kind === 'ip6';
const isProto = (test: Test): boolean => test.kind === 'proto' || isVersion(test);

function isAddress(test: Test, side: Side): boolean {
  return /^(net4|set4|net6|me6?|table)$/.test(test.kind) && (test as { side: Side }).side === side;
}

const isPort = (test: Test, side: Side): boolean => test.kind === 'port' && test.side === side;

/** The test looks something up in a table, and so may set tablearg: such tests must keep their order. */
export const looksUp = (test: Test): boolean =>
  'table' in test || (test.kind === 'iface' && test.match.by === 'table');

/** Head and options, taking for the head what `take` finds among the blocks. */
function arrange(rule: Rule, take: (fits: (block: Block) => boolean) => Block | undefined): Layout {
  const layout: Layout = { bare: false, options: [] };
  const all = (fits: (test: Test) => boolean) => (block: Block) => block.every(({ test }) => fits(test));
  layout.proto =
    take((block) => all(isProto)(block) && block.some(({ test }) => isVersion(test))) ?? take(all(isProto));
  const last = layout.proto?.at(-1)?.test;
  const six = last?.kind === 'ip6' || (last?.kind === 'proto' && last.proto === 41);
  for (const side of ['src', 'dst'] as const) {
    // behind ip6, `me` and dotted addresses would be read as IPv6 ones
    layout[side] = take((block) =>
      all((test) => isAddress(test, side) && !(six && /^(net4|set4|me)$/.test(test.kind)))(block),
    );
    const ports = rule.body.flat().filter(({ test }) => isPort(test, side)).length;
    if (ports === 1)
      layout[`${side}Port`] = take((block) => block.length === 1 && isPort(block[0]!.test, side))?.[0];
  }
  return layout;
}

function order(layout: Layout): Block[] {
  const port = (match: Match | undefined): Block[] => (match ? [[match]] : []);
  const head = (block: Block | undefined): Block[] => (block ? [block] : []);
  return [
    ...head(layout.proto),
    ...head(layout.src),
    ...port(layout.srcPort),
    ...head(layout.dst),
    ...port(layout.dstPort),
    ...layout.options,
  ];
}

const lookups = (blocks: Block[]): Test[] =>
  blocks
    .flat()
    .map(({ test }) => test)
    .filter(looksUp);

export function layoutRule(rule: Rule): Layout {
  if (rule.optionsOnly) return { bare: true, options: rule.body };
  const rest = [...rule.body];
  const anywhere = arrange(rule, (fits) => {
    const at = rest.findIndex(fits);
    return at < 0 ? undefined : rest.splice(at, 1)[0];
  });
  anywhere.options = rest;
  const before = lookups(rule.body);
  if (lookups(order(anywhere)).every((test, index) => test === before[index])) return anywhere;
  // moving would change which look-up is the last one: only what stands in its place already goes to the head
  const stay = [...rule.body];
  const inPlace = arrange(rule, (fits) => (stay[0] && fits(stay[0]) ? stay.shift() : undefined));
  inPlace.options = stay;
  return inPlace;
}

/** The blocks of a rule in the order of its program. */
export const orderedBlocks = (rule: Rule): Block[] => order(layoutRule(rule));
