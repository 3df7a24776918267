#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// run.mjs: set the checkout up, then run a development script: `node tools/dev/run.mjs [SCRIPT [ARGUMENTS]]`.
// Plain Node and no dependency: it must work straight after a clone.
import { spawn } from 'node:child_process';
import { root, SetupError } from './setup/common.mjs';
import { setup } from './setup/setup.mjs';

const [script, ...rest] = process.argv.slice(2);

try {
  await setup();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  if (error.message !== '') console.error(error.message);
  process.exit(error.status);
}

if (script !== undefined) {
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...rest], {
    cwd: root,
    stdio: 'inherit',
  });
  // The terminal sends Ctrl-C to the child as well; a signal meant for this process alone is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) =>
    process.exit(signal === null ? (code ?? 1) : signal === 'SIGINT' ? 130 : 1),
  );
}
