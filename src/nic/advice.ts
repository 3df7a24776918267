// SPDX-License-Identifier: BSD-2-Clause
// advice.ts: what about an interface, or about the other end of its pair, falsifies or slows packet work, and what to type.
// Each row is one case; the facts behind them were measured on Linux 6.18 and stand in docs/doctor.md.
import { NIC_ATTACHED, NIC_XDP } from '../abi.js';
import type { NativeNic } from '../native.js';
import { activeFeatures, type Offload } from './offloads.js';

/** What is known of an interface and of who asks. */
export interface Facts {
  nic: NativeNic;
  /** The other end of a veth pair, where it can be seen. */
  peer?: NativeNic;
  /** Capabilities that packet work takes and this process has not: "CAP_NET_RAW". */
  missing: string[];
  /** Path of the running program, which setcap would be given. */
  program: string;
}

/** `broken`: packets would be wrong or missing; `slow`: they would be right; `note`: worth knowing. */
export type Severity = 'broken' | 'slow' | 'note';

export interface Finding {
  /** Stable name of the case. */
  id: string;
  severity: Severity;
  /** One sentence for people. */
  text: string;
  /** What to type; absent: there is nothing to type. */
  command?: string;
  /** What --fix switches off. */
  fix?: { at: 'nic' | 'peer'; features: string[] };
}

/** A command as it is typed to work in the namespace at a path. */
export function inNamespace(netns: string | undefined, command: string): string {
  if (netns === undefined) return command;
  const name = /^\/run\/netns\/(.+)$/.exec(netns)?.[1];
  return name === undefined ? `nsenter --net=${netns} ${command}` : `ip netns exec ${name} ${command}`;
}

/** The finding about offloads of one end that are on; none of them: undefined. */
function offloads(
  { nic, peer }: Facts,
  at: 'nic' | 'peer',
  words: Offload[],
  finding: Pick<Finding, 'id' | 'severity'>,
  text: string,
): Finding | undefined {
  const side = at === 'nic' ? nic : peer;
  if (side === undefined) return undefined;
  const on = words.filter((word) => activeFeatures(side, word).length > 0);
  if (on.length === 0) return undefined;
  const settings = on.map((word) => `${word} off`).join(' ');
  return {
    ...finding,
    text: `${at === 'peer' ? 'the other end, ' : ''}${side.name}: ${text}`,
    command: inNamespace(at === 'peer' ? nic.peerNetns : undefined, `ethtool -K ${side.name} ${settings}`),
    fix: { at, features: on.flatMap((word) => activeFeatures(side, word)) },
  };
}

/** AF_XDP by the driver itself, not by the generic path. */
export const hasNativeXdp = (nic: NativeNic): boolean =>
  ((nic.xdpFeatures ?? 0) & (NIC_XDP.basic | NIC_XDP.redirect)) === (NIC_XDP.basic | NIC_XDP.redirect);

/** MTU up to which a veth pair takes a native XDP program that does not know frames of several buffers. */
const VETH_PLAIN_MTU = 3506;

type Case = (facts: Facts) => Finding | undefined;

