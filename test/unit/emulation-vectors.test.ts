// SPDX-License-Identifier: BSD-2-Clause
// emulation-vectors.test.ts: the recorded departures of dummynet (test/golden/vectors, numbers from 0321) through the
// rule engine and the emulator, event by event: which packets are lost, and when the others leave.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Emulator } from '../../src/emulation/emulator.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import type { DummynetKind } from '../../src/rules/dummynet.js';
import { NativeEngine, type NativePacket } from '../../src/rules/native-engine.js';

const FOLDER = 'test/golden/vectors';
const FIRST_LINK = 321;
/** The captures begin at 0; the engine's clock must not. */
const EPOCH = 1_000_000_000n;

interface Arrival {
  input: string;
  iface: string;
  us: number;
  data: Uint8Array;
}

interface Outcome {
  passes: { rule: number; verdict: string }[];
  out_us?: number;
  drop?: boolean;
}

interface Head {
  tolerance_us: number;
  same_algorithm_tolerance_us?: number;
}

const files = readdirSync(FOLDER);

/** Packets of a classic pcap file, little-endian with microseconds. */
function readCapture(file: string): Omit<Arrival, 'input' | 'iface'>[] {
  const bytes = readFileSync(path.join(FOLDER, file));
  const packets = [];
  for (let at = 24; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    const us = bytes.readUInt32LE(at) * 1e6 + bytes.readUInt32LE(at + 4);
    packets.push({ us, data: Uint8Array.from(bytes.subarray(at + 16, at + 16 + length)) });
    at += 16 + length;
  }
  return packets;
}

const arrivals = (name: string): Arrival[] =>
  files
    .filter((file) => file.startsWith(`${name}.`) && file.endsWith('.pcap'))
    .flatMap((file) => {
      const [, direction, iface] = file.split('.') as [string, string, string];
      return readCapture(file).map((packet) => ({ ...packet, input: `${direction}.${iface}`, iface }));
    })
    .sort((a, b) => a.us - b.us);

/** All packets through rules and links, in order of time. */
function run(name: string): Outcome[] {
  const engine = new NativeEngine({ seed: 1n, now: () => EPOCH });
  const emulator = new Emulator({ seed: 1n });
  try {
    const readProfile = (file: string): string => readFileSync(path.join(FOLDER, file), 'utf8');
    const controller = new Controller({ engine, context: { ...bareContext, readFile: readProfile } });
    controller.runText(readFileSync(path.join(FOLDER, `${name}.rules`), 'utf8'), `${name}.rules`);
    for (const kind of ['pipe', 'sched', 'queue'] as DummynetKind[])
      for (const [number, config] of controller.world.dummynet.all(kind))
        emulator.configure(kind, number, config);
    const onePass = controller.world.sysctl.get('net.inet.ip.fw.one_pass') === 1;
    const packets = arrivals(name);
    const outcomes: Outcome[] = packets.map(() => ({ passes: [] }));
    const contexts = new Map<number, Uint8Array>();
    const walk = (index: number, now: bigint): void => {
      const packet = packets[index]!;
      const out = packet.input.startsWith('out');
      const id = engine.rules.interface(packet.iface);
      const context = contexts.get(index);
      const given: NativePacket = {
        data: packet.data,
        time: now + EPOCH,
        out,
        layer: 2,
        ...(out ? { outIf: id } : { inIf: id }),
        ...(context && { context }),
      };
      const verdict = engine.rules.classify(given);
      const outcome = outcomes[index]!;
      const { action } = verdict;
      if (action !== 'pipe' && action !== 'queue') {
        outcome.passes.push({ rule: verdict.rule, verdict: action });
        if (action === 'pass') outcome.out_us = Number(now) / 1000;
        else outcome.drop = true;
        return;
      }
      outcome.passes.push({ rule: verdict.rule, verdict: `${action} ${verdict.arg}` });
      contexts.set(index, verdict.context);
      const drop = emulator.enqueue(now, action, verdict.arg as number, {
        cookie: index,
        length: packet.data.length,
        frame: packet.data,
      });
      if (drop !== undefined) outcome.drop = true;
    };
    const leave = (until: bigint | undefined): void => {
      for (;;) {
        const next = emulator.next();
        if (next === undefined || (until !== undefined && next > until)) return;
        for (const { cookie, time, drop } of emulator.release(next)) {
          if (drop !== undefined) outcomes[cookie]!.drop = true;
          else if (onePass) outcomes[cookie]!.out_us = Number(time) / 1000;
          else walk(cookie, time);
        }
      }
    };
    for (const [index, packet] of packets.entries()) {
      const now = BigInt(packet.us) * 1000n;
      leave(now);
      walk(index, now);
    }
    leave(undefined);
    return outcomes;
  } finally {
    emulator.close();
    engine.close();
  }
}

for (const name of files.filter((file) => file.endsWith('.rules')).map((file) => file.slice(0, -6))) {
  if (Number(name.slice(0, 4)) < FIRST_LINK) continue;
  test(name, () => {
    const [head, ...expected] = readFileSync(path.join(FOLDER, `${name}.expect.jsonl`), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)) as [Head, ...Outcome[]];
    const tolerance = head.same_algorithm_tolerance_us ?? head.tolerance_us;
    const outcomes = run(name);
    assert.is(outcomes.length, expected.length - 1);
    for (const [index, got] of outcomes.entries()) {
      const want = expected[index]!;
      assert.equal(got.passes, want.passes, `packet ${index}`);
      assert.is(got.drop, want.drop, `packet ${index}: dropped or not`);
      if (want.out_us !== undefined)
        assert.ok(
          Math.abs(got.out_us! - want.out_us) <= tolerance,
          `packet ${index} left at ${got.out_us} us, recorded ${want.out_us}`,
        );
    }
  });
}

test.run();
