// SPDX-License-Identifier: BSD-2-Clause
// native.ts: the only door to C. Finds the addon and says what it has; arguments are checked on the other side.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a port is opened; see OpenOptions in port/port.ts. */
export interface NativeOpenOptions {
  dir?: string;
  existing?: boolean;
  copy?: boolean;
  txRings?: number;
  rxRings?: number;
  txSlots?: number;
  rxSlots?: number;
  extraBufs?: number;
}

export interface NativeRing {
  ring: number;
  slots: number;
}

export interface NativePort {
  close(): void;
  describe(): {
    name: string;
    memoryId: number;
    bufferSize: number;
    txRings: NativeRing[];
    rxRings: NativeRing[];
  };
  stats(): import('./port/port.js').PortStats;
  bytes(): ArrayBuffer;
  batch(tx: boolean, capacity: number): { offsets: Uint32Array; lengths: Uint16Array; flags: Uint16Array };
  receive(): number;
  reserve(want: number): number;
  send(count: number): void;
  sync(tx: boolean): void;
  completed(): { packets: number; bytes: number };
  setWaitMode(mode: number): void;
  waitSync(events: number, nanoseconds: number): number;
  arm(events: number): number;
  watch(wake: () => void): number;
  cancel(watch: number): void;
}

export interface NativeEngine {
  page(): ArrayBuffer;
  describe(): import('./engine/engine.js').EngineInfo;
  stop(): void;
  done(): boolean;
  join(): void;
  close(): void;
}

export interface NativeBridge {
  page(): ArrayBuffer;
  describe(): { ports: [string, string]; ways: number; threads: number; exchange: boolean };
  stop(): void;
  done(): boolean;
  join(): void;
  close(): void;
}

export interface NativeRelay {
  page(): ArrayBuffer;
  histograms(): ArrayBuffer;
  setOnePass(onePass: boolean): void;
  stop(drain: boolean): void;
  done(): boolean;
  join(): void;
  close(): void;
}

/** A command in namespaces of its own, waiting to be told to start; see native/namespace/command.h. */
export interface NativeCommand {
  /** The first process of the namespaces. */
  pid: number;
  /** Descriptors, the caller's to close: a stream of messages, and the taps at the link's two ends. */
  control: number;
  inside: number;
  outside: number;
  masquerade?: number;
  /** Name of the outside. */
  interface: string;
  /** The command's resolv.conf names the gateway. */
  resolves: boolean;
  /** The command's hosts file names the gateway. */
  named: boolean;
  /** What lies beyond this machine; see enum nv_wider. */
  wider: 'translated' | 'routed' | 'none' | 'no-forward' | 'no-translate';
  gateway: string;
  address: string;
  gateway6?: string;
  address6?: string;
}

export interface NativeNamespaces {
  startCommand(plan: {
    argv: string[];
    env: string[];
    mtu?: number;
    resolvConf?: string;
    hosts?: string;
  }): NativeCommand;
  reapCommand(pid: number): void;
  terminalForeground(): boolean;
  terminalRestore(): void;
}

/** Facts of a network interface: struct nv_nic of native/nic/nic.h. */
export interface NativeNic {
  name: string;
  index: number;
  mac: string;
  ethernet: boolean;
  /** "veth", "tun", "bridge", …; '' for hardware. */
  kind: string;
  driver: string;
  mtu: number;
  maxMtu: number;
  up: boolean;
  loopback: boolean;
  carrier: boolean;
  promiscuity: number;
  txQueues: number;
  rxQueues: number;
  /** Receive queues in use and at most; 0: not told. */
  channels: number;
  maxChannels: number;
  rxRing: number;
  maxRxRing: number;
  txRing: number;
  maxTxRing: number;
  /** NIC_XDP bits; absent: the kernel does not tell. */
  xdpFeatures?: number;
  xdpZeroCopySegments: number;
  /** NIC_ATTACHED */
  attached: number;
  program: number;
  features: Record<string, { active: boolean; available: boolean }>;
  /** Index of a veth's other end (or of what it lies on); 0: none. */
  peerIndex: number;
  /** It is in a namespace that nobody shows. */
  peerHidden: boolean;
  /** Path of its namespace; absent: this one. */
  peerNetns?: string;
}

export interface NativeNics {
  ask(netns: string | undefined, which: string | number): NativeNic;
  setFeature(netns: string | undefined, name: string, feature: string, on: boolean): void;
}

/** A plan in the words and units of the library; made from a Plan by traffic/plan.ts. */
export type NativePlan = Record<string, unknown>;

export interface Native {
  version: string;
  Port: new (name: string, options: NativeOpenOptions) => NativePort;
  Engine: new (plan: NativePlan) => NativeEngine;
  Rules: new (params: Record<string, number | bigint>) => import('./rules/native-engine.js').NativeRules;
  RuleBatch: new (capacity: number, bytes: number) => import('./rules/native-engine.js').NativeBatch;
  Emulation: new (
    options: import('./emulation/native.js').NativeEmulationOptions,
  ) => import('./emulation/native.js').NativeEmulation;
  Bridge: new (plan: Record<string, unknown>) => NativeBridge;
  bridgeNames: string[];
  Relay: new (plan: Record<string, unknown>) => NativeRelay;
  namespaces: NativeNamespaces;
  nics: NativeNics;
  /** What a port's name can begin with. `switch`: more may follow before the ':'. */
  kinds: { prefix: string; bare: boolean; switch: boolean; link: boolean }[];
  list(dir?: string): import('./port/directory.js').PortInfo[];
  collect(dir?: string): number;
  checkPlan(plan: NativePlan): void;
  /** Process that listens at the other end of a Unix socket; 0: of another pid namespace. */
  socketPeer(fd: number): number;
  dropNames: string[];
  emulationDropNames: string[];
  pageNames: string[];
  portNames: string[];
  workerNames: string[];
  stateNames: string[];
  /** Words of a rule engine's verdicts, by number, and the size of a packet's context. */
  ruleActionNames: string[];
  ruleReasonNames: string[];
  ruleContextBytes: number;
  relayPageNames: string[];
  relayNames: string[];
  relayMeasureNames: string[];
  relayDropNames: string[];
}

/** The folder that holds package.json: this file is src/native.ts in a checkout, dist/src/native.js in a package. */
function packageRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

function load(): Native {
  const root = packageRoot();
  const places = [
    path.join(root, 'build', 'Release', 'netvale.node'),
    path.join(root, 'prebuilds', `${process.platform}-${process.arch}`, 'netvale.node'),
  ];
  const found = places.find((place) => existsSync(place));
  if (found === undefined)
    throw Object.assign(
      new Error(
        `netvale has no native part for ${process.platform}-${process.arch}; in a checkout run 'npm run setup'. Looked for:\n${places.join('\n')}`,
      ),
      { code: 'ENOADDON' },
    );
  return createRequire(import.meta.url)(found) as Native;
}

export const native: Native = load();
