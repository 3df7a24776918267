// SPDX-License-Identifier: BSD-2-Clause
// dns-forwarder.ts: answers name lookups on one address by asking this machine's name servers, by UDP and TCP.
//
// The command behind a link cannot reach a name server on this machine's loopback (systemd-resolved's 127.0.0.53, a
// container's 127.0.0.11), nor one that is reached by other routes than its own. Messages pass unread but for their
// number, so that every kind of question works.
import dgram from 'node:dgram';
import net from 'node:net';
import type { Resolver } from './resolv-conf.js';

const PORT = 53;
/** Then the question goes to the next server; resolvers ask again after five seconds themselves. */
const PATIENCE_MS = 2000;
/** Questions under way; beyond that new ones go unanswered. */
const MOST_PENDING = 256;

interface Address {
  address: string;
  port: number;
}

const withPort = ({ address, port = PORT }: Resolver): Address => ({ address, port });

/** Ask servers one after the other by UDP. Resolves to the answer, undefined when nobody gave one. */
async function ask(question: Uint8Array, servers: readonly Address[]): Promise<Uint8Array | undefined> {
  for (const server of servers) {
    const answer = await askOne(question, server);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function askOne(question: Uint8Array, server: Address): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(net.isIPv6(server.address.split('%')[0]!) ? 'udp6' : 'udp4');
    const done = (answer?: Uint8Array) => {
      clearTimeout(timer);
      socket.removeAllListeners('message');
      try {
        socket.close();
      } catch {
        // It was closed already.
      }
      resolve(answer);
    };
    const timer = setTimeout(done, PATIENCE_MS);
    // Connected: only that server's answers come, and its refusals.
    socket.on('error', () => done());
    socket.on('message', (answer) => {
      if (answer.length >= 2 && answer[0] === question[0] && answer[1] === question[1]) done(answer);
    });
    socket.connect(server.port, server.address, () => socket.send(question));
  });
}

/** Join two streams; when either ends or breaks, so does the other. */
function join(client: net.Socket, server: Address): void {
  const upstream = net.connect(server.port, server.address);
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
    one.setTimeout(30_000, () => one.destroy());
    one.pipe(other);
  }
}

/** A forwarder that listens. */
export class DnsForwarder {
  readonly #udp: dgram.Socket | undefined;
  readonly #tcp: net.Server | undefined;
  readonly #clients = new Set<net.Socket>();

  private constructor(udp: dgram.Socket | undefined, tcp: net.Server | undefined) {
    this.#udp = udp;
    this.#tcp = tcp;
    tcp?.on('connection', (client) => {
      this.#clients.add(client);
      client.on('close', () => this.#clients.delete(client));
    });
  }

  /**
   * Listen on an address. Where a name server of this machine has that port already, on all addresses, it answers itself
   * and nothing is done. Rejects with EACCES and whatever else forbids listening.
   */
  static async start(address: string, resolvers: readonly Resolver[], port = PORT): Promise<DnsForwarder> {
    const servers = resolvers.map(withPort);
    const udp = await listenUdp(address, port);
    const tcp = await listenTcp(address, port);
    let pending = 0;
    udp?.on('message', async (question, from) => {
      if (question.length < 2 || pending >= MOST_PENDING) return;
      pending++;
      const answer = await ask(question, servers);
      pending--;
      // Closed meanwhile, or the asker is gone: nobody waits.
      if (answer !== undefined) udp.send(answer, from.port, from.address, () => {});
    });
    udp?.on('error', () => {});
    tcp?.on('connection', (client) => {
      if (servers[0] === undefined) client.destroy();
      else join(client, servers[0]);
    });
    return new DnsForwarder(udp, tcp);
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await Promise.all([
      new Promise<void>((resolve) =>
        this.#udp === undefined ? resolve() : this.#udp.close(() => resolve()),
      ),
      new Promise<void>((resolve) =>
        this.#tcp === undefined ? resolve() : this.#tcp.close(() => resolve()),
      ),
    ]);
  }
}

/** undefined: somebody else has the port. */
function listenUdp(address: string, port: number): Promise<dgram.Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    socket.bind({ port, address, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function listenTcp(address: string, port: number): Promise<net.Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ port, host: address, exclusive: true }, () => {
      server.removeAllListeners('error');
      resolve(server);
    });
  });
}
