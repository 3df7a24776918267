// SPDX-License-Identifier: BSD-2-Clause
// rules.test.ts: the reader and executor of pages find what is wrong with a page; otherwise pages.test.ts proves nothing.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { missingLines, readPage } from './page.js';
import { executePage } from './session.js';

const block = (language: string, ...lines: string[]) => [`\`\`\`${language}`, ...lines, '```', ''].join('\n');

/** The message a page is refused with. */
async function refused(text: string, limit?: number): Promise<string> {
  try {
    await executePage('page.md', text, limit);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`not refused:\n${text}`);
}

test('blocks become files, commands and what they print', () => {
  const page = `words\n\n${block('c', '/* a.c - x */', 'int a;')}${block('sh', 'one', 'two')}\n${block('text', 'out')}
${block('text', 'a picture')}${block('js', '// b.mjs', 'b()')}`;
  assert.equal(readPage('page.md', page), [
    { kind: 'file', line: 3, name: 'a.c', text: '/* a.c - x */\nint a;\n' },
    { kind: 'commands', line: 7, text: 'one\ntwo', shown: 'out' },
    { kind: 'file', line: 19, name: 'b.mjs', text: '// b.mjs\nb()\n' },
  ]);
});

test('mistakes in a page are named with their place', () => {
  for (const [page, message] of [
    [block('c', 'int a;'), 'page.md:1: the first line must be a comment with a file name'],
    [block('', 'npx pkt-gen -h'), 'page.md:1: put commands into a ```sh block'],
    [block('text', 'pkt-gen -i null'), 'page.md:1: put commands into a ```sh block'],
    ['words\n\n    npm test\n', 'page.md:3: put commands into a ```sh block'],
    ['```sh\ntrue\n', 'page.md:1: this block has no end'],
  ] as const)
    assert.throws(
      () => readPage('page.md', page),
      (error: Error) => error.message === message,
    );
});

test('shown lines: exact but for numbers with a point and what "…" stands for, each line once, in any order', () => {
  const printed = 'Sent 10 packets in 0.73 seconds.\nfrom 10.0.0.1\nlast';
  assert.equal(missingLines('last\nSent 10 packets in 0.01 seconds.\nfrom 10.0.0.1', printed), []);
  assert.equal(missingLines('Sent … seconds.\n…', printed), []);
  for (const line of [
    'Sent 11 packets in 0.73 seconds.',
    'Sent 10 packets',
    'from 10.0.0.2',
    'las.',
    'last\nlast',
  ])
    assert.is(missingLines(line, printed).length, 1, line);
});

test('commands run as they stand, in one directory with the package in it', async () => {
  const page =
    block('js', '// hello.mjs', "import { listPorts } from 'netvale';", 'console.log(listPorts().length);') +
    block('sh', 'echo kept > file', '(sleep 0.1; echo late) &', 'wait') +
    block('text', 'late') +
    block('sh', 'cat file; node hello.mjs; pkt-gen --version') +
    block('text', 'kept', '0', 'pkt-gen …');
  assert.is(await executePage('page.md', page), 2);
});

test('a page is refused when a command fails, also in the background', async () => {
  assert.match(
    await refused(block('sh', 'echo before', 'false', 'echo after')),
    /^page.md:1: exit status 1:/,
  );
  assert.match(await refused(block('sh', '(exit 3) &', 'sleep 0.1', 'wait')), /^page.md:1: exit status 3:/);
  assert.match(await refused(`\n${block('sh', 'no-such-command')}`), /^page.md:2: exit status 127:/);
});

test('a block that fails once is run again', async () => {
  const page =
    block('sh', 'if [ ! -e once ]; then touch once; exit 1; fi', 'echo twice') + block('text', 'twice');
  assert.is(await executePage('page.md', page), 1);
});

test('a page is refused when a line is not printed', async () => {
  const text = await refused(block('sh', 'echo 1 packet') + block('text', '2 packets'));
  assert.match(text, /^page.md:1: not printed:\n2 packets\n/);
  assert.match(text, '| 1 packet');
});

test('a page is refused when something goes on: too long, in the background, or in shared memory', async () => {
  assert.match(await refused(block('sh', 'sleep 30'), 0.3), /^page.md:1: took longer than 0.3 s/);
  assert.match(await refused(block('sh', 'sleep 30 &')), /left running:.*sleep 30/);
  assert.match(
    await refused(block('sh', 'mkdir -m 700 "$NETVALE_DIR"; touch "$NETVALE_DIR/x"')),
    /left in shared memory: x/,
  );
});

test.run();
