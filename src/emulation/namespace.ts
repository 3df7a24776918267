// SPDX-License-Identifier: BSD-2-Clause
// namespace.ts: run a command in a network namespace whose only way out is an emulated link.
//
// The taps at the link's two ends come as port names; whoever calls moves frames between them. See
// native/namespace/command.h for what is set up, and docs/emulate-command.md for what the command sees.

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMAND } from '../abi.js';
import { netvaleError } from '../errors.js';
import { type NativeCommand, native } from '../native.js';
import { DnsForwarder } from './dns-forwarder.js';
import { type Resolver, readResolvConf, withoutNameservers } from './resolv-conf.js';

/** The two ends of the link, and how they are addressed. */
export interface LinkEnds {
  /** Names of the ports, good until the command has ended: the command's side, and this side. */
  inside: string;
  outside: string;
  /** The interface of this side. */
  interface: string;
  /** Addresses of this side, by which the command reaches this machine, and of the command's side. */
  gateway: string;
  address: string;
  /** The same for IPv6; undefined when the machine has none. */
  gateway6: string | undefined;
  address6: string | undefined;
  /** Whether names are looked up through the link. */
  resolves: boolean;
  /**
   * What the command reaches beyond this machine. 'translated': all, under this machine's address; 'routed': what this
   * process reaches, which is behind a link itself; 'none': there is nothing, the machine has no default route. Not
   * reached: 'no-forward', net.ipv4.ip_forward is 0; 'no-translate', the kernel has no nf_tables with owned tables.
   */
  wider: NativeCommand['wider'];
}

/** A link that carries frames. */
export interface RunningLink {
  /** Called once, when the command has ended, while both ends still are there. Must close the ports. */
  stop(): void | Promise<void>;
  /** Rejects when the link breaks down; the command is then killed. */
  failed?: Promise<never>;
}

export interface CommandOptions {
  /** The command and its arguments; found by PATH of `env`. */
  argv: readonly string[];
  /** Default: this process's. */
  env?: NodeJS.ProcessEnv;
  /** MTU of both ends, 1280..65521. Default 1500. */
  mtu?: number;
  /** Where names are looked up for the command. Default: what this machine's resolv.conf says. */
  resolvers?: readonly Resolver[];
  /** Begin to carry frames between the ends. The command starts when this is done. */
  link(ends: LinkEnds): RunningLink | Promise<RunningLink>;
}

/** How a command ended. */
export interface CommandResult {
  /** Exit status as a shell gives it: the command's own, 128 + signal, 126 or 127 when it could not be run. */
  status: number;
  /** Name of the signal that ended it. */
  signal: NodeJS.Signals | undefined;
  /** Why it could not be run. */
  error: string | undefined;
}

/** Bytes of a message: struct nv_command_message. */
const MESSAGE_SIZE = 8;
const GRACE_MS = 500;

/** What happened when the first process went without a word. */
const KILLED: CommandResult = { status: 128 + 9, signal: 'SIGKILL', error: undefined };

/** These come to us alone and are passed on. */
const FORWARDED: NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];
/** The terminal sends these to the command as well. */
const FROM_TERMINAL: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

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

/** The control stream: tells the first process things, and resolves `ended` when the command has. */
class Control {
  readonly ended: Promise<CommandResult>;
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  constructor(fd: number, command: string) {
    this.#socket = new Socket({ fd, readable: true, writable: true });
    this.ended = new Promise((resolve) => {
      let failure: CommandResult | undefined;
      this.#socket.on('data', (data) => {
        this.#received = Buffer.concat([this.#received, data]);
        for (
          ;
          this.#received.length >= MESSAGE_SIZE;
          this.#received = this.#received.subarray(MESSAGE_SIZE)
        ) {
          const value = this.#received.readInt32LE(4);
          const type = this.#received.readInt32LE(0);
          if (type === COMMAND.exec) failure = resultOfExec(command, value);
          if (type === COMMAND.exit) resolve(failure ?? resultOfStatus(value));
        }
      });
      this.#socket.on('error', () => {});
      this.#socket.on('close', () => resolve(failure ?? KILLED));
    });
  }

  tell(type: number, value?: number): void {
    if (!this.#socket.destroyed) this.#socket.write(message(type, value));
  }

  /** Whoever is left in the namespaces goes, too. */
  close(): void {
    this.#socket.destroy();
  }
}

