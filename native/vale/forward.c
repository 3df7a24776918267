/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forward.c - the switch: a sender's txsync takes its packets to the receivers' rings.
 *
 * As in VALE (Rizzo and Lettieri, CoNEXT 2012): walk the batch once, learn and look up, sort into lists by
 * destination; then serve each destination at one go: reserve, move, publish, wake. A destination without
 * room drops, by name, and never holds the sender up.
 */
#include "ring/copy.h"
#include "vale/view.h"

#define AHEAD 8u /* packets between the prefetch of a buffer and its use */

static const char *buffer_at(const struct nv_port *p, uint64_t slot)
{
    return nv_region_buf(p->region, nv_slot_buf(slot));
}

static void append(struct nv_view *v, struct nv_list *list, uint16_t i, uint16_t frags)
{
    v->pending[i].next = NV_LIST_END;
    if (list->packets == 0)
        list->head = i;
    else
        v->pending[list->tail].next = i;
    list->tail = i;
    list->packets++;
    list->slots += frags;
}

/* Remember that `mac` was seen on our port. */
static inline void learn(struct nv_view *v, uint64_t mac)
{
    if (mac == v->last_source || (mac & 1))
        return;
    uint64_t entry = mac << 16 | (uint64_t)(v->self + 1u);
    uint64_t *at = &v->sw->learnt[nv_learn_hash(mac)];
    if (__atomic_load_n(at, __ATOMIC_RELAXED) != entry)
        __atomic_store_n(at, entry, __ATOMIC_RELAXED);
    v->last_source = mac;
}

/* The port `mac` was seen on, or NV_SWITCH_PORTS to flood. */
static inline uint32_t look_up(const struct nv_view *v, uint64_t mac)
{
    uint64_t entry = __atomic_load_n(&v->sw->learnt[nv_learn_hash(mac)], __ATOMIC_RELAXED);
    uint32_t port = (uint32_t)(entry & 0xffff) - 1;
    return entry >> 16 == mac && port < NV_SWITCH_PORTS && !(mac & 1) ? port : NV_SWITCH_PORTS;
}

/* Why a packet of `frags` slots whose first is pending[i] cannot be sent; NV_DROP_COUNT: it can. */
static enum nv_drop check_slot(const struct nv_port *p, uint64_t slot, uint32_t backed, bool shared)
{
    if (nv_slot_buf(slot) - NV_FIRST_BUF >= backed - NV_FIRST_BUF || (nv_slot_flags(slot) & NS_INDIRECT))
        return NV_DROP_BAD_SLOT;
    if (shared && !nv_port_owns(p, nv_slot_buf(slot)))
        return NV_DROP_BAD_SLOT;
    return nv_slot_len(slot) > NV_BUF_SIZE ? NV_DROP_TOO_LONG : NV_DROP_COUNT;
}

/* Decide where the packet with its first slot at pending[i] goes. */
static inline void sort_packet(struct nv_port *p, struct nv_txq *tx, struct nv_view *v, uint16_t i, uint16_t frags,
                               uint32_t *touched)
{
    uint64_t slot = v->pending[i].slot;
    if (__builtin_expect(nv_slot_len(slot) < 14, 0)) {
        nv_count_drops(tx->ctl, NV_DROP_RUNT, 1);
        return;
    }
    const char *packet = buffer_at(p, slot);
    uint64_t dst, src;
    __builtin_memcpy(&dst, packet, 8);
    __builtin_memcpy(&src, packet + 6, 8);
    dst &= NV_MAC_MASK;
    learn(v, src & NV_MAC_MASK);
    uint32_t port = look_up(v, dst);
    v->pending[i].frags = frags;
    if (port == NV_SWITCH_PORTS) {
        append(v, &v->flood, i, frags);
    } else if (__builtin_expect(port == v->self, 0)) {
        nv_count_drops(tx->ctl, NV_DROP_OWN_PORT, 1);
    } else {
        struct nv_list *list = &v->list[port];
        if (list->packets == 0)
            v->touched[(*touched)++] = (uint16_t)port;
        append(v, list, i, frags);
    }
}

/* ---- delivery ----------------------------------------------------------------------------------- */

/* Walks one destination's packets and those that are flooded, in the order they were sent. */
struct walk {
    uint16_t own, flood;
};

