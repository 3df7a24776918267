#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// pkt-gen: send, receive and measure packets on any port. Manual page: docs/pkt-gen.md.
import { closeSync, openSync } from 'node:fs';
import {
  checkPlan,
  type Engine,
  type EngineStats,
  isNetvaleError,
  type Plan,
  startEngine,
} from '../src/index.js';
import type { ResultRecord } from '../src/report/records.js';
import type { OpenRules } from '../src/rules/open.js';
import { helpText, readOptions, UsageError } from './lib/options.js';
import { describeFilter, openFilter } from './lib/pkt-gen/filter.js';
import { newDraft, type Settings, settle } from './lib/pkt-gen/settings.js';
import { table } from './lib/pkt-gen/table.js';
import { JsonView, TextView } from './lib/pkt-gen/views.js';
import { EXIT_FAILURE, EXIT_OK, onInterrupt, runProgram } from './lib/program.js';
import { tidy } from './lib/tidy.js';
import { version } from './lib/version.js';
import { watchEngine } from './lib/watch.js';

const PROGRAM = 'pkt-gen';
const SUMMARY = 'Send, receive and measure packets on any netmap, VALE or pipe port.';
const NOTES = `Examples:
  pkt-gen -i vale0:b -f rx                  receive on port b of the switch vale0
  pkt-gen -i vale0:a -f tx -n 1M -l 1514    send a million packets from its port a
  pkt-gen -i vale0:a -f ping -n 10          ten round trips to a pkt-gen -f pong

Ctrl-C ends a run: the final lines are printed and the exit status is 0.
Exit status: 0 done, 1 failed while running, no request answered or every packet dropped, 2 the command line is wrong; rules: 65 wrong (file, line and column are
named), 68 unknown host, 69 unreadable or unavailable, 71 system error.`;

/** What the library finds wrong with names, addresses and sizes is wrong with the command line. */
function asUsage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isNetvaleError(error) && error.code === 'EINVAL') throw new UsageError(error.message);
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

await runProgram(PROGRAM, async (argv) => {
  const draft = readOptions(PROGRAM, table, argv, newDraft());
  if (draft.show === 'help') process.stdout.write(helpText(PROGRAM, SUMMARY, table, NOTES));
  if (draft.show === 'version') console.log(`${PROGRAM} ${version()}`);
  if (draft.show !== undefined) return EXIT_OK;

  const settings = settle(draft);
  asUsage(() => checkPlan(settings.plan));
  await tidy();
  // From here on there is something to take away, so a signal ends it in order.
  const ending: Ending = { asked: false };
  const release = onInterrupt(() => {
    ending.asked = true;
    ending.engine?.stop();
  });
  let filter: OpenRules | undefined;
  try {
    const opened = await openFilter(PROGRAM, settings.filter);
    if (typeof opened === 'number') return opened;
    filter = opened;
    return await run(settings, filter, ending);
  } finally {
    await filter?.close();
    release();
  }
});

/** Whether a signal asked for the end, and the engine that it stops once there is one. */
interface Ending {
  asked: boolean;
  engine?: Engine;
}

/** Why a run that ended in order was in vain: what a script wants to know; undefined: it was not. */
function inVain(
  { role, packets, sequence, replies }: ResultRecord,
  { port, drops }: EngineStats,
  { verify }: Plan,
): string | undefined {
  const torn = sequence?.torn ?? 0;
  if (verify && torn > 0) return `${torn} packets were not as they had been sent`;
  if (role === 'ping' && packets > 0 && replies === 0)
    return packets === 1 ? 'the request was not answered' : `none of ${packets} requests was answered`;
  const lost = Object.values(drops).reduce((sum, count) => sum + count, 0);
  if (role.startsWith('tx') && packets > 0 && lost > 0 && port.txDelivered === 0)
    return packets === 1 ? 'the packet was dropped' : `all ${packets} packets were dropped`;
  return undefined;
}

/** Run the plan and show what it does. Returns the exit status. */
async function run(settings: Settings, filter: OpenRules | undefined, ending: Ending): Promise<number> {
  const log = settings.filter?.log;
  const logFd = log === undefined ? -1 : openSync(log, 'w');
  const plan = { ...settings.plan, ...(filter && { rules: filter.engine, logFd }) };
  const engine = asUsage(() => startEngine(plan));
  ending.engine = engine;
  if (ending.asked) engine.stop();
  try {
    const view = settings.json ? new JsonView() : new TextView(settings);
    view.start(engine.info);
    if (filter) for (const line of describeFilter(filter, settings)) console.error(line);
    const source = {
      program: PROGRAM,
      role: plan.role,
      port: plan.port,
      filtered: filter !== undefined,
      ...(filter && { opaque: () => filter.engine.rules.tagged() }),
    };
    const result = await watchEngine(engine, source, view, {
      intervalMs: settings.reportMs,
      framing: settings.style.framing,
      histogram: settings.histogram,
    });
    const failure = result.error ?? inVain(result, engine.stats(), plan);
    if (failure !== undefined) console.error(`${PROGRAM}: ${failure}`);
    return failure === undefined ? EXIT_OK : EXIT_FAILURE;
  } finally {
    delete ending.engine;
    engine.close();
    if (logFd >= 0) closeSync(logFd);
  }
}
