// SPDX-License-Identifier: BSD-2-Clause
// rules-nat.test.ts: address and port translation: what goes out, what comes back, redirects, ICMP errors,
// fragments; each translated packet's checksums are worked out anew and compared.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { printIp4 } from '../../src/rules/address.js';
import { parsePacket } from '../../src/rules/packet-text.js';
import { classify, engine, fresh, run } from './engine-fixture.js';
import { refusal } from './rules-fixture.js';

const test = suite('nat');

test.before.each(
  () => fresh({ ifaceAddress: (name) => (name === 'em0' ? 0xc6336401 : undefined) }), // 198.51.100.1
);
test.after.each(() => engine.close());

/** RFC 1071 over bytes, beginning with `sum`. */
function internetSum(bytes: Uint8Array, sum = 0): number {
  let total = sum;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** Where the transport's checksum stands, from its start; undefined: it has none here. */
const sumAt = (proto: number): number | undefined => ({ 1: 2, 6: 16, 17: 6 })[proto];

/** The transport part of an IPv4 frame without fragments, and its sum over the pseudo header. */
function transport(frame: Uint8Array): { part: Uint8Array; sum: number; proto: number } {
  const ip = frame.subarray(14);
  const header = (ip[0]! & 15) * 4;
  const length = (ip[2]! << 8) | ip[3]!;
  const part = ip.subarray(header, length);
  const proto = ip[9]!;
  const pseudo = proto === 1 ? 0 : internetSum(ip.subarray(12, 20), proto + part.length);
  return { part, sum: internetSum(part, pseudo), proto };
}

/** Give a frame right checksums. */
function seal(frame: Uint8Array): Uint8Array {
  const ip = frame.subarray(14);
  ip.fill(0, 10, 12);
  const header = ~internetSum(ip.subarray(0, (ip[0]! & 15) * 4)) & 0xffff;
  ip.set([header >> 8, header & 255], 10);
  const { part, proto } = transport(frame);
  const at = sumAt(proto);
  if (at !== undefined) {
    part.fill(0, at, at + 2);
    const sum = ~transport(frame).sum & 0xffff || 0xffff;
    part.set([sum >> 8, sum & 255], at);
  }
  return frame;
}

function checkSums(frame: Uint8Array): void {
  const ip = frame.subarray(14);
  assert.is(internetSum(ip.subarray(0, (ip[0]! & 15) * 4)), 0xffff, 'IP header checksum');
  const fragment = ((ip[6]! << 8) | ip[7]!) & 0x3fff;
  const { proto, sum } = transport(frame);
  if (fragment === 0 && sumAt(proto) !== undefined) assert.is(sum, 0xffff, 'transport checksum');
}

const ends = (frame: Uint8Array): string => {
  const view = new DataView(frame.buffer, frame.byteOffset + 14);
  const proto = view.getUint8(9);
  const port = (at: number): string => (proto === 6 || proto === 17 ? `:${view.getUint16(at)}` : '');
  return `${printIp4(view.getUint32(12))}${port(20)} > ${printIp4(view.getUint32(16))}${port(22)}`;
};

/** Send a packet out (or in) and say what became of it; checks the checksums of what came out. */
function pass(text: string): string {
  const { frame, out } = parsePacket(text);
  const before = ends(frame);
  const verdict = classify(seal(frame), out);
  if (verdict.action === 'deny') return `deny ${verdict.reason}`;
  const data = verdict.data ?? frame;
  checkSums(data);
  const after = ends(data);
  assert.is(verdict.rewritten, after !== before, 'says whether it was rewritten');
  return after;
}

test('outgoing packets get the address, answers find back, strangers do not', () => {
  run('nat 1 config ip 192.0.2.1 same_ports\nadd 10 nat 1 ip from any to any');
  for (const proto of ['tcp', 'udp']) {
    assert.is(pass(`${proto} 10.0.0.5:4000 > 203.0.113.9:80 out`), '192.0.2.1:4000 > 203.0.113.9:80');
    assert.is(pass(`${proto} 203.0.113.9:80 > 192.0.2.1:4000 in`), '203.0.113.9:80 > 10.0.0.5:4000');
    assert.is(pass(`${proto} 203.0.113.9:81 > 192.0.2.1:4000 in`), '203.0.113.9:81 > 192.0.2.1:4000');
  }
});

test('two inside hosts with one port get two outside ports', () => {
  run('nat 1 config ip 192.0.2.1 same_ports port_range 5000-5003\nadd 10 nat 1 ip from any to any');
  const first = pass('udp 10.0.0.5:4000 > 203.0.113.9:53 out');
  const second = pass('udp 10.0.0.6:4000 > 203.0.113.9:53 out');
  assert.is(first, '192.0.2.1:4000 > 203.0.113.9:53');
  const port = Number(/:(\d+) >/.exec(second)?.[1]);
  assert.ok(port >= 5000 && port <= 5003, second);
  assert.is(pass(`udp 203.0.113.9:53 > 192.0.2.1:${port} in`), '203.0.113.9:53 > 10.0.0.6:4000');
  for (let host = 7; host < 10; host++) pass(`udp 10.0.0.${host}:4000 > 203.0.113.9:53 out`);
  assert.is(pass('udp 10.0.0.20:4000 > 203.0.113.9:53 out'), 'deny nat', 'no port is left');
});

test('a checksum that a UDP sender left out stays left out', () => {
  run('nat 1 config ip 192.0.2.1\nadd 10 nat 1 ip from any to any');
  const { frame } = parsePacket('udp 10.0.0.5:4000 > 203.0.113.9:53 out len 8');
  seal(frame);
  frame.fill(0, 40, 42);
  const { data = frame, rewritten } = classify(frame, true);
  assert.ok(rewritten);
  assert.equal([...data.subarray(40, 42)], [0, 0]);
});

test('an interface gives its address; without one the instance is refused', () => {
  run('nat 1 config if em0\nadd 10 nat 1 ip from any to any');
  assert.match(pass('udp 10.0.0.5:4000 > 203.0.113.9:53 out'), /^198\.51\.100\.1:/);
  assert.match(refusal(() => run('nat 2 config if em9')).message, /em9 has no known address/);
});

test('deny_in drops what no link or redirect knows', () => {
  run(
    'nat 1 config ip 192.0.2.1 deny_in redirect_port tcp 10.0.0.7:8080 80\nadd 10 nat 1 ip from any to any',
  );
  assert.is(pass('udp 203.0.113.9:53 > 192.0.2.1:4000 in'), 'deny nat');
  assert.is(pass('tcp 203.0.113.9:53 > 192.0.2.1:81 in'), 'deny nat');
  assert.is(pass('tcp 203.0.113.9:53 > 192.0.2.1:80 in'), '203.0.113.9:53 > 10.0.0.7:8080');
  assert.is(pass('tcp 10.0.0.7:8080 > 203.0.113.9:53 out'), '192.0.2.1:80 > 203.0.113.9:53');
});

test('redirect_port: ranges, peers, and servers in turn', () => {
  run(`
    nat 1 config ip 192.0.2.1 redirect_port tcp 10.0.0.7:3000-3003 9000-9003 redirect_port udp 10.0.0.8:53 53 203.0.113.9 redirect_port tcp 10.0.0.1:80,10.0.0.2:8080,10.0.0.3:80 80
    add 10 nat 1 ip from any to any`);
  assert.is(pass('tcp 203.0.113.1:5 > 192.0.2.1:9002 in'), '203.0.113.1:5 > 10.0.0.7:3002');
  assert.is(pass('tcp 203.0.113.1:5 > 192.0.2.1:9004 in'), '203.0.113.1:5 > 192.0.2.1:9004');
  assert.is(pass('tcp 10.0.0.7:3002 > 203.0.113.1:5 out'), '192.0.2.1:9002 > 203.0.113.1:5');
  assert.is(pass('udp 203.0.113.9:7 > 192.0.2.1:53 in'), '203.0.113.9:7 > 10.0.0.8:53');
  assert.is(pass('udp 203.0.113.8:7 > 192.0.2.1:53 in'), '203.0.113.8:7 > 192.0.2.1:53');
  const servers = [1, 2, 3, 4].map(
    (port) => pass(`tcp 203.0.113.1:${port} > 192.0.2.1:80 in`).split(' > ')[1],
  );
  assert.equal(servers, ['10.0.0.1:80', '10.0.0.2:8080', '10.0.0.3:80', '10.0.0.1:80']);
  assert.match(
    pass('tcp 203.0.113.1:2 > 192.0.2.1:80 in'),
    /10\.0\.0\.2:8080$/,
    'a connection stays where it is',
  );
});

test('redirect_addr gives a host an outside address of its own', () => {
  run('nat 1 config ip 192.0.2.1 redirect_addr 10.0.0.9 192.0.2.9\nadd 10 nat 1 ip from any to any');
  assert.is(pass('tcp 10.0.0.9:1234 > 203.0.113.1:80 out'), '192.0.2.9:1234 > 203.0.113.1:80');
  assert.is(pass('tcp 203.0.113.1:80 > 192.0.2.9:1234 in'), '203.0.113.1:80 > 10.0.0.9:1234');
  assert.is(pass('icmp 203.0.113.1 > 192.0.2.9 type 8 in'), '203.0.113.1 > 10.0.0.9');
});

test('nat global asks the instances in turn and makes no links', () => {
  run(`
    nat 1 config ip 192.0.2.1 same_ports
    nat 2 config ip 192.0.2.2 same_ports
    add 10 nat 1 ip from 10.1.0.0/16 to any
    add 20 nat 2 ip from 10.2.0.0/16 to any
    add 30 nat global ip from any to any in`);
  pass('udp 10.1.0.1:1000 > 203.0.113.1:53 out');
  pass('udp 10.2.0.1:1000 > 203.0.113.1:53 out');
  assert.is(pass('udp 203.0.113.1:53 > 192.0.2.1:1000 in'), '203.0.113.1:53 > 10.1.0.1:1000');
  assert.is(pass('udp 203.0.113.1:53 > 192.0.2.2:1000 in'), '203.0.113.1:53 > 10.2.0.1:1000');
  assert.is(pass('udp 203.0.113.1:53 > 192.0.2.3:1000 in'), '203.0.113.1:53 > 192.0.2.3:1000');
});

test('reset forgets links when the address changes; without it they stay', () => {
  for (const [word, after] of [
    ['', '203.0.113.1:53 > 10.0.0.1:1000'],
    [' reset', '203.0.113.1:53 > 192.0.2.1:1000'],
  ] as const) {
    run(`-q flush\nnat 1 config ip 192.0.2.1 same_ports${word}\nadd 10 nat 1 ip from any to any`);
    pass('udp 10.0.0.1:1000 > 203.0.113.1:53 out');
    run(`nat 1 config ip 192.0.2.77 same_ports${word}`);
    assert.is(pass('udp 203.0.113.1:53 > 192.0.2.1:1000 in'), after, word);
  }
});

test('echo queries are told apart by their id, errors find the packet they quote', () => {
  run('nat 1 config ip 192.0.2.1 same_ports deny_in\nadd 10 nat 1 ip from any to any');
  assert.is(pass('icmp 10.0.0.5 > 203.0.113.9 type 8 out'), '192.0.2.1 > 203.0.113.9');
  assert.is(pass('icmp 203.0.113.9 > 192.0.2.1 type 0 in'), '203.0.113.9 > 10.0.0.5');
  assert.is(pass('icmp 203.0.113.8 > 192.0.2.1 type 0 in'), 'deny nat');
  const { frame } = parsePacket('udp 10.0.0.5:4000 > 203.0.113.9:53 out len 4');
  const asSent = seal(frame).slice(14, 38);
  const sent = classify(frame, true).data ?? frame;
  const { frame: error } = parsePacket('icmp 203.0.113.250 > 192.0.2.1 type 3 code 3 in len 32');
  error.set(sent.subarray(14, 46), 14 + 28);
  const back = classify(seal(error), false);
  const told = back.data ?? error;
  checkSums(told);
  assert.match(ends(told), /> 10\.0\.0\.5$/);
  assert.equal([...told.subarray(42, 66)], [...asSent], 'quoted as the sender sent it');
});

test('later fragments follow the first', () => {
  run('nat 1 config ip 192.0.2.1 same_ports deny_in\nadd 10 nat 1 ip from any to any');
  pass('udp 10.0.0.5:53 > 203.0.113.9:4000 out');
  assert.is(pass('udp 203.0.113.9:4000 > 192.0.2.1:53 in id 77 mf len 16'), '203.0.113.9:4000 > 10.0.0.5:53');
  assert.match(pass('udp 203.0.113.9:1 > 192.0.2.1:1 in id 77 offset 24 len 16'), /> 10\.0\.0\.5/);
  assert.is(pass('udp 203.0.113.9:1 > 192.0.2.1:1 in id 78 offset 24 len 16'), 'deny nat');
});

test('fragments that leave before the first one get the address too, a redirect decides which; none come in so', () => {
  run(
    'nat 1 config ip 192.0.2.1 same_ports redirect_addr 10.0.0.7 192.0.2.7 ' +
      'redirect_port udp 10.0.0.8:53 53\nadd 10 nat 1 ip from any to any',
  );
  const later = (host: number) => pass(`udp 10.0.0.${host}:1 > 203.0.113.9:1 out id 77 offset 24 len 16`);
  assert.match(later(5), /^192\.0\.2\.1:/);
  assert.match(later(7), /^192\.0\.2\.7:/);
  assert.match(later(8), /^192\.0\.2\.1:/);
  assert.is(pass('udp 203.0.113.9:1 > 192.0.2.1:1 in id 77 offset 24 len 16'), 'deny nat');
  run('nat 1 config ip 192.0.2.1 unreg_only');
  assert.match(later(5), /^192\.0\.2\.1:/);
  assert.match(pass('udp 9.0.0.5:1 > 203.0.113.9:1 out id 77 offset 24 len 16'), /^9\.0\.0\.5:/);
});

test('global: a fragment follows the instance that knows its first one, without any the first instance', () => {
  run(
    'nat 1 config ip 192.0.2.1 same_ports\nnat 2 config ip 192.0.2.2 same_ports\n' +
      'add 10 nat 2 udp from any to any 53 out\nadd 20 nat global ip from any to any',
  );
  assert.match(pass('udp 10.0.0.5:53 > 203.0.113.9:53 out id 77 mf len 16'), /^192\.0\.2\.2:/);
  assert.match(pass('udp 10.0.0.5:1 > 203.0.113.9:1 out id 77 offset 24 len 16'), /^192\.0\.2\.2:/);
  assert.match(pass('udp 10.0.0.5:1 > 203.0.113.9:1 out id 78 offset 24 len 16'), /^192\.0\.2\.1:/);
});

test('IPv6, which nat cannot translate, is dropped; what is not IP goes on', () => {
  run('nat 1 config ip 192.0.2.1\nadd 10 nat 1 ip from any to any\nadd 20 count ip from any to any');
  const { frame } = parsePacket('udp [2001:db8::1]:1 > [2001:db8::2]:2 out');
  assert.equal([classify(frame).action, classify(frame).reason], ['deny', 'nat']);
  const arp = new Uint8Array(60);
  arp.set([8, 6], 12);
  assert.is(classify(arp).action, 'pass');
});

test('an instance that is not configured drops, one that is deleted drops again', () => {
  run('add 10 nat 9 ip from any to any');
  assert.is(pass('udp 10.0.0.1:1 > 203.0.113.1:1 out'), 'deny nat');
  run('nat 9 config ip 192.0.2.1 same_ports');
  assert.is(pass('udp 10.0.0.1:1 > 203.0.113.1:1 out'), '192.0.2.1:1 > 203.0.113.1:1');
  run('nat 9 delete');
  assert.is(pass('udp 10.0.0.1:1 > 203.0.113.1:1 out'), 'deny nat');
  assert.match(refusal(() => run('nat 9 delete')).message, /nat 9 not found/);
});

test('show: the configuration as it was given, the log in counts of links', () => {
  const config = 'ipfw nat 3 config ip 192.0.2.1 log deny_in same_ports redirect_port tcp 10.0.0.1:80 8080';
  run(config.slice('ipfw '.length));
  run('add 10 nat 3 ip from any to any');
  assert.is(run('nat 3 show config'), `${config}\n`);
  pass('udp 10.0.0.1:1 > 203.0.113.1:1 out');
  pass('tcp 10.0.0.1:1 > 203.0.113.1:1 out');
  pass('icmp 10.0.0.1 > 203.0.113.1 type 8 out');
  assert.match(run('nat 3 show log'), /^nat 3: icmp=1, udp=1, tcp=1, .*tot=3\b/);
});

test.run();
