// SPDX-License-Identifier: BSD-2-Clause
// The control socket of a running program: JSON requests, one a line, each answered by one line, one command after the
// other whoever sent it. A client that goes away, or sends nonsense, changes nothing.
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { claimPath, makeControlFolder, protect, releasePath, socketName } from './control-socket.js';
import type { Controller } from './controller.js';
import { EXIT, RuleError } from './error.js';
import { execute, type Reply, type Source } from './session.js';

/** A request longer than this is refused: a rule file of a million rules is shorter. */
const REQUEST_MAX = 256 * 1024 * 1024;

/** Connections beyond these are closed at once. */
const CLIENTS_MAX = 64;

export interface ControlOptions {
  /** Path of the socket; default: one in the folder that ipfw looks into. */
  path?: string;
  /** Name of the program, part of the default path. */
  program: string;
  /** Longest request in bytes. */
  requestMax?: number;
}

/** Wait until a client has read what was sent to it, or is gone. */
const readByClient = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });

const texts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
const optional = (value: unknown, type: string): boolean => value === undefined || typeof value === type;

/** A request as it came in, checked. */
function readRequest(line: string): Source {
  const wrong = (what: string): RuleError => new RuleError(`bad request: ${what}`, { exit: EXIT.usage });
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (typeof request !== 'object' || request === null) throw wrong('not an object');
  const { args, text, file, folder, flags, preprocessed } = request as Record<string, unknown>;
  if ((args === undefined) === (text === undefined)) throw wrong('either args or text is needed');
  if (args !== undefined && !texts(args)) throw wrong('args must be strings');
  if (!optional(text, 'string') || !optional(file, 'string') || !optional(preprocessed, 'boolean'))
    throw wrong('text and file must be strings');
  if (typeof folder !== 'string' || !path.isAbsolute(folder)) throw wrong('folder must be an absolute path');
  if (!optional(flags, 'object') || flags === null) throw wrong('flags must be an object');
  return { folder, args, text, file, flags, preprocessed } as Source;
}

export class ControlServer {
  private readonly clients = new Set<Socket>();

  private constructor(
    readonly path: string,
    private readonly server: Server,
    private readonly controller: Controller,
    private readonly requestMax: number,
  ) {}

  /** Listen. Throws a RuleError when the path is taken. */
  static async open(controller: Controller, options: ControlOptions): Promise<ControlServer> {
    const file = options.path ?? path.join(makeControlFolder(), socketName(options.program));
    await claimPath(file);
    const server = createServer();
    server.maxConnections = CLIENTS_MAX;
    const control = new ControlServer(file, server, controller, options.requestMax ?? REQUEST_MAX);
    server.on('connection', (socket) => control.serve(socket));
    await new Promise<void>((resolve, reject) => {
      const mask = process.umask(0o177);
      server.once('error', (error) =>
        reject(new RuleError(`cannot listen on ${file}: ${error.message}`, { exit: EXIT.osError })),
      );
      server.listen(file, () => {
        protect(file);
        resolve();
      });
      process.umask(mask);
    });
    return control;
  }

  /** While requests of a client are answered nothing more is read from it, so neither side's memory grows. */
  private serve(socket: Socket): void {
    this.clients.add(socket);
    const lines: string[] = [];
    let pieces: Buffer[] = [];
    let size = 0;
    const work = async (): Promise<void> => {
      for (let line = lines.shift(); line !== undefined && !socket.destroyed; line = lines.shift()) {
        await this.answer(socket, line);
        if (socket.writableNeedDrain && !socket.destroyed) await readByClient(socket);
      }
      socket.resume();
    };
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.clients.delete(socket));
    socket.on('data', (piece: Buffer) => {
      let from = 0;
      for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
        const line = Buffer.concat([...pieces, piece.subarray(from, end)]).toString();
        pieces = [];
        size = 0;
        from = end + 1;
        if (line) lines.push(line);
      }
      if (from < piece.length) pieces.push(piece.subarray(from));
      size += piece.length - from;
      if (size > this.requestMax) socket.destroy();
      if (lines.length === 0) return;
      socket.pause();
      void work();
    });
  }

  /** A client's requests are answered in their order. Applying one is a single step, so clients never mix. */
  private async answer(socket: Socket, line: string): Promise<void> {
    if (socket.destroyed) return;
    let reply: Reply;
    try {
      reply = await execute(this.controller, readRequest(line));
    } catch (error) {
      const exit = error instanceof RuleError ? error.exit : EXIT.osError;
      reply = { output: '', warnings: [], error: (error as Error).message, exit };
    }
    if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const client of this.clients) client.destroy();
    await closed;
    releasePath(this.path);
  }
}
