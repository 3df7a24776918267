/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forward.c - the first half of a sender's txsync: read a batch, learn, look up, sort by destination.
 *
 * As in VALE (Rizzo and Lettieri, CoNEXT 2012) the batch is walked once, then each destination is served at
 * one go (deliver.c).
 */
#include "ring/prefetch.h"
#include "vale/deliver.h"

#define AHEAD 12u /* packets between the prefetch of a header and its use */

/* Why a slot cannot be sent; NV_DROP_COUNT: it can. */
static enum nv_drop check_slot(const struct nv_port *p, uint64_t slot)
{
    if (nv_slot_buf(slot) - NV_FIRST_BUF >= nv_port_backed(p) - NV_FIRST_BUF || (nv_slot_flags(slot) & NS_INDIRECT))
        return NV_DROP_BAD_SLOT;
    return nv_slot_len(slot) > NV_BUF_SIZE ? NV_DROP_TOO_LONG : NV_DROP_COUNT;
}

/*
 * Learn the source of the packet and look its destination up: a port, or NV_FLOOD. Addresses stand in the upper
 * 48 bits here and in the table, so that one exclusive or compares the address and leaves the port.
 */
static inline uint32_t learn_and_look_up(uint64_t *learnt, uint64_t self_entry, const char *packet)
{
    uint64_t dst, src;
    __builtin_memcpy(&dst, packet, 8);
    __builtin_memcpy(&src, packet + 4, 8);
    dst <<= 16;
    src &= ~0xffffull;
    uint64_t *at = &learnt[nv_learn_hash(src)], entry = src | self_entry;
    if (__builtin_expect(__atomic_load_n(at, __ATOMIC_RELAXED) != entry, 0) && !(src & NV_GROUP_BIT))
        __atomic_store_n(at, entry, __ATOMIC_RELAXED);
    uint64_t port = (__atomic_load_n(&learnt[nv_learn_hash(dst)], __ATOMIC_RELAXED) ^ dst) - 1;
    return port < NV_SWITCH_PORTS ? (uint32_t)port : NV_FLOOD; /* a group address is never learnt */
}

/*
 * Read the packet at ring slot `at` that is somehow odd: of several fragments, or with something wrong. Enters it
 * or drops it; returns its slots, at least 1.
 */
static uint32_t read_odd(struct nv_port *p, struct nv_txq *tx, struct nv_view *v, uint32_t at, uint32_t to)
{
    struct nv_batch *b = &v->batch;
    const uint32_t slots = tx->ctl->queue.slots;
    enum nv_drop bad = NV_DROP_COUNT;
    uint32_t n = 0;
    for (;;) {
        uint64_t slot = nv_slot_load(tx->ring, at);
        enum nv_drop why = check_slot(p, slot);
        bad = why != NV_DROP_COUNT ? why : bad;
        if (why == NV_DROP_BAD_SLOT && !(nv_slot_flags(slot) & NS_INDIRECT))
            nv_slot_repair(p, tx->ring, at);
        b->bytes += nv_slot_len(slot);
        if (n < NETMAP_MAX_FRAGS) {
            b->slot[b->slots + n] = slot;
            b->index[b->slots + n] = (uint16_t)at;
        } else {
            bad = NV_DROP_TOO_LONG;
        }
        n++;
        at = at + 1 == slots ? 0 : at + 1;
        if (!(nv_slot_flags(slot) & NS_MOREFRAG))
            break;
        if (at == to) {
            bad = NV_DROP_BROKEN_CHAIN;
            break;
        }
    }
    b->packets++;
    uint64_t first = b->slot[b->slots];
    if (bad == NV_DROP_COUNT && nv_slot_len(first) < 14)
        bad = NV_DROP_RUNT;
    if (bad != NV_DROP_COUNT) {
        nv_count_drops(tx->ctl, bad, 1);
        return n;
    }
    b->dst[b->slots] =
        (uint16_t)learn_and_look_up(v->sw->learnt, v->self + 1u, nv_region_buf(p->region, nv_slot_buf(first)));
    b->slots += n;
    b->chains |= n > 1;
    return n;
}

