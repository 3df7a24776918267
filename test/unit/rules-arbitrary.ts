// SPDX-License-Identifier: BSD-2-Clause
// rules-arbitrary.ts: random rules for property tests, as syntax trees that a parser could have made.
import fc from 'fast-check';
import { ALL6 } from '../../src/rules/address.js';
import { type Action, type Block, PROB_ONE, type Rule } from '../../src/rules/ast.js';
import { anyTest, arg, u8, u16, u32 } from './rules-arbitrary-test.js';

const match = fc.record({ not: fc.boolean(), test: anyTest });
const block: fc.Arbitrary<Block> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(match) },
  { weight: 1, arbitrary: fc.array(match, { minLength: 2, maxLength: 4 }) },
);

const action: fc.Arbitrary<Action> = fc.oneof(
  fc
    .constantFrom('allow', 'deny', 'count', 'reset', 'reset6', 'abort', 'abort6', 'return', 'reass')
    .map((kind) => ({ kind }) as Action),
  fc.record({ kind: fc.constantFrom('skipto', 'call', 'pipe', 'queue'), arg: arg(1) }),
  fc.record({ kind: fc.constant('setfib' as const), arg: arg(0) }),
  fc.record({ kind: fc.constant('setdscp' as const), arg: arg(0, 63) }),
  fc.record({ kind: fc.constant('setmark' as const), arg: arg(0, 0xffffffff) }),
  fc.record({ kind: fc.constant('nat' as const), arg: fc.oneof(arg(1), fc.constant('global' as const)) }),
  fc.record({
    kind: fc.constantFrom('divert', 'tee'),
    to: fc.oneof(arg(1, 65535), fc.constant({ port: 'vale0:ids' })),
  }),
  u8.map((code): Action => ({ kind: 'unreach', code, mtu: 0 })),
  fc.integer({ min: 68, max: 65535 }).map((mtu): Action => ({ kind: 'unreach', code: 4, mtu })),
  u8.map((code): Action => ({ kind: 'unreach6', code, mtu: 0 })),
  fc.constantFrom<Action>(
    { kind: 'fwd', to: { tablearg: true, port: 0 } },
    { kind: 'fwd', to: { tablearg: true, port: 3128 } },
    { kind: 'fwd', to: { ours: 'netmap:p{1' } },
  ),
  fc
    .tuple(u32, u16)
    .map(([address, port]): Action => ({ kind: 'fwd', to: { family: 4, address: BigInt(address), port } })),
  fc
    .tuple(fc.bigInt({ min: 0n, max: ALL6 }), u16)
    .map(([address, port]): Action => ({ kind: 'fwd', to: { family: 6, address, port } })),
  fc.integer({ min: 1, max: 65535 }).map((mss): Action => ({ kind: 'tcp-setmss', mss })),
);

const stateName = fc.constantFrom('default', 'web', 'OUT.1');
const state = fc.oneof(
  fc.record({ kind: fc.constantFrom('keep-state' as const, 'record-state' as const), name: stateName }),
  fc.record({
    kind: fc.constantFrom('limit' as const, 'set-limit' as const),
    name: stateName,
    fields: fc.integer({ min: 1, max: 15 }),
    limit: arg(1),
  }),
);

/** `member: value` or nothing. */
const maybe = <K extends string, V>(member: K, value: fc.Arbitrary<V>) =>
  fc
    .option(value, { nil: undefined })
    .map((given) => (given === undefined ? {} : ({ [member]: given } as Record<K, V>)));

export const anyRule: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.record({
      number: fc.integer({ min: 0, max: 65534 }),
      set: fc.integer({ min: 0, max: 31 }),
      action,
      body: fc.array(block, { maxLength: 5 }),
      optionsOnly: fc.boolean(),
      defer: fc.boolean(),
    }),
    maybe('prob', fc.integer({ min: 1, max: PROB_ONE - 1 })),
    maybe(
      'log',
      fc
        .tuple(
          maybe('amount', fc.nat()),
          maybe('destinations', fc.constantFrom(['syslog'], ['bpf'], ['syslog', 'bpf'])),
        )
        .map(([a, b]) => ({ ...a, ...b })),
    ),
    maybe('altq', fc.constantFrom('voip', 'q1')),
    maybe('tag', fc.record({ untag: fc.boolean(), arg: arg(1) })),
    maybe('setmark', arg(0, 0xffffffff)),
    maybe('state', state),
    maybe('comment', fc.constantFrom('x', 'a, b // c', "it's not in { here }")),
  )
  .map((parts) => structuredClone(Object.assign({}, ...parts)) as Rule)
  .map((rule) => (rule.action.kind === 'setmark' ? (({ setmark: _, ...rest }) => rest)(rule) : rule) as Rule);

/** A check-state rule has no body. */
export const checkState: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.constantFrom('default', 'any', 'web').map((name) => ({
      number: 5,
      set: 0,
      action: { kind: 'check-state' as const, name },
      body: [],
      optionsOnly: true,
      defer: false,
    })),
    maybe('prob', fc.integer({ min: 1, max: PROB_ONE - 1 })),
    maybe('log', fc.constant({ amount: 3 })),
    maybe('tag', fc.record({ untag: fc.boolean(), arg: arg(1) })),
  )
  .map((parts) => structuredClone(Object.assign({}, ...parts)) as Rule);
