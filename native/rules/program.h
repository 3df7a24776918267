/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.h - the binary form of a rule program, of table updates and of nat instances.
 *
 * The compiler (src/rules/compiler) writes these, the engine (native/rules) checks every offset and
 * length in them before use and refuses what is wrong with a message; nothing in them is trusted.
 *
 * All integers are in the machine's byte order (a program from the other kind of machine is refused by
 * its magic) and naturally aligned; sections start at multiples of 8 bytes. IPv4 addresses, masks, ports
 * and numbers are in that order too (1.2.3.4 is 0x01020304); IPv6 and MAC addresses are bytes in network
 * order. Strings are UTF-8 with a terminating 0; a string reference is a byte offset into the string section.
 *
 *      header | rules | code | interface patterns | strings
 *
 * Rules stand in the order of evaluation: rising numbers, equal numbers in order of insertion. The last
 * one is the default rule: number 65535, set 31, no tests, action ACCEPT or DENY. Rules in disabled sets
 * are in the program too (states made by them go on working); `set_disable` says which do not match.
 */
#ifndef NETVALE_RULES_PROGRAM_H
#define NETVALE_RULES_PROGRAM_H

#include <assert.h>
#include <stdint.h>

#define NV_RULES_MAGIC        0x4e56524cu /* "NVRL" read as a number */
#define NV_RULES_VERSION      1u
#define NV_RULES_MAX_RULES    (1u << 20)
#define NV_RULES_MAX_CODE     (1u << 26) /* 32-bit words */
#define NV_RULES_DEFAULT_RULE 65535u
#define NV_RULES_TABLEARG     0xffffffffu /* an action's or limit's arg: take it from the last table look-up */
#define NV_RULES_NAME_REF     0x80000000u /* or'ed to a string reference where an arg is a number or a name */
#define NV_RULES_MAX_TABLES   65536u
#define NV_RULES_TABLE_ME                                                                                              \
    65535u /* addr table: the addresses that are `me` (set by the program that runs the rules)                         \
            */
#define NV_RULES_TABLE_ROUTES 65534u /* addr table: route -> value.iface, for verrevpath, versrcreach, antispoof */
#define NV_RULES_TABLE_MAX_ID 65533u /* tables of the user: 0..this */
/* Ids of the rules that let IPv4 and IPv6 pass while the firewall is off for them; the first without tests: all. */
#define NV_RULES_ID_OFF_IP4    2u
#define NV_RULES_ID_OFF_IP6    3u
#define NV_RULES_STATE_DEFAULT 0u          /* name id of keep-state and friends without a name */
#define NV_RULES_STATE_ANY     0xffffffffu /* check-state :any */

/* 64 bytes at offset 0. `size` is that of the whole program. */
struct nv_rules_program {
    uint32_t magic, version;
    uint32_t size;
    uint32_t set_disable;                   /* bit n: set n is disabled; bit 31 must be 0 */
    uint32_t rule_offset, rule_count;       /* struct nv_rules_rule */
    uint32_t code_offset, code_words;       /* 32-bit words */
    uint32_t pattern_offset, pattern_count; /* struct nv_rules_pattern */
    uint32_t string_offset, string_bytes;
    uint32_t reserved[4]; /* 0 */
};

/*
 * 16 bytes. `id` names the rule for its whole life: a rule with the same id in the next program keeps its
 * counters and states. Ids are unique in a program and never 0.
 */
struct nv_rules_rule {
    uint32_t id;
    uint16_t number;       /* 1..65535 */
    uint8_t set;           /* 0..31 */
    uint8_t flags;         /* 0 */
    uint32_t code;         /* index of the first word in the code section */
    uint16_t test_words;   /* code[code .. code+test_words): tests (and PROB, PROBE_STATE, KEEP_STATE, ...) */
    uint16_t action_words; /* then the actions: [LOG] [ALTQ] [TAG|UNTAG] [SETMARK] and one more, the last */
};

/*
 * An instruction: two words, then words - 2 words of its own. A test matches or not; NOT inverts it; tests
 * with OR and the one behind the last of them form an or-block. An option that does not apply to a packet
 * (a port of an ICMP packet, a MAC address at layer 3) does not match before NOT is applied.
 */
struct nv_rules_insn {
    uint8_t opcode;
    uint8_t flags;  /* enum nv_rules_insn_flags */
    uint16_t words; /* length of the whole instruction, >= 2 */
    uint32_t arg;
};

