// SPDX-License-Identifier: BSD-2-Clause
// ports.test.ts: what every kind of port that carries packets must do, run against each kind through the library.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MORE_FRAGMENTS, type OpenOptions, openPort, type Port } from '../../src/index.js';
import '../unit/seed.js';

interface Kind {
  title: string;
  a: string;
  b: string;
  options: OpenOptions;
  /** A full receiver holds the sender up instead of losing packets. */
  lossless: boolean;
}

const kinds: Kind[] = [
  { title: 'VALE', a: 'vale0:a', b: 'vale0:b', options: {}, lossless: false },
  { title: 'VALE, always copying', a: 'vale0:a', b: 'vale0:b', options: { copy: true }, lossless: false },
  { title: 'VALE, one region', a: 'vale0:a@5', b: 'vale0:b@5', options: {}, lossless: false },
  {
    title: 'VALE, small rings',
    a: 'vale0:a',
    b: 'vale0:b',
    options: { txSlots: 16, rxSlots: 8 },
    lossless: false,
  },
  {
    title: 'VALE, several rings',
    a: 'vale0:a-1',
    b: 'vale0:b-1',
    options: { txRings: 3, rxRings: 3 },
    lossless: false,
  },
  { title: 'pipe', a: 'netmap:p{1', b: 'netmap:p}1', options: {}, lossless: true },
  { title: 'pipe, from the other end', a: 'netmap:p}x', b: 'netmap:p{x', options: {}, lossless: true },
  { title: 'pipe of a VALE port', a: 'vale0:a{1', b: 'vale0:a}1', options: {}, lossless: true },
  {
    title: 'pipe, small rings',
    a: 'netmap:p{1',
    b: 'netmap:p}1',
    options: { txSlots: 8, rxSlots: 8 },
    lossless: true,
  },
];

/** A frame of its own for each number: broadcast, number in bytes 12 to 15, the rest derived from it. */
function write(frame: Uint8Array, number: number, length: number): void {
  frame.fill(255, 0, 6);
  frame.fill(2, 6, 12);
  new DataView(frame.buffer, frame.byteOffset).setUint32(12, number);
  for (let at = 16; at < length; at++) frame[at] = (number * 7 + at) & 255;
}

const numberOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(12);

function checkFrame(frame: Uint8Array, length: number): void {
  const number = numberOf(frame);
  assert.is(frame.length, length);
  for (let at = 16; at < length; at++)
    if (frame[at] !== ((number * 7 + at) & 255)) assert.unreachable(`packet ${number}, byte ${at}`);
}

const drops = (port: Port) => Object.values(port.stats().drops).reduce((sum, n) => sum + n, 0);

