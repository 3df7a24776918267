// SPDX-License-Identifier: BSD-2-Clause
// rules-vectors.test.ts: the recorded verdicts of ipfw (test/golden/vectors, numbers up to 0320): every packet's rule
// and verdict, pass by pass, and all counters. The others of that folder test link emulation.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { NativeEngine, type NativePacket } from '../../src/rules/native-engine.js';

const FOLDER = 'test/golden/vectors';
const LAST_CLASSIFIER = 320;
/** The captures begin at 0; the engine's clock must not. */
const EPOCH = 1_000_000_000n;

interface Packet {
  direction: string;
  iface: string;
  us: number;
  data: Uint8Array;
}

/** Packets of a classic pcap file, little-endian with microseconds. */
function readCapture(file: string): { us: number; data: Uint8Array }[] {
  const bytes = readFileSync(path.join(FOLDER, file));
  assert.is(bytes.readUInt32LE(0), 0xa1b2c3d4, file);
  const packets = [];
  for (let at = 24; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    packets.push({
      us: bytes.readUInt32LE(at) * 1e6 + bytes.readUInt32LE(at + 4),
      data: Uint8Array.from(bytes.subarray(at + 16, at + 16 + length)),
    });
    at += 16 + length;
  }
  return packets;
}

interface Pass {
  rule: number;
  verdict: string;
}

interface Expected {
  passes: Pass[];
  counters: { rule: number; packets: number; bytes: number }[];
}

const files = readdirSync(FOLDER);

function arrivals(name: string): Packet[] {
  const captures = files.filter((file) => file.startsWith(`${name}.`) && file.endsWith('.pcap'));
  const all = captures.flatMap((file) => {
    const [, direction, iface] = file.split('.') as [string, string, string];
    return readCapture(file).map((packet) => ({ ...packet, direction, iface }));
  });
  return all.sort((a, b) => a.us - b.us);
}

/** Send a packet through the rules until it leaves them for good. */
function passesOf(engine: NativeEngine, packet: Packet, onePass: boolean, most: number): Pass[] {
  const id = engine.rules.interface(packet.iface);
  const out = packet.direction === 'out';
  const given: NativePacket = {
    data: packet.data,
    time: BigInt(packet.us) * 1000n + EPOCH,
    out,
    layer: 2,
    ...(out ? { outIf: id } : { inIf: id }),
  };
  const passes: Pass[] = [];
  for (;;) {
    const { rule, action, arg, context } = engine.rules.classify(given);
    if (rule === 0) return passes;
    const shaped = action === 'pipe' || action === 'queue';
    passes.push({ rule, verdict: shaped ? `${action} ${arg}` : action });
    if (!shaped || onePass || passes.length >= most) return passes;
    given.context = context;
  }
}

for (const name of files.filter((file) => file.endsWith('.rules')).map((file) => file.slice(0, -6))) {
  if (Number(name.slice(0, 4)) > LAST_CLASSIFIER) continue;
  test(name, () => {
    const engine = new NativeEngine({ seed: 1n, now: () => EPOCH });
    try {
      const controller = new Controller({ engine, context: bareContext });
      controller.runText(readFileSync(path.join(FOLDER, `${name}.rules`), 'utf8'), `${name}.rules`);
      const onePass = controller.world.sysctl.get('net.inet.ip.fw.one_pass') === 1;
      const expected = readFileSync(path.join(FOLDER, `${name}.expect.jsonl`), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Expected);
      const packets = arrivals(name);
      assert.is(packets.length, expected.length - 2);
      for (const [index, packet] of packets.entries()) {
        const { passes } = expected[index + 1]!;
        assert.equal(passesOf(engine, packet, onePass, passes.length), passes, `packet ${index}`);
      }
      const shown = controller
        .runText('show', 'show')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ +/).slice(0, 3).map(Number));
      assert.equal(
        shown.map(([rule, count, bytes]) => ({ rule, packets: count, bytes })),
        expected.at(-1)!.counters,
      );
    } finally {
      engine.close();
    }
  });
}

test.run();
