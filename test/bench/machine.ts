// SPDX-License-Identifier: BSD-2-Clause
// machine.ts: what the figures were measured on.
import { readFileSync } from 'node:fs';
import os from 'node:os';

export interface Machine {
  cpu: string;
  cores: number;
  kernel: string;
  /** Frequency governor of the first core; 'unknown' where the system does not say (most virtual machines). */
  governor: string;
  node: string;
}

function readGovernor(): string {
  try {
    return readFileSync('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

export function machine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    kernel: os.release(),
    governor: readGovernor(),
    node: process.version,
  };
}

export function describe(m: Machine): string {
  return `${m.cpu}, ${m.cores} cores, Linux ${m.kernel}, governor ${m.governor}, Node ${m.node}`;
}
