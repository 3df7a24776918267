// SPDX-License-Identifier: BSD-2-Clause
// topology.ts: rules, links and the changes that happen to them over time, put together in a program; run between live
// ports or in virtual time.

import { argumentError } from '../errors.js';
import { checkOptions, type OptionNames } from '../options.js';
import type { VlanView } from '../rules/open.js';
import { LIVE_OPTIONS, type LiveOptions, newSeed, startEmulation } from './live.js';
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
import { openVirtual, tryPlan } from './virtual-world.js';

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

const OPTIONS: OptionNames<TopologyOptions> = {
  seed: true,
  layer: true,
  defaultAction: true,
  host: true,
  vlan: true,
};

const {
  rules: _rules,
  files: _files,
  seed: _seed,
  layer: _layer,
  defaultAction: _action,
  host: _host,
  vlan: _vlan,
  ...OF_LIVE
} = LIVE_OPTIONS;

function checkCommands(commands: readonly unknown[]): void {
  for (const command of commands)
    if (typeof command !== 'string') throw argumentError(`a command must be a string, not ${typeof command}`);
}

export class Topology {
  readonly seed: bigint;
  readonly #options: TopologyOptions;
  readonly #commands: string[] = [];
  readonly #changes: Change[] = [];

  /** Throws EINVAL for an option that is not known, or a seed that is no whole number. */
  constructor(options: TopologyOptions = {}) {
    checkOptions('options', options, OPTIONS);
    const { seed = newSeed() } = options;
    if (typeof seed !== 'bigint' && !Number.isSafeInteger(seed))
      throw argumentError(`seed must be a whole number or a bigint, not ${String(seed)}`);
    this.#options = options;
    this.seed = BigInt(seed);
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
    checkCommands(commands);
    this.#commands.push(...commands);
    return this;
  }

  /** Commands given `time` ("5s", or milliseconds) after the start; those of one call together or not at all. */
  at(time: Setting, ...commands: string[]): this {
    checkCommands(commands);
    this.#changes.push({ at: nanoseconds(time), commands });
    return this;
  }

  /** What it comes to. */
  get plan(): TopologyPlan {
    const changes = [...this.#changes].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    return { ...this.#options, seed: this.seed, commands: [...this.#commands], changes };
  }

  /** Try all commands and changes in their order, at once and without packets. Throws a RuleError that names the wrong one. */
  check(): void {
    tryPlan(this.plan);
  }

  /** Run it between two ports. Throws a RuleError or a NetvaleError, and then nothing is left open. */
  async live({ onError, ...options }: TopologyLiveOptions): Promise<RunningTopology> {
    checkOptions('options', options, OF_LIVE);
    this.check();
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
    checkOptions('options', options, { start: true });
    if (typeof packets?.[Symbol.iterator] !== 'function')
      throw argumentError(
        `packets must be something to iterate over, not ${packets === null ? 'null' : typeof packets}`,
      );
    this.check();
    return new TopologyReplay(await openVirtual(this.plan), this.plan, packets, options);
  }
}
