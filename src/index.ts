// SPDX-License-Identifier: BSD-2-Clause
// index.ts: what programs import from "netvale".
export * from './capture/index.js';
export {
  type CommandOptions,
  type CommandResult,
  type LinkEnds,
  type RunningLink,
  runBehindLink,
} from './emulation/namespace.js';
export { checkPlan, Engine, type EngineInfo, startEngine } from './engine/engine.js';
export type { EngineState, EngineStats, WorkerStats } from './engine/page.js';
export { isNetvaleError, type NetvaleError } from './errors.js';
export { MORE_FRAGMENTS, type RxBatch, type TxBatch } from './port/batch.js';
export { collectGarbage, listPorts, type PortInfo } from './port/directory.js';
export { type OpenOptions, openPort, Port, type PortStats } from './port/port.js';
export type { Ready, WaitFor } from './port/wait.js';
export { Histogram } from './report/histogram.js';
export type { Plan, RateStep, Role, Traffic } from './traffic/plan.js';
