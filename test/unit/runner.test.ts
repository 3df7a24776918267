// SPDX-License-Identifier: BSD-2-Clause
// runner.test.ts: the test runner itself: what it counts, and that a dead or endless test is a failure.
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countLines, countUvu, type Job, needlessSkips, runJob } from '../../tools/dev/testing/job.js';
import { until } from './relay-fixture.js';

const sh = (script: string, limit = 200): Job => ({
  name: 'job',
  command: 'sh',
  args: ['-c', script],
  limit,
  count: countLines,
});

test('counts the lines of a C test', () => {
  assert.equal(countLines('ok a\n# why\nnot ok b\nskip c no card\nok d\n'), {
    passed: 2,
    failed: 1,
    skipped: 1,
  });
});

test('counts the summary of uvu', () => {
  const output = '\n  Total:     3\n  Passed:    2\n  Skipped:   1\n  Duration:  1.00ms\n';
  assert.equal(countUvu(output), { passed: 2, failed: 1, skipped: 1 });
  assert.equal(countUvu(''), { passed: 0, failed: 0, skipped: 0 });
});

test('a job that passes', async () => {
  const outcome = await runJob(sh('echo ok one; echo skip two no reason'));
  assert.is(outcome.passed, 1);
  assert.is(outcome.failed, 0);
  assert.is(outcome.skipped, 1);
  assert.equal(outcome.skips, ['skip two no reason']);
});

test('as root a skip that names nothing the kernel has not got is a failure', async () => {
  const skipping = () =>
    runJob(sh('echo ok one; echo skip a tool is not installed; echo skip b the kernel has no bridges'));
  const outcome = await skipping();
  assert.equal(needlessSkips(outcome, 0), ['skip a tool is not installed']);
  assert.is(outcome.failed, 1);
  assert.is(outcome.skipped, 1);
  const ofUser = await skipping();
  assert.equal(needlessSkips(ofUser, 1000), []);
  assert.is(ofUser.skipped, 2);
  const silent = await runJob({ ...sh('echo 2'), count: () => ({ passed: 1, failed: 0, skipped: 2 }) });
  assert.equal(needlessSkips(silent, 0), ['2 without a reason']);
  assert.is(silent.failed, 2);
  assert.is(silent.skipped, 0);
});

test('no test, a bad exit status, a signal, no program: each is a failure that says why', async () => {
  for (const [script, problem] of [
    ['true', 'ran no test'],
    ['echo ok one; exit 3', 'exit status 3'],
    ['echo ok one; kill -SEGV $$', 'killed by SIGSEGV'],
  ] as const) {
    const outcome = await runJob(sh(script));
    assert.is(outcome.failed, 1, script);
    assert.is(outcome.problem, problem);
  }
  const outcome = await runJob({ ...sh(''), command: '/nowhere/at-all' });
  assert.is(outcome.failed, 1);
  assert.match(outcome.problem, 'ENOENT');
});

test('a job that does not end is killed with everything it started', async () => {
  const outcome = await runJob(sh('echo ok one; sleep 600 & echo child $!; wait', 5));
  assert.is(outcome.problem, 'took longer than 5 s');
  assert.is(outcome.failed, 1);
  const child = Number(/child (\d+)/.exec(outcome.output)?.[1]);
  assert.ok(child > 0);
  // Gone, or dead and waiting for the init process of this machine to notice.
  const stat = (): string =>
    existsSync(`/proc/${child}/stat`) ? readFileSync(`/proc/${child}/stat`, 'utf8') : ') Z';
  await until(() => /\) [ZX]/.test(stat()), 'the child is gone');
});

test('a test program that has run its tests and does not end is killed, and says so', async () => {
  const job = {
    ...sh('echo not ok one; echo "  Duration: 1ms"; sleep 600', 300),
    last: /^ {2}Duration: /m,
    grace: 1,
  };
  const outcome = await runJob(job);
  assert.is(outcome.problem, 'ran all its tests and did not end: something is still open');
  assert.is(outcome.failed, 2);
  assert.ok(outcome.seconds < 200);
});

test('a process left behind by a test does not hold up the runner', async () => {
  const outcome = await runJob(sh('echo ok one; sleep 600 & exit 0', 300));
  assert.is(outcome.failed, 0);
  assert.ok(outcome.seconds < 200);
});

test('a process left behind in a session of its own is a failure, and holds nothing up for long', async () => {
  const outcome = await runJob(
    sh(
      `setsid sh -c 'echo child $$; touch "$NETVALE_TEST_DIR/up"; exec sleep 600' &
      while [ ! -e "$NETVALE_TEST_DIR/up" ]; do sleep 0.1; done; echo ok one`,
      300,
    ),
  );
  assert.is(outcome.problem, 'left a process behind that holds its output open');
  assert.is(outcome.failed, 1);
  process.kill(Number(/child (\d+)/.exec(outcome.output)?.[1]), 'SIGKILL');
});

test('what a killed job left in its directories is removed', async () => {
  const { output } = await runJob(sh('touch "$NETVALE_TEST_DIR/x"; echo "$NETVALE_TEST_DIR"; kill -KILL $$'));
  assert.match(output, /netvale-test-/);
  assert.not(existsSync(output.trim()));
});

test.run();