for (const kind of kinds) {
  const test = suite(kind.title);
  let base = '';
  let a: Port;
  let b: Port;

  const dir = () => path.join(base, 'shm');
  const open = (name: string) => openPort(name, { dir: dir(), ...kind.options });

  const start = () => {
    base = mkdtempSync(path.join(tmpdir(), 'netvale-kind-'));
    a = open(kind.a);
    b = open(kind.b);
  };
  const end = () => {
    // uvu says nothing of a hook that throws: after a failed test there may be nothing to end.
    if (base === '') return;
    a.close();
    b.close();
    const left = readdirSync(base).length > 0 ? readdirSync(dir()) : [];
    rmSync(base, { recursive: true });
    base = '';
    assert.equal(left, [], 'files left in shared memory');
  };
  test.before.each(start);
  test.after.each(end);

  /** Send up to `count` frames numbered from `first`; returns how many the port took. */
  const send = (first: number, count: number, length: number, port = a): number => {
    const { tx } = port;
    const room = tx.reserve(Math.min(count, tx.capacity));
    for (let i = 0; i < room; i++) {
      write(tx.packet(i), first + i, length);
      tx.lengths[i] = length;
    }
    tx.send(room);
    return room;
  };

  test('lengths from an Ethernet header to a whole buffer arrive as they were', () => {
    let number = 0;
    for (const length of [16, 17, 59, 60, 61, 63, 64, 65, 127, 128, 1514, 2047, 2048]) {
      assert.is(send(number++, 1, length), 1);
      assert.is(b.rx.receive(), 1);
      checkFrame(b.rx.packet(0), length);
    }
  });

  test('both directions at once', () => {
    assert.is(send(0, 3, 60, a), 3);
    assert.is(send(100, 4, 70, b), 4);
    assert.is(b.rx.receive(), 3);
    assert.is(a.rx.receive(), 4);
    assert.equal([numberOf(b.rx.packet(0)), numberOf(a.rx.packet(0))], [0, 100]);
  });

  test('whatever is sent and received in whatever pieces: in order, whole, and counted', () => {
    const step = fc.record({
      send: fc.nat(40),
      length: fc.integer({ min: 16, max: 300 }),
      receive: fc.boolean(),
    });
    end();
    fc.assert(
      fc
        .property(fc.array(step, { maxLength: 60 }), (steps) => {
          const lengths: number[] = [];
          let next = 0;
          let received = 0;
          const receive = () => {
            const count = b.rx.receive();
            for (let i = 0; i < count; i++) {
              const frame = b.rx.packet(i);
              const number = numberOf(frame);
              assert.ok(number >= next, `packet ${number} after ${next - 1}`);
              if (kind.lossless) assert.is(number, next);
              next = number + 1;
              checkFrame(frame, lengths[number]!);
            }
            received += count;
            return count;
          };
          for (const { send: count, length, receive: now } of steps) {
            const sent = send(lengths.length, count, length);
            for (let i = 0; i < sent; i++) lengths.push(length);
            if (now) receive();
          }
          a.sync();
          while (receive() > 0) a.sync();
          // A pipe counts as delivered what its other end gave back.
          b.rx.receive();
          a.sync();
          assert.is(received + drops(a), lengths.length, 'received + dropped = sent');
          if (kind.lossless) assert.is(drops(a), 0);
          const { txPackets, txDelivered, txBytes } = a.stats();
          assert.is(txPackets, lengths.length);
          assert.is(txDelivered, received);
          assert.is(
            txBytes,
            lengths.reduce((sum, length) => sum + length, 0),
          );
          assert.is(b.stats().rxPackets, received);
        })
        .beforeEach(start)
        .afterEach(end),
      { numRuns: 30 },
    );
    start();
  });

  test('packets of several slots stay together', () => {
    const { tx } = a;
    assert.is(tx.reserve(5), 5);
    for (const [i, number] of [1, 1, 1, 2, 2].entries()) {
      write(tx.packet(i), number, 100 + i);
      tx.lengths[i] = 100 + i;
      tx.flags[i] = i === 2 || i === 4 ? 0 : MORE_FRAGMENTS;
    }
    tx.send();
    assert.is(b.rx.receive(), 5);
    const more = [...b.rx.flags.subarray(0, 5)].map((flags) => flags & MORE_FRAGMENTS);
    assert.equal(more, [MORE_FRAGMENTS, MORE_FRAGMENTS, 0, MORE_FRAGMENTS, 0]);
    for (let i = 0; i < 5; i++) checkFrame(b.rx.packet(i), 100 + i);
  });

  test('a batch that is kept stays readable while more arrives', () => {
    assert.is(send(1, 2, 60), 2);
    assert.is(b.rx.receive(), 2);
    const kept = b.rx.packet(1);
    for (let i = 0; i < 50; i++) send(1000 + i * 10, 5, 200);
    checkFrame(kept, 60);
    assert.is(numberOf(kept), 2);
  });

  test('a sleeping receiver is woken, a sleeping sender too', async () => {
    const arrival = b.wait('rx', 100_000);
    setTimeout(() => send(1, 1, 60), 20);
    assert.ok((await arrival).rx);
    b.rx.receive();
    if (!kind.lossless) return;
    for (let sent = 1; sent > 0; ) sent = send(0, 512, 60);
    const room = a.wait('tx', 100_000);
    setTimeout(() => {
      b.rx.receive();
      b.rx.receive();
    }, 20);
    assert.ok((await room).tx);
  });

  test('the other end leaves and comes back', () => {
    b.close();
    send(1, 3, 60);
    b = open(kind.b);
    // A pipe still has what was sent meanwhile.
    for (a.sync(); b.rx.receive() > 0; ) a.sync();
    assert.is(send(7, 1, 60), 1);
    assert.is(b.rx.receive(), 1);
    assert.is(numberOf(b.rx.packet(0)), 7);
  });

  test.run();
}

const nothing = suite('null port');

nothing('takes everything and gives nothing', () => {
  const base = mkdtempSync(path.join(tmpdir(), 'netvale-kind-'));
  const port = openPort('null:', { dir: path.join(base, 'shm') });
  let sent = 0;
  for (let i = 0; i < 10; i++) {
    const room = port.tx.reserve();
    assert.ok(room > 0);
    port.tx.lengths.fill(60, 0, room);
    port.tx.send();
    sent += room;
  }
  assert.is(port.stats().txPackets, sent);
  assert.is(port.rx.receive(), 0);
  port.close();
  rmSync(base, { recursive: true });
});

nothing.run();
