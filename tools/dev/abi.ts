// SPDX-License-Identifier: BSD-2-Clause
// abi.ts: write src/abi.ts anew from the C headers: `npm run abi`. With --check it only says whether it is current.
import { readFileSync, writeFileSync } from 'node:fs';
import { generate } from './abi/generate.js';

const FILE = 'src/abi.ts';

const text = generate();
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, text);
} else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(`${FILE} is not what the C headers say: run 'npm run abi'`);
  process.exitCode = 1;
}