/*
 * Read plain packets (one slot, nothing wrong) from slots [from, end) without wrapping; returns where it met
 * another. The batch has room for all. Whose the buffers are matters only to an exchange, which looks itself.
 */
static uint32_t read_plain(struct nv_port *p, struct nv_txq *tx, struct nv_view *v, uint32_t from, uint32_t end)
{
    struct nv_batch *b = &v->batch;
    const struct netmap_slot *at = tx->ring->slot + from, *stop = tx->ring->slot + end;
    const uint32_t limit = nv_port_backed(p) - NV_FIRST_BUF;
    const uint64_t self_entry = v->self + 1u;
    const char *bufs = p->region->bufs;
    uint64_t *learnt = v->sw->learnt, *slot_out = b->slot + b->slots, bytes = 0;
    uint16_t *index_out = b->index + b->slots, *dst_out = b->dst + b->slots;
    for (; at != stop; at++) {
        uint64_t slot = nv_shared_load((const uint64_t *)(const void *)at);
        /* Past the ring's last slot lies other memory of the region, which does no harm to a prefetch. */
        nv_prefetch(bufs + (size_t)nv_slot_buf(nv_slot_peek(at + AHEAD)) * NV_BUF_SIZE);
        /* Rare flags above the length make it too large: one comparison for both. */
        uint32_t length = (uint32_t)(slot >> 32) & ((uint32_t)(NS_MOREFRAG | NS_INDIRECT) << 16 | 0xffff);
        if (__builtin_expect(length - 14u > NV_BUF_SIZE - 14u || nv_slot_buf(slot) - NV_FIRST_BUF >= limit, 0))
            break;
        bytes += length;
        *slot_out++ = slot;
        *index_out++ = (uint16_t)from++;
        *dst_out++ = (uint16_t)learn_and_look_up(learnt, self_entry, bufs + (size_t)nv_slot_buf(slot) * NV_BUF_SIZE);
    }
    uint32_t n = (uint32_t)(slot_out - (b->slot + b->slots));
    b->slots += n;
    b->packets += n;
    b->bytes += bytes;
    return from;
}

/* Read slots from `from` on until the batch is full or `to` is reached; returns where it stopped. */
static uint32_t read_batch(struct nv_port *p, struct nv_txq *tx, struct nv_view *v, uint32_t from, uint32_t to)
{
    struct nv_batch *b = &v->batch;
    const uint32_t slots = tx->ctl->queue.slots;
    b->slots = 0;
    b->chains = false;
    b->packets = b->bytes = 0;
    while (from != to && b->slots < NV_FORWARD_BATCH) {
        uint32_t end = from < to ? to : slots, room = NV_FORWARD_BATCH - b->slots;
        if (end - from > room)
            end = from + room;
        from = read_plain(p, tx, v, from, end);
        if (from != end)
            from += read_odd(p, tx, v, from, to);
        from = from < slots ? from : from - slots;
    }
    return from;
}

/* The one other port that all packets of the batch go to, one slot each; NV_FLOOD: not so. */
static uint32_t uniform(const struct nv_view *v)
{
    const struct nv_batch *b = &v->batch;
    uint16_t differ = 0, first = b->dst[0];
    if (b->chains || first == v->self)
        return NV_FLOOD;
    for (uint32_t i = 1; i < b->slots; i++)
        differ |= b->dst[i] ^ first;
    if (differ)
        return NV_FLOOD;
    return first == NV_FLOOD && v->count == 1 ? v->present[0] : first; /* everybody is one */
}

/* ---- batches with several destinations ------------------------------------------------------------ */

static uint32_t fragments(const struct nv_batch *b, uint32_t i)
{
    uint32_t n = 1;
    while (nv_slot_flags(b->slot[i + n - 1]) & NS_MOREFRAG)
        n++;
    return n;
}

