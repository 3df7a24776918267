// SPDX-License-Identifier: BSD-2-Clause
// Defaults of codel, pie, fq_codel and fq_pie that variables (net.inet.ip.dummynet.codel.target, ...) were set to: they
// hold for what a command does not give, from the next command on.
import {
  CODEL_DEFAULT,
  type DummynetConfig,
  FAIR_DEFAULT,
  FQ_CODEL_DEFAULT,
  FQ_PIE_DEFAULT,
  PIE_DEFAULT,
} from './dummynet.js';
import type { Sysctl } from './sysctl.js';

/** Variable, the parameter it is the default of, and what it is divided by. */
type Default = readonly [variable: string, member: string, scale: number];

const CODEL: Default[] = [
  ['target', 'target', 1],
  ['interval', 'interval', 1],
];
const PIE: Default[] = [
  ['target', 'target', 1],
  ['tupdate', 'tupdate', 1],
  ['max_burst', 'maxBurst', 1],
  ['max_ecnth', 'maxEcnThreshold', 1000],
  ['alpha', 'alpha', 1000],
  ['beta', 'beta', 1000],
];
const FAIR: Default[] = ['quantum', 'limit', 'flows'].map((name) => [name, name, 1]);

/** Of `defaults`, those whose variable was set have its value. */
function adjusted<T extends object>(
  sysctl: Sysctl,
  family: string,
  defaults: T,
  which: readonly Default[],
): T {
  const set = which.flatMap(([variable, member, scale]) => {
    const value = sysctl.changed(`net.inet.ip.dummynet.${family}.${variable}`);
    return value === undefined ? [] : [[member, value / scale]];
  });
  return { ...defaults, ...Object.fromEntries(set) };
}

/** A configuration as a command gave it, its defaults filled in. */
export function withDefaults(config: DummynetConfig, sysctl: Sysctl): DummynetConfig {
  const { management, fair, fairGiven, ...rest } = config;
  const filled: DummynetConfig = { ...rest };
  const fq = fair !== undefined;
  if (management?.kind === 'codel') {
    const { given, codel } = management;
    const base = fq ? FQ_CODEL_DEFAULT : CODEL_DEFAULT;
    const defaults = adjusted(sysctl, fq ? 'fqcodel' : 'codel', base, CODEL);
    filled.management = { kind: 'codel', codel: given ? { ...defaults, ...given } : codel };
  } else if (management?.kind === 'pie') {
    const { given, pie } = management;
    const base = fq ? FQ_PIE_DEFAULT : PIE_DEFAULT;
    const defaults = adjusted(sysctl, fq ? 'fqpie' : 'pie', base, PIE);
    filled.management = { kind: 'pie', pie: given ? { ...defaults, ...given } : pie };
  } else if (management) filled.management = management;
  if (fair) {
    const defaults = adjusted(sysctl, management?.kind === 'pie' ? 'fqpie' : 'fqcodel', FAIR_DEFAULT, FAIR);
    filled.fair = fairGiven ? { ...defaults, ...fairGiven } : fair;
  }
  return filled;
}