static inline uint16_t walk_next(const struct nv_view *v, struct walk *w)
{
    uint16_t *from = w->own < w->flood ? &w->own : &w->flood; /* NV_LIST_END is above every index */
    uint16_t i = *from;
    *from = v->pending[i].next;
    return i;
}

/* The largest number of whole packets, and their slots, that fit into `space`. */
static uint32_t fit(const struct nv_view *v, struct walk w, uint32_t packets, uint32_t space, uint32_t *slots)
{
    uint32_t n = 0;
    *slots = 0;
    while (n < packets) {
        uint16_t frags = v->pending[walk_next(v, &w)].frags;
        if (*slots + frags > space)
            break;
        *slots += frags;
        n++;
    }
    return n;
}

struct delivery {
    struct nv_port *port;
    struct nv_txq *tx;
    struct nv_view *view;
    struct nv_peer *peer;
    struct nv_queue *queue;
    struct nv_lease lease;
    bool last; /* nobody else gets these packets: buffers may be exchanged */
};

/* Put one slot's packet at a position, by copy. */
static inline void put_copy(const struct delivery *d, uint32_t pos, uint64_t slot, uint16_t frags, bool more)
{
    uint32_t buf = nv_queue_buffer(d->queue, pos);
    nv_copy_packet(d->peer->bufs + (size_t)buf * NV_BUF_SIZE, buffer_at(d->port, slot), nv_slot_len(slot));
    nv_queue_put(d->queue, pos, nv_entry(buf, frags, more, nv_slot_len(slot), d->lease.seq));
}

/* Put the packet's own buffer there; the sender's slot gets the one that was there, once it is published. */
static inline void put_exchange(const struct delivery *d, uint32_t pos, uint64_t slot, uint16_t frags, bool more)
{
    uint32_t buf = nv_slot_buf(slot);
    __atomic_store_n(&d->port->region->buf_owner[buf], d->peer->token, __ATOMIC_RELAXED);
    nv_queue_put(d->queue, pos, nv_entry(buf, frags, more, nv_slot_len(slot), d->lease.seq));
}

static inline void prefetch_buffer(const struct delivery *d, uint32_t pos)
{
    __builtin_prefetch(d->peer->bufs + (size_t)nv_queue_buffer(d->queue, pos) * NV_BUF_SIZE, 1);
}

/* Move `packets` packets from the walk into the lease; returns their bytes. */
static inline uint64_t fill_lease(const struct delivery *d, struct walk w, uint32_t packets, bool exchange)
{
    uint32_t pos = d->lease.pos;
    uint64_t bytes = 0;
    if (!exchange)
        for (uint32_t i = 0; i < AHEAD && i < d->lease.n; i++)
            prefetch_buffer(d, pos + i);
    while (packets--) {
        const struct nv_pending *first = &d->view->pending[walk_next(d->view, &w)];
        uint16_t frags = first->frags;
        for (uint16_t f = 0; f < frags; f++, pos++) {
            uint64_t slot = first[f].slot;
            bytes += nv_slot_len(slot);
            NV_STEP("copy");
            if (exchange) {
                put_exchange(d, pos, slot, frags, f + 1 < frags);
            } else {
                prefetch_buffer(d, pos + AHEAD);
                put_copy(d, pos, slot, frags, f + 1 < frags);
            }
        }
    }
    return bytes;
}

/* After an exchange: the sender's slots get the queue's buffers, or keep their own when the lease was lost. */
static void settle_exchange(const struct delivery *d, struct walk w, uint32_t packets, bool published)
{
    uint32_t *owner = d->port->region->buf_owner;
    uint32_t pos = d->lease.pos;
    while (packets--) {
        const struct nv_pending *first = &d->view->pending[walk_next(d->view, &w)];
        for (uint16_t f = 0; f < first->frags; f++, pos++) {
            uint64_t slot = first[f].slot;
            uint32_t buf = published ? nv_queue_buffer(d->queue, pos) : nv_slot_buf(slot);
            __atomic_store_n(&owner[buf], d->port->token, __ATOMIC_RELAXED);
            if (published)
                nv_slot_store(d->tx->ring, first[f].index, nv_slot_word(buf, nv_slot_len(slot), NS_BUF_CHANGED));
        }
    }
}

