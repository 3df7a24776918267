// SPDX-License-Identifier: BSD-2-Clause
// A nat instance as configured: nat N config ...
import type { Vocabulary } from './keywords.js';

export interface PortRange {
  port: number;
  count: number;
}

export interface NatTarget {
  address: number;
  /** 0: not given (addresses and protocols). */
  port: number;
}

/** redirect_addr, redirect_port, redirect_proto. Several targets share the load (LSNAT). */
export interface NatRedirect {
  kind: 'addr' | 'port' | 'proto';
  proto: number;
  targets: NatTarget[];
  /** Outside address; 0: the instance's. */
  alias: number;
  aliasPorts: PortRange;
  /** The peer; 0: any. */
  remote: number;
  remotePorts: PortRange;
}

export interface NatConfig {
  id: number;
  /** Alias address, or the interface whose address it is. */
  ip?: number;
  iface?: string;
  /** Bits of NAT_FLAGS. */
  flags: number;
  ports?: { low: number; high: number };
  redirects: NatRedirect[];
}

/** Flag words in the order they are listed; the bits are those of native/rules/program.h. */
export const NAT_FLAGS: Vocabulary = [
  ['log', 256],
  ['deny_in', 1],
  ['same_ports', 2],
  ['skip_global', 128],
  ['unreg_only', 4],
  ['unreg_cgn', 8],
  ['reset', 16],
  ['reverse', 32],
  ['proxy_only', 64],
];
