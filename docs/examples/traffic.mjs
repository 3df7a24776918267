// SPDX-License-Identifier: BSD-2-Clause
// traffic.mjs: write a capture file of evenly spaced flows, merged by time:
//   node docs/examples/traffic.mjs FILE 'PROTO FROM[:PORT] TO[:PORT] BYTES RATE SECONDS' ...
// PROTO is udp or tcp, BYTES are those of each frame, RATE is packets per second.
import { PcapWriter } from 'netvale/capture';

const [file, ...specs] = process.argv.slice(2);
const SPEC = /^(udp|tcp) \d+(\.\d+){3}(:\d+)? \d+(\.\d+){3}(:\d+)? \d+ [\d.]+ [\d.]+$/;
const wrong = specs.find((spec) => !SPEC.test(spec));
if (file === undefined || specs.length === 0 || wrong !== undefined) {
  console.error("usage: node traffic.mjs FILE 'PROTO FROM[:PORT] TO[:PORT] BYTES RATE SECONDS' ...");
  if (wrong !== undefined) console.error(`not so: '${wrong}'`);
  process.exit(2);
}
const bytes = (address) => address.split('.').map(Number);

/** An Ethernet frame with IPv4 and a transport header; tcp: an acknowledgement with payload. */
function makeFrame(proto, [from, fromPort = 1234], [to, toPort = 1234], size) {
  const frame = Buffer.alloc(size);
  frame.write('02000000000202000000000108004500', 'hex');
  frame.writeUInt16BE(size - 14, 16);
  frame.set([64, proto === 'tcp' ? 6 : 17], 22);
  frame.set([...bytes(from), ...bytes(to)], 26);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += frame.readUInt16BE(at);
  frame.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 24);
  frame.writeUInt16BE(Number(fromPort), 34);
  frame.writeUInt16BE(Number(toPort), 36);
  if (proto === 'tcp') frame.set([0x50, 0x10], 46);
  else frame.writeUInt16BE(size - 34, 38);
  return frame;
}

const packets = specs.flatMap((spec, flow) => {
  const [proto, from, to, size, rate, seconds] = spec.split(' ');
  const data = makeFrame(proto, from.split(':'), to.split(':'), Number(size));
  const gap = 1e9 / Number(rate);
  // Flows begin a little apart, so that no two packets have one time.
  return Array.from({ length: Number(rate) * Number(seconds) }, (_, i) => ({
    time: BigInt(Math.round(i * gap)) + BigInt(flow * 1000),
    data,
  }));
});
packets.sort((a, b) => Number(a.time - b.time));
const writer = PcapWriter.create(file, { precision: 'ns' });
for (const packet of packets) writer.write(packet);
await writer.close();
