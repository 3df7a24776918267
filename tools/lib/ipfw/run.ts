// SPDX-License-Identifier: BSD-2-Clause
// run.ts: does what the command line of ipfw asks for: with a running program, or on a file alone.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Job } from '../../../src/rules/command.js';
import { bareContext } from '../../../src/rules/context.js';
import { requestOnce } from '../../../src/rules/control-client.js';
import { Controller } from '../../../src/rules/controller.js';
import type { RuleEngine } from '../../../src/rules/engine.js';
import { EXIT, RuleError } from '../../../src/rules/error.js';
import { readRuleFile } from '../../../src/rules/read-file.js';
import { execute, glance, type Reply, type Source } from '../../../src/rules/session.js';
import { complain } from '../program.js';
import type { Settings, Task } from './arguments.js';
import { PROGRAM } from './name.js';

type WorkTask = Extract<Task, { kind: 'command' | 'file' }>;

/** Text of a rule file, through its preprocessor. */
async function preprocess(file: string, preprocessor: { command: string; args: string[] }): Promise<string> {
  const { command, args } = preprocessor;
  const result = spawnSync(command, args, {
    input: await readRuleFile(file),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const code = (result.error as NodeJS.ErrnoException | undefined)?.code;
  // One that ends before it has read the file (EPIPE) ran: its status says how.
  if (result.error && code !== 'EPIPE') {
    const why = code === 'ENOENT' ? 'no such program' : result.error.message;
    throw new RuleError(`cannot run ${command}: ${why}`, { exit: EXIT.osError });
  }
  if (result.status !== 0) {
    const how = result.signal ? `signal ${result.signal}` : `status ${result.status}`;
    throw new RuleError(`preprocessor ${command} exited with ${how}`, { exit: EXIT.unavailable });
  }
  return result.stdout;
}

async function sourceOf(task: WorkTask): Promise<Source> {
  if (task.kind === 'command') return { args: task.args, folder: process.cwd() };
  const { file, flags, preprocessor } = task;
  const text = await (preprocessor ? preprocess(file, preprocessor) : readRuleFile(file));
  return {
    text,
    file,
    preprocessed: preprocessor !== undefined,
    folder: path.dirname(path.resolve(file)),
    flags,
  };
}

/** flush asks on a terminal unless -f or -q. */
async function confirmed(jobs: readonly Job[]): Promise<boolean> {
  const asks = jobs.some(
    ({ command, flags }) =>
      /flush$/.test(command.kind) && command.kind !== 'table-flush' && !flags.force && !flags.quiet,
  );
  if (!asks || !process.stdin.isTTY) return true;
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  try {
    for (;;) {
      const answer = (await prompt.question('Are you sure? [yn] ')).trim().toLowerCase();
      if (answer === 'y' || answer === 'n') return answer === 'y';
    }
  } finally {
    prompt.close();
  }
}

export function show(reply: Reply): number {
  process.stdout.write(reply.output);
  for (const warning of reply.warnings) complain(PROGRAM, warning);
  if (reply.error !== undefined) complain(PROGRAM, reply.error);
  return reply.exit;
}

/** A rule set of its own with a file's rules in it; force: what the file deletes may be missing. Throws a RuleError. */
export async function loadRules(
  settings: Settings,
  { engine, force = false }: { engine?: RuleEngine; force?: boolean } = {},
): Promise<Controller> {
  const controller = new Controller({
    context: bareContext,
    defaultAction: settings.default,
    ...(engine && { engine }),
  });
  if (settings.rules === undefined) return controller;
  const file = settings.rules;
  const reply = await execute(controller, {
    text: await readRuleFile(file),
    file,
    folder: path.dirname(path.resolve(file)),
    flags: { quiet: true, force },
  });
  for (const warning of reply.warnings) complain(PROGRAM, warning);
  if (reply.error !== undefined) throw new RuleError(reply.error, { exit: reply.exit as RuleError['exit'] });
  return controller;
}

/** dnctl speaks of pipes, queues and schedulers. */
function onlyLinks(jobs: readonly Job[]): void {
  const other = jobs.find(({ command }) => !command.kind.startsWith('dummynet-'));
  if (!other) return;
  const error = new RuleError('dnctl does not do that', {
    expected: 'pipe, queue or sched: everything else is for ipfw',
    exit: EXIT.usage,
  });
  throw other.command.place ? error.at(other.command.place) : error;
}

export async function runTask(settings: Settings, task: WorkTask): Promise<number> {
  const source = await sourceOf(task);
  const seen = glance(source);
  const { jobs } = seen;
  if (task.kind === 'command' && jobs.length === 0)
    throw new RuleError('no command', {
      expected: `${PROGRAM} [flags] command: see ${PROGRAM} -h`,
      exit: EXIT.usage,
    });
  if (PROGRAM === 'dnctl') onlyLinks(jobs);
  const listing = jobs.some(({ command }) => command.kind === 'list');
  if (jobs.some(({ flags }) => flags.testOnly)) {
    if (listing && settings.rules === undefined) {
      complain(PROGRAM, 'testing only, list disabled');
      return EXIT.ok;
    }
    return show(
      await execute(
        new Controller({ context: bareContext, defaultAction: settings.default, lenient: true }),
        source,
        seen,
      ),
    );
  }
  if (settings.rules !== undefined) {
    const force = jobs.some(({ flags }) => flags.force);
    return show(await execute(await loadRules(settings, { force }), source, seen));
  }
  if (!(await confirmed(jobs))) return EXIT.ok;
  return show(await requestOnce(settings.socket, source, seen));
}
