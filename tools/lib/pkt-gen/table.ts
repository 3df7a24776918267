// SPDX-License-Identifier: BSD-2-Clause
// table.ts: pkt-gen's options. The short ones mean what the original's mean; the long ones go beyond it.
import { PLAN_OPTION } from '../../../src/abi.js';
import { portName } from '../../../src/port/name.js';
import type { Option } from '../options.js';
import { UsageError } from '../options.js';
import { filled, list, oneOf, scaled, time, whole } from '../values.js';
import { addBits, MAX_RATE, portConfig, rampStep, vlanTag } from './parts.js';
import { type Draft, filterOf } from './settings.js';

const ROLES = ['tx', 'rx', 'ping', 'pong', 'txseq', 'rxseq'] as const;
const MAX_COUNT = Number.MAX_SAFE_INTEGER;
const MAX_INT = 2 ** 31 - 1;

/** In the order of the help text. */
export const table: Option<Draft>[] = [
  { name: 'h', help: 'show this help', set: (draft) => void (draft.show = 'help') },
  { name: 'help', help: 'the same', set: (draft) => void (draft.show = 'help') },
  { name: 'version', help: 'show the version', set: (draft) => void (draft.show = 'version') },
  {
    name: 'i',
    argument: 'port',
    help: 'port to use: vale0:a, netmap:p{1, null, eth0, ... (ports.md)',
    set: (draft, text, flag) => {
      if (text === '') throw new UsageError(`${flag}: the port's name is empty`);
      draft.port = portName(text);
    },
  },
  {
    name: 'f',
    argument: 'function',
    help: `what to do: ${ROLES.join(', ')} (default rx)`,
    set: (draft, text, flag) => void (draft.plan.role = oneOf(flag, text, ROLES)),
  },
  {
    name: 'n',
    argument: 'count',
    help: 'packets (ping: round trips) in all, with k, M or G if you like; 0: no end (default)',
    set: (draft, text, flag) => void (draft.plan.count = scaled(flag, text, MAX_COUNT, 'a count')),
  },
  {
    name: 'l',
    argument: 'size',
    help: 'bytes a packet without checksum, to 65549 (default 60, or what the headers take);\ngiven twice: random between the second and the first',
    set: (draft, text, flag) => {
      if (draft.sizes.length === 2) throw new UsageError(`${flag}: given more than twice ('${text}')`);
      draft.sizes.push(whole(flag, text, 16, 65549));
    },
  },
  {
    name: 'b',
    argument: 'burst',
    help: 'packets a batch at most (default 512; ping and pong 1; with -R what 100 us carry)',
    set: (draft, text, flag) => void (draft.plan.burst = whole(flag, text, 1, 65536)),
  },
  {
    name: 'share',
    help: "tx, txseq, rx, rxseq: share the port's rings with other pkt-gens that say so, too:\neach packet goes to one of them",
    set: (draft) => {
      draft.plan.share = true;
      draft.plan.open = { ...draft.plan.open, share: true };
    },
  },
  { name: '4', help: 'IPv4 (default)', set: (draft) => void (draft.traffic.version = 4) },
  { name: '6', help: 'IPv6', set: (draft) => void (draft.traffic.version = 6) },
  {
    name: 'd',
    argument: 'ip[:port[-ip:port]]',
    help: 'destination address and port, one or a range; IPv6 with a port: [fd00::1]:53',
    set: (draft, text) => void (draft.traffic.dst = text),
  },
  {
    name: 's',
    argument: 'ip[:port[-ip:port]]',
    help: 'source address and port, one or a range',
    set: (draft, text) => void (draft.traffic.src = text),
  },
  {
    name: 'D',
    argument: 'mac[-mac]',
    help: 'destination MAC address, one or a range (default ff:ff:ff:ff:ff:ff)',
    set: (draft, text) => void (draft.traffic.dstMac = text),
  },
  {
    name: 'S',
    argument: 'mac[-mac]',
    help: "source MAC address, one or a range (default: the port's own)",
    set: (draft, text) => void (draft.traffic.srcMac = text),
  },
  {
    name: 'a',
    argument: 'cpu',
    help: 'pin the first thread to this processor, the others to those after it',
    set: (draft, text, flag) => void (draft.plan.cpu = whole(flag, text, 0, 65535)),
  },
  {
    name: 'c',
    argument: 'cpus',
    help: 'processors to use at most; 0: all',
    set: (draft, text, flag) => void (draft.plan.cpus = whole(flag, text, 0, 65535)),
  },
  {
    name: 'p',
    argument: 'threads',
    help: 'threads, 1 to 16; above 1 each has a ring of its own (default 1)',
    set: (draft, text, flag) => void (draft.plan.threads = whole(flag, text, 1, 16)),
  },
  {
    name: 'T',
    argument: 'ms',
    help: 'milliseconds between reports (default 1000)',
    set: (draft, text, flag) => void (draft.reportMs = whole(flag, text, 1, MAX_INT)),
  },
  {
    name: 'w',
    argument: 'seconds',
    help: 'wait for the link (default 2; 0 for switches, pipes and null ports)',
    set: (draft, text, flag) => void (draft.linkWaitSeconds = time(flag, text, 0, 86400, 'seconds')),
  },
  {
    name: 'W',
    help: 'receiving: leave when nothing came for a second after the first packet',
    set: (draft) => void (draft.plan.silenceMs = 1000),
  },
  {
    name: 'R',
    argument: 'rate',
    help: 'packets per second, with k, M or G if you like; 0: as fast as possible (default)',
    set: (draft, text, flag) => void (draft.plan.rate = scaled(flag, text, MAX_RATE, 'a rate')),
  },
  { name: 'X', help: 'dump packets', set: (draft) => addBits(draft, PLAN_OPTION.dump) },
  {
    name: 'H',
    argument: 'length',
    help: 'bytes of empty virtio-net header before each frame: 0, 10 or 12',
    set: (draft, text, flag) =>
      void (draft.traffic.vnetLength = Number(oneOf(flag, text, ['0', '10', '12'])) as 0 | 10 | 12),
  },
  {
    name: 'o',
    argument: 'bits',
    help: '1 prefetch, 2 access, 4 copy, 8 memcpy, 16 timestamps, 32 indirect, 64 dump,\n256 rubbish, 512 random source, 1024 random destination, 2048 averages,\n4096 checksums; added up',
    set: (draft, text, flag) => addBits(draft, whole(flag, text, 0, 8191)),
  },
  {
    name: 'z',
    help: 'random source address and port',
    set: (draft) => void (draft.traffic.randomSrc = true),
  },
  {
    name: 'Z',
    help: 'random destination address and port',
    set: (draft) => void (draft.traffic.randomDst = true),
  },
  { name: 'N', help: 'plain numbers: pps, not Mpps', set: (draft) => void (draft.style.plain = true) },
  {
    name: 'F',
    argument: 'frags',
    help: 'slots a packet, 1 to 63 (default 1)',
    set: (draft, text, flag) => void (draft.traffic.frags = whole(flag, text, 1, 63)),
  },
  {
    name: 'M',
    argument: 'size',
    help: 'bytes a slot at most (default: the buffer)',
    set: (draft, text, flag) => void (draft.traffic.fragSize = whole(flag, text, 1, 65549)),
  },
  {
    name: 'I',
    help: 'indirect buffers, on VALE ports',
    set: (draft) => addBits(draft, PLAN_OPTION.indirect),
  },
  {
    name: 'r',
    help: 'send what the buffers hold (rubbish)',
    set: (draft) => addBits(draft, PLAN_OPTION.rubbish),
  },
  { name: 'v', help: 'say more', set: (draft) => void draft.verbosity++ },
  {
    name: 'A',
    help: 'add mean and standard deviation of the rate to reports',
    set: (draft) => addBits(draft, PLAN_OPTION.ppsStats),
  },
  {
    name: 'B',
    help: 'count 24 bytes of framing and checksum a packet in bandwidths',
    set: (draft) => void (draft.style.framing = 24 * 8),
  },
  {
    name: 'C',
    argument: 'tx[,rx[,txr[,rxr]]]',
    help: 'tx slots, rx slots, tx rings, rx rings of a port that is created',
    set: portConfig,
  },
  { name: 'imix', help: '60, 590 and 1514 bytes as 7 : 4 : 1', set: (draft) => void (draft.imix = true) },
  {
    name: 'flows',
    argument: 'N',
    help: 'N different address tuples, again and again',
    set: (draft, text, flag) =>
      void (draft.traffic.flows = scaled(flag, text, 2 ** 32 - 1, 'a number of flows')),
  },
  {
    name: 'proto',
    argument: 'protocol',
    help: 'udp (default), tcp or icmp (echo requests)',
    set: (draft, text, flag) => void (draft.traffic.protocol = oneOf(flag, text, ['udp', 'tcp', 'icmp'])),
  },
  {
    name: 'vlan',
    argument: 'id[:prio][,...]',
    help: 'VLAN tags, outermost first, at most 4. For rules: opaque, a tagged frame is no IP\npacket to them (default), or inner, they look behind up to two tags',
    set: (draft, text, flag) => {
      if (text === 'inner' || text === 'opaque') filterOf(draft).vlan = text;
      else draft.traffic.vlans = list(flag, text, 4, (part) => vlanTag(part, flag));
    },
  },
  {
    name: 'seed',
    argument: 'N',
    help: 'seed of everything random (default 1)',
    set: (draft, text, flag) => void (draft.traffic.seed = whole(flag, text, 0, MAX_COUNT)),
  },
  {
    name: 'prepare',
    argument: 'when',
    help: 'write buffers once, each (for every packet), or auto (default)',
    set: (draft, text, flag) => void (draft.traffic.prepare = oneOf(flag, text, ['auto', 'once', 'each'])),
  },
  {
    name: 'ramp',
    argument: 'from:to:s[,...]',
    help: "rates that change: packets per second from, to, within so many seconds;\nthe last one's end holds",
    set: (draft, text, flag) => void (draft.plan.ramp = list(flag, text, 64, (part) => rampStep(part, flag))),
  },
  {
    name: 'time',
    argument: 'seconds',
    help: 'leave after this long, also when nothing came',
    set: (draft, text, flag) =>
      void (draft.plan.durationMs = time(flag, text, 0.001, 8640000, 'seconds') * 1000),
  },
  {
    name: 'wait',
    argument: 'mode',
    help: 'adaptive (default), sleep or busy',
    set: (draft, text, flag) => void (draft.plan.wait = oneOf(flag, text, ['adaptive', 'sleep', 'busy'])),
  },
  {
    name: 'verify',
    help: 'rxseq: check every byte; exit status 1 when a packet was torn',
    set: (draft) => void (draft.plan.verify = true),
  },
  {
    name: 'rules',
    argument: 'file',
    help: 'send and receive only what the rules in this file allow (ipfw.md);\nseveral files apply in their order, before any --rule',
    set: (draft, text, flag) => void filterOf(draft).files.push(filled(flag, text)),
  },
  {
    name: 'rule',
    argument: 'command',
    help: "one more rule: 'add deny udp from any to any 53'",
    set: (draft, text, flag) => void filterOf(draft).rules.push(filled(flag, text)),
  },
  {
    name: 'default',
    argument: 'action',
    help: 'what rule 65535 does: allow (default) or deny',
    set: (draft, text, flag) =>
      void (filterOf(draft).defaultAction = oneOf(flag, text, ['allow', 'deny'] as const)),
  },
  {
    name: 'log',
    argument: 'file',
    help: 'write a JSON record for each match of a rule with "log";\nFILE.pcapng: the packets that such rules match. May be given for both',
    set: (draft, text, flag) => {
      const filter = filterOf(draft);
      if (text.endsWith('.pcapng')) draft.plan.matches = text;
      else filter.log = filled(flag, text);
    },
  },
  {
    name: 'socket',
    argument: 'path',
    help: 'control socket for ipfw (default: one that it finds)',
    set: (draft, text, flag) => void (filterOf(draft).socket = filled(flag, text)),
  },
  {
    name: 'histogram',
    help: 'rx, rxseq: print delays of stamped packets (tx: -o 16, txseq)',
    set: (draft) => void (draft.plan.histogram = true),
  },
  {
    name: 'json',
    help: 'one record a report and a result, a line each, on stdout',
    set: (draft) => void (draft.json = true),
  },
];
