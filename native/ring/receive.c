/* SPDX-License-Identifier: BSD-2-Clause */
/* receive.c - the receiver's side of a delivery queue: released slots go back, published leases are shown. */
#include "port/port.h"

#include <errno.h>

/* A released slot holds a buffer that cannot be. Its place gets another, now or when there is one. */
static bool replace_broken(struct nv_port *port, struct nv_rxq *rx, uint32_t *buf)
{
    bool got = nv_slot_replace(port, buf);
    rx->lost += !got;
    return got;
}

/* Tell a pipe's sender that sleeps that there is room. */
static void wake_sender(struct nv_port *port, struct nv_rxq *rx)
{
    struct nv_queue *q = &rx->ctl->queue;
    if (!__atomic_load_n(&q->armed_tx, __ATOMIC_SEQ_CST))
        return;
    nv_token peer = nv_load(port->world->table->port[nv_load(port->entry->peer) % NV_MAX_PORTS].token);
    nv_wake(port, &q->armed_tx, peer, &rx->ctl->stats.wakeups);
}

/*
 * Whether a released slot's buffer, which is not simply one that this ring showed, may go into the queue: it is ours,
 * it is in no queue yet, and in no tx slot of the port. An application may put any of its buffers into any of its
 * slots.
 */
static bool may_enter(const struct nv_port *port, const struct nv_rxq *rx, uint32_t buf)
{
    if (buf - NV_FIRST_BUF >= nv_port_backed(port) - NV_FIRST_BUF || !nv_port_owns(port, buf) ||
        nv_region_queued(port->region, buf))
        return false;
    if (port->region->buf_place[buf] >> NV_PLACE_BITS == rx->object + 1)
        return true;
    for (unsigned t = 0; t < nv_tx_count(port); t++)
        for (uint32_t i = 0; i < port->tx[t].ctl->queue.slots; i++)
            if (nv_slot_buf(nv_slot_load(port->tx[t].ring, i)) == buf)
                return false;
    return true;
}

/* Whose buffers a ring's released slots may hold. */
enum release_kind {
    RELEASE_ALONE,  /* all buffers of the region are the port's */
    RELEASE_SHARED, /* or others' */
    /* A pipe's sender takes each empty buffer for its own: one that is there twice will not be its own the second time,
     * and goes. So places, which cost a tenth of what a pipe does, need not be kept. */
    RELEASE_PIPE,
};

/*
 * Take the buffers of slots [at, at + n) into empty[], which has room for them without wrapping, as positions from
 * `place` on. Returns how many slots it took: fewer when it met one that is not plainly right, which is a buffer of
 * ours that was in this queue before position `consumed`. `kind` is a constant where this is inlined.
 */
static inline uint32_t release_plain(const struct nv_port *port, const struct netmap_slot *at, uint32_t n,
                                     uint32_t *empty, uint32_t place, uint32_t consumed, enum release_kind kind)
{
    const uint32_t limit = nv_port_backed(port) - NV_FIRST_BUF, token = port->token;
    const uint32_t *owner = port->region->buf_owner;
    uint32_t *places = port->region->buf_place;
    const struct netmap_slot *first = at, *end = at + n;
    for (; at != end; at++, empty++, place++) {
        uint32_t buf = nv_shared_load(&at->buf_idx);
        if (__builtin_expect(buf - NV_FIRST_BUF >= limit, 0))
            break;
        if (kind != RELEASE_ALONE && __builtin_expect(__atomic_load_n(&owner[buf], __ATOMIC_RELAXED) != token, 0))
            break;
        if (kind != RELEASE_PIPE) {
            if (__builtin_expect(
                    consumed - 1 - __atomic_load_n(&places[buf], __ATOMIC_RELAXED) >= 1u << (NV_PLACE_BITS - 1), 0))
                break;
            __atomic_store_n(&places[buf], place, __ATOMIC_RELAXED);
        }
        __atomic_store_n(empty, buf, __ATOMIC_RELAXED);
    }
    return (uint32_t)(at - first);
}

/* Slots before `to` are released, the queue has buffers up to `refill`: both, whatever we die of in between. */
static void commit(struct nv_rxq *rx, uint32_t refill, uint32_t to)
{
    nv_pair_store(&rx->ctl->released, to, refill);
    __atomic_store_n(&rx->ctl->queue.refill, refill, rx->releases_wake ? __ATOMIC_SEQ_CST : __ATOMIC_RELEASE);
    NV_STEP("released");
    rx->ctl->hwcur = to;
}

/* The queue has more buffers than it should: those of the first released slots do not go there. Returns the next slot.
 */
