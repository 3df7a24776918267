// SPDX-License-Identifier: BSD-2-Clause
// output.ts: what becomes of a program whose output cannot be written: one line, or nothing when its reader went away.

/**
 * Watch standard output and standard error. A reader that goes away ends the program quietly, with status 0; any other
 * failure (a full disk) with one line on stderr and `status`.
 */
export function guardOutput(program: string, status: number): void {
  process.stderr.on('error', ({ code }: NodeJS.ErrnoException) =>
    process.exit(code === 'EPIPE' ? 0 : status),
  );
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0);
    const [, problem = message] = /^[A-Z0-9]+: (.*?)(?:, \w+)?$/.exec(message) ?? [];
    console.error(`${program}: standard output cannot be written: ${problem}`);
    process.exit(status);
  });
}
