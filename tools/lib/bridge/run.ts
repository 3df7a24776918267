// SPDX-License-Identifier: BSD-2-Clause
// run.ts: what bridge runs: the bare loop, or with rules the relay of emulate without links; both look the same from outside.
import { type Bridge, startBridge } from '../../../src/bridge/bridge.js';
import { Relay } from '../../../src/emulation/relay.js';
import type { Ends, WayCounters } from '../../../src/report/bridge-records.js';
import type { Command } from '../../../src/rules/command.js';
import { type OpenRules, openRules } from '../../../src/rules/open.js';
import { type BridgeSettings, portsOf } from './options.js';

export interface Running {
  ports: Ends;
  /** Lines about it for people, at the start. */
  about: string[];
  ways(): WayCounters[];
  /** Lines about how it went, for -v. */
  details(): string[];
  stop(): void;
  finished(): Promise<void>;
  close(): Promise<void>;
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

function bare(bridge: Bridge): Running {
  return {
    ports: bridge.ports,
    about: [
      `${bridge.exchange ? 'zero copy: both ports are in one region' : 'copying'}, ${plural(bridge.threads, 'thread')}`,
    ],
    ways: () => bridge.stats().ways,
    details: () =>
      bridge
        .stats()
        .ways.map(
          ({ batches, held, sleeps }, i) =>
            `way ${i + 1}: ${plural(batches, 'turn')}, held ${plural(held, 'time')}, slept ${plural(sleeps, 'time')}`,
        ),
    stop: () => bridge.stop(),
    finished: () => bridge.finished(),
    close: async () => bridge.close(),
  };
}

/** Links are emulate's. */
function refuse(command: Command): string | undefined {
  if (command.kind === 'dummynet-config') return 'bridge has no links: use emulate';
  const kind = command.kind === 'add' ? command.rule.action.kind : '';
  if (kind !== 'pipe' && kind !== 'queue') return undefined;
  return `the action "${kind}" is refused: bridge has no links: use emulate`;
}

function filtered(relay: Relay, rules: OpenRules, ports: Ends): Running {
  return {
    ports,
    about: [`with rules${rules.socket === undefined ? '' : `: ipfw --socket ${rules.socket}`}`],
    ways: () =>
      relay.stats().directions.map(({ rxPackets, rxBytes, txPackets, drops }) => ({
        packets: rxPackets,
        bytes: rxBytes,
        delivered: txPackets,
        drops,
      })),
    details: () => {
      const { batches, sleeps } = relay.stats();
      return [`${plural(batches, 'turn')}, slept ${plural(sleeps, 'time')}`];
    },
    stop: () => relay.stop(),
    finished: () => relay.finished(),
    close: async () => {
      relay.close();
      await rules.close();
    },
  };
}

/** Start what the command line asks for. Throws a UsageError, a RuleError or a NetvaleError. */
export async function run(program: string, settings: BridgeSettings): Promise<Running> {
  const { burst, startMs, threads, cpu, wait, slots, copy, rules } = settings;
  const ports = portsOf(settings);
  const common = { burst, wait, ...(cpu !== undefined && { cpu }), ...(slots !== undefined && { slots }) };
  if (rules.files.length === 0 && rules.commands.length === 0)
    return bare(startBridge({ ports, ...common, startMs, threads, copy }));

  const opened = await openRules({
    program,
    files: rules.files,
    rules: rules.commands,
    ...(rules.socket !== undefined && { socket: rules.socket }),
    refuse,
    warn: (text) => console.error(`${program}: ${text}`),
  });
  try {
    const [inside, outside = inside] = ports;
    const relay = new Relay({
      inside,
      outside,
      rules: opened.engine.rules,
      ...common,
      burst: Math.min(burst, 1024),
    });
    return filtered(relay, opened, [inside, outside]);
  } catch (error) {
    await opened.close();
    throw error;
  }
}
