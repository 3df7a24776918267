// SPDX-License-Identifier: BSD-2-Clause
// start.ts: `npm start`: two pkt-gen processes on one VALE switch, 60 bytes then 1514, and what they reach beside a plain
// copy loop between two processes on the same machine, measured in the same run.
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listPorts, openPort } from '../../src/index.js';
import { endChildren, startChild } from './demo/children.js';
import { LiveTable } from './demo/table.js';
import { buildDir, root } from './setup/common.mjs';

const RUN_SECONDS = 3;
const REPORT_MS = 500;
const PKT_GEN = path.join(root, 'dist', 'tools', 'pkt-gen.js');
const RECEIVER_MAC = [0x02, 0, 0, 0, 0, 0x02];
const PLAIN_LOOP = path.join(buildDir, 'two_process_loop_bench');

interface Figures {
  size: number;
  /** Packets per second. */
  sent: number;
  received: number;
  drops: Record<string, number>;
  /** Packets per second of the plain loop. */
  plain: number;
}

let interrupted: NodeJS.Signals | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, async () => {
    if (interrupted !== undefined) return;
    interrupted = signal;
    await endChildren();
    process.exit(signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 129);
  });

// A world of its own: nobody else's ports are seen or touched, and all of it goes at the end.
const world = mkdtempSync(`/dev/shm/netvale-demo-${process.pid}-`);
process.on('exit', () => rmSync(world, { recursive: true, force: true }));

/** What a bare copy loop between two processes reaches, in packets per second: a few runs. */
async function plainLoop(size: number): Promise<number[]> {
  const values: number[] = [];
  const args = ['--runs', '3', '--seconds', '0.15', '--case', String(size)];
  const child = startChild(PLAIN_LOOP, args, {}, ({ unit, value }) => {
    values.push(unit === 'Mpps' ? Number(value) * 1e6 : (Number(value) * 1e9) / 8 / size);
  });
  await child.ended;
  return values;
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Let the switch learn where the receiver's address is, as from any station's first frame; pkt-gen has the port's rx rings. */
function announce(port: string, dir: string): void {
  const opened = openPort(`${port}/T`, { dir, existing: true });
  opened.tx.reserve(1);
  opened.tx.packet(0).fill(0xff, 0, 60).set(RECEIVER_MAC, 6);
  opened.tx.lengths[0] = 60;
  opened.tx.send();
  opened.close();
}

/** One size: a receiver and a sender as two processes; rows of the table while they run. */
async function vale(size: number, table: LiveTable): Promise<Omit<Figures, 'plain'>> {
  const dir = path.join(world, `run-${size}`);
  const env = { NETVALE_DIR: dir };
  let sent = 0;
  let received = 0;
  let second = 0;
  const results: Record<string, Record<string, unknown>> = {};
  const row = () => [`${size}`, `${second.toFixed(1)} s`, mpps(sent), mpps(received), gbps(received, size)];
  const arguments_ = (port: string, role: string) => [
    PKT_GEN,
    '-i',
    port,
    '-f',
    role,
    '--json',
    '-T',
    `${REPORT_MS}`,
  ];
  const receiver = startChild(
    process.execPath,
    arguments_('vale0:receiver/R', 'rx').concat('-W'),
    env,
    (record) => {
      if (record.type === 'result') results.rx = record;
      else if (second > 0) {
        received = Number(record.pps);
        table.show(row());
      }
    },
  );
  for (let tries = 0; listPorts(dir).length === 0; tries++) {
    if (tries > 500) throw new Error('the receiver did not open its port within 10 seconds');
    await Promise.race([sleep(20), receiver.ended]);
  }
  announce('vale0:receiver', dir);
  const mac = RECEIVER_MAC.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  const more = ['-l', String(size), '--time', String(RUN_SECONDS), '-D', mac];
  const sender = startChild(
    process.execPath,
    arguments_('vale0:sender', 'tx').concat(more),
    env,
    (record) => {
      if (record.type === 'result') results.tx = record;
      else {
        sent = Number(record.pps);
        second = Number(record.time);
        table.show(row());
      }
    },
  );
  await sender.ended;
  receiver.interrupt();
  await receiver.ended;
  sent = Number(results.tx?.pps);
  received = Number(results.rx?.pps);
  table.keep(row());
  return { size, sent, received, drops: results.tx?.drops as Record<string, number> };
}

const mpps = (pps: number) => (pps / 1e6).toFixed(2);
const gbps = (pps: number, size: number) => ((pps * size * 8) / 1e9).toFixed(2);

function summary(all: Figures[]): string {
  const lines = all.map(({ size, received, plain, drops }) => {
    const lost = Object.entries(drops).filter(([, count]) => count > 0);
    const dropped = lost.map(([name, count]) => `${name} ${(count / 1e6).toFixed(1)} M`).join(', ') || 'none';
    return (
      `  ${String(size).padStart(4)} bytes: VALE ${mpps(received).padStart(6)} Mpps ${gbps(received, size).padStart(7)} Gbit/s` +
      `   plain copy loop ${mpps(plain).padStart(6)} Mpps ${gbps(plain, size).padStart(7)} Gbit/s` +
      `   ratio ${(received / plain).toFixed(2)}   dropped: ${dropped}`
    );
  });
  return `\nReceived by the second process, beside a plain copy loop between two processes in the same run:\n${lines.join('\n')}`;
}

try {
  console.log('pkt-gen on vale0:sender -> pkt-gen on vale0:receiver, two processes, no network card');
  const table = new LiveTable(['bytes', 'time', 'sent Mpps', 'rcvd Mpps', 'Gbit/s']);
  const figures: Figures[] = [];
  for (const size of [60, 1514]) {
    // The plain loop before and after, so that a machine that changes its speed changes both.
    const before = await plainLoop(size);
    const measured = await vale(size, table);
    const after = await plainLoop(size);
    figures.push({ ...measured, plain: median([...before, ...after]) });
  }
  console.log(summary(figures));
} catch (error) {
  if (interrupted === undefined) {
    await endChildren();
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
