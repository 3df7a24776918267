// SPDX-License-Identifier: BSD-2-Clause
// Protocol and service names. The well-known ones are built in, so that rules mean the same on every machine;
// /etc/protocols and /etc/services add to them where they exist.

import { readFileSync } from 'node:fs';
import { PORT_PREFIX } from '../port/name.js';

const PROTOCOLS: Record<string, number> = {
  ip: 0,
  icmp: 1,
  igmp: 2,
  ggp: 3,
  ipencap: 4,
  st2: 5,
  tcp: 6,
  cbt: 7,
  egp: 8,
  igp: 9,
  udp: 17,
  hmp: 20,
  'xns-idp': 22,
  rdp: 27,
  'iso-tp4': 29,
  dccp: 33,
  xtp: 36,
  ddp: 37,
  'idpr-cmtp': 38,
  ipv6: 41,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  idrp: 45,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  skip: 57,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  rspf: 73,
  vmtp: 81,
  eigrp: 88,
  ospf: 89,
  'ax.25': 93,
  ipip: 94,
  etherip: 97,
  encap: 98,
  pim: 103,
  ipcomp: 108,
  carp: 112,
  pgm: 113,
  l2tp: 115,
  isis: 124,
  sctp: 132,
  fc: 133,
  'mobility-header': 135,
  udplite: 136,
  'mpls-in-ip': 137,
  manet: 138,
  hip: 139,
  shim6: 140,
  wesp: 141,
  rohc: 142,
  pfsync: 240,
  divert: 258,
};
const PROTOCOL_ALIASES: Record<string, number> = {
  icmp6: 58,
  icmpv6: 58,
  vrrp: 112,
  ospfigp: 89,
  'udp-lite': 136,
  'ip-encap': 4,
};

// name: port/protocols; t tcp, u udp, s sctp, d divert
const SERVICES =
  'tcpmux:1/t echo:7/tu discard:9/tu systat:11/t daytime:13/tu netstat:15/t qotd:17/t chargen:19/tu ' +
  'ftp-data:20/t ftp:21/t ssh:22/tus telnet:23/t smtp:25/t mail:25/t time:37/tu whois:43/t tacacs:49/tu domain:53/tu ' +
  'bootps:67/u bootpc:68/u tftp:69/u gopher:70/t finger:79/t http:80/ts www:80/t kerberos:88/tu pop2:109/t pop3:110/t ' +
  'sunrpc:111/tu rpcbind:111/tu auth:113/t ident:113/t nntp:119/t ntp:123/u epmap:135/tu netbios-ns:137/tu ' +
  'netbios-dgm:138/tu netbios-ssn:139/tu imap:143/t imap2:143/t snmp:161/tu snmptrap:162/tu snmp-trap:162/tu bgp:179/ts ' +
  'irc:194/tu ipx:213/tu ldap:389/tu https:443/tus microsoft-ds:445/tu smtps:465/t submissions:465/t isakmp:500/u exec:512/t biff:512/u ' +
  'login:513/t who:513/u shell:514/t syslog:514/u printer:515/t talk:517/u ntalk:518/u route:520/u rip:520/u ' +
  'ripng:521/u uucp:540/t klogin:543/t kshell:544/t dhcpv6-client:546/u dhcpv6-server:547/u rtsp:554/tu nntps:563/t ' +
  'submission:587/t ipp:631/tu ldaps:636/tu domain-s:853/tu rsync:873/t ftps-data:989/t ftps:990/t telnets:992/t imaps:993/t ' +
  'pop3s:995/t socks:1080/t openvpn:1194/tu ms-sql-s:1433/tu l2tp:1701/u pptp:1723/t radius:1812/u radius-acct:1813/u ' +
  'nfs:2049/tu nfsd:2049/tu iscsi-target:3260/t mysql:3306/t rdp:3389/tu svn:3690/t ipsec-nat-t:4500/u vxlan:4789/u sip:5060/tu sip-tls:5061/t ' +
  'xmpp-client:5222/t mdns:5353/u postgresql:5432/t amqp:5672/t x11:6000/t ircd:6667/t http-alt:8080/t natd:8668/d ' +
  'git:9418/t webcache:8080/t squid:3128/t traceroute:33434/u';

