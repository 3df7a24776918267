// SPDX-License-Identifier: BSD-2-Clause
// The rules as a library: programs that filter keep a Controller on an engine and open a ControlServer for ipfw.
export { type ControlOptions, ControlServer } from './control.js';
export { request as controlRequest, requestOnce } from './control-client.js';
export { Controller, type ControllerOptions } from './controller.js';
export { type DynamicState, NoEngine, type RuleCounter, type RuleEngine } from './engine.js';
export { EXIT, type Place, RuleError } from './error.js';
export { type Explanation, explainPacket, printExplanation } from './explain.js';
export { type HostFacts, parseHost } from './host.js';
export {
  NativeEngine,
  type NativeEngineOptions,
  type NativeEvent,
  type NativePacket,
  type NativeVerdict,
  type RuleAction,
} from './native-engine.js';
export { type OpenRules, type OpenRulesOptions, openRules } from './open.js';
export { PacketBatch } from './packet-batch.js';
export { parsePacket, type TextPacket } from './packet-text.js';
export { execute, type Reply, type Source } from './session.js';
