// SPDX-License-Identifier: BSD-2-Clause
// virtual-world.ts: rules and links of a topology in virtual time, without packets.
import type { Controller } from '../rules/controller.js';
import { RuleError } from '../rules/error.js';
import { parseHost } from '../rules/host.js';
import { NativeEngine } from '../rules/native-engine.js';
import { openRules } from '../rules/open.js';
import { execute } from '../rules/session.js';
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

/** The commands of a plan, applied to rules and links of their own. Throws a RuleError, and then nothing is left open. */
export async function openVirtual({
  commands,
  seed,
  layer,
  host,
  defaultAction,
  vlan,
}: TopologyPlan): Promise<VirtualWorld> {
  const clock = { now: EPOCH };
  const emulator = new Emulator({ seed, macBytes: macBytes(layer) });
  const engine = new NativeEngine({ seed, now: () => clock.now, dummynet: emulator });
  const close = (): void => {
    engine.close();
    emulator.close();
  };
  let controller: Controller;
  try {
    ({ controller } = await openRules({
      program: 'topology',
      engine,
      socket: false,
      ...(host && { host: parseHost(host) }),
      ...(defaultAction && { defaultAction }),
      ...(vlan && { vlan }),
    }));
  } catch (error) {
    emulator.close();
    throw error;
  }
  for (const command of commands) {
    const { error, exit } = await execute(controller, { args: [command], folder: process.cwd() });
    if (error === undefined) continue;
    close();
    const [, column, problem] = /^command line:1:(\d+): (.*)$/s.exec(error) ?? [undefined, undefined, error];
    const where = column === undefined ? '' : `, column ${column}`;
    throw new RuleError(`"${command}"${where}: ${problem}`, { exit: exit as RuleError['exit'] });
  }
  const apply = ({ at, commands: together }: Change): void => {
    try {
      controller.runText(together.join('\n'), 'change');
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      throw new RuleError(`at ${Number(at) / 1e9}s: ${error.message}`, { exit: error.exit });
    }
  };
  return { engine, emulator, controller, clock, apply, close };
}
