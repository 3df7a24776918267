// SPDX-License-Identifier: BSD-2-Clause
// arguments.ts: the command line of ipfw: our long options, ipfw's flags, and whether it names a command, a rule file or a packet.
import { existsSync } from 'node:fs';
import type { Flags } from '../../../src/rules/command.js';
import { EXIT, expectedOf, RuleError } from '../../../src/rules/error.js';
import { lexArgs } from '../../../src/rules/lexer.js';
import { parseFlags } from '../../../src/rules/parse-command.js';
import { Words } from '../../../src/rules/words.js';

export interface Settings {
  /** Control socket of the program to speak to. */
  socket?: string;
  /** Work on this rule file instead of a running program. */
  rules?: string;
  default: 'allow' | 'deny';
  json: boolean;
  /** For explain: rules that do not match, too. */
  all: boolean;
  /** For explain: addresses that are `me`, connected networks and routes (prefix=interface). */
  host: { me: string[]; networks: string[]; routes: string[] };
}

export type Task =
  | { kind: 'help' | 'version' }
  | { kind: 'explain'; packet: string }
  | { kind: 'command'; args: string[] }
  | { kind: 'file'; file: string; flags: Partial<Flags>; preprocessor?: { command: string; args: string[] } };

const usage = (problem: string, expected?: string): RuleError =>
  new RuleError(problem, { expected, exit: EXIT.usage });

const LONG = [
  '--socket',
  '--rules',
  '--default',
  '--me',
  '--network',
  '--route',
  '--json',
  '--all',
  '--help',
  '--version',
];
const FACTS = { '--me': 'me', '--network': 'networks', '--route': 'routes' } as const;

/** Take our own options out of the arguments, up to a comment. */
function takeLong(argv: readonly string[]): {
  settings: Settings;
  rest: string[];
  show?: 'help' | 'version';
} {
  const settings: Settings = {
    default: 'allow',
    json: false,
    all: false,
    host: { me: [], networks: [], routes: [] },
  };
  const rest: string[] = [];
  let show: 'help' | 'version' | undefined;
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const [name, bound] = word.split(/=(.*)/s) as [string, string | undefined];
    if (word.startsWith('//')) {
      rest.push(word, ...queue.splice(0));
    } else if (!LONG.includes(name)) {
      if (word.startsWith('--') && word.length > 2 && rest.every((each) => each.startsWith('-')))
        throw usage(`unknown option ${name}`, expectedOf(name!, LONG));
      rest.push(word);
    } else if (name === '--json') settings.json = true;
    else if (name === '--all') settings.all = true;
    else if (name === '--help' || name === '--version') show = name === '--help' ? 'help' : 'version';
    else {
      const value = bound ?? queue.shift();
      if (value === undefined) throw usage(`${name} needs an argument`);
      if (name === '--socket') settings.socket = value;
      else if (name === '--rules') settings.rules = value;
      else if (Object.hasOwn(FACTS, name))
        settings.host[FACTS[name as keyof typeof FACTS]].push(...value.split(',').filter(Boolean));
      else if (value === 'allow' || value === 'deny') settings.default = value;
      else throw usage(`--default ${value}`, 'allow or deny');
    }
  }
  return { settings, rest, ...(show && { show }) };
}

const givenFlags = (args: string[]): Partial<Flags> => {
  const flags = parseFlags(new Words(lexArgs(args.length === 1 ? [...args, ''] : args)));
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value && value !== 'none'));
};

/** ipfw [-cfnNqS] -p preprocessor [its arguments] FILE */
function preprocessed(rest: string[], at: number): Task {
  const [flag, bound] = [
    rest[at]!.slice(0, rest[at]!.indexOf('p')),
    rest[at]!.slice(rest[at]!.indexOf('p') + 1),
  ];
  const words = [...(bound ? [bound] : []), ...rest.slice(at + 1)];
  const [command, ...args] = words;
  const file = args.pop();
  if (command === undefined || file === undefined)
    throw usage('-p without a file', '-p preprocessor [its arguments] FILE');
  const before = [...rest.slice(0, at), ...(flag.length > 1 ? [flag] : [])];
  return { kind: 'file', file, flags: givenFlags(before), preprocessor: { command, args } };
}

/** What the arguments ask for. Throws a RuleError with exit code 64. */
export function readArguments(argv: readonly string[]): { settings: Settings; task: Task } {
  const { settings, rest, show } = takeLong(argv);
  if (show) return { settings, task: { kind: show } };
  if (rest.length === 0)
    throw usage('no command', 'ipfw [flags] command, ipfw [flags] FILE, or ipfw -h for help');
  if (rest[0] === 'explain') {
    if (rest.length < 2)
      throw usage('explain what?', "ipfw explain --rules FILE 'tcp 1.2.3.4:5 > 6.7.8.9:80 in recv em0'");
    return { settings, task: { kind: 'explain', packet: rest.slice(1).join(' ') } };
  }
  const firstWord = rest.findIndex((word) => !word.startsWith('-'));
  const flagWords = firstWord < 0 ? rest : rest.slice(0, firstWord);
  const p = flagWords.findIndex((word) => /^-[a-zA-Z]*p/.test(word));
  if (p >= 0) return { settings, task: preprocessed(rest, p) };
  if (flagWords.some((word) => /^-[a-zA-Z]*h/.test(word))) return { settings, task: { kind: 'help' } };
  const only = firstWord === rest.length - 1 ? rest[firstWord]! : undefined;
  if (only !== undefined && !/\s/.test(only) && (/[./]/.test(only) || existsSync(only)))
    return { settings, task: { kind: 'file', file: only, flags: givenFlags(flagWords) } };
  return { settings, task: { kind: 'command', args: rest } };
}
