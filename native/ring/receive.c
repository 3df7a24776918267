/* SPDX-License-Identifier: BSD-2-Clause */
/* receive.c - the receiver's side of a delivery queue: released slots go back, published leases are shown. */
#include "port/port.h"

#include <errno.h>

/* A released slot holds an impossible or foreign buffer. It costs the ring that buffer: take a new one. */
static bool replace_broken(struct nv_port *port, struct nv_rxq *rx, uint32_t *buf)
{
    int error;
    if (nv_region_take_bufs(port->region, port->token, buf, 1, &error) == 1)
        return true;
    rx->lost++;
    return false;
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
 * Take the buffers of slots [at, end) into empty[], which has room for them without wrapping. Returns how many
 * slots it took: fewer when it met a broken one. `shared` is a constant where this is inlined.
 */
static inline uint32_t release_plain(const struct nv_port *port, const struct netmap_slot *at, uint32_t n,
                                     uint32_t *empty, bool shared)
{
    const uint32_t limit = nv_port_backed(port) - NV_FIRST_BUF, token = port->token;
    const uint32_t *owner = port->region->buf_owner;
    const struct netmap_slot *first = at, *end = at + n;
    for (; at != end; at++, empty++) {
        uint32_t buf = __atomic_load_n(&at->buf_idx, __ATOMIC_RELAXED);
        if (__builtin_expect(buf - NV_FIRST_BUF >= limit, 0))
            break;
        if (shared && __builtin_expect(__atomic_load_n(&owner[buf], __ATOMIC_RELAXED) != token, 0) &&
            !nv_port_owns(port, buf))
            break;
        __atomic_store_n(empty, buf, __ATOMIC_RELAXED);
    }
    return (uint32_t)(at - first);
}

/* Give the buffers of released slots [hwcur, head) back to the queue. Returns the number of broken slots. */
static uint32_t release(struct nv_port *port, struct nv_rxq *rx, uint32_t head)
{
    struct nv_ring_ctl *ctl = rx->ctl;
    struct nv_queue *q = &ctl->queue;
    uint32_t *empty = nv_queue_empty(q);
    const uint32_t mask = q->mask, slots = q->slots;
    const bool shared = nv_port_shares(port);
    uint32_t refill = q->refill, broken = 0, i = ctl->hwcur;
    while (i != head) {
        uint32_t at = refill & mask, run = (head > i ? head : slots) - i;
        run = run < mask + 1 - at ? run : mask + 1 - at;
        uint32_t n = shared ? release_plain(port, rx->ring->slot + i, run, empty + at, true)
                            : release_plain(port, rx->ring->slot + i, run, empty + at, false);
        refill += n;
        i += n;
        if (n < run) {
            uint32_t buf;
            broken++;
            i++;
            if (replace_broken(port, rx, &buf))
                __atomic_store_n(&empty[refill++ & mask], buf, __ATOMIC_RELAXED);
        }
        i = i == slots ? 0 : i;
    }
    NV_STEP("release");
    ctl->hwcur = head;
    if (rx->releases_wake) {
        __atomic_store_n(&q->refill, refill, __ATOMIC_SEQ_CST);
        wake_sender(port, rx);
    } else {
        __atomic_store_n(&q->refill, refill, __ATOMIC_RELEASE);
    }
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
                nv_queue_refill(q, nv_queue_buffer(q, pos));
            }
            pos++;
        }
        tail = tail == slots ? 0 : tail;
    }
    nv_count(&rx->ctl->stats.packets, packets);
    nv_count(&rx->ctl->stats.bytes, bytes);
    return tail;
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
        if (__builtin_expect(full && rx->aside, 0))
            full = nv_queue_check(rx, n, seq);
        if (full)
            ctl->hwtail = take_lease(port, rx, full, q->consumed, n, seq, ctl->hwtail);
        NV_STEP("shown");
        __atomic_store_n(&q->consumed, q->consumed + n, __ATOMIC_RELAXED);
        __atomic_store_n(&q->head_seq, seq + 1, __ATOMIC_RELEASE);
    }
    return broken ? -EINVAL : 0;
}
