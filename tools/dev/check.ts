// SPDX-License-Identifier: BSD-2-Clause
// check.ts: formatting, lint and types of everything: biome, tsc, clang-format, clang-tidy. `npm run check`.
import { execFile } from 'node:child_process';
import os from 'node:os';
import { needCommands } from './setup/steps.mjs';
import { globSync } from './testing/glob.js';

await needCommands([
  ['clang-format', 'clang-format'],
  ['clang-tidy', 'clang-tidy'],
]);

const everyC = ['native', 'test', 'pcapshim'].flatMap((folder) => globSync(folder, /\.(c|h|cc)$/));
const compiled = globSync('native', /\.(c|cc)$/);

type Check = [title: string, command: string, args: string[]];
const checks: Check[] = [
  ['biome', 'node_modules/.bin/biome', ['check', '--error-on-warnings', '.']],
  ['tsc', process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['src/abi.ts', process.execPath, ['--import', 'tsx', 'tools/dev/abi.ts', '--check']],
  ['clang-format', 'clang-format', ['--dry-run', '-Werror', ...everyC]],
  ...compiled.map((file): Check => [`clang-tidy ${file}`, 'clang-tidy', ['--quiet', '-p', 'build', file]]),
];

let failed = 0;

/** Run one after the other until none is left; several of these share the list. */
async function worker(): Promise<void> {
  for (let check = checks.shift(); check !== undefined; check = checks.shift()) {
    const [title, command, args] = check;
    const output = await new Promise<string>((resolve) => {
      execFile(command, args, { maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
        resolve(error === null ? '' : `${stdout}${stderr}${error.code}`),
      );
    });
    console.log(`${output === '' ? 'ok    ' : 'FAILED'} ${title}`);
    if (output === '') continue;
    failed++;
    console.log(output);
  }
}

await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
process.exitCode = failed > 0 ? 1 : 0;
