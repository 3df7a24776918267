// SPDX-License-Identifier: BSD-2-Clause
// output.test.ts: output that cannot be written: every program says so in one line, with its status for a failure.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PcapWriter } from '../../src/index.js';
import { World } from './programs.js';

let world: World;
test.before(() => {
  world = new World();
});
test.after(() => world.end());

const dist = new URL('../../dist/tools/', import.meta.url).pathname;

/** Run a program by a shell that opens its streams: "> /dev/full". */
const redirected = (program: string, args: string[], where: string) =>
  world.startCommand('sh', [
    '-c',
    `"$0" "$@" ${where}`,
    process.execPath,
    path.join(dist, `${program}.js`),
    ...args,
  ]).ended;

test('a full standard output is one line and no stack trace, in every program', async () => {
  const capture = path.join(world.base, 'in.pcap');
  const writer = PcapWriter.create(capture);
  writer.write({ time: 0n, data: new Uint8Array(60) });
  await writer.close();
  const rules = path.join(world.base, 'a.rules');
  writeFileSync(rules, 'add allow ip from any to any\n');
  for (const [program, args, failure] of [
    ['pkt-gen', ['-i', 'null:', '-f', 'tx', '-n', '1'], 1],
    ['pkt-gen', ['-i', 'null:', '-f', 'tx', '-n', '1', '--json'], 1],
    ['pkt-gen', ['-h'], 1],
    ['ipfw', ['-n', 'add', 'allow', 'ip', 'from', 'any', 'to', 'any'], 71],
    ['ipfw', ['explain', '--rules', rules, 'udp 1.2.3.4:5 > 6.7.8.9:80 in recv em0'], 71],
    ['ipfw', ['-h'], 71],
    ['emulate', ['--offline', '--input', `in:em0:${capture}`], 1],
    ['emulate', ['--offline', '--input', `in:em0:${capture}`, '--json'], 1],
    ['emulate', ['-i', 'vale0:a', '-i', 'vale1:b', '--delay', '1ms', '--time', '0.2'], 1],
    ['emulate', ['--version'], 1],
    ['doctor', ['-h'], 1],
    ['bridge', ['-h'], 1],
  ] as const) {
    const { status, stderr } = await redirected(program, [...args], '> /dev/full');
    const what = `${program} ${args.join(' ')}: ${stderr}`;
    assert.is(status, failure, what);
    const lines = stderr.split('\n').filter((line) => /cannot be written|^ +at |Error:/.test(line));
    assert.equal(lines, [`${program}: standard output cannot be written: no space left on device`], what);
  }
  assert.equal(world.files(), []);
});

test('a full file for records, captures and pages is one line, too', async () => {
  for (const [program, args] of [
    [
      'emulate',
      ['-i', 'vale0:a', '-i', 'vale1:b', '--delay', '1ms', '--time', '0.2', '--report', '/dev/full'],
    ],
  ] as const) {
    const { status, stderr } = await world.run(program, [...args]);
    assert.is(status, 1, stderr);
    assert.not.match(stderr, '    at ');
    assert.match(stderr, /^emulate: --report: cannot write \/dev\/full: .*no space left on device.*$/m);
  }
});

test('a full standard error ends a program with its status for a failure', async () => {
  const { status, stdout } = await redirected(
    'pkt-gen',
    ['-i', 'null:', '-f', 'tx', '-R', '100', '-T', '50'],
    '2> /dev/full',
  );
  assert.is(status, 1, stdout);
});

test.run();
