// SPDX-License-Identifier: BSD-2-Clause
// The nat commands, and how instances are shown.
import { printIp4 } from './address.js';
import type { Flags, NatCommand } from './command.js';
import { encodeNat } from './compiler/nat.js';
import { EXIT, RuleError } from './error.js';
import { protocolName } from './names.js';
import { NAT_FLAGS, type NatConfig, type NatRedirect, type PortRange } from './nat.js';
import type { Transaction, World } from './world.js';

const ports = ({ port, count }: PortRange): string =>
  count > 1 ? `${port}-${port + count - 1}` : String(port);

function printRedirect(redirect: NatRedirect): string {
  const { kind, proto, targets, alias, aliasPorts, remote, remotePorts } = redirect;
  const peer = remote === 0 ? '' : ` ${printIp4(remote)}`;
  if (kind === 'addr')
    return ` redirect_addr ${targets.map(({ address }) => printIp4(address)).join(',')} ${printIp4(alias)}`;
  if (kind === 'proto')
    return ` redirect_proto ${protocolName(proto)} ${printIp4(targets[0]!.address)}${alias ? ` ${printIp4(alias)}${peer}` : ''}`;
  const target = ({ address, port }: NatRedirect['targets'][number]): string => {
    if (proto === 132) return printIp4(address);
    return `${printIp4(address)}:${targets.length > 1 ? port : ports({ port, count: aliasPorts.count })}`;
  };
  const outside = `${alias ? `${printIp4(alias)}:` : ''}${ports(aliasPorts)}`;
  const peerPorts = remotePorts.count > 0 ? `:${ports(remotePorts)}` : '';
  return ` redirect_port ${protocolName(proto)} ${targets.map(target).join(',')} ${outside}${peer}${peer && peerPorts}`;
}

/** ipfw nat 1 config ip 10.0.0.1 deny_in ... */
export function printNat(config: NatConfig): string {
  let out = `ipfw nat ${config.id} config`;
  if (config.iface !== undefined) out += ` if ${config.iface}`;
  else if (config.ip !== undefined) out += ` ip ${printIp4(config.ip)}`;
  for (const [word, bit] of NAT_FLAGS) if (config.flags & bit) out += ` ${word}`;
  if (config.ports) out += ` port_range ${config.ports.low}-${config.ports.high}`;
  return out + config.redirects.map(printRedirect).join('');
}

function configure(
  world: World,
  config: NatConfig,
  flags: Flags,
  { journal, engineSteps }: Transaction,
): string {
  const { nats, engine } = world;
  const addressOf = (each: NatConfig): number => {
    if (each.iface === undefined) return each.ip ?? 0;
    const address = world.ifaceAddress(each.iface);
    if (address === undefined && !world.lenient)
      throw new RuleError(`interface ${each.iface} has no known address`, {
        expected: 'nat N config ip ADDRESS',
        exit: EXIT.unavailable,
      });
    return address ?? 0;
  };
  const before = nats.get(config.id);
  const bytes = encodeNat(config, addressOf(config));
  const old = before && encodeNat(before, addressOf(before));
  nats.set(config.id, config);
  journal.record(() => {
    if (before) nats.set(config.id, before);
    else nats.delete(config.id);
  });
  engineSteps.push({
    run: () => engine.natConfig(bytes),
    undo: () => (old ? engine.natConfig(old) : engine.natDelete(config.id)),
  });
  return flags.quiet ? '' : `${printNat(config)}\n`;
}

export function applyNat(world: World, command: NatCommand, flags: Flags, transaction: Transaction): string {
  const { nats, engine } = world;
  if (command.kind === 'nat-config') return configure(world, command.config, flags, transaction);
  if (command.kind === 'nat-delete') {
    for (const id of command.ids) {
      const before = nats.get(id);
      if (!before && !flags.force && !world.lenient)
        throw new RuleError(`nat ${id} not found`, { exit: EXIT.unavailable });
      if (!before) continue;
      nats.delete(id);
      transaction.journal.record(() => nats.set(id, before));
      transaction.afterwards.push(() => {
        if (!nats.has(id)) engine.natDelete(id);
      });
    }
    return '';
  }
  const ids = [...nats.keys()].sort((a, b) => a - b);
  const wanted = ids.filter(
    (id) => command.ranges.length === 0 || command.ranges.some(({ low, high }) => id >= low && id <= high),
  );
  if (wanted.length === 0 && command.ranges.some(({ low, high }) => low === high))
    throw new RuleError(`nat ${command.ranges[0]!.low} not found`, { exit: EXIT.unavailable });
  if (command.what === 'config') return wanted.map((id) => `${printNat(nats.get(id)!)}\n`).join('');
  return wanted.map((id) => `nat ${id}: ${engine.natLog?.(id) ?? ''}\n`).join('');
}
