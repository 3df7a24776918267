// SPDX-License-Identifier: BSD-2-Clause
// Folders that hold control sockets, and taking sockets away there: only sockets, only this user's, only the very one
// that was looked at, never through a symbolic link.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { EXIT, RuleError } from './error.js';

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The directory where this user's ports live. */
export const worldFolder = (): string =>
  process.env.NETVALE_DIR?.replace(/\/+$/, '') || `/dev/shm/netvale-${process.geteuid!()}`;

/** Folder of the control sockets: beside it. */
export const controlFolder = (): string => `${worldFolder()}.control`;

/** Which socket it was, when it was looked at. */
export type Identity = Pick<Stats, 'dev' | 'ino'>;

const same = (a: Identity | undefined, b: Identity): boolean => a?.dev === b.dev && a?.ino === b.ino;

/**
 * A folder held open: whatever its path comes to mean, names in it are names in that folder. Where /proc is not mounted
 * they are looked up by the path.
 */
export class Folder {
  private constructor(
    readonly path: string,
    private readonly fd: number,
  ) {}

  /**
   * Undefined: it is not there. `safe`: refuse a link, and what others could put sockets into; without it any folder
   * that the user names will do.
   */
  static open(path: string, safe: boolean): Folder | undefined {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | (safe ? constants.O_NOFOLLOW : 0));
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT') return undefined;
      throw new RuleError(`cannot open ${path}: ${(error as Error).message}`, {
        ...(code === 'ENOTDIR' || code === 'ELOOP' ? { expected: 'a folder, not a link' } : {}),
        exit: EXIT.osError,
      });
    }
    const { uid, mode } = fstatSync(fd);
    if (safe && (uid !== process.geteuid!() || (mode & 0o077) !== 0)) {
      closeSync(fd);
      throw new RuleError(`${path} is not safely yours`, {
        expected: 'a folder of your own with mode 0700',
        exit: EXIT.osError,
      });
    }
    return new Folder(path, fd);
  }

  close(): void {
    closeSync(this.fd);
  }

  /** The path of a name in this folder. */
  at(name: string): string {
    const here = `/proc/self/fd/${this.fd}`;
    return lstatSync(here, { throwIfNoEntry: false }) ? `${here}/${name}` : `${this.path}/${name}`;
  }

  names(): string[] {
    return readdirSync(this.at('.'));
  }

  /** What stands there, links not followed; undefined: nothing. */
  look(name: string): Stats | undefined {
    return lstatSync(this.at(name), { throwIfNoEntry: false });
  }

  /** The socket of this user that stands there; undefined: nothing, or something else. */
  socket(name: string): Stats | undefined {
    const found = this.look(name);
    return found?.isSocket() && found.uid === process.geteuid!() ? found : undefined;
  }

  /**
   * Take a socket away, if it still is the one that was looked at: it is moved aside first, looked at again, and put back
   * when somebody else's had taken its place.
   */
  remove(name: string, identity: Identity): void {
    const aside = `.${randomBytes(8).toString('hex')}`;
    try {
      if (!same(this.socket(name), identity)) return;
      renameSync(this.at(name), this.at(aside));
      if (!same(this.look(aside), identity)) linkSync(this.at(aside), this.at(name));
      unlinkSync(this.at(aside));
    } catch (error) {
      if (!['ENOENT', 'EPERM', 'EACCES', 'EROFS', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
    }
  }
}

/** The folder of control sockets, made if it is not there. Another program may remove it until a socket stands in it. */
export function makeControlFolder(): Folder {
  const path = controlFolder();
  for (;;) {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST')
        throw new RuleError(`cannot make ${path}: ${(error as Error).message}`, { exit: EXIT.osError });
    }
    const folder = Folder.open(path, true);
    if (folder) return folder;
  }
}

/** Remove the folder of control sockets if it is empty. */
export function leaveControlFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // others have sockets there, or it is gone
  }
}