enum nv_rules_insn_flags {
    NV_RULES_NOT = 0x80, /* test: match inverted */
    NV_RULES_OR = 0x40,  /* test: or with the next one */
};

/*
 * Opcodes. "list" is a payload of words (low | high << 16), one per range, low <= high, at least one: the
 * value must lie in one of the ranges. "flags" is arg = wanted bits | unwanted bits << 16: all wanted are
 * set and all unwanted clear. Payloads have exactly the length said here.
 */
enum nv_rules_opcode {
    NV_OP_NEVER = 0,  /* matches no packet (options that mean nothing here: uid, jail, ipsec, ...) */
    NV_OP_ALWAYS = 1, /* matches every packet (`any` with NOT or in an or-block) */

    /* addresses. SRC/DST pairs: the DST opcode is the SRC opcode + 1 */
    NV_OP_SRC_IP = 2, /* payload: pairs of words (address, mask), address & ~mask == 0; any may match */
    NV_OP_DST_IP = 3,
    NV_OP_SRC_IP_SET = 4, /* arg = first address; payload: word n (1..256), then (n+31)/32 words of bits: */
    NV_OP_DST_IP_SET = 5, /*   address - arg < n, and bit (address - arg) is set */
    NV_OP_SRC_ME = 6,     /* address (v4 or v6) is in table ME */
    NV_OP_DST_ME = 7,
    NV_OP_SRC_IP6 = 8, /* payload: groups of 8 words: 16 bytes address, 16 bytes mask */
    NV_OP_DST_IP6 = 9,
    NV_OP_SRC_ME6 = 10, /* IPv6 address is in table ME */
    NV_OP_DST_ME6 = 11,
    NV_OP_SRC_PORT = 12, /* list; TCP, UDP, UDP-Lite, SCTP, first fragment */
    NV_OP_DST_PORT = 13,

    /* tables. arg = table id; see struct nv_rules_lookup */
    NV_OP_LOOKUP = 14,

    /* layer 2 and where the packet is */
    NV_OP_LAYER2 = 16,
    NV_OP_MAC = 17,      /* payload 6 words: 6 bytes dst, 6 src, 6 dst mask, 6 src mask */
    NV_OP_MAC_TYPE = 18, /* list */
    NV_OP_IN = 19,
    NV_OP_RECV = 20, /* arg = index of an interface pattern */
    NV_OP_XMIT = 21,
    NV_OP_VIA = 22,      /* xmit interface of an outgoing packet, else the receive interface */
    NV_OP_DIVERTED = 23, /* arg: 1 loopback, 2 output, 3 both (diverted) */

    /* IP */
    NV_OP_PROTO = 24, /* arg 0..255: ip_p, or the last header behind the IPv6 extension headers */
    NV_OP_IP4 = 25,
    NV_OP_IP6 = 26,
    NV_OP_FRAG = 27,         /* flags: 1 mf, 2 df, 4 rf, 8 offset != 0 (bare `frag`). IPv6 has only mf and offset */
    NV_OP_IPLEN = 28,        /* list: ip_len, or 40 + payload length for IPv6 */
    NV_OP_IPID = 29,         /* list, v4 */
    NV_OP_IPTTL = 30,        /* list, v4 */
    NV_OP_IPVERSION = 31,    /* arg 0..15 */
    NV_OP_IPTOS = 32,        /* flags on the TOS byte, v4 */
    NV_OP_IPPRECEDENCE = 33, /* arg 0..7, v4 */
    NV_OP_DSCP = 34,         /* payload 2 words: bit map of 64 code points, v4 and v6 */
    NV_OP_IPOPTIONS = 35,    /* flags: 1 lsrr, 2 ssrr, 4 rr, 8 ts. v4 */
    NV_OP_EXT6HDR = 36,      /* arg: any of 1 frag, 2 hopopt, 4 route, 8 ah, 16 esp, 32 dstopt, 64 rthdr0, 128 rthdr2 */
    NV_OP_FLOW_ID = 37,      /* payload: words, any of these IPv6 flow labels (20 bits) */

