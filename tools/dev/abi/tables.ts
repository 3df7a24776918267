// SPDX-License-Identifier: BSD-2-Clause
// tables.ts: which numbers of the C headers TypeScript uses, and under which names.

/** How the rest of a C name is written: NV_OP_SRC_IP6 without NV_OP_ as srcIp6, src-ip6 or src_ip6. */
export type Spelling = 'camel' | 'kebab' | 'snake';

/** A C enum that becomes an object of names and numbers; members that only count the others are left out. */
export interface EnumTable {
  /** Name of the object in TypeScript. */
  name: string;
  /** Tag of the enum in C. */
  from: string;
  /** What all its members begin with. */
  prefix: string;
  spelling: Spelling;
  /** Its doc comment. */
  about: string;
}

/** Constants of the preprocessor, or single enumerators, that become one object. */
export interface ConstantTable {
  name: string;
  prefix: string;
  members: string[];
  spelling: Spelling;
  about: string;
}

/** Headers that hold them, as the core includes them. */
export const HEADERS = [
  'net/netmap.h',
  'netvale.h',
  'bridge/bridge.h',
  'emulation/emulation.h',
  'engine/engine.h',
  'engine/stats.h',
  'namespace/command.h',
  'nic/nic.h',
  'packet/medium.h',
  'packet/template.h',
  'relay/measure.h',
  'relay/relay.h',
  'rules/program.h',
  'rules/rules.h',
];

const camel = (name: string, from: string, prefix: string, about: string): EnumTable => ({
  name,
  from,
  prefix,
  spelling: 'camel',
  about,
});
const kebab = (name: string, from: string, prefix: string, about: string): EnumTable => ({
  ...camel(name, from, prefix, about),
  spelling: 'kebab',
});
const snake = (name: string, from: string, prefix: string, about: string): EnumTable => ({
  ...camel(name, from, prefix, about),
  spelling: 'snake',
});

export const ENUMS: EnumTable[] = [
  camel('OP', 'nv_rules_opcode', 'NV_OP_', 'Opcodes of a rule program.'),
  kebab('LOOKUP_KEY', 'nv_rules_lookup_key', 'NV_KEY_', 'What a table is asked for.'),
  camel('PATTERN', 'nv_rules_pattern_kind', 'NV_IFACE_', 'What an interface is compared with.'),
  camel('TABLE_TYPE', 'nv_rules_table_type', 'NV_TABLE_', 'Types of tables.'),
  kebab('FLOW_FIELD', 'nv_rules_flow_fields', 'NV_FLOW_', "Fields of a flow table's key, as bits."),
  camel('VALUE_WORD', 'nv_rules_value_kind', 'NV_VALUE_', 'Words of a table value (ipv6 is not a word).'),
  snake('NAT_FLAG', 'nv_rules_nat_flags', 'NV_NAT_', 'Flags of a nat instance.'),
  camel('REDIRECT', 'nv_rules_redirect_kind', 'NV_REDIRECT_', "Kinds of a nat instance's redirects."),
  camel('TABLE_ENTRY', 'nv_rules_entry_op', 'NV_ENTRY_', 'What is done with an entry of a table.'),
  camel('TABLE_UPDATE', 'nv_rules_update_flags', 'NV_UPDATE_', 'Flags of a change of a table.'),
  camel('SIZE_MODE', 'nv_size_mode', 'NV_SIZE_', "How a frame's size is chosen."),
  camel('PREPARE', 'nv_prepare', 'NV_PREPARE_', 'When packets are written.'),
  camel('PLAN_OPTION', 'nv_plan_options', 'NV_OPT_', "Options of a generator's plan, as bits."),
  camel('PACKET_FLAG', 'nv_rules_packet_flags', 'NV_RULES_', 'What is special about a packet for the rules.'),
  camel('VERDICT_FLAG', 'nv_rules_verdict_flags', 'NV_RULES_', 'What rules did to a packet.'),
  camel('EMU_KIND', 'nv_emu_kind', 'NV_EMU_', "Kinds of dummynet's objects."),
  camel('EMU_LIMIT', 'nv_emu_limit', 'NV_EMU_', "What a queue's limit counts."),
  camel('EMU_MANAGEMENT', 'nv_emu_management', 'NV_EMU_', 'Management of a queue.'),
  camel('EMU_JITTER', 'nv_emu_jitter', 'NV_EMU_JITTER_', 'Distributions of jitter.'),
  camel('EMU_LOSS', 'nv_emu_loss_model', 'NV_EMU_LOSS_', "Models of a link's loss."),
  snake('EMU_SCHEDULER', 'nv_emu_scheduler', 'NV_EMU_', 'Schedulers.'),
  camel('EMU_PACKET', 'nv_emu_packet_flags', 'NV_EMU_', "Flags of the emulator's packets, as bits."),
  camel('EMU_DROP', 'nv_emu_drop', 'NV_EMU_DROP_', 'Why the emulator lost a packet; none: it did not.'),
  camel('CARRIED', 'nv_carried_how', 'NV_CARRIED_', 'How a link carries a frame, as bits.'),
  camel('WAIT_MODE', 'nv_wait_mode', 'NV_WAIT_', 'How a program waits for a port.'),
  camel('COMMAND', 'nv_command_type', 'NV_COMMAND_', 'Messages to and from a command behind a link.'),
  camel('NIC_XDP', 'nv_nic_xdp', 'NV_NIC_XDP_', 'What XDP can do on an interface, as bits.'),
  camel('NIC_ATTACHED', 'nv_nic_attached', 'NV_NIC_', 'How an XDP program is attached.'),
  camel('ENGINE_STATE', 'nv_engine_state', 'NV_STATE_', 'States of what runs on threads of its own.'),
  camel('PAGE_WORD', 'nv_page_word', 'NV_PAGE_', "Words of a statistics page's header."),
];

