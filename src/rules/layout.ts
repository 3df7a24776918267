// SPDX-License-Identifier: BSD-2-Clause
// Where the tests of a rule stand when it is listed: "proto from src [ports] to dst [ports] options". As in ipfw, a
// test given as an option (src-ip 10.0.0.1) is listed in its place of the head. The program has the same order, so
// that a listed rule read again gives the same program.
import type { Block, Match, Rule, Test } from './ast.js';

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

type Place = 'version' | 'proto' | 'src' | 'dst' | 'srcPort' | 'dstPort' | 'option';

/** Where a test can stand in the head. */
function placeOfTest(test: Test): Place {
  switch (test.kind) {
    case 'ip4':
    case 'ip6':
      return 'version';
    case 'proto':
      return 'proto';
    case 'net4':
    case 'net6':
    case 'set4':
    case 'me':
    case 'me6':
    case 'table':
      return test.side;
    case 'port':
      return test.side === 'src' ? 'srcPort' : 'dstPort';
    default:
      return 'option';
  }
}

/** Where a block can: all its alternatives must fit, and ports stand alone. */
function placeOf(block: Block): Place {
  let place = placeOfTest(block[0]!.test);
  for (let i = 1; i < block.length; i++) {
    const next = placeOfTest(block[i]!.test);
    const protocols = (place === 'proto' || place === 'version') && (next === 'proto' || next === 'version');
    if (protocols) place = place === 'version' ? place : next;
    else if (next !== place || place.endsWith('Port')) return 'option';
  }
  return place;
}

/** The test looks something up in a table, and so may set tablearg: such tests must keep their order. */
const looksUp = (test: Test): boolean =>
  'table' in test || (test.kind === 'iface' && test.match.by === 'table');

/** Behind ip6, `me` and dotted addresses would be read as IPv6 ones. */
const readAs6 = (proto: Block | undefined): boolean => {
  const last = proto?.at(-1)?.test;
  return last?.kind === 'ip6' || (last?.kind === 'proto' && last.proto === 41);
};
const only4 = (block: Block): boolean =>
  block.some(({ test }) => test.kind === 'net4' || test.kind === 'set4' || test.kind === 'me');

const portTests = (rule: Rule, place: Place): number =>
  rule.body.reduce((sum, block) => sum + block.filter(({ test }) => placeOfTest(test) === place).length, 0);

/** Fill the head: with blocks from anywhere, or only with those that stand at the beginning in their order. */
function arrange(rule: Rule, anywhere: boolean): Layout {
  const rest = [...rule.body];
  const places = rest.map(placeOf);
  const take = (place: Place, refuse?: (block: Block) => boolean): Block | undefined => {
    const at = anywhere ? places.indexOf(place) : places[0] === place ? 0 : -1;
    if (at < 0 || refuse?.(rest[at]!)) return undefined;
    places.splice(at, 1);
    return rest.splice(at, 1)[0];
  };
  const layout: Layout = { bare: false, options: rest };
  layout.proto = take('version') ?? take('proto');
  const refuse = readAs6(layout.proto) ? only4 : undefined;
  for (const side of ['src', 'dst'] as const) {
    layout[side] = take(side, refuse);
    // several port tests of a side are all listed as options
    const port = `${side}Port` as const;
    if (places.includes(port) && portTests(rule, port) === 1) layout[port] = take(port)?.[0];
  }
  return layout;
}

function order(layout: Layout): Block[] {
  const blocks: Block[] = [];
  if (layout.proto) blocks.push(layout.proto);
  if (layout.src) blocks.push(layout.src);
  if (layout.srcPort) blocks.push([layout.srcPort]);
  if (layout.dst) blocks.push(layout.dst);
  if (layout.dstPort) blocks.push([layout.dstPort]);
  blocks.push(...layout.options);
  return blocks;
}

const lookups = (blocks: Block[]): Test[] =>
  blocks.flatMap((block) => block.map(({ test }) => test).filter(looksUp));

/** The layout of a rule that stands as it is listed. */
function asItStands(body: readonly Block[]): Layout {
  const layout: Layout = { bare: false, options: [] };
  for (const block of body) {
    const place = placeOf(block);
    if (place === 'option') layout.options.push(block);
    else if (place === 'srcPort' || place === 'dstPort') layout[place] = block[0];
    else layout[place === 'version' ? 'proto' : place] = block;
  }
  return layout;
}

export function layoutRule(rule: Rule): Layout {
  if (rule.optionsOnly) return { bare: true, options: rule.body };
  if (isOrdered(rule)) return asItStands(rule.body);
  const layout = arrange(rule, true);
  const before = lookups(rule.body);
  if (before.length < 2 || lookups(order(layout)).every((test, index) => test === before[index]))
    return layout;
  return arrange(rule, false); // moving would change which look-up is the last one
}

const RANK: Record<Place, number> = {
  version: 0,
  proto: 0,
  src: 1,
  srcPort: 2,
  dst: 3,
  dstPort: 4,
  option: 5,
};

/** Does the rule, as nearly all do, stand as it is listed: each place of the head at most once and in order? */
function isOrdered(rule: Rule): boolean {
  let last = -1;
  for (const block of rule.body) {
    const rank = RANK[placeOf(block)];
    if (block.length > 1 || rank < last || (rank === last && rank < RANK.option)) return false;
    if (rank === 0 && readAs6(block)) return false;
    last = rank;
  }
  return true;
}

/** The blocks of a rule in the order of its program. */
export const orderedBlocks = (rule: Rule): Block[] =>
  rule.optionsOnly || isOrdered(rule) ? rule.body : order(layoutRule(rule));
