// SPDX-License-Identifier: BSD-2-Clause
// short-links.test.ts: emulate's short link options: directions, values with commas of their own, the default queue, and
// errors that name the option.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { linkCommands, linkContext, parseSetting, simpleCommands } from '../../src/emulation/simple.js';
import { relayReport } from '../../src/report/relay-records.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { echoObjects, echoShort } from '../../tools/lib/emulate/link-echo.js';
import { directionSettings, linkSetting, settleLinks } from '../../tools/lib/emulate/link-settings.js';
import { newLiveDraft } from '../../tools/lib/emulate/live-settings.js';

const test = suite('short-links');
const linkCommand = (...link: Parameters<typeof linkCommands>): string => linkCommands(...link).join('; ');
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

test('what is wrong is said with the option, its value and what was expected', () => {
  assert.match(refused('delay', '20xs'), /^--delay: '20xs': bad time "20xs": expected milliseconds/);
  assert.match(refused('slot', '9ms-5ms'), /^--slot: '9ms-5ms': bad slot "9ms,5ms": expected MIN,MAX/);
  assert.match(refused('bw', '1Mbit/s,2Mbit/s,3Mbit/s'), /^--bw: '.*' is not a value, or two/);
  assert.is(
    refused('bw', '10 Mbit/s'),
    "--bw: '10 Mbit/s' is not a rate: expected 10Mbit/s, 500Kbit/s or 1MByte/s, without a space",
  );
  assert.match(refused('jitter', '5ms gaussian'), /^--jitter: '5ms gaussian' is not a .*expected 5ms, /);
  assert.match(refused('trace', '/nowhere'), /^--trace: '\/nowhere': cannot read \/nowhere: no such file/);
  const sizes = 'expected up to 100 slots (50), bytes (64KB, 1MB) or a time (20ms)';
  assert.is(refused('queue', '10000000'), `--queue: '10000000': queue size 10000000 too large: ${sizes}`);
  assert.is(refused('queue', '2GB'), `--queue: '2GB': queue size 2147483648 too large: ${sizes}`);
  assert.is(refused('queue', '20m'), `--queue: '20m': bad queue size "20m": ${sizes}`);
  assert.match(
    refused('sched', 'fq_codl'),
    /^--sched: 'fq_codl': unknown scheduler "fq_codl": expected fifo, /,
  );
  assert.match(
    refused('sched', 'fq_codel limits 5'),
    /^--sched: 'fq_codel limits 5' is not a scheduler: expected fifo, /,
  );
});

test('a queue in megabytes, with K and M as dummynet has K', () => {
  assert.equal(parseSetting('queue', '1MB'), { queue: { bytes: 2 ** 20 } });
  assert.equal(parseSetting('queue', '2MBytes'), { queue: { bytes: 2 ** 21 } });
  assert.equal(parseSetting('queue', '3M'), { queue: { bytes: 3 * 2 ** 20 } });
  assert.equal(parseSetting('queue', '64KB'), { queue: { bytes: 65536 } });
  assert.equal(parseSetting('queue', '20ms'), { queue: { ms: 20 } });
});

test('--up and --down are one direction each: a rate, or settings by name', () => {
  const links = (...given: [0 | 1, string][]) => {
    const draft = newLiveDraft();
    for (const [direction, text] of given)
      directionSettings(draft, direction, direction ? '--down' : '--up', text);
    return draft.links;
  };
  assert.equal(links([0, '5Mbit/s']), [{ bw: '5Mbit/s' }, {}]);
  assert.equal(links([1, '5Mbit/s delay 20ms jitter 5ms normal'], [0, 'loss list 3,7-9']), [
    { loss: 'list 3,7-9' },
    { bw: '5Mbit/s', delay: '20ms', jitter: '5ms normal' },
  ]);
  assert.throws(
    () => links([0, 'delay']),
    "--up: 'delay': nothing behind delay: expected a rate (5Mbit/s), or",
  );
  assert.throws(() => links([1, '']), "--down: '': nothing: expected");
  assert.throws(() => links([1, 'delay 5xs']), "--down delay: '5xs': bad time");
  assert.throws(() => links([0, '5 Mbit/s']), "--up bw: '5 Mbit/s' is not a rate: expected 10Mbit/s");
});

