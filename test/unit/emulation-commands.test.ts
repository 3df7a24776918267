// SPDX-License-Identifier: BSD-2-Clause
// emulation-commands.test.ts: pipe, queue and sched commands act on a running emulator, and show what it counts.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Emulator } from '../../src/emulation/emulator.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { PIE_DEFAULT } from '../../src/rules/dummynet.js';
import { NativeEngine } from '../../src/rules/native-engine.js';

const MS = 1_000_000n;

function withEmulator(run: (command: (text: string) => string, emulator: Emulator) => void): void {
  const emulator = new Emulator({ seed: 1n });
  const engine = new NativeEngine({ seed: 1n, dummynet: emulator });
  try {
    const controller = new Controller({ engine, context: bareContext });
    run((text) => controller.runText(text, 'test'), emulator);
  } finally {
    engine.close();
    emulator.close();
  }
}

/** UDP over IPv4, 60 bytes with the MAC header. */
function frame(source: number, port: number): Uint8Array {
  const bytes = Buffer.alloc(60);
  bytes.writeUInt16BE(0x0800, 12);
  bytes[14] = 0x45;
  bytes.writeUInt16BE(46, 16);
  bytes[22] = 64;
  bytes[23] = 17;
  bytes.writeUInt32BE(0x0a000000 + source, 26);
  bytes.writeUInt32BE(0x0a0000ff, 30);
  bytes.writeUInt16BE(port, 34);
  bytes.writeUInt16BE(53, 36);
  return bytes;
}

test('a pipe is made, changed while a packet is on it, and deleted', () => {
  withEmulator((command, emulator) => {
    command('pipe 1 config bw 1Mbit/s delay 10 queue 3');
    for (let cookie = 0; cookie < 6; cookie++) {
      const drop = emulator.enqueue(0n, 'pipe', 1, { cookie, length: 1250 });
      assert.is(drop, cookie < 4 ? undefined : 'queue_full');
    }
    assert.is(
      command('pipe 1 show'),
      '00001:   1.000 Mbit/s   10 ms burst 0 \n' +
        'q131073   3 sl. 0 flows (1 buckets) sched 65537 weight 0 lmax 0 pri 0 droptail\n' +
        ' sched 65537 type FIFO flags 0x0 0 buckets 1 active\n' +
        'BKT Prot ___Source IP/port____ ____Dest. IP/port____ Tot_pkt/bytes Pkt/Byte Drp\n' +
        '  0 ip           0.0.0.0/0             0.0.0.0/0        6     7500  3 3750   2\n',
    );
    command('pipe 1 config bw 2Mbit/s delay 5');
    assert.equal(
      emulator.release(1000n * MS).map(({ cookie, time }) => [cookie, time]),
      [
        [0, 20n * MS],
        [1, 20n * MS],
        [2, 25n * MS],
        [3, 30n * MS],
      ],
    );
    command('pipe 1 delete');
    assert.is(emulator.enqueue(40n * MS, 'pipe', 1, { cookie: 9, length: 60 }), 'no_such_pipe');
    assert.is(emulator.totals().drops.no_such_pipe, 1);
  });
});

test('queues of a scheduler are shown flow by flow', () => {
  withEmulator((command, emulator) => {
    command('pipe 1 config bw 1Mbit/s\nqueue 7 config pipe 1 weight 5 mask src-ip 0xff src-port 0xffff');
    for (const source of [1, 2, 3])
      for (let i = 0; i < source; i++)
        emulator.enqueue(0n, 'queue', 7, { cookie: source, length: 60, frame: frame(source, 1000 + source) });
    const lines = command('queue 7 show').split('\n');
    assert.is(lines[0], 'q00007  50 sl. 3 flows (64 buckets) sched 1 weight 5 lmax 0 pri 0 droptail');
    assert.equal(
      lines
        .slice(3, -1)
        .map((line) => line.trim().split(/ +/).slice(2, 6))
        .sort(),
      [
        ['0.0.0.1/1001', '0.0.0.0/0', '1', '60'],
        ['0.0.0.2/1002', '0.0.0.0/0', '2', '120'],
        ['0.0.0.3/1003', '0.0.0.0/0', '3', '180'],
      ],
    );
    const sorted = (field: number): string[] =>
      command(`-s ${field} queue 7 show`)
        .split('\n')
        .slice(3, -1)
        .map((line) => line.trim().split(/ +/)[2]!);
    const rising = ['0.0.0.1/1001', '0.0.0.2/1002', '0.0.0.3/1003'];
    for (const field of [1, 2, 3, 4]) {
      assert.equal(sorted(-field), rising, `-s -${field}`);
      assert.equal(sorted(field), [...rising].reverse(), `-s ${field}`);
    }
    assert.match(command('sched 1 show'), / sched 1 type WF2Q\+ flags 0x0 0 buckets 1 active\n/);
  });
});

test('a refused command changes nothing, also not the emulator', () => {
  withEmulator((command, emulator) => {
    command('pipe 1 config delay 10');
    assert.throws(
      () => command('pipe 1 config delay 20\npipe 2 config delay 5\npipe 9 delete'),
      /pipe 9 not found/,
    );
    assert.is(emulator.enqueue(0n, 'pipe', 2, { cookie: 1, length: 60 }), 'no_such_pipe');
    emulator.enqueue(0n, 'pipe', 1, { cookie: 1, length: 60 });
    assert.is(emulator.next(), 10n * MS);
  });
});

