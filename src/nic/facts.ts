// SPDX-License-Identifier: BSD-2-Clause
// facts.ts: what advice about an interface is made from: itself, the other end of its pair, and what this process may do.
import { readFileSync } from 'node:fs';
import { type NativeNic, native } from '../native.js';
import type { Facts } from './advice.js';

/** Capabilities that packet work on interfaces takes: bits of CapEff in proc_pid_status(5). */
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n, CAP_BPF: 39n } as const;

function missingCapabilities(): string[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? '0'}`);
  return Object.entries(CAPABILITIES)
    .filter(([, bit]) => (effective & (1n << bit)) === 0n)
    .map(([name]) => name);
}

/** The other end of a veth pair; undefined: there is none, or it cannot be seen from here. */
function peerOf(nic: NativeNic): NativeNic | undefined {
  if (nic.kind !== 'veth' || nic.peerIndex === 0 || nic.peerHidden) return undefined;
  try {
    return native.nics.ask(nic.peerNetns, nic.peerIndex);
  } catch {
    return undefined; // gone meanwhile, or its namespace may not be entered: the advice says what is not known
  }
}

/** Ask about an interface. Throws a NetvaleError: ENODEV when there is none of this name. */
export function askFacts(name: string): Facts {
  const nic = native.nics.ask(undefined, name);
  const peer = peerOf(nic);
  return {
    nic: peer === undefined && nic.kind === 'veth' ? { ...nic, peerHidden: true } : nic,
    ...(peer && { peer }),
    missing: missingCapabilities(),
    program: process.execPath,
  };
}
