/* SPDX-License-Identifier: BSD-2-Clause */
/* nat_links.c - the links of a nat instance: two hash tables over them, and a queue for each life span. */
#include <netinet/in.h>
#include <stdlib.h>

#include "rules/nat.h"

#define SECOND UINT64_C(1000000000)

/* libalias' times */
static const uint64_t life[NAT_AGES] = {60 * SECOND, 300 * SECOND, 86400 * SECOND, 10 * SECOND};

static uint32_t *bucket(struct rules_nat *nat, uint32_t *table, uint8_t proto, uint32_t a, uint16_t a_port, uint32_t b,
                        uint16_t b_port)
{
    uint64_t words[2] = {(uint64_t)a << 32 | b, (uint64_t)proto << 32 | (uint64_t)a_port << 16 | b_port};
    return &table[sip_hash(&nat->secret, words, 2) % NAT_BUCKETS];
}

static uint32_t *inside_bucket(struct rules_nat *nat, const struct nat_link *l)
{
    return bucket(nat, nat->inside, l->proto, l->inside, l->inside_port, l->peer, l->peer_port);
}

static uint32_t *outside_bucket(struct rules_nat *nat, const struct nat_link *l)
{
    return bucket(nat, nat->outside, l->proto, l->alias, l->alias_port, l->peer, l->peer_port);
}

uint32_t nat_find_inside(const struct rules_nat *nat, uint8_t proto, uint32_t inside, uint16_t inside_port,
                         uint32_t peer, uint16_t peer_port)
{
    struct rules_nat *n = (struct rules_nat *)nat;
    uint32_t number = *bucket(n, n->inside, proto, inside, inside_port, peer, peer_port);
    for (; number; number = nat->links[number].next_inside) {
        const struct nat_link *l = &nat->links[number];
        if (l->proto == proto && l->inside == inside && l->inside_port == inside_port && l->peer == peer &&
            l->peer_port == peer_port)
            break;
    }
    return number;
}

uint32_t nat_find_outside(const struct rules_nat *nat, uint8_t proto, uint32_t alias, uint16_t alias_port,
                          uint32_t peer, uint16_t peer_port)
{
    struct rules_nat *n = (struct rules_nat *)nat;
    uint32_t number = *bucket(n, n->outside, proto, alias, alias_port, peer, peer_port);
    for (; number; number = nat->links[number].next_outside) {
        const struct nat_link *l = &nat->links[number];
        if (l->proto == proto && l->alias == alias && l->alias_port == alias_port && l->peer == peer &&
            l->peer_port == peer_port)
            break;
    }
    return number;
}

static uint32_t *stat_of(struct rules_nat *nat, uint8_t proto)
{
    switch (proto) {
    case IPPROTO_ICMP:
        return &nat->stats.icmp;
    case IPPROTO_UDP:
        return &nat->stats.udp;
    case IPPROTO_TCP:
        return &nat->stats.tcp;
    case IPPROTO_SCTP:
        return &nat->stats.sctp;
    case NAT_FRAGMENT:
        return &nat->stats.fragments;
    default:
        return &nat->stats.other;
    }
}

static void leave_queue(struct rules_nat *nat, uint32_t number)
{
    const struct nat_link *l = &nat->links[number];
    if (l->older)
        nat->links[l->older].newer = l->newer;
    else
        nat->oldest[l->age] = l->newer;
    if (l->newer)
        nat->links[l->newer].older = l->older;
    else
        nat->newest[l->age] = l->older;
}

static void join_queue(struct rules_nat *nat, uint32_t number)
{
    struct nat_link *l = &nat->links[number];
    l->newer = 0;
    l->older = nat->newest[l->age];
    if (l->older)
        nat->links[l->older].newer = number;
    else
        nat->oldest[l->age] = number;
    nat->newest[l->age] = number;
}

static uint8_t age_of(const struct nat_link *l)
{
    if (l->proto != IPPROTO_TCP)
        return AGE_SHORT;
    if ((l->flags & (LINK_FIN_OUT | LINK_FIN_IN)) == (LINK_FIN_OUT | LINK_FIN_IN))
        return AGE_TCP_CLOSED;
    return (l->flags & (LINK_SYN_OUT | LINK_SYN_IN)) == (LINK_SYN_OUT | LINK_SYN_IN) ? AGE_TCP_OPEN : AGE_TCP_OPENING;
}

uint32_t nat_link_new(struct rules_nat *nat, const struct nat_link *link, uint64_t now)
{
    uint32_t number = nat->free;
    if (number) {
        nat->free = nat->links[number].next_inside;
    } else {
        if (nat->used + 1 >= nat->room) {
            uint32_t room = nat->room ? nat->room * 2 : NAT_LINKS_FIRST;
            struct nat_link *links = room <= NAT_LINKS_MAX ? realloc(nat->links, room * sizeof(*links)) : NULL;
            if (!links)
                return 0;
            nat->links = links;
            nat->room = room;
        }
        number = ++nat->used;
    }
    struct nat_link *l = &nat->links[number];
    *l = *link;
    uint32_t *inside = inside_bucket(nat, l), *outside = outside_bucket(nat, l);
    l->next_inside = *inside;
    *inside = number;
    l->next_outside = *outside;
    *outside = number;
    l->age = age_of(l);
    l->used_ns = now;
    join_queue(nat, number);
    ++*stat_of(nat, l->proto);
    return number;
}

void nat_link_touch(struct rules_nat *nat, uint32_t number, uint64_t now)
{
    struct nat_link *l = &nat->links[number];
    leave_queue(nat, number);
    l->age = age_of(l);
    l->used_ns = now;
    join_queue(nat, number);
}

static void forget(struct rules_nat *nat, uint32_t number)
{
    struct nat_link *l = &nat->links[number];
    uint32_t *at = inside_bucket(nat, l);
    while (*at != number)
        at = &nat->links[*at].next_inside;
    *at = l->next_inside;
    at = outside_bucket(nat, l);
    while (*at != number)
        at = &nat->links[*at].next_outside;
    *at = l->next_outside;
    leave_queue(nat, number);
    --*stat_of(nat, l->proto);
    l->next_inside = nat->free;
    nat->free = number;
}

void nat_expire(struct rules_nat *nat, uint64_t now, unsigned most)
{
    for (unsigned age = 0; age < NAT_AGES; age++) {
        while (most && nat->oldest[age] && nat->links[nat->oldest[age]].used_ns + life[age] <= now) {
            forget(nat, nat->oldest[age]);
            most--;
        }
    }
}

void nat_forget_all(struct rules_nat *nat)
{
    for (unsigned age = 0; age < NAT_AGES; age++) {
        while (nat->oldest[age])
            forget(nat, nat->oldest[age]);
    }
}
