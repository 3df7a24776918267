// SPDX-License-Identifier: BSD-2-Clause
// lab.ts: a network laboratory on this machine: `npm run lab -- up`, `npm run lab -- down`. See docs/lab.md.
import { advise } from '../../src/nic/advice.js';
import { askFacts } from '../../src/nic/facts.js';
import { fix } from '../../src/nic/repair.js';
import { helpText, type Option, readOptions, UsageError } from '../lib/options.js';
import { EXIT_OK, runProgram } from '../lib/program.js';
import { addressOf, cableOf, DEFAULT_LAB, down, hostsOf, type Lab, namespaceOf, up } from './lab/network.js';

const PROGRAM = 'lab';
const SUMMARY = 'Hosts in network namespaces, each with one end of a cable whose other end is here.';
const NOTES = `Example: npm run lab -- up; bridge, emulate or pkt-gen between lab1 and lab2;
         ip netns exec lab-1 ping 198.18.0.2; npm run lab -- down`;

interface Draft extends Lab {
  help: boolean;
}

function whole(text: string, flag: string, low: number, high: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high)
    throw new UsageError(`${flag}: expected a number from ${low} to ${high}, got '${text}'`);
  return value;
}

const table: Option<Draft>[] = [
  {
    name: 'name',
    argument: 'name',
    help: `what it is called (${DEFAULT_LAB.name}); several may be up`,
    set: (draft, text, flag) => {
      if (!/^[a-z][a-z0-9]{0,8}$/.test(text))
        throw new UsageError(`${flag}: expected up to nine small letters and digits, got '${text}'`);
      draft.name = text;
    },
  },
  {
    name: 'hosts',
    argument: 'n',
    help: `1 to 9 (${DEFAULT_LAB.hosts})`,
    set: (draft, text, flag) => {
      draft.hosts = whole(text, flag, 1, 9);
    },
  },
  {
    name: 'mtu',
    argument: 'bytes',
    help: `of the cables, 68 to 65535 (${DEFAULT_LAB.mtu})`,
    set: (draft, text, flag) => {
      draft.mtu = whole(text, flag, 68, 65535);
    },
  },
  {
    name: 'queues',
    argument: 'n',
    help: `of each interface, 1 to 64 (${DEFAULT_LAB.queues})`,
    set: (draft, text, flag) => {
      draft.queues = whole(text, flag, 1, 64);
    },
  },
  {
    name: 'offloads',
    help: "leave the hosts' offloads on, as the kernel makes them: good for trying doctor",
    set: (draft) => {
      draft.offloads = true;
    },
  },
  {
    name: 'h',
    help: 'this text',
    set: (draft) => {
      draft.help = true;
    },
  },
];

/** Switch off what falsifies frames at the hosts; nothing is written down, for all of it goes with the laboratory. */
function plain(cable: string): void {
  const facts = askFacts(cable);
  fix(facts, advise(facts));
}

await runProgram(PROGRAM, async ([verb = '', ...argv]) => {
  const draft = readOptions(PROGRAM, table, argv, { ...DEFAULT_LAB, help: verb === '-h' });
  const hosts = Array.from({ length: draft.hosts }, (_, i) => i + 1);
  if (draft.help) process.stdout.write(helpText(PROGRAM, SUMMARY, table, NOTES, 'up|down|status [options]'));
  else if (verb === 'up') {
    up(draft);
    for (const host of hosts) {
      if (!draft.offloads) plain(cableOf(draft.name, host));
      console.log(
        `${namespaceOf(draft.name, host)}: eth0 ${addressOf(host)}, its cable ends here as ${cableOf(draft.name, host)}`,
      );
    }
  } else if (verb === 'down') console.log(`${down(draft.name)} hosts taken down`);
  else if (verb === 'status') console.log(hostsOf(draft.name).join('\n') || 'not up');
  else throw new UsageError(`expected up, down or status, got '${verb}'`);
  return EXIT_OK;
});
