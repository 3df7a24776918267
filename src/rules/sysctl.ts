// SPDX-License-Identifier: BSD-2-Clause
// The sysctl-style variables of the rules: name, default, range. `ipfw sysctl name[=value]`, `ipfw sysctl -a`.
import { RuleError } from './error.js';
import { parseUnsigned } from './ranges.js';

interface Variable {
  value: number;
  min: number;
  max: number;
  readOnly?: boolean;
}

const on = (value: 0 | 1): Variable => ({ value, min: 0, max: 1 });
const range = (value: number, min: number, max: number): Variable => ({ value, min, max });
const FAIR = { quantum: range(1514, 1, 9000), limit: range(10240, 1, 20480), flows: range(1024, 1, 65536) };
const PIE = {
  target: range(15_000, 1, 10_000_000),
  tupdate: range(15_000, 1, 10_000_000),
  max_burst: range(150_000, 1, 10_000_000),
  max_ecnth: range(99, 1, 1000),
  alpha: range(125, 1, 7000),
  beta: range(1250, 1, 7000),
};
const told = (value: number): Variable => ({ value, min: 0, max: 0xffffffff, readOnly: true });

/** Defaults of codel, pie, fq_codel and fq_pie: times in microseconds, factors and probabilities in thousandths. */
const AQM_VARIABLES: Record<string, Variable> = Object.fromEntries(
  Object.entries({
    codel: { target: range(5_000, 1, 10_000_000), interval: range(100_000, 1, 10_000_000) },
    fqcodel: { target: range(5_000, 1, 10_000_000), interval: range(100_000, 1, 100_000_000), ...FAIR },
    pie: PIE,
    fqpie: { ...PIE, ...FAIR },
  }).flatMap(([family, variables]) =>
    Object.entries(variables).map(([name, variable]) => [`net.inet.ip.dummynet.${family}.${name}`, variable]),
  ),
);

export const VARIABLES: Record<string, Variable> = {
  'net.inet.ip.fw.enable': on(1),
  'net.inet6.ip6.fw.enable': on(1),
  'net.inet.ip.fw.one_pass': on(1),
  'net.inet.ip.fw.autoinc_step': range(100, 1, 1000),
  'net.inet.ip.fw.verbose': on(0),
  'net.inet.ip.fw.verbose_limit': range(0, 0, 0x7fffffff),
  'net.inet.ip.fw.debug': on(1),
  'net.inet.ip.fw.default_rule': told(65535),
  'net.inet.ip.fw.default_to_accept': told(1),
  'net.inet.ip.fw.static_count': told(1),
  'net.inet.ip.fw.tables_max': range(128, 1, 65533),
  'net.inet.ip.fw.tables_sets': on(0),
  'net.inet.ip.fw.skipto_cache': on(0),
  'net.inet.ip.fw.altq': on(0),
  'net.inet.ip.fw.dyn_buckets': range(256, 1, 65536),
  'net.inet.ip.fw.curr_dyn_buckets': told(256),
  'net.inet.ip.fw.curr_max_length': told(0),
  'net.inet.ip.fw.dyn_count': told(0),
  'net.inet.ip.fw.dyn_max': range(65536, 1, 16777214),
  'net.inet.ip.fw.dyn_parent_count': told(0),
  'net.inet.ip.fw.dyn_parent_max': range(65536, 1, 16777214),
  'net.inet.ip.fw.dyn_ack_lifetime': range(300, 1, 86400),
  'net.inet.ip.fw.dyn_syn_lifetime': range(20, 1, 86400),
  'net.inet.ip.fw.dyn_fin_lifetime': range(1, 1, 4),
  'net.inet.ip.fw.dyn_rst_lifetime': range(1, 1, 4),
  'net.inet.ip.fw.dyn_udp_lifetime': range(10, 1, 86400),
  'net.inet.ip.fw.dyn_short_lifetime': range(5, 1, 86400),
  'net.inet.ip.fw.dyn_keepalive': on(1),
  'net.inet.ip.fw.dyn_keep_states': on(0),
  'net.inet6.ip6.fw.deny_unknown_exthdrs': on(1),
  'net.inet6.ip6.fw.permit_single_frag6': on(1),
  'net.inet.ip.dummynet.pipe_slot_limit': range(1_000_000, 1, 0x7fffffff),
  'net.inet.ip.dummynet.pipe_byte_limit': range(1024 ** 3, 1, 0x7fffffff),
  'net.inet.ip.dummynet.hash_size': range(64, 16, 65536),
  'net.inet.ip.dummynet.io_fast': on(0),
  'net.inet.ip.dummynet.expire': on(1),
  'net.inet.ip.dummynet.expire_cycle': range(0, 0, 0x7fffffff),
  'net.inet.ip.dummynet.max_chain_len': range(16, 1, 0x7fffffff),
  'net.inet.ip.dummynet.red_lookup_depth': range(256, 1, 65536),
  'net.inet.ip.dummynet.red_avg_pkt_size': range(512, 1, 65536),
  'net.inet.ip.dummynet.red_max_pkt_size': range(1500, 1, 65536),
  'net.inet.ip.dummynet.io_pkt': told(0),
  'net.inet.ip.dummynet.io_pkt_drop': told(0),
  'net.inet.ip.dummynet.io_pkt_fast': told(0),
  'net.inet.ip.dummynet.schk_count': told(0),
  'net.inet.ip.dummynet.si_count': told(0),
  'net.inet.ip.dummynet.fsk_count': told(0),
  'net.inet.ip.dummynet.queue_count': told(0),
  // links here have no tick: none is late, moved or lost
  'net.inet.ip.dummynet.tick_adjustment': told(0),
  'net.inet.ip.dummynet.tick_delta': told(0),
  'net.inet.ip.dummynet.tick_delta_sum': told(0),
  'net.inet.ip.dummynet.tick_diff': told(0),
  'net.inet.ip.dummynet.tick_lost': told(0),
  ...AQM_VARIABLES,
  'net.link.ether.ipfw': on(0),
  'net.link.bridge.ipfw': on(0),
};

