/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep.c - a port's owner mends its rings: a slot with an impossible buffer gets another one, and the buffers that
 * stood in such slots, which nobody knows any more, are found and free again.
 *
 * A sweep looks at all places where a buffer of the region may be: slots, delivery queues, lists of extra buffers. One
 * of ours that is nowhere is suspected, because the application may be moving it from one slot to another at this
 * moment; if the next sweep does not find it either, it is free. Meanwhile no ring of the port may be synced: a sweep
 * takes the turns of all of them, or does nothing.
 */
#include "port/turn.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_NS 1000000 /* between two sweeps */

bool nv_slot_replace(struct nv_port *p, uint32_t *buf)
{
    int error;
    __atomic_fetch_add(&p->broken, 1, __ATOMIC_RELAXED);
    return nv_region_take_bufs(p->region, p->token, buf, 1, &error) == 1;
}

void nv_slot_repair(struct nv_port *p, struct netmap_ring *ring, uint32_t i)
{
    uint32_t buf;
    if (nv_slot_replace(p, &buf))
        nv_slot_store(ring, i, nv_slot_word(buf, 0, NS_BUF_CHANGED));
}

void nv_port_keeps(struct nv_port *p, const uint64_t *kept)
{
    p->kept = kept;
    nv_store(p->desc_entry->extra, 0);
}

/* ---- being alone with the port ------------------------------------------------------------------- */

/* Ring i of the port, tx rings first. */
static struct nv_ring_ctl *ctl_of(const struct nv_port *p, uint32_t i)
{
    const struct nv_port_entry *e = p->entry;
    return nv_region_ctl(p->region, i < e->tx_rings ? e->first_tx + i : e->first_rx + i - e->tx_rings);
}

static void leave(const struct nv_port *p, const struct nv_ring_ctl *but, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (ctl_of(p, i) != but)
            nv_store(ctl_of(p, i)->turn, 0);
}

/* The turns of all rings of the port but the one we are in. */
static bool enter(const struct nv_port *p, const struct nv_ring_ctl *but)
{
    const uint32_t n = (uint32_t)p->entry->tx_rings + p->entry->rx_rings;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t nobody = 0;
        if (ctl_of(p, i) != but &&
            !__atomic_compare_exchange_n(&ctl_of(p, i)->turn, &nobody, nv_turn_mine(p) | NV_TURN_SWEEPS, false,
                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            leave(p, but, i);
            return false;
        }
    }
    return true;
}

/* Has a descriptor in the port's region been given extra buffers, and not told which it keeps? */
static bool somebody_keeps(const struct nv_port *p)
{
    const struct nv_table *t = p->world->table;
    for (uint32_t d = 0; d < NV_MAX_DESCS; d++) {
        const struct nv_desc_entry *e = &t->desc[d];
        if (nv_load(e->live) && nv_load(e->extra) &&
            nv_load(t->port[nv_token_index(nv_load(e->port))].mem_id) == p->region->mem_id)
            return true;
    }
    return false;
}

/* ---- looking ------------------------------------------------------------------------------------- */

struct look {
    struct nv_port *port;
    struct nv_region *region;
    uint32_t backed;
    uint8_t *seen; /* a bit for each buffer that stands somewhere, or did lately */
    uint8_t *used; /* for each that certainly stands in a queue of ours or in a tx slot */
};

static bool marked(const uint8_t *set, uint32_t buf)
{
    return set[buf >> 3] >> (buf & 7) & 1;
}

static void mark(struct look *l, uint32_t buf)
{
    if (buf - NV_FIRST_BUF < l->backed - NV_FIRST_BUF)
        l->seen[buf >> 3] |= (uint8_t)(1u << (buf & 7));
}

/* Note one of ours as used; true: it was before. */
static bool use(struct look *l, uint32_t buf)
{
    if (buf - NV_FIRST_BUF >= l->backed - NV_FIRST_BUF ||
        __atomic_load_n(&l->region->buf_owner[buf], __ATOMIC_RELAXED) != l->port->token)
        return false;
    bool before = marked(l->used, buf);
    l->used[buf >> 3] |= (uint8_t)(1u << (buf & 7));
    return before;
}

static void mark_queue(struct look *l, const struct nv_queue *q)
{
    uint32_t pos = nv_load(q->consumed), n = nv_load(q->refill) - pos;
    for (n = n <= q->mask + 1 ? n : q->mask + 1; n; n--, pos++) {
        mark(l, nv_queue_buffer(q, pos));
        if (q->owner == l->port->token)
            use(l, nv_queue_buffer(q, pos));
        mark(l, nv_entry_buf(__atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED)));
    }
}

