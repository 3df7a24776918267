#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// bridge: join two ports: what comes in at one leaves at the other, and back. Manual page: docs/bridge.md.
import { type BridgeResultRecord, bridgeReport, bridgeResult } from '../src/report/bridge-records.js';
import { EXIT, RuleError } from '../src/rules/error.js';
import { bridgeOptions, newSettings } from './lib/bridge/options.js';
import { type Running, run } from './lib/bridge/run.js';
import { reportLines, resultLines } from './lib/bridge/view.js';
import { helpText, readOptions } from './lib/options.js';
import { EXIT_FAILURE, EXIT_OK, onInterrupt, runProgram } from './lib/program.js';
import { version } from './lib/version.js';

const PROGRAM = 'bridge';
const SUMMARY = 'Join two ports: what comes in at one leaves at the other, and back.';
const NOTES = `Example: bridge -i vale0:br -i vale1:br
Ctrl-C ends it: the final lines are printed and the exit status is 0.
Exit status: 0 done, 1 failed while running, 2 the command line is wrong; rules: 65 wrong (file, line and column are
named), 68 unknown host, 69 unreadable or unavailable, 71 system error.`;

/** Report until it ends. Resolves to the record of the whole run. */
async function watch(running: Running, reportMs: number, json: boolean): Promise<BridgeResultRecord> {
  const start = performance.now();
  let last = start;
  let before = running.ways();
  const timer = setInterval(() => {
    const now = performance.now();
    const ways = running.ways();
    const record = bridgeReport(running.ports, ways, before, (now - start) / 1e3, (now - last) / 1e3);
    before = ways;
    last = now;
    console.log(json ? JSON.stringify(record) : reportLines(record).join('\n'));
  }, reportMs);
  let failure: string | undefined;
  try {
    await running.finished();
  } catch (error) {
    failure = (error as Error).message;
  } finally {
    clearInterval(timer);
  }
  return bridgeResult(running.ports, running.ways(), (performance.now() - start) / 1e3, failure);
}

await runProgram(PROGRAM, async (argv) => {
  const settings = readOptions(PROGRAM, bridgeOptions, argv, newSettings());
  if (settings.show === 'help')
    process.stdout.write(helpText(PROGRAM, SUMMARY, bridgeOptions, NOTES, '-i port -i port [options]'));
  if (settings.show === 'version') console.log(`${PROGRAM} ${version()}`);
  if (settings.show !== undefined) return EXIT_OK;

  let running: Running;
  try {
    running = await run(PROGRAM, settings);
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    console.error(`${PROGRAM}: ${error.message}`);
    return error.exit === EXIT.usage ? EXIT.data : error.exit;
  }
  const release = onInterrupt(() => running.stop());
  const timer =
    settings.durationMs === undefined ? undefined : setTimeout(() => running.stop(), settings.durationMs);
  try {
    const [a, b] = running.ports;
    if (!settings.json) console.log([`${a} <-> ${b}`, ...running.about].join(': '));
    const result = await watch(running, settings.reportMs, settings.json);
    if (settings.json) console.log(JSON.stringify(result));
    else
      console.log([...resultLines(result), ...(settings.verbosity > 0 ? running.details() : [])].join('\n'));
    if (result.error !== undefined) console.error(`${PROGRAM}: ${result.error}`);
    return result.error === undefined ? EXIT_OK : EXIT_FAILURE;
  } finally {
    clearTimeout(timer);
    release();
    await running.close();
  }
});
