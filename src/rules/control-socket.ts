// SPDX-License-Identifier: BSD-2-Clause
// Control sockets of running programs: listening on one, finding those that live, clearing away what the dead left.
import { randomBytes } from 'node:crypto';
import { linkSync, statSync, unlinkSync } from 'node:fs';
import { connect, type Server, type Socket } from 'node:net';
import path from 'node:path';
import {
  codeOf,
  controlFolder,
  Folder,
  type Identity,
  leaveControlFolder,
  makeControlFolder,
} from './control-folder.js';
import { forgetName, socketName } from './control-name.js';
import { programLines } from './control-programs.js';
import { EXIT, RuleError } from './error.js';

/** Longest path of a Unix socket (sun_path less its terminating 0). */
const PATH_MAX = 107;

/** A socket on its way to its name that is older than this (ms) was left by a program that died just then. */
const STALE_MS = 60_000;

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
    socket.once('error', (error) => {
      const code = codeOf(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') return resolve(undefined);
      const why = code === 'EAGAIN' ? 'it takes no more connections: stopped, or flooded' : error.message;
      reject(new RuleError(`cannot reach ${file}: ${why}`, { exit: EXIT.unavailable }));
    });
  });
}

/** Whether somebody listens. What cannot be reached for another reason counts as alive. */
async function lives(file: string): Promise<boolean> {
  try {
    const socket = await tryConnect(file);
    socket?.destroy();
    return socket !== undefined;
  } catch {
    return true;
  }
}

/** Take away the sockets of programs that are gone. */
async function sweep(folder: Folder): Promise<void> {
  for (const name of folder.names()) {
    const found = folder.socket(name);
    const whole = name.endsWith('.sock');
    if (!found || (!whole && !(name.startsWith('.') && Date.now() - found.mtimeMs > STALE_MS))) continue;
    if (!(await lives(folder.at(name)))) folder.remove(name, found);
  }
}

/** Take away the sockets of programs that are gone, and the folder if it is empty then. Throws a RuleError. */
export async function sweepControls(): Promise<void> {
  const folder = Folder.open(controlFolder(), true);
  if (!folder) return;
  try {
    await sweep(folder);
  } finally {
    folder.close();
  }
  leaveControlFolder(folder.path);
}

/** Connect to the one running program. Sockets whose programs are gone are removed. */
export async function connectOnly(): Promise<Socket> {
  const live: { file: string; socket: Socket }[] = [];
  const folder = Folder.open(controlFolder(), true);
  try {
    for (const name of folder?.names().filter((each) => each.endsWith('.sock')) ?? []) {
      const found = folder!.socket(name);
      if (!found) continue;
      const socket = await tryConnect(folder!.at(name));
      if (socket) live.push({ file: path.join(folder!.path, name), socket });
      else folder!.remove(name, found);
    }
  } finally {
    folder?.close();
  }
  if (live.length === 1) return live[0]!.socket;
  if (live.length === 0) {
    leaveControlFolder(controlFolder());
    throw new RuleError('no program with rules or links is running', {
      expected:
        'emulate (a link, --bw or --delay, will do), pkt-gen with --rules or --rule, or ipfw --rules FILE',
      exit: EXIT.unavailable,
    });
  }
  const programs = await programLines(live);
  for (const { socket } of live) socket.destroy();
  throw new RuleError(`${live.length} programs with rules or links are running`, {
    expected: `one of\n${programs}`,
    exit: EXIT.unavailable,
  });
}

/** A path that a server listens on, until it is let go; also when the process ends in an orderly way. */
export interface Claim {
  path: string;
  release(): void;
}

const claims = new Set<Claim>();
process.on('exit', () => {
  for (const claim of claims) claim.release();
});

function claimOf(folder: Folder, name: string, identity: Identity): Claim {
  const own = folder.path === controlFolder();
  const claim = {
    path: path.join(folder.path, name),
    release: () => {
      if (!claims.delete(claim)) return;
      folder.remove(name, identity);
      folder.close();
      forgetName(name);
      if (own) leaveControlFolder(folder.path);
    },
  };
  claims.add(claim);
  return claim;
}

/** Listen at a path for this user alone. */
function listenAt(server: Server, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const mask = process.umask(0o177);
    const failed = (error: Error): void => reject(error);
    server.once('error', failed);
    server.listen(file, () => {
      server.off('error', failed);
      resolve();
    });
    process.umask(mask);
  });
}

/** Make a name free whose program is gone. Throws when the program lives, or when it is no socket of ours. */
async function makeFree(folder: Folder, name: string, file: string): Promise<void> {
  const found = folder.socket(name);
  if (!found) {
    if (folder.look(name))
      throw new RuleError(`${file} is there and is no socket of yours`, {
        expected: 'another --socket',
        exit: EXIT.unavailable,
      });
  } else if (await lives(folder.at(name))) {
    throw new RuleError(`${file} is used by another program`, {
      expected: 'another --socket',
      exit: EXIT.unavailable,
    });
  } else {
    folder.remove(name, found);
  }
}

/**
 * Let a server listen at a name. It listens under another name first and gets its own when it does, so that who finds it
 * can connect. Undefined: the folder is gone.
 */
async function listenIn(server: Server, folder: Folder, name: string): Promise<Claim | undefined> {
  const file = path.join(folder.path, name);
  const first = `.${name}.${randomBytes(3).toString('hex')}`;
  const bound = path.join(folder.path, first);
  try {
    await listenAt(server, Buffer.byteLength(bound) > PATH_MAX ? folder.at(first) : bound);
  } catch (error) {
    // For a folder that is gone libuv says EACCES.
    if (!statSync(folder.path, { throwIfNoEntry: false })) return undefined;
    throw new RuleError(`cannot listen on ${file}: ${(error as Error).message}`, { exit: EXIT.osError });
  }
  try {
    for (;;) {
      await makeFree(folder, name, file);
      try {
        linkSync(folder.at(first), folder.at(name));
        break;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
    }
    const identity = folder.look(first)!;
    unlinkSync(folder.at(first));
    return claimOf(folder, name, identity);
  } catch (error) {
    server.close(); // which takes its first name away
    if (error instanceof RuleError) throw error;
    throw new RuleError(`cannot listen on ${file}: ${(error as Error).message}`, { exit: EXIT.osError });
  }
}

/**
 * Let a server listen: at the path, or (undefined) in the folder that ipfw looks into, after clearing away there what
 * dead programs left. Throws a RuleError when the path cannot be had.
 */
export async function listenForControl(
  server: Server,
  program: string,
  file: string | undefined,
): Promise<Claim> {
  const name = file === undefined ? socketName(program) : path.basename(file);
  checkSocketPath(file ?? path.join(controlFolder(), name));
  for (;;) {
    const folder = file === undefined ? makeControlFolder() : Folder.open(path.dirname(file), false);
    let claim: Claim | undefined;
    try {
      if (folder && file === undefined) await sweep(folder);
      claim = folder && (await listenIn(server, folder, name));
    } finally {
      if (!claim) folder?.close();
    }
    if (claim) return claim;
    if (file !== undefined)
      throw new RuleError(`cannot listen on ${file}: ENOENT: no folder ${path.dirname(file)}`, {
        expected: 'the path of a socket in a folder that is there',
        exit: EXIT.osError,
      });
    // A program that ended meanwhile took the folder along: once more.
  }
}
