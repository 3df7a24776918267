// SPDX-License-Identifier: BSD-2-Clause
// virtual-world.ts: rules and links of a topology in virtual time, without packets.
import { bareContext } from '../rules/context.js';
import { Controller } from '../rules/controller.js';
import { RuleError } from '../rules/error.js';
import { parseHost } from '../rules/host.js';
import { NativeEngine } from '../rules/native-engine.js';
import { execute, type Reply, type Source, tryOut } from '../rules/session.js';
import { missing } from '../rules/traps.js';
import { Emulator, macBytes } from './emulator.js';
import { EPOCH } from './replay.js';
import type { Change, TopologyPlan } from './topology.js';

/** Rules and links that stand in virtual time. */
export interface VirtualWorld {
  engine: NativeEngine;
  emulator: Emulator;
  controller: Controller;
  clock: { now: bigint };
  /** Make a change. Throws a RuleError. */
  apply(change: Change): void;
  close(): void;
}

/** Rules and links of a plan's options, empty. */
function emptyWorld({ seed, layer, host, defaultAction, vlan }: TopologyPlan): VirtualWorld {
  const clock = { now: EPOCH };
  const facts = host && parseHost(host); // throws before anything is open
  const emulator = new Emulator({ seed, macBytes: macBytes(layer) });
  const engine = new NativeEngine({ seed, now: () => clock.now, dummynet: emulator });
  if (facts) engine.setHost(facts);
  if (vlan === 'inner') engine.rules.setParams({ vlan_inner: 1 });
  const controller = new Controller({
    context: bareContext,
    engine,
    ...(defaultAction && { defaultAction }),
  });
  const apply = ({ at, commands }: Change): void => {
    try {
      controller.runText(commands.join('\n'), 'change');
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      throw new RuleError(`at ${Number(at) / 1e9}s: ${error.message}`, { exit: error.exit });
    }
  };
  const close = (): void => {
    engine.close();
    emulator.close();
  };
  return { engine, emulator, controller, clock, apply, close };
}

const sourceOf = (command: string): Source => ({ args: [command], folder: process.cwd() });

/** Throws the RuleError of a command that was refused. */
function refused(command: string, { error, exit }: Reply): void {
  if (error === undefined) return;
  const [, column, problem] = /^command line:1:(\d+): (.*)$/s.exec(error) ?? [undefined, undefined, error];
  const where = column === undefined ? '' : `, column ${column}`;
  throw new RuleError(`"${command}"${where}: ${problem}`, { exit: exit as RuleError['exit'] });
}

/** The commands of a plan, applied to rules and links of their own. Throws a RuleError, and then nothing is left open. */
export async function openVirtual(plan: TopologyPlan): Promise<VirtualWorld> {
  const world = emptyWorld(plan);
  try {
    for (const command of plan.commands) refused(command, await execute(world.controller, sourceOf(command)));
    return world;
  } catch (error) {
    world.close();
    throw error;
  }
}

/**
 * Try the commands and changes of a plan, at once: names of hosts are not looked up. Throws a RuleError. What its rules
 * send packets to though it is not there is told as a warning of the process.
 */
export function tryPlan(plan: TopologyPlan): void {
  const world = emptyWorld(plan);
  try {
    for (const command of plan.commands) refused(command, tryOut(world.controller, sourceOf(command)));
    for (const change of plan.changes) world.apply(change);
    for (const text of missing(world.controller.world).values())
      process.emitWarning(text, { type: 'NetvaleWarning', code: 'TRAP' });
  } finally {
    world.close();
  }
}
