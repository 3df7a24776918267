// SPDX-License-Identifier: BSD-2-Clause
// The syntax tree of a rule: what was meant, with abbreviations and synonyms resolved. Plain data, comparable by value.
import type { Net, Net4 } from './address.js';
import type { LookupKey, ValueKind } from './keywords.js';
import type { Range } from './ranges.js';

export type Side = 'src' | 'dst';
/** A number, or the value the rule's last table look-up found. */
export type Arg = number | 'tablearg';

/** table(name), table(name,value) or table(name,kind=value). */
export interface TableRef {
  name: string;
  value?: { kind: ValueKind; value: number; named: boolean };
}

export type ListField =
  | 'mac-type'
  | 'iplen'
  | 'ipid'
  | 'ipttl'
  | 'tcpwin'
  | 'tcpdatalen'
  | 'tcpmss'
  | 'tagged'
  | 'fib';
export type FlagsField = 'frag' | 'iptos' | 'ipoptions' | 'tcpflags' | 'tcpoptions';
export type NumberField = 'ipversion' | 'ipprecedence' | 'tcpseq' | 'tcpack';
export type PlainField =
  | 'layer2'
  | 'in'
  | 'established'
  | 'verrevpath'
  | 'versrcreach'
  | 'antispoof'
  | 'ipsec'
  | 'sockarg'
  | 'diverted'
  | 'diverted-loopback'
  | 'diverted-output';

/** What an interface is compared with: its name, a pattern, its IPv4 address or a table of names. */
export type IfaceMatch =
  | { by: 'name' | 'glob'; name: string }
  | { by: 'ip'; address: number }
  | { by: 'table'; table: TableRef };

export type Test =
  | { kind: 'ip4' | 'ip6' }
  | { kind: 'proto'; proto: number }
  | { kind: 'net4'; side: Side; nets: Net4[] }
  | { kind: 'set4'; side: Side; base: number; size: number; members: number[] }
  | { kind: 'net6'; side: Side; nets: Net[] }
  | { kind: 'me' | 'me6'; side: Side }
  | { kind: 'table'; side: Side; table: TableRef }
  | { kind: 'port'; side: Side; ranges: Range[] }
  | { kind: 'mac'; dst: Net; src: Net }
  | { kind: 'mac-table'; side: Side; table: TableRef }
  | { kind: 'lookup'; key: LookupKey; mask?: bigint; table: TableRef }
  | { kind: 'flow'; table: TableRef }
  | { kind: 'iface'; which: 'recv' | 'xmit' | 'via'; match: IfaceMatch }
  | { kind: 'plain'; field: PlainField }
  | { kind: 'list'; field: ListField; ranges: Range[] }
  | { kind: 'flags'; field: FlagsField; set: number; clear: number }
  | { kind: 'number'; field: NumberField; value: number }
  | { kind: 'dscp' | 'icmptypes' | 'icmp6types' | 'flow-id'; values: number[] }
  | { kind: 'ext6hdr'; headers: number }
  | { kind: 'tagged-tablearg' }
  | { kind: 'mark'; value: Arg; mask: number };

export interface Match {
  not: boolean;
  test: Test;
}

/** Alternatives: one of them must match. A single test is a block of one. */
export type Block = Match[];

/** Where `fwd` sends to: the address a table has, a port of ours, or an address. A port number of 0: as it is. */
export type NextHop =
  | { tablearg: true; port: number }
  | { ours: string }
  | { family: 4 | 6; address: bigint; port: number };

export type Action =
  | { kind: 'allow' | 'deny' | 'count' | 'reset' | 'reset6' | 'abort' | 'abort6' | 'return' | 'reass' }
  | { kind: 'check-state'; name: string }
  | { kind: 'skipto' | 'call' | 'pipe' | 'queue' | 'setfib' | 'setdscp' | 'setmark'; arg: Arg }
  | { kind: 'nat'; arg: Arg | 'global' }
  | { kind: 'divert' | 'tee'; to: Arg | { port: string } }
  | { kind: 'unreach' | 'unreach6'; code: number; mtu: number }
  | { kind: 'fwd'; to: NextHop }
  | { kind: 'tcp-setmss'; mss: number };

/** Where `log` writes: the JSON stream (syslog in ipfw), pcapng (bpf in ipfw). */
export type LogDestination = 'syslog' | 'bpf';

export interface Log {
  /** At most so many; 0 without bound; undefined: sysctl net.inet.ip.fw.verbose_limit. */
  amount?: number;
  destinations?: LogDestination[];
}

export interface State {
  kind: 'keep-state' | 'record-state' | 'limit' | 'set-limit';
  name: string;
  /** limit: bits of LIMIT_FIELDS and how many. */
  fields?: number;
  limit?: Arg;
}

export interface Rule {
  /** 0: give it the next number. */
  number: number;
  set: number;
  /** Chance to match, of 2^31 - 1; undefined: always. */
  prob?: number;
  action: Action;
  log?: Log;
  altq?: string;
  tag?: { untag: boolean; arg: Arg };
  setmark?: Arg;
  body: Block[];
  /** Written without "proto from src to dst". */
  optionsOnly: boolean;
  state?: State;
  /** defer-immediate-action */
  defer: boolean;
  comment?: string;
}

/** 2^31 - 1: the scale of `prob` and `plr`. */
export const PROB_ONE = 0x7fffffff;
