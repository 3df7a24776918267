// SPDX-License-Identifier: BSD-2-Clause
// repair.ts: carries advice out, and back: features are switched off, what they were is written down first, and is put back
// from there. The record lies under /run, which like the settings does not survive a restart of the machine.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { netvaleError } from '../errors.js';
import { type NativeNic, native } from '../native.js';
import type { Facts, Finding } from './advice.js';

/** Where changes are written down; an option for tests and for who has no /run. */
export const RECORD = '/run/netvale/doctor.json';

/** One interface that was changed: which, and its features as they were before. */
export interface Change {
  name: string;
  index: number;
  netns?: string;
  features: Record<string, boolean>;
}

const sameInterface = (a: Change, b: Change): boolean =>
  a.name === b.name && a.index === b.index && a.netns === b.netns;

/** What was written down; nothing when there is no such file. Throws EINVAL when it is not ours. */
export function readRecord(file: string): Change[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const { changes } = JSON.parse(text) as { changes: Change[] };
    if (Array.isArray(changes) && changes.every((one) => typeof one.name === 'string' && one.features))
      return changes;
  } catch {
    // said below
  }
  throw netvaleError(
    'EINVAL',
    `${file} is not a record of changes: remove it, or name another with --record`,
  );
}

function writeRecord(file: string, changes: Change[]): void {
  if (changes.length === 0) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify({ changes }, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

const states = (nic: NativeNic): Record<string, boolean> =>
  Object.fromEntries(Object.entries(nic.features).map(([name, { active }]) => [name, active]));

/** Write down what `change` knows before features are touched; the earliest state of each stays. */
function remember(file: string, change: Change): void {
  const changes = readRecord(file);
  const known = changes.find((one) => sameInterface(one, change));
  if (known) known.features = { ...change.features, ...known.features };
  else changes.push(change);
  writeRecord(file, changes);
}

/**
 * Switch off what the findings name; `file`: where it is written down first (default: nowhere). Returns a line for each
 * finding that was carried out. Throws a NetvaleError.
 */
export function fix({ nic, peer }: Facts, findings: Finding[], file?: string): string[] {
  const done: string[] = [];
  for (const { fix: wanted, text } of findings) {
    if (wanted === undefined) continue;
    const side = wanted.at === 'nic' ? nic : peer!;
    const netns = wanted.at === 'peer' ? nic.peerNetns : undefined;
    if (file !== undefined)
      remember(file, { name: side.name, index: side.index, ...(netns && { netns }), features: states(side) });
    for (const feature of wanted.features)
      if (native.nics.ask(netns, side.index).features[feature]?.active)
        native.nics.setFeature(netns, side.name, feature, false);
    done.push(text);
  }
  return done;
}

/** Features of an interface that differ from what they were and can be switched back. */
function different(change: Change): [feature: string, on: boolean][] {
  const now = native.nics.ask(change.netns, change.index);
  if (now.name !== change.name) throw netvaleError('ENODEV', `${change.name} is gone`);
  return Object.entries(change.features).filter(
    ([name, on]) => now.features[name]?.available && now.features[name].active !== on,
  );
}

/** Put one interface back. Some features need others (segmentation needs checksums): again while it helps. */
function restore(change: Change): string[] {
  let left = different(change);
  for (let before = left.length + 1; left.length > 0 && left.length < before; ) {
    before = left.length;
    for (const [feature, on] of left)
      try {
        native.nics.setFeature(change.netns, change.name, feature, on);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      }
    left = different(change);
  }
  return left.map(([feature]) => feature);
}

/**
 * Put back what was changed: of one interface of this namespace and its pair's other end, or of all when `nic` is undefined.
 * Returns a line for each; what is gone is forgotten, what did not go back stays written down.
 */
export function undo(nic: NativeNic | undefined, file: string): string[] {
  const concerns = (change: Change): boolean =>
    nic === undefined ||
    (change.netns === undefined && change.index === nic.index) ||
    (change.netns === nic.peerNetns && change.index === nic.peerIndex);
  const lines: string[] = [];
  const kept: Change[] = [];
  for (const change of readRecord(file)) {
    if (!concerns(change)) {
      kept.push(change);
      continue;
    }
    try {
      const left = restore(change);
      if (left.length > 0) kept.push(change);
      lines.push(
        left.length > 0 ? `${change.name}: ${left.join(', ')} did not go back` : `${change.name}: as it was`,
      );
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENODEV' && code !== 'ENOENT') throw error;
      lines.push(`${change.name}: gone (${message})`);
    }
  }
  writeRecord(file, kept);
  return lines;
}
