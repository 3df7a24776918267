// SPDX-License-Identifier: BSD-2-Clause
// benchmarks.ts: which benchmarks there are, how long each runs, and what their figures have to reach.

export interface Benchmark {
  name: string;
  /** A C program of test/bench (`NAME_bench.c`) or a script there (`NAME.ts`). */
  program: string;
  /** Runs of each case; the median is what counts. */
  runs: number;
  /** Seconds a run measures, and as long again for its baseline. */
  seconds: number;
}

/** What one case has to reach, in the case's unit or as a ratio to its baseline. */
export interface Target {
  bench: string;
  case: string;
  least?: number;
  most?: number;
  /** Of the 99th percentile, where the figures are medians of times. */
  mostP99?: number;
  leastRatio?: number;
  mostRatio?: number;
}

/** In the order they are run and shown: the machine's own limits first. */
export const benchmarks: readonly Benchmark[] = [
  { name: 'copy-loop', program: 'copy_loop_bench.c', runs: 5, seconds: 0.2 },
  { name: 'two-process-loop', program: 'two_process_loop_bench.c', runs: 5, seconds: 0.2 },
  { name: 'fifo-ping-pong', program: 'fifo_ping_pong_bench.c', runs: 5, seconds: 0.2 },
  { name: 'vale-one-thread', program: 'vale_one_thread_bench.c', runs: 9, seconds: 0.2 },
  { name: 'vale-two-processes', program: 'vale_two_processes_bench.c', runs: 9, seconds: 0.3 },
  { name: 'vale-shared-region', program: 'vale_shared_region_bench.c', runs: 5, seconds: 0.2 },
  { name: 'vale-broadcast', program: 'vale_broadcast_bench.c', runs: 5, seconds: 0.2 },
  { name: 'vale-ping-pong', program: 'vale_ping_pong_bench.c', runs: 5, seconds: 0.3 },
  { name: 'pipe', program: 'pipe_bench.c', runs: 5, seconds: 0.2 },
  { name: 'null-tx', program: 'null_tx_bench.c', runs: 5, seconds: 0.2 },
  { name: 'bridge', program: 'bridge_bench.c', runs: 9, seconds: 0.2 },
  { name: 'emulation', program: 'emulation_bench.c', runs: 5, seconds: 0.2 },
  { name: 'sched', program: 'sched_bench.c', runs: 5, seconds: 0.1 },
  { name: 'relay', program: 'relay_bench.c', runs: 5, seconds: 0.2 },
  { name: 'emulate-live', program: 'emulate_live_bench.c', runs: 3, seconds: 1 },
  { name: 'rules', program: 'rules_bench.c', runs: 3, seconds: 0.2 },
  { name: 'rules-replace', program: 'rules_replace_bench.c', runs: 3, seconds: 1 },
  { name: 'rules-load', program: 'rules-load.ts', runs: 5, seconds: 0.5 },
  { name: 'control-load', program: 'control-load.ts', runs: 3, seconds: 2 },
  { name: 'js-batch', program: 'js-batch.ts', runs: 5, seconds: 0.5 },
];

