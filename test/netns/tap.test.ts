// SPDX-License-Identifier: BSD-2-Clause
// tap.test.ts: tap ports in JavaScript and in pkt-gen, in a network namespace of their own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { reasonToSkip } from './lab.js';

const test = suite('tap ports');
const noIp = spawnSync('ip', ['-V']).error && 'there is no program ip';
const skipped = noIp ?? (await reasonToSkip());
const check = (name: string, body: () => void) => {
  if (skipped === undefined) test(name, body);
  else {
    console.log(`skip ${name}: ${skipped}`);
    test.skip(name, body);
  }
};

const base = mkdtempSync(path.join(os.tmpdir(), 'netvale-tap-'));
test.after(() => rmSync(base, { recursive: true }));

/** Run a shell script in a new namespace; $RUN is node with TypeScript. */
const inNewNamespace = (script: string) =>
  spawnSync('unshare', ['-n', 'sh', '-c', script], {
    encoding: 'utf8',
    cwd: path.resolve(import.meta.dirname, '../..'),
    env: { ...process.env, NETVALE_DIR: path.join(base, 'shm'), RUN: `${process.execPath} --import tsx` },
  });

check('an interface that is removed is an error at every call, with its name', () => {
  const { stdout, stderr } = inNewNamespace('$RUN test/netns/removed.ts');
  const { listed, drops, left, ...calls } = JSON.parse(stdout || assert.unreachable(stderr) || '');
  assert.equal(listed, ['tap tap:gone0']);
  for (const [call, result] of Object.entries(calls))
    assert.is(result, 'ENODEV: tap:gone0: its interface was removed', call);
  assert.is(drops, 1);
  assert.is(left, 0);
});

check('pkt-gen sends into an interface, which the host counts and loses with the program', () => {
  const { status, stdout, stderr } = inNewNamespace(`
    ip tuntap add mode tap dev counted && ip link set counted up &&
    $RUN tools/pkt-gen.ts -i tap:counted -f tx -n 1000 && ip -statistics link show counted &&
    $RUN tools/pkt-gen.ts -i tap:fleeting -f tx -n 10 && ! ip link show fleeting`);
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout, 'Sent 1000 packets');
  assert.match(stdout, /RX: +bytes.*\n +60000 +1000 /);
  assert.match(stderr, 'fleeting');
});

check('pkt-gen says that the interface was removed, and ends', () => {
  const { stdout, stderr } = inNewNamespace(`
    $RUN tools/pkt-gen.ts -i tap:pulled -f rx >"$NETVALE_DIR.out" & pid=$!
    while ! grep -q 'Receiving from' "$NETVALE_DIR.out"; do sleep 0.05; done
    ip link del pulled; wait $pid; echo "status $?"`);
  assert.match(stderr, 'tap:pulled: its interface was removed');
  assert.match(stdout, 'status 1');
});

check('emulate into an interface that is set down: what did not go out is link_down', () => {
  const { status, stdout, stderr } = inNewNamespace(`
    ip tuntap add mode tap dev edge && ip link set edge up || exit
    $RUN tools/emulate.ts -i vale0:e -i tap:edge --delay 1ms --json -T 100 >"$NETVALE_DIR.records" & pid=$!
    until [ -s "$NETVALE_DIR.records" ]; do kill -0 $pid && sleep 0.05 || exit; done
    arrived() { awk '$1 == "edge:" { print $3 }' /proc/net/dev; }
    $RUN tools/pkt-gen.ts -i vale0:s -f tx -n 500 >&2 || exit
    until [ "$(arrived)" -ge 500 ]; do kill -0 $pid && sleep 0.05 || exit; done
    ip link set edge down
    $RUN tools/pkt-gen.ts -i vale0:s -f tx -n 300 >&2 || exit
    kill -INT $pid; wait $pid || exit
    tail -n 1 "$NETVALE_DIR.records"; arrived`);
  assert.is(status, 0, stderr);
  const [record, arrived] = stdout.trim().split('\n');
  const [{ rx_packets, tx_packets, drops }] = JSON.parse(record!).directions;
  assert.is(tx_packets, Number(arrived), 'what went out is what the interface got');
  assert.equal([rx_packets, tx_packets, drops.link_down], [800, 500, 300]);
  const lost = Object.values<number>(drops).reduce((sum, count) => sum + count, 0);
  assert.is(rx_packets, tx_packets + lost, 'in = out + drops');
});

test.run();
