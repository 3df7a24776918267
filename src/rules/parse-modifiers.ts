// SPDX-License-Identifier: BSD-2-Clause
// What stands between a rule's action and its body: log, altq, tag, untag, setmark.
import type { Log, LogDestination, Rule } from './ast.js';
import { acceptAbbreviation, type ParseContext } from './context.js';
import { EXIT } from './error.js';
import { parseArg, parseMark } from './parse-action.js';
import type { Words } from './words.js';

const DESTINATIONS = 'syslog (the JSON stream), bpf or ipfw0 (the pcapng file)';

/** syslog,bpf,...: ipfw0, the interface that bpf reads from, is another word for bpf. */
function parseDestinations(words: Words): LogDestination[] {
  const list = words
    .next(DESTINATIONS)
    .split(',')
    .map((each) => (each === 'ipfw0' ? 'bpf' : each));
  for (const each of list)
    if (each === 'rtsock')
      throw words.failBack(
        'the log destination "rtsock" is not built in: there is no routing socket',
        DESTINATIONS,
      );
    else if (each !== 'syslog' && each !== 'bpf')
      throw words.failBack(`bad log destination "${each}"`, DESTINATIONS);
  return (['syslog', 'bpf'] as const).filter((each) => list.includes(each));
}

function parseLog(words: Words, context: ParseContext): Log {
  const log: Log = {};
  for (;;) {
    const amount = words.peek()?.startsWith('l') && /^\d/.test(words.peek(1) ?? '');
    if (amount && acceptAbbreviation(words, 'logamount', context)) {
      log.amount = words.decimal('logamount', 0, 0x7fffffff);
    } else if (words.accept('logdst')) {
      log.destinations = parseDestinations(words);
    } else return log;
  }
}

/** [log ...] [altq queue] [tag n | untag n] [setmark v], in any order, each at most once. */
export function parseModifiers(words: Words, rule: Rule, context: ParseContext): void {
  const once = (given: unknown, what: string): void => {
    if (given !== undefined) throw words.failBack(`${what} given twice`, 'it once', EXIT.usage);
  };
  for (;;) {
    if (words.accept('log')) {
      once(rule.log, 'log');
      rule.log = parseLog(words, context);
    } else if (words.accept('altq')) {
      once(rule.altq, 'altq');
      rule.altq = words.next('a queue name');
    } else if (words.peek() === 'tag' || words.peek() === 'untag') {
      const untag = words.next('') === 'untag';
      once(rule.tag, 'tag or untag');
      rule.tag = { untag, arg: parseArg(words, 'tag', 1, 65534, context) };
    } else if (words.accept('setmark')) {
      once(rule.setmark, 'setmark');
      rule.setmark = parseMark(words, context);
    } else return;
  }
}
