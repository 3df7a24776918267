// SPDX-License-Identifier: BSD-2-Clause
// engine-fixture.ts: commands and packets for a native engine under a clock that stands until a test moves it.
import { bareContext } from '../../src/rules/context.js';
import { Controller, type ControllerOptions } from '../../src/rules/controller.js';
import { NativeEngine, type NativeVerdict } from '../../src/rules/native-engine.js';

export const SECOND = 1_000_000_000n;

/** Nanoseconds. */
export const clock = { now: 0n };

/** Made anew for each test by `fresh`. */
export let engine: NativeEngine;
export let controller: Controller;

/** Without rules, at 1000 seconds. */
export function fresh(options: Partial<ControllerOptions> = {}): void {
  clock.now = 1000n * SECOND;
  engine = new NativeEngine({ seed: 5n, now: () => clock.now });
  controller = new Controller({ engine, context: bareContext, ...options });
}

export const run = (text: string): string => controller.runText(text, 'x');

/** A frame, by default one that goes out, now. */
export const classify = (data: Uint8Array, out = true): NativeVerdict =>
  engine.rules.classify({ data, time: clock.now, layer: 2, out });