const CASES: Case[] = [
  ({ nic }) =>
    nic.up
      ? undefined
      : {
          id: 'down',
          severity: 'broken',
          text: `${nic.name} is down: AF_XDP binds all the same, and nothing comes`,
          command: `ip link set ${nic.name} up`,
        },
  ({ nic, peer }) =>
    !nic.up || nic.carrier
      ? undefined
      : {
          id: 'no-carrier',
          severity: 'broken',
          text:
            peer === undefined || peer.up
              ? `${nic.name} has no carrier: every frame sent is lost`
              : `the other end, ${peer.name}, is down: every frame sent is lost`,
          ...(peer !== undefined &&
            !peer.up && { command: inNamespace(nic.peerNetns, `ip link set ${peer.name} up`) }),
        },
  (facts) =>
    offloads(
      facts,
      'peer',
      ['tx'],
      { id: 'peer-checksums', severity: 'broken' },
      'leaves checksums to a card that is not there; forwarded as they come, ping works and TCP hangs',
    ),
  (facts) =>
    offloads(
      facts,
      'peer',
      ['tso', 'tx-udp-segmentation', 'gso'],
      { id: 'peer-segmentation', severity: 'broken' },
      'sends frames of up to 64 KiB that generic XDP drops and packet sockets get whole (native XDP switches this off itself)',
    ),
  (facts) =>
    offloads(
      facts,
      'peer',
      ['txvlan', 'tx-vlan-stag-hw-insert'],
      { id: 'peer-vlan', severity: 'broken' },
      'keeps VLAN tags beside the frame, where AF_XDP loses them',
    ),
  ({ nic }) =>
    nic.kind === 'veth' && nic.peerHidden
      ? {
          id: 'peer-hidden',
          severity: 'note',
          text: `the other end of ${nic.name} is in a network namespace that cannot be found from here: ask there, too`,
        }
      : undefined,
  (facts) =>
    facts.nic.kind === 'veth'
      ? undefined
      : offloads(
          facts,
          'nic',
          ['gro', 'rx-gro-hw', 'rx-gro-list', 'rx-udp-gro-forwarding', 'lro'],
          { id: 'merging', severity: 'broken' },
          'puts received frames together to larger ones than were on the wire',
        ),
  (facts) =>
    facts.nic.kind === ''
      ? offloads(
          facts,
          'nic',
          ['rxvlan', 'rx-vlan-stag-hw-parse'],
          { id: 'vlan-stripped', severity: 'broken' },
          'takes VLAN tags out of the frame, where AF_XDP loses them',
        )
      : undefined,
  ({ nic }) =>
    nic.attached === NIC_ATTACHED.noXdp
      ? undefined
      : {
          id: 'xdp-busy',
          severity: 'broken',
          text: `an XDP program (id ${nic.program}) is attached to ${nic.name}: xdp:${nic.name} will be busy`,
          command: `ip link set ${nic.name} xdp off`,
        },
  ({ nic }) =>
    nic.ethernet
      ? undefined
      : {
          id: 'not-ethernet',
          severity: 'broken',
          text: `frames of ${nic.name} have no Ethernet header, which every port here expects`,
        },
  ({ nic }) =>
    nic.kind === 'ifb'
      ? {
          id: 'ifb',
          severity: 'broken',
          text: 'what AF_XDP sends into an ifb vanishes without an error: take a veth pair',
        }
      : undefined,
  ({ nic }) =>
    nic.channels > 1
      ? {
          id: 'queues',
          severity: 'note',
          text: `${nic.name} spreads what it receives over ${nic.channels} queues: open all of them, or have one`,
          command: `ethtool -L ${nic.name} ${nic.kind === 'veth' ? 'rx' : 'combined'} 1`,
        }
      : undefined,
  ({ nic, peer }) =>
    peer !== undefined &&
    hasNativeXdp(nic) &&
    nic.channels > 0 &&
    peer.txQueues > 0 &&
    peerTx(peer) > nic.channels
      ? {
          id: 'veth-queues',
          severity: 'slow',
          text: `the other end, ${peer.name}, sends on more queues than ${nic.name} receives on: only generic XDP attaches`,
          command: `ethtool -L ${nic.name} rx ${peerTx(peer)}`,
        }
      : undefined,
  ({ nic, peer }) =>
    nic.kind === 'veth' && peer !== undefined && peer.mtu > VETH_PLAIN_MTU
      ? {
          id: 'veth-mtu',
          severity: 'note',
          text: `the other end, ${peer.name}, has an MTU above ${VETH_PLAIN_MTU}: only XDP programs that know frames of several buffers attach natively (ours does)`,
        }
      : undefined,
  ({ nic }) =>
    nic.xdpFeatures !== undefined && !hasNativeXdp(nic)
      ? {
          id: 'generic-only',
          severity: 'slow',
          text: `${nic.name} (${nic.kind === '' ? nic.driver : nic.kind}) has no native XDP: the generic path copies each frame once more`,
        }
      : undefined,
  ({ missing, program }) =>
    missing.length === 0
      ? undefined
      : {
          id: 'capabilities',
          severity: 'broken',
          text: `this process has not ${missing.join(', ')}`,
          command: `setcap ${missing.map((name) => name.toLowerCase()).join(',')}+ep ${program}`,
        },
];

/** Tx queues in use of a veth's end: as many as it has channels. */
const peerTx = (peer: NativeNic): number => (peer.channels > 0 ? peer.channels : 1);

const ORDER: Severity[] = ['broken', 'slow', 'note'];

/** What there is to say, worst first. */
export function advise(facts: Facts): Finding[] {
  return CASES.flatMap((each) => each(facts) ?? []).sort(
    (a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity),
  );
}
