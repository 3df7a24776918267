// SPDX-License-Identifier: BSD-2-Clause
// options.test.ts: pkt-gen's command line: what is wrong is named in one line, what is right becomes the plan it means.
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { portName } from '../../src/port/name.js';
import { helpText, readOptions, UsageError } from '../../tools/lib/options.js';
import { newDraft, type Settings, settle } from '../../tools/lib/pkt-gen/settings.js';
import { table } from '../../tools/lib/pkt-gen/table.js';
import './seed.js';

const settings = (line: string): Settings =>
  settle(readOptions('pkt-gen', table, line.split(' ').filter(Boolean), newDraft()));

/** The message of the UsageError a command line is refused with. */
function refusal(argv: string[]): string {
  try {
    settle(readOptions('pkt-gen', table, argv, newDraft()));
  } catch (error) {
    assert.instance(error, UsageError, `${argv.join(' ')}: ${error}`);
    return (error as Error).message;
  }
  throw new Error(`accepted: ${argv.join(' ')}`);
}

// Every option that reads its argument itself, with what it must refuse.
const BAD: Record<string, string[]> = {
  '-i': [''],
  '-f': ['', 'TX', 'sink', 'rx '],
  '-n': ['', '-1', 'x', '1.5', '10kk', '9007199254740993', '1e3', '0x10', '.5M', 'k'],
  '-l': ['', '15', '65550', '60.5', '60b', '-60', '1k'],
  '-b': ['', '0', '65537', 'all'],
  '-a': ['', '-1', 'one', '65536'],
  '-c': ['', '-1', '1.5'],
  '-p': ['', '0', '17', 'two'],
  '-T': ['', '0', '-5', '1.5', '2147483648'],
  '-w': ['', '-1', 'soon', '86401'],
  '-R': ['', '-1', 'fast', '1000000001', '2G', '1.5', '0.0001k'],
  '-H': ['', '1', '11', '-10', '010'],
  '-o': ['', '-1', '8192', 'copy'],
  '-F': ['', '0', '64'],
  '--rules': [''],
  '--rule': [''],
  '--socket': [''],
  '--default': ['', 'pass', 'Deny'],
  '-M': ['', '0', '65550'],
  '-C': ['', 'x', '1024,', '1,2,3,4,5', '-1'].filter((text) => text !== '' && text !== '1024,'),
  '--flows': ['', '-1', '4294967296'],
  '--proto': ['', 'sctp'],
  '--vlan': ['', '4096', '-1', '1:8', '1:2:3', '1,2,3,4,5', '1,'],
  '--seed': ['', '-1', '1.5'],
  '--prepare': ['', 'never'],
  '--ramp': ['', '1k', '1k:1M', '1k:1M:0', '1:2:3:4', '1k:2G:5', '1k:1M:x'],
  '--time': ['', '0', '-1', 'long'],
  '--wait': ['', 'spin'],
};

test('every bad argument is refused in one line that names the option and the argument', () => {
  for (const [flag, texts] of Object.entries(BAD))
    for (const text of texts) {
      const message = refusal(['-i', 'vale0:a', flag, text]);
      assert.ok(message.startsWith(flag), `${flag} '${text}': ${message}`);
      assert.ok(
        text.split(/[,:]/).some((part) => message.includes(`'${part}'`) || message.includes(text)),
        message,
      );
      assert.not.match(message, '\n');
    }
});

test('every option with an argument needs one', () => {
  for (const { name, argument } of table) {
    if (argument === undefined) continue;
    const flag = name.length === 1 ? `-${name}` : `--${name}`;
    assert.is(refusal([flag]), `${flag} needs an argument: ${argument}`);
  }
});

test('unknown options and stray words are named', () => {
  assert.match(refusal(['-i', 'vale0:a', '-q']), 'unknown option -q');
  assert.match(refusal(['-zq']), 'unknown option -q');
  for (const [typed, near] of [
    ['--fnuction', '-f function'],
    ['--tmie', '--time'],
    ['--histogramm', '--histogram'],
    ['--rlue', '--rules or --rule'],
    ['-time', '--time'],
  ] as const) {
    const message = refusal(['-i', 'vale0:a', typed, '5']);
    assert.ok(message.includes(`: expected ${near} (`), message);
    assert.not.match(message, '\n');
  }
  assert.is(refusal(['--bogus']), 'unknown option --bogus (pkt-gen -h lists them)');
  assert.match(refusal(['--imixed']), 'unknown option --imixed');
  assert.match(refusal(['--i', 'vale0:a']), 'unknown option --i');
  assert.match(refusal(['vale0:a']), "'vale0:a' is not an option");
  assert.match(refusal(['-']), "'-' is not an option");
  assert.match(refusal(['--']), 'unknown option --');
  assert.match(refusal(['--json=yes']), '--json takes no argument');
  assert.match(refusal([]), '-i');
});

test('contradictions are named', () => {
  assert.match(refusal(['-i', 'vale0:a', '--imix', '-l', '100']), '--imix and -l');
  assert.match(refusal(['-i', 'vale0:a', '-R', '1k', '--ramp', '1:2:3']), '-R and --ramp');
  assert.match(refusal(['-i', 'vale0:a', '-l', '60', '-l', '100']), '-l: the second size (100)');
  assert.match(refusal(['-i', 'vale0:a', '-l', '60', '-l', '60', '-l', '60']), 'more than twice');
});

