// SPDX-License-Identifier: BSD-2-Clause
// emulate-report.test.ts: the page of --report: plots with gaps, marks and promises, tables of what was run, and a file that
// is opened at the start.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openPort, PcapWriter } from '../../src/index.js';
import { htmlReport, type Plot, runsOf, type Series } from '../../src/report/html.js';
import type { DirectionRecord, RelayReportRecord } from '../../src/report/relay-records.js';
import { bareContext } from '../../src/rules/context.js';
import { Controller } from '../../src/rules/controller.js';
import { plotsOf, promisedOf } from '../../tools/lib/emulate/live-plots.js';
import { Readings } from '../../tools/lib/emulate/readings.js';
import { World } from '../multi/programs.js';
import { udp } from './relay-fixture.js';

const test = suite('emulate-report');

const direction = (from: string, to: string, more: Partial<DirectionRecord>): DirectionRecord =>
  ({ from, to, rx_packets: 0, rx_bps: 0, tx_bps: 0, waiting: 0, drops: {}, ...more }) as DirectionRecord;

/** Records of a second each. */
const records = (...given: [Partial<DirectionRecord>, Partial<DirectionRecord>][]): RelayReportRecord[] =>
  given.map(
    ([up, down], i) =>
      ({
        time: i + 1,
        seconds: 1,
        directions: [direction('a', 'b', up), direction('b', 'a', down)],
      }) as RelayReportRecord,
  );

const titled = (plots: readonly Plot[], title: string): Plot =>
  plots.find((plot) => plot.title.startsWith(title))!;
const page = (plots: readonly Plot[]): string => htmlReport({ title: 'x', tables: [], texts: [], plots });

test('an interval without packets is a gap in the delay, not a delay of 0', () => {
  const at = (delay_ms?: number): [Partial<DirectionRecord>, Partial<DirectionRecord>] => [
    { rx_packets: 1, ...(delay_ms !== undefined && { delay_ms }) },
    {},
  ];
  const delay = titled(plotsOf(records(at(270), at(), at(270), at(280)), []), 'Delay, mean');
  const [up, down] = delay.series as [Series, Series];
  assert.equal(
    up.points.map(([, value]) => value),
    [270, undefined, 270, 280],
  );
  assert.equal(runsOf(up.points), [
    [[1, 270]],
    [
      [3, 270],
      [4, 280],
    ],
  ]);
  assert.equal(runsOf(down.points), []);
  const lines = [...page([delay]).matchAll(/<polyline[^>]*points="([^"]*)"/g)].map(([, points]) => points!);
  assert.is(lines.length, 1);
  assert.not.match(lines[0]!, ',220.0'); // the axis
});

test('a point that stands alone is seen', () => {
  const plots = plotsOf(records([{ rx_packets: 1, rx_bps: 5e6, tx_bps: 4e6, delay_ms: 20 }, {}]), []);
  assert.match(page([titled(plots, 'Rate')]), /<circle class="c-0 solid"/);
  assert.match(page([titled(plots, 'Delay')]), /<circle class="c-0 solid"/);
});

