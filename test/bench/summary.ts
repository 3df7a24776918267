// SPDX-License-Identifier: BSD-2-Clause
// summary.ts: from the records of single runs to one line a case: median, spread, ratio to the baseline, target.
import type { Target } from './benchmarks.js';

/** One run of one case, as the benchmark programs print it. */
export interface Run {
  bench: string;
  case: string;
  unit: string;
  value: number;
  /** The baseline's figure in the same unit, measured in the same run. */
  baseline?: number;
  baseline_name?: string;
  /** 99th percentiles, where the figures are medians of times. */
  p99?: number;
  baseline_p99?: number;
}

/** All runs of one case together. */
export interface Summary {
  bench: string;
  case: string;
  unit: string;
  runs: number;
  median: number;
  min: number;
  max: number;
  p99?: number;
  baseline_name?: string;
  baseline?: number;
  baseline_p99?: number;
  /** Median of the runs' own ratios to their baselines: what both suffered alike cancels out. */
  ratio?: number;
  /** What the case has to reach, in words, and which of that it missed; absent where nothing is set. */
  target?: string[];
  missed?: string[];
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of no values');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle]!;
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

function medianOf(runs: readonly Run[], key: 'baseline' | 'p99' | 'baseline_p99'): number | undefined {
  const values = runs.flatMap((run) => run[key] ?? []);
  return values.length > 0 ? median(values) : undefined;
}

function judge(
  target: Target,
  value: number,
  p99: number | undefined,
  ratio: number | undefined,
): { target: string[]; missed: string[] } {
  const { least, most, mostP99, leastRatio, mostRatio } = target;
  const words: string[] = [];
  const missed: string[] = [];
  const limit = (word: string, bound: number | undefined, holds: (bound: number) => boolean) => {
    if (bound === undefined) return;
    words.push(word + bound);
    if (!holds(bound)) missed.push(word + bound);
  };
  limit('≥ ', least, (bound) => value >= bound);
  limit('≤ ', most, (bound) => value <= bound);
  limit('p99 ≤ ', mostP99, (bound) => p99 !== undefined && p99 <= bound);
  limit('ratio ≥ ', leastRatio, (bound) => ratio !== undefined && ratio >= bound);
  limit('ratio ≤ ', mostRatio, (bound) => ratio !== undefined && ratio <= bound);
  return { target: words, missed };
}

/** Put the runs of each case together, in the order the cases first appear. */
export function summarise(runs: readonly Run[], targets: readonly Target[]): Summary[] {
  const cases = new Map<string, Run[]>();
  for (const run of runs) {
    const key = JSON.stringify([run.bench, run.case]);
    const list = cases.get(key);
    if (list) list.push(run);
    else cases.set(key, [run]);
  }
  return [...cases.values()].map((list) => {
    const { bench, case: name, unit, baseline_name } = list[0]!;
    const values = list.map((run) => run.value);
    const ratios = list.flatMap((run) => (run.baseline ? run.value / run.baseline : []));
    const ratio = ratios.length > 0 ? median(ratios) : undefined;
    const value = median(values);
    const optional = {
      p99: medianOf(list, 'p99'),
      baseline_name,
      baseline: medianOf(list, 'baseline'),
      baseline_p99: medianOf(list, 'baseline_p99'),
      ratio,
    };
    const target = targets.find((t) => t.bench === bench && t.case === name);
    return {
      bench,
      case: name,
      unit,
      runs: list.length,
      median: value,
      min: Math.min(...values),
      max: Math.max(...values),
      ...(Object.fromEntries(
        Object.entries(optional).filter(([, v]) => v !== undefined),
      ) as Partial<Summary>),
      ...(target && judge(target, value, optional.p99, ratio)),
    };
  });
}

const figure = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** A Markdown table of the summaries, aligned so that it reads well in a terminal too. */
export function table(summaries: readonly Summary[]): string {
  const rows = [['benchmark', 'case', 'median', 'min..max', 'baseline, same run', 'ratio', 'to reach', '']];
  for (const s of summaries) {
    const p99 = s.p99 === undefined ? '' : `, p99 ${figure(s.p99)}`;
    const baseline = s.baseline === undefined ? '' : `${figure(s.baseline)} (${s.baseline_name})`;
    rows.push([
      s.bench,
      s.case,
      `${figure(s.median)} ${s.unit}${p99}`,
      `${figure(s.min)}..${figure(s.max)}`,
      baseline,
      s.ratio === undefined ? '' : s.ratio.toFixed(2),
      s.target?.join(', ') ?? '',
      s.missed === undefined ? '' : s.missed.length === 0 ? 'reached' : `missed ${s.missed.join(', ')}`,
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: string[]) => `| ${cells.map((c, i) => c.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(rows[0]!), line(widths.map((w) => '-'.repeat(w))), ...rows.slice(1).map(line)].join('\n');
}
