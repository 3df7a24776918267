// SPDX-License-Identifier: BSD-2-Clause
// From what a user gave (arguments or a rule file) to commands, and from commands to a reply: output, warnings, exit code.
import { isIP } from 'node:net';
import path from 'node:path';
import { type Command, changes, type Flags, type Job, type Located } from './command.js';
import type { ParseContext } from './context.js';
import type { Controller } from './controller.js';
import { EXIT, RuleError, together } from './error.js';
import { systemLookup, withHosts } from './hosts.js';
import { type Line, lexArgs, lexFile, lexPreprocessed } from './lexer.js';
import { parseCommand } from './parse-command.js';
import { readNamedFile } from './read-file.js';

/** What is to be done: one command as arguments, or the text of a rule file. */
export interface Source {
  args?: string[];
  /** What messages call the place of the arguments, as a file and a line; default: the command line. */
  place?: { file: string; number: number };
  text?: string;
  /** Name of the file, for messages. */
  file?: string;
  /** The text comes from a preprocessor and has line markers. */
  preprocessed?: boolean;
  /** Files named in commands are relative to this folder. */
  folder: string;
  /** Of a request: the contents of those files by the names that stand in the commands. */
  files?: Record<string, string>;
  /** Of a request: the addresses of host names, by "4 name" and "6 name". */
  hosts?: Record<string, string>;
  /** Flags that hold for every command. */
  flags?: Partial<Flags>;
}

export interface Reply {
  output: string;
  warnings: string[];
  error?: string;
  exit: number;
}

function linesOf(source: Source): Iterable<Line> {
  if (source.args) return [{ ...lexArgs(source.args), ...source.place }];
  const file = source.file ?? 'rules';
  return source.preprocessed ? lexPreprocessed(source.text ?? '', file) : lexFile(source.text ?? '', file);
}

function merge(flags: Readonly<Flags>, given: Partial<Flags> | undefined): Readonly<Flags> {
  if (!given || Object.keys(given).length === 0) return flags;
  const merged: Record<string, unknown> = { ...flags };
  for (const [name, value] of Object.entries(given)) if (value && value !== 'none') merged[name] = value;
  return merged as unknown as Flags;
}

/** Commands of a source. Throws a RuleError about all that are wrong. */
function parseSource(source: Source, context: ParseContext): Job[] {
  const jobs: Job[] = [];
  const errors: RuleError[] = [];
  let last: { own: Readonly<Flags>; flags: Readonly<Flags> } | undefined;
  for (const line of linesOf(source)) {
    let job: Job | undefined;
    try {
      job = parseCommand(line, context);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      errors.push(error);
    }
    if (!job) continue;
    // most lines have no flags of their own, and share one object
    if (last?.own !== job.flags) last = { own: job.flags, flags: merge(job.flags, source.flags) };
    jobs.push({ flags: last.flags, command: job.command });
  }
  if (errors.length > 0) throw together(errors);
  for (const { command } of jobs) mentionHosts(command, context);
  return jobs;
}

/** Names that may be hosts among the keys and values of tables: what their tables are is known only when they are applied. */
function mentionHosts(command: Command, context: ParseContext): void {
  const mention = ({ text }: Located): void => {
    const name = text.split('/', 1)[0]!;
    if (/^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+$/i.test(name) || name === 'localhost') context.resolveHost(name, 4);
  };
  if (command.kind === 'table-add')
    for (const { key, value } of command.entries) {
      mention(key);
      if (value) mention(value);
    }
  if (command.kind === 'table-delete') command.keys.forEach(mention);
  if (command.kind === 'table-lookup') mention(command.key);
}

/** Text of a file that a command names, by its name there. */
type ReadFile = (file: string) => string;

const fromDisk =
  ({ folder }: Source): ReadFile =>
  (file) =>
    readNamedFile(path.resolve(folder, file));

const own = (from: Record<string, string> | undefined, name: string): string | undefined =>
  from && Object.hasOwn(from, name) ? from[name] : undefined;

/** What a source says as far as it can be understood without looking names up. */
export interface Glance {
  jobs: Job[];
  warnings: string[];
  /** A host's name stands in it, and in its place an address that is not the host's. */
  named: boolean;
  /** Contents of the files that its commands name. */
  files: Record<string, string>;
}

/** A host's address where its name is not looked up: one of those for documentation. */
const standIn = (family: 4 | 6): string => (family === 4 ? '192.0.2.1' : '2001:db8::1');

