/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.h - the rule engine: load a program (program.h), change tables, classify batches of packets.
 *
 * An engine holds one program, its tables, dynamic states, nat instances and counters. Each thread that
 * classifies has a worker of its own; workers share everything else. Calls that change the engine may come
 * from any thread while workers run: a batch sees the old or the new program, never a mixture, and rules
 * that are in both keep their counters and states. Functions return 0 or -errno with *err filled (err may
 * be NULL). The engine never reads a clock: times are the caller's, in nanoseconds, and must not go back
 * by more than a batch.
 */
#ifndef NETVALE_RULES_H
#define NETVALE_RULES_H

#include <netvale.h>
#include "rules/program.h"

#ifdef __cplusplus
extern "C" {
#endif

struct nv_rules;        /* engine */
struct nv_rules_worker; /* one classifying thread */

/* The sysctl-style variables. Lifetimes in seconds. */
struct nv_rules_params {
    uint32_t autoinc_step;           /* kept for the caller: 100 */
    uint32_t dyn_max;                /* states at most: 65536 */
    uint32_t dyn_parent_max;         /* parents at most: 65536 */
    uint32_t dyn_ack_lifetime;       /* 300 */
    uint32_t dyn_syn_lifetime;       /* 20 */
    uint32_t dyn_fin_lifetime;       /* 1; below dyn_keepalive_period */
    uint32_t dyn_rst_lifetime;       /* 1; below dyn_keepalive_period */
    uint32_t dyn_udp_lifetime;       /* 10 */
    uint32_t dyn_short_lifetime;     /* 5 */
    uint32_t dyn_keepalive;          /* 1: send keep-alives for TCP states about to expire */
    uint32_t dyn_keepalive_interval; /* 20: in the last so many seconds */
    uint32_t dyn_keepalive_period;   /* 5: every so many seconds */
    uint32_t dyn_keep_states;        /* 0; 1: states of a deleted rule act as the default rule */
    uint32_t deny_unknown_exthdrs;   /* 1: IPv6 packets with an unknown next header are dropped before any rule */
    uint32_t permit_single_frag6;    /* 1: a fragment header on a whole packet is fine */
    uint32_t verbose_limit;          /* log at most so often per rule when the rule does not say (0: no limit) */
    uint32_t vlan_inner;             /* 1: an IP packet behind up to two VLAN tags is one to the rules */
    uint32_t linear;                 /* 1: do not use the index (for comparison and debugging) */
    uint64_t seed;                   /* of prob and of the hash key; 0: taken from the system */
};

/* The defaults above. */
struct nv_rules_params nv_rules_default_params(void);

/* An engine whose program is the single default rule `65535 allow ip from any to any`. params NULL: defaults. */
int nv_rules_create(const struct nv_rules_params *params, struct nv_rules **out, struct nv_error *err);

/* All workers must be closed. NULL is fine. */
void nv_rules_destroy(struct nv_rules *rules);

/* Replace the parameters. -EINVAL: a value out of range, nothing changed. */
int nv_rules_set_params(struct nv_rules *rules, const struct nv_rules_params *params, struct nv_error *err);
void nv_rules_get_params(struct nv_rules *rules, struct nv_rules_params *out);

/*
 * Check a program and make it the running one. A program without rules, or whose rules only send to pipes and queues by
 * direction and interface, is no firewall: then no packet is dropped for what its headers are. -EINVAL: malformed (the
 * message names the rule), -ENOENT: it names a table or nat instance that does not exist, -ENOMEM; the running program
 * is then untouched. Returns when no worker uses the old program any more.
 */
int nv_rules_load(struct nv_rules *rules, const void *program, size_t size, struct nv_error *err);

/* ---- interfaces ------------------------------------------------------------------------------- */

#define NV_RULES_MAX_INTERFACES 255u

/* The id (1..NV_RULES_MAX_INTERFACES) of an interface name, made on first use; -ENAMETOOLONG, -ENOSPC. */
int nv_rules_interface(struct nv_rules *rules, const char *name, struct nv_error *err);

/* Give an interface an IPv4 address (recv 10.0.0.1). 0 takes it away. */
int nv_rules_interface_address(struct nv_rules *rules, unsigned id, uint32_t address, struct nv_error *err);

/* ---- tables ----------------------------------------------------------------------------------- */

/* flow_fields: enum nv_rules_flow_fields, for type FLOW; limit: entries at most, 0 for none. -EEXIST. */
int nv_rules_table_create(struct nv_rules *rules, uint32_t id, uint32_t type, uint32_t flow_fields, uint32_t limit,
                          struct nv_error *err);
/* -EBUSY: the running program uses it; -ENOENT. */
int nv_rules_table_destroy(struct nv_rules *rules, uint32_t id, struct nv_error *err);
int nv_rules_table_limit(struct nv_rules *rules, uint32_t id, uint32_t limit, struct nv_error *err);
/* Exchange the content of two tables of the same type and flow fields. */
int nv_rules_table_swap(struct nv_rules *rules, uint32_t a, uint32_t b, struct nv_error *err);
/* Apply a struct nv_rules_update. On failure nothing is changed and *bad_entry is the entry's index. */
int nv_rules_table_update(struct nv_rules *rules, const void *update, size_t size, uint32_t *bad_entry,
                          struct nv_error *err);
/* The value the packet path would find for the entry's key fields; -ENOENT. */
int nv_rules_table_lookup(struct nv_rules *rules, uint32_t id, const struct nv_rules_entry *key,
                          struct nv_rules_value *value, struct nv_error *err);
/* Number of entries, or -ENOENT. */
int64_t nv_rules_table_count(struct nv_rules *rules, uint32_t id);

/* ---- packets ---------------------------------------------------------------------------------- */

#define NV_RULES_MAX_TAGS   16
#define NV_RULES_CALL_STACK 16

enum nv_rules_direction { NV_RULES_IN, NV_RULES_OUT };

enum nv_rules_packet_flags {
    NV_RULES_RAW = 1,             /* data begins with the IP header: no MAC header */
    NV_RULES_DIVERTED_LOOP = 2,   /* came back from a divert port as an incoming packet */
    NV_RULES_DIVERTED_OUTPUT = 4, /* came back as an outgoing one */
};

/* Where a packet that left the rules goes on; zeros: at the first rule. Copied from the verdict. */
struct nv_rules_resume {
    uint32_t generation; /* program it was made by */
    uint32_t index;      /* next rule in that program */
    uint32_t id;         /* the rule that ended the pass */
    uint32_t number;
};

/* What the caller says about a packet, and what travels with it from pass to pass. Zero it for a new packet. */
struct nv_rules_packet {
    uint8_t *data;   /* frame; may be rewritten in place (setdscp, nat, ...); reass may point it elsewhere */
    uint32_t length; /* bytes at data */
    uint16_t in_if;  /* interface ids, 0: none */
    uint16_t out_if;
    uint64_t time_ns;
    uint8_t direction; /* enum nv_rules_direction */
    uint8_t layer;     /* 2: rules see the frame with its MAC header; 3: only IP, without it */
    uint8_t flags;     /* enum nv_rules_packet_flags */
    uint8_t tag_count;
    uint8_t call_depth;
    uint8_t pad[3];
    uint32_t fib;
    uint32_t mark;
    uint32_t missing; /* bytes behind those at data that were on the wire but not captured (a snapshot length) */
    struct nv_rules_resume resume;
    uint16_t tags[NV_RULES_MAX_TAGS];
    uint16_t calls[NV_RULES_CALL_STACK];
};

/* How a pass through the rules ended. X(enumerator, name as printed) */
#define NV_RULES_ACTIONS(X)                                                                                            \
    X(PASS, "pass")       /* go on */                                                                                  \
    X(DENY, "deny")       /* drop */                                                                                   \
    X(PIPE, "pipe")       /* arg = number; resume behind the rule if one_pass is off */                                \
    X(QUEUE, "queue")     /* the same */                                                                               \
    X(DIVERT, "divert")   /* arg = number, or string reference | NAME_REF: see nv_rules_name */                        \
    X(FORWARD, "forward") /* to next_hop, or to the port named by arg */                                               \
    X(NAT, "nat")         /* translated, or left as it is: go on; resume behind the rule if one_pass is off */         \
    X(HELD, "held")       /* reass or divert keeps the fragment */

#define NV_RULES_ACTION_ENUM(id, name) NV_RULES_##id,
enum nv_rules_action { NV_RULES_ACTIONS(NV_RULES_ACTION_ENUM) NV_RULES_ACTION_COUNT };
#undef NV_RULES_ACTION_ENUM
const char *nv_rules_action_name(unsigned action); /* NULL when out of range */

/* Why a packet was denied, or passed, without or beside its rule. X(enumerator, name as printed) */
#define NV_RULES_REASONS(X)                                                                                            \
    X(BY_RULE, "rule")                  /* the action of the rule */                                                   \
    X(SHORT, "short_header")            /* a header does not fit in the frame; no rule was asked */                    \
    X(BAD_HEADER, "bad_header")         /* impossible header length; no rule was asked */                              \
    X(EXT_HEADER, "unknown_ext_header") /* IPv6 next header unknown; no rule was asked */                              \
    X(TINY, "tiny_fragment")            /* TCP fragment at offset 1 (RFC 3128); no rule was asked */                   \
    X(NOT_CAPTURED, "not_captured")     /* not even the MAC or IP header is here: passed, no rule was asked */         \
    X(NOT_IP, "not_ip")                 /* layer 3 and no IP packet: passed, no rule was asked */                      \
    X(LIMIT, "limit")                   /* as many states as the rule allows */                                        \
    X(DYN_MAX, "dyn_max")               /* as many states as dyn_max allows */                                         \
    X(NO_MEMORY, "no_memory")           /* no memory for a state, nat link or fragment */                              \
    X(NAT_DENY, "nat")                  /* deny_in, or a packet that cannot be translated */                           \
    X(LOOP, "loop")                     /* far more jumps than rules: a call loop */                                   \
    X(FRAGMENTS, "fragments")           /* fragments that contradict each other, lie or are too many */                \
    X(COPY, "fragment_copy")            /* a fragment whose bytes are all there already */

#define NV_RULES_REASON_ENUM(id, name) NV_RULES_WHY_##id,
enum nv_rules_reason { NV_RULES_REASONS(NV_RULES_REASON_ENUM) NV_RULES_REASON_COUNT };
#undef NV_RULES_REASON_ENUM
const char *nv_rules_reason_name(unsigned reason);

enum nv_rules_verdict_flags {
    NV_RULES_REWRITTEN = 1,  /* bytes of the packet changed */
    NV_RULES_REPLACED = 2,   /* data and length are new (put together); valid until this worker's next batch */
    NV_RULES_FROM_STATE = 4, /* a dynamic state decided */
    NV_RULES_LACKING = 8,    /* a header was not captured: taken as a later fragment is, without ports and flags */
};

struct nv_rules_verdict {
    uint8_t action;          /* enum nv_rules_action */
    uint8_t reason;          /* enum nv_rules_reason */
    uint8_t flags;           /* enum nv_rules_verdict_flags */
    uint8_t next_hop_family; /* FORWARD only: 4, 6, or 0 for a port named by arg */
    uint16_t rule;           /* number of the rule that ended the pass; 0: none was asked */
    uint16_t next_hop_port;
    uint32_t arg;
    struct nv_rules_resume resume;
    uint8_t next_hop[16]; /* FORWARD only: network order; IPv4 in the first 4 bytes */
};

/* What a worker hands out while it classifies. Members may be NULL. Called on the worker's thread. */
struct nv_rules_sink {
    void *arg;
    /* a packet made by reject, reset, keep-alives: a frame to be sent where packet came from (out: to our own side) */
    void (*answer)(void *arg, const struct nv_rules_packet *packet, const uint8_t *frame, uint32_t length);
    /* the packet is to be copied to a port (tee): number, or string reference | NAME_REF */
    void (*copy)(void *arg, const struct nv_rules_packet *packet, uint32_t port);
    /* a rule with `log` matched; where: payload of LOG (1 JSON, 2 pcapng) */
    void (*log)(void *arg, const struct nv_rules_packet *packet, uint16_t rule, uint32_t id, uint32_t where);
};

int nv_rules_worker_open(struct nv_rules *rules, const struct nv_rules_sink *sink, struct nv_rules_worker **out,
                         struct nv_error *err);
void nv_rules_worker_close(struct nv_rules_worker *worker);

/* Pass `count` packets through the rules, in order, and say in verdicts[0..count) how each fared. */
void nv_rules_classify(struct nv_rules_worker *worker, struct nv_rules_packet *packets, unsigned count,
                       struct nv_rules_verdict *verdicts);

/*
 * One packet once more, behind the rule that left it (resume is its verdict's), while verdicts of the last batch are
 * still to be acted on: what was put together in that batch stays valid.
 */
void nv_rules_again(struct nv_rules_worker *worker, struct nv_rules_packet *packet, struct nv_rules_verdict *verdict);

/*
 * Let time pass without packets: expire states and hand keep-alives to the sink. Cheap; call it about
 * once a second. Returns the number of states left.
 */
uint32_t nv_rules_tick(struct nv_rules_worker *worker, uint64_t now_ns);

/* The string of a reference in a verdict's or copy's arg, valid in the callback or until the next load. */
const char *nv_rules_name(struct nv_rules *rules, uint32_t reference);

/*
 * How many IP packets came behind VLAN tags that the rules did not look behind (vlan_inner is 0), over all workers that
 * there were. Each packet once, however often it passes the rules; none while the program only sends to links.
 */
uint64_t nv_rules_tagged(struct nv_rules *rules);

/*
 * The name of the port that an arg of a verdict or copy means: the string it refers to, or netmap:divertN{0 for a
 * number. By the worker's own thread, in a callback (generation 0) or behind its batch (the verdict's
 * resume.generation). False: the program that gave it runs no more, or name has too little room.
 */
bool nv_rules_port_name(struct nv_rules_worker *worker, uint32_t arg, uint32_t generation, char *name, size_t size);

/* The names of all ports that the running program's rules name, each once, at most `most`. Returns how many. Waits for
 * who changes the rules. */
unsigned nv_rules_ports(struct nv_rules *rules, char (*names)[NETMAP_REQ_IFNAMSIZ], unsigned most);

/* A number that is another whenever another program runs. */
uint32_t nv_rules_loaded(const struct nv_rules *rules);

/* ---- looking ---------------------------------------------------------------------------------- */

struct nv_rules_counter {
    uint32_t id;
    uint16_t number;
    uint8_t set;
    uint8_t disabled; /* its set is */
    uint64_t packets, bytes;
    uint64_t last_ns; /* time of the last match; 0: never */
};

/* Counters of all rules in order: writes up to max and returns how many rules there are. */
uint32_t nv_rules_counters(struct nv_rules *rules, struct nv_rules_counter *out, uint32_t max);

/* Zero the counters of the rules with these ids; count 0: of all. log_only: only the log counters (resetlog). -ENOMEM.
 */
int nv_rules_zero(struct nv_rules *rules, const uint32_t *ids, uint32_t count, bool log_only, struct nv_error *err);

struct nv_rules_state {
    uint32_t rule_id;
    uint16_t rule;  /* its parent rule's number, 0 when that is gone */
    uint8_t family; /* 4, 6, or 0 */
    uint8_t proto;
    uint8_t kind; /* NV_OP_KEEP_STATE, NV_OP_LIMIT; 0: a parent counting for limit */
    uint8_t pad[3];
    uint32_t name;
    uint32_t children; /* of a parent */
    uint8_t src[16], dst[16];
    uint16_t src_port, dst_port;
    uint32_t tcp_flags; /* seen: forward, and << 8 backward */
    uint64_t packets, bytes, expires_ns;
};

/* The table of dynamic states as it is now. */
struct nv_rules_state_figures {
    uint32_t states, parents; /* parents: what `limit` counts by */
    uint32_t buckets;
    uint32_t longest; /* states in the fullest bucket, parents among them */
};
void nv_rules_measure_states(struct nv_rules *engine, struct nv_rules_state_figures *out);

/* Call fn for the states, live and (with expired) not yet swept ones; nonzero stops. Returns how many were shown. */
uint32_t nv_rules_states(struct nv_rules *rules, uint64_t now_ns, bool expired,
                         int (*fn)(void *arg, const struct nv_rules_state *state), void *arg);
uint32_t nv_rules_state_count(struct nv_rules *rules);
/* Forget the states made by the rules with these ids; count 0: all states. Returns how many went. */
uint32_t nv_rules_states_delete(struct nv_rules *rules, const uint32_t *ids, uint32_t count);

/* One line of an explanation: what became of a rule. */
struct nv_rules_step {
    uint32_t id;
    uint16_t number;
    uint8_t matched; /* 1: all tests passed, or a state sent the packet here */
    uint8_t state;   /* 1: a state did */
    int32_t failed;  /* not matched: index of the test that said no (order in the code; an or-block: its last) */
    uint32_t opcode; /* of that test, or of the action that ran */
};

/*
 * Walk one packet through the rules, rule by rule without the index, changing nothing (no counters, no
 * states, no bytes), and call step for each rule met. The verdict goes to *out. `prob` matches. -ENOMEM.
 */
int nv_rules_explain(struct nv_rules *rules, const struct nv_rules_packet *packet, struct nv_rules_verdict *out,
                     void (*step)(void *arg, const struct nv_rules_step *step), void *arg, struct nv_error *err);

/* ---- nat -------------------------------------------------------------------------------------- */

/* Make or replace an instance from a struct nv_rules_nat; its links stay (RESET: unless its address changes). */
int nv_rules_nat_config(struct nv_rules *rules, const void *nat, size_t size, struct nv_error *err);
/* Packets of rules that go on using it are dropped (reason nat). */
int nv_rules_nat_delete(struct nv_rules *rules, uint32_t id, struct nv_error *err);

/* Links an instance has, by protocol. */
struct nv_rules_nat_stats {
    uint32_t icmp, udp, tcp, sctp, other, fragments;
};
int nv_rules_nat_links(struct nv_rules *rules, uint32_t id, struct nv_rules_nat_stats *out, struct nv_error *err);

#ifdef __cplusplus
}
#endif
#endif