/** Full names of those that are read for every rule. */
const FW_NAMES = {
  autoinc_step: 'net.inet.ip.fw.autoinc_step',
  verbose_limit: 'net.inet.ip.fw.verbose_limit',
  tables_max: 'net.inet.ip.fw.tables_max',
  tables_sets: 'net.inet.ip.fw.tables_sets',
} as const;

type FwName = keyof typeof FW_NAMES;

/** Values of the variables; changed only through set, which checks. */
export class Sysctl {
  private readonly values = new Map(Object.entries(VARIABLES).map(([name, { value }]) => [name, value]));

  private find(name: string): Variable {
    const variable = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined;
    if (!variable)
      throw new RuleError(`unknown variable "${name}"`, {
        expected: 'one of those listed by: ipfw sysctl -a',
      });
    return variable;
  }

  get(name: string): number {
    this.find(name);
    return this.values.get(name)!;
  }

  /** A variable of net.inet.ip.fw by its short name. */
  fw(name: FwName): number {
    return this.values.get(FW_NAMES[name])!;
  }

  /** Set; returns the value it had. */
  set(name: string, value: number): number {
    const { min, max, readOnly } = this.find(name);
    if (readOnly) throw new RuleError(`${name} cannot be set`);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new RuleError(`bad value ${value} for ${name}`, { expected: `${min}..${max}` });
    const before = this.values.get(name)!;
    this.values.set(name, value);
    return before;
  }

  /** Tell a read-only variable what it is. */
  tell(name: string, value: number): void {
    this.find(name);
    this.values.set(name, value);
  }

  /** What a variable was set to; undefined: it is as it was at first. */
  changed(name: string): number | undefined {
    const value = this.get(name);
    return value === VARIABLES[name]!.value ? undefined : value;
  }

  list(): [name: string, value: number][] {
    return [...this.values];
  }
}

/** name or name=value */
export function parseSysctl(text: string): { name: string; value?: number } {
  const [name, value] = text.split(/=(.*)/s);
  if (value === undefined) return { name: name! };
  const number = parseUnsigned(value);
  if (number === undefined) throw new RuleError(`bad value "${value}" for ${name}`, { expected: 'a number' });
  return { name: name!, value: number };
}
