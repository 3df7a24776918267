// SPDX-License-Identifier: BSD-2-Clause
// interrupt.test.ts: Ctrl-C at the first moment at which there is something to leave behind, and a second one right behind it.
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until, World } from '../multi/programs.js';

const LINK = ['-i', 'valei:r', '-i', 'valeo:r', '--delay', '1ms'];
const RULES = ['-i', 'valei:r', '-f', 'rx', '--rule', 'add allow ip from any to any'];

/** Files of shared memory and control sockets that are there. */
const left = ({ dir }: World): string[] =>
  [dir, `${dir}.control`].flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));

for (const [program, args] of [
  ['emulate', LINK],
  ['pkt-gen', RULES],
] as const)
  for (const what of ['.sock', 'region'])
    for (const times of [1, 2])
      test(`${program}, ${times} times, as soon as there is ${what}`, async () => {
        const world = new World();
        try {
          const running = world.start(program, [...args]);
          await until(() => left(world).some((name) => name.includes(what)), what);
          for (let i = 0; i < times; i++) running.child.kill('SIGINT');
          const { status, signal, stderr } = await running.ended;
          assert.is(signal, null, stderr);
          assert.ok(status === 0 || status === 130, `status ${status}: ${stderr}`);
          assert.equal(left(world), []);
        } finally {
          world.end();
        }
      });

test.run();
