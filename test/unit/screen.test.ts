// SPDX-License-Identifier: BSD-2-Clause
// screen.test.ts: what the programs draw on a terminal: it fits, nothing of it is cut, and it stays in its place.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReportRecord } from '../../src/report/records.js';
import type { RelayReportRecord } from '../../src/report/relay-records.js';
import { shortLine } from '../../src/report/text.js';
import { reportLines } from '../../tools/lib/emulate/live-views.js';
import { Block, fold, linesFor } from '../../tools/lib/screen.js';

const ESCAPE = String.fromCharCode(27);
const PIECES = new RegExp(`${ESCAPE}\\[(?:\\d+A|J)|[^]`, 'g');

/** A terminal that understands what Block writes: its lines, and the cursor. */
class Terminal {
  isTTY = true as const;
  lines: string[] = [''];
  row = 0;
  column = 0;

  constructor(
    readonly columns: number,
    readonly rows = 24,
  ) {}

  write(text: string): void {
    for (const [piece] of text.matchAll(PIECES))
      if (piece.endsWith('A') && piece.length > 1) this.row -= Number(piece.slice(2, -1));
      else if (piece === '\x1b[J') {
        this.lines.length = this.row + 1;
        this.lines[this.row] = this.lines[this.row]!.slice(0, this.column);
      } else if (piece === '\r') this.column = 0;
      else if (piece === '\n') {
        this.row++;
        this.column = 0;
        this.lines[this.row] ??= '';
      } else {
        assert.ok(this.column < this.columns - 1, `beyond the width: ${this.lines[this.row]}`);
        const line = this.lines[this.row]!;
        this.lines[this.row] = line.slice(0, this.column) + piece + line.slice(this.column + 1);
        this.column++;
      }
  }
}

const drops = { 'queue full': 12345, queue_full: 54321, plr: 99, no_space: 7 };
const direction = { rx_pps: 81273, tx_pps: 80000, tx_bps: 40.96e6, waiting: 33, drops };
const link = { kind: 'pipe', number: 1, flow: '', packets: 20, bytes: 20000, total_packets: 9876, drops: 4 };
const report = {
  time: 3.0001,
  directions: [
    { from: 'vale80:a', to: 'vale81:b', ...direction },
    { from: 'vale81:b', to: 'vale80:a', ...direction },
  ],
  links: [link, link],
} as unknown as RelayReportRecord;

test('a report of emulate fits 80 columns, and no reason of a loss is cut', () => {
  const terminal = new Terminal(80);
  const block = new Block(terminal);
  for (let i = 0; i < 3; i++) block.draw(reportLines(report));
  const text = terminal.lines.join(' ').replaceAll(/ +/g, ' ');
  for (const [name, count] of Object.entries(drops))
    assert.is(text.split(`${name} ${count}`).length, 3, text);
  assert.is(terminal.lines.filter((line) => line.startsWith('3.000 s')).length, 1, 'drawn in its place');
});

test('what a terminal echoes of Ctrl-C goes with the block', () => {
  const terminal = new Terminal(80);
  const block = new Block(terminal);
  block.draw(['4.102 s', 'one line']);
  terminal.write('^C');
  block.draw(['5 s', 'another']);
  assert.equal(terminal.lines, ['5 s', 'another', '']);
  block.leave();
  block.draw(['below']);
  assert.equal(terminal.lines, ['5 s', 'another', 'below', '']);
});

test('a block is never higher than the terminal', () => {
  const terminal = new Terminal(80, 10);
  const block = new Block(terminal);
  const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`);
  for (let i = 0; i < 3; i++) block.draw(lines);
  assert.is(terminal.lines.length, 10);
  assert.equal(terminal.lines.slice(7), ['line 7', '    and 32 more lines', '']);
});

test('lines are broken at spaces, or where there is none, and nothing is lost', () => {
  assert.equal(fold('short', 80), ['short']);
  assert.equal(fold('  one two three four', 12), ['  one two', '      three', '      four']);
  const long = 'x'.repeat(50);
  assert.is(fold(long, 20).join('').replaceAll(' ', ''), long);
  for (const line of fold(`a ${long} b`, 20)) assert.ok(line.length <= 20);
  assert.equal(linesFor({ isTTY: false, columns: 20, rows: 5, write() {} } as never, [long]), [long]);
});

test("pkt-gen's line fits 80 columns", () => {
  const record = {
    time: 86399.9,
    pps: 148.809e6,
    bps: 99.999e9,
    average_batch: 511.99,
    min_space: 4095,
    denied: 99,
  };
  const line = shortLine(record as ReportRecord, { plain: false, framing: 0 });
  assert.ok(line.length < 80, `${line.length}: ${line}`);
  assert.match(
    line,
    /^86399\.9 s {2}148\.809 Mpps {2}99\.999 Gbps {2}511\.99 avg_batch 4095 min_space 99 denied$/,
  );
});

test.run();
