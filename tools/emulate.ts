#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// emulate: rules and links between ports and on capture files. Manual page: docs/emulate.md.
import { readFileSync } from 'node:fs';
import { offlineOptions } from './lib/emulate/offline-options.js';
import { newDraft, settle } from './lib/emulate/offline-settings.js';
import { helpText, readOptions, UsageError } from './lib/options.js';
import { EXIT_OK, runProgram } from './lib/program.js';

const PROGRAM = 'emulate';
const SUMMARY =
  "Pass the packets of capture files through ipfw's rules and dummynet's links, in their own time.";
const USAGE = '--offline --input in:iface:file [--input …] [--rules file] [options]';
const NOTES = `Exit status: 0 done, 1 failed while running (a damaged capture file), 2 the command line is wrong, 65 the rules are.`;

function version(): string {
  // This file is tools/emulate.ts in a checkout and dist/tools/emulate.js in a package.
  const up = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json';
  return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
}

await runProgram(PROGRAM, async (argv) => {
  const draft = readOptions(PROGRAM, offlineOptions, argv, newDraft());
  if (draft.show === 'help') process.stdout.write(helpText(PROGRAM, SUMMARY, offlineOptions, NOTES, USAGE));
  if (draft.show === 'version') console.log(`${PROGRAM} ${version()}`);
  if (draft.show !== undefined) return EXIT_OK;
  if (!argv.includes('--offline')) throw new UsageError('give --offline: capture files are all it works on');
  const settings = settle(draft);
  const { runOffline } = await import('./lib/emulate/offline.js');
  return runOffline(settings);
});
