// SPDX-License-Identifier: BSD-2-Clause
// command-control.ts: the stream between this process and the first one of a command's namespaces
// (native/namespace/command.h): it tells what to do, and hears how the command ended.
import { Socket } from 'node:net';
import os from 'node:os';
import { COMMAND } from '../abi.js';

/** How a command ended. */
export interface CommandResult {
  /** Exit status as a shell gives it: the command's own, 128 + signal, 126 or 127 when it could not be run. */
  status: number;
  /** Name of the signal that ended it. */
  signal: NodeJS.Signals | undefined;
  /** Why it could not be run. */
  error: string | undefined;
}

const MESSAGE_SIZE = 8;

/** What happened when the first process went without a word. */
const KILLED: CommandResult = { status: 128 + 9, signal: 'SIGKILL', error: undefined };

function message(type: number, value = 0): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(MESSAGE_SIZE));
  bytes.setInt32(0, type, true);
  bytes.setInt32(4, value, true);
  return new Uint8Array(bytes.buffer);
}

function signalName(number: number): NodeJS.Signals | undefined {
  return (Object.entries(os.constants.signals) as [NodeJS.Signals, number][]).find(
    ([, n]) => n === number,
  )?.[0];
}

/** What a wait status says (wait(2)). */
export function resultOfStatus(status: number): CommandResult {
  const signal = status & 127;
  if (signal === 0) return { status: (status >> 8) & 255, signal: undefined, error: undefined };
  return { status: 128 + signal, signal: signalName(signal), error: undefined };
}

/** What an errno of execvp(3) says, with a shell's status. */
export function resultOfExec(command: string, errno: number): CommandResult {
  const name = Object.entries(os.constants.errno).find(([, n]) => n === errno)?.[0] ?? `errno ${errno}`;
  const missing = name === 'ENOENT';
  const why = missing ? 'there is no such program' : name === 'EACCES' ? 'it may not be executed' : name;
  return { status: missing ? 127 : 126, signal: undefined, error: `cannot run ${command}: ${why}` };
}

export class CommandControl {
  /** Resolves when the command has ended and its connections are finished, or hurry() was called. */
  readonly ended: Promise<CommandResult>;
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #failure: CommandResult | undefined;
  #result: CommandResult | undefined;
  #resolve: (result: CommandResult) => void = () => {};
  #hurried = false;

  /** `on.started`: the command is a process; `on.ended`: it has ended, and its connections may not have. */
  constructor(
    fd: number,
    private readonly command: string,
    private readonly on: { started(): void; ended(): void },
  ) {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#socket = new Socket({ fd, readable: true, writable: true });
    this.#socket.on('data', (data) => this.#take(data));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#resolve(this.#result ?? this.#failure ?? KILLED));
  }

  #take(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    for (; this.#received.length >= MESSAGE_SIZE; this.#received = this.#received.subarray(MESSAGE_SIZE)) {
      const type = this.#received.readInt32LE(0);
      const value = this.#received.readInt32LE(4);
      if (type === COMMAND.started) this.on.started();
      if (type === COMMAND.exec) this.#failure = resultOfExec(this.command, value);
      if (type === COMMAND.ended) {
        this.#result = this.#failure ?? resultOfStatus(value);
        this.on.ended();
        if (this.#hurried) this.#resolve(this.#result);
      }
      if (type === COMMAND.exit) this.#resolve(this.#failure ?? resultOfStatus(value));
    }
  }

  /** Whether the command has ended. */
  get over(): boolean {
    return this.#result !== undefined;
  }

  tell(type: number, value?: number): void {
    if (!this.#socket.destroyed) this.#socket.write(message(type, value));
  }

  /** Do not wait for the connections of a command that has ended. */
  hurry(): void {
    this.#hurried = true;
    if (this.#result !== undefined) this.#resolve(this.#result);
  }

  /** Whoever is left in the namespaces goes, too. */
  close(): void {
    this.#socket.destroy();
  }
}
