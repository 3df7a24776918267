// SPDX-License-Identifier: BSD-2-Clause
// ipfw.test.ts: the program ipfw: with a running program, on files, exit codes.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT } from '../../src/rules/error.js';
import { openRules } from '../../src/rules/open.js';
import { controller, folder, open, server } from './control-fixture.js';

const test = suite('ipfw');

test.before.each(open);
test.after.each(() => server.close());

interface Outcome {
  status: number | null;
  out: string;
  err: string;
}

/** Run the program ipfw. */
function ipfw(
  args: string[],
  options: { cwd?: string; input?: string; program?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const program = path.resolve(`tools/${options.program ?? 'ipfw'}.ts`);
    const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
      cwd: options.cwd ?? process.cwd(),
      stdio: 'pipe',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => err.push(piece));
    child.stdin.end(options.input ?? '');
    child.on('close', (status) =>
      resolve({ status, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }),
    );
  });
}

const listing = () => controller.runText('list', 'x');

test('ipfw speaks to the only program, or to the one named', async () => {
  assert.equal(await ipfw(['add', '100', 'allow', 'ip', 'from', 'any', 'to', 'any']), {
    status: 0,
    out: '00100 allow ip from any to any\n',
    err: '',
  });
  assert.equal(await ipfw(['--socket', server.path, '-q add 200 deny src-ip 10.0.0.0/24, 127.0.0.1/8']), {
    status: 0,
    out: '',
    err: '',
  });
  assert.is((await ipfw(['-c', 'list', '200'])).out, '00200 deny src-ip 10.0.0.0/24,127.0.0.0/8\n');
  const missing = await ipfw(['delete', '7']);
  assert.equal(
    [missing.status, missing.err],
    [EXIT.unavailable, 'ipfw: command line:1:1: rule 7 not found\n'],
  );
  const nobody = await ipfw([`--socket=${folder}/none.sock`, 'list']);
  assert.is(nobody.status, EXIT.unavailable);
  assert.match(nobody.err, /^ipfw: nobody listens on /);
});

test('ipfw applies rule files, through a preprocessor too', async () => {
  const file = path.join(folder, 'site.rules');
  writeFileSync(
    file,
    '# our site\n-q add 1 allow ip from any to any in\nadd 2 deny ip from any to any out // end\n',
  );
  assert.equal(await ipfw([file]), { status: 0, out: '00002 deny ip from any to any out // end\n', err: '' });
});

test('exit codes of the program itself', async () => {
  const large = path.join(folder, 'large'); // more than a pipe holds: `false` ends before it could have read it
  writeFileSync(large, '# and so on\n'.repeat(100_000));
  for (const [words, status, what] of [
    [[], EXIT.usage, /no command/],
    [['frob'], EXIT.usage, /unexpected "frob"/],
    [['-n', 'add', 'deny', 'ip', 'from', '10.0.0.300', 'to', 'any'], EXIT.data, /bad address/],
    [['-n', 'add', 'deny', 'ip', 'from', 'no.such.invalid', 'to', 'any'], EXIT.noHost, /unknown/],
    [['/no/such/file'], EXIT.unavailable, /cannot read \/no\/such\/file: no such file/],
    [
      ['-p', 'no-such-preprocessor', 'package.json'],
      EXIT.osError,
      /cannot run no-such-preprocessor: no such program/,
    ],
    [['-n', 'none.rules'], EXIT.unavailable, /cannot read none\.rules: no such file/],
    [['-p', 'false', 'package.json'], EXIT.unavailable, /exited with status 1/],
    [['-p', 'false', large], EXIT.unavailable, /exited with status 1/],
    [['--default', 'maybe', 'list'], EXIT.usage, /--default maybe/],
    [['explain', 'tcp 1.2.3.4:5 > 6.7.8.9:80'], EXIT.data, /no packets meet these rules/],
    [['explain', '--me', '1.2.3.4', 'tcp 1.2.3.4 > 6.7.8.9'], EXIT.usage, /knows its addresses/],
  ] as const) {
    const { status: got, err } = await ipfw([...words]);
    assert.is(got, status, words.join(' '));
    assert.match(err, what);
    assert.is(err.trimEnd().split('\n').length, 1);
  }
  assert.is((await ipfw(['-h'])).status, 0);
  assert.match((await ipfw(['--version'])).out, /^ipfw \d/);
});

