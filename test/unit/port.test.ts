// SPDX-License-Identifier: BSD-2-Clause
// port.test.ts: ports in JavaScript: batches over the region in both directions, waiting, closing, errors with codes.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  collectGarbage,
  isNetvaleError,
  listPorts,
  type OpenOptions,
  openPort,
  type Port,
} from '../../src/index.js';
import { PATIENCE } from './relay-fixture.js';

const world = mkdtempSync(path.join(tmpdir(), 'netvale-port-'));
const dir = path.join(world, 'shm');
const opened: Port[] = [];

function open(name: string, options: OpenOptions = {}): Port {
  const port = openPort(name, { dir, ...options });
  opened.push(port);
  return port;
}

test.after.each(() => {
  for (const port of opened.splice(0)) port.close();
});

test.after(() => rmSync(world, { recursive: true }));

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return isNetvaleError(error) ? error.code : (error as Error).name;
  }
  return 'no error';
}

const MAC = (last: number) => [2, 0, 0, 0, 0, last];

/** Send frames of these lengths, filled with their number. Returns how many fitted. */
function send(port: Port, to: number[], lengths: number[]): number {
  const { tx } = port;
  const count = tx.reserve(lengths.length);
  for (let i = 0; i < count; i++) {
    const frame = tx.packet(i);
    frame.set(to, 0);
    frame.set(MAC(1), 6);
    frame.fill(i + 1, 12, lengths[i]!);
    tx.lengths[i] = lengths[i]!;
  }
  tx.send(count);
  return count;
}

test('a VALE switch: what is sent arrives, unchanged and in order', () => {
  const a = open('vale0:a');
  const b = open('vale0:b');
  assert.is(send(a, [255, 255, 255, 255, 255, 255], [60, 61, 1514, 200]), 4);
  assert.is(b.rx.receive(), 4);
  assert.equal([...b.rx.lengths.subarray(0, 4)], [60, 61, 1514, 200]);
  for (let i = 0; i < 4; i++) {
    const packet = b.rx.packet(i);
    assert.is(packet.length, b.rx.lengths[i]);
    assert.ok(packet.subarray(12).every((byte) => byte === i + 1));
    assert.is(b.rx.bytes[b.rx.offsets[i]! + 12], i + 1, 'offsets lead to the same bytes');
  }
  assert.is(b.rx.receive(), 0);
});

test('a pipe: full, it takes no more; emptied, it takes again; nothing is lost', () => {
  const a = open('netmap:p{1');
  const b = open('netmap:p}1');
  let sent = 0;
  for (let n = 1; n > 0; sent += n) n = send(a, MAC(9), new Array<number>(100).fill(60));
  assert.is(sent, 1023);
  assert.is(a.tx.reserve(), 0);
  let received = 0;
  for (let n = b.rx.receive(); n > 0; n = b.rx.receive()) received += n;
  assert.is(received, sent);
  assert.ok(a.tx.reserve() > 0);
  assert.equal(a.stats().drops.no_space, 0);
});

test('both ends of a pipe see one memory', () => {
  const a = open('netmap:p{1');
  const b = open('netmap:p}1');
  assert.is(a.memoryId, b.memoryId);
  send(a, MAC(9), [60]);
  assert.is(b.rx.receive(), 1);
  b.rx.packet(0)[20] = 77;
  assert.is(a.tx.bytes[b.rx.offsets[0]! + 20], 77);
});

test('several rings, and one of them alone', () => {
  const a = open('vale0:a', { txRings: 3, rxRings: 3 });
  const b = open('vale0:b', { txRings: 3, rxRings: 3, txSlots: 64, rxSlots: 128 });
  assert.equal(b.txSlots, [64, 64, 64]);
  assert.equal(b.rxSlots, [128, 128, 128]);
  // A batch that needs all three rings of a, 64 to a ring of b.
  assert.is(a.tx.reserve(512), 512);
  const one = open('vale0:c-1', { txRings: 3, rxRings: 3 });
  assert.equal(one.txSlots, [1024]);
});

