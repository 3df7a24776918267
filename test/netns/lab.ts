// SPDX-License-Identifier: BSD-2-Clause
// lab.ts: what the tests of commands behind links share: starting one, and what must be the same afterwards.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runBehindLink } from '../../src/emulation/namespace.js';
import { pump } from './pump.js';

const behind = path.join(import.meta.dirname, 'behind.ts');

/**
 * Wait for other test runs on this machine: who looks whether its network is as before cannot have them make links. Held
 * until this process ends.
 */
async function alone(): Promise<void> {
  const file = path.join(os.tmpdir(), `netvale-alone-${process.getuid!()}`);
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => {
    holder.once('error', resolve); // there is no such program: nobody is kept out
    holder.once('exit', resolve);
    holder.stdout.once('data', resolve);
  });
  holder.removeAllListeners('exit');
  holder.stdout.destroy();
  holder.unref();
  (holder.stdin as unknown as { unref?: () => void }).unref?.();
}

/** Capabilities that a network of one's own takes: bits of CapEff in proc_pid_status(5). */
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n };

function missingCapabilities(): string[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? '0'}`);
  return Object.entries(CAPABILITIES)
    .filter(([, bit]) => (effective & (1n << bit)) === 0n)
    .map(([name]) => name);
}

/** What of the kernel or of this process' rights explains an error, as the runner of the tests knows it. */
function lacking({ code, message }: NodeJS.ErrnoException): string {
  const missing = missingCapabilities();
  if (missing.length > 0) return `this process may not make networks (${missing.join(', ')}): ${message}`;
  if (!existsSync('/dev/net/tun')) return `the kernel has no tap interfaces: ${message}`;
  return code === 'ENODEV' || code === 'EINVAL' ? `the kernel has no such thing: ${message}` : message;
}

/** Why commands cannot be run behind a link here; undefined: they can. */
export async function reasonToSkip(): Promise<string | undefined> {
  await alone();
  const base = mkdtempSync(path.join(os.tmpdir(), 'netvale-netns-'));
  try {
    const { status } = await runBehindLink({
      argv: ['true'],
      link: (ends) => pump(ends, 0, path.join(base, 'shm')),
    });
    return status === 0 ? undefined : `a command behind a link ended with ${status}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (['EPERM', 'EACCES', 'ENOENT', 'ENODEV', 'EINVAL'].includes(code ?? ''))
      return lacking(error as NodeJS.ErrnoException);
    throw error;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

export interface Ran {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Arguments of node that run behind.ts with a command. */
export const behindArgs = (...command: string[]): string[] => ['--import', 'tsx', behind, ...command];

/** What a process wrote and how it ended. */
export function ended(child: ChildProcess): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data) => {
    stdout += data;
  });
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  return new Promise((resolve) => {
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

/** Start a command behind a link, in a process of its own. */
export function start(
  command: string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; ended: Promise<Ran> } {
  const child = spawn(process.execPath, behindArgs(...command), {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return { child, ended: ended(child) };
}

/** The same, to its end; nothing on standard input. */
export function run(command: string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const { child, ended } = start(command, env);
  child.stdin!.end();
  return ended;
}

/** Resolves when `condition` holds; throws when it does not for longer than any machine stands still. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it never happened: ${what}`);
}

/** Resolves when a stream has said `text`. */
export async function said(child: ChildProcess, text: string): Promise<string> {
  let all = '';
  child.stdout!.on('data', (data) => {
    all += data;
  });
  await until(`it says ${text}`, () => all.includes(text));
  return all;
}

/** Processes on this machine whose command line holds `text`. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The processes that a process started, and those that these started. */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one)))
    try {
      const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      parents.set(Number(name), Number(parent));
    } catch {
      // gone meanwhile
    }
  const found = [pid];
  for (const one of found)
    found.push(...[...parents].filter(([, parent]) => parent === one).map(([child]) => child));
  return found.slice(1);
}

/** What of this machine's network nobody may change. */
export function machine(): string {
  const file = (name: string) => {
    try {
      return readFileSync(name, 'utf8');
    } catch {
      return '';
    }
  };
  return [
    Object.keys(os.networkInterfaces()).join(' '),
    readFileSync('/proc/net/dev', 'utf8').replace(/:.*/g, ''),
    file('/proc/net/route').replace(/\t/g, ' '),
    file('/proc/sys/net/ipv4/ip_forward'),
    file('/proc/sys/net/ipv6/conf/all/forwarding'),
    file('/etc/resolv.conf'),
    file('/proc/mounts'),
  ].join('\n');
}
