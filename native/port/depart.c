/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * depart.c - a port leaves while others of the process stay in its region: which buffers become free, and which
 * their application may still be using.
 */
#include "port/create.h"

static void give(struct nv_port *p, uint32_t buf)
{
    if (buf - NV_FIRST_BUF < nv_port_backed(p) - NV_FIRST_BUF && nv_port_owns(p, buf))
        __atomic_store_n(&p->region->buf_owner[buf], 0, __ATOMIC_RELEASE);
}

/* What is in a closed queue, but for leases that a sender may still be filling: their buffers go to the heir. */
static void give_queue(struct nv_port *p, const struct nv_queue *q)
{
    uint32_t pos = q->consumed;
    for (uint32_t seq = q->head_seq;; seq++) {
        uint64_t record = __atomic_load_n(nv_queue_record(q, seq), __ATOMIC_ACQUIRE);
        if (nv_record_ahead(record, seq) != 0)
            break;
        for (uint32_t end = pos + nv_record_n(record); pos != end; pos++) {
            uint64_t e = __atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED);
            if (nv_record_state(record) != NV_LEASE_OPEN)
                give(p, nv_entry_valid(e, seq) ? nv_entry_buf(e) : nv_queue_buffer(q, pos));
        }
    }
    for (; pos != q->refill; pos++)
        give(p, nv_queue_buffer(q, pos));
}

/* All rings of the port, whichever this descriptor was bound to. */
static void give_rings(struct nv_port *p)
{
    const struct nv_port_entry *e = p->entry;
    for (uint32_t i = 0; i < e->tx_rings; i++) {
        const struct netmap_ring *ring = nv_region_ring(p->region, e->first_tx + i);
        for (uint32_t s = 0; s < nv_region_ctl(p->region, e->first_tx + i)->queue.slots; s++)
            give(p, nv_slot_buf(nv_slot_load(ring, s)));
    }
    for (uint32_t i = 0; i < e->rx_rings; i++) {
        const struct netmap_ring *ring = nv_region_ring(p->region, e->first_rx + i);
        struct nv_ring_ctl *ctl = nv_region_ctl(p->region, e->first_rx + i);
        struct nv_queue *q = &ctl->queue;
        for (uint32_t s = ctl->hwcur; s != ctl->hwtail; s = s + 1 == q->slots ? 0 : s + 1)
            give(p, nv_slot_buf(nv_slot_load(ring, s)));
        nv_queue_close(q);
        give_queue(p, q);
    }
}

void nv_port_give_extra(struct nv_port *p)
{
    uint32_t left = p->region->control->geometry.buf_total;
    for (uint32_t buf = nv_shared_load(&p->nifp->ni_bufs_head), next;
         buf - NV_FIRST_BUF < nv_port_backed(p) - NV_FIRST_BUF && left--; buf = next) {
        next = nv_shared_load((const uint32_t *)(const void *)nv_region_buf(p->region, buf));
        give(p, buf);
    }
}

void nv_port_departs(struct nv_port *p)
{
    struct nv_world *w = p->world;
    struct nv_table *t = w->table;
    nv_token heir = 0;
    if (nv_desc_alive(w, p->desc))
        return; /* a child or another process still holds the descriptor */
    nv_port_give_extra(p);
    for (uint32_t d = 0; d < NV_MAX_DESCS; d++)
        if (d != p->desc && t->desc[d].live && t->desc[d].port == p->token)
            return; /* the port itself stays */
    __atomic_store_n(&w->mine[nv_token_index(p->token)], 0, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < NV_MAX_PORTS; i++)
        if (w->mine[i] && t->port[i].token == w->mine[i] && t->port[i].mem_id == p->region->mem_id)
            heir = w->mine[i];
    if (heir) {
        give_rings(p);
        nv_region_give_bufs(p->region, p->token, heir);
    }
}
