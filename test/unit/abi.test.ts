// SPDX-License-Identifier: BSD-2-Clause
// abi.test.ts: the numbers that C and TypeScript share are those of the C headers.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as abi from '../../src/abi.js';
import { SCHEDULERS } from '../../src/rules/dummynet.js';
import { generate } from '../../tools/dev/abi/generate.js';

test('src/abi.ts is what the headers say', () => {
  assert.is(readFileSync('src/abi.ts', 'utf8'), generate());
});

test('members that count the others are left out, members called count are not', () => {
  assert.is(abi.OP.count, 142);
  assert.not.ok('count' in abi.LOOKUP_KEY);
});

test('schedulers stand in the order in which C numbers them', () => {
  assert.equal(
    SCHEDULERS.map((name) => name.replace('+', '')),
    Object.keys(abi.EMU_SCHEDULER),
  );
});

test.run();
