// SPDX-License-Identifier: BSD-2-Clause
// offline.ts: `emulate --offline`: rules and links on capture files, in virtual time.
import { Presets, SingleBar } from 'cli-progress';
import { EPOCH, Replay } from '../../../src/emulation/replay.js';
import { simpleCommands } from '../../../src/emulation/simple.js';
import { Links } from '../../../src/emulation/virtual-links.js';
import { RuleError } from '../../../src/rules/error.js';
import {
  type HostFacts,
  NativeEngine,
  type OpenRules,
  openRules,
  parseHost,
} from '../../../src/rules/index.js';
import { UsageError } from '../options.js';
import { EXIT_FAILURE, EXIT_OK, onInterrupt } from '../program.js';
import { echoObjects, echoShort } from './link-echo.js';
import { LiveOutputs } from './live-outputs.js';
import { OfflineFigures } from './offline-figures.js';
import { Arrivals } from './offline-inputs.js';
import { LogFile, Outputs } from './offline-outputs.js';
import { OfflineReadings } from './offline-readings.js';
import { writeReport } from './offline-report.js';
import type { OfflineSettings } from './offline-settings.js';
import { sinkTo } from './offline-sink.js';
import { JsonRecords, type RuleCounts, TextSummary } from './offline-views.js';
import { Printer } from './printer.js';

const PROGRAM = 'emulate';
/** Wrong rules: sysexits' EX_DATAERR, as ipfw. */
export const EXIT_DATA = 65;
/** Batches between two looks at signals and at the progress bar. */
const LOOK = 64;

interface World {
  rules: OpenRules;
  links: Links;
}

function hostFacts({ host }: OfflineSettings): HostFacts {
  try {
    return parseHost(host);
  } catch (error) {
    if (error instanceof RuleError) throw new UsageError(error.message);
    throw error;
  }
}

/** Counters in the order of the rules; those of disabled sets are left out. */
const countsOf = (engine: NativeEngine): RuleCounts[] =>
  engine.rules
    .counters()
    .filter(({ disabled }) => !disabled)
    .map(({ number, packets, bytes }) => ({ rule: number, packets: Number(packets), bytes: Number(bytes) }));

/** The rules and the links they name. Throws a RuleError. */
async function openWorld(settings: OfflineSettings, engine: NativeEngine, seed: bigint): Promise<World> {
  const rules = await openRules({
    program: PROGRAM,
    engine,
    host: hostFacts(settings),
    files: settings.files,
    rules: settings.links ? simpleCommands(...settings.links) : settings.rules,
    defaultAction: settings.defaultAction,
    vlan: settings.vlan,
    socket: false,
    warn: (text) => console.error(`${PROGRAM}: ${text}`),
  });
  try {
    return { rules, links: new Links(rules, seed, settings.layer) };
  } catch (error) {
    await rules.close();
    throw error;
  }
}

/** Each link in plain words. */
const echo = ({ links }: OfflineSettings, { rules }: World): string[] => {
  const objects = rules.controller.world.dummynet;
  return links ? echoShort(objects, ['up, out', 'down, in']) : echoObjects(objects);
};

/** Run it; the exit status. */
export async function runOffline(settings: OfflineSettings): Promise<number> {
  const seed = settings.seed ?? Math.floor(Math.random() * 2 ** 32) + 1;
  const clock = { now: EPOCH };
  const engine = new NativeEngine({ seed: BigInt(seed), now: () => clock.now });
  let world: World;
  try {
    world = await openWorld(settings, engine, BigInt(seed));
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    console.error(`${PROGRAM}: ${error.message}`);
    return EXIT_DATA;
  }
  if (!settings.quiet && !settings.json) for (const line of echo(settings, world)) console.log(line);
  let arrivals: Arrivals | undefined;
  let pages: LiveOutputs | undefined;
  try {
    arrivals = new Arrivals(settings.inputs, engine, settings.layer);
    if (settings.seed === undefined) console.error(`${PROGRAM}: seed ${seed}`);
    pages = new LiveOutputs({ report: settings.report, records: settings.records });
    await replayAll(settings, seed, world, arrivals, pages, clock);
    return told(arrivals);
  } finally {
    arrivals?.close();
    pages?.close();
    world.links.close();
    await world.rules.close();
  }
}

