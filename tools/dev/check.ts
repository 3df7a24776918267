// SPDX-License-Identifier: BSD-2-Clause
// check.ts: formatting, lint and types of everything: biome, tsc, clang-format, clang-tidy. `npm run check`.
import { spawnSync } from 'node:child_process';
import { needCommands } from './setup/steps.mjs';
import { globSync } from './testing/glob.js';

await needCommands([
  ['clang-format', 'clang-format'],
  ['clang-tidy', 'clang-tidy'],
]);

const everyC = ['native', 'test', 'pcapshim'].flatMap((folder) => globSync(folder, /\.(c|h|cc)$/));
const compiled = globSync('native', /\.c$/).concat(globSync('native/addon', /\.cc$/));

const checks: [title: string, command: string, args: string[]][] = [
  ['biome', 'node_modules/.bin/biome', ['check', '--error-on-warnings', '.']],
  ['tsc', process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['clang-format', 'clang-format', ['--dry-run', '-Werror', ...everyC]],
  ['clang-tidy', 'clang-tidy', ['--quiet', '-p', 'build', ...compiled]],
];

let failed = 0;
for (const [title, command, args] of checks) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${title}`);
  if (status !== 0) {
    failed++;
    console.log(stdout + stderr);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