static void wake_receiver(const struct delivery *d)
{
    if (__builtin_expect(__atomic_load_n(&d->queue->armed, __ATOMIC_SEQ_CST) != 0, 0)) {
        NV_STEP("wake");
        uint32_t armed = __atomic_exchange_n(&d->queue->armed, 0, __ATOMIC_SEQ_CST);
        if (armed) {
            nv_world_wake(d->port->world, armed, d->peer->token);
            nv_count(&d->tx->ctl->stats.wakeups, 1);
        }
    }
}

/* Deliver up to `packets` packets of the walk at one go; returns how many were dealt with (0: no room). */
static uint32_t deliver_some(struct delivery *d, struct walk w, uint32_t packets, uint32_t slots, enum nv_drop *why_not)
{
    static const enum nv_drop reason[] = {
        [NV_QUEUE_FULL] = NV_DROP_NO_SPACE, [NV_QUEUE_BUSY] = NV_DROP_BUSY, [NV_QUEUE_CLOSED] = NV_DROP_PORT_GONE};
    uint32_t space = nv_queue_space(d->queue), n = packets;
    if (slots > space)
        n = fit(d->view, w, packets, space, &slots);
    *why_not = NV_DROP_NO_SPACE;
    if (n == 0)
        return 0;
    enum nv_reserve_result got = nv_queue_reserve(d->queue, slots, d->port->desc, d->port->generation, &d->lease);
    if (got != NV_RESERVED) {
        *why_not = reason[got];
        return 0;
    }
    if (d->lease.n < slots) { /* others were faster: fewer packets fit, what is left over is skipped */
        n = fit(d->view, w, n, d->lease.n, &slots);
        for (uint32_t pos = d->lease.pos + slots; pos != d->lease.pos + d->lease.n; pos++)
            nv_queue_put(d->queue, pos, nv_entry(0, 0, false, 0, d->lease.seq));
    }
    bool exchange = d->peer->exchange && d->last;
    uint64_t bytes = exchange ? fill_lease(d, w, n, true) : fill_lease(d, w, n, false);
    bool published = nv_queue_publish(d->queue, &d->lease);
    if (exchange)
        settle_exchange(d, w, n, published);
    if (published) {
        nv_count(&d->tx->ctl->stats.delivered, n);
        nv_count(&d->tx->ctl->stats.delivered_bytes, bytes);
        NV_STEP("published");
        wake_receiver(d);
    } else {
        nv_count_drops(d->tx->ctl, NV_DROP_REVOKED, n);
    }
    return n;
}

/* All packets for one port: its own list and, if `flooded`, the flooded ones. */
static void deliver(struct nv_port *p, struct nv_txq *tx, struct nv_view *v, uint32_t port, bool flooded, bool last)
{
    struct nv_list *list = &v->list[port];
    struct nv_peer *peer = &v->peer[port];
    struct walk w = {list->packets ? list->head : NV_LIST_END,
                     flooded && v->flood.packets ? v->flood.head : NV_LIST_END};
    uint32_t packets = list->packets + (flooded ? v->flood.packets : 0);
    uint32_t slots = list->slots + (flooded ? v->flood.slots : 0);
    list->packets = list->slots = 0;
    if (!peer->token) {
        nv_count_drops(tx->ctl, NV_DROP_PORT_GONE, packets);
        return;
    }
    struct delivery d = {.port = p, .tx = tx, .view = v, .peer = peer, .last = last};
    d.queue = peer->queue[tx->id < peer->rings ? tx->id : tx->id % peer->rings];
    while (packets) {
        enum nv_drop why;
        uint32_t n = deliver_some(&d, w, packets, slots, &why);
        if (n == 0) {
            nv_count_drops(tx->ctl, why, packets);
            return;
        }
        packets -= n;
        while (packets && n--)
            slots -= v->pending[walk_next(v, &w)].frags;
    }
}

static void deliver_all(struct nv_port *p, struct nv_txq *tx, struct nv_view *v, uint32_t touched)
{
    uint32_t flooded = v->flood.packets;
    if (flooded == 0) {
        for (uint32_t i = 0; i < touched; i++)
            deliver(p, tx, v, v->touched[i], false, true);
        return;
    }
    if (v->count == 0)
        nv_count_drops(tx->ctl, NV_DROP_NO_PORT, flooded);
    else
        nv_count(&tx->ctl->stats.copies, (uint64_t)flooded * (v->count - 1u));
    for (uint32_t i = 0; i < v->count; i++)
        deliver(p, tx, v, v->present[i], true, i + 1u == v->count);
    for (uint32_t i = 0; i < touched; i++) /* learnt ports that left meanwhile */
        if (v->list[v->touched[i]].packets)
            deliver(p, tx, v, v->touched[i], false, true);
    v->flood = (struct nv_list){0};
}

