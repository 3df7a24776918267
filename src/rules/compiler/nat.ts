// SPDX-License-Identifier: BSD-2-Clause
// The binary form of a nat instance (struct nv_rules_nat, its redirects and their targets).
import { REDIRECT as KIND, PROGRAM } from '../../abi.js';
import type { NatConfig } from '../nat.js';

const HEAD = 48;
const REDIRECT = 40;
const TARGET = 8;

/** `address`: the alias address, also when the instance names an interface. */
export function encodeNat(config: NatConfig, address: number): Uint8Array {
  const targets = config.redirects.flatMap((redirect) => redirect.targets);
  const out = new Uint8Array(HEAD + REDIRECT * config.redirects.length + TARGET * targets.length);
  const view = new DataView(out.buffer);
  const words = [PROGRAM.natMagic, PROGRAM.version, config.id, config.flags, address];
  for (const [index, word] of words.entries()) view.setUint32(4 * index, word, true);
  view.setUint16(20, config.ports?.low ?? 0, true);
  view.setUint16(22, config.ports?.high ?? 0, true);
  view.setUint32(24, config.redirects.length, true);
  view.setUint32(28, targets.length, true);
  let offset = HEAD;
  let first = 0;
  for (const redirect of config.redirects) {
    const numbers = [KIND[redirect.kind], redirect.proto, redirect.alias, redirect.remote];
    for (const [index, word] of numbers.entries()) view.setUint32(offset + 4 * index, word, true);
    view.setUint16(offset + 16, redirect.aliasPorts.port, true);
    view.setUint16(offset + 18, redirect.aliasPorts.count, true);
    view.setUint16(offset + 20, redirect.remotePorts.port, true);
    view.setUint16(offset + 22, redirect.remotePorts.count, true);
    view.setUint32(offset + 24, first, true);
    view.setUint32(offset + 28, redirect.targets.length, true);
    first += redirect.targets.length;
    offset += REDIRECT;
  }
  for (const target of targets) {
    view.setUint32(offset, target.address, true);
    view.setUint16(offset + 4, target.port, true);
    offset += TARGET;
  }
  return out;
}
