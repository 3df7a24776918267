// SPDX-License-Identifier: BSD-2-Clause
// The action of a rule.
import type { Action, Arg } from './ast.js';
import { acceptAbbreviation, type ParseContext } from './context.js';
import { expectedOf } from './error.js';
import { codeOf, DSCP, UNREACH, UNREACH6, type Vocabulary, wordList } from './keywords.js';
import { OUR_PORT, servicePort } from './names.js';
import { parseForward } from './parse-forward.js';
import { parseNumber, parseUnsigned } from './ranges.js';
import type { Words } from './words.js';

const PLAIN: Record<
  string,
  Action['kind'] & ('allow' | 'deny' | 'count' | 'reset' | 'reset6' | 'abort' | 'abort6' | 'return' | 'reass')
> = {
  allow: 'allow',
  accept: 'allow',
  pass: 'allow',
  permit: 'allow',
  deny: 'deny',
  drop: 'deny',
  count: 'count',
  reset: 'reset',
  reset6: 'reset6',
  abort: 'abort',
  abort6: 'abort6',
  return: 'return',
  reass: 'reass',
};

const REFUSED: Record<string, string> = {
  netgraph: 'there is no netgraph here: use divert or tee to one of our ports',
  ngtee: 'there is no netgraph here: use tee to one of our ports',
  nat64lsn: 'NAT64 is not built in: translate IPv4 with nat',
  nat64stl: 'NAT64 is not built in: translate IPv4 with nat',
  nat64clat: 'NAT64 is not built in: translate IPv4 with nat',
  nptv6: 'IPv6 prefix translation is not built in',
  eaction: 'there are no loadable actions here',
};

export const ACTIONS = [
  ...Object.keys(PLAIN),
  'reject',
  'unreach',
  'unreach6',
  'check-state',
  'skipto',
  'call',
  'pipe',
  'queue',
  'nat',
  'divert',
  'tee',
  'fwd',
  'forward',
  'setfib',
  'setdscp',
  'setmark',
  'tcp-setmss',
];

const AN_ACTION = `an action: ${ACTIONS.join(', ')}`;

export function parseArg(words: Words, what: string, low: number, high: number, context: ParseContext): Arg {
  if (!/^\d/.test(words.peek() ?? '') && acceptAbbreviation(words, 'tablearg', context)) return 'tablearg';
  if (words.done) throw words.unexpected(`a ${what} ${low}..${high} or tablearg`);
  return words.decimal(what, low, high);
}

export function parseMark(words: Words, context: ParseContext): Arg {
  if (!/^\d/.test(words.peek() ?? '') && acceptAbbreviation(words, 'tablearg', context)) return 'tablearg';
  const text = words.next('a mark or tablearg');
  return words.located(() => parseNumber(text, 'mark', 0, 0xffffffff));
}

function parseCode(words: Words, codes: Vocabulary): number {
  const text = words.next(`a code: a number 0..255 or ${wordList(codes)}`);
  const code = codeOf(codes, text) ?? parseUnsigned(text);
  if (code === undefined || code > 255)
    throw words.failBack(`unknown unreachable code "${text}"`, `a number 0..255 or ${wordList(codes)}`);
  return code;
}

function parseUnreach(words: Words): Action {
  const code = parseCode(words, UNREACH);
  if (code !== codeOf(UNREACH, 'needfrag') || !/^\d+$/.test(words.peek() ?? '') || words.peek(1) === 'from')
    return { kind: 'unreach', code, mtu: 0 };
  return { kind: 'unreach', code, mtu: words.decimal('MTU', 68, 65535) };
}

function parseDivert(kind: 'divert' | 'tee', words: Words, context: ParseContext): Action {
  const text = words.peek() ?? '';
  if (/^\d/.test(text) || text === 'tablearg')
    return { kind, to: parseArg(words, 'port number', 1, 65535, context) };
  words.next('a divert port: a number, a service, tablearg or one of our ports (vale0:a)');
  const service = servicePort(text, 'divert');
  if (service !== undefined) return { kind, to: service };
  if (OUR_PORT.test(text)) return { kind, to: { port: text } };
  throw words.failBack(
    `bad divert port "${text}"`,
    'a number 1..65535, a service, tablearg or one of our ports (vale0:a)',
  );
}

export function checkStateName(words: Words, name: string, anyAllowed: boolean): string {
  if (!/^[A-Za-z0-9_.-]{1,63}$/.test(name) || (name === 'any' && !anyAllowed))
    throw words.failBack(
      `bad state name ":${name}"`,
      `":" and 1 to 63 letters, digits, "-", "_" or "."${anyAllowed ? '' : ', not ":any"'}`,
    );
  return name;
}

/** [:name] */
export function parseStateName(words: Words, anyAllowed: boolean): string {
  if (!words.peek()?.startsWith(':')) return 'default';
  return checkStateName(words, words.next('a state name').slice(1), anyAllowed);
}

export function parseAction(words: Words, context: ParseContext): Action {
  if (words.peek()?.startsWith('//')) return { kind: 'count' }; // a rule that is only a comment
  const word = words.next(AN_ACTION);
  const plain = PLAIN[word];
  if (plain) return { kind: plain };
  switch (word) {
    case 'reject':
      return { kind: 'unreach', code: 1, mtu: 0 };
    case 'unreach':
      return parseUnreach(words);
    case 'unreach6':
      return { kind: 'unreach6', code: parseCode(words, UNREACH6), mtu: 0 };
    case 'check-state':
      return { kind: 'check-state', name: parseStateName(words, true) };
    case 'skipto':
    case 'call':
    case 'pipe':
    case 'queue':
      return {
        kind: word,
        arg: parseArg(
          words,
          word === 'pipe' || word === 'queue' ? `${word} number` : 'rule number',
          1,
          word === 'pipe' || word === 'queue' ? 65534 : 65535,
          context,
        ),
      };
    case 'nat':
      if (acceptAbbreviation(words, 'global', context)) return { kind: 'nat', arg: 'global' };
      return { kind: 'nat', arg: parseArg(words, 'nat instance', 1, 65534, context) };
    case 'setfib':
      return { kind: 'setfib', arg: parseArg(words, 'fib', 0, 65534, context) };
    case 'setdscp': {
      const code = codeOf(DSCP, words.peek() ?? '');
      if (code !== undefined) words.next('a DSCP');
      const arg = code ?? parseArg(words, 'DSCP', 0, 0xffffffff, context);
      // what does not fit into the field is cut off, as in ipfw
      return { kind: 'setdscp', arg: arg === 'tablearg' ? arg : arg % 64 };
    }
    case 'setmark':
      return { kind: 'setmark', arg: parseMark(words, context) };
    case 'tcp-setmss':
      return { kind: 'tcp-setmss', mss: words.decimal('MSS', 1, 65535) };
    case 'divert':
    case 'tee':
      return parseDivert(word, words, context);
    case 'fwd':
    case 'forward':
      return { kind: 'fwd', to: parseForward(words, context) };
  }
  const reason = Object.hasOwn(REFUSED, word) ? REFUSED[word] : undefined;
  if (reason) throw words.failBack(`the action "${word}" is refused: ${reason}`);
  throw words.failBack(`unknown action "${word}"`, expectedOf(word, ACTIONS));
}
