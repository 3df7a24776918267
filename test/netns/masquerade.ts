// SPDX-License-Identifier: BSD-2-Clause
// masquerade.ts: a program for tests, in a network namespace of its own that forwards: one command behind a link listens,
// another one behind another link connects to it. Prints what address the listener saw, and both links' ends.
import { type LinkEnds, runBehindLink } from '../../src/emulation/namespace.js';
import { pump } from './pump.js';

const script = (text: string) => [process.execPath, '--input-type=module', '-e', text];

const ends: LinkEnds[] = [];
const link = (made: LinkEnds) => {
  ends.push(made);
  return pump(made);
};

const server = runBehindLink({
  argv: script(`
    import net from 'node:net';
    const server = net.createServer((client) => {
      client.end(client.remoteAddress);
      server.close();
    });
    server.listen(8000, '0.0.0.0');`),
  link,
});
while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
await runBehindLink({
  argv: script(`
    import net from 'node:net';
    for (let tries = 0, text = ''; tries < 1000 && text === ''; tries++) {
      const socket = net.connect(8000, '${ends[0]!.address}');
      try {
        for await (const data of socket) text += data;
        console.log('saw ' + text);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100)); // it does not listen yet
      }
    }`),
  link,
});
await server;
console.log(JSON.stringify({ server: ends[0], client: ends[1] }));
