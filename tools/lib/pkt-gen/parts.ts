// SPDX-License-Identifier: BSD-2-Clause
// parts.ts: pkt-gen's arguments that have parts: -C, --vlan, --ramp; and the bits of -o.
import { UsageError } from '../options.js';
import { list, scaled, time, whole } from '../values.js';
import type { Draft } from './settings.js';

/** Most packets per second that can be asked for. */
export const MAX_RATE = 1e9;

/** Add bits of -o. */
export function addBits(draft: Draft, bits: number): void {
  draft.plan.options = (draft.plan.options ?? 0) | bits;
}

/** -C: one number is tx and rx slots; a third without a fourth is tx and rx rings; 0 is the default. */
export function portConfig(draft: Draft, text: string, flag: string): void {
  const [txSlots, rxSlots = txSlots, txRings, rxRings = txRings] = list(flag, text, 4, (part) =>
    part === '' ? 0 : whole(flag, part, 0, 65535),
  );
  const given = Object.entries({ txSlots, rxSlots, txRings, rxRings }).filter(
    ([, value]) => value !== undefined && value > 0,
  );
  draft.plan.open = { ...draft.plan.open, ...Object.fromEntries(given) };
}

/** "100" or "100:5": number and priority. */
export function vlanTag(text: string, flag: string): number {
  const [id = '', priority = '0', ...more] = text.split(':');
  if (more.length > 0) throw new UsageError(`${flag}: '${text}' is not number[:priority]`);
  return whole(flag, priority, 0, 7) * 8192 + whole(flag, id, 0, 4095);
}

/** "1k:1M:10": from, to (packets per second) and seconds. */
export function rampStep(text: string, flag: string): { from: number; to: number; milliseconds: number } {
  const parts = text.split(':');
  if (parts.length !== 3) throw new UsageError(`${flag}: '${text}' is not from:to:seconds`);
  const [from, to, seconds] = parts as [string, string, string];
  return {
    from: scaled(flag, from, MAX_RATE, 'a rate'),
    to: scaled(flag, to, MAX_RATE, 'a rate'),
    milliseconds: time(flag, seconds, 0.001, 259200, 'seconds') * 1000,
  };
}
