/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe_ends.c - see pipe_ends.h. */
#include "ports/pipe_ends.h"
#include "ports/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Name of the other end: the bracket turned round. */
static void other_end(const struct nv_create *c, const char *name, char other[NETMAP_REQ_IFNAMSIZ])
{
    snprintf(other, NETMAP_REQ_IFNAMSIZ, "%s", name);
    other[strlen(c->name->parent)] = c->name->pipe == NV_PIPE_MASTER ? '}' : '{';
}

void nv_pipe_plan(struct nv_create *c)
{
    const struct nv_open_options *opt = c->options;
    const struct nv_name_conf *conf = &c->name->conf;
    char other[NETMAP_REQ_IFNAMSIZ];
    other_end(c, c->name->name, other);
    const struct nv_port_entry *peer = nv_port_find(c->port->world->table, other);
    if (!peer)
        return;
    if (!opt->tx_rings && !conf->tx_rings)
        c->plan.tx_rings = peer->rx_rings;
    if (!opt->rx_rings && !conf->rx_rings)
        c->plan.rx_rings = peer->tx_rings;
    if (!opt->tx_slots && !conf->tx_slots)
        c->plan.tx_slots = peer->rx_slots;
    if (!opt->rx_slots && !conf->rx_slots)
        c->plan.rx_slots = peer->tx_slots;
}

int nv_pipe_join(struct nv_create *c, struct nv_error *err)
{
    struct nv_table *t = c->port->world->table;
    struct nv_port_entry *e = c->entry;
    const struct nv_port_plan *plan = &c->plan;
    char other[NETMAP_REQ_IFNAMSIZ];
    other_end(c, e->name, other);
    struct nv_port_entry *peer = nv_port_find(t, other);
    if (!peer) {
        const struct nv_port_plan swapped = {plan->rx_rings, plan->tx_rings, plan->rx_slots, plan->tx_slots};
        peer = nv_port_enter(t, other, &nv_kind_pipe, &swapped, NV_CAP_EXCHANGE);
        if (!peer)
            return nv_fail(err, ENOSPC, "%s: no room for its other end", c->port->name);
        nv_store(e->peer, (uint32_t)(peer - t->port)); /* joined first, so that both ends are swept together */
        nv_store(peer->peer, (uint32_t)(e - t->port));
        return nv_port_make(c, peer, &swapped, 0, err);
    }
    if (peer->tx_rings != e->rx_rings || peer->rx_rings != e->tx_rings || peer->tx_slots != e->rx_slots ||
        peer->rx_slots != e->tx_slots)
        return nv_fail(err, EINVAL,
                       "%s: the other end has %u tx and %u rx rings of %u and %u slots, this end must match",
                       c->port->name, peer->tx_rings, peer->rx_rings, peer->tx_slots, peer->rx_slots);
    nv_store(e->peer, (uint32_t)(peer - t->port));
    nv_store(peer->peer, (uint32_t)(e - t->port));
    nv_store(peer->pipe_epoch, peer->pipe_epoch + 1);
    return 0;
}

void nv_pipe_part(struct nv_world *w, int lockfd, struct nv_port_entry *e)
{
    (void)lockfd;
    if (e->peer >= NV_MAX_PORTS)
        return;
    struct nv_port_entry *peer = &w->table->port[e->peer];
    nv_store(peer->peer, NV_NO_INDEX);
    nv_store(peer->pipe_epoch, peer->pipe_epoch + 1);
}

bool nv_pipe_waits(const struct nv_table *t, const struct nv_port_entry *e, const uint16_t *users)
{
    return e->peer < NV_MAX_PORTS && users[e->peer] && t->port[e->peer].token;
}

void nv_pipe_announce(struct nv_port *p)
{
    if (p->entry->peer >= NV_MAX_PORTS)
        return;
    nv_token peer = p->world->table->port[p->entry->peer].token;
    if (peer)
        nv_world_wake(p->world, NV_ARMED_ALL, peer);
}
