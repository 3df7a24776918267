// SPDX-License-Identifier: BSD-2-Clause
// emulate-live.ts: "emulate-live": the relay between two VALE ports with rules, bandwidth and delay: packets a second under
// flood beside the same relay without links, how late departures are, and how exact bandwidths are over some seconds.
// Arguments and records as in bench.h.
import { mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type LiveEmulation, startEmulation } from '../../src/emulation/live.js';
import { type Plan, startEngine } from '../../src/index.js';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, seconds: { type: 'string', default: '1' } },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);

const dir = mkdtempSync('/dev/shm/netvale-bench-');
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143));

const RULES = ['add 100 deny udp from any to any 7', 'add 200 count tcp from any to any'];
const LINKED = [
  ...RULES,
  'pipe 1 config bw 100Gbit/s delay 10ms queue 1000000',
  'add 300 pipe 1 ip from any to any',
];

/** Run `work` while an engine sends through a relay with these rules and another takes what comes out. */
async function relayed<T>(
  rules: string[],
  traffic: Partial<Plan>,
  work: (live: LiveEmulation) => Promise<T>,
): Promise<T> {
  const live = await startEmulation({ inside: 'valei:r', outside: 'valeo:r', dir, rules, socket: false });
  const open = { dir };
  const sink = startEngine({ port: 'valeo:b', role: 'rx', open });
  const source = startEngine({ port: 'valei:a', role: 'tx', open, ...traffic });
  try {
    return await work(live);
  } finally {
    source.close();
    await live.close();
    sink.close();
  }
}

/** Packets a second out of the relay, in millions, after a start of 100 ms. */
const rate = (rules: string[]): Promise<number> =>
  relayed(rules, {}, async (live) => {
    await sleep(100);
    const before = live.relay.stats();
    await sleep(seconds * 1000);
    const after = live.relay.stats();
    const packets = after.directions[0].tx_packets - before.directions[0].tx_packets;
    return (packets * 1e3) / (after.now_ns - before.now_ns);
  });

/** Microseconds departures are late: median and 99 %, of 20,000 packets a second. */
const lateness = (): Promise<[median: number, p99: number]> =>
  relayed(
    ['pipe 1 config delay 5ms', 'add 100 pipe 1 ip from any to any'],
    { rate: 20_000 },
    async (live) => {
      await sleep(Math.max(1, seconds) * 1000);
      const histogram = live.relay.lateness();
      return [histogram.percentile(50) / 1e3, histogram.percentile(99) / 1e3];
    },
  );

/** How far, in %, what a link lets through is from its bandwidth. */
const error = (bandwidth: number, text: string): Promise<number> =>
  relayed(
    [`pipe 1 config bw ${text} queue 1000`, 'add 100 pipe 1 ip from any to any'],
    { rate: Math.ceil((bandwidth / 8 / 1514) * 1.5), traffic: { size: 1514 } },
    async (live) => {
      await sleep(Math.max(2, seconds) * 1000);
      const [{ bytes, first_bytes, first_ns, last_ns }] = live.measures() as [
        ReturnType<LiveEmulation['measures']>[0],
      ];
      const measured = ((bytes - first_bytes) * 8e9) / (last_ns - first_ns);
      return Math.abs(measured / bandwidth - 1) * 100;
    },
  );

function record(fields: object): void {
  console.log(JSON.stringify({ bench: 'emulate-live', ...fields }));
}

for (let i = 0; i < runs; i++) {
  const first = await rate(i % 2 === 0 ? LINKED : RULES);
  const second = await rate(i % 2 === 0 ? RULES : LINKED);
  const [value, baseline] = i % 2 === 0 ? [first, second] : [second, first];
  record({ case: 'rules, bandwidth, delay', unit: 'Mpps', value, baseline, baseline_name: 'rules only' });
}
for (let i = 0; i < Math.min(runs, 3); i++) {
  const [median, p99] = await lateness();
  record({ case: 'late, median', unit: 'us', value: median });
  record({ case: 'late, 99 %', unit: 'us', value: p99 });
}
for (const [text, bandwidth] of [
  ['1Mbit/s', 1e6],
  ['100Mbit/s', 1e8],
  ['10Gbit/s', 1e10],
] as const)
  record({ case: `bandwidth ${text}`, unit: '%', value: await error(bandwidth, text) });
