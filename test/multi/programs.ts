// SPDX-License-Identifier: BSD-2-Clause
// programs.ts: starts the built programs as users do, waits for what they print, and lets none outlive the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { listPorts } from '../../src/index.js';

const dist = fileURLToPath(new URL('../../dist/tools/', import.meta.url));
/** Longer than any machine stands still. */
export const WAIT_MS = 100_000;

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A world of its own for a test file: a NETVALE_DIR that does not exist yet. */
export class World {
  readonly base = mkdtempSync(path.join(tmpdir(), 'netvale-multi-'));
  readonly dir = path.join(this.base, 'shm');
  readonly #live = new Set<ChildProcess>();

  /** Start a program of this package ("pkt-gen"). */
  start(program: string, args: string[]): Program {
    return this.startCommand(process.execPath, [path.join(dist, `${program}.js`), ...args]);
  }

  startCommand(command: string, args: string[]): Program {
    const env = { ...process.env, NETVALE_DIR: this.dir };
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#live.add(child);
    child.on('exit', () => this.#live.delete(child));
    return new Program(child);
  }

  /** Run a program to its end. */
  run(program: string, args: string[]): Promise<Ended> {
    return this.start(program, args).ended;
  }

  /** Wait until these ports exist. */
  async ports(...names: string[]): Promise<void> {
    await until(
      () => {
        const there = new Set(existsSync(this.dir) ? listPorts(this.dir).map((port) => port.name) : []);
        return names.every((name) => there.has(name));
      },
      `ports ${names.join(', ')}`,
    );
  }

  /** What is in the directory of shared memory. */
  files(): string[] {
    return existsSync(this.dir) ? (readdirSync(this.dir, { recursive: true }) as string[]) : [];
  }

  /** Kill what still runs, remove everything. */
  end(): void {
    for (const child of this.#live) child.kill('SIGKILL');
    rmSync(this.base, { recursive: true, force: true });
  }
}

export class Program {
  readonly child: ChildProcess;
  /** Resolves when it has gone and all it printed was read. */
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) =>
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  /** Wait until it has printed something that matches, on either stream. */
  async printed(pattern: RegExp): Promise<void> {
    await until(() => pattern.test(this.stdout) || pattern.test(this.stderr), `${pattern} in ${this.stderr}`);
  }

  /** Send a signal and wait for the end. */
  async signal(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return await this.ended;
  }
}

/** Look every 10 ms until it is so; throws after WAIT_MS. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > WAIT_MS) throw new Error(`waited ${WAIT_MS} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Packets that the reports (--json) of a running program have told of so far. */
export function reported({ stdout }: Program): number {
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  if (whole === '') return 0;
  return recordsOf(whole)
    .filter(({ type }) => type === 'report')
    .reduce((sum, { packets }) => sum + Number(packets), 0);
}

/** The records of a program's JSON output; the last one is the result. */
export function recordsOf(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The last record. */
export function resultOf(ended: Ended): Record<string, unknown> & { drops: Record<string, number> } {
  const result = recordsOf(ended.stdout).at(-1)!;
  if (result.type !== 'result') throw new Error(`no result: ${ended.stdout}\n${ended.stderr}`);
  return result as Record<string, unknown> & { drops: Record<string, number> };
}
