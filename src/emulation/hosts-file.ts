// SPDX-License-Identifier: BSD-2-Clause
// hosts-file.ts: what a command's /etc/hosts has of this machine's (hosts(5)).
import { readFileSync } from 'node:fs';

/** Names of the other end of a link, which each link gives anew: native/namespace/command.h. */
const OURS = ['gateway.emulate', 'gateway6.emulate'];

/** A hosts file without the lines of a link around this process. */
export function withoutGateways(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.split(/\s+/).some((word) => OURS.includes(word)))
    .join('\n');
}

/** This machine's; as good as empty when it cannot be read. */
export function readHosts(path = '/etc/hosts'): string {
  try {
    return withoutGateways(readFileSync(path, 'utf8'));
  } catch {
    return '';
  }
}
