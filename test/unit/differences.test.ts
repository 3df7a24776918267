// SPDX-License-Identifier: BSD-2-Clause
// differences.test.ts: the page of what is different from FreeBSD has the numbers that hold.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';

const root = new URL('../../', import.meta.url);
const text = (file: string): string => readFileSync(fileURLToPath(new URL(file, root)), 'utf8');
const page = text('docs/differences.md');

/** The cells of the row that begins so. */
function row(begin: string): string[] {
  const found = page.split('\n').find((line) => line.startsWith(`| ${begin}`));
  assert.ok(found, `a row "${begin}"`);
  return found!
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

test('states at once', () => {
  const shown = new Controller({ context: bareContext }).runText('sysctl net.inet.ip.fw.dyn_max', '');
  const [, here, there] = row('`net.inet.ip.fw.dyn_max`');
  assert.is(here, Number(/\d+/.exec(shown)![0]).toLocaleString('en-US'));
  assert.is(there, '16,384');
});

test('fragments of a datagram', () => {
  const [, most] = /REASS_FRAGMENTS = (\d+)/.exec(text('native/rules/reass.h'))!;
  const [, here, there] = row('fragments of an IPv4 datagram');
  assert.is(here, most);
  assert.match(there!, /^16 \(`net\.inet\.ip\.maxfragsperpacket`\)/);
});

test('CoDel is that of RFC 8289', () => {
  const [, here, there] = row('`codel`');
  assert.match(here!, /RFC 8289.*16 intervals/);
  assert.match(there!, /8 intervals, from `count - 2`/);
  assert.match(text('native/emulation/aqm/codel.c'), /< 16 \* codel->interval_ns/);
});

test.run();