export const CONSTANTS: ConstantTable[] = [
  {
    name: 'SLOT_FLAG',
    prefix: 'NS_',
    members: ['NS_MOREFRAG'],
    spelling: 'camel',
    about: 'Flags of a slot, as bits.',
  },
  {
    name: 'PROGRAM',
    prefix: 'NV_RULES_',
    members: [
      'NV_RULES_MAGIC',
      'NV_RULES_TABLE_MAGIC',
      'NV_RULES_NAT_MAGIC',
      'NV_RULES_VERSION',
      'NV_RULES_TABLEARG',
      'NV_RULES_NAME_REF',
      'NV_RULES_STATE_ANY',
      'NV_RULES_TABLE_ME',
      'NV_RULES_TABLE_ROUTES',
      'NV_RULES_TABLE_MAX_ID',
      'NV_RULES_ID_OFF_IP4',
      'NV_RULES_ID_OFF_IP6',
      'NV_RULES_NAT_GLOBAL',
      'NV_RULES_NOT',
      'NV_RULES_OR',
    ],
    spelling: 'camel',
    about: 'Constants of a rule program.',
  },
  {
    name: 'PAGE',
    prefix: 'NV_PAGE_',
    members: ['NV_PAGE_MAGIC_VALUE', 'NV_PAGE_VERSION_VALUE', 'NV_PAGE_EPOCH'],
    spelling: 'camel',
    about: 'Constants of a statistics page.',
  },
  {
    name: 'BRIDGE_PAGE',
    prefix: 'NV_BRIDGE_',
    members: [
      'NV_BRIDGE_STATE',
      'NV_BRIDGE_START_NS',
      'NV_BRIDGE_NOW_NS',
      'NV_BRIDGE_HEAD_WORDS',
      'NV_BRIDGE_GROUP_WORDS',
      'NV_BRIDGE_DROPS_AT',
    ],
    spelling: 'camel',
    about: "Where things are in a bridge's page.",
  },
  {
    name: 'RELAY_PAGE',
    prefix: 'NV_RELAY_',
    members: [
      'NV_RELAY_PAGE_HEAD',
      'NV_RELAY_GROUP_WORDS',
      'NV_RELAY_DROPS_AT',
      'NV_RELAY_MEASURES_AT',
      'NV_RELAY_MEASURE_WORDS',
      'NV_RELAY_MEASURE_LOST_AT',
      'NV_RELAY_MEASURE_TIMED',
      'NV_RELAY_HISTOGRAMS',
    ],
    spelling: 'camel',
    about: "Where things are in a relay's page.",
  },
];