    /* TCP, ICMP */
    NV_OP_ESTABLISHED = 40,
    NV_OP_TCPFLAGS = 41,   /* flags on the flag byte: 1 fin 2 syn 4 rst 8 psh 16 ack 32 urg */
    NV_OP_TCPOPTIONS = 42, /* flags: 1 mss 2 window 4 sack 8 ts 16 cc */
    NV_OP_TCPSEQ = 43,     /* arg */
    NV_OP_TCPACK = 44,     /* arg */
    NV_OP_TCPWIN = 45,     /* list */
    NV_OP_TCPDATALEN = 46, /* list */
    NV_OP_TCPMSS = 47,     /* list: value of the MSS option of a SYN */
    NV_OP_ICMPTYPES = 48,  /* arg: bit map of types 0..31 */
    NV_OP_ICMP6TYPES = 49, /* payload 8 words: bit map of types 0..255 */

    /* what earlier rules did, the host */
    NV_OP_TAGGED = 52,     /* list; or no payload and arg = TABLEARG */
    NV_OP_FIB = 53,        /* list: the packet's fib (0 unless setfib) */
    NV_OP_MARK = 54,       /* arg = value; payload 2 words: mask, 1 = TABLEARG instead of arg */
    NV_OP_VERREVPATH = 55, /* out, or table ROUTES says the source is reached by the receive interface */
    NV_OP_VERSRCREACH =
        56, /* out, or table ROUTES has a route to the source with value.netgraph = 0 (1: default route) */
    NV_OP_ANTISPOOF =
        57, /* as verrevpath if the route to the source has value.limit = 1 (directly connected), else true */

    /* chance and states (they stand in the test part) */
    NV_OP_PROB = 60,        /* matches when a random 31-bit number < arg; the first instruction of its rule */
    NV_OP_PROBE_STATE = 61, /* arg = name; look for a state first (once a pass); a hit runs its parent's action */
    NV_OP_KEEP_STATE = 62,  /* arg = name; make a state (without PROBE_STATE before it: record-state) */
    NV_OP_LIMIT =
        63, /* arg = name; payload 2 words: fields (1 src-addr 2 src-port 4 dst-addr 8 dst-port), limit or TABLEARG */
    NV_OP_SKIP_ACTION = 64, /* defer-action: the state is made, the action is left for packets that hit it */

    /* actions before the last: any number, in this order */
    NV_OP_LOG = 128,   /* arg = log at most this often (0: no limit); payload 1 word: 1 = JSON, 2 = pcapng, 3 = both */
    NV_OP_ALTQ = 129,  /* arg = string reference; kept as metadata */
    NV_OP_TAG = 130,   /* arg = 1..65534 or TABLEARG */
    NV_OP_UNTAG = 131, /* the same */
    NV_OP_SETMARK = 132, /* arg = value; payload 1 word: 1 = TABLEARG instead */

    /* the last action */
    NV_OP_ACCEPT = 140,
    NV_OP_DENY = 141,
    NV_OP_COUNT = 142,
    NV_OP_SKIPTO = 143, /* arg = rule number or TABLEARG; only forward */
    NV_OP_CALL = 144,   /* arg = rule number or TABLEARG */
    NV_OP_RETURN = 145,
    NV_OP_CHECK_STATE = 146, /* arg = name or NV_RULES_STATE_ANY */
    NV_OP_PIPE = 147,        /* arg = number or TABLEARG */
    NV_OP_QUEUE = 148,
    NV_OP_UNREACH = 149,  /* arg = ICMP code 0..255; payload 1 word: mtu (0: none). `reject` is code 1 */
    NV_OP_UNREACH6 = 150, /* arg = ICMPv6 code 0..255; payload 1 word: mtu */
    NV_OP_RESET = 151,
    NV_OP_RESET6 = 152,
    NV_OP_ABORT = 153, /* SCTP */
    NV_OP_ABORT6 = 154,
    NV_OP_DIVERT = 155,     /* arg = number, TABLEARG, or string reference | NAME_REF: a port of ours */
    NV_OP_TEE = 156,        /* the same; the packet goes on with the next rule */
    NV_OP_FORWARD = 157,    /* arg = TABLEARG, or string reference | NAME_REF, or 0: payload 6 words: */
                            /*   family 4 or 6, port (0: none), 16 bytes address (v4: a word, then zeros); */
                            /*   of TABLEARG only the port is read */
    NV_OP_NAT = 158,        /* arg = instance id, TABLEARG, or NV_RULES_NAT_GLOBAL */
    NV_OP_SETFIB = 159,     /* arg = number or TABLEARG */
    NV_OP_SETDSCP = 160,    /* arg = 0..63 or TABLEARG */
    NV_OP_TCP_SETMSS = 161, /* arg = 1..65535; lowers the MSS option of a SYN */
    NV_OP_REASS = 162,
};

