/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash_audit.h - count the buffers of a region: each one that has an owner stands in exactly one place of its
 * owner's, a slot or a queue, and each that stands somewhere has that owner. To be called while nothing moves.
 */
#ifndef NETVALE_TEST_CRASH_AUDIT_H
#define NETVALE_TEST_CRASH_AUDIT_H

#include "memory/dir.h"
#include "port/port.h"

#include "check.h"

struct audit {
    const struct nv_region *region;
    const struct nv_port_entry *port;
    uint8_t *seen; /* by buffer */
    uint32_t wrong, lost;
};

static inline void audit_buffer(struct audit *a, uint32_t buf, const char *where, uint32_t at)
{
    const struct nv_region *r = a->region;
    bool exists = buf >= NV_FIRST_BUF && buf < r->control->backed;
    bool fine = exists && r->buf_owner[buf] == a->port->token && !a->seen[buf];
    if (!fine && a->wrong++ < 5)
        printf("# %s, %s %u: buffer %u %s (owner %x, port %x)\n", a->port->name, where, at, buf,
               !exists        ? "does not exist"
               : a->seen[buf] ? "stands in two places"
                              : "belongs to another",
               exists ? r->buf_owner[buf] : 0, a->port->token);
    if (exists)
        a->seen[buf] = 1;
}

static inline void audit_rx(struct audit *a, uint32_t index)
{
    const struct nv_ring_ctl *ctl = nv_region_ctl(a->region, index);
    const struct nv_queue *q = &ctl->queue;
    const struct netmap_ring *ring = nv_region_ring(a->region, index);
    for (uint32_t s = ctl->hwcur; s != ctl->hwtail; s = s + 1 == q->slots ? 0 : s + 1)
        audit_buffer(a, ring->slot[s].buf_idx, "rx slot", s);
    uint32_t pos = q->consumed;
    for (uint32_t seq = q->head_seq; seq != (uint32_t)(q->reserve >> 32); seq++) { /* leases not yet taken */
        uint64_t record = *nv_queue_record(q, seq);
        for (uint32_t n = nv_record_n(record); n; n--, pos++) {
            uint64_t e = q->full[pos & q->mask];
            bool full = nv_record_state(record) == NV_LEASE_DONE && nv_entry_valid(e, seq);
            audit_buffer(a, full ? nv_entry_buf(e) : nv_queue_buffer(q, pos), "leased position", pos);
        }
    }
    for (; pos != q->refill; pos++)
        audit_buffer(a, nv_queue_buffer(q, pos), "empty position", pos);
}

static inline void audit_port(struct audit *a)
{
    const struct nv_port_entry *e = a->port;
    for (uint32_t i = 0; i < e->tx_rings; i++)
        for (uint32_t s = 0; s < e->tx_slots; s++)
            audit_buffer(a, nv_region_ring(a->region, e->first_tx + i)->slot[s].buf_idx, "tx slot", s);
    for (uint32_t i = 0; i < e->rx_rings; i++)
        audit_rx(a, e->first_rx + i);
    /* An rx ring has a buffer for each slot, and one slot is always kept back: that one stands nowhere. */
    uint32_t nowhere = 0;
    for (uint32_t b = NV_FIRST_BUF; b < a->region->control->backed; b++)
        if (a->region->buf_owner[b] == e->token && !a->seen[b])
            nowhere++;
    if (nowhere != e->rx_rings) {
        printf("# %s: %u buffers stand nowhere, not %u\n", e->name, nowhere, e->rx_rings);
        a->lost += nowhere - e->rx_rings;
    }
}

static inline bool port_of_region(const struct nv_world *w, uint16_t mem_id, nv_token token)
{
    const struct nv_port_entry *e = &w->table->port[nv_token_index(token)];
    return token && e->token == token && e->mem_id == mem_id;
}

static inline void audit_region(struct nv_world *w, uint16_t mem_id)
{
    struct nv_region *r = nv_world_region(w, mem_id, NULL);
    CHECK(r != NULL, "region %u", mem_id);
    if (!r)
        return;
    uint32_t orphans = 0;
    struct audit a = {.region = r, .seen = calloc(r->control->geometry.buf_total, 1)};
    for (uint32_t p = 0; p < NV_MAX_PORTS; p++) {
        a.port = &w->table->port[p];
        if (a.port->token && a.port->mem_id == mem_id)
            audit_port(&a);
    }
    for (uint32_t b = NV_FIRST_BUF; b < r->control->backed; b++)
        orphans += r->buf_owner[b] && !port_of_region(w, mem_id, r->buf_owner[b]);
    CHECK(a.wrong == 0, "region %u: %u buffers in the wrong place", mem_id, a.wrong);
    CHECK(a.lost == 0, "region %u: %u buffers lost", mem_id, a.lost);
    CHECK(orphans == 0, "region %u: %u buffers belong to ports that are gone", mem_id, orphans);
    free(a.seen);
    nv_world_region_put(w, r);
}

/* All regions of the test's directory that are shared, or the port's own where all is in its place. */
static inline void audit_world(void)
{
    struct nv_world *w;
    struct nv_error err = {0};
    bool done[65536] = {false};
    int lockfd = nv_world_enter(NULL, false, &w, &err);
    CHECK(lockfd >= 0, "%s", err.message);
    if (lockfd < 0)
        return;
    nv_reclaim(w, lockfd);
    for (uint32_t p = 0; p < NV_MAX_PORTS; p++) {
        const struct nv_port_entry *e = &w->table->port[p];
        if (e->token && !done[e->mem_id]) {
            done[e->mem_id] = true;
            audit_region(w, e->mem_id);
        }
    }
    nv_dir_unlock(lockfd);
    nv_world_put(w);
}

#endif
