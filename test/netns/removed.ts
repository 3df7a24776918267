// SPDX-License-Identifier: BSD-2-Clause
// removed.ts: a program for tests, in a network namespace of its own: what a program meets whose tap interface is removed.
import { spawnSync } from 'node:child_process';
import { listPorts, openPort } from '../../src/index.js';

const codeOf = async (body: () => unknown): Promise<string> => {
  try {
    await body();
    return 'nothing';
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}: ${(error as Error).message}`;
  }
};

const port = openPort('tap:gone0', { wait: 'sleep' });
const listed = listPorts().map(({ name, kind }) => `${kind} ${name}`);
// What the kernel says by itself when an interface comes up.
while (port.rx.receive() > 0 || (await port.wait('rx', 300)).rx);
const waiting = codeOf(async () => {
  for (;;) {
    await port.wait('rx');
    port.rx.receive();
  }
});
spawnSync('ip', ['link', 'del', 'gone0']);
const results = {
  listed,
  wait: await waiting,
  receive: await codeOf(() => port.rx.receive()),
  send: await codeOf(() => {
    port.tx.reserve(1);
    port.tx.lengths[0] = 60;
    port.tx.send(1);
  }),
  sync: await codeOf(() => port.sync()),
  waitSync: await codeOf(() => port.waitSync('rx', 1000)),
  drops: port.stats().drops.link_down,
};
port.close();
console.log(JSON.stringify({ ...results, left: listPorts().length }));