/** Parse a source without applying it. Throws a RuleError. */
export function glance(source: Source): Glance {
  const warnings: string[] = [];
  const files = Object.create(null) as Record<string, string>; // a file may be called __proto__
  const read = fromDisk(source);
  let named = false;
  const jobs = parseSource(source, {
    warn: (text) => warnings.push(text),
    readFile(file) {
      files[file] ??= read(file);
      return files[file];
    },
    resolveHost(name, family) {
      if (isIP(name) === family) return name;
      named = true;
      return standIn(family);
    },
  });
  return { jobs, warnings, named, files };
}

/**
 * A source with all that a program needs to apply it without opening a file or asking for a name: it does neither for its
 * clients. `seen`: what a glance has read already. What cannot be parsed is left for the program to refuse; throws a
 * RuleError when a file cannot be read.
 */
export async function carry(source: Source, seen?: Glance): Promise<Source> {
  if (seen && !seen.named) return { ...source, files: seen.files };
  const files = Object.assign(Object.create(null) as Record<string, string>, seen?.files);
  const hosts: Record<string, string> = {};
  const read = fromDisk(source);
  let unread = false;
  const base: ParseContext = {
    resolveHost: () => undefined,
    warn: () => {},
    readFile(file) {
      unread = files[file] === undefined;
      files[file] ??= read(file);
      unread = false;
      return files[file];
    },
  };
  try {
    await withHosts(
      base,
      (context) => parseSource(source, context),
      async (name, family) => {
        const address = await systemLookup(name, family);
        if (address !== undefined) hosts[`${family} ${name}`] = address;
        return address;
      },
    );
  } catch (error) {
    if (!(error instanceof RuleError) || unread) throw error;
  }
  return { ...source, files, hosts };
}

/**
 * Apply what `parse` makes of a source; what a command refuses is in the reply. `more`: other sources follow, so what is
 * missing may still come.
 */
function apply(
  controller: Controller,
  warnings: string[],
  parse: () => [Job[], ParseContext],
  more = false,
): Reply {
  try {
    const [jobs, context] = parse();
    controller.world.context = { ...context, warn: (text) => warnings.push(text) };
    const output = controller.run(jobs);
    if (!more && jobs.some(({ command }) => changes(command))) warnings.push(...controller.traps());
    return { output, warnings, exit: controller.exit };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { output: '', warnings, error: error.message, exit: error.exit };
  }
}

/**
 * Parse a source and apply it to a controller, whole or not at all. Never throws for what the user gave. `seen`: what
 * a glance at this source has parsed already. `more`: other sources follow.
 */
export async function execute(
  controller: Controller,
  source: Source,
  seen?: Glance,
  more = false,
): Promise<Reply> {
  const parsed = seen?.named ? undefined : seen;
  const warnings: string[] = [...(parsed?.warnings ?? [])];
  const base: ParseContext = {
    resolveHost: (name, family) => (isIP(name) === family ? name : undefined),
    warn: (text) => warnings.push(text),
    readFile: fromDisk(source),
  };
  if (parsed) return apply(controller, warnings, () => [parsed.jobs, base], more);
  let result: [Job[], ParseContext];
  try {
    result = await withHosts(base, (context) => [parseSource(source, context), context]);
  } catch (error) {
    return apply(controller, warnings, () => {
      throw error;
    });
  }
  return apply(controller, warnings, () => result, more);
}

/**
 * The same for a request, at once: files and host names are those that it carries. Nothing is opened, looked up or waited
 * for.
 */
export function executeRequest(controller: Controller, source: Source): Reply {
  const warnings: string[] = [];
  const context: ParseContext = {
    resolveHost: (name, family) =>
      own(source.hosts, `${family} ${name}`) ?? (isIP(name) === family ? name : undefined),
    warn: (text) => warnings.push(text),
    readFile(file) {
      const text = own(source.files, file);
      if (text !== undefined) return text;
      throw new RuleError(`cannot read ${file}: the request does not carry it`, { exit: EXIT.unavailable });
    },
  };
  return apply(controller, warnings, () => [parseSource(source, context), context]);
}

/** The same to see whether a source can be applied, at once: no host name is looked up, each stands for some address. */
export function tryOut(controller: Controller, source: Source): Reply {
  const warnings: string[] = [];
  return apply(controller, warnings, () => {
    const context: ParseContext = {
      resolveHost: (name, family) => (isIP(name) === family ? name : standIn(family)),
      warn: (text) => warnings.push(text),
      readFile: fromDisk(source),
    };
    return [parseSource(source, context), context];
  });
}
