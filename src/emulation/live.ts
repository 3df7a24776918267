// SPDX-License-Identifier: BSD-2-Clause
// live.ts: rules and links between two ports, started in one call.

import { randomBytes } from 'node:crypto';
import { checkOptions, type OptionNames } from '../options.js';
import type { Controller } from '../rules/controller.js';
import { parseHost } from '../rules/host.js';
import { NativeEngine } from '../rules/native-engine.js';
import { type OpenRules, type OpenRulesOptions, openRules } from '../rules/open.js';
import { Emulator, macBytes } from './emulator.js';
import { type LinkState, linkStates } from './link-states.js';
import type { Measure } from './measures.js';
import { clockOffset, RELAY_OPTIONS, Relay, type RelayOptions } from './relay.js';

export interface LiveOptions
  extends Omit<RelayOptions, 'rules' | 'emulation' | 'onePass' | 'timeOffset'>,
    Pick<OpenRulesOptions, 'files' | 'defaultAction' | 'socket' | 'vlan' | 'warn'> {
  /** Single commands ("add pipe 1 ip from any to any"), applied after the files. */
  rules?: readonly string[];
  /** Name of the program, for the control socket; default "emulate". */
  program?: string;
  /** Of everything random; default: from the system. */
  seed?: bigint;
  host?: { me: string[]; networks: string[]; routes: string[] };
}

const { emulation: _emulation, onePass: _onePass, timeOffset: _offset, ...OF_RELAY } = RELAY_OPTIONS;
export const LIVE_OPTIONS: OptionNames<LiveOptions> = {
  ...OF_RELAY,
  files: true,
  rules: true,
  defaultAction: true,
  socket: true,
  warn: true,
  program: true,
  seed: true,
  host: true,
  vlan: true,
};

const ONE_PASS = 'net.inet.ip.fw.one_pass';

/** A seed a person can type again. */
export const newSeed = (): bigint => BigInt(randomBytes(6).readUIntBE(0, 6)) + 1n;

/** A running emulation. Keeps its ports, rules and links until close() is called. */
export class LiveEmulation {
  readonly relay: Relay;
  readonly rules: OpenRules;
  readonly emulator: Emulator;
  readonly seed: bigint;

  /** Use startEmulation. */
  constructor(relay: Relay, rules: OpenRules, emulator: Emulator, seed: bigint) {
    this.relay = relay;
    this.rules = rules;
    this.emulator = emulator;
    this.seed = seed;
  }

  /** For commands: `controller.runText('pipe 1 config bw 1Mbit/s', '')`. */
  get controller(): Controller {
    return this.rules.controller;
  }

  /** Flow queues as they are now. */
  links(): LinkState[] {
    return linkStates(this.controller.world.dummynet, this.emulator);
  }

  /** What pipes and queues gave so far. */
  measures(): Measure[] {
    return this.relay.measures();
  }

  async close(): Promise<void> {
    this.relay.close();
    await this.rules.close();
    this.emulator.close();
  }
}

/** Open rules and ports and start. Throws a RuleError or a NetvaleError, and then nothing is left open. */
export async function startEmulation(options: LiveOptions): Promise<LiveEmulation> {
  checkOptions('options', options, LIVE_OPTIONS);
  const {
    files,
    rules,
    defaultAction,
    socket,
    vlan,
    warn,
    program = 'emulate',
    host,
    seed = newSeed(),
    ...plan
  } = options;
  const timeOffset = clockOffset();
  const emulator = new Emulator({ seed, macBytes: macBytes(plan.layer) });
  const now = (): bigint => process.hrtime.bigint() + timeOffset;
  const engine = new NativeEngine({ seed, now, dummynet: emulator });
  let opened: OpenRules | undefined;
  try {
    opened = await openRules({
      program,
      engine,
      ...(host && { host: parseHost(host) }),
      ...(files && { files }),
      ...(rules && { rules }),
      ...(defaultAction && { defaultAction }),
      ...(socket !== undefined && { socket }),
      ...(vlan && { vlan }),
      ...(warn && { warn }),
    });
    const relay = new Relay({
      ...plan,
      rules: engine.rules,
      emulation: emulator.native,
      onePass: opened.controller.world.sysctl.get(ONE_PASS) === 1,
      timeOffset,
    });
    engine.onVariables = (sysctl) => relay.setOnePass(sysctl.get(ONE_PASS) === 1);
    return new LiveEmulation(relay, opened, emulator, seed);
  } catch (error) {
    await opened?.close();
    emulator.close();
    throw error;
  }
}
