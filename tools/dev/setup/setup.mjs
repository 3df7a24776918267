// SPDX-License-Identifier: BSD-2-Clause
// setup.mjs: bring the checkout to where programs and tests run: npm packages, native code, TypeScript.
// A step whose inputs have not changed since its stamp is skipped; two set-ups at once take turns.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildDir, readStamp, removeStamp, SetupError, writeStamp } from './common.mjs';
import { steps } from './steps.mjs';

const stale = () => steps.filter((step) => readStamp(step.stamp) !== step.fingerprint());

/** Carry out every step that is not up to date. Call only with the lock held. */
async function carryOut() {
  for (const step of steps) {
    const fingerprint = step.fingerprint();
    if (readStamp(step.stamp) === fingerprint) continue;
    const start = Date.now();
    process.stderr.write(`set-up: ${step.name} ...`);
    removeStamp(step.stamp);
    try {
      await step.work();
    } catch (error) {
      process.stderr.write(' failed\n');
      throw error;
    }
    writeStamp(step.stamp, fingerprint);
    process.stderr.write(` ${((Date.now() - start) / 1000).toFixed(1)} s\n`);
  }
}

/** Run this file as a program under flock(1): the lock goes with the process, however it ends. */
function underLock() {
  fs.mkdirSync(buildDir, { recursive: true });
  const lock = path.join(buildDir, '.setup-lock');
  const self = fileURLToPath(import.meta.url);
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['--close', lock, process.execPath, self], { stdio: 'inherit' });
    const ignore = () => {};
    process.on('SIGINT', ignore);
    child.on('error', (error) =>
      reject(new SetupError(`cannot run flock (package util-linux): ${error.message}`)),
    );
    child.on('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      if (code === 0) resolve();
      else reject(new SetupError('', signal === 'SIGINT' || code === 130 ? 130 : 1));
    });
  });
}

/** Set the checkout up. Throws SetupError with what to do; prints only what takes time. */
export async function setup() {
  if (stale().length > 0) await underLock();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('SIGINT', () => process.exit(130));
  try {
    await carryOut();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exit(error.status);
  }
}