test('a scheduler stands before its link; flows are told apart; queue management needs none', () => {
  const given = { bw: '10Mbit/s', delay: '20ms', loss: '1%' };
  assert.equal(linkCommands(1, { ...given, sched: 'fq_codel target 8ms' }), [
    'pipe 1 config bw 10Mbit/s delay 20ms',
    'sched 1 config type fq_codel target 8ms',
    'queue 1 config sched 1 plr 1%',
  ]);
  assert.equal(linkCommands(2, { ...given, queue: '20', sched: 'rr' }), [
    'pipe 2 config bw 10Mbit/s delay 20ms',
    'sched 2 config type rr',
    'queue 2 config sched 2 plr 1% queue 20 mask all',
  ]);
  assert.equal(linkCommands(1, { bw: '1Mbit/s', sched: 'codel noecn' }), [
    'pipe 1 config bw 1Mbit/s queue 48448B codel noecn',
  ]);
  const commands = simpleCommands({ ...given, sched: 'fq_pie' }, given);
  assert.ok(commands.includes('add 100 queue 1 ip from any to any out'));
  assert.ok(commands.includes('add 200 pipe 2 ip from any to any in'));
  for (const sched of ['fifo', 'wf2q+', 'rr', 'qfq', 'prio', 'fq_codel', 'fq_pie', 'codel', 'pie'])
    new Controller({ context: bareContext }).runText(
      linkCommands(1, { bw: '1Mbit/s', sched }).join('\n'),
      sched,
    );
});

test('what does not go together is refused, in one direction only', () => {
  const settle = (...given: [Parameters<typeof linkSetting>[1], string][]) => {
    const draft = newLiveDraft();
    for (const [setting, text] of given) linkSetting(draft, setting, `--${setting}`, text);
    settleLinks(draft);
  };
  const trace = path.join(folder, 'one.trace');
  writeFileSync(trace, '1\n');
  assert.throws(
    () => settle(['bw', '5Mbit/s'], ['trace', trace]),
    '--trace: a trace says when packets may leave',
  );
  settle(['bw', ',5Mbit/s'], ['trace', `${trace},`]);
  assert.throws(
    () => settle(['queue', '50'], ['sched', 'fq_codel']),
    '--queue: fq_codel has a limit of its own',
  );
  settle(['queue', '50'], ['sched', 'rr']);
});

test('values that are mostly meant otherwise are warned of', () => {
  const warnings = (setting: Parameters<typeof linkSetting>[1], text: string) => {
    const draft = newLiveDraft();
    linkSetting(draft, setting, `--${setting}`, text);
    return draft.warnings.join('\n');
  };
  assert.match(warnings('loss', '1'), /^--loss 1: a chance of 1 is every packet/);
  assert.match(warnings('loss', '0,1.0'), /^--loss 1.0: a chance of 1 is every packet/);
  assert.match(warnings('duplicate', '1'), /^--duplicate 1: /);
  assert.match(warnings('bw', '10'), /^--bw 10: without a unit it is 10 bit\/s/);
  assert.match(
    warnings('delay', '20'),
    /^--delay 20: without a unit it is 20 ms, where netem takes microseconds/,
  );
  assert.match(warnings('jitter', '5 normal'), /^--jitter 5: without a unit it is 5 ms/);
  for (const [setting, text] of [
    ['loss', '100%'],
    ['loss', '0.01'],
    ['bw', '10bit/s'],
    ['bw', '0'],
    ['delay', '20ms'],
    ['queue', '50'],
  ] as const)
    assert.is(warnings(setting, text), '');
  const draft = newLiveDraft();
  directionSettings(draft, 0, '--up', '10 delay 20ms');
  assert.match(draft.warnings.join('\n'), /^--up bw 10: without a unit/);
});

