// SPDX-License-Identifier: BSD-2-Clause
// command.ts: `emulate ... -- COMMAND`: a command whose traffic goes through the link, with no set-up.
import { type LinkEnds, type RunningLink, runBehindLink } from '../../../src/emulation/namespace.js';
import { netvaleError } from '../../../src/errors.js';
import { RuleError } from '../../../src/rules/error.js';
import { UsageError } from '../options.js';
import { CommandView, JsonCommandView, say } from './command-view.js';
import { LiveOutputs } from './live-outputs.js';
import { LiveRun } from './live-run.js';
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

/** What of the ends there is to say, but with -q. */
function notes({ wider, named }: LinkEnds): string[] {
  const unnamed = 'there is no /etc/hosts here to name gateway.emulate in: EMULATE_GATEWAY has its address';
  return [NOT_REACHED[wider], named ? undefined : unnamed].filter((note) => note !== undefined);
}

/** How long connections may take to finish before that is said. */
const PATIENCE_MS = 500;

/** The emulation between the ends of a command's link. */
async function emulateBetween(
  ends: LinkEnds,
  settings: CommandSettings,
  outputs: LiveOutputs,
): Promise<RunningLink> {
  const { quiet, verbose, json, reportMs, drain } = settings;
  if (!quiet) for (const note of notes(ends)) say(note);
  const view = json
    ? new JsonCommandView(quiet)
    : new CommandView(quiet ? 'quiet' : verbose ? 'verbose' : 'plain');
  const run = await LiveRun.start(
    {
      settings,
      ports: [ends.inside, ends.outside],
      labels: ['up, out of the command', 'down, into the command'],
      ...(verbose && {
        head: ({ seed }) =>
          `eth0 ${ends.address} (inside) <-> ${ends.interface} ${ends.gateway} (outside), seed ${seed}`,
      }),
      view,
      reports: json || reportMs !== undefined,
    },
    outputs,
  );
  const finished = run.finished();
  let hurried = false;
  let finishing: NodeJS.Timeout | undefined;
  return {
    // The loop ends by itself only when something is wrong.
    failed: new Promise((_, reject) => {
      finished.then((failure) => failure !== undefined && reject(netvaleError('EIO', failure)));
    }),
    ended() {
      finishing = setTimeout(() => {
        view.note(
          'emulate: the command has ended, its connections have three seconds to finish (Ctrl-C ends them)',
        );
      }, PATIENCE_MS);
    },
    hurry() {
      hurried = true;
      run.stop(false);
    },
    async stop() {
      clearTimeout(finishing);
      if (!hurried) run.stop(drain);
      await run.close(await finished);
    },
  };
}

/** Nobody reads what we say any more: the command goes on, and its status is ours. */
function sayInVain(): void {
  process.stderr.removeAllListeners('error');
  process.stderr.on('error', () => {});
}

/** Run the command; returns its exit status. */
export async function runCommand(settings: CommandSettings): Promise<number> {
  sayInVain();
  const outputs = new LiveOutputs(settings);
  try {
    const { status, error } = await runBehindLink({
      argv: settings.argv,
      link: (ends) => emulateBetween(ends, settings, outputs),
    });
    if (error !== undefined) say(error);
    return status;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    say(error.message);
    return error.exit;
  } finally {
    outputs.close();
  }
}