/* ---- the batch ---------------------------------------------------------------------------------- */

/*
 * Read a packet of several fragments that starts at ring slot `at` into pending[i..]. Returns its slots, at
 * least 1; *drop says why it must not be sent, or NV_DROP_COUNT.
 */
static uint32_t read_chain(const struct nv_port *p, const struct nv_txq *tx, struct nv_view *v, uint32_t i, uint32_t at,
                           uint32_t to, enum nv_drop *drop)
{
    uint32_t slots = tx->ctl->queue.slots, backed = nv_port_backed(p), n = 0;
    bool shared = nv_port_shares(p);
    *drop = NV_DROP_COUNT;
    for (;;) {
        uint64_t slot = nv_slot_load(tx->ring, at);
        enum nv_drop bad = check_slot(p, slot, backed, shared);
        if (bad != NV_DROP_COUNT)
            *drop = bad;
        if (n < NETMAP_MAX_FRAGS)
            v->pending[i + n] = (struct nv_pending){.slot = slot, .index = (uint16_t)at, .next = NV_LIST_END};
        else
            *drop = NV_DROP_TOO_LONG;
        n++;
        at = at + 1 == slots ? 0 : at + 1;
        if (!(nv_slot_flags(slot) & NS_MOREFRAG))
            return n;
        if (at == to) {
            *drop = NV_DROP_BROKEN_CHAIN;
            return n;
        }
    }
}

static uint64_t chain_bytes(const struct nv_view *v, uint32_t i, uint32_t n)
{
    uint64_t bytes = 0;
    for (uint32_t f = 0; f < n && f < NETMAP_MAX_FRAGS; f++)
        bytes += nv_slot_len(v->pending[i + f].slot);
    return bytes;
}

void nv_vale_forward(struct nv_port *p, struct nv_txq *tx, uint32_t from, uint32_t to)
{
    struct nv_view *v = tx->kind;
    struct netmap_ring *ring = tx->ring;
    uint32_t slots = tx->ctl->queue.slots, backed = nv_port_backed(p);
    bool shared = nv_port_shares(p);
    uint64_t packets = 0, bytes = 0;
    uint32_t epoch = __atomic_load_n(&v->sw->epoch, __ATOMIC_ACQUIRE);
    if (__builtin_expect(epoch != v->epoch, 0))
        nv_view_refresh(p, v, epoch);
    while (from != to) {
        uint32_t touched = 0, i = 0;
        while (from != to && i < NV_FORWARD_BATCH) {
            uint64_t slot = nv_slot_load(ring, from);
            uint32_t ahead = from + AHEAD < slots ? from + AHEAD : from + AHEAD - slots;
            if (slots > AHEAD)
                __builtin_prefetch(nv_region_buf(p->region, nv_slot_buf(nv_slot_load(ring, ahead))));
            enum nv_drop drop;
            uint32_t n = 1;
            if (__builtin_expect(nv_slot_flags(slot) & NS_MOREFRAG, 0)) {
                n = read_chain(p, tx, v, i, from, to, &drop);
                bytes += chain_bytes(v, i, n);
            } else {
                drop = check_slot(p, slot, backed, shared);
                v->pending[i].slot = slot;
                v->pending[i].index = (uint16_t)from;
                bytes += nv_slot_len(slot);
            }
            from = from + n < slots ? from + n : from + n - slots;
            packets++;
            if (__builtin_expect(drop != NV_DROP_COUNT, 0)) {
                nv_count_drops(tx->ctl, drop, 1);
                continue;
            }
            sort_packet(p, tx, v, (uint16_t)i, (uint16_t)n, &touched);
            i += n;
        }
        deliver_all(p, tx, v, touched);
    }
    nv_count(&tx->ctl->stats.packets, packets);
    nv_count(&tx->ctl->stats.bytes, bytes);
    nv_count(&tx->completed.packets, packets);
    nv_count(&tx->completed.bytes, bytes);
}
