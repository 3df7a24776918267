// SPDX-License-Identifier: BSD-2-Clause
// watch.ts: follow an engine until it has finished: a report each interval, the result at the end.
import type { Engine } from '../../src/index.js';
import {
  type ReportRecord,
  type ResultRecord,
  reportRecord,
  resultRecord,
  type Source,
} from '../../src/report/records.js';

/** Intervals shorter than this are not worth a report (as in pkt-gen). */
const SHORTEST_MS = 10;

export interface Watcher {
  report(record: ReportRecord, total: number): void;
  end(record: ResultRecord): void;
}

/**
 * Report every `intervalMs` and at the end. Resolves to the result when all workers have finished; a failure of one is
 * in `result.error`. `framing`: bits a packet that count beside its bytes.
 */
export async function watchEngine(
  engine: Engine,
  source: Source,
  watcher: Watcher,
  options: { intervalMs: number; framing: number; histogram: boolean },
): Promise<ResultRecord> {
  const start = performance.now();
  let last = start;
  let before = engine.stats().total;
  const report = () => {
    const now = performance.now();
    if (now - last < SHORTEST_MS) return;
    const { total } = engine.stats();
    engine.restartMinSpace();
    const record = reportRecord(
      source,
      before,
      total,
      (now - start) / 1e3,
      (now - last) / 1e3,
      options.framing,
    );
    watcher.report(record, total.packets);
    before = total;
    last = now;
  };
  const timer = setInterval(report, Math.max(options.intervalMs, SHORTEST_MS));
  let failure: string | undefined;
  try {
    await engine.finished();
  } catch (error) {
    failure = (error as Error).message;
  } finally {
    clearInterval(timer);
  }
  report();
  const histogram = options.histogram ? engine.histogram() : undefined;
  const result = resultRecord(source, engine.stats(), histogram, failure);
  watcher.end(result);
  return result;
}
