#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// doctor: what a network interface can do, what falsifies or slows packet work on it, and how to mend that. Manual page: docs/doctor.md.
import { advise } from '../src/nic/advice.js';
import { askFacts } from '../src/nic/facts.js';
import { fix, RECORD, undo } from '../src/nic/repair.js';
import { describe, record } from './lib/doctor/view.js';
import { helpText, type Option, readOptions, UsageError } from './lib/options.js';
import { EXIT_OK, runProgram } from './lib/program.js';
import { version } from './lib/version.js';

const PROGRAM = 'doctor';
const SUMMARY =
  'Say what a network interface can do for packet work, and what about it or the other end of its pair gets in the way.';
const NOTES = `Example: doctor -i eth0; doctor -i eth0 --fix; doctor -i eth0 --undo
Exit status: 0 nothing is broken, 1 failed, 2 the command line is wrong, 3 something makes packets wrong or missing.`;

/** Something was found that makes packets wrong or missing. */
const EXIT_BROKEN = 3;

interface Draft {
  show?: 'help' | 'version';
  nic?: string;
  fix: boolean;
  undo: boolean;
  json: boolean;
  record: string;
}

const table: Option<Draft>[] = [
  {
    name: 'i',
    argument: 'interface',
    help: 'the interface, in this network namespace',
    set: (draft, text) => {
      draft.nic = text;
    },
  },
  {
    name: 'fix',
    help: 'switch off the offloads that are in the way, at both ends of a pair; what they were is written down',
    set: (draft) => {
      draft.fix = true;
    },
  },
  {
    name: 'undo',
    help: 'put back what --fix changed; without -i of all interfaces',
    set: (draft) => {
      draft.undo = true;
    },
  },
  {
    name: 'json',
    help: 'one JSON record instead of text',
    set: (draft) => {
      draft.json = true;
    },
  },
  {
    name: 'record',
    argument: 'file',
    help: `where changes are written down (${RECORD})`,
    set: (draft, text) => {
      draft.record = text;
    },
  },
  {
    name: 'h',
    help: 'this text',
    set: (draft) => {
      draft.show = 'help';
    },
  },
  {
    name: 'help',
    help: 'the same',
    set: (draft) => {
      draft.show = 'help';
    },
  },
  {
    name: 'version',
    help: 'the version',
    set: (draft) => {
      draft.show = 'version';
    },
  },
];

await runProgram(PROGRAM, async (argv) => {
  const draft = readOptions(PROGRAM, table, argv, {
    fix: false,
    undo: false,
    json: false,
    record: RECORD,
  } as Draft);
  if (draft.show === 'help')
    process.stdout.write(helpText(PROGRAM, SUMMARY, table, NOTES, '-i interface [options]'));
  if (draft.show === 'version') console.log(`${PROGRAM} ${version()}`);
  if (draft.show !== undefined) return EXIT_OK;
  if (draft.nic === undefined && !draft.undo) throw new UsageError('which interface? Name it with -i');
  if (draft.fix && draft.undo) throw new UsageError('--fix or --undo, not both');

  const done: string[] = [];
  if (draft.undo)
    done.push(...undo(draft.nic === undefined ? undefined : askFacts(draft.nic).nic, draft.record));
  else if (draft.fix) {
    const facts = askFacts(draft.nic!);
    done.push(...fix(facts, advise(facts), draft.record).map((text) => `switched off: ${text}`));
  }
  if (draft.nic === undefined) {
    for (const line of done) console.log(line);
    return EXIT_OK;
  }
  const facts = askFacts(draft.nic);
  const findings = advise(facts);
  if (draft.json) console.log(JSON.stringify(record(facts, findings, done)));
  else console.log([...done, ...describe(facts, findings)].join('\n'));
  return findings.some(({ severity }) => severity === 'broken') ? EXIT_BROKEN : EXIT_OK;
});