static uint32_t release_excess(struct nv_port *port, struct nv_rxq *rx, uint32_t head)
{
    struct nv_ring_ctl *ctl = rx->ctl;
    for (; rx->excess && ctl->hwcur != head; rx->excess--)
        ctl->hwcur = ctl->hwcur + 1 == ctl->queue.slots ? 0 : ctl->hwcur + 1;
    __atomic_fetch_add(&port->broken, 1, __ATOMIC_RELAXED); /* nobody knows them now: they are found */
    return ctl->hwcur;
}

/* Give the buffers of released slots [hwcur, head) back to the queue. Returns the number of broken slots. */
static uint32_t release(struct nv_port *port, struct nv_rxq *rx, uint32_t head)
{
    struct nv_ring_ctl *ctl = rx->ctl;
    struct nv_queue *q = &ctl->queue;
    uint32_t *empty = nv_queue_empty(q);
    const uint32_t mask = q->mask, slots = q->slots, consumed = nv_place(rx->object, q->consumed);
    const bool shared = nv_port_shares(port);
    uint32_t refill = q->refill, broken = 0, i = rx->excess ? release_excess(port, rx, head) : ctl->hwcur;
    while (i != head) {
        uint32_t at = refill & mask, run = (head > i ? head : slots) - i, place = nv_place(rx->object, refill);
        run = run < mask + 1 - at ? run : mask + 1 - at;
        const struct netmap_slot *from = rx->ring->slot + i;
        uint32_t n = rx->releases_wake ? release_plain(port, from, run, empty + at, place, consumed, RELEASE_PIPE)
                     : shared          ? release_plain(port, from, run, empty + at, place, consumed, RELEASE_SHARED)
                                       : release_plain(port, from, run, empty + at, place, consumed, RELEASE_ALONE);
        refill += n;
        i += n;
        if (n < run) {
            uint32_t buf = nv_slot_buf(nv_slot_load(rx->ring, i));
            commit(rx, refill, i); /* what was taken so far is seen by nv_region_queued */
            bool good = may_enter(port, rx, buf);
            i++;
            broken += !good;
            if (good)
                nv_store(port->region->buf_owner[buf], port->token); /* of another port of this process, maybe */
            if (good || replace_broken(port, rx, &buf)) {
                nv_store(port->region->buf_place[buf], nv_place(rx->object, refill));
                __atomic_store_n(&empty[refill++ & mask], buf, __ATOMIC_RELAXED);
            }
        }
        i = i == slots ? 0 : i;
    }
    NV_STEP("release");
    commit(rx, refill, head);
    if (rx->releases_wake)
        wake_sender(port, rx);
    return broken;
}

/*
 * What an entry looks like in a slot: 0 when it is no packet of this lease (its buffer then goes back), which
 * cannot be a packet's slot because buffer 0 is reserved.
 */
static uint64_t odd_entry(struct nv_rxq *rx, uint64_t e, uint32_t seq, uint32_t limit)
{
    if (nv_entry_valid(e, seq) && nv_entry_buf(e) - NV_FIRST_BUF < limit) {
        uint64_t flags = (e >> 24 & 0x7f) << 8 | (e & NV_ENTRY_MORE ? NS_MOREFRAG : 0); /* NS_RFRAGS above */
        return nv_slot_word(nv_entry_buf(e), nv_entry_len(e), (uint16_t)flags);
    }
    if ((uint16_t)(e >> 48) != (uint16_t)seq)
        nv_count_drops(rx->ctl, NV_DROP_STALE, 1);
    return 0;
}

/*
 * Show entries full[0..n) in slots at[0..n) as long as each is a packet of one fragment; returns how many were,
 * and adds their bytes.
 */
static inline uint32_t take_plain(const struct nv_port *port, const uint64_t *full, struct netmap_slot *at, uint32_t n,
                                  uint32_t seq, uint64_t *bytes)
{
    const uint64_t single = nv_entry_single(seq), flags = nv_slot_word(0, 0, 1 << 8); /* NS_RFRAGS: 1 */
    const uint32_t limit = nv_port_backed(port) - NV_FIRST_BUF;
    const uint64_t *first = full, *end = full + n;
    uint64_t sum = 0;
    for (; full != end; full++, at++) {
        uint64_t word = __atomic_load_n(full, __ATOMIC_RELAXED) ^ single; /* leaves buffer and length */
        if (__builtin_expect((word & NV_ENTRY_SINGLE_MASK) || (uint32_t)word - NV_FIRST_BUF >= limit, 0))
            break;
        __atomic_store_n((uint64_t *)(void *)at, word | flags, __ATOMIC_RELAXED);
        at->ptr = 0;
        sum += word >> 32;
    }
    *bytes += sum;
    return (uint32_t)(full - first);
}

