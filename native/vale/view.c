/* SPDX-License-Identifier: BSD-2-Clause */
/* view.c - what one tx ring knows of its switch. */
#include "vale/view.h"

#include <string.h>

static void look_up_peer(struct nv_port *port, struct nv_peer *peer, nv_token token)
{
    const struct nv_port_entry *e = &port->world->table->port[nv_token_index(token)];
    if (e->kind != NV_PORT_VALE || e->rx_rings == 0 || e->rx_rings > NV_VALE_RINGS)
        return;
    struct nv_region *r = nv_world_region(port->world, e->mem_id, NULL);
    if (!r)
        return;
    for (uint16_t i = 0; i < e->rx_rings; i++)
        peer->queue[i] = &nv_region_ctl(r, e->first_rx + i)->queue;
    peer->region = r;
    peer->bufs = r->bufs;
    peer->rings = e->rx_rings;
    peer->exchange = r == port->region && (e->caps & port->entry->caps & NV_CAP_EXCHANGE);
    /* The entry may have been given to another port while we read it. */
    if (__atomic_load_n(&e->token, __ATOMIC_ACQUIRE) != token || r->control->mem_id != e->mem_id)
        nv_world_region_put(port->world, r);
    else
        peer->token = token;
}

void nv_view_refresh(struct nv_port *port, struct nv_view *v, uint32_t epoch)
{
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
        if (peer->token) {
            peer->exchange = peer->region == port->region && (port->world->table->port[nv_token_index(token)].caps &
                                                              port->entry->caps & NV_CAP_EXCHANGE);
            v->present[v->count++] = i;
        }
    }
    v->epoch = epoch;
}

void nv_view_clear(struct nv_port *port, struct nv_view *v)
{
    for (uint16_t i = 0; i < NV_SWITCH_PORTS; i++)
        if (v->peer[i].token)
            nv_world_region_put(port->world, v->peer[i].region);
    memset(v->peer, 0, sizeof(v->peer));
}
