/* SPDX-License-Identifier: BSD-2-Clause */
/* nat_redirect.c - which address and port an inside host has outside by an instance's configuration, and back. */
#include "rules/nat.h"

static bool ranged(uint16_t port, uint16_t first, uint16_t count)
{
    return (uint16_t)(port - first) < count;
}

bool nat_unregistered(const struct rules_nat *nat, uint32_t address)
{
    if (!(nat->config.flags & (NV_NAT_UNREG_ONLY | NV_NAT_UNREG_CGN)))
        return true;
    return address >> 24 == 10 || address >> 20 == 0xac1 || address >> 16 == 0xc0a8 ||
           (nat->config.flags & NV_NAT_UNREG_CGN && address >> 22 == 0x6440 >> 6);
}

/* Does the peer suit the redirect? */
static bool peer_suits(const struct nv_rules_redirect *r, uint32_t peer, uint16_t peer_port)
{
    return (r->remote == 0 || r->remote == peer) &&
           (r->kind != NV_REDIRECT_PORT || r->remote_port == 0 ||
            ranged(peer_port, r->remote_port, r->remote_count ? r->remote_count : 1));
}

static bool proto_suits(const struct nv_rules_redirect *r, uint8_t proto)
{
    return r->kind == NV_REDIRECT_ADDR || r->proto == proto;
}

static uint32_t alias_of(const struct rules_nat *nat, const struct nv_rules_redirect *r)
{
    return r->alias ? r->alias : nat->config.address;
}

bool nat_redirect_in(struct rules_nat *nat, struct nat_link *link)
{
    for (uint32_t i = 0; i < nat->config.redirects; i++) {
        const struct nv_rules_redirect *r = &nat->redirects[i];
        if (alias_of(nat, r) != link->alias || !proto_suits(r, link->proto) ||
            !peer_suits(r, link->peer, link->peer_port) ||
            (r->kind == NV_REDIRECT_PORT && !ranged(link->alias_port, r->alias_port, r->alias_count)))
            continue;
        const struct nv_rules_target *target = &nat->targets[r->first_target + nat->turns[i]++ % r->target_count];
        link->inside = target->address;
        link->inside_port = link->alias_port;
        if (r->kind == NV_REDIRECT_PORT)
            link->inside_port = (uint16_t)(target->port + (link->alias_port - r->alias_port));
        return true;
    }
    return false;
}

bool nat_redirect_out(const struct rules_nat *nat, struct nat_link *link)
{
    for (uint32_t i = 0; i < nat->config.redirects; i++) {
        const struct nv_rules_redirect *r = &nat->redirects[i];
        if (!proto_suits(r, link->proto) || !peer_suits(r, link->peer, link->peer_port))
            continue;
        for (uint32_t t = 0; t < r->target_count; t++) {
            const struct nv_rules_target *target = &nat->targets[r->first_target + t];
            if (target->address != link->inside)
                continue;
            if (r->kind == NV_REDIRECT_PORT && !ranged(link->inside_port, target->port, r->alias_count))
                continue;
            link->alias = alias_of(nat, r);
            link->alias_port = link->inside_port;
            if (r->kind == NV_REDIRECT_PORT)
                link->alias_port = (uint16_t)(r->alias_port + (link->inside_port - target->port));
            return true;
        }
    }
    return false;
}

bool nat_reserved(const struct rules_nat *nat, const struct nat_link *link)
{
    for (uint32_t i = 0; i < nat->config.redirects; i++) {
        const struct nv_rules_redirect *r = &nat->redirects[i];
        if (r->kind == NV_REDIRECT_PORT && r->proto == link->proto && alias_of(nat, r) == link->alias &&
            ranged(link->alias_port, r->alias_port, r->alias_count))
            return true;
    }
    return false;
}

bool nat_outside_address(const struct rules_nat *nat, struct nat_link *link)
{
    for (uint32_t i = 0; i < nat->config.redirects; i++) {
        const struct nv_rules_redirect *r = &nat->redirects[i];
        if (r->kind != NV_REDIRECT_ADDR || !peer_suits(r, link->peer, 0))
            continue;
        for (uint32_t target = 0; target < r->target_count; target++) {
            if (nat->targets[r->first_target + target].address == link->inside) {
                link->alias = alias_of(nat, r);
                return true;
            }
        }
    }
    link->alias = nat->config.address;
    return !(nat->config.flags & NV_NAT_PROXY_ONLY) && nat_unregistered(nat, link->inside) && link->alias != 0;
}
