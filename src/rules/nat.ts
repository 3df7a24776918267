// SPDX-License-Identifier: BSD-2-Clause
// A nat instance as configured: nat N config ...
import { NAT_FLAG } from '../abi.js';
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

const FLAG_ORDER = [
  'log',
  'deny_in',
  'same_ports',
  'skip_global',
  'unreg_only',
  'unreg_cgn',
  'reset',
  'reverse',
  'proxy_only',
] as const;

/** Flag words in the order they are listed, and their bits. */
export const NAT_FLAGS: Vocabulary = FLAG_ORDER.map((word) => [word, NAT_FLAG[word]]);
