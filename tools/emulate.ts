#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// emulate: rules and links between ports and on capture files. Manual page: docs/emulate.md.
import { liveOptions } from './lib/emulate/live-options.js';
import { newLiveDraft, settleLive } from './lib/emulate/live-settings.js';
import { offlineOptions } from './lib/emulate/offline-options.js';
import { newDraft, settle } from './lib/emulate/offline-settings.js';
import { helpText, readOptions } from './lib/options.js';
import { EXIT_OK, runProgram } from './lib/program.js';
import { tidy } from './lib/tidy.js';
import { version } from './lib/version.js';

const PROGRAM = 'emulate';
const LIVE = {
  summary: "ipfw's rules and dummynet's links between two ports, or around a command's own network.",
  usage: '(-i inside -i outside | … -- command) [--bw rate --delay time … | --rules file …] [options]',
  notes: `Examples:
  emulate -i vale0:e -i vale1:e --bw 10Mbit/s --delay 20ms    a line between two switches
  emulate --delay 50ms --loss 1% -- ping -c 3 192.0.2.1       a command behind a bad one
  emulate -i vale0:e -i vale1:e --rules a.rules --json        ipfw's rules, figures for a program

"emulate --offline -h" tells how to use it on capture files.
Ctrl-C ends a run when what waits has left; a second Ctrl-C at once.
Exit status: 0 done, 1 failed while running, 2 the command line is wrong, 65 the rules are.`,
};
const OFFLINE = {
  summary: "Pass the packets of capture files through ipfw's rules and dummynet's links, in their own time.",
  usage: '--offline --input in:iface:file [--input …] [--rules file] [options]',
  notes: `Examples:
  emulate --offline --input in:em0:in.pcap --rules a.rules --output em0:out.pcap
  emulate --offline --input in:em0:in.pcap --rule 'pipe 1 config bw 1Mbit/s' --rule 'add pipe 1 ip from any to any'

Exit status: 0 done, 1 failed while running (a damaged capture file), 2 the command line is wrong, 65 the rules are.`,
};

/** Help and version, when that is what was asked for. */
function showed(show: 'help' | 'version' | undefined, help: () => string): boolean {
  if (show === 'help') process.stdout.write(help());
  if (show === 'version') console.log(`${PROGRAM} ${version()}`);
  return show !== undefined;
}

/** Whoever gives a word behind the options means a command. */
const missingDashes = (before: string[], from: string[]): string =>
  `: a command stands behind --: ${[PROGRAM, ...before, '--', ...from].join(' ')}`;

const warn = ({ warnings }: { warnings: readonly string[] }): void => {
  for (const text of warnings) console.error(`${PROGRAM}: warning: ${text}`);
};

await runProgram(PROGRAM, async (argv) => {
  if (argv.includes('--offline') && !argv.includes('--')) {
    const draft = readOptions(PROGRAM, offlineOptions, argv, newDraft());
    const { summary, usage, notes } = OFFLINE;
    if (showed(draft.show, () => helpText(PROGRAM, summary, offlineOptions, notes, usage))) return EXIT_OK;
    const settings = settle(draft);
    warn(settings);
    await tidy();
    const { runOffline } = await import('./lib/emulate/offline.js');
    return runOffline(settings);
  }
  const dashes = argv.indexOf('--');
  const options = dashes < 0 ? argv : argv.slice(0, dashes);
  const draft = readOptions(
    PROGRAM,
    liveOptions,
    options,
    newLiveDraft(),
    dashes < 0 ? missingDashes : undefined,
  );
  const { summary, usage, notes } = LIVE;
  if (showed(draft.show, () => helpText(PROGRAM, summary, liveOptions, notes, usage))) return EXIT_OK;
  if (dashes >= 0) {
    const { runCommand, settleCommand } = await import('./lib/emulate/command.js');
    const settings = settleCommand(draft, argv.slice(dashes + 1));
    warn(settings);
    await tidy();
    return runCommand(settings);
  }
  const settings = settleLive(draft);
  warn(settings);
  await tidy();
  const { runLive } = await import('./lib/emulate/live.js');
  return runLive(settings);
});
