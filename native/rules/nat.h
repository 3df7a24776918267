/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nat.h - network address and port translation, IPv4 (RFC 3022), in the manner of libalias: links between an inside
 * address and port, an outside (alias) one and a peer; made by outgoing packets or by redirects.
 *
 * All under the engine's shared_lock.
 */
#ifndef NETVALE_RULES_NAT_H
#define NETVALE_RULES_NAT_H

#include "rules/eval.h"

enum nat_result {
    NAT_DONE,    /* translated, or rightly left as it is */
    NAT_UNKNOWN, /* nothing is known of the packet: it was left as it is */
    NAT_DROP,    /* cannot be translated, or deny_in */
};

/* Translate the packet by one instance; with NV_RULES_NAT_GLOBAL by the first that knows it. */
enum nat_result rules_nat(struct rules_eval *eval, uint32_t id);

/* The instance, NULL if there is none. */
struct rules_nat *nat_find(const struct nv_rules *engine, uint32_t id);
void rules_nat_free(struct rules_nat *nat);

/* ---- inside ---- */

enum nat_age { AGE_SHORT, AGE_TCP_OPENING, AGE_TCP_OPEN, AGE_TCP_CLOSED, NAT_AGES }; /* how long a link lives */

/* An instance's links; numbers are from 1. */
struct nat_link {
    uint32_t inside, alias, peer;                /* addresses */
    uint16_t inside_port, alias_port, peer_port; /* ICMP: inside and alias query id */
    uint8_t proto; /* NAT_FRAGMENT: a fragmented packet; inside_port is its id, peer_port its protocol */
    uint8_t age;
    uint8_t flags;                      /* LINK_* */
    uint32_t next_inside, next_outside; /* in the hash tables; next_inside also in the free list */
    uint32_t older, newer;              /* of the same age */
    uint64_t used_ns;
};

enum { LINK_SYN_OUT = 1, LINK_SYN_IN = 2, LINK_FIN_OUT = 4, LINK_FIN_IN = 8, LINK_KEEP_PORT = 16 };
enum { NAT_FRAGMENT = 254, NAT_BUCKETS = 1 << 14, NAT_LINKS_MAX = 1 << 20, NAT_LINKS_FIRST = 256 };

struct rules_nat {
    struct nv_rules_nat config;
    struct nv_rules_redirect *redirects;
    struct nv_rules_target *targets;
    uint32_t *turns; /* by redirect: the target whose turn it is */
    struct nat_link *links;
    uint32_t room, used, free;
    uint32_t inside[NAT_BUCKETS], outside[NAT_BUCKETS];
    uint32_t oldest[NAT_AGES], newest[NAT_AGES];
    uint64_t random;
    struct nv_rules_nat_stats stats;
    struct sip_key secret;
};

/* May an instance translate this inside address, by its unreg_only and unreg_cgn? */
bool nat_unregistered(const struct rules_nat *nat, uint32_t address);
/* Where a redirect sends a packet that comes in: fills link's inside. */
bool nat_redirect_in(struct rules_nat *nat, struct nat_link *link);
/* The outside face of an inside host that a redirect gives one: fills link's alias. */
bool nat_redirect_out(const struct rules_nat *nat, struct nat_link *link);
/* Is an alias port promised to a redirect? */
bool nat_reserved(const struct rules_nat *nat, const struct nat_link *link);
/*
 * The address an inside host has outside, whatever it sends: a redirect's that is not for one port or protocol, else
 * the instance's. Fills link's alias. False: it keeps its own.
 */
bool nat_outside_address(const struct rules_nat *nat, struct nat_link *link);

/* A link by what an outgoing (inside) or incoming (outside) packet has. 0: none. */
uint32_t nat_find_inside(const struct rules_nat *nat, uint8_t proto, uint32_t inside, uint16_t inside_port,
                         uint32_t peer, uint16_t peer_port);
uint32_t nat_find_outside(const struct rules_nat *nat, uint8_t proto, uint32_t alias, uint16_t alias_port,
                          uint32_t peer, uint16_t peer_port);
/* Make a link. 0: as many as there may be, or no memory. */
uint32_t nat_link_new(struct rules_nat *nat, const struct nat_link *link, uint64_t now);
/* The link was used: it lives on, in the age that its flags say. */
void nat_link_touch(struct rules_nat *nat, uint32_t number, uint64_t now);
/* Forget links whose time is over; at most `most`. */
void nat_expire(struct rules_nat *nat, uint64_t now, unsigned most);
void nat_forget_all(struct rules_nat *nat);

#endif
