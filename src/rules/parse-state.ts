// SPDX-License-Identifier: BSD-2-Clause
// keep-state, record-state, limit and set-limit with their names, and defer-action.
import type { Rule, State } from './ast.js';
import type { ParseContext } from './context.js';
import { EXIT } from './error.js';
import { codeOf, LIMIT_FIELDS, wordList } from './keywords.js';
import { parseArg, parseStateName } from './parse-action.js';
import type { Words } from './words.js';

/** keep-state, record-state, limit, set-limit; true when there was one. */
export function parseState(words: Words, rule: Rule, context: ParseContext): boolean {
  const kind = words.peek();
  if (kind !== 'keep-state' && kind !== 'record-state' && kind !== 'limit' && kind !== 'set-limit')
    return false;
  if (rule.state)
    throw words.fail(
      `${rule.state.kind} and ${kind} in one rule`,
      'only one of keep-state, record-state, limit, set-limit',
      { exit: EXIT.usage },
    );
  words.next('');
  const state: State = { kind, name: 'default' };
  if (kind === 'limit' || kind === 'set-limit') {
    state.fields = 0;
    for (let text = words.peek(); text !== undefined; text = words.peek()) {
      const bits = text.split(',').map((item) => (item === 'all' ? 15 : codeOf(LIMIT_FIELDS, item)));
      if (bits.includes(undefined)) break;
      for (const bit of bits) state.fields |= bit!;
      words.next('');
    }
    if (state.fields === 0) throw words.unexpected(`what ${kind} counts by: ${wordList(LIMIT_FIELDS)}`);
    state.limit = parseArg(words, 'limit', 1, 65534, context);
  }
  state.name = parseStateName(words, false);
  rule.state = state;
  return true;
}
