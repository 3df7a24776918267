// SPDX-License-Identifier: BSD-2-Clause
// One client of a control socket: its requests are taken within limits and answered one after the other.
import type { Socket } from 'node:net';
import { countRead } from './control-garbage.js';
import type { Limits, Turn } from './control-limits.js';
import { EXIT, RuleError } from './error.js';
import type { Reply } from './session.js';

/** What a connection needs of its server. */
export interface Host {
  limits: Limits;
  /** For requests longer than limits.small. */
  turn: Turn;
  answer(line: string): Reply;
  /** Resolves when there is room for another reply. */
  room(): Promise<void>;
}

const refusal = (error: unknown): Reply => ({
  output: '',
  warnings: [],
  error: (error as Error).message,
  exit: error instanceof RuleError ? error.exit : EXIT.osError,
});

export class Connection {
  /** When it last did anything; performance.now(). */
  since = performance.now();
  private pieces: Buffer[] = [];
  private size = 0;
  private readonly lines: string[] = [];
  private working = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly socket: Socket,
    private readonly host: Host,
  ) {
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece: Buffer) => this.take(piece));
    socket.on('close', () => this.clear());
  }

  /** Nothing of a request is there, and no reply is on its way. */
  get idle(): boolean {
    return !this.working && this.size === 0;
  }

  /** Bytes that were not read yet, and for how long none was (ms). */
  get unread(): [bytes: number, ms: number] {
    return [this.socket.writableLength, performance.now() - this.since];
  }

  private clear(): void {
    this.pieces = [];
    this.size = 0;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.host.turn.give(this);
  }

  private refuse(problem: string): void {
    const { socket } = this;
    this.clear();
    socket.pause();
    socket.end(`${JSON.stringify(refusal(new RuleError(problem, { exit: EXIT.unavailable })))}\n`);
    socket.destroySoon();
  }

  /** From now on the rest of the request has to come in time. */
  private begin(): void {
    const { requestMs } = this.host.limits;
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.refuse(`the request did not come to its end within ${requestMs / 1000} s`),
      requestMs,
    );
    this.timer.unref();
  }

  private take(piece: Buffer): void {
    this.since = performance.now();
    countRead(piece.length);
    let from = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      const line = Buffer.concat([...this.pieces, piece.subarray(from, end)]).toString();
      this.pieces = [];
      this.size = 0;
      from = end + 1;
      if (line) this.lines.push(line);
    }
    if (from < piece.length) {
      this.pieces.push(piece.subarray(from));
      this.size += piece.length - from;
    }
    const { limits, turn } = this.host;
    if (this.size > limits.request) {
      this.refuse(`the request is longer than ${limits.request} bytes`);
    } else if (this.lines.length > 0) {
      this.socket.pause();
      void this.work();
    } else if (this.size > limits.small && !turn.take(this, () => this.goOn())) {
      clearTimeout(this.timer); // while it waits for its turn no time passes
      this.timer = undefined;
      this.socket.pause();
    } else if (!this.timer) {
      this.begin();
    }
  }

  /** It is its turn: read on. */
  private goOn(): void {
    this.begin();
    this.socket.resume();
  }

  /** While requests of a client are answered nothing more is read from it, so neither side's memory grows. */
  private async work(): Promise<void> {
    const { socket, host, lines } = this;
    this.working = true;
    clearTimeout(this.timer);
    this.timer = undefined;
    for (let line = lines.shift(); line !== undefined && !socket.destroyed; line = lines.shift()) {
      await host.room();
      if (socket.destroyed) break;
      let reply: Reply;
      try {
        reply = host.answer(line);
      } catch (error) {
        reply = refusal(error);
      }
      socket.write(`${JSON.stringify(reply)}\n`);
      this.since = performance.now();
      if (socket.writableNeedDrain) await this.drained();
    }
    this.working = false;
    host.turn.give(this);
    if (socket.destroyed) return;
    if (this.size > 0) this.begin();
    socket.resume();
  }

  /** Wait until the client has read what was sent to it, or is gone. */
  private drained(): Promise<void> {
    const { socket } = this;
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done).off('close', done);
        this.since = performance.now();
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }
}
