// SPDX-License-Identifier: BSD-2-Clause
// network.ts: a laboratory of network namespaces and veth pairs, by ip(8): hosts with an address each, and the other ends of
// their cables here, without addresses, for a program to stand between.
//
//   NAME-1: eth0 198.18.0.1/24 ---- NAME1        NAME2 ---- NAME-2: eth0 198.18.0.2/24
//
// All that belongs to a laboratory begins with its name, so that taking it down needs no memory of how it was put up.
import { spawnSync } from 'node:child_process';
import { netvaleError } from '../../../src/errors.js';

export interface Lab {
  /** Letters and digits, 9 at most, so that interfaces' names fit. */
  name: string;
  /** Hosts, and as many cables: 1 to 9. */
  hosts: number;
  mtu: number;
  /** Queues of each interface. */
  queues: number;
  /** Leave the hosts' offloads on, as the kernel makes them. */
  offloads: boolean;
}

export const DEFAULT_LAB: Lab = { name: 'lab', hosts: 2, mtu: 1500, queues: 1, offloads: false };

/** Network of the hosts: 198.18.0.0/15 is for tests of network devices (RFC 2544). */
export const addressOf = (host: number): string => `198.18.0.${host}`;
export const namespaceOf = (lab: string, host: number): string => `${lab}-${host}`;
/** The end of a host's cable in this namespace. */
export const cableOf = (lab: string, host: number): string => `${lab}${host}`;

function ip(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (error) throw netvaleError('ENOENT', `ip(8) cannot be run (Debian package iproute2): ${error.message}`);
  if (status !== 0) throw netvaleError('EIO', `ip ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

/** Namespaces of a laboratory that are there. */
export function hostsOf(lab: string): string[] {
  return (JSON.parse(ip('-j', 'netns', 'list') || '[]') as { name: string }[])
    .map(({ name }) => name)
    .filter((name) => new RegExp(`^${lab}-[1-9]$`).test(name));
}

function addHost(lab: Lab, host: number): void {
  const netns = namespaceOf(lab.name, host);
  const here = cableOf(lab.name, host);
  ip('netns', 'add', netns);
  ip('netns', 'exec', netns, 'ip', 'link', 'set', 'lo', 'up');
  const queues = ['numtxqueues', String(lab.queues), 'numrxqueues', String(lab.queues)];
  const made = ['link', 'add', here, 'mtu', String(lab.mtu), ...queues, 'type', 'veth'];
  ip(...made, 'peer', 'name', 'eth0', 'mtu', String(lab.mtu), ...queues, 'netns', netns);
  // Neither end says anything of its own accord.
  ip('link', 'set', here, 'addrgenmode', 'none', 'up');
  const eth0 = ['-n', netns, 'link', 'set', 'eth0'];
  ip(...eth0, 'addrgenmode', 'none', 'address', `02:00:00:00:00:0${host}`, 'up');
  ip('-n', netns, 'address', 'add', `${addressOf(host)}/24`, 'dev', 'eth0');
}

/** Put it up. Throws a NetvaleError: EEXIST when one of this name is there; what was made by then is taken down again. */
export function up(lab: Lab): void {
  if (hostsOf(lab.name).length > 0)
    throw netvaleError('EEXIST', `the laboratory '${lab.name}' is up: take it down first, or name another`);
  try {
    for (let host = 1; host <= lab.hosts; host++) addHost(lab, host);
  } catch (error) {
    down(lab.name);
    throw error;
  }
}

/** Take it down: processes in its namespaces go on, without a network. Returns how many hosts there were. */
export function down(name: string): number {
  const hosts = hostsOf(name);
  for (const host of hosts) {
    const cable = cableOf(name, Number(host.slice(name.length + 1)));
    // The cable first: a namespace that a process still holds would keep its end, and with it this one.
    spawnSync('ip', ['link', 'delete', cable], { stdio: 'ignore' });
    ip('netns', 'delete', host);
  }
  return hosts.length;
}
