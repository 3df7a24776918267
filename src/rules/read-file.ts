// SPDX-License-Identifier: BSD-2-Clause
// Reading files that a user names: bounded, and never waiting for what may not come where others wait meanwhile.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { EXIT, RuleError } from './error.js';

/** Bytes of a file that a command names: a profile, a trace, a table of jitter, a pattern of loss. */
export const FILE_MAX = 16 * 1024 * 1024;

/** Bytes of a rule file. */
export const RULES_MAX = 256 * 1024 * 1024;

const PIECE = 1 << 20;

function unreadable(file: string, error: unknown): RuleError {
  if (error instanceof RuleError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'ENOENT' ? 'no such file' : message;
  return new RuleError(`cannot read ${file}: ${reason}`, { exit: EXIT.unavailable });
}

const tooLong = (file: string, most: number): RuleError =>
  new RuleError(`cannot read ${file}: it is longer than ${most / 1024 / 1024} MiB`, {
    exit: EXIT.unavailable,
  });

/**
 * Text of a file that a command names, at once. Only of a regular file: what else there is may have no end, or nothing
 * for a long time. Throws a RuleError.
 */
export function readNamedFile(file: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const stat = fstatSync(fd);
    if (!stat.isFile())
      throw new RuleError(`cannot read ${file}: not a regular file`, { exit: EXIT.unavailable });
    if (stat.size > FILE_MAX) throw tooLong(file, FILE_MAX);
    // One byte more than it has: it may be growing, and /proc says 0 of what it makes when it is read.
    const pieces: Buffer[] = [];
    for (let size = 0; ; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(4096, stat.size + 1 - size)));
      const got = readSync(fd, piece);
      if (got === 0) return Buffer.concat(pieces).toString();
      pieces.push(piece.subarray(0, got));
      size += got;
      if (size > FILE_MAX) throw tooLong(file, FILE_MAX);
    }
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Text of a rule file. A pipe will do, too: only who reads it waits for it. Rejects with a RuleError. */
export async function readRuleFile(file: string): Promise<string> {
  try {
    const handle = await open(file);
    try {
      const pieces: Buffer[] = [];
      for (let size = 0; ; ) {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(PIECE), 0, PIECE);
        if (bytesRead === 0) return Buffer.concat(pieces).toString();
        // Pieces of a pipe are small.
        pieces.push(
          bytesRead < PIECE / 2 ? Buffer.from(buffer.subarray(0, bytesRead)) : buffer.subarray(0, bytesRead),
        );
        size += bytesRead;
        if (size > RULES_MAX) throw tooLong(file, RULES_MAX);
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw unreadable(file, error);
  }
}