/* Payload of LOOKUP: 8 words. */
struct nv_rules_lookup {
    uint32_t key;        /* enum nv_rules_lookup_key; must suit the table's type */
    uint32_t flags;      /* 1: compare `value`; 2: and the key with `mask` first */
    uint32_t value_kind; /* enum nv_rules_value_kind to compare: table(N,5) compares the tag value */
    uint32_t value;      /* (IPv6 values cannot be compared) */
    uint8_t mask[16];    /* IPv4, number: a word, then zeros; IPv6 16 bytes; MAC 6 bytes, then zeros */
};

enum nv_rules_lookup_flags { NV_LOOKUP_VALUE = 1, NV_LOOKUP_MASK = 2 };

enum nv_rules_lookup_key {
    NV_KEY_DST_IP = 0, /* of the packet's family */
    NV_KEY_SRC_IP = 1,
    NV_KEY_DST_PORT = 2,
    NV_KEY_SRC_PORT = 3,
    NV_KEY_DSCP = 4,
    NV_KEY_MARK = 5,
    NV_KEY_RULENUM = 6,
    NV_KEY_DST_MAC = 7,
    NV_KEY_SRC_MAC = 8,
    NV_KEY_DST_IP4 = 9,
    NV_KEY_SRC_IP4 = 10,
    NV_KEY_DST_IP6 = 11,
    NV_KEY_SRC_IP6 = 12,
    NV_KEY_FLOW = 13, /* tables of type flow */
    NV_KEY_COUNT
};

/* 16 bytes: what RECV, XMIT and VIA compare an interface with. */
struct nv_rules_pattern {
    uint32_t kind; /* enum nv_rules_pattern_kind */
    uint32_t arg;
    uint32_t reserved[2];
};

enum nv_rules_pattern_kind {
    NV_IFACE_NAME = 1,  /* arg = string reference */
    NV_IFACE_GLOB = 2,  /* arg = string reference: *, ?, [a-z] and \ as in fnmatch */
    NV_IFACE_IP = 3,    /* arg = IPv4 address of the interface */
    NV_IFACE_TABLE = 4, /* arg = table id (type iface); sets tablearg */
    NV_IFACE_COUNT
};

/* ---- tables ------------------------------------------------------------------------------------- */

enum nv_rules_table_type {
    NV_TABLE_ADDR = 1, /* longest prefix match; IPv4 and IPv6 */
    NV_TABLE_IFACE = 2,
    NV_TABLE_NUMBER = 3,
    NV_TABLE_FLOW = 4,
    NV_TABLE_MAC = 5, /* longest prefix match on 48 bits */
    NV_TABLE_TYPE_COUNT
};

/* Fields of a flow table's key (create flow:src-ip,proto,...). */
enum nv_rules_flow_fields {
    NV_FLOW_SRC_IP = 1,
    NV_FLOW_DST_IP = 2,
    NV_FLOW_PROTO = 4,
    NV_FLOW_SRC_PORT = 8,
    NV_FLOW_DST_PORT = 16,
};

/* What an entry says; a table of one (legacy) value has it in every numeric field. 64 bytes. */
struct nv_rules_value {
    uint32_t skipto, pipe, fib, nat, dscp, tag, divert, netgraph, limit, mark;
    uint32_t ipv4;
    uint32_t iface; /* interface id, table ROUTES only */
    uint8_t ipv6[16];
};

/* Index of a word of struct nv_rules_value. */
enum nv_rules_value_kind {
    NV_VALUE_SKIPTO,
    NV_VALUE_PIPE,
    NV_VALUE_FIB,
    NV_VALUE_NAT,
    NV_VALUE_DSCP,
    NV_VALUE_TAG,
    NV_VALUE_DIVERT,
    NV_VALUE_NETGRAPH,
    NV_VALUE_LIMIT,
    NV_VALUE_MARK,
    NV_VALUE_IPV4,
    NV_VALUE_COUNT
};

#define NV_RULES_TABLE_MAGIC 0x4e565442u /* "NVTB" */

/*
 * A change of one table: 32 bytes, then `count` entries. Either all of it is applied or nothing. With
 * REPLACE the table's content becomes exactly these entries (all ADD), at one instant for every packet.
 */
struct nv_rules_update {
    uint32_t magic, version;
    uint32_t table; /* id; the table was created before with its type */
    uint32_t flags; /* enum nv_rules_update_flags */
    uint32_t count;
    uint32_t reserved[3];
};

