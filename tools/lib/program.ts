// SPDX-License-Identifier: BSD-2-Clause
// program.ts: what every program does around its work: one clear line for each failure, exit statuses, broken pipes.
import { isNetvaleError } from '../../src/index.js';
import { UsageError } from './options.js';
import { guardOutput } from './output.js';

/** Exit statuses: also in the manual pages. */
export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

/**
 * Run a program: `main` returns the exit status. A UsageError becomes status 2, any other failure status 1, each with
 * one line on stderr that begins with the program's name. Output that cannot be written ends it, see output.ts.
 */
export async function runProgram(name: string, main: (argv: string[]) => Promise<number>): Promise<void> {
  guardOutput(name, EXIT_FAILURE);
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError || isNetvaleError(error))) throw error;
    complain(name, error.message);
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
  }
}

/** Tell what is wrong: each line of it begins with the program's name. */
export function complain(name: string, message: string): void {
  for (const line of message.split('\n')) console.error(`${name}: ${line}`);
}

/** Signals that end a program, with the exit status of one that they end at once. */
export const ENDING = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Call `stop` at the first SIGINT, SIGTERM or SIGHUP; the second ends the program at once. Returns how to undo it. */
export function onInterrupt(stop: () => void): () => void {
  let seen = 0;
  const handler = (signal: NodeJS.Signals) => {
    if (++seen > 1) process.exit(ENDING[signal as keyof typeof ENDING]);
    stop();
  };
  const signals = Object.keys(ENDING) as (keyof typeof ENDING)[];
  for (const signal of signals) process.on(signal, handler);
  return () => {
    for (const signal of signals) process.off(signal, handler);
  };
}
