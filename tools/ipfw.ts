#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// ipfw: list, change and explain the rules of a running program or of a file. Manual page: docs/ipfw.md.
import { EXIT, RuleError } from '../src/rules/error.js';
import { readArguments } from './lib/ipfw/arguments.js';
import { dnctlHelp, helpText } from './lib/ipfw/help.js';
import { PROGRAM } from './lib/ipfw/name.js';
import { runTask } from './lib/ipfw/run.js';
import { guardOutput } from './lib/output.js';
import { complain } from './lib/program.js';
import { version } from './lib/version.js';

async function main(argv: string[]): Promise<number> {
  const { settings, task } = readArguments(argv);
  switch (task.kind) {
    case 'help':
      process.stdout.write(PROGRAM === 'dnctl' ? dnctlHelp() : helpText());
      return EXIT.ok;
    case 'version':
      console.log(`${PROGRAM} ${version()}`);
      return EXIT.ok;
    case 'explain': {
      const { runExplain } = await import('./lib/ipfw/explain.js');
      return runExplain(settings, task.packet);
    }
    default:
      try {
        return await runTask(settings, task);
      } finally {
        // Last, since it may have to wait for a program that holds the lock of the directory.
        const { tidy } = await import('./lib/tidy.js');
        await tidy();
      }
  }
}

guardOutput(PROGRAM, EXIT.osError);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { code, message } = error as Error & { code?: unknown };
  if (!(error instanceof RuleError) && typeof code !== 'string') throw error;
  complain(PROGRAM, message);
  process.exitCode = error instanceof RuleError ? error.exit : EXIT.osError;
}