test('each link is echoed in plain units, the short ones by direction', () => {
  const echo = (...commands: string[]) => {
    const controller = new Controller({ context: linkContext });
    controller.runText(commands.join('\n'), path.join(folder, 'x'));
    return controller.world.dummynet;
  };
  const trace = path.join(folder, 'mean.trace');
  writeFileSync(trace, '1\n2\n'); // twice 1500 bytes in 2 ms
  assert.equal(
    echoShort(
      echo(
        ...simpleCommands(
          { bw: '10Mbit/s', delay: '1500', loss: 'gemodel 1%,9%', jitter: '5ms normal', burst: '3000' },
          { trace, queue: '20ms', sched: 'codel' },
        ),
      ),
      ['up', 'down'],
    ),
    [
      'up: 10 Mbit/s, delay 1.5 s, queue 3750000 bytes (3000 ms), loss 10 % in bursts, jitter 5ms normal, burst 3000 bytes',
      `down: 12 Mbit/s on the average (trace ${trace}), delay 0 ms, queue 20 ms, codel`,
    ],
  );
  assert.equal(
    echoShort(
      echo(
        ...simpleCommands({ bw: '1Mbit/s', loss: '2%', sched: 'rr' }, { sched: 'fq_codel', bw: '64Kbit/s' }),
      ),
      ['up', 'down'],
    ),
    [
      'up: 1 Mbit/s, delay 0 ms, queue 48448 bytes (388 ms), loss 2 %, scheduler rr, a queue for each flow',
      'down: 64 Kbit/s, delay 0 ms, scheduler fq_codel',
    ],
  );
  assert.equal(
    echoObjects(
      echo(
        'pipe 1 config bw 512Kbit/s delay 15ms mask src-ip 0xffffff00',
        'sched 1 config type wf2q+',
        'queue 7 config sched 1 weight 75 queue 100 plr 0.5',
      ),
    ),
    [
      'pipe 1: 512 Kbit/s, delay 15 ms, queue 50 packets, a queue for each flow',
      'sched 1: wf2q+ of pipe 1',
      'queue 7: of sched 1, weight 75, queue 100 packets, loss 50 %',
    ],
  );
  const many = Array.from({ length: 40 }, (_, i) => `pipe ${i + 1} config bw 1Mbit/s`);
  assert.is(echoObjects(echo(...many)).length, 16);
  assert.is(echoObjects(echo(...many)).at(-1), 'and 25 more (ipfw pipe show)');
  assert.equal(echoObjects(echo()), []);
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
      rxPackets: packets,
      rxBytes: 0,
      txPackets: 0,
      txBytes: 0,
      waiting: 0,
      copied: 0,
      answers: 0,
    };
    const rest = {
      answersLost: 0,
      copiesLost: 0,
      copies: 0,
      duplicates: 0,
      returned: 0,
      reassembled: 0,
      bounced: 0,
      flooded: 0,
      pending: 0,
      delays: 0,
      delaySumNs: 0,
    };
    const direction = { ...one, ...rest, drops: {} };
    const page = {
      state: 'running' as const,
      startNs: 5e12,
      nowNs: now,
      storeUsed: 0,
      storeSize: 0,
      spares: 0,
    };
    const more = { sleeps: 0, batches: 0, captureLost: 0, logLost: 0, ringResets: 0 };
    return { ...page, ...more, directions: [direction, direction] as [typeof direction, typeof direction] };
  };
  const record = relayReport(['a', 'b'], at(0, 0), at(5e12 + 5e8, 50), []);
  assert.is(record.seconds, 0.5);
  assert.is(record.directions[0].rx_pps, 100);
});

test.run();