/** Pass on the signals that are for the command; returns how to stop that. */
function passSignals(control: Control): () => void {
  const foreground = native.namespaces.terminalForeground();
  const handlers: [NodeJS.Signals, () => void][] = [
    ...FORWARDED.map((name): [NodeJS.Signals, () => void] => [
      name,
      () => control.tell(COMMAND.signal, os.constants.signals[name]),
    ]),
    ...FROM_TERMINAL.map((name): [NodeJS.Signals, () => void] => [
      name,
      () => {
        if (!foreground) control.tell(COMMAND.signal, os.constants.signals[name]);
      },
    ]),
  ];
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
    if (foreground && !native.namespaces.terminalForeground()) native.namespaces.terminalRestore();
  };
}

/** A link that breaks down because the command's side went is the command's end, not the link's. */
async function heard(failed: Promise<never>, control: Control): Promise<CommandResult> {
  try {
    return await failed;
  } catch (error) {
    const ended = await Promise.race([control.ended, sleep(GRACE_MS, undefined, { ref: false })]);
    if (ended !== undefined) return ended;
    throw error;
  }
}

function endsOf(command: NativeCommand): LinkEnds {
  return {
    inside: `tap:@fd:${command.inside}`,
    outside: `tap:@fd:${command.outside}`,
    interface: command.interface,
    gateway: command.gateway,
    address: command.address,
    gateway6: command.gateway6,
    address6: command.address6,
    resolves: command.resolves,
    wider: command.wider,
  };
}

function environment(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

/**
 * Run a command behind a link and wait for its end. It has the addresses, routes and name lookup of its side, and reaches
 * every address of this machine; it goes, with all it started, when this process does. SIGTERM, SIGHUP, SIGUSR1 and
 * SIGUSR2 are passed on. Rejects with EPERM (what rights are needed), ENOENT (no /dev/net/tun), ENOSPC (no addresses,
 * links nest too deep), and what `link` throws; nothing is left then.
 */
export async function runBehindLink(options: CommandOptions): Promise<CommandResult> {
  const { argv, env = process.env, mtu, link } = options;
  if (argv.length === 0) throw netvaleError('EINVAL', 'there is no command to run behind the link');
  const host = readResolvConf();
  const command = native.namespaces.startCommand({
    argv: [...argv],
    env: environment(env),
    ...(mtu === undefined ? {} : { mtu }),
    resolvConf: withoutNameservers(host.text),
  });
  const control = new Control(command.control, argv[0]!);
  let taps = [command.inside, command.outside];
  let running: RunningLink | undefined;
  let forwarder: DnsForwarder | undefined;
  let signalsOff: (() => void) | undefined;
  try {
    if (command.resolves)
      forwarder = await DnsForwarder.start(command.gateway, options.resolvers ?? host.resolvers);
    running = await link(endsOf(command));
    // The ports have descriptors of their own.
    for (const fd of taps) closeSync(fd);
    taps = [];
    signalsOff = passSignals(control);
    control.tell(COMMAND.go);
    return await (running.failed === undefined
      ? control.ended
      : Promise.race([control.ended, heard(running.failed, control)]));
  } finally {
    signalsOff?.();
    try {
      await running?.stop();
    } finally {
      control.close();
      native.namespaces.reapCommand(command.pid);
      for (const fd of taps) closeSync(fd);
      if (command.masquerade !== undefined) closeSync(command.masquerade);
      await forwarder?.close();
    }
  }
}