/* Sort the batch by destination, keeping the order within each: list[] for each of the ports in used[]. */
static uint32_t sort_batch(struct nv_view *v)
{
    const struct nv_batch *b = &v->batch;
    uint32_t used = 0;
    for (uint32_t i = 0, n; i < b->slots; i += n) {
        struct nv_list *list = &v->list[b->dst[i]];
        n = fragments(b, i);
        if (list->packets++ == 0)
            v->used[used++] = b->dst[i];
        list->slots += n;
    }
    const uint16_t *at = v->order;
    for (uint32_t u = 0; u < used; u++) {
        struct nv_list *list = &v->list[v->used[u]];
        list->at = at;
        at += list->packets;
        list->packets = 0; /* counted again while filling */
    }
    for (uint32_t i = 0; i < b->slots; i += fragments(b, i)) {
        struct nv_list *list = &v->list[b->dst[i]];
        v->order[(uint32_t)(list->at - v->order) + list->packets++] = (uint16_t)i;
    }
    return used;
}

/* Gather the slots of two lists' packets, in the order they were sent. */
static struct nv_parcel gather(struct nv_view *v, const struct nv_list *a, const struct nv_list *b, bool last)
{
    uint32_t i = 0, j = 0, n = 0;
    while (i < a->packets || j < b->packets) {
        uint32_t from = j == b->packets || (i < a->packets && a->at[i] < b->at[j]) ? a->at[i++] : b->at[j++];
        uint32_t frags = fragments(&v->batch, from);
        for (uint32_t f = 0; f < frags; f++, n++) {
            v->slot[n] = v->batch.slot[from + f];
            v->index[n] = v->batch.index[from + f];
        }
    }
    return (struct nv_parcel){v->slot, v->index, a->packets + b->packets, n, last};
}

/* Flooded packets go to everybody, between those that are for one port alone. */
static void deliver_flood(struct nv_port *p, struct nv_txq *tx, struct nv_view *v)
{
    const struct nv_list flood = v->list[NV_FLOOD];
    if (v->count == 0)
        nv_count_drops(tx->ctl, NV_DROP_NO_PORT, flood.packets);
    else
        nv_count(&tx->ctl->stats.copies, (uint64_t)flood.packets * (v->count - 1u));
    for (uint32_t i = 0; i < v->count; i++) {
        struct nv_list *own = &v->list[v->present[i]];
        nv_vale_deliver(p, tx, v, v->present[i], gather(v, own, &flood, i + 1u == v->count));
        *own = (struct nv_list){0};
    }
}

static void deliver_mixed(struct nv_port *p, struct nv_txq *tx, struct nv_view *v)
{
    static const struct nv_list none;
    uint32_t used = sort_batch(v);
    if (v->list[NV_FLOOD].packets)
        deliver_flood(p, tx, v);
    for (uint32_t u = 0; u < used; u++) {
        uint16_t port = v->used[u];
        struct nv_list *list = &v->list[port];
        if (port == v->self)
            nv_count_drops(tx->ctl, NV_DROP_OWN_PORT, list->packets);
        else if (port != NV_FLOOD && list->packets)
            nv_vale_deliver(p, tx, v, port, gather(v, list, &none, true));
        *list = none;
    }
}

void nv_vale_forward(struct nv_port *p, struct nv_txq *tx, uint32_t from, uint32_t to)
{
    struct nv_view *v = tx->kind;
    const struct nv_batch *b = &v->batch;
    uint64_t packets = 0, bytes = 0;
    uint32_t epoch = __atomic_load_n(&v->sw->epoch, __ATOMIC_ACQUIRE);
    if (__builtin_expect(epoch != v->epoch, 0))
        nv_view_refresh(p, v, epoch);
    while (from != to) {
        from = read_batch(p, tx, v, from, to);
        packets += b->packets;
        bytes += b->bytes;
        if (b->slots == 0)
            continue;
        uint32_t only = uniform(v);
        if (only != NV_FLOOD)
            nv_vale_deliver(p, tx, v, only, (struct nv_parcel){b->slot, b->index, b->slots, b->slots, true});
        else
            deliver_mixed(p, tx, v);
    }
    nv_count(&tx->ctl->stats.packets, packets);
    nv_count(&tx->ctl->stats.bytes, bytes);
    nv_count(&tx->completed.packets, packets);
    nv_count(&tx->completed.bytes, bytes);
}
