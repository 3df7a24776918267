// SPDX-License-Identifier: BSD-2-Clause
// Where the control sockets of running programs are, and which of them live.
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { EXIT, RuleError } from './error.js';

/** Longest path of a Unix socket (sun_path less its terminating 0). */
const PATH_MAX = 107;

/** Folder of the control sockets: beside the directory where this user's ports live. */
export function controlFolder(): string {
  const world = process.env.NETVALE_DIR?.replace(/\/+$/, '') || `/dev/shm/netvale-${process.geteuid!()}`;
  return `${world}.control`;
}

/** Refuse a folder that others could put sockets into. False when it is not there. */
function checkFolder(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found) return false;
  if (found.uid !== process.geteuid!() || (found.mode & 0o077) !== 0)
    throw new RuleError(`${folder} is not safely yours`, {
      expected: 'a folder of your own with mode 0700',
      exit: EXIT.osError,
    });
  return true;
}

/** Make the folder; its name. */
export function makeControlFolder(): string {
  const folder = controlFolder();
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw new RuleError(`cannot make ${folder}: ${message}`, { exit: EXIT.osError });
  }
  checkFolder(folder);
  return folder;
}

/** The namespace of process numbers that a machine begins with (PROC_PID_INIT_INO). */
const FIRST_PIDS = 'pid:[4026531836]';

/** Names that servers of this process have. */
const own = new Set<string>();

/**
 * Name for a program's own socket, until it is given back. Process numbers repeat in each namespace (commands behind links behind links, containers
 * that share the folder), so elsewhere than in the machine's first one the namespace's number stands behind them.
 */
export function socketName(program: string): string {
  let space = 'unknown';
  try {
    space = readlinkSync('/proc/self/ns/pid');
  } catch {
    // without /proc: one name for all of them, and a clash is named
  }
  const where = space === FIRST_PIDS ? '' : `.${space.replace(/\D/g, '')}`;
  for (let count = 1; ; count++) {
    const name = `${program}-${process.pid}${count === 1 ? '' : `-${count}`}${where}.sock`;
    if (own.has(name)) continue;
    own.add(name);
    return name;
  }
}

/** Take a socket away, and the folder when it was the last. */
export function releasePath(file: string): void {
  rmSync(file, { force: true });
  own.delete(path.basename(file));
  if (path.dirname(file) !== controlFolder()) return;
  try {
    rmdirSync(controlFolder());
  } catch {
    // others have sockets there
  }
}

export function checkSocketPath(file: string): string {
  if (Buffer.byteLength(file) > PATH_MAX)
    throw new RuleError(`socket path too long: ${file}`, {
      expected: `at most ${PATH_MAX} bytes: set NETVALE_DIR or --socket`,
      exit: EXIT.osError,
    });
  return file;
}

/** Connect; undefined when nobody listens there. Other failures are RuleErrors. */
export function tryConnect(file: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(file);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') return resolve(undefined);
      reject(new RuleError(`cannot reach ${file}: ${error.message}`, { exit: EXIT.unavailable }));
    });
  });
}

/** Connect to the one running program. Sockets whose programs are gone are removed. */
export async function connectOnly(): Promise<Socket> {
  const folder = controlFolder();
  const live: { file: string; socket: Socket }[] = [];
  const names = checkFolder(folder) ? readdirSync(folder).filter((each) => each.endsWith('.sock')) : [];
  for (const name of names) {
    const file = path.join(folder, name);
    const socket = await tryConnect(file);
    if (socket) live.push({ file, socket });
    else releasePath(file);
  }
  if (live.length === 1) return live[0]!.socket;
  for (const { socket } of live) socket.destroy();
  const expected =
    live.length === 0
      ? 'a program started with --rules or --rule'
      : `--socket ${live.map(({ file }) => file).join(' or ')}`;
  throw new RuleError(
    live.length === 0 ? 'no program with rules is running' : `${live.length} programs with rules are running`,
    { expected, exit: EXIT.unavailable },
  );
}

/** Make the path free for a new socket: what a dead program left is removed, a live one is an error. */
export async function claimPath(file: string): Promise<void> {
  checkSocketPath(file);
  // listen() would call this EACCES, on whatever machine, for the sake of Windows.
  if (!statSync(path.dirname(file), { throwIfNoEntry: false })?.isDirectory())
    throw new RuleError(`cannot listen on ${file}: ENOENT: no folder ${path.dirname(file)}`, {
      expected: 'the path of a socket in a folder that is there',
      exit: EXIT.osError,
    });
  const socket = await tryConnect(file);
  if (socket) {
    socket.destroy();
    throw new RuleError(`${file} is used by another program`, {
      expected: 'another --socket',
      exit: EXIT.unavailable,
    });
  }
  if (statSync(file, { throwIfNoEntry: false })?.isSocket()) unlinkSync(file);
}

/** Only this user may speak to it. */
export const protect = (file: string): void => chmodSync(file, 0o600);
