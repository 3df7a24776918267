// SPDX-License-Identifier: BSD-2-Clause
// namespace.ts: run a command in a network namespace whose only way out is an emulated link.
//
// The taps at the link's two ends come as port names; whoever calls moves frames between them. See
// native/namespace/command.h for what is set up, and docs/emulate-command.md for what the command sees.

import { closeSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMAND } from '../abi.js';
import { argumentError, netvaleError } from '../errors.js';
import { type NativeCommand, native } from '../native.js';
import { checkOptions, type OptionNames } from '../options.js';
import { CommandControl, type CommandResult } from './command-control.js';
import { CommandSignals } from './command-signals.js';
import { DnsForwarder } from './dns-forwarder.js';
import { readHosts } from './hosts-file.js';
import { type Resolver, readResolvConf, withoutNameservers } from './resolv-conf.js';

export type { CommandResult } from './command-control.js';

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
  /** Whether the command's /etc/hosts has gateway.emulate and gateway6.emulate; its environment always says the same. */
  named: boolean;
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
  /** Called when the command has ended; its connections may still finish, for up to three seconds. */
  ended?(): void;
  /** Called when a signal asks to end at once: before stop(), or while it is at work. Not to wait for what is on the link. */
  hurry?(): void;
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

const OPTIONS: OptionNames<CommandOptions> = {
  argv: true,
  env: true,
  mtu: true,
  resolvers: true,
  link: true,
};

const GRACE_MS = 500;

/** A link that breaks down because the command's side went is the command's end, not the link's. */
async function heard(failed: Promise<never>, control: CommandControl): Promise<CommandResult> {
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
    named: command.named,
    wider: command.wider,
  };
}

function environment(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

/** What a shell says of a command that a signal ended before it ran. */
const endedBy = (signal: NodeJS.Signals): CommandResult => ({
  status: 128 + os.constants.signals[signal],
  signal,
  error: undefined,
});

/**
 * Run a command behind a link and wait for its end. It has the addresses, routes and name lookup of its side, knows the
 * other end as gateway.emulate and by EMULATE_GATEWAY (gateway6.emulate, EMULATE_GATEWAY6), and reaches every address of
 * this machine; it goes, with all it started, when this process does. SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are passed on.
 * Signals before it runs and after its end never end this process: everything is taken away first. Rejects with EPERM
 * (what rights are needed), ENOENT (no /dev/net/tun), ENOSPC (no addresses, links nest too deep), and what `link`
 * throws; nothing is left then.
 */
export async function runBehindLink(options: CommandOptions): Promise<CommandResult> {
  checkOptions('options', options, OPTIONS);
  if (!Array.isArray(options.argv)) throw argumentError('argv must be an array of strings');
  for (const [index, word] of (options.argv as readonly unknown[]).entries())
    if (typeof word !== 'string') throw argumentError(`argv[${index}] must be a string, not ${typeof word}`);
  if (typeof options.link !== 'function')
    throw argumentError(`link must be a function, not ${typeof options.link}`);
  const { argv, env = process.env } = options;
  if (argv.length === 0) throw netvaleError('EINVAL', 'there is no command to run behind the link');
  let running: RunningLink | undefined;
  let control: CommandControl | undefined;
  const signals = new CommandSignals(() => {
    control?.hurry();
    running?.hurry?.();
  });
  try {
    const host = readResolvConf();
    const command = native.namespaces.startCommand({
      argv: [...argv],
      env: environment(env),
      ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
      resolvConf: withoutNameservers(host.text),
      hosts: readHosts(),
    });
    let taps = [command.inside, command.outside];
    let forwarder: DnsForwarder | undefined;
    const stream = new CommandControl(command.control, argv[0]!, {
      started: () => signals.running(stream),
      ended: () => running?.ended?.(),
    });
    control = stream;
    try {
      if (command.resolves)
        forwarder = await DnsForwarder.start(command.gateway, options.resolvers ?? host.resolvers);
      running = await options.link(endsOf(command));
      // The ports have descriptors of their own.
      for (const fd of taps) closeSync(fd);
      taps = [];
      if (signals.early === undefined) stream.tell(COMMAND.go);
      const early = signals.cameEarly.then((name) => {
        running?.hurry?.();
        return endedBy(name);
      });
      const failed = running.failed === undefined ? [] : [heard(running.failed, stream)];
      return await Promise.race([early, stream.ended, ...failed]);
    } finally {
      signals.ended();
      try {
        await running?.stop();
      } finally {
        stream.close();
        native.namespaces.reapCommand(command.pid);
        for (const fd of taps) closeSync(fd);
        if (command.masquerade !== undefined) closeSync(command.masquerade);
        await forwarder?.close();
      }
    }
  } finally {
    signals.off();
  }
}