export const targets: readonly Target[] = [
  { bench: 'vale-one-thread', case: '60', least: 60, leastRatio: 0.7 },
  { bench: 'vale-one-thread', case: '1514', least: 170, leastRatio: 0.85 },
  { bench: 'vale-two-processes', case: '60', least: 30, leastRatio: 0.7 },
  { bench: 'vale-two-processes', case: '60 one core', least: 3 },
  { bench: 'vale-shared-region', case: '1514', least: 70 },
  { bench: 'pipe', case: '60', least: 200 },
  { bench: 'pipe', case: '1514', least: 200 },
  { bench: 'null-tx', case: 'prepared', least: 150 },
  { bench: 'null-tx', case: 'own addresses', least: 40 },
  { bench: 'bridge', case: 'exchange 60', leastRatio: 0.8 },
  { bench: 'bridge', case: 'exchange 1514', leastRatio: 0.8 },
  { bench: 'bridge', case: 'copy 60', leastRatio: 0.8 },
  { bench: 'bridge', case: 'copy 1514', leastRatio: 0.8 },
  { bench: 'vale-ping-pong', case: 'sleeping', mostRatio: 1.3 },
  { bench: 'vale-ping-pong', case: 'adaptive', most: 5 },
  { bench: 'vale-ping-pong', case: 'busy', most: 3 },
  { bench: 'emulation', case: 'no limit', least: 15 },
  { bench: 'emulation', case: '10 ms delay', least: 10 },
  { bench: 'emulation', case: '100000 links', least: 2, leastRatio: 0.33 },
  { bench: 'emulation', case: 'memory', most: 64 },
  { bench: 'sched', case: 'fifo 1', most: 15 },
  { bench: 'sched', case: 'fifo 512', most: 15 },
  { bench: 'sched', case: 'fifo 32768', most: 20 },
  { bench: 'sched', case: 'rr 1', most: 15 },
  { bench: 'sched', case: 'rr 512', most: 25 },
  { bench: 'sched', case: 'rr 32768', most: 40 },
  { bench: 'sched', case: 'qfq 1', most: 35 },
  { bench: 'sched', case: 'qfq 512', most: 35 },
  { bench: 'sched', case: 'qfq 32768', most: 45 },
  { bench: 'sched', case: 'wf2q+ 1', most: 30 },
  { bench: 'sched', case: 'wf2q+ 512', most: 60 },
  { bench: 'sched', case: 'wf2q+ 32768', most: 120 },
  { bench: 'relay', case: 'cost', most: 200 },
  { bench: 'emulate-live', case: 'rules, bandwidth, delay', least: 5 },
  { bench: 'emulate-live', case: 'late 100k/s', most: 1, mostP99: 20 },
  { bench: 'emulate-live', case: 'late 500k/s', most: 1, mostP99: 20 },
  { bench: 'emulate-live', case: 'bandwidth 1Mbit/s', most: 0.1 },
  { bench: 'emulate-live', case: 'bandwidth 10Mbit/s', most: 0.1 },
  { bench: 'emulate-live', case: 'bandwidth 100Mbit/s', most: 0.1 },
  { bench: 'emulate-live', case: 'bandwidth 1Gbit/s', most: 0.1 },
  { bench: 'emulate-live', case: 'bandwidth 10Gbit/s', most: 0.1 },
  { bench: 'emulate-live', case: 'loss 1Gbit/s 100ms', most: 0 },
  { bench: 'js-batch', case: 'first 8 bytes', least: 10 },
  { bench: 'js-batch', case: 'main thread', most: 3 },
  { bench: 'rules', case: '1 rule', least: 40 },
  { bench: 'rules', case: '10 rules', least: 35 },
  { bench: 'rules', case: '100 rules', least: 25 },
  { bench: 'rules', case: '1000 rules', least: 18 },
  { bench: 'rules', case: '10000 rules', least: 10 },
  { bench: 'rules', case: 'table of 500', least: 25 },
  { bench: 'rules', case: 'table of 100000', least: 15 },
  { bench: 'rules', case: '1 state', least: 20 },
  { bench: 'rules', case: '1000 states', least: 12 },
  { bench: 'rules', case: '100000 states', least: 6 },
  { bench: 'rules', case: '1000000 states', least: 3 },
  { bench: 'rules-replace', case: 'wait, 99.9 %', most: 1000 },
  { bench: 'rules-replace', case: 'wait, longest', most: 1000 },
  { bench: 'rules-replace', case: 'work, longest', most: 1000 },
  { bench: 'rules-replace', case: 'blocked', most: 0 },
  { bench: 'rules-replace', case: 'with states: wait, longest', most: 1000 },
  { bench: 'rules-replace', case: 'with states: work, longest', most: 1000 },
  { bench: 'rules-replace', case: 'with states: blocked', most: 0 },
  { bench: 'rules-load', case: '10000 rules', most: 500 },
  { bench: 'control-load', case: 'clients flood', mostRatio: 2 },
  { bench: 'control-load', case: 'clients load 20,000 rules', mostRatio: 2 },
  { bench: 'control-load', case: 'clients hang', mostRatio: 2 },
  { bench: 'control-load', case: 'clients send without end', mostRatio: 2 },
];