test('options mean what they say', () => {
  const { plan, traffic, style, reportMs, averages } = settings(
    '-i vale0:a -f tx -n 1.5M -l 1514 -l 60 -b 128 -6 -d [fd00::2]:53 -s fd00::1 -D 02:00:00:00:00:01 ' +
      '-S 02:00:00:00:00:02 -a 1 -c 2 -p 2 -T 500 -w 0.5 -W -R 10k -H 12 -o 17 -z -Z -N -F 3 -M 200 -A -B ' +
      '-C 256,512,2 --flows 64 --seed 7 --vlan 100:5,7 --histogram --verify --time 2',
  );
  assert.equal(plan.open, { txSlots: 256, rxSlots: 512, txRings: 2, rxRings: 2 });
  assert.is(plan.role, 'tx');
  assert.is(plan.count, 1500000);
  assert.is(plan.burst, 128);
  assert.is(plan.cpu, 1);
  assert.is(plan.cpus, 2);
  assert.is(plan.threads, 2);
  assert.is(plan.linkWaitMs, 500);
  assert.is(plan.silenceMs, 1000);
  assert.is(plan.rate, 10000);
  assert.is(plan.options, 17 | 2048);
  assert.is(plan.durationMs, 2000);
  assert.is(plan.verify, true);
  assert.is(plan.histogram, true);
  assert.equal(traffic, {
    version: 6,
    dst: '[fd00::2]:53',
    src: 'fd00::1',
    dstMac: '02:00:00:00:00:01',
    srcMac: '02:00:00:00:00:02',
    vnetLength: 12,
    randomSrc: true,
    randomDst: true,
    frags: 3,
    fragSize: 200,
    flows: 64,
    seed: 7,
    vlans: [5 * 8192 + 100, 7],
    size: { min: 60, max: 1514 },
  });
  assert.equal(style, { plain: true, framing: 192 });
  assert.is(reportMs, 500);
  assert.is(averages, true);
});

test('arguments may be written as getopt takes them', () => {
  for (const line of ['-i vale0:a -n10', '-ivale0:a -n 10', '-zivale0:a -n10', '-i vale0:a -n 010'])
    assert.is(settings(line).plan.count, 10, line);
  assert.is(settings('-i vale0:a --seed=5').traffic.seed, 5);
  assert.is(settings('-i vale0:a -f tx -f rx').plan.role, 'rx');
  assert.is(settings('-i vale0:a -vvv').verbosity, 3);
});

test('-C fills in what is missing as the original does', () => {
  assert.equal(settings('-i vale0:a -C 256').plan.open, { txSlots: 256, rxSlots: 256 });
  assert.equal(settings('-i vale0:a -C 256,0,3').plan.open, { txSlots: 256, txRings: 3, rxRings: 3 });
  assert.equal(settings('-i vale0:a -C 0,0,3,1').plan.open, { txRings: 3, rxRings: 1 });
});

test('--ramp takes several steps', () => {
  assert.equal(settings('-i vale0:a --ramp 1k:1M:10,1M:1M:0.5').plan.ramp, [
    { from: 1000, to: 1e6, milliseconds: 10000 },
    { from: 1e6, to: 1e6, milliseconds: 500 },
  ]);
});

test('ports have the original short forms; only interfaces wait for a link', () => {
  for (const [text, name, wait] of [
    ['vale0:a', 'vale0:a', 0],
    ['vale0:a{1', 'vale0:a{1', 0],
    ['netmap:p}1', 'netmap:p}1', 0],
    ['p{1', 'netmap:p{1', 0],
    ['null', 'null:', 0],
    ['null:', 'null:', 0],
    ['eth0', 'netmap:eth0', 2000],
    ['netmap:eth0', 'netmap:eth0', 2000],
    ['tap0', 'tap:tap0', 0],
  ] as const) {
    assert.is(portName(text), name);
    assert.is(settings(`-i ${text}`).plan.linkWaitMs, wait, text);
  }
  assert.is(settings('-i vale0:a -w 3').plan.linkWaitMs, 3000);
});

test('rules: nothing unless one of their options is there; then files and rules in their order', () => {
  assert.is(settings('-i null').filter, undefined);
  assert.equal(settings('-i null --default deny').filter, { files: [], rules: [], defaultAction: 'deny' });
  const argv = ['-i', 'null', '--rule', 'add deny ip', '--rules', 'a', '--rule=add allow ip', '--rules', 'b'];
  assert.equal(settle(readOptions('pkt-gen', table, [...argv, '--socket', '/s'], newDraft())).filter, {
    files: ['a', 'b'],
    rules: ['add deny ip', 'add allow ip'],
    defaultAction: 'allow',
    socket: '/s',
  });
});

test('a dump goes where it does not mix with records', () => {
  assert.is(settings('-i vale0:a -X').plan.dumpFd, 1);
  assert.is(settings('-i vale0:a -X --json').plan.dumpFd, 2);
  assert.is(settings('-i vale0:a').plan.dumpFd, undefined);
});

test('no argument, whatever it is, gets past the table but as text or a UsageError', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 12 }), { maxLength: 6 }), (argv) => {
      try {
        settle(readOptions('pkt-gen', table, argv, newDraft()));
      } catch (error) {
        assert.instance(error, UsageError);
      }
    }),
  );
});

test('the help text has every option and fits a terminal', () => {
  const text = helpText('pkt-gen', 'Summary.', table, 'Notes.');
  for (const { name } of table) assert.match(text, name.length === 1 ? `  -${name}` : `  --${name}`);
  for (const line of text.split('\n')) assert.ok(line.length <= 110, line);
});

test.run();
