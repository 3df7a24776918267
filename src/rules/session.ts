// SPDX-License-Identifier: BSD-2-Clause
// From what a user gave (arguments or a rule file) to commands, and from commands to a reply: output, warnings, exit code.
import { readFileSync } from 'node:fs';
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
export function parseSource(source: Source, context: ParseContext): Job[] {
  const jobs: Job[] = [];
  for (const line of linesOf(source)) {
    const job = parseCommand(line, context);
    if (job) jobs.push({ flags: merge(job.flags, source.flags), command: job.command });
  }
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

/** Parse a source and apply it to a controller, whole or not at all. Never throws for what the user gave. */
export async function execute(controller: Controller, source: Source): Promise<Reply> {
  const warnings: string[] = [];
  const base: ParseContext = {
    resolveHost: () => undefined,
    warn: (text) => warnings.push(text),
    readFile: (file) => readText(path.resolve(source.folder, file)),
  };
  try {
    const { jobs, context } = await withHosts(base, (withNames) => {
      const parsed = parseSource(source, withNames);
      for (const { command } of parsed) mentionHosts(command, withNames);
      return { jobs: parsed, context: withNames };
    });
    controller.world.context = { ...context, warn: base.warn };
    return { output: controller.run(jobs), warnings, exit: EXIT.ok };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { output: '', warnings, error: error.message, exit: error.exit };
  }
}
