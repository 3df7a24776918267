// SPDX-License-Identifier: BSD-2-Clause
// doctor-advice.test.ts: each case of advice from made-up facts: what is said, what is to be typed, what --fix would do.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NIC_ATTACHED, NIC_XDP } from '../../src/abi.js';
import type { NativeNic } from '../../src/native.js';
import { advise, type Facts, inNamespace } from '../../src/nic/advice.js';

const on = { active: true, available: true };
const fixed = { active: true, available: false };
const NATIVE = NIC_XDP.basic | NIC_XDP.redirect;

function nic(change: Partial<NativeNic> = {}): NativeNic {
  return {
    name: 'eth0',
    index: 2,
    mac: '02:00:00:00:00:01',
    ethernet: true,
    kind: '',
    driver: 'ixgbe',
    mtu: 1500,
    maxMtu: 9000,
    up: true,
    loopback: false,
    carrier: true,
    promiscuity: 0,
    txQueues: 1,
    rxQueues: 1,
    channels: 1,
    maxChannels: 8,
    rxRing: 512,
    maxRxRing: 4096,
    txRing: 512,
    maxTxRing: 4096,
    xdpFeatures: NATIVE,
    xdpZeroCopySegments: 0,
    attached: NIC_ATTACHED.noXdp,
    program: 0,
    features: {},
    peerIndex: 0,
    peerHidden: false,
    ...change,
  };
}

const facts = (change: Partial<NativeNic> = {}, more: Partial<Facts> = {}): Facts => ({
  nic: nic(change),
  missing: [],
  program: '/usr/bin/node',
  ...more,
});

const veth = (mine: Partial<NativeNic>, other: Partial<NativeNic>): Facts =>
  facts(
    { kind: 'veth', driver: 'veth', peerIndex: 3, peerNetns: '/run/netns/b', ...mine },
    { peer: nic({ name: 'eth1', index: 3, kind: 'veth', driver: 'veth', ...other }) },
  );

const PEER = 'ip netns exec b';

const cases: [
  name: string,
  facts: Facts,
  expected: [id: string, severity: string, command: string | undefined][],
][] = [
  ['a card as it should be', facts(), []],
  ['down', facts({ up: false }), [['down', 'broken', 'ip link set eth0 up']]],
  ['no carrier', facts({ carrier: false }), [['no-carrier', 'broken', undefined]]],
  [
    "no carrier, for a pair's other end is down",
    veth({ carrier: false }, { up: false }),
    [['no-carrier', 'broken', `${PEER} ip link set eth1 up`]],
  ],
  [
    'checksums left to the other end',
    veth({}, { features: { 'tx-checksum-ip-generic': on } }),
    [['peer-checksums', 'broken', `${PEER} ethtool -K eth1 tx off`]],
  ],
  [
    'segmentation at the other end, one of it already fixed off by the kernel',
    veth({}, { features: { 'tx-tcp-segmentation': fixed, 'tx-generic-segmentation': on } }),
    [['peer-segmentation', 'broken', `${PEER} ethtool -K eth1 gso off`]],
  ],
  [
    'VLAN tags beside the frame',
    veth({}, { features: { 'tx-vlan-hw-insert': on } }),
    [['peer-vlan', 'broken', `${PEER} ethtool -K eth1 txvlan off`]],
  ],
  [
    'the other end out of sight',
    facts({ kind: 'veth', peerHidden: true }),
    [['peer-hidden', 'note', undefined]],
  ],
  [
    'a card that merges',
    facts({ features: { 'rx-gro': on, 'rx-lro': on } }),
    [['merging', 'broken', 'ethtool -K eth0 gro off lro off']],
  ],
  [
    "a pair's end may merge: AF_XDP and packet sockets see it before",
    veth({ features: { 'rx-gro': on } }, {}),
    [],
  ],
  [
    'a card that takes tags out',
    facts({ features: { 'rx-vlan-hw-parse': on } }),
    [['vlan-stripped', 'broken', 'ethtool -K eth0 rxvlan off']],
  ],
  [
    'somebody else is attached',
    facts({ attached: NIC_ATTACHED.xdpNative, program: 7 }),
    [['xdp-busy', 'broken', 'ip link set eth0 xdp off']],
  ],
  ['no Ethernet header', facts({ ethernet: false, kind: 'tun' }), [['not-ethernet', 'broken', undefined]]],
  [
    'an ifb',
    facts({ kind: 'ifb', xdpFeatures: 0 }),
    [
      ['ifb', 'broken', undefined],
      ['generic-only', 'slow', undefined],
    ],
  ],
  ['several queues of a card', facts({ channels: 4 }), [['queues', 'note', 'ethtool -L eth0 combined 1']]],
  ['several queues of a pair', veth({ channels: 2 }, {}), [['queues', 'note', 'ethtool -L eth0 rx 1']]],
  [
    'more queues at the other end than here',
    veth({ channels: 1 }, { channels: 4, txQueues: 4 }),
    [['veth-queues', 'slow', 'ethtool -L eth0 rx 4']],
  ],
  ['a large MTU at the other end', veth({}, { mtu: 9000 }), [['veth-mtu', 'note', undefined]]],
  ['generic XDP only', facts({ xdpFeatures: 0, kind: 'bridge' }), [['generic-only', 'slow', undefined]]],
  ['a kernel that does not say', (({ xdpFeatures: _, ...rest }) => ({ ...facts(), nic: rest }))(nic()), []],
  [
    'capabilities',
    facts({}, { missing: ['CAP_NET_RAW', 'CAP_BPF'] }),
    [['capabilities', 'broken', 'setcap cap_net_raw,cap_bpf+ep /usr/bin/node']],
  ],
];

for (const [name, about, expected] of cases)
  test(name, () => {
    assert.equal(
      advise(about).map(({ id, severity, command }) => [id, severity, command]),
      expected.map(([id, severity, command]) => [id, severity, command]),
    );
  });

test('what is broken comes first', () => {
  const found = advise(facts({ xdpFeatures: 0, kind: 'bridge', channels: 2, up: false }));
  assert.equal(
    found.map(({ severity }) => severity),
    ['broken', 'slow', 'note'],
  );
});

test('a namespace without a name is entered by its path', () => {
  assert.is(inNamespace(undefined, 'x'), 'x');
  assert.is(inNamespace('/run/netns/a', 'x'), 'ip netns exec a x');
  assert.is(inNamespace('/proc/7/ns/net', 'x'), 'nsenter --net=/proc/7/ns/net x');
});

test.run();
