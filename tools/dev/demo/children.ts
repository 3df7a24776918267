// SPDX-License-Identifier: BSD-2-Clause
// children.ts: the demonstration's processes: started, read line by line, and gone when it ends, however it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Child {
  /** Resolves when the process has gone; rejects, with what it said, when it failed. */
  ended: Promise<void>;
  interrupt(): void;
}

/** Longest that a process gets to leave by itself, milliseconds. */
const PATIENCE_MS = 3000;
const live = new Map<ChildProcess, Promise<void>>();

/** Start a program that prints one JSON record a line. */
export function startChild(
  command: string,
  args: string[],
  env: Record<string, string>,
  onRecord: (record: Record<string, unknown>) => void,
): Child {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => onRecord(JSON.parse(line)));
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      live.delete(child);
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')}: ${signal ?? `exit status ${code}`}\n${said}`));
    });
  });
  ended.catch(() => {});
  live.set(child, ended);
  return { ended, interrupt: () => child.kill('SIGINT') };
}

/** Interrupt all that still run and wait for them; what does not leave is killed. */
export async function endChildren(): Promise<void> {
  const timer = setTimeout(() => {
    for (const child of live.keys()) child.kill('SIGKILL');
  }, PATIENCE_MS);
  for (const child of live.keys()) child.kill('SIGINT');
  await Promise.allSettled(live.values());
  clearTimeout(timer);
}
