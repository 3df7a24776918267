// SPDX-License-Identifier: BSD-2-Clause
// Names of control sockets in their folder: of each server another, whatever namespaces share the folder.
import { readlinkSync } from 'node:fs';

/** The namespace of process numbers that a machine begins with (PROC_PID_INIT_INO). */
const FIRST_PIDS = 'pid:[4026531836]';

/** Names that servers of this process have. */
const own = new Set<string>();

/**
 * Name for a program's own socket, until it is forgotten. Process numbers repeat in each namespace (commands behind links
 * behind links, containers that share the folder), so elsewhere than in the machine's first one the namespace's number
 * stands behind them.
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

/** The server of this name is no more. */
export function forgetName(name: string): void {
  own.delete(name);
}
