/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe.c - a netmap pipe: what one end sends the other receives, in order, without loss and without a copy.
 *
 * Both ends live in one region. A slot's buffer goes into the other end's delivery queue and the queue's empty
 * buffer into the slot. As in netmap the slot becomes free again only when the other end has released the
 * packet: a tx ring's hwtail follows the queue's `refill`.
 */
#include "port/port.h"

#include <errno.h>
#include <stdlib.h>

struct pipe_tx {
    uint32_t epoch;
    nv_token peer;
    struct nv_queue *queue; /* the other end's; NULL: it left and did not come back */
};

/* The other end changed: what it had not released is lost. */
static void look_up_peer(struct nv_port *p, struct nv_txq *tx, struct pipe_tx *pipe, uint32_t epoch)
{
    const struct nv_table *t = p->world->table;
    struct nv_ring_ctl *ctl = tx->ctl;
    uint32_t index = __atomic_load_n(&p->entry->peer, __ATOMIC_ACQUIRE);
    const struct nv_port_entry *e = index < NV_MAX_PORTS ? &t->port[index] : NULL;
    nv_token peer = e ? __atomic_load_n(&e->token, __ATOMIC_ACQUIRE) : 0;
    pipe->epoch = epoch;
    if (peer == pipe->peer && peer)
        return;
    if (ctl->peer && ctl->peer != peer) {
        uint64_t known = ctl->stats.delivered;
        for (unsigned i = 0; i < NV_DROP_COUNT; i++)
            known += ctl->stats.drops[i];
        nv_count_drops(ctl, NV_DROP_PEER_GONE, ctl->stats.packets - known);
    }
    pipe->peer = peer;
    pipe->queue = NULL;
    if (peer) {
        struct nv_ring_ctl *theirs = nv_region_ctl(p->region, e->first_rx + tx->id % e->rx_rings);
        if (__atomic_load_n(&theirs->owner, __ATOMIC_ACQUIRE) == peer && theirs->queue.slots == ctl->queue.slots)
            pipe->queue = &theirs->queue;
        if (ctl->peer != peer) /* not when a descriptor is only passed on */
            ctl->completed = 0;
        ctl->peer = peer;
    }
    tx->armed = pipe->queue ? &pipe->queue->armed_tx : NULL;
}

static int pipe_tx_open(struct nv_port *p, struct nv_txq *tx, struct nv_error *err)
{
    struct pipe_tx *pipe = tx->kind = calloc(1, sizeof(*pipe));
    if (!pipe)
        return nv_fail(err, ENOMEM, "out of memory");
    look_up_peer(p, tx, pipe, __atomic_load_n(&p->entry->pipe_epoch, __ATOMIC_ACQUIRE));
    return 0;
}

static void pipe_tx_close(struct nv_port *p, struct nv_txq *tx)
{
    (void)p;
    free(tx->kind);
}

/* Count what the other end released since last time. */
static void count_released(struct nv_txq *tx, const struct nv_queue *q, uint32_t refill)
{
    struct nv_ring_ctl *ctl = tx->ctl;
    uint32_t released = refill - (q->slots - 1), pos = ctl->completed;
    uint64_t packets = 0, bytes = 0;
    if (released - pos > q->mask + 1)
        pos = released; /* rubbish: do not follow it */
    for (; pos != released; pos++) {
        uint64_t e = __atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED);
        bool packet = (e >> 24 & 0x7f) != 0;
        packets += packet && !(e & NV_ENTRY_MORE);
        bytes += packet ? nv_entry_len(e) : 0;
    }
    ctl->completed = released;
    nv_count(&ctl->stats.delivered, packets);
    nv_count(&ctl->stats.delivered_bytes, bytes);
    nv_count(&tx->completed.packets, packets);
    nv_count(&tx->completed.bytes, bytes);
}

/* Slots from hwcur to head that are whole packets. */
static uint32_t whole_packets(const struct nv_txq *tx, uint32_t from, uint32_t head)
{
    uint32_t slots = tx->ctl->queue.slots;
    uint32_t n = head >= from ? head - from : head + slots - from;
    while (n && (nv_slot_flags(nv_slot_load(tx->ring, (from + n - 1) % slots)) & NS_MOREFRAG))
        n--;
    return n;
}

