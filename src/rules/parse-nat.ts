// SPDX-License-Identifier: BSD-2-Clause
// nat N config ...; nat N delete; nat [N] show {config|log}
import { parseIp4 } from './address.js';
import type { NatCommand } from './command.js';
import type { ParseContext } from './context.js';
import { EXIT, RuleError } from './error.js';
import { codeOf, wordList } from './keywords.js';
import { protocolNumber, servicePort } from './names.js';
import { NAT_FLAGS, type NatConfig, type NatRedirect, type PortRange } from './nat.js';
import { parseProtocol } from './option-args.js';
import { hostAddress4 } from './parse-address.js';
import { parseUnsigned, type Range } from './ranges.js';
import type { Words } from './words.js';

const NO_PORTS: PortRange = { port: 0, count: 0 };

/** service, port or port-port */
function portRange(text: string, proto: number): PortRange {
  const service = servicePort(text, proto);
  if (service !== undefined) return { port: service, count: 1 };
  const [low, high = low] = text.split('-').map(parseUnsigned);
  if (low === undefined || high === undefined || high > 65535 || low > high || text.split('-').length > 2)
    throw new RuleError(`bad port range "${text}"`, { expected: 'a port, port-port (rising) or a service' });
  return { port: low, count: high - low + 1 };
}

/** address:ports */
function addressPorts(
  text: string,
  proto: number,
  context: ParseContext,
): { address: number; ports: PortRange } {
  const [host, ports, ...more] = text.split(':');
  if (ports === undefined || more.length > 0)
    throw new RuleError(`"${text}" is missing port number`, {
      expected: 'address:port or address:port-port',
    });
  return { address: hostAddress4(host!, context), ports: portRange(ports, proto) };
}

const startsWithDigit = (words: Words): boolean => /^\d/.test(words.peek() ?? '');

function redirectAddress(words: Words, context: ParseContext): NatRedirect {
  const local = words.next('local address(es)');
  const targets = words.located(() =>
    local.split(',').map((item) => ({ address: hostAddress4(item, context), port: 0 })),
  );
  const alias = words.next('the public address');
  return {
    kind: 'addr',
    proto: 0,
    targets,
    alias: words.located(() => hostAddress4(alias, context)),
    aliasPorts: NO_PORTS,
    remote: 0,
    remotePorts: NO_PORTS,
  };
}

function localPorts(
  text: string,
  proto: number,
  context: ParseContext,
): { targets: NatRedirect['targets']; count: number } {
  const items = text.split(',');
  if (proto === 132) {
    if (text.includes(':'))
      throw new RuleError('SCTP ports do not change', { expected: 'the target address without a port' });
    return { targets: items.map((item) => ({ address: hostAddress4(item, context), port: 0 })), count: 0 };
  }
  const parsed = items.map((item) => addressPorts(item, proto, context));
  if (parsed.length > 1 && parsed.some(({ ports }) => ports.count !== 1))
    throw new RuleError('a port range in a list of servers', { expected: 'one port for each server' });
  return {
    targets: parsed.map(({ address, ports }) => ({ address, port: ports.port })),
    count: parsed[0]!.ports.count,
  };
}

function redirectPort(words: Words, context: ParseContext): NatRedirect {
  const name = words.next('tcp, udp or sctp');
  const proto = ['tcp', 'udp', 'sctp'].includes(name) ? protocolNumber(name)! : 0;
  if (proto === 0) throw words.failBack(`unknown protocol "${name}"`, 'tcp, udp or sctp');
  const local = words.next('target address:port');
  const { targets, count } = words.located(() => localPorts(local, proto, context));
  const outside = words.next('[public address:]port[-port]');
  const alias = words.located(() =>
    outside.includes(':')
      ? addressPorts(outside, proto, context)
      : { address: 0, ports: portRange(outside, proto) },
  );
  if (proto === 132) for (const target of targets) target.port = alias.ports.port;
  else if (count !== alias.ports.count)
    throw words.failBack('redirect_port: port ranges differ in size', `${count} public port(s)`);
  const redirect: NatRedirect = {
    kind: 'port',
    proto,
    targets,
    alias: alias.address,
    aliasPorts: alias.ports,
    remote: 0,
    remotePorts: NO_PORTS,
  };
  if (!startsWithDigit(words)) return redirect;
  const peer = words.next('');
  const remote = words.located(() =>
    peer.includes(':')
      ? addressPorts(peer, proto, context)
      : { address: hostAddress4(peer, context), ports: NO_PORTS },
  );
  redirect.remote = remote.address;
  redirect.remotePorts = remote.ports.port === 0 ? NO_PORTS : remote.ports;
  if (redirect.remotePorts.count !== 0 && redirect.remotePorts.count !== alias.ports.count)
    throw words.failBack('redirect_port: remote ports differ in number', `0 or ${alias.ports.count} ports`);
  return redirect;
}