test('one colour is one direction, promised values are drawn, reasons of losses are apart, nothing is no plot', () => {
  const controller = new Controller({ context: bareContext });
  controller.runText('pipe 1 config bw 10Mbit/s delay 20ms\npipe 2 config bw 2Mbit/s', 'x');
  const promised = promisedOf(controller.world.dummynet, true);
  const both = { rx_packets: 5, rx_bps: 1e6, tx_bps: 1e6 };
  const quiet = plotsOf(records([both, both], [both, both]), promised);
  assert.equal(
    quiet.map(({ title }) => title.split(',')[0]),
    ['Rate', 'Packets waiting'],
  );
  const rate = titled(quiet, 'Rate').series.map(({ name, colour, style }) => [name, colour, style]);
  assert.equal(rate, [
    ['up, a > b, in', 0, 'faint'],
    ['down, b > a, in', 1, 'faint'],
    ['up, a > b, out', 0, 'solid'],
    ['down, b > a, out', 1, 'solid'],
    ['up, promised', 0, 'promised'],
    ['down, promised', 1, 'promised'],
  ]);
  const lossy = plotsOf(
    records(
      [
        { ...both, drops: { plr: 2, queue_full: 1 } },
        { ...both, drops: { codel: 4 } },
      ],
      [both, both],
    ),
    promised,
  );
  const lost = titled(lossy, 'Lost').series;
  assert.equal(
    lost.map(({ name, colour, points }) => [name, colour, points.map(([, value]) => value)]),
    [
      ['up, a > b: plr', 0, [2, 0]],
      ['up, a > b: queue_full', 0, [1, 0]],
      ['down, b > a: codel', 1, [4, 0]],
    ],
  );
  assert.is.not(lost[0]!.style, lost[1]!.style);
  assert.equal(plotsOf([], promised), []);
  assert.equal(plotsOf(records([{}, {}]), promised), []);
  assert.match(page(lossy), 'prefers-color-scheme:dark');
});

test('readings are close together in a short run, and bounded in a long one', () => {
  let tick = 0;
  const readings = new Readings(
    () => ({ startNs: 0, nowNs: tick * 25e6, directions: [{ drops: {} }, { drops: {} }] }) as never,
  );
  const run = (ticks: number): void => {
    for (let i = 0; i < ticks; i++) {
      tick++;
      readings.tick();
    }
  };
  try {
    run(100);
    assert.is(readings.records(['a', 'b']).length, 100);
    run(20_000);
    const few = readings.records(['a', 'b']).map(({ seconds }) => Math.round(seconds * 1000));
    assert.ok(few.length >= 300 && few.length <= 600, `${few.length} intervals`);
    assert.equal([...new Set(few)], [few[0]!], 'all of one length');
  } finally {
    readings.stop();
  }
});

test('a run of a second: what was run, promised beside measured, percentiles, and lines in every plot', async () => {
  const world = new World();
  const inside = openPort('valei:end', { dir: world.dir });
  const outside = openPort('valeo:end', { dir: world.dir });
  try {
    const file = path.join(world.base, 'r.html');
    const args = [
      '-i',
      'valei:r',
      '-i',
      'valeo:r',
      '--bw',
      '8Mbit/s',
      '--delay',
      '30ms',
      '--seed',
      '7',
      '--time',
      '1',
    ];
    const program = world.start('emulate', [...args, '--loss', '50%,0', '--report', file]);
    await program.printed(/down, valeo:r > valei:r: 8 Mbit\/s, delay 30 ms, queue \d+ bytes/);
    assert.ok(existsSync(file), 'it is opened at the start');
    const frames = udp(100, 200);
    for (const [port, count] of [
      [inside, 100],
      [outside, 20],
    ] as const) {
      port.tx.reserve(count);
      for (let i = 0; i < count; i++) {
        port.tx.packet(i).set(frames[i]!, 0);
        port.tx.lengths[i] = 200;
      }
      port.tx.send(count);
    }
    const { status, stderr } = await program.ended;
    assert.is(status, 0, stderr);
    const html = readFileSync(file, 'utf8');
    for (const text of [
      /<title>emulate -i valei:r -i valeo:r --bw 8Mbit\/s .*, 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d<\/title>/,
      /<td>emulate -i valei:r .*r\.html<\/td>/,
      /<th>version<\/th><td>netvale \d+\.\d+\.\d+/,
      /<th>seed<\/th><td>7</,
      /up, valei:r &gt; valeo:r: promised/,
      /<th>rate<\/th><td>8 Mbit\/s<\/td>/,
      /<th>loss<\/th><td>50 %<\/td><td>plr \d+ \(\d+(\.\d+)? %\)<\/td><td>0 %<\/td><td>0 %/,
      /<th>delay, least<\/th><td>30 ms<\/td><td>30\.\d* ms/,
      /<th>delay p50<\/th>.*\n.*<th>delay p95<\/th>.*\n.*<th>delay p99<\/th>/,
      /00100 +\d+ +\d+ pipe 1 ip from any to any out/,
      /aria-label="Rate/,
      /aria-label="Delay/,
      /aria-label="Lost/,
    ])
      assert.match(html, text);
    assert.not.match(html, /NaN|undefined|<td><\/td><td><\/td><td><\/td>/);
    const plots = html.split('<h2>').filter((part) => part.includes('class="plot"'));
    assert.ok(plots.length >= 3);
    for (const plot of plots) assert.match(plot, /<polyline|<circle/);
  } finally {
    inside.close();
    outside.close();
    world.end();
  }
});