enum nv_rules_update_flags { NV_UPDATE_REPLACE = 1 };

/* 112 bytes. */
struct nv_rules_entry {
    uint32_t op;                 /* enum nv_rules_entry_op */
    uint8_t family;              /* addr, flow: 4 or 6; else 0 */
    uint8_t prefix;              /* addr: 0..32 or 0..128; mac: 0..48; else 0 */
    uint8_t proto;               /* flow */
    uint8_t reserved;            /* 0 */
    uint16_t src_port, dst_port; /* flow */
    uint32_t number;             /* number tables */
    uint8_t key[16];  /* addr, flow src-ip: IPv4 as 4 bytes in network order; mac: 6 bytes; iface: name, 0-padded */
    uint8_t key2[16]; /* flow dst-ip */
    struct nv_rules_value value;
};

enum nv_rules_entry_op {
    NV_ENTRY_ADD = 1,    /* must not exist: the update fails with EEXIST at this entry */
    NV_ENTRY_SET = 2,    /* add, or give it this value */
    NV_ENTRY_DELETE = 3, /* must exist: ENOENT */
};

/* ---- nat ---------------------------------------------------------------------------------------- */

#define NV_RULES_NAT_MAGIC  0x4e564e54u /* "NVNT" */
#define NV_RULES_NAT_GLOBAL 0xfffffffeu /* `nat global`: the first instance that knows the packet */
#define NV_RULES_NAT_MAX_ID 65534u

enum nv_rules_nat_flags {
    NV_NAT_DENY_IN = 1,
    NV_NAT_SAME_PORTS = 2,
    NV_NAT_UNREG_ONLY = 4, /* only 10/8, 172.16/12, 192.168/16 */
    NV_NAT_UNREG_CGN = 8,  /* and 100.64/10 */
    NV_NAT_RESET = 16,     /* forget all links when the address changes */
    NV_NAT_REVERSE = 32,
    NV_NAT_PROXY_ONLY = 64,
    NV_NAT_SKIP_GLOBAL = 128,
    NV_NAT_LOG = 256,
};

/* 48 bytes, then `redirects` of struct nv_rules_redirect, then `targets` of struct nv_rules_target. */
struct nv_rules_nat {
    uint32_t magic, version;
    uint32_t id;               /* 1..NV_RULES_NAT_MAX_ID */
    uint32_t flags;            /* enum nv_rules_nat_flags */
    uint32_t address;          /* alias address (`ip`, or the interface's address looked up by the caller) */
    uint16_t port_lo, port_hi; /* ports to take aliases from; 0, 0: all from 1024 on */
    uint32_t redirects, targets;
    uint32_t reserved[4];
};

enum nv_rules_redirect_kind { NV_REDIRECT_ADDR = 1, NV_REDIRECT_PORT = 2, NV_REDIRECT_PROTO = 3 };

/* 40 bytes. The inside address(es) stand in targets[first_target .. + target_count): several share the load in turn. */
struct nv_rules_redirect {
    uint32_t kind, proto;               /* proto: PORT 6, 17 or 132; PROTO 0..255; ADDR 0 */
    uint32_t alias;                     /* outside address; 0: the instance's */
    uint32_t remote;                    /* only with this peer; 0: any */
    uint16_t alias_port, alias_count;   /* PORT: range of outside ports */
    uint16_t remote_port, remote_count; /* PORT: range of the peer's ports; 0: any */
    uint32_t first_target, target_count;
    uint32_t reserved[2];
};

struct nv_rules_target {
    uint32_t address;
    uint16_t port, reserved; /* PORT: first inside port, of as many as alias_count */
};

static_assert(sizeof(struct nv_rules_program) == 64, "program header");
static_assert(sizeof(struct nv_rules_rule) == 16, "rule");
static_assert(sizeof(struct nv_rules_insn) == 8, "instruction");
static_assert(sizeof(struct nv_rules_lookup) == 32, "look-up");
static_assert(sizeof(struct nv_rules_pattern) == 16, "interface pattern");
static_assert(sizeof(struct nv_rules_value) == 64, "value");
static_assert(sizeof(struct nv_rules_update) == 32, "table update");
static_assert(sizeof(struct nv_rules_entry) == 112, "table entry");
static_assert(sizeof(struct nv_rules_nat) == 48, "nat instance");
static_assert(sizeof(struct nv_rules_redirect) == 40, "redirect");
static_assert(sizeof(struct nv_rules_target) == 8, "target");

#endif
