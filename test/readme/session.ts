// SPDX-License-Identifier: BSD-2-Clause
// session.ts: executes a page in a scratch directory that looks like the checkout, with a world (NETVALE_DIR) of its own.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingLines, PageError, readPage, type Step } from './page.js';

type Commands = Extract<Step, { kind: 'commands' }>;

const root = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT = 120;
/** Times that a block may be run: pages give programs a second or two to start, which a busy machine may need longer for. */
const TRIES = 3;

/** Where the test runner clears up, should this process be killed; by hand, where temporary files go. */
const SCRATCH = process.env.NETVALE_DIR ? path.dirname(process.env.NETVALE_DIR) : tmpdir();

/** Before a block: a command that fails ends it, one in the background when it is waited for. */
const BEGIN = `set -e
wait() {
  local job status=0
  jobs -p >"$JOBS" # in $(…) those that have ended are not known
  for job in $(cat "$JOBS"); do builtin wait "$job" || status=$?; done
  return $status
}
`;
/** Behind a block: nothing may go on. */
const END = `
if [ -n "$(jobs -rp)" ]; then echo "left running: $(jobs -r)"; exit 1; fi
`;

interface Ended {
  /** What went wrong, or ''. */
  problem: string;
  output: string;
}

/** Run commands with bash; whatever they started is gone afterwards. */
function runCommands(text: string, cwd: string, env: NodeJS.ProcessEnv, limit: number): Promise<Ended> {
  // Not by -c, which forgets jobs as soon as they end.
  const script = path.join(cwd, '..', 'block.sh');
  writeFileSync(script, BEGIN + text + END);
  return new Promise((resolve, reject) => {
    // timeout(1) holds even if this process is killed: it and all it started are one process group.
    const child = spawn('timeout', ['--signal=KILL', String(limit), 'bash', script], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    child.on('error', reject);
    child.on('exit', () => endGroup(child.pid!));
    child.on('close', (code, signal) => {
      const why = signal === 'SIGKILL' ? `took longer than ${limit} s` : `exit status ${code ?? signal}`;
      resolve({ problem: code === 0 ? '' : why, output });
    });
  });
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Execute a page: write its files, run its commands, compare what they print, and see that they leave no shared memory
 * behind. Resolves to the number of command blocks, rejects with a PageError that says what and where. `limit`: seconds
 * for one block; `tries`: how many times one may be run.
 */
export async function executePage(page: string, text: string, limit = LIMIT, tries = TRIES): Promise<number> {
  const steps = readPage(page, text);
  const base = mkdtempSync(path.join(SCRATCH, 'netvale-page-'));
  const folder = path.join(base, 'checkout');
  const world = path.join(base, 'shm');
  const env = {
    ...process.env,
    JOBS: path.join(base, 'jobs'),
    NETVALE_DIR: world,
    NO_COLOR: '1',
    PATH: `${path.join(root, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`,
    HOME: process.env.HOME ?? base, // where npm writes
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  };
  mkdirSync(folder);
  for (const name of readdirSync(root))
    if (!name.startsWith('.')) symlinkSync(path.join(root, name), path.join(folder, name));
  try {
    for (const step of steps)
      if (step.kind === 'commands') await command(page, step, folder, env, limit, tries);
      else writeFileSync(path.join(folder, step.name), step.text, { flag: 'wx' }); // never through a link into the checkout
    if (existsSync(world)) throw new PageError(page, 1, `left in shared memory: ${readdirSync(world)}`);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
  return steps.filter((step) => step.kind === 'commands').length;
}

/** Run a block of commands and compare what it prints. Rejects with the PageError of the last try. */
async function command(
  page: string,
  step: Commands,
  folder: string,
  env: NodeJS.ProcessEnv,
  limit: number,
  tries: number,
): Promise<void> {
  for (let left = tries - 1; ; left--) {
    const error = await tried(page, step, folder, env, limit);
    if (error === undefined) return;
    if (left <= 0) throw error;
    console.log(`# once more: ${error.message}`);
    rmSync(env.NETVALE_DIR!, { recursive: true, force: true }); // of programs that were killed
  }
}

/** What is wrong with a block, run once. */
async function tried(
  page: string,
  step: Commands,
  folder: string,
  env: NodeJS.ProcessEnv,
  limit: number,
): Promise<PageError | undefined> {
  const { problem, output } = await runCommands(step.text, folder, env, limit);
  const told = `${step.text.replaceAll(/^/gm, '  $ ')}\nprinted:\n${output.replaceAll(/^/gm, '  | ')}`;
  if (problem !== '') return new PageError(page, step.line, `${problem}:\n${told}`);
  const missing = missingLines(step.shown, output);
  if (missing.length === 0) return undefined;
  return new PageError(page, step.line, `not printed:\n${missing.join('\n')}\nby\n${told}`);
}