test('a path that cannot be written is told at the start, whichever output it is of', async () => {
  const world = new World();
  try {
    for (const [option, name] of [
      ['--report', 'x.html'],
      ['--report', 'x.json'],
      ['--log', 'x.log'],
    ] as const) {
      const file = path.join(world.base, 'nowhere', name);
      // Without --time: it would run on.
      const { status, stderr, stdout } = await world.run('emulate', [
        '-i',
        'valei:r',
        '-i',
        'valeo:r',
        option,
        file,
      ]);
      assert.equal(
        [status, stdout, stderr],
        [1, '', `emulate: ${option}: cannot write ${file}: ENOENT: no such file or directory\n`],
      );
    }
    // On files, too: before the first packet.
    const capture = path.join(world.base, 'in.pcap');
    const writer = PcapWriter.create(capture);
    writer.write({ time: 0n, data: udp(1, 200)[0]! });
    await writer.close();
    for (const [option, name] of [
      ['--output', 'x.pcap'],
      ['--output', 'x.pcapng'],
      ['--log', 'x.pcapng'],
    ] as const) {
      const file = path.join(world.base, 'nowhere', name);
      const given = ['--offline', '--seed', '1', '--input', `in:em0:${capture}`];
      const value = option === '--log' ? file : `em0:${file}`;
      const { status, stderr, stdout } = await world.run('emulate', [...given, option, value]);
      assert.equal(
        [status, stdout, stderr],
        [1, '', `emulate: cannot write ${file}: no such file or directory\n`],
      );
    }
  } finally {
    world.end();
  }
});

test('the command line: a command without --, a trace beside a rate, warnings, help with the order of directions', async () => {
  const world = new World();
  try {
    const run = (...args: string[]) => world.run('emulate', args);
    const stray = await run('--delay', '20ms', 'ping', '192.0.2.1');
    assert.is(stray.status, 2);
    assert.is(
      stray.stderr,
      "emulate: 'ping' is not an option: a command stands behind --: emulate --delay 20ms -- ping 192.0.2.1\n",
    );
    const help = (await run('-h')).stdout;
    assert.match(help, /--up rate .*\n/);
    assert.match(help, /--down rate/);
    assert.match(help, /first up\s+\(out of the command, inside to outside\), then down/);
    assert.match(help, /--sched type/);
    const link = ['-i', 'valei:r', '-i', 'valeo:r', '--time', '0.001', '-q'];
    const warned = await run(...link, '--loss', '1', '--bw', '10', '--delay', '20');
    assert.is(warned.status, 0, warned.stderr);
    for (const text of [
      'emulate: warning: --loss 1: a chance of 1 is every packet',
      'emulate: warning: --bw 10: without a unit it is 10 bit/s',
      'emulate: warning: --delay 20: without a unit it is 20 ms',
    ])
      assert.match(warned.stderr, text);
    assert.not.match(warned.stdout, 'up, '); // -q
    const loud = await run(
      '-i',
      'valei:r',
      '-i',
      'valeo:r',
      '--time',
      '0.001',
      '--up',
      '5Mbit/s',
      '--down',
      'delay 9ms',
    );
    assert.match(loud.stdout, /^up, valei:r > valeo:r: 5 Mbit\/s, delay 0 ms, queue \d+ bytes/m);
    assert.match(loud.stdout, /^down, valeo:r > valei:r: no limit of rate, delay 9 ms$/m);
  } finally {
    world.end();
  }
});

test.run();
