// SPDX-License-Identifier: BSD-2-Clause
// job.ts: run one test program in its own process group with a time limit, and count the tests it reports.
import { spawn } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Job {
  /** Shown to people and matched by `npm test -- PATTERN`. */
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** Seconds until the whole process group is killed. */
  limit: number;
  /** Reads the counts out of what the program printed. */
  count: (output: string) => Counts;
  /** What it prints behind its last test: it has to end soon after that, whatever a failed test left open. */
  last?: RegExp;
  /** Seconds that it may take for that. */
  grace?: number;
}

export interface Outcome extends Counts {
  seconds: number;
  output: string;
  /** Why the run itself (rather than a test in it) failed; '' when it did not. */
  problem: string;
  skips: string[];
}

/** Milliseconds until what a job left behind, out of reach in a session of its own, is waited for no longer. */
const HELD = 10_000;

/** Bytes of shared memory that the greediest C test may take; containers often have 64 MiB. */
const MEMORY = 1 << 30;

/** A new directory in shared memory for the worlds of C tests; where that is too small, beside the others. */
function sharedMemory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize >= MEMORY) return mkdtempSync('/dev/shm/netvale-test-');
  } catch {
    // there is none, or it is not ours
  }
  return mkdtempSync(path.join(tmpdir(), 'netvale-test-'));
}

const running = new Set<number>();

/** Kill what is still running; for Ctrl-C. */
export function killAll(): void {
  for (const pid of running) killGroup(pid);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** `ok NAME`, `not ok NAME` and `skip NAME REASON` lines, as test/native/check.h prints them. */
export function countLines(output: string): Counts {
  const lines = (pattern: RegExp) => output.match(pattern)?.length ?? 0;
  return { passed: lines(/^ok /gm), failed: lines(/^not ok /gm), skipped: lines(/^skip /gm) };
}

/** The summary uvu prints at the end of a file. */
export function countUvu(output: string): Counts {
  const figure = (word: string) => Number(new RegExp(`^\\s*${word}:\\s+(\\d+)`, 'm').exec(output)?.[1] ?? 0);
  const passed = figure('Passed');
  return { passed, failed: figure('Total') - passed, skipped: figure('Skipped') };
}

/** Reasons of a skip that nobody at this machine can do anything about: what is not there has a name. */
const LACKING = /\b(the kernel has no|this process may not|this machine has no) \w/;

/**
 * Count as failed what a test skipped though it need not have: as root every program can be installed, so a skip must name
 * what the kernel has not got, or what not even this root may do. Returns the lines of those skips.
 */
export function needlessSkips(outcome: Outcome, uid = process.getuid?.()): string[] {
  if (uid !== 0) return [];
  const needless = outcome.skips.filter((line) => !LACKING.test(line));
  const silent = outcome.skipped - outcome.skips.length;
  if (silent > 0) needless.push(`${silent} without a reason`);
  const count = needless.length + Math.max(silent - 1, 0);
  outcome.failed += count;
  outcome.skipped -= count;
  return needless;
}

/** Run a job in a world (NETVALE_DIR) of its own. Never rejects: whatever goes wrong is in the outcome. */
export function runJob(job: Job): Promise<Outcome> {
  const world = mkdtempSync(path.join(tmpdir(), 'netvale-test-'));
  const memory = sharedMemory();
  chmodSync(memory, 0o711); // a test may become another user, and go on in a directory of its own
  const start = process.hrtime.bigint();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let timedOut = false;
    let leftBehind = false;
    const child = spawn(job.command, job.args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NETVALE_DIR: path.join(world, 'shm'),
        NETVALE_TEST_DIR: memory,
        NO_COLOR: '1',
        ...job.env,
      },
    });
    const pid = child.pid;
    if (pid !== undefined) running.add(pid);
    const timer = setTimeout(() => {
      timedOut = true;
      if (pid !== undefined) killGroup(pid);
    }, job.limit * 1000);
    let lingers = false;
    let grace: NodeJS.Timeout | undefined;
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (!job.last?.test(chunk.toString())) return;
      grace ??= setTimeout(
        () => {
          lingers = true;
          if (pid !== undefined) killGroup(pid);
        },
        (job.grace ?? 100) * 1000,
      );
    });
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    let spawnError = '';
    child.on('error', (error) => {
      spawnError = error.message;
    });
    // Processes that outlive the test keep its output open: they go when the test itself has ended.
    let held: NodeJS.Timeout | undefined;
    child.on('exit', () => {
      if (pid !== undefined) killGroup(pid);
      held = setTimeout(() => {
        leftBehind = true;
        child.stdout.destroy();
        child.stderr.destroy();
      }, HELD);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      clearTimeout(grace);
      clearTimeout(held);
      if (pid !== undefined) running.delete(pid);
      for (const folder of [world, memory]) rmSync(folder, { recursive: true, force: true });
      const output = Buffer.concat(chunks).toString();
      const counts = job.count(output);
      let problem = '';
      if (spawnError !== '') problem = spawnError;
      else if (lingers) problem = 'ran all its tests and did not end: something is still open';
      else if (timedOut) problem = `took longer than ${job.limit} s`;
      else if (leftBehind) problem = 'left a process behind that holds its output open';
      else if (signal !== null) problem = `killed by ${signal}`;
      else if (code !== 0 && counts.failed === 0) problem = `exit status ${code}`;
      else if (counts.passed + counts.failed + counts.skipped === 0) problem = 'ran no test';
      if (problem !== '') counts.failed++;
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      resolve({ ...counts, seconds, output, problem, skips: output.match(/^skip .*$/gm) ?? [] });
    });
  });
}
