// SPDX-License-Identifier: BSD-2-Clause
// From what a user gave (arguments or a rule file) to commands, and from commands to a reply: output, warnings, exit code.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import type { Command, Flags, Job, Located } from './command.js';
import type { ParseContext } from './context.js';
import type { Controller } from './controller.js';
import { EXIT, RuleError } from './error.js';
import { withHosts } from './hosts.js';
import { type Line, lexArgs, lexFile, lexPreprocessed } from './lexer.js';
import { parseCommand } from './parse-command.js';

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
  /** Flags that hold for every command. */
  flags?: Partial<Flags>;
}

export interface Reply {
  output: string;
  warnings: string[];
  error?: string;
  exit: number;
}

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message;
    throw new RuleError(`cannot read ${file}: ${reason}`, { exit: EXIT.unavailable });
  }
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

/** Commands of a source. Throws the RuleError of the first that is wrong. */
function parseSource(source: Source, context: ParseContext): Job[] {
  const jobs: Job[] = [];
  let last: { own: Readonly<Flags>; flags: Readonly<Flags> } | undefined;
  for (const line of linesOf(source)) {
    const job = parseCommand(line, context);
    if (!job) continue;
    // most lines have no flags of their own, and share one object
    if (last?.own !== job.flags) last = { own: job.flags, flags: merge(job.flags, source.flags) };
    jobs.push({ flags: last.flags, command: job.command });
  }
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

/** What a source says as far as it can be understood without looking names up. */
export interface Glance {
  jobs: Job[];
  warnings: string[];
  /** A host's name stands in it, and in its place an address that is not the host's. */
  named: boolean;
}

/** Parse a source without applying it. Throws a RuleError. */
export function glance(source: Source): Glance {
  const warnings: string[] = [];
  let named = false;
  const jobs = parseSource(source, {
    warn: (text) => warnings.push(text),
    readFile: (file) => readText(path.resolve(source.folder, file)),
    resolveHost(name, family) {
      if (isIP(name) === family) return name;
      named = true;
      return family === 4 ? '192.0.2.1' : '2001:db8::1';
    },
  });
  return { jobs, warnings, named };
}

/**
 * Parse a source and apply it to a controller, whole or not at all. Never throws for what the user gave. `seen`: what
 * a glance at this source has parsed already.
 */
export async function execute(controller: Controller, source: Source, seen?: Glance): Promise<Reply> {
  const parsed = seen?.named ? undefined : seen;
  const warnings: string[] = [...(parsed?.warnings ?? [])];
  const base: ParseContext = {
    resolveHost: (name, family) => (isIP(name) === family ? name : undefined),
    warn: (text) => warnings.push(text),
    readFile: (file) => readText(path.resolve(source.folder, file)),
  };
  try {
    const { jobs, context } = parsed
      ? { jobs: parsed.jobs, context: base }
      : await withHosts(base, (withNames) => ({ jobs: parseSource(source, withNames), context: withNames }));
    controller.world.context = { ...context, warn: base.warn };
    return { output: controller.run(jobs), warnings, exit: EXIT.ok };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { output: '', warnings, error: error.message, exit: error.exit };
  }
}
