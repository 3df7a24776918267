// SPDX-License-Identifier: BSD-2-Clause
// offline.ts: `emulate --offline`: rules and links on capture files, in virtual time.
import { Presets, SingleBar } from 'cli-progress';
import { EPOCH, Replay } from '../../../src/emulation/replay.js';
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
import { echoObjects } from './link-echo.js';
import { Arrivals } from './offline-inputs.js';
import { LogFile, Outputs } from './offline-outputs.js';
import type { OfflineSettings } from './offline-settings.js';
import { JsonRecords, Printer, type RuleCounts, TextSummary } from './offline-views.js';

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
    rules: settings.rules,
    defaultAction: settings.defaultAction,
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
  if (!settings.quiet && !settings.json)
    for (const line of echoObjects(world.rules.controller.world.dummynet)) console.log(line);
  let arrivals: Arrivals | undefined;
  try {
    arrivals = new Arrivals(settings.inputs, engine, settings.layer);
    if (settings.seed === undefined) console.error(`${PROGRAM}: seed ${seed}`);
    await replayAll(settings, world, arrivals, clock);
    return told(arrivals);
  } finally {
    arrivals?.close();
    world.links.close();
    await world.rules.close();
  }
}

/** Pass all packets, print what became of them and write the files. */
async function replayAll(
  settings: OfflineSettings,
  { rules, links }: World,
  arrivals: Arrivals,
  clock: { now: bigint },
): Promise<void> {
  const { engine, controller } = rules;
  const view = settings.json
    ? new JsonRecords(settings.verbose)
    : new TextSummary(
        settings.verbose,
        () => controller.runText('show', 'show'),
        () => links.carried,
      );
  const printer = new Printer(process.stdout, view);
  const outputs = new Outputs(settings.outputs, (iface) => arrivals.linkType(iface));
  const log = settings.log === undefined ? undefined : new LogFile(settings.log);
  const onePass = controller.world.sysctl.get('net.inet.ip.fw.one_pass') === 1;
  const at = (time: bigint) => time + (arrivals.start ?? 0n);
  const replay: Replay = new Replay({
    ...{ engine, arrivals, links, onePass, clock },
    sink: {
      arrived: (journey) => printer.add(journey),
      departed: ({ input: { spec } }, time, frame) =>
        outputs.write(spec.iface, at(time), frame, spec.out ? 'out' : 'in'),
      answered: (iface, out, time, frame) => outputs.write(iface, at(time), frame, out ? 'out' : 'in'),
      diverted: (port, { input: { spec } }, time, frame) =>
        outputs.write(String(port), at(time), frame, spec.out ? 'out' : 'in'),
      logged: ({ input: { spec } }, rule, where, time, frame) => {
        const type = arrivals.linkType(spec.iface);
        if (where & 2) log?.write(spec.iface, type, at(time), frame, spec.out, `rule ${rule}`);
      },
    },
  });
  try {
    await run(replay, arrivals, printer, async () => {
      await outputs.drain();
      await log?.drain();
    });
    await printer.end(countsOf(engine));
  } finally {
    // What was written until an error is worth having.
    await outputs.close(at(clock.now - EPOCH), arrivals.counts());
    await log?.close();
  }
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
    for (let batches = 1; !stopping && replay.step(); batches++) {
      if (printer.settle()) await printer.drain();
      await files();
      if (batches % LOOK !== 0) continue;
      bar?.update(arrivals.bytesRead);
      await new Promise((resolve) => setImmediate(resolve));
    }
    replay.drain();
  } finally {
    bar?.stop();
    release();
  }
}

/** Say what was wrong with the files; the exit status. */
function told({ damage, late }: Arrivals): number {
  if (late > 0)
    console.error(
      `${PROGRAM}: ${late} packets have an earlier time than the one before them: taken as arriving with it`,
    );
  for (const { message } of damage) console.error(`${PROGRAM}: ${message}`);
  return damage.length > 0 ? EXIT_FAILURE : EXIT_OK;
}
