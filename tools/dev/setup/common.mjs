// SPDX-License-Identifier: BSD-2-Clause
// common.mjs: what every step of the set-up needs: the project's root, commands, content hashes and stamps.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const buildDir = path.join(root, 'build');

/** A failure of the set-up that the person at the terminal can act on; `status` becomes the exit status. */
export class SetupError extends Error {
  constructor(message, status = 1) {
    super(message);
    this.status = status;
  }
}

/** What make and ninja say of steps that went well. */
const PROGRESS = /^\[ *\d+(%|\/\d+)\] (Building|Linking|Built|Re-).*\n/gm;

/** Run a command and keep its output to itself; when it fails, the error has it. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => reject(new SetupError(`cannot run ${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      const text = Buffer.concat(output).toString().replaceAll(PROGRESS, '');
      if (code === 0) return resolve(text);
      const why = signal === null ? `exit status ${code}` : signal;
      reject(new SetupError(`${text}\n${command} ${args.join(' ')}: ${why}`, signal === 'SIGINT' ? 130 : 1));
    });
  });
}

/** Every file below the given files and folders, as paths from the root, sorted. */
function* filesBelow(relative) {
  const full = path.join(root, relative);
  const stat = fs.statSync(full, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isFile()) yield relative;
  else if (stat.isDirectory())
    for (const name of fs.readdirSync(full).sort()) yield* filesBelow(path.join(relative, name));
}

/** Hash of the names and contents of files and folders, and of further words. */
export function hashOf(paths, ...words) {
  const hash = createHash('sha256');
  for (const word of words) hash.update(`${word}\0`);
  for (const start of paths)
    for (const file of filesBelow(start)) {
      hash.update(`${file}\0`);
      hash.update(fs.readFileSync(path.join(root, file)));
    }
  return hash.digest('hex');
}

/** What a stamp says, or '' when there is none. A stamp stands beside what it vouches for. */
export function readStamp(file) {
  try {
    return fs.readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Write a stamp so that a reader sees the old or the new one, never half of it. */
export function writeStamp(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.${process.pid}`, `${text}\n`);
  fs.renameSync(`${file}.${process.pid}`, file);
}

export function removeStamp(file) {
  fs.rmSync(file, { force: true });
}
