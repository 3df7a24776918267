/* SPDX-License-Identifier: BSD-2-Clause */
/* deliver.c - one destination's packets at one go: reserve, move, publish, wake. */
#include "vale/deliver.h"
#include "ring/copy.h"
#include "ring/exchange.h"

#define AHEAD 12u /* packets between the prefetch of a buffer and its use */

struct delivery {
    struct nv_port *port;
    struct nv_txq *tx;
    struct nv_peer *peer;
    struct nv_queue *queue;
    struct nv_lease lease;
    uint32_t *buf; /* the lease's buffers; 0: what was to go there was not ours to give */
};

/* Slots of the packet that begins at slot[0]. */
static uint32_t fragments(const uint64_t *slot)
{
    uint32_t n = 1;
    while (nv_slot_flags(slot[n - 1]) & NS_MOREFRAG)
        n++;
    return n;
}

/* The largest number of whole packets of the parcel, and their slots, that fit into `space`. */
static uint32_t fit(const struct nv_parcel *parcel, uint32_t space, uint32_t *slots)
{
    uint32_t n = 0;
    for (*slots = 0; n < parcel->packets; n++) {
        uint32_t frags = fragments(parcel->slot + *slots);
        if (*slots + frags > space)
            break;
        *slots += frags;
    }
    return n;
}

/* Copy n packets of one slot each into the lease; returns their bytes. */
static uint64_t copy_singles(const struct delivery *d, const uint64_t *slot, uint32_t n)
{
    const char *from = d->port->region->bufs;
    char *to = d->peer->bufs;
    const uint32_t mask = d->queue->mask;
    const uint64_t single = nv_entry_single(d->lease.seq);
    const uint32_t *buf = d->buf;
    uint32_t pos = d->lease.pos;
    uint64_t bytes = 0;
    while (n) {
        uint32_t at = pos & mask, run = n < mask + 1 - at ? n : mask + 1 - at;
        const uint32_t *empty = nv_queue_empty(d->queue) + at;
        uint64_t *full = d->queue->full + at;
        for (const uint64_t *end = slot + run; slot != end; slot++, buf++, empty++, full++) {
            uint32_t ahead = __atomic_load_n(empty + AHEAD, __ATOMIC_RELAXED); /* may lie in the slack */
            nv_prefetch_write(to + (size_t)ahead * NV_BUF_SIZE);
            NV_STEP("copy");
            nv_copy_packet(to + (size_t)*buf * NV_BUF_SIZE, from + (size_t)nv_slot_buf(*slot) * NV_BUF_SIZE,
                           nv_slot_len(*slot));
            __atomic_store_n(full, single | *buf | (*slot & 0xffff00000000ull), __ATOMIC_RELAXED);
            bytes += nv_slot_len(*slot);
        }
        pos += run;
        n -= run;
    }
    return bytes;
}

/* Copy packets of any number of slots, `n` slots in all, into the lease; returns their bytes. */
static uint64_t copy_chains(const struct delivery *d, const uint64_t *slot, uint32_t n)
{
    const uint32_t *buf = d->buf;
    uint32_t pos = d->lease.pos;
    uint64_t bytes = 0;
    for (uint32_t frags; n; n -= frags) {
        frags = fragments(slot);
        for (uint32_t f = 0; f < frags; f++, slot++, buf++, pos++) {
            NV_STEP("copy");
            nv_copy_packet(d->peer->bufs + (size_t)*buf * NV_BUF_SIZE,
                           nv_region_buf(d->port->region, nv_slot_buf(*slot)), nv_slot_len(*slot));
            nv_queue_put(d->queue, pos, nv_entry(*buf, frags, f + 1 < frags, nv_slot_len(*slot), d->lease.seq));
            bytes += nv_slot_len(*slot);
        }
    }
    return bytes;
}

/*
 * Exchange the buffers of one packet that is not a plain one, at place i of the lease: those of all its fragments, or
 * none when one of them is not ours to give (or stands there twice): its positions then stay empty. Returns its
 * bytes, or -1.
 */
static int64_t exchange_odd(const struct delivery *d, const uint64_t *slot, uint32_t frags, uint32_t i)
{
    uint32_t *owner = d->port->region->buf_owner, pos = d->lease.pos + i;
    struct nv_queue *q = d->queue;
    bool ours = true;
    int64_t bytes = 0;
    for (uint32_t f = 0; f < frags; f++) {
        ours &= nv_port_owns(d->port, nv_slot_buf(slot[f]));
        for (uint32_t g = 0; g < f; g++)
            ours &= nv_slot_buf(slot[f]) != nv_slot_buf(slot[g]);
    }
    for (uint32_t f = 0; f < frags; f++, i++, pos++) {
        uint64_t entry = nv_entry(nv_slot_buf(slot[f]), frags, f + 1 < frags, nv_slot_len(slot[f]), d->lease.seq);
        bytes += nv_slot_len(slot[f]);
        if (ours) {
            nv_exchange_one(owner, d->port->token, d->peer->token, &q->full[pos & q->mask], entry, d->buf[i]);
        } else {
            nv_queue_put(q, pos, nv_entry(0, 0, false, 0, d->lease.seq));
            d->buf[i] = 0;
        }
    }
    return ours ? bytes : -1;
}

/* Leave the buffers of n slots in the lease. Returns the bytes; *bad counts packets whose buffers are not ours. */
static uint64_t exchange_out(const struct delivery *d, const uint64_t *slot, uint32_t n, uint32_t *bad)
{
    const uint32_t mask = d->queue->mask;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n;) {
        uint32_t at = (d->lease.pos + i) & mask, run = n - i < mask + 1 - at ? n - i : mask + 1 - at;
        uint32_t done = nv_exchange_out(d->port, d->peer->token, d->lease.seq, d->queue->full + at, d->buf + i,
                                        slot + i, run, 1, &bytes);
        i += done;
        if (done < run) {
            uint32_t frags = fragments(slot + i);
            int64_t more = exchange_odd(d, slot + i, frags, i);
            bytes += more < 0 ? 0 : (uint64_t)more;
            *bad += more < 0;
            i += frags;
        }
    }
    return bytes;
}

