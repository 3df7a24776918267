// SPDX-License-Identifier: BSD-2-Clause
// emulation-parameters.test.ts: parameters of links that dummynet does not have: read, shown, read again; the files they
// name; and nothing but a RuleError with its place, whatever a file holds.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import type { DummynetConfig } from '../../src/rules/dummynet.js';
import { RuleError } from '../../src/rules/error.js';
import { parseDistribution, parsePattern, parseTrace } from '../../src/rules/parse-link-files.js';
import { parseProfile } from '../../src/rules/parse-profile.js';
import './seed.js';

function make(files: Record<string, string> = {}) {
  const controller = new Controller({
    context: {
      ...bareContext,
      readFile: (file) => {
        const text = files[file];
        if (text === undefined) throw new RuleError(`cannot read ${file}`);
        return text;
      },
    },
  });
  return {
    run: (text: string) => controller.runText(text, 'test'),
    config: (): DummynetConfig => controller.world.dummynet.get('pipe', 1)!,
  };
}

const parsed = (text: string, files: Record<string, string> = {}): DummynetConfig => {
  const { run, config } = make(files);
  run(`pipe 1 config ${text}`);
  return config();
};

test('each parameter says what it means', () => {
  assert.equal(parsed('jitter 5').jitter, { ms: 5, distribution: 'uniform' });
  assert.equal(parsed('jitter 250us normal delay 20').jitter, { ms: 0.25, distribution: 'normal' });
  assert.equal(parsed('jitter 5ms table t', { t: '# one\n-8192 0\n8192' }).jitter, {
    ms: 5,
    distribution: 'table',
    file: 't',
    values: [-8192, 0, 8192],
  });
  assert.equal(parsed('reorder').reorder, { probability: 0, gap: 1 });
  assert.equal(parsed('reorder 25% gap 5').reorder, { probability: 0.25, gap: 5 });
  assert.equal(parsed('duplicate 0.01 corrupt 0.1%').corrupt, 0.001);
  assert.equal(parsed('loss 1%').loss, { random: 0.01 });
  assert.equal(parsed('loss list 3,7-9').linkLoss, { kind: 'list', packets: [3, 7, 8, 9] });
  assert.equal(parsed('loss pattern 0010').linkLoss, { kind: 'bits', bits: '0010' });
  assert.equal(parsed('loss pattern p', { p: '00 1\n# x\n0' }).linkLoss, { kind: 'bits', bits: '0010' });
  assert.equal(parsed('loss markov 1%,30%').linkLoss, {
    kind: 'markov',
    p13: 0.01,
    p31: 0.3,
    p32: 0,
    p23: 1,
    p14: 0,
  });
  assert.equal(parsed('loss ber 1e-6').linkLoss, { kind: 'ber', rate: 1e-6 });
  assert.equal(parsed('overhead -14').overhead, { bytes: -14 });
  assert.equal(parsed('overhead 8 atm').overhead, { bytes: 8, cell: { size: 48, overhead: 5 } });
  assert.equal(parsed('overhead 8 cell 64/4 framing ethernet').framing, 'ethernet');
  assert.equal(parsed('trace t once', { t: '0\n1\n1\n5\n' }).trace, {
    file: 't',
    timesMs: [0, 1, 1, 5],
    once: true,
  });
  assert.equal(parsed('slot 10,20ms packets 8 bytes 9000').slot, {
    minMs: 10,
    maxMs: 20,
    packets: 8,
    bytes: 9000,
  });
  assert.equal(parsed('queue 20ms').queue, { ms: 20 });
});

test('what is shown reads back as the same', () => {
  const files = { t: '1\n2', d: '1 2 3' };
  for (const text of [
    'jitter 5ms pareto reorder 0.25 gap 3 duplicate 0.5 corrupt 0.125',
    'jitter 1ms table d loss list 1,5-7,100',
    'loss pattern 01 overhead 24 cell 48/5 framing ethernet',
    'loss markov 0.1,0.2,0.3,0.4,0.5 trace t once',
    'loss ber 0.000001 trace t slot 1ms,2ms packets 3 bytes 4',
  ]) {
    const { run, config } = make(files);
    run(`pipe 1 config ${text}`);
    const first = config();
    const line = run('pipe 1 show').split('\n')[1]!;
    run(`pipe 1 config ${line.trim()}`);
    assert.equal(config(), first, text);
    assert.ok(run('sched 1 show').includes(line), 'a scheduler shows the link of its pipe');
  }
  assert.match(make().run('pipe 1 config queue 20ms\npipe 1 show'), /q131073 20 ms 0 flows/);
});

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.instance(error, RuleError);
    return (error as RuleError).message;
  }
  return assert.unreachable('it was accepted') as never;
}

test('files are refused with file, line and column', () => {
  assert.match(
    refusal(() => parseTrace('1\n2\n  1\n', 'a.trace')),
    /^a\.trace:3:3: bad entry "1": expected not before/,
  );
  assert.match(
    refusal(() => parseTrace('1\nx 2\n', 'a.trace')),
    /^a\.trace:2:1: bad entry "x": expected whole milli/,
  );
  assert.match(
    refusal(() => parseTrace('', 'a.trace')),
    /^a\.trace:1:1: the trace is empty/,
  );
  assert.match(
    refusal(() => parseTrace('0\n0', 'a.trace')),
    /the trace ends at 0/,
  );
  assert.match(
    refusal(() => parseDistribution('1 2 99999', 'd')),
    /^d:1:5: bad entry "99999"/,
  );
  assert.match(
    refusal(() => parsePattern('0101\n01a', 'p')),
    /^p:2:1: bad entry "01a"/,
  );
});

test('whatever a file holds, the answer is a value or a RuleError of one line with its place', () => {
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.integer().map(String),
    fc.constantFrom(
      'name',
      'samples',
      'loss-level',
      'delay',
      'prob',
      'bw',
      '\n',
      '#',
      '0',
      '1',
      '0.5',
      '1e9',
    ),
  );
  const text = fc.array(word, { maxLength: 40 }).map((words) => words.join(' '));
  for (const parse of [parseTrace, parseDistribution, parsePattern, parseProfile])
    fc.assert(
      fc.property(text, (content) => {
        try {
          parse(content, 'file');
        } catch (error) {
          assert.instance(error, RuleError);
          assert.match((error as RuleError).message, /^file:\d+:\d+: [^\n]+$/);
        }
      }),
      { numRuns: 2000 },
    );
});

test.run();
