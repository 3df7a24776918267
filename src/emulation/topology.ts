// SPDX-License-Identifier: BSD-2-Clause
// topology.ts: rules, links and the changes that happen to them over time, put together in a program; run between live
// ports or in virtual time.

import type { VlanView } from '../rules/open.js';
import { type LiveOptions, newSeed, startEmulation } from './live.js';
import type { ReplayPacket } from './packet-stream.js';
import { RunningTopology } from './topology-live.js';
import { type ReplayOptions, TopologyReplay } from './topology-replay.js';
import type { Setting } from './topology-settings.js';
import {
  type FlowParameters,
  nanoseconds,
  type PipeParameters,
  parameterWords,
  pipeCommand,
  type SchedParameters,
} from './topology-settings.js';
import { openVirtual } from './virtual-world.js';

export interface TopologyOptions {
  /** Of everything random: the same one gives the same run in virtual time. Default: from the system. */
  seed?: number | bigint;
  /** What rules see and links count: 2, frames (default); 3, IP packets. */
  layer?: 2 | 3;
  /** Whether rules look behind VLAN tags; default opaque. */
  vlan?: VlanView;
  /** What rule 65535 does; default allow. */
  defaultAction?: 'allow' | 'deny';
  /** What is known of the host, as with emulate's --me, --network and --route. */
  host?: { me: string[]; networks: string[]; routes: string[] };
}

/** Commands and when they are given. */
export interface Change {
  /** Nanoseconds since the start. */
  at: bigint;
  commands: readonly string[];
}

export interface TopologyPlan extends TopologyOptions {
  seed: bigint;
  commands: readonly string[];
  /** In order of time. */
  changes: readonly Change[];
}

/** Everything else of startEmulation: ports, directory, memory, buffers, capture, log, control socket. */
export type TopologyLiveOptions = Omit<
  LiveOptions,
  'rules' | 'files' | 'seed' | 'layer' | 'defaultAction' | 'host' | 'vlan'
> & {
  /** Called when a change cannot be made, because somebody else changed rules or links meanwhile. */
  onError?: (error: Error) => void;
};

export class Topology {
  readonly seed: bigint;
  readonly #options: TopologyOptions;
  readonly #commands: string[] = [];
  readonly #changes: Change[] = [];

  constructor(options: TopologyOptions = {}) {
    this.#options = options;
    this.seed = options.seed === undefined ? newSeed() : BigInt(options.seed);
  }

  /** A link, with a queue in front of it. */
  pipe(number: number, parameters: PipeParameters = {}): this {
    return this.rule(pipeCommand(number, parameters));
  }

  /** A queue (or one a flow) that shares the link of a scheduler with others, by weight or priority. */
  queue(number: number, parameters: FlowParameters): this {
    return this.rule(`queue ${number} config ${parameterWords(parameters)}`);
  }

  /** A scheduler; without a bandwidth it serves the link of the pipe of its number. */
  sched(number: number, parameters: SchedParameters): this {
    return this.rule(`sched ${number} config ${parameterWords(parameters)}`);
  }

  /** Commands of ipfw, given before the first packet: "add pipe 1 ip from any to any out". */
  rule(...commands: string[]): this {
    this.#commands.push(...commands);
    return this;
  }

  /** Commands given `time` ("5s", or milliseconds) after the start; those of one call together or not at all. */
  at(time: Setting, ...commands: string[]): this {
    this.#changes.push({ at: nanoseconds(time), commands });
    return this;
  }

  /** What it comes to. */
  get plan(): TopologyPlan {
    const changes = [...this.#changes].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    return { ...this.#options, seed: this.seed, commands: [...this.#commands], changes };
  }

  /** Try all commands and changes in their order, without packets. Throws a RuleError that names the wrong one. */
  async check(): Promise<void> {
    const world = await openVirtual(this.plan);
    try {
      for (const change of this.plan.changes) world.apply(change);
    } finally {
      world.close();
    }
  }

  /** Run it between two ports. Throws a RuleError or a NetvaleError, and then nothing is left open. */
  async live({ onError, ...options }: TopologyLiveOptions): Promise<RunningTopology> {
    await this.check();
    const { commands, changes, ...plan } = this.plan;
    return new RunningTopology(
      await startEmulation({ ...options, ...plan, rules: commands }),
      changes,
      onError,
    );
  }

  /**
   * Pass packets, in order of time, through it in virtual time: as fast as the machine can, with exact times. Iterate
   * over what comes back for a result a packet, in order of arrival. Throws a RuleError.
   */
  async replay(packets: Iterable<ReplayPacket>, options: ReplayOptions = {}): Promise<TopologyReplay> {
    await this.check();
    return new TopologyReplay(await openVirtual(this.plan), this.plan, packets, options);
  }
}
