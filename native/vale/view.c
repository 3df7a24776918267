/* SPDX-License-Identifier: BSD-2-Clause */
/* view.c - what one tx ring knows of its switch. */
#include "vale/view.h"

#include <string.h>

static void look_up_peer(struct nv_port *port, struct nv_peer *peer, nv_token token)
{
    const struct nv_port_entry *e = &port->world->table->port[nv_token_index(token)];
    if (nv_load(e->ready) != token)
        return;
    const uint16_t rings = nv_load(e->rx_rings), mem_id = nv_load(e->mem_id);
    const uint32_t first = nv_load(e->first_rx);
    if (nv_load(e->kind) != nv_load(port->entry->kind) || rings == 0 || rings > NV_VALE_RINGS)
        return;
    struct nv_region *r = nv_world_region(port->world, mem_id, NULL);
    if (!r)
        return;
    if (!nv_region_has_rings(r, first, rings, token)) {
        nv_world_region_put(port->world, r);
        return;
    }
    for (uint16_t i = 0; i < rings; i++)
        peer->queue[i] = &nv_region_ctl(r, first + i)->queue;
    peer->region = r;
    peer->bufs = r->bufs;
    peer->rings = rings;
    /* The entry may have been given to another port while we read it. */
    if (nv_load(e->token) != token)
        nv_world_region_put(port->world, r);
    else
        peer->token = token;
}

void nv_view_refresh(struct nv_port *port, struct nv_view *v, uint32_t epoch)
{
    bool complete = true;
    v->count = 0;
    for (uint16_t i = 0; i < NV_SWITCH_PORTS; i++) {
        struct nv_peer *peer = &v->peer[i];
        nv_token token = __atomic_load_n(&v->sw->port[i], __ATOMIC_ACQUIRE);
        if (peer->token && peer->token != token) {
            nv_world_region_put(port->world, peer->region);
            peer->token = 0;
        }
        if (token && token != port->token && !peer->token)
            look_up_peer(port, peer, token);
        complete &= !token || token == port->token || peer->token;
        if (peer->token) {
            uint32_t caps = nv_load(port->world->table->port[nv_token_index(token)].caps) & nv_load(port->entry->caps);
            peer->exchange = peer->region == port->region && (caps & NV_CAP_EXCHANGE);
            v->present[v->count++] = i;
        }
    }
    v->epoch = complete ? epoch : epoch - 1; /* no memory or descriptors left for one: try again next time */
}

void nv_view_clear(struct nv_port *port, struct nv_view *v)
{
    for (uint16_t i = 0; i < NV_SWITCH_PORTS; i++)
        if (v->peer[i].token)
            nv_world_region_put(port->world, v->peer[i].region);
    memset(v->peer, 0, sizeof(v->peer));
}
