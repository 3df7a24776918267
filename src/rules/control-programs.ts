// SPDX-License-Identifier: BSD-2-Clause
// What runs behind control sockets, in a line each: the programs' command lines, as they say best what they carry.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';

/** emulate -i vale0:a -i vale1:b --bw 1Mbit/s; undefined: it cannot be known (another pid namespace, another user). */
async function commandLine(socket: Socket): Promise<string | undefined> {
  const { fd } = (socket as unknown as { _handle?: { fd?: number } })._handle ?? {};
  if (fd === undefined) return undefined;
  try {
    const { native } = await import('../native.js');
    const words = readFileSync(`/proc/${native.socketPeer(fd)}/cmdline`, 'utf8')
      .split('\0')
      .filter(Boolean);
    // node, its own options, then the program's file; a program that named itself is one word
    const at = words.findIndex((word, index) => index > 0 && /\.[cm]?[jt]s$|\/bin\//.test(word));
    const own = at < 0 ? words : words.slice(at);
    return [path.basename(own[0] ?? '', path.extname(own[0] ?? '')), ...own.slice(1)].join(' ');
  } catch {
    return undefined;
  }
}

/** A line for each socket: how to speak to it, and what runs there. */
export async function programLines(live: readonly { file: string; socket: Socket }[]): Promise<string> {
  const lines = live.map(async ({ file, socket }) => {
    const what = await commandLine(socket);
    return `  --socket ${file}${what === undefined ? '' : `  (${what})`}`;
  });
  return (await Promise.all(lines)).join('\n');
}
