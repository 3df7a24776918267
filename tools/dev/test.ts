// SPDX-License-Identifier: BSD-2-Clause
// test.ts: run every test, or those whose name contains PATTERN: `npm test -- [PATTERN]`.
// One line a file, the whole output of what failed, and `N passed, N failed` at the end.
import { type Counts, killAll, needlessSkips, runJob } from './testing/job.js';
import { suites } from './testing/suites.js';

const pattern = process.argv[2] ?? '';
const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const skips: string[] = [];

process.on('SIGINT', () => {
  killAll();
  process.exit(130);
});
process.on('SIGTERM', () => {
  killAll();
  process.exit(143);
});

for (const suite of suites()) {
  const jobs = suite.jobs.filter((job) => job.name.includes(pattern));
  if (jobs.length === 0) continue;
  console.log(`\n${suite.title}`);
  try {
    await suite.prepare?.();
  } catch (error) {
    console.log(`  FAILED to build\n${(error as Error).message}`);
    total.failed++;
    continue;
  }
  for (const job of jobs) {
    const outcome = await runJob(job);
    const needless = needlessSkips(outcome);
    total.passed += outcome.passed;
    total.failed += outcome.failed;
    total.skipped += outcome.skipped;
    const mark = outcome.failed > 0 ? 'FAILED' : 'ok';
    const count = `${outcome.passed} passed`;
    console.log(
      `  ${mark.padEnd(6)} ${outcome.seconds.toFixed(1).padStart(6)} s  ${count.padStart(10)}  ${job.name}`,
    );
    for (const skip of outcome.skips) skips.push(`${job.name}: ${skip}`);
    for (const skip of needless) console.log(`      need not be skipped by root: ${skip}`);
    if (outcome.failed > needless.length) {
      const why = outcome.problem === '' ? '' : `${job.name}: ${outcome.problem}\n`;
      console.log(`${outcome.output.trimEnd().replace(/^/gm, '      | ')}\n      ${why}`);
    }
  }
}

if (total.passed + total.failed + total.skipped === 0) {
  console.log(`no test's name contains '${pattern}'`);
  total.failed++;
}
if (skips.length > 0) console.log(`\nskipped:\n${skips.map((line) => `  ${line}`).join('\n')}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;
