// SPDX-License-Identifier: BSD-2-Clause
// view.ts: an interface's facts and findings as text for people and as a record for programs.
import { NIC_ATTACHED, NIC_XDP } from '../../../src/abi.js';
import type { NativeNic } from '../../../src/native.js';
import { type Facts, type Finding, hasNativeXdp } from '../../../src/nic/advice.js';

const ATTACHED: Record<number, string> = {
  [NIC_ATTACHED.noXdp]: 'none',
  [NIC_ATTACHED.xdpNative]: 'native',
  [NIC_ATTACHED.xdpGeneric]: 'generic',
  [NIC_ATTACHED.xdpHardware]: 'hardware',
  [NIC_ATTACHED.xdpSeveral]: 'several',
};

/** How AF_XDP works there: "native, zero copy". */
function xdpWays(nic: NativeNic): string {
  if (nic.xdpFeatures === undefined) return 'the kernel does not say (Linux 6.3 and later do)';
  const bits = nic.xdpFeatures;
  const ways = [hasNativeXdp(nic) ? 'native' : 'generic only'];
  ways.push((bits & NIC_XDP.zerocopy) !== 0 ? 'zero copy' : 'copy');
  if ((bits & NIC_XDP.rxSg) !== 0) ways.push('frames of several buffers');
  return ways.join(', ');
}

const some = (now: number, most: number): string => (most > now ? `${now} (at most ${most})` : String(now));

/** What there is to know, a line each. */
function factLines({ nic, peer }: Facts): string[] {
  const state = !nic.up ? 'down' : nic.carrier ? 'up' : 'up, no carrier';
  const what = [nic.kind || nic.driver || 'interface', nic.mac, `MTU ${nic.mtu}`, state].join(', ');
  const lines = [`${nic.name}: ${what}`, `  AF_XDP: ${xdpWays(nic)}`];
  if (nic.channels > 0) lines.push(`  receive queues: ${some(nic.channels, nic.maxChannels)}`);
  if (nic.rxRing > 0)
    lines.push(
      `  descriptors: receive ${some(nic.rxRing, nic.maxRxRing)}, send ${some(nic.txRing, nic.maxTxRing)}`,
    );
  if (peer)
    lines.push(
      `  other end: ${peer.name}${nic.peerNetns === undefined ? '' : ` in ${nic.peerNetns}`}, MTU ${peer.mtu}`,
    );
  return lines;
}

export function describe(facts: Facts, findings: Finding[]): string[] {
  const found = findings.flatMap(({ severity, text, command }) => [
    `${severity}: ${text}`,
    ...(command === undefined ? [] : [`    ${command}`]),
  ]);
  return [...factLines(facts), ...(found.length > 0 ? found : ['nothing in the way'])];
}

export function record(facts: Facts, findings: Finding[], done: string[]): object {
  const { features, attached, ...nic } = facts.nic;
  const active = Object.entries(features).filter(([, feature]) => feature.active);
  return {
    type: 'doctor',
    interface: {
      ...nic,
      native: hasNativeXdp(facts.nic),
      zeroCopy: ((nic.xdpFeatures ?? 0) & NIC_XDP.zerocopy) !== 0,
      attached: ATTACHED[attached] ?? 'unknown',
      features: active.map(([name]) => name),
    },
    ...(facts.peer && { peer: { name: facts.peer.name, netns: nic.peerNetns, mtu: facts.peer.mtu } }),
    missing: facts.missing,
    findings: findings.map(({ fix: _, ...finding }) => finding),
    done,
  };
}
