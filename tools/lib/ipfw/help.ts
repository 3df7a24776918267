// SPDX-License-Identifier: BSD-2-Clause
// help.ts: what ipfw -h prints.

import { ACTIONS } from '../../../src/rules/parse-action.js';
import { OPTIONS } from '../../../src/rules/parse-options.js';
import { pageOf } from '../version.js';

function wrap(words: string[], indent: string): string {
  const lines = [indent];
  for (const word of words) {
    if (lines.at(-1)!.length + word.length > 98) lines.push(indent);
    lines[lines.length - 1] += `${word} `;
  }
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** Of dnctl: what of ipfw it does. */
export const dnctlHelp =
  (): string => `dnctl: ipfw for pipes, queues and schedulers alone. Manual: man ipfw, or ${pageOf('ipfw')}.

  dnctl [--socket PATH] [-nqv] [-s FIELD] {pipe|queue|sched} N {config PARAMETERS | delete | show}
  dnctl [--socket PATH] {pipe|queue|sched} show | dnctl pipe flush
  dnctl [-nq] FILE                                such commands, a line each

Examples:
  dnctl pipe 1 config bw 10Mbit/s delay 20ms      dnctl sched 1 config type fq_codel      dnctl pipe show
`;

export const helpText =
  (): string => `ipfw: the rules of a running program, or of a file. Manual: man ipfw, or ${pageOf('ipfw')}.

  ipfw [--socket PATH] [flags] COMMAND            speak to a running program (the only one, or the one at PATH)
  ipfw [--socket PATH] [flags] [-p PREPROCESSOR [ARGUMENTS]] FILE
                                                  apply a rule file, whole or not at all
  ipfw -n FILE | -n COMMAND                       check only
  ipfw --rules FILE [flags] COMMAND               load a file without a program, then do COMMAND (list, show, ...)
  ipfw explain [--all] [--json] PACKET            the packet's way through the rules of the running program; --all: also
                                                  why the other rules do not match. PACKET:
                                                  'tcp 1.2.3.4:5 > 6.7.8.9:80 flags syn in recv em0'
  ipfw explain --rules FILE [--me ADDRESS,...] [--network PREFIX=IF,...] [--route PREFIX=IF,...] [--all] [--json] PACKET
                                                  the same for the rules of a file

Examples:
  ipfw add 100 deny udp from any to any 53        ipfw -a list        ipfw pipe 1 config bw 1Mbit/s
  ipfw -n a.rules        ipfw explain --rules a.rules 'tcp 1.2.3.4:5 > 6.7.8.9:80 in recv em0'

COMMAND
  add [number] [set N] [prob P] ACTION [log [logamount N] [logdst syslog,bpf]] [altq Q] [tag N | untag N]
      [setmark V] [PROTO from SRC to DST] [OPTIONS] [// comment]
  delete NUMBER ... | delete set N | flush | zero [NUMBER ...] | resetlog [NUMBER ...]
  list|show [NUMBER ...]        set N {add|delete|list|show|zero|resetlog|flush|table} ...
  set {disable N ... | enable N ... | move [rule] X to Y | swap X Y | show}
  table NAME {create [OPTIONS] | destroy | modify limit N | swap NAME | add KEY [VALUE] ... | atomic add ... |
      delete KEY ... | lookup KEY | lock | unlock | list | info | detail | flush}; table all {list|info|detail|flush}
  nat N config OPTIONS | nat N delete | nat [N] show {config|log}
  {pipe|queue|sched} N {config PARAMETERS | delete | show} | pipe flush
  {enable|disable} {firewall|one_pass|debug|verbose|dyn_keepalive|altq|skipto_cache}
  sysctl {-a | NAME | NAME=VALUE} | internal {iflist|talist|olist|vlist}

ACTION
${wrap(ACTIONS, '  ')}

OPTIONS
${wrap([...Object.keys(OPTIONS), 'out', 'keep-state', 'record-state', 'limit', 'set-limit', 'defer-action'], '  ')}
  each may have "not" before it; { a or b } is an or-block

Flags: -a counters, -b action and comment only, -c compact, -d dynamic states too, -D only them, -e expired ones too,
-f do not ask, -i table values as addresses, -n check only, -N names of ports, -q quiet, -S sets, -t and -T time of
the last match, -v verbose. Exit status: 0 done, 64 wrong usage, 65 wrong data, 68 unknown host, 69 unavailable,
71 system error.
`;
