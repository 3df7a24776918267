// SPDX-License-Identifier: BSD-2-Clause
// live.ts: `emulate` between two ports: start, show how it goes, stop in an orderly way.
import { RuleError } from '../../../src/rules/error.js';
import { ENDING, EXIT_FAILURE, EXIT_OK } from '../program.js';
import { LiveOutputs } from './live-outputs.js';
import { LiveRun } from './live-run.js';
import type { LiveSettings } from './live-settings.js';
import { JsonLiveView, TextLiveView } from './live-views.js';

const SIGNALS = Object.keys(ENDING) as (keyof typeof ENDING)[];

/** Run until it is stopped: the first signal lets what waits leave, the second does not. Returns the exit status. */
export async function runLive(settings: LiveSettings): Promise<number> {
  const { inside, outside, drain } = settings;
  const outputs = new LiveOutputs(settings);
  let run: LiveRun | undefined;
  let stops = 0;
  const stop = (signal?: keyof typeof ENDING): void => {
    if (++stops > 1 && run === undefined) process.exit(signal && ENDING[signal]);
    run?.stop(drain && stops === 1);
  };
  for (const signal of SIGNALS) process.on(signal, stop as NodeJS.SignalsListener); // before packets flow: a signal may come with the first one
  let timer: NodeJS.Timeout | undefined;
  try {
    run = await LiveRun.start(
      {
        settings,
        ports: [inside, outside],
        labels: [`up, ${inside} > ${outside}`, `down, ${outside} > ${inside}`],
        head: ({ seed }) => `${inside} (inside) <-> ${outside} (outside), seed ${seed}`,
        view: settings.json ? new JsonLiveView() : new TextLiveView(),
        reports: true,
      },
      outputs,
    );
    if (stops > 0) run.stop(drain && stops === 1);
    if (settings.duration !== undefined) timer = setTimeout(stop, settings.duration * 1000);
    const failure = await run.finished();
    if (failure !== undefined) console.error(`emulate: ${failure}`);
    await run.close(failure);
    return failure === undefined ? EXIT_OK : EXIT_FAILURE;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    console.error(`emulate: ${error.message}`);
    return error.exit;
  } finally {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.off(signal, stop as NodeJS.SignalsListener);
    outputs.close();
  }
}
