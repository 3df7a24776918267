// SPDX-License-Identifier: BSD-2-Clause
// The other end of a control socket: send a request, wait for its reply.
import type { Socket } from 'node:net';
import { checkSocketPath, connectOnly, tryConnect } from './control-socket.js';
import { EXIT, RuleError } from './error.js';
import type { Reply, Source } from './session.js';

/** Connect to a program by its socket, or (undefined) to the only one that runs. */
export async function connectControl(file?: string): Promise<Socket> {
  if (file === undefined) return connectOnly();
  const socket = await tryConnect(checkSocketPath(file));
  if (!socket)
    throw new RuleError(`nobody listens on ${file}`, {
      expected: 'the socket of a running program',
      exit: EXIT.unavailable,
    });
  return socket;
}

/** Send one request over a connection and read its reply. */
export function request(socket: Socket, source: Source): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const gone = (why: string): void => {
      cleanup();
      reject(new RuleError(`the program went away: ${why}`, { exit: EXIT.unavailable }));
    };
    const onData = (piece: Buffer): void => {
      pieces.push(piece);
      if (!piece.includes(10)) return;
      cleanup();
      resolve(JSON.parse(Buffer.concat(pieces).toString()) as Reply);
    };
    const onError = (error: Error): void => gone(error.message);
    const onClose = (): void => gone('it closed the connection');
    const cleanup = (): void => {
      socket.off('data', onData).off('error', onError).off('close', onClose);
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.write(`${JSON.stringify(source)}\n`);
  });
}

/** Connect, send, close. */
export async function requestOnce(file: string | undefined, source: Source): Promise<Reply> {
  const socket = await connectControl(file);
  try {
    return await request(socket, source);
  } finally {
    socket.destroy();
  }
}
