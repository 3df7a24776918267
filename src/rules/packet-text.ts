// SPDX-License-Identifier: BSD-2-Clause
// Packets written as text: 'tcp 1.2.3.4:5 > 6.7.8.9:80 flags syn in recv em0'. For `ipfw explain`.
import { parseIp4, parseIp6, parseMac, printIp4 } from './address.js';
import { RuleError } from './error.js';
import { codeOf, DSCP, ETHER_TYPES, TCP_FLAGS, wordList } from './keywords.js';
import { lexLine } from './lexer.js';
import { protocolNumber } from './names.js';
import { buildFrame, type Draft, type End } from './packet-build.js';
import { parseUnsigned } from './ranges.js';
import { Words } from './words.js';

/** A packet and where it is. */
export interface TextPacket {
  frame: Uint8Array;
  layer: 2 | 3;
  out: boolean;
  recv?: string;
  xmit?: string;
}

/** a.b.c.d[:port], v6address or [v6address]:port */
function parseEnd(words: Words): End {
  const text = words.next('an address: 1.2.3.4:80, 1.2.3.4, [2001:db8::1]:80 or 2001:db8::1');
  const [, six, port6] = /^\[(.*)\](?::(\d+))?$/.exec(text) ?? [];
  const [, four, port4] = /^([\d.]+)(?::(\d+))?$/.exec(text) ?? [];
  const port = parseUnsigned(port6 ?? port4 ?? '0');
  const ip4 = four === undefined ? undefined : parseIp4(four);
  const ip6 = parseIp6(six ?? text);
  if (port === undefined || port > 65535 || (ip4 ?? ip6) === undefined)
    throw words.failBack(`bad address "${text}"`, '1.2.3.4:80, 1.2.3.4, [2001:db8::1]:80 or 2001:db8::1');
  return ip4 === undefined ? { family: 6, address: ip6!, port } : { family: 4, address: BigInt(ip4), port };
}

const WORDS =
  'in, out, recv IF, xmit IF, layer2, layer3, flags LIST, seq N, ack N, win N, type N, code N, ttl N, id N, tos N, dscp D, offset N, mf, df, len N (payload), mac DST SRC or mac-type T';

function number(words: Words, what: string, max: number): number {
  const text = words.next(`${what}: a number 0..${max}`);
  const value = parseUnsigned(text);
  if (value === undefined || value > max) throw words.failBack(`bad ${what} "${text}"`, `a number 0..${max}`);
  return value;
}

function mac(words: Words): bigint {
  const text = words.next('a MAC address');
  const value = parseMac(text);
  if (value === undefined) throw words.failBack(`bad MAC address "${text}"`, 'xx:xx:xx:xx:xx:xx');
  return value;
}

function named(words: Words, what: string, list: typeof DSCP, max: number): number {
  const value = codeOf(list, words.peek() ?? '');
  if (value === undefined) return number(words, what, max);
  words.next('');
  return value;
}

/** Read one word and its arguments. */
function readWord(words: Words, draft: Draft, packet: TextPacket): void {
  const word = words.next(WORDS);
  switch (word) {
    case 'in':
    case 'out':
      packet.out = word === 'out';
      return;
    case 'recv':
    case 'xmit':
      packet[word] = words.next('an interface');
      return;
    case 'layer2':
    case 'layer3':
      packet.layer = word === 'layer2' ? 2 : 3;
      return;
    case 'flags':
      draft.flags = 0;
      for (const flag of words.next(wordList(TCP_FLAGS)).split(',')) {
        const bit = codeOf(TCP_FLAGS, flag);
        if (bit === undefined) throw words.failBack(`bad TCP flag "${flag}"`, wordList(TCP_FLAGS));
        draft.flags |= bit;
      }
      return;
    case 'seq':
    case 'ack':
      draft[word] = number(words, word, 0xffffffff);
      return;
    case 'win':
    case 'id':
      draft[word] = number(words, word, 65535);
      return;
    case 'type':
    case 'code':
    case 'ttl':
    case 'tos':
      draft[word] = number(words, word, 255);
      return;
    case 'dscp':
      draft.tos = (draft.tos & 3) | (named(words, 'dscp', DSCP, 63) << 2);
      return;
    case 'offset':
      draft.fragment |= number(words, 'fragment offset', 0x1fff);
      return;
    case 'mf':
    case 'df':
      draft.fragment |= word === 'mf' ? 0x2000 : 0x4000;
      return;
    case 'len':
      draft.payload = number(words, 'payload length', 65000);
      return;
    case 'mac':
      draft.dstMac = mac(words);
      draft.srcMac = mac(words);
      return;
    case 'mac-type':
      draft.etherType = named(words, 'mac-type', ETHER_TYPES, 65535);
      return;
  }
  throw words.failBack(`unknown word "${word}"`, WORDS);
}

/** Read a packet. Throws a RuleError with the column. */
export function parsePacket(text: string): TextPacket {
  const words = new Words(lexLine(text));
  const name = words.next('a protocol: tcp, udp, icmp, ...');
  const proto = name === 'ip' ? 253 : (protocolNumber(name) ?? parseUnsigned(name));
  if (proto === undefined || proto > 255)
    throw words.failBack(`unknown protocol "${name}"`, 'tcp, udp, icmp, another name or a number');
  const src = parseEnd(words);
  words.expect('>');
  const dst = parseEnd(words);
  if (src.family !== dst.family)
    throw words.failBack(
      `two families: ${src.family === 4 ? printIp4(Number(src.address)) : 'IPv6'} and the other`,
      'both IPv4 or both IPv6',
    );
  const draft: Draft = {
    proto,
    flags: 2,
    seq: 0,
    ack: 0,
    win: 65535,
    type: proto === 58 ? 128 : 8,
    code: 0,
    ttl: 64,
    id: 0,
    tos: 0,
    fragment: 0,
    payload: 0,
    dstMac: 0x020000000002n,
    srcMac: 0x020000000001n,
    etherType: undefined,
  };
  const packet: TextPacket = { frame: new Uint8Array(), layer: 2, out: false };
  while (!words.done) readWord(words, draft, packet);
  if (packet.xmit !== undefined && !packet.out)
    throw new RuleError('xmit with an incoming packet', {
      expected: 'out: only outgoing packets have a transmit interface',
    });
  packet.frame = buildFrame(draft, src, dst);
  return packet;
}
