// SPDX-License-Identifier: BSD-2-Clause
// command.ts: `emulate ... -- COMMAND`: a command whose traffic goes through the link, with no set-up.
import { writeFileSync } from 'node:fs';
import { type LiveEmulation, startEmulation } from '../../../src/emulation/live.js';
import { type LinkEnds, type RunningLink, runBehindLink } from '../../../src/emulation/namespace.js';
import { simpleCommands } from '../../../src/emulation/simple.js';
import { relayResult } from '../../../src/report/relay-records.js';
import { RuleError } from '../../../src/rules/error.js';
import { UsageError } from '../options.js';
import { describe, Reporter } from './live.js';
import { liveReport } from './live-report.js';
import { type LiveDraft, type LiveSettings, settleLive } from './live-settings.js';

export interface CommandSettings extends LiveSettings {
  argv: string[];
}

/** The options before "--", and the command after it. Throws a UsageError. */
export function settleCommand(draft: LiveDraft, argv: string[]): CommandSettings {
  if (draft.ports.length > 0)
    throw new UsageError(`-i: '${draft.ports[0]}': a command has the link's ends made for it`);
  if (argv.length === 0) throw new UsageError('there is no command after --');
  if (draft.duration !== undefined) throw new UsageError('--time: the link lasts as long as the command');
  if (draft.json && draft.report === undefined)
    throw new UsageError("--json: standard output is the command's; give --report FILE for figures");
  // Names for reports; the ports are made later.
  return { ...settleLive({ ...draft, ports: ['inside', 'outside'] }), argv };
}

/** Why the command will not reach what lies beyond this machine, and what to do. */
const NOT_REACHED: Partial<Record<LinkEnds['wider'], string>> = {
  'no-forward':
    'the command reaches this machine only: to let it reach the network beyond, sysctl -w net.ipv4.ip_forward=1',
  'no-translate':
    'the command reaches this machine only: the kernel cannot translate addresses (nf_tables, Linux 5.12 or later)',
};

/** The emulation between the ends of a command's link. */
async function emulateBetween(ends: LinkEnds, settings: CommandSettings): Promise<RunningLink> {
  const { links, host, spares, seed, rules, reportMs, drain, report, verbose, ...rest } = settings;
  const { argv: _argv, json: _json, duration: _duration, warnings: _warnings, ...plan } = rest;
  const note = NOT_REACHED[ends.wider];
  if (note !== undefined) console.error(`emulate: ${note}`);
  const live: LiveEmulation = await startEmulation({
    ...plan,
    inside: ends.inside,
    outside: ends.outside,
    host,
    ...(spares !== undefined && { extraBufs: spares }),
    ...(seed !== undefined && { seed: BigInt(seed) }),
    rules: links ? simpleCommands(...links) : rules,
    warn: (text) => console.error(`emulate: ${text}`),
  });
  if (verbose) for (const line of describe(settings, live)) console.error(`emulate: ${line}`);
  const reporter = new Reporter(live, settings, { report() {} });
  const timer = setInterval(() => reporter.report(), reportMs);
  const finished = live.relay.finished();
  let failure: string | undefined;
  return {
    // The loop ends by itself only when something is wrong.
    failed: new Promise((_, reject) => {
      finished.catch(reject);
    }),
    async stop() {
      clearInterval(timer);
      live.relay.stop(drain);
      await finished.catch((error: Error) => {
        failure = error.message;
      });
      reporter.report();
      const result = relayResult([settings.inside, settings.outside], live, failure);
      if (report !== undefined) writeFileSync(report, liveReport(result, reporter.records));
      await live.close();
    },
  };
}

/** Run the command; returns its exit status. */
export async function runCommand(settings: CommandSettings): Promise<number> {
  try {
    const { status, error } = await runBehindLink({
      argv: settings.argv,
      link: (ends) => emulateBetween(ends, settings),
    });
    if (error !== undefined) console.error(`emulate: ${error}`);
    return status;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    console.error(`emulate: ${error.message}`);
    return error.exit;
  }
}
