// SPDX-License-Identifier: BSD-2-Clause
// start.test.ts: `npm start` from beginning to end, and interrupted at several moments: nothing is left behind.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Start it as a terminal would: in a process group of its own, which a Ctrl-C reaches as a whole. */
function start() {
  const child = spawn(process.execPath, ['tools/dev/run.mjs', 'tools/dev/start.ts'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const ended = new Promise<{ status: number | null; output: string }>((resolve) => {
    // A signal that found no handler yet counts as it does for a shell.
    child.on('close', (status, signal) =>
      resolve({ status: signal === null ? status : 128 + constants.signals[signal], output }),
    );
  });
  return { group: child.pid!, ended };
}

/** Processes of a group that are alive. */
function alive(group: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const [state, , pgrp] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return Number(pgrp) === group && state !== 'Z';
    } catch {
      return false; // gone meanwhile
    }
  });
}

/** Those of the group that are still alive after a moment for the last to end: they are told when the first is gone. */
async function lasting(group: number): Promise<string[]> {
  for (let i = 0; i < 5000 && alive(group).length > 0; i++) await sleep(20);
  return alive(group);
}

/** Worlds (named after their process) that outlived it. */
const left = () =>
  readdirSync('/dev/shm').filter((name) => {
    const pid = /^netvale-demo-(\d+)-/.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });

test('it shows both sizes and sets them beside the plain loop', async () => {
  const before = left();
  const { group, ended } = start();
  const { status, output } = await ended;
  assert.is(status, 0, output);
  for (const size of ['60', '1514']) {
    const row = new RegExp(
      `^ +${size} bytes: VALE +[\\d.]+ Mpps +[\\d.]+ Gbit/s +plain copy loop +[\\d.]+ Mpps`,
      'm',
    );
    assert.match(output, row);
  }
  assert.equal(await lasting(group), []);
  assert.equal(left(), before);
});

test('Ctrl-C at any moment: status 130, no process and no shared memory left', async () => {
  const before = left();
  for (const milliseconds of [100, 700, 1500, 2500, 4000]) {
    const { group, ended } = start();
    await sleep(milliseconds);
    process.kill(-group, 'SIGINT');
    const { status, output } = await ended;
    assert.is(status, 130, `after ${milliseconds} ms: ${output}`);
    assert.equal(await lasting(group), []);
    assert.equal(left(), before);
  }
});

test.run();
