// SPDX-License-Identifier: BSD-2-Clause
// index.ts: what programs import from "netvale".
export {
  Bridge,
  type BridgeOptions,
  type BridgeStats,
  startBridge,
  type WayStats,
} from './bridge/bridge.js';
export * from './capture/index.js';
export { type Departure, Emulator, type EmulatorOptions } from './emulation/emulator.js';
export type { LinkState } from './emulation/link-states.js';
export { LiveEmulation, type LiveOptions, startEmulation } from './emulation/live.js';
export type { Measure, WayMeasure } from './emulation/measures.js';
export {
  type CommandOptions,
  type CommandResult,
  type LinkEnds,
  type RunningLink,
  runBehindLink,
} from './emulation/namespace.js';
export type { ReplayPacket } from './emulation/packet-stream.js';
export {
  type DirectionStats,
  Relay,
  type RelayOptions,
  type RelayStats,
} from './emulation/relay.js';
export {
  type Change,
  Topology,
  type TopologyLiveOptions,
  type TopologyOptions,
} from './emulation/topology.js';
export { type DoneChange, RunningTopology } from './emulation/topology-live.js';
export {
  type ReplayOptions,
  type ReplayResult,
  TopologyReplay,
} from './emulation/topology-replay.js';
export type {
  FlowParameters,
  LinkParameters,
  LossSetting,
  PipeParameters,
  QueueParameters,
  SchedParameters,
  SchedulerSetting,
  Setting,
} from './emulation/topology-settings.js';
export { checkPlan, Engine, type EngineInfo, startEngine } from './engine/engine.js';
export type { EngineState, EngineStats, WorkerStats } from './engine/page.js';
export { isNetvaleError, type NetvaleError } from './errors.js';
export { MORE_FRAGMENTS, type RxBatch, type TxBatch } from './port/batch.js';
export { collectGarbage, listPorts, type PortInfo } from './port/directory.js';
export { type OpenOptions, openPort, Port, type PortStats } from './port/port.js';
export type { Ready, WaitFor } from './port/wait.js';
export { Histogram } from './report/histogram.js';
export { type Place, RuleError, type RuleErrorCode } from './rules/error.js';
export type { Plan, RateStep, Role, Traffic } from './traffic/plan.js';
