// SPDX-License-Identifier: BSD-2-Clause
// options.ts: bridge's options: netmap's, and what goes beyond them.
import type { WAIT_MODE } from '../../../src/abi.js';
import { type Option, UsageError } from '../options.js';
import { oneOf, time, whole } from '../values.js';

export interface BridgeSettings {
  show?: 'help' | 'version';
  ports: string[];
  loop: boolean;
  copy: boolean;
  burst: number;
  startMs: number;
  threads: 1 | 2;
  cpu?: number;
  wait: keyof typeof WAIT_MODE;
  slots?: number;
  durationMs?: number;
  reportMs: number;
  verbosity: number;
  json: boolean;
  rules: { files: string[]; commands: string[]; socket?: string };
}

export const newSettings = (): BridgeSettings => ({
  ports: [],
  loop: false,
  copy: false,
  burst: 1024,
  startMs: 0,
  threads: 1,
  wait: 'adaptive',
  reportMs: 1000,
  verbosity: 0,
  json: false,
  rules: { files: [], commands: [] },
});

const DAYS_100 = 8_640_000;

/** In the order of the help text. */
export const bridgeOptions: Option<BridgeSettings>[] = [
  {
    name: 'i',
    argument: 'port',
    help: 'a port, given twice; once: the interface is joined with its host side (-L: with itself)',
    set: (draft, text, flag) => {
      if (text === '') throw new UsageError(`${flag}: the port's name is empty`);
      draft.ports.push(text);
    },
  },
  {
    name: 'b',
    argument: 'burst',
    help: 'slots moved at most in one go, 1 to 4096 (default 1024)',
    set: (draft, text, flag) => {
      draft.burst = whole(flag, text, 1, 4096);
    },
  },
  {
    name: 'w',
    argument: 'seconds',
    help: 'wait before the first packet, for links that come up slowly (default 0)',
    set: (draft, text, flag) => {
      draft.startMs = time(flag, text, 0, 100, 'seconds') * 1000;
    },
  },
  {
    name: 'c',
    help: 'copy packets also where buffers could be exchanged',
    set: (draft) => {
      draft.copy = true;
    },
  },
  {
    name: 'L',
    help: 'one port: what comes goes back to where it came from',
    set: (draft) => {
      draft.loop = true;
    },
  },
  {
    name: 'v',
    help: 'say more: threads, turns, times of waiting',
    set: (draft) => {
      draft.verbosity++;
    },
  },
  {
    name: 'p',
    argument: 'threads',
    help: '1: both ways on one thread (default); 2: one each way',
    set: (draft, text, flag) => {
      draft.threads = whole(flag, text, 1, 2) as 1 | 2;
    },
  },
  {
    name: 'a',
    argument: 'cpu',
    help: 'run on this processor; the second thread on the next one',
    set: (draft, text, flag) => {
      draft.cpu = whole(flag, text, 0, 4095);
    },
  },
  {
    name: 'wait',
    argument: 'mode',
    help: 'when idle: adaptive (spin, then sleep; default), sleep, busy (never sleep)',
    set: (draft, text, flag) => {
      draft.wait = oneOf(flag, text, ['adaptive', 'sleep', 'busy']);
    },
  },
  {
    name: 'slots',
    argument: 'slots',
    help: 'slots of each ring of ports that are created (default 1024)',
    set: (draft, text, flag) => {
      draft.slots = whole(flag, text, 2, 4096);
    },
  },
  {
    name: 'rules',
    argument: 'file',
    help: 'pass only what these rules allow, in ipfw\'s language; from the first port to the second is "out".\nPipes and queues are refused: they are emulate\'s',
    set: (draft, text) => {
      draft.rules.files.push(text);
    },
  },
  {
    name: 'rule',
    argument: "'add …'",
    help: 'one more command, applied after the files',
    set: (draft, text) => {
      draft.rules.commands.push(text);
    },
  },
  {
    name: 'socket',
    argument: 'path',
    help: 'where ipfw finds the rules (default: a socket beside the ports)',
    set: (draft, text) => {
      draft.rules.socket = text;
    },
  },
  {
    name: 'time',
    argument: 'seconds',
    help: 'stop after so long',
    set: (draft, text, flag) => {
      draft.durationMs = time(flag, text, 0.001, DAYS_100, 'seconds') * 1000;
    },
  },
  {
    name: 'T',
    argument: 'ms',
    help: 'milliseconds between reports (default 1000)',
    set: (draft, text, flag) => {
      draft.reportMs = whole(flag, text, 10, 2 ** 31 - 1);
    },
  },
  {
    name: 'json',
    help: 'records on stdout, one a line',
    set: (draft) => {
      draft.json = true;
    },
  },
  {
    name: 'h',
    help: 'show this help',
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
    help: 'show the version',
    set: (draft) => {
      draft.show = 'version';
    },
  },
];

/** Which ports: netmap's rules for one name, two names, and -L. Throws UsageError. */
export function portsOf({ ports, loop }: BridgeSettings): [string] | [string, string] {
  const [first, second] = ports;
  if (first === undefined) throw new UsageError('which ports? Name two with -i');
  if (ports.length > 2) throw new UsageError(`-i: ${ports.length} ports; a bridge has two`);
  if (second !== undefined && second !== first) {
    if (loop) throw new UsageError('-L goes with one port');
    return [first, second];
  }
  return loop ? [first] : [`${first}^`, first];
}
