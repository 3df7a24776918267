// SPDX-License-Identifier: BSD-2-Clause
// bench.ts: run the benchmarks and set their figures beside their baselines and what they have to reach.
// `npm run bench -- [NAME ...] [--runs N] [--json]`: NAME is a benchmark or the beginning of one.
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { cac } from 'cac';
import { type Benchmark, benchmarks, targets } from '../../test/bench/benchmarks.js';
import { describe, machine } from '../../test/bench/machine.js';
import { type Run, summarise, table } from '../../test/bench/summary.js';
import { buildDir, root } from './setup/common.mjs';

/** A mistake on the command line: one line, exit status 2, nothing run. */
function refuse(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(2);
}

function chosen(names: readonly string[]): Benchmark[] {
  for (const name of names)
    if (!benchmarks.some((b) => b.name.startsWith(name)))
      refuse(`no benchmark ${name}; there are ${benchmarks.map((b) => b.name).join(', ')}`);
  return benchmarks.filter((b) => names.length === 0 || names.some((name) => b.name.startsWith(name)));
}

function commandOf(benchmark: Benchmark): [command: string, args: string[]] {
  if (benchmark.program.endsWith('.c')) return [path.join(buildDir, path.parse(benchmark.program).name), []];
  return [process.execPath, ['--import', 'tsx', path.join(root, 'test/bench', benchmark.program)]];
}

let child: ChildProcess | undefined;
let interrupted: NodeJS.Signals | undefined;

/** Run one program and hand over its records as they come. Rejects when it fails. */
async function measure(benchmark: Benchmark, runs: number, onRun: (run: Run) => void): Promise<void> {
  const [command, args] = commandOf(benchmark);
  const started = spawn(command, [...args, '--runs', String(runs), '--seconds', String(benchmark.seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: root,
  });
  child = started;
  const ended = new Promise<string>((resolve) => {
    started.on('error', (error) => resolve(error.message));
    started.on('close', (code, signal) => resolve(code === 0 ? '' : (signal ?? `exit status ${code}`)));
  });
  for await (const line of createInterface({ input: started.stdout })) onRun(JSON.parse(line) as Run);
  const problem = await ended;
  child = undefined;
  if (problem !== '' && interrupted === undefined) throw new Error(`${benchmark.name}: ${problem}`);
}

const cli = cac('bench');
cli
  .command('[...names]', 'Run the benchmarks, or those whose names begin with NAME')
  .option('--runs <n>', 'Runs of each case, 1 to 1000 (default: as each benchmark has it)')
  .option('--json', 'One JSON record a line: the machine, every run, and a result for each case');
cli.help();
const { args, options } = cli.parse();
if (options.help) process.exit(0);
for (const name of Object.keys(options))
  if (!['--', 'runs', 'json', 'help', 'h'].includes(name)) refuse(`unknown option --${name}`);
if (
  options.runs !== undefined &&
  !(Number.isInteger(options.runs) && options.runs >= 1 && options.runs <= 1000)
)
  refuse(`--runs ${options.runs}: give a whole number from 1 to 1000`);

// A terminal's Ctrl-C reaches the running program as well: it ends after its run and takes its files along.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    interrupted = signal;
    child?.kill(signal);
  });

const json: boolean = options.json ?? false;
const m = machine();
const runs: Run[] = [];
const wanted = chosen(args);
if (json) console.log(JSON.stringify({ type: 'machine', ...m }));
for (const benchmark of wanted) {
  if (interrupted !== undefined) break;
  if (!json && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${benchmark.name} ...`);
  try {
    await measure(benchmark, options.runs ?? benchmark.runs, (run) => {
      runs.push(run);
      if (json) console.log(JSON.stringify({ type: 'run', ...run }));
    });
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
if (!json && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
const summaries = summarise(runs, targets);
if (json) for (const summary of summaries) console.log(JSON.stringify({ type: 'result', ...summary }));
else console.log(`${describe(m)}\n\n${table(summaries)}`);
if (interrupted !== undefined) process.exitCode = interrupted === 'SIGINT' ? 130 : 143;
