// SPDX-License-Identifier: BSD-2-Clause
// command-signals.ts: what a signal means around a command: before it runs the end of everything, while it runs something
// for the command, after its end not to wait for what is still on the link. None ends this process by itself, which has
// things to take away.
import os from 'node:os';
import { COMMAND } from '../abi.js';
import { native } from '../native.js';
import type { CommandControl } from './command-control.js';

/** These come to us alone and are passed on. */
const FORWARDED: NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];
/** The terminal sends these to the command as well. */
const FROM_TERMINAL: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
/** Those that are not meant to end anything. */
const TELLING: NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2'];

export class CommandSignals {
  /** The first signal that came before the command ran and would have ended it. */
  early: NodeJS.Signals | undefined;
  /** Resolves when it comes. */
  readonly cameEarly: Promise<NodeJS.Signals>;
  #resolve: (name: NodeJS.Signals) => void = () => {};
  readonly #foreground = native.namespaces.terminalForeground();
  readonly #handlers: [NodeJS.Signals, () => void][];
  readonly #kept: NodeJS.Signals[] = [];
  #control: CommandControl | undefined;
  #ended = false;

  /** `hurry`: called for each signal that comes when the command has ended. */
  constructor(private readonly hurry: () => void) {
    this.cameEarly = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#handlers = [...FORWARDED, ...FROM_TERMINAL].map((name) => [name, () => this.#take(name)]);
    for (const [name, handler] of this.#handlers) process.on(name, handler);
  }

  #take(name: NodeJS.Signals): void {
    const telling = TELLING.includes(name);
    if (this.#ended || this.#control?.over) {
      if (!telling) this.hurry();
    } else if (this.#control === undefined) {
      if (telling) this.#kept.push(name);
      else {
        this.early ??= name;
        this.#resolve(name);
      }
    } else if (!(this.#foreground && FROM_TERMINAL.includes(name))) this.#pass(name);
  }

  #pass(name: NodeJS.Signals): void {
    this.#control!.tell(COMMAND.signal, os.constants.signals[name]);
  }

  /**
   * The command is a process: from now on signals are for it, and those that came before and are not meant to end anything.
   * What the terminal sent before that moment did not reach it. Such a signal may be heard behind the message that the
   * command is there, but not later than in the same turn of the event loop.
   */
  running(control: CommandControl): void {
    setImmediate(() => {
      if (this.early !== undefined || this.#ended) return;
      this.#control = control;
      for (const name of this.#kept) this.#pass(name);
    });
  }

  /** The command does not run, or no more. */
  ended(): void {
    this.#ended = true;
  }

  /** Signals are as they were. */
  off(): void {
    for (const [name, handler] of this.#handlers) process.off(name, handler);
    if (this.#foreground && !native.namespaces.terminalForeground()) native.namespaces.terminalRestore();
  }
}
