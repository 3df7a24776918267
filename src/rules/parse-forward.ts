// SPDX-License-Identifier: BSD-2-Clause
// Where fwd sends packets: tablearg[,port], an address or a name with a port behind a comma or a colon, [v6]:port, or
// one of our ports. Behind an IPv6 address without brackets only a comma begins a port.
import { parseIp4, parseIp6 } from './address.js';
import type { NextHop } from './ast.js';
import type { ParseContext } from './context.js';
import { EXIT, RuleError } from './error.js';
import { OUR_PORT, servicePort } from './names.js';
import { parseUnsigned } from './ranges.js';
import type { Words } from './words.js';

/** Host and port of the text; `at`: where the port begins, -1: there is none. */
function splitHop(text: string): { host: string; at: number } {
  const bracket = /^\[([^\]]*)\](?=$|[,:])/.exec(text);
  if (bracket) return { host: bracket[1]!, at: text === bracket[0] ? -1 : bracket[0].length + 1 };
  const comma = text.indexOf(',');
  const colon = text.indexOf(':') === text.lastIndexOf(':') ? text.indexOf(':') : -1;
  const end = comma >= 0 ? comma : colon;
  return end < 0 ? { host: text, at: -1 } : { host: text.slice(0, end), at: end + 1 };
}

function portOf(words: Words, name: string, at: number): number {
  const found = parseUnsigned(name) ?? servicePort(name);
  if (found === undefined || found > 65535)
    throw words.failBack(`bad forwarding port "${name}"`, 'a port 0..65535 or a service', EXIT.data, at);
  return found;
}

function addressOf(host: string, context: ParseContext): { family: 4 | 6; address: bigint } {
  const named = /^[\d.]+$|:/.test(host)
    ? host
    : (context.resolveHost(host, 4) ?? context.resolveHost(host, 6));
  if (named === undefined)
    throw new RuleError(`hostname "${host}" unknown`, {
      expected: 'an address or a known name',
      exit: EXIT.noHost,
    });
  const ip4 = parseIp4(named, true);
  if (ip4 !== undefined) return { family: 4, address: BigInt(ip4) };
  const address = parseIp6(named);
  if (address === undefined)
    throw new RuleError(`bad address "${host}"`, {
      expected: 'an IPv4 or IPv6 address, with its port behind a comma, or [IPv6]:port',
    });
  return { family: 6, address };
}

export function parseForward(words: Words, context: ParseContext): NextHop {
  const text = words.next('an address[,port], tablearg[,port] or one of our ports');
  if (OUR_PORT.test(text)) return { ours: text };
  const { host, at } = splitHop(text);
  const port = at < 0 ? 0 : portOf(words, text.slice(at), at);
  if (host === 'tablearg') return { tablearg: true, port };
  return { ...words.located(() => addressOf(host, context)), port };
}