test('counters add up, and drops have names', () => {
  const a = open('vale0:a');
  send(a, MAC(9), [60, 60, 60]);
  const { txPackets, txCopies, txDelivered, drops } = a.stats();
  assert.is(txPackets, 3);
  assert.is(txPackets + txCopies, txDelivered + Object.values(drops).reduce((sum, n) => sum + n, 0));
  assert.is(drops.no_port, 3);
});

test('packets and bytes that came back', () => {
  const a = open('netmap:p{1');
  const b = open('netmap:p}1');
  send(a, MAC(9), [60, 100]);
  b.rx.receive();
  b.rx.receive();
  a.sync();
  assert.equal(a.completed(), { packets: 2, bytes: 160 });
  assert.equal(a.completed(), { packets: 0, bytes: 0 });
});

test('wrong sends are refused and send nothing', () => {
  const a = open('vale0:a', { batch: 8 });
  const b = open('vale0:b');
  assert.is(
    codeOf(() => a.tx.reserve(9)),
    'ERANGE',
  );
  assert.is(
    codeOf(() => a.tx.reserve(-1)),
    'ERANGE',
  );
  assert.is(
    codeOf(() => a.tx.send(1)),
    'ERANGE',
  );
  assert.is(a.tx.reserve(8), 8);
  for (let i = 0; i < 8; i++) a.tx.packet(i).fill(255, 0, 60);
  a.tx.lengths.fill(60);
  a.tx.lengths[7] = 3000;
  assert.is(
    codeOf(() => a.tx.send()),
    'ERANGE',
  );
  assert.is(
    codeOf(() => a.tx.packet(8)),
    'ERANGE',
  );
  a.tx.send(7);
  assert.is(b.rx.receive(), 7);
  assert.is(
    codeOf(() => b.rx.packet(7)),
    'ERANGE',
  );
  assert.is(
    codeOf(() => a.tx.send(1)),
    'ERANGE',
    'the reservation is over',
  );
});

test('waiting: for what is there, for what comes, for nothing', async () => {
  const a = open('vale0:a');
  const b = open('vale0:b');
  assert.equal(await b.wait('tx'), { rx: false, tx: true });
  const start = performance.now();
  assert.equal(await b.wait('rx', 30), { rx: false, tx: false });
  assert.ok(performance.now() - start >= 29);
  const arrival = b.wait('rx');
  setTimeout(() => send(a, MAC(9), [60]), 10);
  assert.equal(await arrival, { rx: true, tx: false });
  assert.is(b.rx.receive(), 1);
  assert.equal(b.waitSync('rx', 5), { rx: false, tx: false });
  send(a, MAC(9), [60]);
  assert.equal(b.waitSync('either'), { rx: true, tx: true });
});

test('waiting does not hold up the event loop', async () => {
  const b = open('vale0:b');
  const a = open('vale0:a');
  const waiting = b.wait('rx');
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
  send(a, MAC(9), [60]);
  assert.equal(await waiting, { rx: true, tx: false });
});

test('two waits on one port both end', async () => {
  const a = open('vale0:a');
  const b = open('vale0:b');
  const both = Promise.all([b.wait('rx', PATIENCE), b.wait('rx', PATIENCE)]);
  setTimeout(() => send(a, MAC(9), [60]), 10);
  assert.equal(
    (await both).map(({ rx }) => rx),
    [true, true],
  );
});