/* Put slots [from, from + lease.n) into the lease. Broken ones leave their position empty. */
static void fill(struct nv_port *p, struct nv_txq *tx, const struct pipe_tx *pipe, uint32_t from,
                 const struct nv_lease *lease)
{
    struct nv_queue *q = pipe->queue;
    uint32_t slots = tx->ctl->queue.slots, backed = nv_port_backed(p), *owner = p->region->buf_owner;
    uint64_t packets = 0, bytes = 0, bad = 0;
    for (uint32_t i = from, pos = lease->pos; pos != lease->pos + lease->n; pos++, i = i + 1 == slots ? 0 : i + 1) {
        uint64_t slot = nv_slot_load(tx->ring, i);
        uint32_t buf = nv_slot_buf(slot);
        bool more = nv_slot_flags(slot) & NS_MOREFRAG;
        packets += !more;
        bytes += nv_slot_len(slot);
        NV_STEP("copy");
        if (__builtin_expect(buf - NV_FIRST_BUF >= backed - NV_FIRST_BUF || nv_slot_len(slot) > NV_BUF_SIZE ||
                                 !nv_port_owns(p, buf),
                             0)) {
            bad += !more;
            nv_queue_put(q, pos, nv_entry(0, 0, more, 0, lease->seq));
            continue;
        }
        __atomic_store_n(&owner[buf], pipe->peer, __ATOMIC_RELAXED);
        nv_queue_put(q, pos, nv_entry(buf, 1, more, nv_slot_len(slot), lease->seq));
    }
    nv_count(&tx->ctl->stats.packets, packets);
    nv_count(&tx->ctl->stats.bytes, bytes);
    nv_count_drops(tx->ctl, NV_DROP_BAD_SLOT, bad);
}

/* The slots get the queue's empty buffers; or, when the lease was taken away, their own back. */
static void settle(struct nv_port *p, struct nv_txq *tx, const struct nv_queue *q, uint32_t from,
                   const struct nv_lease *lease, bool published)
{
    uint32_t slots = tx->ctl->queue.slots, *owner = p->region->buf_owner;
    for (uint32_t i = from, pos = lease->pos; pos != lease->pos + lease->n; pos++, i = i + 1 == slots ? 0 : i + 1) {
        uint64_t e = __atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED);
        uint64_t slot = nv_slot_load(tx->ring, i);
        if (!published && nv_slot_buf(slot) - NV_FIRST_BUF < nv_port_backed(p) - NV_FIRST_BUF) {
            __atomic_store_n(&owner[nv_slot_buf(slot)], p->token, __ATOMIC_RELAXED);
        } else if (published && (e >> 24 & 0x7f)) {
            uint32_t buf = nv_queue_buffer(q, pos);
            __atomic_store_n(&owner[buf], p->token, __ATOMIC_RELAXED);
            nv_slot_store(tx->ring, i, nv_slot_word(buf, nv_slot_len(slot), NS_BUF_CHANGED));
        }
    }
}

static void send(struct nv_port *p, struct nv_txq *tx, const struct pipe_tx *pipe, uint32_t n)
{
    struct nv_ring_ctl *ctl = tx->ctl;
    struct nv_lease lease;
    uint32_t from = ctl->hwcur;
    if (nv_queue_reserve(pipe->queue, n, p->desc, p->generation, &lease) != NV_RESERVED)
        return; /* no room: the slots stay pending */
    fill(p, tx, pipe, from, &lease);
    bool published = nv_queue_publish(pipe->queue, &lease);
    settle(p, tx, pipe->queue, from, &lease, published);
    if (!published)
        nv_count_drops(ctl, NV_DROP_REVOKED, lease.n);
    ctl->hwcur = (from + lease.n) % ctl->queue.slots;
    NV_STEP("published");
    if (__atomic_load_n(&pipe->queue->armed, __ATOMIC_SEQ_CST)) {
        NV_STEP("wake");
        uint32_t armed = __atomic_exchange_n(&pipe->queue->armed, 0, __ATOMIC_SEQ_CST);
        if (armed) {
            nv_world_wake(p->world, armed, pipe->peer);
            nv_count(&ctl->stats.wakeups, 1);
        }
    }
}

static void pipe_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    struct pipe_tx *pipe = tx->kind;
    struct nv_ring_ctl *ctl = tx->ctl;
    uint32_t epoch = __atomic_load_n(&p->entry->pipe_epoch, __ATOMIC_ACQUIRE);
    if (__builtin_expect(epoch != pipe->epoch, 0))
        look_up_peer(p, tx, pipe, epoch);
    struct nv_queue *q = pipe->queue;
    if (!q)
        return; /* nobody there: what is in the ring waits */
    uint32_t n = whole_packets(tx, ctl->hwcur, head);
    if (n)
        send(p, tx, pipe, n);
    uint32_t refill = __atomic_load_n(&q->refill, __ATOMIC_SEQ_CST);
    if (refill - (q->slots - 1) != ctl->completed)
        count_released(tx, q, refill);
    uint32_t space = refill - (uint32_t)__atomic_load_n(&q->reserve, __ATOMIC_RELAXED);
    if (space < q->slots)
        ctl->hwtail = (ctl->hwcur + space) % q->slots;
}

const struct nv_port_ops nv_pipe_ops = {
    .name = "pipe",
    .tx_open = pipe_tx_open,
    .tx_close = pipe_tx_close,
    .txsync = pipe_txsync,
    .rxsync = nv_queue_rxsync,
};
