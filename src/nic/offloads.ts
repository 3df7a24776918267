// SPDX-License-Identifier: BSD-2-Clause
// offloads.ts: what ethtool(8) switches with one word, as the kernel's own features.
import type { NativeNic } from '../native.js';

/** ethtool's words and the features behind each; an interface has some of them. */
export const OFFLOADS = {
  tx: [
    'tx-checksum-ip-generic',
    'tx-checksum-ipv4',
    'tx-checksum-ipv6',
    'tx-checksum-sctp',
    'tx-checksum-fcoe-crc',
  ],
  tso: [
    'tx-tcp-segmentation',
    'tx-tcp-ecn-segmentation',
    'tx-tcp-mangleid-segmentation',
    'tx-tcp6-segmentation',
  ],
  'tx-udp-segmentation': ['tx-udp-segmentation'],
  gso: ['tx-generic-segmentation'],
  gro: ['rx-gro'],
  'rx-gro-hw': ['rx-gro-hw'],
  'rx-gro-list': ['rx-gro-list'],
  'rx-udp-gro-forwarding': ['rx-udp-gro-forwarding'],
  lro: ['rx-lro'],
  txvlan: ['tx-vlan-hw-insert'],
  'tx-vlan-stag-hw-insert': ['tx-vlan-stag-hw-insert'],
  rxvlan: ['rx-vlan-hw-parse'],
  'rx-vlan-stag-hw-parse': ['rx-vlan-stag-hw-parse'],
} as const;

export type Offload = keyof typeof OFFLOADS;

/** The features of an offload that are on and may be switched off. */
export function activeFeatures(nic: NativeNic, offload: Offload): string[] {
  return OFFLOADS[offload].filter((name) => nic.features[name]?.active && nic.features[name].available);
}