test('flush deletes all, and what waits is lost by name', () => {
  withEmulator((command, emulator) => {
    command('pipe 1 config delay 10\nsched 2 config type rr\nqueue 3 config sched 2');
    emulator.enqueue(0n, 'pipe', 1, { cookie: 5, length: 60 });
    command('pipe flush');
    assert.equal(
      emulator.release(0n).map(({ cookie, drop }) => [cookie, drop]),
      [[5, 'pipe_deleted']],
    );
    assert.is(emulator.enqueue(0n, 'queue', 3, { cookie: 6, length: 60 }), 'no_such_pipe');
  });
});

/** How many packets of 1500 bytes a pipe takes at once; why the next one is lost. */
function filled(command: string): [count: number, drop: string] {
  let count = 0;
  let drop: string | undefined;
  withEmulator((run, emulator) => {
    run(command);
    while (drop === undefined && count < 100)
      drop = emulator.enqueue(0n, 'pipe', 1, { cookie: count++, length: 1500 });
  });
  return [count - 1, drop ?? 'none'];
}

test('a queue in milliseconds counts by the bandwidth, or by the mean rate of a trace', () => {
  // One packet on the link; in the queue as much as leaves in 5 ms at 12 Mbit/s, and one that reaches beyond it.
  assert.equal(filled('pipe 1 config bw 12Mbit/s queue 5ms'), [7, 'queue_full']);
  const emulator = new Emulator({ seed: 1n });
  const trace = { file: '', timesMs: [1, 2, 3, 4], once: false }; // 1500 bytes a millisecond
  emulator.configure('pipe', 1, { trace, queue: { ms: 5 } });
  const drops = Array.from({ length: 9 }, (_, cookie) =>
    emulator.enqueue(0n, 'pipe', 1, { cookie, length: 1500 }),
  );
  emulator.close();
  assert.is(drops.findIndex(Boolean), 7);
});

test('pie onoff wakes where a limit in time is no limit', () => {
  const emulator = new Emulator({ seed: 1n });
  const pie = { ...PIE_DEFAULT, onOff: true, maxBurst: 0 };
  const profile = { file: '', name: '', lossLevel: 1, samplesMs: [1] }; // one packet a millisecond, without a bandwidth
  emulator.configure('pipe', 1, { profile, management: { kind: 'pie', pie }, queue: { ms: 20 } });
  const drops = new Set<string | undefined>();
  for (let cookie = 0; cookie < 4000; cookie++)
    drops.add(emulator.enqueue(BigInt(cookie) * (MS / 2n), 'pipe', 1, { cookie, length: 1500 }));
  emulator.close();
  assert.ok(drops.has('pie'));
});

test('queue management: what is out of range becomes the nearest in it, in the check and in the program', () => {
  const bounds: [type: string, word: string, low: string, high: string][] = [
    ['codel', 'target', '1us', '5s'],
    ['codel', 'interval', '1us', '5s'],
    ['fq_codel', 'target', '1us', '5s'],
    ['fq_codel', 'interval', '1us', '100s'],
    ['pie', 'target', '1us', '10s'],
    ['pie', 'tupdate', '1us', '10s'],
    ['pie', 'max_burst', '0', '10s'],
    ['fq_pie', 'target', '1us', '5s'],
    ['fq_pie', 'tupdate', '1us', '5s'],
    ['fq_pie', 'max_burst', '0', '5s'],
    ...['pie', 'fq_pie'].flatMap((type): [string, string, string, string][] => [
      [type, 'alpha', '0', '7'],
      [type, 'beta', '0', '7'],
      [type, 'max_ecnth', '0', '1'],
    ]),
    ...['fq_codel', 'fq_pie'].flatMap((type): [string, string, string, string][] => [
      [type, 'quantum', '1', '9000'],
      [type, 'limit', '1', '20480'],
      [type, 'flows', '1', '65536'],
    ]),
  ];
  const time = /^(?:target|interval|tupdate|max_burst)$/;
  const micros = (text: string): string => text.replace(/^(\d+)s$/, '$1000ms');
  for (const [type, word, low, high] of bounds)
    for (const [given, shown] of [
      ['0', low],
      [time.test(word) ? '0us' : '0', low],
      [time.test(word) ? '1000000s' : '1000000', high],
      ['9'.repeat(30), high],
    ] as const) {
      const text = type.startsWith('fq_')
        ? `sched 1 config type ${type} ${word} ${given}`
        : `pipe 1 config ${type} ${word} ${given}`;
      const kind = type.startsWith('fq_') ? 'sched' : 'pipe';
      new Controller({ context: bareContext }).runText(text, 'test');
      withEmulator((run) => {
        run('pipe 1 config bw 1Mbit/s');
        run(text);
        const listed = new RegExp(`\\b${word} (\\S+)`).exec(run(`${kind} 1 show`))?.[1];
        assert.ok([shown, micros(shown)].includes(listed ?? ''), `${text}: ${listed}, not ${shown}`);
      });
    }
  for (const text of ['target x', 'target -1', 'interval', 'quantum 5'])
    assert.throws(() => new Controller({ context: bareContext }).runText(`pipe 1 config codel ${text}`, ''));
});

test.run();
