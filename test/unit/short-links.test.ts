// SPDX-License-Identifier: BSD-2-Clause
// short-links.test.ts: emulate's short link options: directions, values with commas of their own, the default queue, and
// errors that name the option.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linkCommand, parseSetting } from '../../src/emulation/simple.js';
import { relayReport } from '../../src/report/relay-records.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { linkSetting, newLiveDraft } from '../../tools/lib/emulate/live-settings.js';

const test = suite('short-links');
let folder: string;
test.before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'netvale-short-'));
});
test.after(() => rmSync(folder, { recursive: true }));

/** What a value comes to in each direction. */
function both(setting: Parameters<typeof linkSetting>[1], text: string): (string | undefined)[] {
  const draft = newLiveDraft();
  linkSetting(draft, setting, `--${setting}`, text);
  return draft.links!.map((link) => link[setting]);
}

const refused = (setting: Parameters<typeof linkSetting>[1], text: string): string => {
  try {
    both(setting, text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

test('a comma parts the directions, and belongs to lists and states', () => {
  assert.equal(both('bw', '10Mbit/s,1Mbit/s'), ['10Mbit/s', '1Mbit/s']);
  assert.equal(both('delay', ',5ms'), [undefined, '5ms']);
  assert.equal(both('loss', '1%,0.02'), ['1%', '0.02']);
  for (const model of ['list 3,7-9', 'markov 1%,20%,3%', 'gemodel 1%,10%', '0,0.01,1,0.1'])
    assert.equal(both('loss', model), [model, model]);
  assert.equal(both('loss', 'list 3,7-9;0'), ['list 3,7-9', '0']);
  assert.equal(both('loss', 'ber 1e-6,pattern 0010'), ['ber 1e-6', 'pattern 0010']);
  assert.equal(both('slot', '5ms,10ms'), ['5ms', '10ms']);
  assert.equal(both('slot', '5ms-10ms packets 3; 2ms'), ['5ms-10ms packets 3', '2ms']);
});

test('a model means what netem and dummynet mean by it', () => {
  const elliott = { good: 0, toBad: 0.01, bad: 1, toGood: 0.1 };
  assert.equal(parseSetting('loss', '0,0.01,1,0.1'), { loss: elliott });
  assert.equal(parseSetting('loss', 'gemodel 1%,10%'), { loss: elliott });
  assert.equal(parseSetting('loss', 'gemodel 1%'), { loss: { ...elliott, toGood: 0.99 } });
  assert.equal(parseSetting('loss', 'gemodel 1%,10%,50%,2%'), { loss: { ...elliott, bad: 0.5, good: 0.02 } });
  assert.equal(parseSetting('slot', '5ms-10ms packets 3'), {
    slot: { minMs: 5, maxMs: 10, packets: 3, bytes: 0 },
  });
});

test('what is wrong is said with the name of the option', () => {
  assert.match(refused('delay', '20xs'), /^--delay: bad time "20xs": expected milliseconds/);
  assert.match(refused('slot', '9ms-5ms'), /^--slot: bad slot "9ms,5ms": expected MIN,MAX/);
  assert.match(refused('bw', '1Mbit/s,2Mbit/s,3Mbit/s'), /^--bw: '.*' is not a value, or two/);
  assert.match(refused('jitter', '5ms gaussian'), /^--jitter: unknown pipe parameter "gaussian"/);
  assert.match(refused('trace', '/nowhere'), /^--trace: cannot read \/nowhere: no such file/);
});

test('the default queue holds twice the delay at the bandwidth, or at the mean rate of a trace', () => {
  assert.is(linkCommand(1, { delay: '20ms' }), 'pipe 1 config delay 20ms');
  assert.match(linkCommand(1, { bw: '100Mbit/s', delay: '20ms' }), / queue 500000B$/);
  const wide = linkCommand(1, { bw: '400Gbit/s', delay: '100ms' });
  assert.match(wide, / queue 1073741824B$/);
  new Controller({ context: bareContext }).runText(wide, 'test'); // is not refused
  assert.match(linkCommand(1, { bw: '1Mbit/s', queue: '7' }), / bw 1Mbit\/s queue 7$/);
  const trace = path.join(folder, 'up.trace');
  writeFileSync(trace, '0\n1\n1\n2\n'); // 4 times 1500 bytes in 2 ms: 24 Mbit/s
  assert.match(linkCommand(1, { trace, delay: '100ms' }), / queue 600000B$/);
  assert.match(linkCommand(1, { trace: `${trace} once` }), / once queue 48448B$/);
});

test('the first report counts from the start of the loop, not from before its clock ran', () => {
  const at = (now: number, packets: number) => {
    const one = {
      rx_packets: packets,
      rx_bytes: 0,
      tx_packets: 0,
      tx_bytes: 0,
      waiting: 0,
      copied: 0,
      answers: 0,
    };
    const rest = {
      answers_lost: 0,
      copies_lost: 0,
      copies: 0,
      duplicates: 0,
      returned: 0,
      reassembled: 0,
      bounced: 0,
      delays: 0,
      delay_sum_ns: 0,
    };
    const direction = { ...one, ...rest, drops: {} };
    const page = { state: 'running', start_ns: 5e12, now_ns: now, store_used: 0, store_size: 0, spares: 0 };
    const more = { sleeps: 0, batches: 0, capture_lost: 0, log_lost: 0 };
    return { ...page, ...more, directions: [direction, direction] as [typeof direction, typeof direction] };
  };
  const record = relayReport(['a', 'b'], at(0, 0), at(5e12 + 5e8, 50), []);
  assert.is(record.seconds, 0.5);
  assert.is(record.directions[0].rx_pps, 100);
});

test.run();
