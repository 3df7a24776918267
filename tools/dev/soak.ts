// SPDX-License-Identifier: BSD-2-Clause
// soak.ts: the tests that find something only in the long run, again and again: `npm run soak -- [MINUTES] [PATTERN]`.
// Crash tests with twenty times as many deaths, models and rubbish with new seeds, plain and under the address
// sanitizer. Stops at the first failure and shows it, or after MINUTES (30).
import { killAll, runJob } from './testing/job.js';
import { suites } from './testing/suites.js';

const minutes = Number(process.argv[2] ?? 30);
const pattern = process.argv[3] ?? '';
if (!(minutes > 0)) {
  console.error(`soak: '${process.argv[2]}' is not a number of minutes`);
  process.exit(2);
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    killAll();
    process.exit(status);
  });
}

const long = /(crash|fault|random|model|rubbish|senders|queue|tsan)_/;
const chosen = suites().filter((suite) => suite.title.startsWith('C'));
for (const suite of chosen) await suite.prepare?.();
const jobs = chosen
  .flatMap((suite) => suite.jobs)
  .filter((job) => long.test(`${job.name}_`) && job.name.includes(pattern))
  .map((job) => ({ ...job, limit: job.limit * 20, env: { ...job.env, NETVALE_SOAK: '20' } }));
if (jobs.length === 0) {
  console.error(`soak: no test's name contains '${pattern}'`);
  process.exit(2);
}

const end = Date.now() + minutes * 60_000;
let runs = 0;
while (Date.now() < end) {
  for (const job of jobs) {
    const outcome = await runJob(job);
    runs++;
    const left = Math.max(0, Math.round((end - Date.now()) / 60_000));
    console.log(`${outcome.seconds.toFixed(1).padStart(8)} s  ${job.name}  (${left} minutes left)`);
    if (outcome.failed > 0) {
      console.log(`${outcome.output}\n${outcome.problem}\nsoak: ${job.name} failed after ${runs} runs`);
      process.exit(1);
    }
    if (Date.now() >= end) break;
  }
}
console.log(`soak: ${runs} runs, no failure`);