/*
 * Show the packets of a published lease, as entries full[] tell, in the slots from `tail` on; returns the new tail.
 */
static uint32_t take_lease(struct nv_port *port, struct nv_rxq *rx, const uint64_t *full, uint32_t pos, uint32_t n,
                           uint32_t seq, uint32_t tail)
{
    struct nv_queue *q = &rx->ctl->queue;
    const uint32_t mask = q->mask, slots = q->slots, end = pos + n;
    uint64_t packets = 0, bytes = 0;
    while (pos != end) {
        uint32_t at = pos & mask, run = end - pos < slots - tail ? end - pos : slots - tail;
        run = run < mask + 1 - at ? run : mask + 1 - at;
        uint32_t got = take_plain(port, full + at, rx->ring->slot + tail, run, seq, &bytes);
        packets += got;
        pos += got;
        tail += got;
        if (got < run) {
            uint64_t word = odd_entry(rx, __atomic_load_n(&full[pos & mask], __ATOMIC_RELAXED), seq,
                                      nv_port_backed(port) - NV_FIRST_BUF);
            if (word) {
                nv_slot_store(rx->ring, tail, word);
                rx->ring->slot[tail++].ptr = 0;
                packets += !(nv_slot_flags(word) & NS_MOREFRAG);
                bytes += nv_slot_len(word);
            } else {
                nv_queue_refill(port, rx, nv_queue_buffer(q, pos));
            }
            pos++;
        }
        tail = tail == slots ? 0 : tail;
    }
    nv_count(&rx->ctl->stats.packets, packets);
    nv_count(&rx->ctl->stats.bytes, bytes);
    return tail;
}

/* The receiver is done with the first lease, of n positions. */
static void pass_lease(struct nv_queue *q, uint32_t seq, uint32_t n)
{
    nv_pair_store(&q->consumed, q->consumed + n, seq + 1);
}

int nv_queue_rxsync(struct nv_port *port, struct nv_rxq *rx, uint32_t head)
{
    struct nv_ring_ctl *ctl = rx->ctl;
    struct nv_queue *q = &ctl->queue;
    uint32_t broken = 0;
    if (head != ctl->hwcur)
        broken = release(port, rx, head);
    if (__builtin_expect(rx->aside != NULL || rx->lost, 0))
        nv_queue_bring_back(port, rx);
    for (;;) {
        uint32_t seq = q->head_seq;
        /* Sequentially consistent with our armed word: one of us and the sender sees the other. */
        uint64_t r = __atomic_load_n(nv_queue_record(q, seq), __ATOMIC_SEQ_CST);
        if (nv_record_ahead(r, seq) != 0)
            break;
        if (nv_record_state(r) == NV_LEASE_OPEN) {
            if (nv_queue_unblock(port, rx))
                continue;
            break;
        }
        uint32_t n = nv_record_n(r);
        const uint64_t *full = nv_record_state(r) == NV_LEASE_DONE ? q->full : NULL;
        if (__builtin_expect(full && (rx->aside || __atomic_load_n(&q->wary, __ATOMIC_RELAXED)), 0))
            full = nv_queue_check(port, rx, n, seq);
        uint32_t tail = ctl->hwtail;
        if (full)
            tail = take_lease(port, rx, full, q->consumed, n, seq, tail);
        nv_pair_store(&ctl->hwtail, tail, seq + 1);
        NV_STEP("shown");
        pass_lease(q, seq, n);
    }
    return broken ? -EINVAL : 0;
}

void nv_queue_inherit(struct nv_port *port, struct nv_rxq *rx)
{
    struct nv_ring_ctl *ctl = rx->ctl;
    struct nv_queue *q = &ctl->queue;
    const uint32_t seq = q->head_seq;
    uint64_t record = __atomic_load_n(nv_queue_record(q, seq), __ATOMIC_ACQUIRE);
    if (ctl->shown == seq + 1 && nv_record_ahead(record, seq) == 0) /* it was shown, but not passed */
        pass_lease(q, seq, nv_record_n(record));
    if (ctl->released_at == q->refill)
        ctl->hwcur = ctl->released;
    /* All but one of the ring's buffers are in the queue or in the application's hands, or were lost with it. */
    uint32_t held = (ctl->hwtail + q->slots - ctl->hwcur) % q->slots, there = q->refill - q->consumed + held;
    rx->lost = there < q->slots - 1 ? q->slots - 1 - there : 0;
    rx->excess = there > q->slots - 1 ? there - (q->slots - 1) : 0;
    __atomic_fetch_add(&port->broken, 1, __ATOMIC_RELAXED); /* what it had in its hands is lost: look for it */
}
