// SPDX-License-Identifier: BSD-2-Clause
// emulate-offline-property.test.ts: whatever the rules, links and packets: each packet has one end, nothing leaves before its
// time, what is written is in the order of time, and packets are neither made nor lost unnamed.
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isOver, type Journey } from '../../src/emulation/journey.js';
import { EPOCH, Replay } from '../../src/emulation/replay.js';
import { Links } from '../../src/emulation/virtual-links.js';
import { NativeEngine, openRules } from '../../src/rules/index.js';
import { Arrivals } from '../../tools/lib/emulate/offline-inputs.js';
import { readInput } from '../../tools/lib/emulate/offline-settings.js';
import { ip, Laboratory, udp } from './emulate-packets.js';
import './seed.js';

const laboratory = new Laboratory();
test.after(() => laboratory.remove());

const oneOf = (...words: string[]) => fc.constantFrom(...words);
const optional = (arbitrary: fc.Arbitrary<string>) => fc.option(arbitrary, { nil: '' });

/** Parameters of a pipe. */
const pipe = fc
  .tuple(
    optional(oneOf('bw 100Kbit/s', 'bw 3Mbit/s', 'bw 1Gbit/s')),
    optional(oneOf('delay 1', 'delay 20', 'delay 0.3ms')),
    optional(oneOf('queue 2', 'queue 30', 'queue 3000B')),
    optional(oneOf('plr 0.2', 'plr 1')),
    optional(oneOf('duplicate 0.3', 'duplicate 1')),
    optional(oneOf('jitter 2', 'jitter 2 reorder')),
    optional(oneOf('corrupt 0.5')),
  )
  .map((words) => words.filter(Boolean).join(' '));

const action = oneOf(
  'pipe 1',
  'pipe 2',
  'pipe 3',
  'queue 1',
  'allow',
  'deny',
  'count',
  'skipto 600',
  'reject',
  'tee 7',
);
const rule = fc
  .tuple(action, fc.integer({ min: 0, max: 5 }), oneOf('', 'in', 'out'))
  .map(([what, port, way]) => `${what} udp from any to any ${port === 5 ? '0-4' : port} ${way}`);

const scenario = fc.record({
  pipes: fc.tuple(pipe, pipe),
  rules: fc.array(rule, { maxLength: 8 }),
  onePass: fc.boolean(),
  seed: fc.bigInt({ min: 1n, max: 1n << 60n }),
  inside: fc.array(fc.tuple(fc.nat(3000), fc.nat(4), fc.nat(1200)), { maxLength: 60 }),
  outside: fc.array(fc.tuple(fc.nat(3000), fc.nat(4), fc.nat(1200)), { maxLength: 60 }),
});

async function replay(given: typeof scenario extends fc.Arbitrary<infer T> ? T : never) {
  const capture = async (name: string, packets: [number, number, number][]): Promise<string> => {
    let time = 0n;
    const stamped = packets.map(([gap, port, size]) => {
      time += BigInt(gap) * 1000n;
      return { time, data: ip(17, '10.0.0.1', '10.0.0.2', udp(9, port, size)) };
    });
    return laboratory.capture(name, stamped);
  };
  const specs = [
    readInput('', `in:em0:${await capture('in.pcap', given.inside)}`),
    readInput('', `out:em1:${await capture('out.pcap', given.outside)}`),
  ];
  const clock = { now: EPOCH };
  const engine = new NativeEngine({ seed: given.seed, now: () => clock.now });
  const rules = await openRules({
    program: 'test',
    engine,
    socket: false,
    rules: [
      ...given.pipes.map((parameters, i) => `pipe ${i + 1} config ${parameters}`),
      'queue 1 config pipe 1 weight 3',
      ...(given.onePass ? [] : ['disable one_pass']),
      ...given.rules.map((text, i) => `add ${100 * (i + 1)} ${text}`),
    ],
  });
  const links = new Links(rules, given.seed);
  const arrivals = new Arrivals(specs, engine, 2);
  const journeys: Journey[] = [];
  const written: bigint[] = [];
  const departed: Journey[] = [];
  const over = new Set<Journey>();
  const run = new Replay({
    ...{ engine, arrivals, links, clock, onePass: given.onePass },
    sink: {
      arrived: (journey) => void journeys.push(journey),
      over: (journey) => {
        assert.not(over.has(journey), `packet ${journey.packet} is over twice`);
        over.add(journey);
      },
      departed: (journey, time) => {
        departed.push(journey);
        written.push(time);
      },
      answered: (_iface, _out, time) => void written.push(time),
      diverted: (_port, _journey, time) => void written.push(time),
      logged: () => {},
    },
  });
  while (run.step());
  while (run.drain());
  assert.ok(
    journeys.every((journey) => over.has(journey)),
    'every packet is over',
  );
  const carried = links.carried.map(({ packets, passed, lost }) => ({ packets, passed, lost }));
  const trail = journeys.map(({ packet, passes, out, drop, copies }) => [packet, passes, out, drop, copies]);
  arrivals.close();
  links.close();
  await rules.close();
  return { journeys, written, departed, carried, trail };
}

test('conservation, order and time, for any rules and links', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const { journeys, written, departed, carried, trail } = await replay(given);
      assert.is(journeys.length, given.inside.length + given.outside.length);
      for (const [index, journey] of journeys.entries()) {
        assert.is(journey.packet, index);
        assert.ok(isOver(journey), `packet ${index}`);
        assert.ok((journey.out === undefined) !== (journey.drop === undefined), `packet ${index}`);
        assert.ok(journey.out === undefined || journey.out >= journey.time, `packet ${index}`);
        assert.ok(index === 0 || journeys[index - 1]!.time <= journey.time);
      }
      for (let i = 1; i < written.length; i++) assert.ok(written[i - 1]! <= written[i]!, `written ${i}`);
      const passed = journeys.filter(({ out }) => out !== undefined).length;
      const copies = journeys.reduce((sum, journey) => sum + journey.copies, 0);
      assert.is(departed.length, passed + copies);
      for (const { packets, passed: out, lost } of carried) assert.ok(out + lost >= packets);
      assert.equal((await replay(given)).trail, trail, 'the same seed gives the same');
    }),
    { numRuns: 60 },
  );
});

test.run();
