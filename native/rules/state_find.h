/* SPDX-License-Identifier: BSD-2-Clause */
/* state_find.h - look a state up, inline for the steps of a batch. Under the engine's shared_lock. */
#ifndef NETVALE_RULES_STATE_FIND_H
#define NETVALE_RULES_STATE_FIND_H

#include <netinet/in.h>

#include "rules/keys.h"
#include "rules/state.h"
#include "rules/state_table.h"

#define STATE_SECOND UINT64_C(1000000000)

enum state_way { FORWARD, BACKWARD, ELSEWHERE };

/* The hash of an IPv4 flow: two 48-bit ends and the protocol, smaller end first, so that both directions hash alike. */
static inline uint64_t state_hash4(const struct sip_key *key, uint32_t src, uint32_t dst, uint32_t ports,
                                   uint32_t proto)
{
    uint64_t a = (uint64_t)src << 16 | ports >> 16, b = (uint64_t)dst << 16 | (ports & 0xffff);
    uint64_t words[2] = {(a < b ? a : b) | (uint64_t)proto << 48, a < b ? b : a};
    return sip_hash(key, words, 2);
}

/* Which way does an IPv4 packet go in the flow of a state? */
static inline enum state_way state_way4(const struct rules_state *s, uint32_t src, uint32_t dst, uint32_t ports)
{
    uint32_t there = (uint32_t)s->sport << 16 | s->dport, back = (uint32_t)s->dport << 16 | s->sport;
    if (s->src == src && s->dst == dst && ports == there)
        return FORWARD;
    return s->src == dst && s->dst == src && ports == back ? BACKWARD : ELSEWHERE;
}

static inline enum state_way state_way(const struct rules_state *s, const struct rules_view *v)
{
    if (s->family != v->family || s->proto != v->proto)
        return ELSEWHERE;
    if (v->family == 4)
        return state_way4(s, v->src, v->dst, (uint32_t)v->sport << 16 | v->dport);
    if (s->sport == v->sport && s->dport == v->dport && memcmp(s->src6, view_src6(v), 16) == 0 &&
        memcmp(s->dst6, view_dst6(v), 16) == 0)
        return FORWARD;
    if (s->sport == v->dport && s->dport == v->sport && memcmp(s->src6, view_dst6(v), 16) == 0 &&
        memcmp(s->dst6, view_src6(v), 16) == 0)
        return BACKWARD;
    return ELSEWHERE;
}

static inline bool state_named(const struct rules_state *s, uint64_t hash, uint32_t name)
{
    return s->hash == hash && s->kind != STATE_PARENT && (s->name == name || name == NV_RULES_STATE_ANY);
}

/* The number of the packet's live state with this name, 0 if there is none. */
static inline uint32_t state_find(const struct rules_states *states, const struct rules_view *v, uint64_t hash,
                                  uint32_t name, uint64_t now, enum state_way *way)
{
    if (v->family == 0)
        return 0;
    uint32_t number = states->heads[state_bucket(states, hash)];
    for (; number; number = state_at(states, number)->next) {
        const struct rules_state *s = state_at(states, number);
        if (!state_named(s, hash, name))
            continue;
        *way = state_way(s, v);
        if (*way != ELSEWHERE && s->expires > now)
            return number;
    }
    return 0;
}

/* The same for packet i of a batch, which is IPv4. */
static inline uint32_t state_find4(const struct rules_states *states, const struct rules_keys *keys, unsigned i,
                                   uint64_t hash, uint32_t name, uint64_t now, enum state_way *way)
{
    uint32_t number = states->heads[state_bucket(states, hash)];
    for (; number; number = state_at(states, number)->next) {
        const struct rules_state *s = state_at(states, number);
        if (!state_named(s, hash, name) || s->family != 4 || s->proto != (keys->kind[i] & 255))
            continue;
        *way = state_way4(s, keys->src[i], keys->dst[i], keys->ports[i]);
        if (*way != ELSEWHERE && s->expires > now)
            return number;
    }
    return 0;
}

/* The rule a state runs, IMAGE_NO_RULE if it is gone. */
static inline uint32_t state_parent_rule(const struct rules_image *image, const struct nv_rules_params *params,
                                         const struct rules_state *s)
{
    uint32_t rule = s->slot < image->slot_count ? image->rule_of_slot[s->slot] : IMAGE_NO_RULE;
    return rule == IMAGE_NO_RULE && params->dyn_keep_states ? image->rule_count - 1 : rule;
}

/* Count a packet to its state and renew it, if that is all there is to do: no TCP, no limit, its side known. */
static inline bool state_hit_plain(struct rules_state *s, enum state_way way, const struct nv_rules_params *params,
                                   uint32_t bytes, uint64_t now)
{
    uint32_t known = way == FORWARD ? STATE_KNOWN_FWD : STATE_KNOWN_REV;
    if (s->proto != IPPROTO_UDP || s->kind != STATE_FLOW || !(s->tcp & known))
        return false;
    s->packets++;
    s->bytes += bytes;
    s->expires = now + params->dyn_udp_lifetime * STATE_SECOND;
    return true;
}

#endif