/*
 * The lease was published: the sender's slots get the buffers it had. Slots that stand one behind the other in the
 * ring go in one run, unless some packet (`bad`) had no buffer to give.
 */
static void exchange_in(const struct delivery *d, const uint64_t *slot, const uint16_t *index, uint32_t n, uint32_t bad)
{
    uint32_t run = n && !bad && index[n - 1] == index[0] + (n - 1) ? n : 1;
    for (uint32_t i = 0; i < n; i += run)
        if (d->buf[i])
            nv_exchange_in(d->buf + i, &d->tx->ring->slot[index[i]], run);
        else if (!nv_port_owns(d->port, nv_slot_buf(slot[i])))
            nv_slot_repair(d->port, d->tx->ring, index[i]);
        else
            __atomic_fetch_add(&d->port->broken, 1, __ATOMIC_RELAXED); /* it stands in two slots */
}

/* The lease was taken away: what was entered is ours again. The queue's buffers are the receiver's business. */
static void exchange_undo(const struct delivery *d, const uint64_t *slot, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *owner = &d->port->region->buf_owner[nv_slot_buf(slot[i])], theirs = d->peer->token;
        if (d->buf[i])
            __atomic_compare_exchange_n(owner, &theirs, d->port->token, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

static void wake_receiver(const struct delivery *d)
{
    if (__builtin_expect(__atomic_load_n(&d->queue->armed, __ATOMIC_SEQ_CST) == 0, 1))
        return;
    nv_wake(d->port, &d->queue->armed, d->peer->token, &d->tx->ctl->stats.wakeups);
}

/*
 * Put the parcel's first n packets, which have that many slots, into the lease and publish it. False: it was taken
 * away from us. *bad: packets among them whose buffers are not ours.
 */
static bool fill_lease(const struct delivery *d, const struct nv_parcel *parcel, uint32_t n, uint32_t slots,
                       uint32_t *bad, uint64_t *bytes)
{
    bool exchange = d->peer->exchange && parcel->last && !__atomic_load_n(&d->queue->wary, __ATOMIC_SEQ_CST);
    if (!nv_queue_buffers(d->queue, &d->lease, d->buf))
        return false;
    *bytes = exchange     ? exchange_out(d, parcel->slot, slots, bad)
             : n == slots ? copy_singles(d, parcel->slot, n)
                          : copy_chains(d, parcel->slot, slots);
    bool published = nv_queue_publish(d->queue, &d->lease);
    NV_STEP("published");
    if (exchange && published)
        exchange_in(d, parcel->slot, parcel->index, slots, *bad);
    else if (exchange)
        exchange_undo(d, parcel->slot, slots);
    return published;
}

/* Deliver as much of the parcel as has room, and take it off. False: nothing has, *why tells. */
static bool deliver_some(struct delivery *d, struct nv_parcel *parcel, enum nv_drop *why)
{
    static const enum nv_drop reason[] = {
        [NV_QUEUE_FULL] = NV_DROP_NO_SPACE, [NV_QUEUE_BUSY] = NV_DROP_BUSY, [NV_QUEUE_CLOSED] = NV_DROP_PORT_GONE};
    uint32_t space = nv_queue_space(d->queue), n = parcel->packets, slots = parcel->slots;
    *why = NV_DROP_NO_SPACE;
    if (slots > space)
        n = fit(parcel, space, &slots);
    if (n == 0)
        return false;
    enum nv_reserve_result got =
        nv_queue_reserve(d->queue, d->peer->token, slots, d->port->desc, d->port->generation, &d->lease);
    if (got != NV_RESERVED) {
        *why = reason[got];
        return false;
    }
    if (d->lease.n < slots) { /* another sender was faster: what whole packets leave over is skipped */
        n = fit(parcel, d->lease.n, &slots);
        for (uint32_t pos = d->lease.pos + slots; pos != d->lease.pos + d->lease.n; pos++)
            nv_queue_put(d->queue, pos, nv_entry(0, 0, false, 0, d->lease.seq));
    }
    uint32_t bad = 0;
    uint64_t bytes = 0;
    bool published = fill_lease(d, parcel, n, slots, &bad, &bytes);
    nv_count_drops(d->tx->ctl, NV_DROP_BAD_SLOT, bad);
    if (published) {
        nv_count(&d->tx->ctl->stats.delivered, n - bad);
        nv_count(&d->tx->ctl->stats.delivered_bytes, bytes);
        wake_receiver(d);
    } else {
        nv_count_drops(d->tx->ctl, NV_DROP_REVOKED, n - bad);
    }
    parcel->slot += slots;
    parcel->index += slots;
    parcel->packets -= n;
    parcel->slots -= slots;
    return true;
}

void nv_vale_deliver(struct nv_port *p, struct nv_txq *tx, struct nv_view *v, uint32_t port, struct nv_parcel parcel)
{
    struct nv_peer *peer = &v->peer[port];
    enum nv_drop why = NV_DROP_PORT_GONE;
    struct delivery d = {.port = p, .tx = tx, .peer = peer, .buf = v->buf};
    if (peer->token) {
        d.queue = peer->queue[tx->id < peer->rings ? tx->id : tx->id % peer->rings];
        while (parcel.packets && deliver_some(&d, &parcel, &why))
            ;
    }
    nv_count_drops(tx->ctl, why, parcel.packets);
}
