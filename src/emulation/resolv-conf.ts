// SPDX-License-Identifier: BSD-2-Clause
// resolv-conf.ts: where this machine looks names up (resolv.conf(5)).
import { readFileSync } from 'node:fs';

/** A name server. */
export interface Resolver {
  address: string;
  /** Default 53. */
  port?: number;
}

export interface ResolvConf {
  text: string;
  resolvers: Resolver[];
}

const NAMESERVER = /^[ \t]*nameserver[ \t]+([0-9A-Fa-f.:]+(?:%[\w.-]+)?)/;

/** Take a resolv.conf apart. Without a name server it means the one of this machine, as the C library has it. */
export function parseResolvConf(text: string): ResolvConf {
  const resolvers = text.split('\n').flatMap((line) => {
    const address = NAMESERVER.exec(line)?.[1];
    return address === undefined ? [] : [{ address }];
  });
  return { text, resolvers: resolvers.length > 0 ? resolvers : [{ address: '127.0.0.1' }] };
}

/** This machine's; as good as empty when it cannot be read. */
export function readResolvConf(path = '/etc/resolv.conf'): ResolvConf {
  try {
    return parseResolvConf(readFileSync(path, 'utf8'));
  } catch {
    return parseResolvConf('');
  }
}

/** The search list, options and so on: what a resolv.conf says but its name servers and comments. */
export function withoutNameservers(text: string): string {
  return text
    .split('\n')
    .filter((line) => !NAMESERVER.test(line) && !/^\s*([#;]|$)/.test(line))
    .map((line) => `${line}\n`)
    .join('');
}
