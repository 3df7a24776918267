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

export const helpText =
  (): string => `ipfw: the rules of a running program, or of a file. Manual: man ipfw, or ${pageOf('ipfw')}.

  ipfw [--socket PATH] [flags] COMMAND            speak to a running program (the only one, or the one at PATH)
  ipfw [--socket PATH] [flags] [-p PREPROCESSOR [ARGUMENTS]] FILE
                                                  apply a rule file, whole or not at all
  ipfw -n FILE | -n COMMAND                       check only
  ipfw --rules FILE [flags] COMMAND               load a file without a program, then do COMMAND (list, show, ...)
  ipfw explain --rules FILE [--me ADDRESS,...] [--network PREFIX=IF,...] [--route PREFIX=IF,...] [--json] PACKET
                                                  which rule decides, and why not those before it:
                                                  'tcp 1.2.3.4:5 > 6.7.8.9:80 flags syn in recv em0'

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
  sysctl {-a | NAME | NAME=VALUE} | internal {iflist|talist|vlist}

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
