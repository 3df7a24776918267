// SPDX-License-Identifier: BSD-2-Clause
// What a program that filters by rules does at its start: an engine, the rules it was given, a control socket for ipfw.
import path from 'node:path';
import type { Command } from './command.js';
import { bareContext } from './context.js';
import { ControlServer } from './control.js';
import { Controller } from './controller.js';
import { RuleError } from './error.js';
import type { HostFacts } from './host.js';
import { NativeEngine } from './native-engine.js';
import { readRuleFile } from './read-file.js';
import { execute, type Source } from './session.js';

/** Whether rules see an IP packet behind VLAN tags (up to two), or a frame of the tag's type as ipfw does. */
export type VlanView = 'opaque' | 'inner';

export interface OpenRulesOptions {
  /** Name of the program, for the control socket. */
  program: string;
  /** Rule files and single commands ("add deny …"), applied in this order. The second command is --rule:2 in messages. */
  files?: readonly string[];
  rules?: readonly string[];
  /** Action of rule 65535; default allow. */
  defaultAction?: 'allow' | 'deny';
  /** Path of the control socket; false: none; default: one that ipfw finds. */
  socket?: string | false;
  engine?: NativeEngine;
  host?: HostFacts;
  /** Default opaque. */
  vlan?: VlanView;
  /** Why the program cannot do what a command asks for, in files and by ipfw: it is refused then. */
  refuse?: (command: Command) => string | undefined;
  /** Called with each warning about the rules. */
  warn?: (text: string) => void;
}

export interface OpenRules {
  controller: Controller;
  engine: NativeEngine;
  /** Path of the control socket, if there is one. */
  socket: string | undefined;
  /** Take the socket away and free the engine. */
  close(): Promise<void>;
}

/** Throws a RuleError when a file or rule is wrong, or the socket cannot be had; nothing is left open then. */
export async function openRules(options: OpenRulesOptions): Promise<OpenRules> {
  const engine = options.engine ?? new NativeEngine();
  let server: ControlServer | undefined;
  const close = async (): Promise<void> => {
    await server?.close();
    engine.close();
  };
  try {
    if (options.host) engine.setHost(options.host);
    if (options.vlan === 'inner') engine.rules.setParams({ vlan_inner: 1 });
    const controller = new Controller({
      context: bareContext,
      engine,
      refuse: options.refuse,
      ...(options.defaultAction && { defaultAction: options.defaultAction }),
    });
    const fromFile = async (file: string): Promise<Source> => ({
      text: await readRuleFile(file),
      file,
      folder: path.dirname(path.resolve(file)),
    });
    const sources: Source[] = [
      ...(await Promise.all((options.files ?? []).map(fromFile))),
      ...(options.rules ?? []).map((text, index) => ({
        args: [text],
        place: { file: '--rule', number: index + 1 },
        folder: process.cwd(),
      })),
    ];
    for (const source of sources) {
      const { error, exit, warnings } = await execute(
        controller,
        { ...source, flags: { quiet: true } },
        undefined,
        true,
      );
      for (const warning of warnings) options.warn?.(warning);
      if (error !== undefined) throw new RuleError(error, { exit: exit as RuleError['exit'] });
    }
    for (const warning of controller.traps()) options.warn?.(warning);
    if (options.socket !== false)
      server = await ControlServer.open(controller, {
        program: options.program,
        ...(options.socket !== undefined && { path: options.socket }),
      });
    return { controller, engine, socket: server?.path, close };
  } catch (error) {
    await close();
    throw error;
  }
}