/** Pass all packets, print what became of them and write the files. Rejects with the first error of a file. */
async function replayAll(
  settings: OfflineSettings,
  seed: number,
  { rules, links }: World,
  arrivals: Arrivals,
  pages: LiveOutputs,
  clock: { now: bigint },
): Promise<void> {
  const { engine, controller } = rules;
  const began = new Date();
  const opaque = (): number => engine.rules.tagged();
  const figures = new OfflineFigures(links, String(seed));
  const view = settings.json
    ? new JsonRecords(settings.verbose, figures, opaque)
    : new TextSummary(settings.verbose, figures, () => controller.runText('show', 'show'), opaque);
  const printer = new Printer(process.stdout, view);
  // Microseconds do for what they were captured with, and not for what leaves a link.
  const fine = arrivals.unitsPerSecond > 1e6 || links.carried.length > 0;
  const outputs = new Outputs(settings.outputs, (iface) => arrivals.linkType(iface), fine ? 'ns' : 'us');
  const log = settings.log === undefined ? undefined : new LogFile(settings.log);
  const onePass = controller.world.sysctl.get('net.inet.ip.fw.one_pass') === 1;
  const sink = sinkTo(printer, outputs, log, arrivals);
  const readings = pages.wanted ? new OfflineReadings(() => clock.now - EPOCH) : undefined;
  const replay: Replay = new Replay({
    ...{ engine, arrivals, links, onePass, clock },
    sink: readings ? readings.watch(sink) : sink,
  });
  const failures: unknown[] = [];
  const attempt = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      failures.push(error);
    });
  // What was done until an error is worth having: it is printed and written all the same.
  await attempt(
    run(replay, arrivals, printer, async () => {
      await outputs.drain();
      await log?.drain();
    }),
  );
  await attempt(printer.end(countsOf(engine)));
  await attempt(outputs.close((arrivals.start ?? 0n) + clock.now - EPOCH, arrivals.counts()));
  await attempt(log?.close() ?? Promise.resolve());
  printer.close();
  if (readings)
    writeReport(pages, readings, figures.record, {
      ...{ began, links: echo(settings, { rules, links }), short: settings.links !== undefined },
      controller,
    });
  lacking(replay.lacking);
  if (failures.length > 0) throw failures[0];
}

/** Everything until the end of the files or a signal, with a bar where people see it. */
async function run(
  replay: Replay,
  arrivals: Arrivals,
  printer: Printer,
  files: () => Promise<void>,
): Promise<void> {
  let stopping = false;
  const release = onInterrupt(() => {
    stopping = true;
  });
  const seen = process.stderr.isTTY && arrivals.totalBytes > 0;
  const bar = seen
    ? new SingleBar({ clearOnComplete: true, stream: process.stderr }, Presets.legacy)
    : undefined;
  bar?.start(arrivals.totalBytes, 0);
  try {
    let arriving = true;
    for (let batches = 1; arriving ? true : replay.drain(); batches++) {
      if (arriving) arriving = !stopping && replay.step();
      await printer.print();
      await files();
      if (batches % LOOK !== 0) continue;
      bar?.update(arrivals.bytesRead);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    bar?.stop();
    release();
  }
}

const say = (text: string): void => console.error(`${PROGRAM}: ${text}`);

/** "1 packet has", "2 packets have" */
const packets = (count: number, one: string, several: string): string =>
  count === 1 ? `1 packet ${one}` : `${count} packets ${several}`;

function lacking(count: number): void {
  if (count > 0)
    say(
      `${packets(count, 'lacks', 'lack')} headers that were not captured: taken as later fragments are, without ports and flags`,
    );
}

/** Say what was wrong with the files; the exit status. */
function told({ damage, late, timeless, overlong }: Arrivals): number {
  if (late > 0)
    say(`${packets(late, 'has', 'have')} an earlier time than the one before: taken as arriving with it`);
  if (timeless > 0)
    say(
      `${packets(timeless, 'has', 'have')} no time (simple packet blocks): taken as arriving with the one before`,
    );
  if (overlong > 0)
    say(
      `${packets(overlong, 'says it was', 'say they were')} shorter on the wire than in the file: the rest is left out`,
    );
  for (const { message } of damage) say(message);
  return damage.length > 0 ? EXIT_FAILURE : EXIT_OK;
}
