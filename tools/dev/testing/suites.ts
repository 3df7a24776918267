// SPDX-License-Identifier: BSD-2-Clause
// suites.ts: which test programs there are: C tests, TypeScript tests, and the C tests under sanitizers.
import os from 'node:os';
import path from 'node:path';
import { run } from '../setup/common.mjs';
import { wantCommands } from '../setup/steps.mjs';
import { globSync } from './glob.js';
import { countLines, countUvu, type Job } from './job.js';

/** A group of jobs; `prepare` builds what they run, and is called only when one of them is wanted. */
export interface Suite {
  title: string;
  jobs: Job[];
  prepare?: () => Promise<void>;
}

/** Commands of other programs that the TypeScript tests and the pages run, with the Debian package of each. */
const COMMANDS = [
  ['tshark', 'tshark'],
  ['tcpdump', 'tcpdump'],
  ['ip', 'iproute2'],
  ['ping', 'iputils-ping'],
  ['iperf3', 'iperf3'],
  ['python3', 'python3'],
  ['man', 'man-db'],
];

/** Seconds for one program: many times what the slowest takes on a busy machine, and an end to what hangs. */
const LIMIT = 1200;

const nativeNames = () => globSync('test/native', /_test\.c$/).map((file) => path.basename(file, '.c'));

function nativeJobs(prefix: string, folder: string, names: string[], options: Partial<Job> = {}): Job[] {
  return names.map((name) => ({
    name: `${prefix}${name}`,
    command: path.join(folder, name),
    args: [],
    limit: LIMIT,
    count: countLines,
    ...options,
  }));
}

/** Build the C tests once more under a sanitizer, in a tree of their own. */
function sanitized(folder: string, sanitizers: string, targets: string[]): () => Promise<void> {
  return async () => {
    await run('cmake', ['-S', '.', '-B', folder, '-DNETVALE_TESTS=ON', `-DNETVALE_SANITIZE=${sanitizers}`]);
    const parallel = ['--parallel', String(os.availableParallelism())];
    await run('cmake', ['--build', folder, ...parallel, '--target', ...targets]);
  };
}

function typescriptJobs(): Job[] {
  return globSync('test', /\.test\.ts$/).map((file) => ({
    name: file,
    command: process.execPath,
    args: ['--import', 'tsx', file],
    limit: LIMIT,
    count: countUvu,
    last: /^ {2}Duration: /m,
  }));
}

/** Every suite, cheapest first. */
export function suites(): Suite[] {
  const names = nativeNames();
  // Those whose threads share nothing with other processes: the sanitizer cannot see what those do.
  const threaded = names.filter((name) => /^(tsan|flow|queue)_/.test(name));
  const asan = 'build/asan';
  const tsan = 'build/tsan';
  return [
    { title: 'C', jobs: nativeJobs('native/', 'build', names) },
    { title: 'TypeScript', prepare: () => wantCommands(COMMANDS), jobs: typescriptJobs() },
    {
      title: 'C, address and undefined-behaviour sanitizers',
      prepare: sanitized(asan, 'address,undefined', names),
      jobs: nativeJobs('asan/', asan, names, {
        env: {
          UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
          ASAN_OPTIONS: 'detect_stack_use_after_return=1',
        },
      }),
    },
    {
      title: 'C, thread sanitizer',
      prepare: sanitized(tsan, 'thread', threaded),
      jobs: nativeJobs('tsan/', tsan, threaded, { env: { TSAN_OPTIONS: 'halt_on_error=1' } }).map((job) => ({
        ...job,
        // Address-space randomisation is more than this sanitizer's shadow memory can follow.
        command: 'setarch',
        args: ['-R', path.resolve(job.command)],
      })),
    },
  ];
}
