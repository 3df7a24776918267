// SPDX-License-Identifier: BSD-2-Clause
// command-view.ts: how emulate shows itself around a command, on stderr alone: standard output is the command's, and so is
// the terminal, where nothing is drawn over.
import type {
  DirectionRecord,
  RelayReportRecord,
  RelayResultRecord,
} from '../../../src/report/relay-records.js';
import { duration } from '../../../src/report/units.js';
import { vlanLines } from '../../../src/report/vlan.js';
import { type LiveView, promisedLines, reportLines, resultLines } from './live-views.js';

export const say = (line: string): void => console.error(`emulate: ${line}`);

function summary(name: string, { rx_packets, rx_bytes, drops, delay }: DirectionRecord): string {
  const named = Object.entries(drops).filter(([, count]) => count > 0);
  const lost =
    named.length === 0 ? 'none lost' : `lost: ${named.map(([why, count]) => `${why} ${count}`).join(', ')}`;
  const delays =
    delay === undefined ? '' : `, delay ${duration(delay.p50)} median, ${duration(delay.max)} at most`;
  return `${name} ${rx_packets} packets ${rx_bytes} bytes, ${lost}${delays}`;
}

/** One line at the end; `verbose`: all that two ports get; `quiet`: none. */
export class CommandView implements LiveView {
  constructor(private readonly how: 'plain' | 'verbose' | 'quiet') {}

  start(lines: readonly string[]): void {
    for (const line of lines) say(line);
  }

  note(text: string): void {
    if (this.how !== 'quiet') console.error(text);
  }

  report(record: RelayReportRecord): void {
    for (const line of reportLines(record)) say(line);
  }

  end(record: RelayResultRecord): void {
    if (this.how === 'quiet') return;
    const [up, down] = record.directions;
    if (this.how === 'plain') {
      say(`${summary('up', up)}; ${summary('down', down)}`);
      for (const line of vlanLines(record.vlan_opaque)) say(line);
    } else for (const line of [...resultLines(record), ...promisedLines(record)]) say(line);
  }
}

/** Records, one a line, on stderr. */
export class JsonCommandView implements LiveView {
  constructor(private readonly quiet: boolean) {}

  start(): void {}

  note(text: string): void {
    if (!this.quiet) console.error(text);
  }

  report(record: RelayReportRecord): void {
    console.error(JSON.stringify(record));
  }

  end(record: RelayResultRecord): void {
    console.error(JSON.stringify(record));
  }
}
