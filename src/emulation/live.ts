// SPDX-License-Identifier: BSD-2-Clause
// live.ts: rules and links between two ports, started in one call.
import { randomBytes } from 'node:crypto';
import type { LinkRecord } from '../report/link-records.js';
import type { Controller } from '../rules/controller.js';
import { parseHost } from '../rules/host.js';
import { NativeEngine } from '../rules/native-engine.js';
import { type OpenRules, type OpenRulesOptions, openRules } from '../rules/open.js';
import { clockOffset, type Measure, Relay, type RelayOptions } from './relay.js';

export interface LiveOptions
  extends Omit<RelayOptions, 'rules' | 'emulation' | 'onePass' | 'timeOffset'>,
    Pick<OpenRulesOptions, 'files' | 'defaultAction' | 'socket' | 'warn'> {
  /** Single commands ("add pipe 1 ip from any to any"), applied after the files. */
  rules?: readonly string[];
  /** Name of the program, for the control socket; default "emulate". */
  program?: string;
  /** Of everything random; default: from the system. */
  seed?: bigint;
  host?: { me: string[]; networks: string[]; routes: string[] };
}

/** A seed a person can type again. */
export const newSeed = (): bigint => BigInt(randomBytes(6).readUIntBE(0, 6)) + 1n;

/** A running emulation. Keeps its ports, rules and links until close() is called. */
export class LiveEmulation {
  readonly relay: Relay;
  readonly rules: OpenRules;
  readonly seed: bigint;

  /** Use startEmulation. */
  constructor(relay: Relay, rules: OpenRules, seed: bigint) {
    this.relay = relay;
    this.rules = rules;
    this.seed = seed;
  }

  /** For commands: `controller.runText('pipe 1 config bw 1Mbit/s', '')`. */
  get controller(): Controller {
    return this.rules.controller;
  }

  /** Flow queues as they are now. */
  links(): LinkRecord[] {
    return this.rules.engine.links();
  }

  /** What pipes and queues gave so far. */
  measures(): Measure[] {
    return this.relay.measures();
  }

  async close(): Promise<void> {
    this.relay.close();
    await this.rules.close();
  }
}

/** Open rules and ports and start. Throws a RuleError or a NetvaleError, and then nothing is left open. */
export async function startEmulation(options: LiveOptions): Promise<LiveEmulation> {
  const { files, rules, defaultAction, socket, warn, program = 'emulate', host, ...plan } = options;
  const seed = options.seed ?? newSeed();
  const timeOffset = clockOffset();
  const engine = new NativeEngine({ seed, now: () => process.hrtime.bigint() + timeOffset, links: true });
  const opened = await openRules({
    program,
    engine,
    ...(host && { host: parseHost(host) }),
    ...(files && { files }),
    ...(rules && { rules }),
    ...(defaultAction && { defaultAction }),
    ...(socket !== undefined && { socket }),
    ...(warn && { warn }),
  });
  try {
    const relay = new Relay({
      ...plan,
      rules: engine.rules,
      emulation: engine.emulation,
      onePass: opened.controller.world.sysctl.get('net.inet.ip.fw.one_pass') === 1,
      timeOffset,
    });
    engine.onOnePass = (on) => relay.setOnePass(on);
    return new LiveEmulation(relay, opened, seed);
  } catch (error) {
    await opened.close();
    throw error;
  }
}
