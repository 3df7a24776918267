// SPDX-License-Identifier: BSD-2-Clause
// The other end of a control socket: send a request, wait for its reply, but not for a program that is stopped.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { ASK_MS, GIVE_UP_MS, LIMITS } from './control-limits.js';
import { checkSocketPath, connectOnly, tryConnect } from './control-socket.js';
import { EXIT, RuleError } from './error.js';
import { carry, type Glance, type Reply, type Source } from './session.js';

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

/** The process at the other end, if it is stopped; undefined: it is not, or that cannot be known. */
async function stoppedPeer(socket: Socket): Promise<number | undefined> {
  const { fd } = (socket as unknown as { _handle?: { fd?: number } })._handle ?? {};
  if (fd === undefined) return undefined;
  try {
    const { native } = await import('../native.js');
    const pid = native.socketPeer(fd);
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0];
    return state === 'T' || state === 't' ? pid : undefined;
  } catch {
    return undefined;
  }
}

const gaveUp = (why: string): RuleError =>
  new RuleError(`no answer: ${why}; what was asked for may still be done when it goes on`, {
    exit: EXIT.unavailable,
  });

/** Send one request over a connection and read its reply. `seen`: what a glance at the source has read already. */
export async function request(socket: Socket, source: Source, seen?: Glance): Promise<Reply> {
  const line = `${JSON.stringify(await carry(source, seen))}\n`;
  if (Buffer.byteLength(line) > LIMITS.request)
    throw new RuleError(`the request is longer than ${LIMITS.request / 1024 / 1024} MiB`, {
      expected: 'less at a time, or --rules when the program is started',
      exit: EXIT.unavailable,
    });
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const end = (error: RuleError): void => {
      cleanup();
      reject(error);
    };
    const gone = (why: string): void =>
      end(new RuleError(`the program went away: ${why}`, { exit: EXIT.unavailable }));
    const onData = (piece: Buffer): void => {
      pieces.push(piece);
      if (!piece.includes(10)) return;
      cleanup();
      resolve(JSON.parse(Buffer.concat(pieces).toString()) as Reply);
    };
    const onError = (error: Error): void => gone(error.message);
    const onClose = (): void => gone('it closed the connection');
    const ask = setInterval(async () => {
      const pid = await stoppedPeer(socket);
      if (pid !== undefined) end(gaveUp(`process ${pid} is stopped (state T)`));
    }, ASK_MS);
    const last = setTimeout(() => end(gaveUp(`for ${GIVE_UP_MS / 1000} s`)), GIVE_UP_MS);
    const cleanup = (): void => {
      clearInterval(ask);
      clearTimeout(last);
      socket.off('data', onData).off('error', onError).off('close', onClose);
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    socket.write(line);
  });
}

/** Connect, send, close. */
export async function requestOnce(file: string | undefined, source: Source, seen?: Glance): Promise<Reply> {
  const socket = await connectControl(file);
  try {
    return await request(socket, source, seen);
  } finally {
    socket.destroy();
  }
}
