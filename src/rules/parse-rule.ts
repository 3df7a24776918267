// SPDX-License-Identifier: BSD-2-Clause
// A rule: [number] [set N] [prob p] action [log ...] [altq q] [tag n] [setmark v] [proto from src to dst] [options].
import { type Block, type Match, PROB_ONE, type Rule, type Side } from './ast.js';
import { acceptAbbreviation, acceptNot, isAbbreviation, type ParseContext, saysNot } from './context.js';
import { EXIT } from './error.js';
import { BARE_ACTION } from './keywords.js';
import { servicePort } from './names.js';
import { type BodyReader, type Parsed, parsePorts, parseProtocol } from './option-args.js';
import { parseAction } from './parse-action.js';
import { parseAddress } from './parse-address.js';
import { parseModifiers } from './parse-modifiers.js';
import { isKeyword, OPTIONS, optionsLike, parseOption } from './parse-options.js';
import { parseState } from './parse-state.js';
import { looksLikeRanges } from './ranges.js';
import type { Words } from './words.js';

/** Protocols a misspelt one is compared with. */
const PROTOCOLS = [
  'ip',
  'ip4',
  'ip6',
  'tcp',
  'udp',
  'icmp',
  'ipv6-icmp',
  'sctp',
  'gre',
  'esp',
  'ah',
  'ospf',
  'igmp',
];

/** One alternative of a block as it is read. */
interface Alternative {
  not: boolean;
  parsed: Parsed;
}

const isOpen = (text: string | undefined): boolean => text === '{' || text === '(';
const isClose = (text: string | undefined): boolean => text === '}' || text === ')';

/** A block holds unless one of its alternatives matches everything. */
function addBlock(rule: Rule, alternatives: Alternative[], words: Words): void {
  const block: Block = [];
  for (const { not, parsed } of alternatives) {
    if (parsed !== 'any') block.push({ not, test: parsed } satisfies Match);
    else if (!not) return;
  }
  if (block.length === 0) throw words.failBack('"not any" never matches', 'something a packet can be');
  rule.body.push(block);
}

/**
 * test, or { test or test ... }. `readOne` reads a test without its "not"; `invert`: it was written inverted (out).
 * `head`: in the rule's head, where ipfw takes beginnings of "not" and "or".
 */
function parseBlock(
  reader: BodyReader,
  rule: Rule,
  readOne: () => { parsed: Parsed; invert?: boolean },
  head = true,
): void {
  const { words, context } = reader;
  const alternatives: Alternative[] = [];
  const one = (): void => {
    const not = acceptNot(words, context, head);
    if (isOpen(words.peek()))
      throw words.fail(
        not ? '"not" before an or-block' : 'an or-block inside another',
        'one level of braces, "not" before single tests',
        { exit: EXIT.usage },
      );
    const { parsed, invert = false } = readOne();
    alternatives.push({ not: not !== invert, parsed });
  };
  if (!isOpen(words.peek())) one();
  else {
    words.next('{');
    do one();
    while (
      words.accept('or', '|') ||
      (head && words.peek() === 'o' && acceptAbbreviation(words, 'or', context))
    );
    if (!isClose(words.peek())) throw words.unexpected('"or" or the end of the or-block "}"');
    words.next('}');
  }
  addBlock(rule, alternatives, words);
}

function readProtocol(reader: BodyReader): Parsed {
  const { words, context } = reader;
  const text = words.next('a protocol');
  if (text === 'ip' || isAbbreviation(text, 'all', context)) return 'any';
  const version = /^ip(v?)([46])$/.exec(text)?.[2];
  if (version === '4') return { kind: 'ip4' };
  if (version === '6') reader.protocol = 41;
  if (version === '6') return { kind: 'ip6' };
  const proto = parseProtocol(text);
  if (proto === undefined)
    throw words.failBack(`unknown protocol "${text}"`, 'ip, ip4, ip6, a name or a number 1..255');
  reader.protocol = proto;
  return { kind: 'proto', proto };
}

const isProtocol = (text: string | undefined): boolean =>
  text !== undefined &&
  (text === 'ip' || 'all'.startsWith(text) || /^ipv?[46]$/.test(text) || parseProtocol(text) !== undefined);

/**
 * True when the body starts with "proto from": past braces and "not", the first word is a protocol. ip4 and ip6 are
 * options too, and mean the option when no "from" follows them.
 */
function startsWithProtocol(words: Words): boolean {
  const braced = isOpen(words.peek());
  let ahead = braced ? 1 : 0;
  while (saysNot(words.peek(ahead), true) || words.peek(ahead) === '!') ahead++;
  const first = words.peek(ahead)?.replace(/^!/, '');
  if (!isProtocol(first)) return false;
  if (first === undefined || !Object.hasOwn(OPTIONS, first)) return true;
  while (braced && words.peek(ahead) !== undefined && !isClose(words.peek(ahead))) ahead++;
  const next = words.peek(ahead + 1);
  return next !== undefined && 'from'.startsWith(next);
}