test('after close every accessor throws ECLOSED, and a view kept is empty', async () => {
  const a = open('vale0:a');
  const { rx, tx } = a;
  const kept = rx.bytes;
  tx.reserve(1);
  const packet = tx.packet(0);
  assert.ok(kept.length > 0);
  const waiting = a.wait('rx').then(
    () => 'resolved',
    (error: unknown) => (isNetvaleError(error) ? error.code : error),
  );
  a.close();
  a.close();
  assert.is(await waiting, 'ECLOSED');
  assert.ok(a.closed);
  assert.is(kept.length, 0);
  assert.is(packet.length, 0);
  packet[0] = 1;
  assert.is(packet[0], undefined);
  for (const work of [
    () => rx.receive(),
    () => rx.count,
    () => rx.offsets,
    () => rx.lengths,
    () => rx.flags,
    () => rx.bytes,
    () => rx.packet(0),
    () => tx.reserve(1),
    () => tx.send(),
    () => tx.bytes,
    () => a.stats(),
    () => a.sync(),
    () => a.completed(),
    () => a.waitSync('rx', 0),
  ])
    assert.is(codeOf(work), 'ECLOSED', String(work));
  assert.is(await a.wait('rx', 0).catch((error: { code: string }) => error.code), 'ECLOSED');
});

test('closing one of two ports on a region leaves the other its memory', () => {
  const a = open('netmap:p{1');
  const b = open('netmap:p}1');
  send(a, MAC(9), [60]);
  a.close();
  assert.is(b.rx.receive(), 1);
  assert.is(b.rx.packet(0)[12], 1);
  const kept = b.rx.bytes;
  b.close();
  assert.is(kept.length, 0);
});

test('a region that grows: the new buffers are seen', () => {
  const a = open('vale0:a@7');
  const before = a.rx.bytes.length;
  const b = open('vale0:b@7');
  assert.is(a.memoryId, 7);
  assert.is(b.memoryId, 7);
  send(b, MAC(9), [60, 61]);
  assert.is(a.rx.receive(), 2);
  assert.ok(a.rx.bytes.length >= before);
  assert.is(a.rx.packet(1).length, 61);
  assert.is(a.rx.packet(1)[12], 2);
});

test('bad names and options have a code and name what is bad', () => {
  for (const [name, code, word] of [
    ['vale0', 'EINVAL', 'vale0'],
    ['bogus:x', 'EINVAL', 'bogus'],
    ['vale0:a/q', 'EINVAL', 'q'],
    ['vale0:a@x', 'EINVAL', '@'],
  ] as const) {
    try {
      open(name);
      assert.unreachable(name);
    } catch (error) {
      assert.ok(isNetvaleError(error), String(error));
      assert.is(error.code, code, error.message);
      assert.match(error.message, word);
    }
  }
  assert.is(
    codeOf(() => open('vale0:a', { existing: true })),
    'ENOENT',
  );
  assert.is(
    codeOf(() => open('vale0:a', { batch: 0 })),
    'EINVAL',
  );
  assert.is(
    codeOf(() => open('vale0:a', { wait: 'spin' as 'busy' })),
    'EINVAL',
  );
  assert.is(
    codeOf(() => open('vale0:a', { txSlots: 1.5 })),
    'EINVAL',
  );
  assert.is(
    codeOf(() => open(5 as unknown as string)),
    'EINVAL',
  );
  assert.is(
    codeOf(() => open('vale0:a\0')),
    'EINVAL',
  );
});

test('the directory: who is there, and nothing when all have left', () => {
  const a = open('vale0:a');
  open('vale1:b', { rxSlots: 256 });
  const ports = listPorts(dir).sort((x, y) => x.name.localeCompare(y.name));
  assert.equal(
    ports.map(({ name, kind, rxSlots, openers }) => ({ name, kind, rxSlots, openers })),
    [
      { name: 'vale0:a', kind: 'vale', rxSlots: 1024, openers: 1 },
      { name: 'vale1:b', kind: 'vale', rxSlots: 256, openers: 1 },
    ],
  );
  assert.is(collectGarbage(dir), 0);
  a.close();
  assert.equal(
    listPorts(dir).map(({ name }) => name),
    ['vale1:b'],
  );
  for (const port of opened.splice(0)) port.close();
  assert.equal(listPorts(dir), []);
  assert.equal(readdirSync(world).includes('shm') ? readdirSync(dir) : [], []);
});

test.run();