const SERVICE_LETTER: Record<string, string> = { t: 'tcp', u: 'udp', s: 'sctp', d: 'divert' };

interface Names {
  protocolNumber: Map<string, number>;
  protocolName: Map<number, string>;
  /** 'name/tcp' -> port, and 'name' -> port of the first protocol listed. */
  port: Map<string, number>;
  /** 'port/tcp' -> name, and 'port' -> name. */
  service: Map<string, string>;
}

let names: Names | undefined;

const addOnce = <K, V>(map: Map<K, V>, key: K, value: V): void => {
  if (!map.has(key)) map.set(key, value);
};

function addService(into: Names, name: string, port: number, protocol: string): void {
  addOnce(into.port, `${name}/${protocol}`, port);
  if (protocol !== 'divert') addOnce(into.port, name, port);
  addOnce(into.service, `${port}/${protocol}`, name);
  addOnce(into.service, `${port}`, name);
}

/** Lines of a name data base: fields without comment. A file that is not there has none. */
function databaseLines(path: string): string[][] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter((fields) => fields.length > 1);
}

function load(): Names {
  const into: Names = {
    protocolNumber: new Map(),
    protocolName: new Map(),
    port: new Map(),
    service: new Map(),
  };
  for (const [name, number] of Object.entries(PROTOCOLS)) {
    into.protocolNumber.set(name, number);
    into.protocolName.set(number, name);
  }
  for (const [name, number] of Object.entries(PROTOCOL_ALIASES)) into.protocolNumber.set(name, number);
  for (const entry of SERVICES.split(' ')) {
    const [, name, port, letters] = /^(.+):(\d+)\/(\w+)$/.exec(entry)!;
    for (const letter of letters!) addService(into, name!, Number(port), SERVICE_LETTER[letter]!);
  }
  for (const [name, number, ...aliases] of databaseLines('/etc/protocols')) {
    const value = Number(number);
    if (!(value >= 0 && value <= 255)) continue;
    for (const each of [name!, ...aliases]) addOnce(into.protocolNumber, each, value);
    addOnce(into.protocolName, value, name!);
  }
  for (const [name, where, ...aliases] of databaseLines('/etc/services')) {
    const [port, protocol] = where!.split('/');
    const value = Number(port);
    if (!protocol || !(value >= 0 && value <= 65535)) continue;
    for (const each of [name!, ...aliases]) addService(into, each, value, protocol);
  }
  return into;
}

const get = (): Names => {
  names ??= load();
  return names;
};

/** Number of a protocol name, upper or lower case; undefined when unknown. */
export const protocolNumber = (name: string): number | undefined =>
  get().protocolNumber.get(name) ?? get().protocolNumber.get(name.toLowerCase());

export const protocolName = (number: number): string => get().protocolName.get(number) ?? String(number);

/** Names that are one of our ports rather than a host: vale0:a, netmap:eth0, xdp:eth0, tap:x, pcap:file, null:, ... */
export const OUR_PORT = PORT_PREFIX;

/** Port of a service; `protocol` 0 means any. */
export function servicePort(name: string, protocol: number | 'divert' = 0): number | undefined {
  const { port, protocolName: byNumber } = get();
  if (protocol === 0 || protocol === 41) return port.get(name);
  return port.get(`${name}/${protocol === 'divert' ? protocol : byNumber.get(protocol)}`);
}

/** Service name of a port, for -N; the number when it has none, or none that means this port again. */
export function serviceName(port: number, protocol = 0): string {
  const { service, protocolName: byNumber } = get();
  const key = protocol === 0 || protocol === 41 ? String(port) : `${port}/${byNumber.get(protocol)}`;
  const name = service.get(key);
  return name !== undefined && (servicePort(name, protocol) ?? servicePort(name)) === port
    ? name
    : String(port);
}