/** [[not] ports] behind an address. */
function parseSidePorts(reader: BodyReader, rule: Rule, side: Side): void {
  const { words, context } = reader;
  const skip = saysNot(words.peek(), true) || words.peek() === '!' ? 1 : 0;
  const text = words.peek(skip);
  if (text === undefined) return;
  if (skip === 0 && acceptAbbreviation(words, 'any', context)) return;
  const named = (name: string): number | undefined => servicePort(name, reader.protocol) ?? servicePort(name);
  const isPorts =
    /^\d/.test(text) || (!isKeyword(text) && looksLikeRanges(text, { what: 'port', max: 65535, named }));
  if (!isPorts) return;
  const not = acceptNot(words, context, true);
  const list = words.next('ports');
  rule.body.push([
    { not, test: { kind: 'port', side, ranges: words.located(() => parsePorts(list, reader.protocol)) } },
  ]);
}

const AN_ADDRESS = {
  src: 'a source address: any, me, table(name), an address or a list',
  dst: 'a destination address: any, me, table(name), an address or a list',
};

function parseSide(reader: BodyReader, rule: Rule, side: Side): void {
  const { words, context } = reader;
  parseBlock(reader, rule, () => {
    const text = words.next(AN_ADDRESS[side]);
    return { parsed: words.located(() => parseAddress(text, side, reader.protocol === 41, context)) };
  });
  parseSidePorts(reader, rule, side);
}

function parseComment(words: Words, rule: Rule): boolean {
  if (!words.peek()?.startsWith('//')) return false;
  const comment = words.rest(2);
  if (comment) rule.comment = comment;
  return true;
}

function parseOptions(reader: BodyReader, rule: Rule): void {
  const { words, context } = reader;
  for (let first = true; !words.done; first = false) {
    if (parseComment(words, rule)) return;
    if (words.accept('defer-immediate-action', 'defer-action', 'skip-action')) {
      if (rule.defer) throw words.failBack('defer-action given twice', 'it once', EXIT.usage);
      rule.defer = true;
    } else if (!parseState(words, rule, context)) {
      const readOne = (): ReturnType<typeof parseOption> => {
        if (/^(keep-state|record-state|limit|set-limit|defer-.*|skip-action)$/.test(words.peek() ?? ''))
          throw words.fail(`"${words.peek()}" inside an or-block or behind "not"`, 'it alone', {
            exit: EXIT.usage,
          });
        return parseOption(reader);
      };
      // the first "not" stands where ports could, so ipfw reads it as one of the head
      parseBlock(reader, rule, readOne, first);
    }
  }
  if (rule.defer && !rule.state)
    context.warn(
      'defer-immediate-action without keep-state or another state option: the action is never taken',
    );
}

/** The chance as ipfw keeps it: of 2^31 - 1, cut off. */
export function parseProb(words: Words): number {
  const text = words.next('a probability above 0, at most 1');
  const value = /^\d*\.?\d+(e-?\d+)?$|^\d+\.$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= 1))
    throw words.failBack(`bad match probability "${text}"`, 'a number above 0, at most 1');
  return Math.max(1, Math.trunc(value * PROB_ONE));
}

/** Everything behind `add`. `set`: that of a rule that names none. */
export function parseRule(words: Words, context: ParseContext, set = 0): Rule {
  const rule: Rule = {
    number: 0,
    set,
    action: { kind: 'count' },
    body: [],
    optionsOnly: false,
    defer: false,
  };
  if (/^\d/.test(words.peek() ?? '')) rule.number = words.decimal('rule number', 0, 65534);
  if (acceptAbbreviation(words, 'set', context)) rule.set = words.decimal('set', 0, 31);
  if (acceptAbbreviation(words, 'prob', context)) {
    const prob = parseProb(words);
    if (prob < PROB_ONE) rule.prob = prob;
  }
  rule.action = parseAction(words, context);
  parseModifiers(words, rule, context);
  words.splitBraces();
  const reader: BodyReader = { words, context, protocol: 0 };
  if (rule.action.kind === 'check-state') {
    if (!parseComment(words, rule)) words.end();
    rule.optionsOnly = true;
  } else if (startsWithProtocol(words)) {
    parseBlock(reader, rule, () => ({ parsed: readProtocol(reader) }));
    if (!acceptAbbreviation(words, 'from', context)) throw words.unexpected('"from"');
    parseSide(reader, rule, 'src');
    if (!acceptAbbreviation(words, 'to', context)) throw words.unexpected('"to" (or source ports)');
    parseSide(reader, rule, 'dst');
    parseOptions(reader, rule);
  } else {
    const bare = BARE_ACTION.test(rule.action.kind);
    if (words.done && !bare) throw words.unexpected('a protocol or an option');
    const first = words.peek() ?? '';
    if (words.peek(1) === 'from')
      throw words.fail(`unknown protocol "${first}"`, optionsLike(first, PROTOCOLS));
    rule.optionsOnly = true;
    parseOptions(reader, rule);
  }
  return rule;
}
