// SPDX-License-Identifier: BSD-2-Clause
// The control socket of a running program: JSON requests, one a line, each answered by one line, one command after the
// other whoever sent it. A client that goes away, or sends nonsense, changes nothing; none can make the program wait,
// open a file or keep more memory than the limits say.
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { Connection, type Host } from './control-connection.js';
import { LIMITS, type Limits, Turn } from './control-limits.js';
import { type Claim, listenForControl } from './control-socket.js';
import type { Controller } from './controller.js';
import { EXIT, RuleError } from './error.js';
import { executeRequest, type Source } from './session.js';

/** How often (ms) it is looked whether there is room for another reply. */
const LOOK_MS = 50;

export interface ControlOptions {
  /** Path of the socket; default: one in the folder that ipfw looks into. */
  path?: string;
  /** Name of the program, part of the default path. */
  program: string;
  /** What clients may take, where it is not as usual. */
  limits?: Partial<Limits>;
}

const texts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
const optional = (value: unknown, type: string): boolean => value === undefined || typeof value === type;
const textsByName = (value: unknown): boolean =>
  value === undefined || (typeof value === 'object' && value !== null && texts(Object.values(value)));

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
  const { args, text, file, folder, flags, preprocessed, files, hosts } = request as Record<string, unknown>;
  if ((args === undefined) === (text === undefined)) throw wrong('either args or text is needed');
  if (args !== undefined && !texts(args)) throw wrong('args must be strings');
  if (!optional(text, 'string') || !optional(file, 'string') || !optional(preprocessed, 'boolean'))
    throw wrong('text and file must be strings');
  if (typeof folder !== 'string' || !path.isAbsolute(folder)) throw wrong('folder must be an absolute path');
  if (!optional(flags, 'object') || flags === null) throw wrong('flags must be an object');
  if (!textsByName(files) || !textsByName(hosts)) throw wrong('files and hosts must be objects of strings');
  return { folder, args, text, file, flags, preprocessed, files, hosts } as Source;
}

export class ControlServer {
  private readonly clients = new Set<Connection>();
  private readonly host: Host;
  private claim: Claim | undefined;

  private constructor(
    private readonly server: Server,
    controller: Controller,
    limits: Limits,
  ) {
    this.host = {
      limits,
      turn: new Turn(),
      answer: (line) => executeRequest(controller, readRequest(line)),
      room: () => this.room(),
    };
    server.on('connection', (socket) => this.serve(socket));
  }

  /** Listen. Throws a RuleError when the path is taken. */
  static async open(controller: Controller, options: ControlOptions): Promise<ControlServer> {
    const server = createServer();
    const control = new ControlServer(server, controller, { ...LIMITS, ...options.limits });
    control.claim = await listenForControl(server, options.program, options.path);
    return control;
  }

  get path(): string {
    return this.claim!.path;
  }

  private serve(socket: Socket): void {
    const client = new Connection(socket, this.host);
    socket.on('close', () => this.clients.delete(client));
    this.clients.add(client);
    if (this.clients.size <= this.host.limits.clients) return;
    // The one that has done nothing for longest makes way, of those that are not in the middle of something if there are any.
    const others = [...this.clients].filter((each) => each !== client);
    const idle = others.filter((each) => each.idle);
    const [first, ...rest] = idle.length > 0 ? idle : others;
    this.drop(rest.reduce((oldest, each) => (each.since < oldest.since ? each : oldest), first!));
  }

  private drop(client: Connection): void {
    this.clients.delete(client);
    client.socket.destroy();
  }

  /** While too much waits for clients that do not read it, nobody's next request is answered, and those are dropped. */
  private async room(): Promise<void> {
    const { replies, replyMs } = this.host.limits;
    const waiting = (): number => [...this.clients].reduce((sum, { unread: [bytes] }) => sum + bytes, 0);
    while (waiting() > replies) {
      for (const client of this.clients) {
        const [bytes, ms] = client.unread;
        if (bytes > 0 && ms > replyMs) this.drop(client);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const client of this.clients) client.socket.destroy();
    await closed;
    this.claim!.release();
  }
}