test('ipfw checks and lists files without a program', async () => {
  const file = path.join(folder, 'check.rules');
  writeFileSync(
    file,
    'add deny ip from any to any not in\ntable t add 10.0.0.0/8 5\ndelete 77\nset disable 5\n',
  );
  const checked = await ipfw(['-n', file]);
  assert.equal(
    [checked.status, checked.out],
    [0, '00100 deny ip from any to any out\nadded: 10.0.0.0/8 5\n'],
  );
  assert.match(checked.err, /auto-created/);
  writeFileSync(file, 'add deny ip from any to any not in\ntable t create\ntable t add 10.0.0.0/8 5\n');
  assert.is(
    (await ipfw(['--rules', file, '--default', 'deny', 'show'])).out,
    '00100 0 0 deny ip from any to any out\n65535 0 0 deny ip from any to any\n',
  );
  assert.is((await ipfw(['--rules', file, 'table', 't', 'lookup', '10.1.1.1'])).out, '10.0.0.0/8 5\n');
  // -f and -q hold for the file, too: what it deletes may be missing.
  writeFileSync(
    file,
    'pipe 5 delete\nqueue 5 delete\nsched 5 delete\nnat 5 delete\nadd allow ip from any to any\n',
  );
  assert.match((await ipfw(['--rules', file, 'list'])).err, /:1:1: pipe 5 not found/);
  for (const flag of ['-f', '-q']) {
    const listed = await ipfw([flag, '--rules', file, 'list']);
    assert.equal(
      [listed.status, listed.err, listed.out.split('\n')[0]],
      [0, '', '00100 allow ip from any to any'],
    );
  }
  writeFileSync(file, 'add deny ip from any to any\n  add deny ip frm any to any\n');
  assert.equal(await ipfw(['-n', file]), {
    status: EXIT.usage,
    out: '',
    err: `ipfw: ${file}:2:15: unexpected "frm": expected "from"\n`,
  });
});

test('a preprocessor: its lines lead back to the file', async () => {
  const file = path.join(folder, 'macros.rules');
  writeFileSync(file, 'NET\n\nadd deny ip from NET to any\nadd bogus\n');
  const sed = await ipfw(['-n', '-p', 'sed', '-e', '1s/.*/# 1 "x"/;s/NET/10.0.0.0\\/8/', file]);
  assert.equal([sed.status, sed.err.split(':')[1]], [EXIT.data, ' x']);
  writeFileSync(file, 'add deny ip from NET to any\n');
  assert.equal(await ipfw(['-q', '-p', 'sed', 's/NET/10.0.0.0\\/8/', file]), { status: 0, out: '', err: '' });
  assert.match(listing(), /deny ip from 10\.0\.0\.0\/8 to any/);
});

test('all mistakes of a file are told at once, up to twenty', async () => {
  const file = path.join(folder, 'two.rules');
  writeFileSync(
    file,
    'add allow ip from any to any dst-prot 5\nadd count ip from any to any\nadd alow ip from any to any\n',
  );
  const two = await ipfw(['-n', file]);
  assert.equal(two.out, '');
  assert.is(two.status, EXIT.usage);
  assert.is(
    two.err,
    `ipfw: ${file}:1:30: unknown option "dst-prot": expected "dst-port"\nipfw: ${file}:3:5: unknown action "alow": expected "allow"\n`,
  );
  writeFileSync(file, 'add allow ip form any to any\n'.repeat(25));
  const lines = (await ipfw([file])).err.trimEnd().split('\n');
  assert.is(lines.length, 21);
  assert.match(lines[19]!, /:20:14: unexpected "form"/);
  assert.is(lines[20], 'ipfw: and 5 mistakes more');
  assert.is(listing(), '65535 allow ip from any to any\n');
});

test('explain asks the running program; several that run are told by what they carry', async () => {
  const opened = await openRules({ program: 'other', rules: ['add 100 deny udp from any to any 53'] });
  const packet = 'udp 10.0.0.1:1 > 10.0.0.2:53';
  const asked = await ipfw(['--socket', opened.socket!, 'explain', packet]);
  assert.equal(asked, {
    status: 0,
    out: '00100 deny udp from any to any 53\n      matches\ndeny by rule 100\n',
    err: '',
  });
  const json = await ipfw(['--socket', opened.socket!, 'explain', '--json', packet]);
  assert.equal(JSON.parse(json.out).verdict, { action: 'deny', rule: 100, reason: 'rule' });
  const several = await ipfw(['list']);
  assert.is(several.status, EXIT.unavailable);
  const [first, ...programs] = several.err.trimEnd().split('\n');
  assert.match(first!, /^ipfw: 2 programs with rules or links are running: expected one of$/);
  assert.is(programs.length, 2);
  for (const line of programs) assert.match(line, /^ipfw: {3}--socket \S+\.sock {2}\(.*ipfw\.test/);
  await opened.close();
});

test('dnctl is ipfw for pipes, queues and schedulers', async () => {
  const dnctl = (...args: string[]) => ipfw(args, { program: 'dnctl' });
  assert.equal(await dnctl('pipe', '1', 'config', 'bw', '1Mbit/s', 'delay', '20'), {
    status: 0,
    out: '',
    err: '',
  });
  const shown = await dnctl('pipe', 'show');
  assert.match(shown.out, /^00001: {3}1\.000 Mbit\/s {3}20 ms burst 0 \n/);
  const refused = await dnctl('add', 'allow', 'ip', 'from', 'any', 'to', 'any');
  assert.equal(
    [refused.status, refused.err],
    [
      EXIT.usage,
      'dnctl: command line:1:1: dnctl does not do that: expected pipe, queue or sched: everything else is for ipfw\n',
    ],
  );
  assert.is(listing(), '65535 allow ip from any to any\n');
  assert.match((await dnctl('-h')).out, /^dnctl/);
});

test.run();
