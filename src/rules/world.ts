// SPDX-License-Identifier: BSD-2-Clause
// Everything the commands act on.
import type { ParseContext } from './context.js';
import type { DummynetObjects } from './dummynet-objects.js';
import type { RuleEngine } from './engine.js';
import { type ExitCode, type Place, placeText } from './error.js';
import type { Journal } from './journal.js';
import type { NatConfig } from './nat.js';
import type { RuleSet } from './ruleset.js';
import type { Sysctl } from './sysctl.js';
import type { Tables } from './tables.js';

export interface World {
  rules: RuleSet;
  tables: Tables;
  nats: Map<number, NatConfig>;
  dummynet: DummynetObjects;
  sysctl: Sysctl;
  engine: RuleEngine;
  context: ParseContext;
  /** IPv4 address of an interface (nat N config if X); undefined: it has none. */
  ifaceAddress(name: string): number | undefined;
  /** Only a file is checked: what it names may exist already elsewhere. */
  lenient: boolean;
}

/** Tell something about a command that is no error; a file's name and line stand before it. */
export function warn({ context }: World, { place }: { kind: string; place?: Place }, text: string): void {
  context.warn(place?.file === undefined ? text : `${placeText(place)}: ${text}`);
}

/** One transaction: how to take it back, what the engine must be told and what is left to do when it succeeded. */
export interface Transaction {
  journal: Journal;
  /** Done before the program is loaded; undone in reverse when something later fails. */
  engineSteps: { run: () => void; undo: () => void }[];
  /** Done when everything else succeeded. */
  afterwards: (() => void)[];
  /** Status that the commands end with, though all was done that could be. */
  exit: ExitCode;
}