/* Our tx slots: two with one buffer would be sent as one packet twice. */
static void mark_tx(struct look *l, struct netmap_ring *ring, uint32_t slots)
{
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t buf = nv_slot_buf(nv_slot_load(ring, i));
        mark(l, buf);
        if (use(l, buf))
            nv_slot_repair(l->port, ring, i);
    }
}

static void mark_rings(struct look *l)
{
    const struct nv_port_entry *e = l->port->entry;
    for (uint32_t i = 0; i < l->region->control->geometry.ring_total; i++) {
        if (!nv_load(l->region->ring_owner[i]))
            continue;
        const struct nv_ring_ctl *ctl = nv_region_ctl(l->region, i);
        struct netmap_ring *ring = nv_region_ring(l->region, i);
        mark_queue(l, &ctl->queue);
        if (i - e->first_tx < e->tx_rings)
            continue; /* when all else is known */
        for (uint32_t s = 0; s < ctl->queue.slots; s++)
            mark(l, nv_slot_buf(nv_slot_load(ring, s)));
    }
}

/* The lists of extra buffers. Anybody may have written there: each is followed no further than there are buffers. */
static void mark_lists(struct look *l)
{
    for (uint32_t i = 0; i < l->region->control->geometry.if_total; i++) {
        if (!nv_load(l->region->if_owner[i]))
            continue;
        uint32_t buf = nv_shared_load(&nv_region_if(l->region, i)->ni_bufs_head), left = l->backed;
        for (; buf - NV_FIRST_BUF < l->backed - NV_FIRST_BUF && left; left--) {
            mark(l, buf);
            buf = nv_shared_load((const uint32_t *)(const void *)nv_region_buf(l->region, buf));
        }
    }
}

/* Those of ours that are nowhere: free if they were nowhere last time, too. Returns how many are to be looked for. */
static uint32_t free_missing(struct look *l, uint8_t *suspects, bool before)
{
    struct nv_port *p = l->port;
    uint32_t left = 0;
    for (uint32_t buf = NV_FIRST_BUF; buf < l->backed; buf++) {
        uint32_t token = p->token;
        bool missing = !marked(l->seen, buf) &&
                       __atomic_load_n(&l->region->buf_owner[buf], __ATOMIC_RELAXED) == token &&
                       !(p->kept && __atomic_load_n(&p->kept[buf >> 6], __ATOMIC_RELAXED) >> (buf & 63) & 1);
        if (missing && before && marked(suspects, buf)) {
            __atomic_compare_exchange_n(&l->region->buf_owner[buf], &token, 0, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED);
            missing = false;
        }
        left += missing;
        suspects[buf >> 3] = (uint8_t)((suspects[buf >> 3] & ~(1u << (buf & 7))) | (unsigned)missing << (buf & 7));
    }
    return left;
}

static void look_for(struct nv_port *p)
{
    const size_t bytes = p->region->control->geometry.buf_total / 8 + 1;
    const bool before = p->suspects != NULL;
    struct look l = {.port = p, .region = p->region, .backed = nv_port_backed(p), .seen = calloc(2, bytes)};
    const uint32_t broken = __atomic_exchange_n(&p->broken, 0, __ATOMIC_RELAXED);
    p->suspects = before ? p->suspects : calloc(1, bytes);
    l.used = l.seen ? l.seen + bytes : NULL;
    if (!l.seen || !p->suspects) {
        p->broken = broken; /* another time */
        free(l.seen);
        return;
    }
    mark_rings(&l);
    mark_lists(&l);
    for (uint32_t i = 0; i < p->entry->tx_rings; i++)
        mark_tx(&l, nv_region_ring(p->region, p->entry->first_tx + i), ctl_of(p, i)->queue.slots);
    uint32_t left = free_missing(&l, p->suspects, before);
    free(l.seen);
    if (left) {
        __atomic_fetch_add(&p->broken, 1, __ATOMIC_RELAXED); /* look once more */
    } else if (__atomic_load_n(&p->broken, __ATOMIC_RELAXED) == 0) {
        free(p->suspects);
        p->suspects = NULL;
    }
}

void nv_port_sweep(struct nv_port *p, const struct nv_ring_ctl *ctl)
{
    int64_t now = nv_clock_ns();
    if (now - __atomic_load_n(&p->swept_ns, __ATOMIC_RELAXED) < SWEEP_NS || !enter(p, ctl))
        return;
    p->swept_ns = now;
    if (somebody_keeps(p))
        __atomic_store_n(&p->broken, 0, __ATOMIC_RELAXED);
    else
        look_for(p);
    leave(p, ctl, (uint32_t)p->entry->tx_rings + p->entry->rx_rings);
}
