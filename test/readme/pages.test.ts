// SPDX-License-Identifier: BSD-2-Clause
// pages.test.ts: every command of README.md and docs/*.md is executed (page.ts has the marks), every link leads somewhere,
// and every npm command named is one of this package.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { executePage } from './session.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
];
const textOf = (page: string) => readFileSync(path.join(root, page), 'utf8');

/** Pages executed at the same time: they mostly wait. */
const AT_ONCE = 2;

/** Start to execute all pages, AT_ONCE at a time. What becomes of each is in the map. */
function executeAll(): Map<string, Promise<number>> {
  const results = new Map<string, Promise<number>>();
  const lanes: Promise<unknown>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
  pages.forEach((page, index) => {
    const before = lanes[index % AT_ONCE]!;
    const result = before.then(() => executePage(page, textOf(page)));
    results.set(page, result);
    lanes[index % AT_ONCE] = result.catch(() => {});
  });
  return results;
}

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
    for (const [command, name] of textOf(page).matchAll(/\bnpm (?:run )?(start|test|(?<=run )[\w-]+)/g))
      assert.ok(name! in scripts, command);
  });
}

let results: Map<string, Promise<number>>;
test.before(() => {
  results = executeAll();
});
for (const page of pages)
  test(`${page}: every command does what the page shows`, async () => {
    const blocks = await results.get(page)!;
    if (page === 'README.md') assert.ok(blocks > 0);
  });

test.run();
