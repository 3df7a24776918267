// SPDX-License-Identifier: BSD-2-Clause
// rules-batch.test.ts: batches of packets through the rule engine: the same verdicts as one by one, what happens besides,
// going on later, and what is refused.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { native } from '../../src/native.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { NativeEngine, PacketBatch, parsePacket } from '../../src/rules/index.js';
import type { NativeBatch } from '../../src/rules/native-engine.js';

const NOW = 1_000_000_000n;

function open(rules: string): NativeEngine {
  const engine = new NativeEngine({ seed: 1n, now: () => NOW });
  new Controller({ engine, context: bareContext }).runText(rules, 'test');
  return engine;
}

const side = { inIf: 0, outIf: 0, out: false, layer: 2 as const, raw: false };
const texts = Array.from(
  { length: 700 },
  (_, i) => `udp 10.0.${i & 3}.${i & 255}:${i + 1} > 1.2.3.4:${i % 7}`,
);

test('a batch has the verdicts of single packets', () => {
  const rules =
    'add 10 deny ip from 10.0.1.0/24 to any\nadd 20 pipe 3 udp from any to any 1-3\nadd 30 allow ip from any to any 4';
  const one = open(rules);
  const many = open(rules);
  const batch = new PacketBatch(1000, 1 << 20);
  for (const text of texts) batch.add(parsePacket(text).frame, NOW, side);
  assert.is(batch.classify(many), undefined);
  for (const [index, text] of texts.entries()) {
    const { frame: data, out, layer } = parsePacket(text);
    const verdict = one.rules.classify({ data, time: NOW, out, layer });
    assert.equal(
      [batch.action(index), batch.rule(index), batch.reason(index), batch.arg(index)],
      [verdict.action, verdict.rule, verdict.reason, verdict.arg],
      text,
    );
  }
  const packets = (engine: NativeEngine) => engine.rules.counters().map((counter) => counter.packets);
  assert.equal(packets(many), packets(one));
  one.close();
  many.close();
});

test('what happens besides says to which packet; changed packets are changed in place', () => {
  const engine = open(
    'add 10 count log ip from any to any 1\nadd 20 tee 9 ip from any to any 2\nadd 30 divert 7 ip from any to any 3\n' +
      'add 40 fwd 9.9.9.9,53 ip from any to any 4\nadd 50 reject udp from any to any 5\nadd 60 setdscp ef ip from any to any 6',
  );
  const batch = new PacketBatch(8, 4096);
  const frames = [0, 1, 2, 3, 4, 5, 6].map((port) => parsePacket(`udp 1.1.1.1:9 > 2.2.2.2:${port}`).frame);
  for (const frame of frames) batch.add(frame, NOW, { ...side, inIf: engine.rules.interface('em0') });
  const events = batch.classify(engine)!;
  const seen = events.map(({ kind, packet, ...rest }) => [
    packet,
    kind,
    'port' in rest ? rest.port : 'rule' in rest ? rest.rule : undefined,
  ]);
  assert.equal(
    seen.sort(([a], [b]) => Number(a) - Number(b)),
    [
      [1, 'log', 10],
      [2, 'copy', 9],
      [3, 'port', 7],
      [4, 'hop', 53],
      [5, 'answer', undefined],
    ],
  );
  const answer = events.find(({ kind }) => kind === 'answer');
  assert.ok(answer && 'frame' in answer && answer.out === false && answer.inIf === 1);
  assert.equal(
    frames.map((_, index) => batch.rewritten(index)),
    [false, false, false, false, false, false, true],
  );
  assert.is(batch.frame(6)[15], 46 << 2);
  assert.is(frames[6]![15], 0);
  assert.equal(batch.frame(0), Uint8Array.from(frames[0]!));
  engine.close();
});

test('a packet goes on behind its rule, with its tags', () => {
  const engine = open(
    'add 10 count tag 5 ip from any to any\nadd 20 pipe 1 ip from any to any\nadd 30 deny ip from any to any tagged 5',
  );
  const batch = new PacketBatch(2, 4096);
  const { frame } = parsePacket('udp 1.1.1.1 > 2.2.2.2');
  batch.add(frame, NOW, side);
  batch.classify(engine);
  assert.equal([batch.action(0), batch.rule(0)], ['pipe', 20]);
  const context = batch.context(0);
  batch.clear();
  batch.add(frame, NOW, side, 0, context);
  batch.add(frame, NOW, side);
  batch.classify(engine);
  assert.equal([batch.action(0), batch.rule(0), batch.rule(1)], ['deny', 30, 20]);
  engine.close();
});

test('what does not fit is refused, and nothing is read beyond', () => {
  const engine = open('add 10 allow ip from any to any');
  const memory = new native.RuleBatch(4, 100);
  const columns = memory.columns();
  assert.is(columns.data.length, 100);
  assert.is(columns.contexts.length, 4 * native.ruleContextBytes);
  const refused = (work: () => unknown, message: RegExp): void => {
    assert.throws(work, (error: Error) => error instanceof TypeError && message.test(error.message));
  };
  refused(() => engine.rules.classifyBatch(memory, 5), /^count must be a whole number from 0 to 4$/);
  refused(() => engine.rules.classifyBatch({} as NativeBatch, 1), /^batch must be a RuleBatch$/);
  refused(
    () => engine.rules.classifyBatch(engine as unknown as NativeBatch, 1),
    /^batch must be a RuleBatch$/,
  );
  for (const [offset, length] of [
    [101, 0],
    [60, 41],
    [0xffffffff, 2],
    [1, 0xffffffff],
  ] as const) {
    columns.offsets[0] = offset;
    columns.lengths[0] = length;
    refused(() => engine.rules.classifyBatch(memory, 1), /^columns: a packet reaches beyond the data$/);
  }
  columns.offsets[0] = 0;
  columns.lengths[0] = 60;
  columns.inIfs[0] = 256;
  refused(() => engine.rules.classifyBatch(memory, 1), /^columns: an interface is not one of interface/);
  columns.inIfs[0] = 0;
  columns.kinds[0] = 8;
  columns.contexts.fill(255);
  refused(() => engine.rules.classifyBatch(memory, 1), /^contexts: not one of a verdict$/);
  refused(() => new native.RuleBatch(0, 1), /^capacity must be/);
  refused(() => new native.RuleBatch(1, 0), /^bytes must be/);
  assert.is(engine.rules.classifyBatch(memory, 0), undefined);
  engine.close();
  assert.throws(() => engine.rules.classifyBatch(memory, 0), /closed/);
});

test.run();