function redirectProto(words: Words, context: ParseContext): NatRedirect {
  const name = words.next('a protocol');
  const proto = parseProtocol(name);
  if (proto === undefined) throw words.failBack(`unknown protocol "${name}"`, 'a name or a number 1..255');
  const local = words.next('the local address');
  const redirect: NatRedirect = {
    kind: 'proto',
    proto,
    targets: [{ address: words.located(() => hostAddress4(local, context)), port: 0 }],
    alias: 0,
    aliasPorts: NO_PORTS,
    remote: 0,
    remotePorts: NO_PORTS,
  };
  for (const which of ['alias', 'remote'] as const) {
    if (!startsWithDigit(words)) break;
    const text = words.next('');
    redirect[which] = words.located(() => hostAddress4(text, context));
  }
  return redirect;
}

const REDIRECTS: Record<string, (words: Words, context: ParseContext) => NatRedirect> = {
  redirect_addr: redirectAddress,
  redirect_port: redirectPort,
  redirect_proto: redirectProto,
};

function parseConfig(words: Words, id: number, context: ParseContext): NatConfig {
  const config: NatConfig = { id, flags: 0, redirects: [] };
  if (words.done) throw words.unexpected('ip, if, redirect_addr or another nat option');
  while (!words.done) {
    const word = words.next('');
    const flag = codeOf(NAT_FLAGS, word);
    if (flag !== undefined) config.flags |= flag;
    else if (Object.hasOwn(REDIRECTS, word)) config.redirects.push(REDIRECTS[word]!(words, context));
    else if (word === 'ip') {
      const ip = parseIp4(words.next('an address'), true);
      if (ip === undefined)
        throw words.failBack(`bad ip address "${words.peek(-1)}"`, 'an IPv4 address a.b.c.d');
      config.ip = ip;
      delete config.iface;
    } else if (word === 'if') {
      config.iface = words.next('an interface');
      delete config.ip;
    } else if (word === 'port_range') {
      const text = words.next('ports low-high');
      const { port, count } = words.located(() => portRange(text, 0));
      if (port === 0 || count < 2)
        throw words.failBack(`bad port range "${text}"`, 'low-high with 1 <= low < high');
      config.ports = { low: port, high: port + count - 1 };
    } else if (word === 'udp_eim')
      throw words.failBack('the nat option "udp_eim" is not built in: a link is for one pair of ends');
    else
      throw words.failBack(
        `unknown nat option "${word}"`,
        `ip, if, port_range, ${wordList(NAT_FLAGS)}, ${Object.keys(REDIRECTS).join(', ')}`,
      );
  }
  return config;
}

/** Everything behind `nat`; `ranges` are the instances named before or behind the verb. */
export function parseNat(words: Words, verb: string, ranges: Range[], context: ParseContext): NatCommand {
  const single = ranges.length === 1 && ranges[0]!.low === ranges[0]!.high;
  if (verb === 'config') {
    if (!single) throw words.fail('which nat instance?', 'nat NUMBER config ...', { exit: EXIT.usage });
    return { kind: 'nat-config', config: parseConfig(words, ranges[0]!.low, context) };
  }
  if (verb === 'delete') {
    if (ranges.length === 0) throw words.unexpected('the number of a nat instance');
    return {
      kind: 'nat-delete',
      ids: ranges.flatMap(({ low, high }) => Array.from({ length: high - low + 1 }, (_, i) => low + i)),
    };
  }
  const what = words.done ? 'log' : words.next('');
  if (what !== 'log' && what !== 'config')
    throw words.failBack(`nat show "${what}"`, 'config or log', EXIT.usage);
  return { kind: 'nat-show', what, ranges };
}
