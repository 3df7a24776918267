// SPDX-License-Identifier: BSD-2-Clause
// pages.test.ts: every command of README.md and docs/*.md is executed (page.ts has the marks), every link leads somewhere,
// and every npm command named is one of this package.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reasonToSkip } from '../netns/lab.js';
import { executePage } from './session.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
];
/** Pages that need rights which not every machine gives. */
const noIp = spawnSync('ip', ['-V']).error && 'there is no program ip';
const noNetworks = noIp ?? (await reasonToSkip());
const needy = new Map([
  ['docs/emulate-command.md', noNetworks],
  ['docs/lab.md', noNetworks],
]);
const textOf = (page: string) => readFileSync(path.join(root, page), 'utf8');

/** Pages executed at the same time: they mostly wait. */
const AT_ONCE = 2;

/** For each page the number of its command blocks, or what is wrong with it. */
const outcomes = new Map<string, number | Error>();

test.before(async () => {
  const left = pages.filter((page) => needy.get(page) === undefined);
  const lane = async () => {
    for (let page = left.shift(); page !== undefined; page = left.shift())
      outcomes.set(page, await executePage(page, textOf(page)).catch((error: Error) => error));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
});

/** What GitHub makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

const anchors = (page: string) =>
  [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));

for (const page of pages) {
  test(`${page}: every link leads somewhere`, () => {
    for (const [link, target] of textOf(page).matchAll(/\]\((?!https?:)([^)]*)\)/g)) {
      const [file, anchor] = target!.split('#');
      const linked = file === '' ? page : path.join(path.dirname(page), file!);
      assert.ok(existsSync(path.join(root, linked)), link);
      if (anchor !== undefined) assert.ok(anchors(linked).includes(anchor), link);
    }
  });

  test(`${page}: every npm command is one of this package`, () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    for (const [command, name] of textOf(page).matchAll(
      /\bnpm (?:run (?:-s )?)?(start|test|(?<=run (?:-s )?)[\w-]+)/g,
    ))
      assert.ok(name! in scripts, command);
  });
}

for (const page of pages) {
  const title = `${page}: every command does what the page shows`;
  const why = needy.get(page);
  if (why !== undefined) {
    console.log(`skip ${title}: ${why}`);
    test.skip(title);
    continue;
  }
  test(title, () => {
    const outcome = outcomes.get(page);
    if (outcome instanceof Error) throw outcome;
    if (page === 'README.md') assert.ok(outcome! > 0);
  });
}

test.run();
