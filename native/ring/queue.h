/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h - the delivery queue behind every rx ring: many senders, one receiver, no lock.
 *
 * It lives in a region's control file. Positions count up for ever; position p uses entry p & mask.
 *
 *      consumed            reserve.tail             refill
 *   ------|==== leased or full ====|---- empty buffers ----|------
 *
 * A sender reserves n positions by writing a lease record (its name, n, the sequence number) with one
 * compare-and-swap, then moves `reserve` on; anybody who finds a record that `reserve` has not passed moves
 * it on instead, so a sender may die or stop between the two. It copies into the buffers named by empty[],
 * or leaves its own buffers instead, describes them in full[], and publishes the lease with one more
 * compare-and-swap. The receiver takes leases in order, and gives the buffers that come back from the
 * application to empty[] at `refill`.
 *
 * The receiver passes over a lease whose holder died. It takes a lease away from a holder that stands still
 * for too long: the holder learns that when it tries to publish. A process may stand still between any two
 * instructions, so it notes the buffers of its lease and then looks whether the lease is still its own, before it
 * writes anything (nv_queue_buffers). What it may scribble when it wakes up after that is harmless: those buffers
 * are set aside, an entry of full[] carries the lease's sequence number and is refused when that is not the
 * expected one, and until the holder has moved on nobody leaves buffers of his own in the queue (stall.c).
 */
#ifndef NETVALE_QUEUE_H
#define NETVALE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/step.h"
#include "memory/table.h"

/* Store a word and the one behind it in one piece. */
static inline void nv_pair_store(uint32_t *at, uint32_t value, uint32_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t both = value | (uint64_t)second << 32;
#else
    uint64_t both = second | (uint64_t)value << 32;
#endif
    __atomic_store_n((uint64_t *)(void *)at, both, __ATOMIC_RELEASE);
}

struct nv_queue {
    /* written by senders */
    uint64_t reserve __attribute__((aligned(64))); /* low half: tail; high half: sequence number of the next lease */
    /* written by the receiver */
    uint32_t refill __attribute__((aligned(64)));
    uint32_t mask;                                 /* entries - 1 */
    uint32_t consumed __attribute__((aligned(8))); /* position of the first lease not yet taken .. */
    uint32_t head_seq;                             /* .. which is this one; both are stored in one piece */
    nv_token owner;                                /* the port it belongs to; 0: closed */
    uint32_t slots;
    uint32_t wary; /* those that lost a lease and may overwrite entries, over all openers: copy, do not exchange */
    /* armed words: 0, descriptor index + 1, or NV_ARMED_ALL */
    uint32_t armed __attribute__((aligned(64))); /* the receiver sleeps until something is published */
    uint32_t armed_tx;                           /* pipes: the sender sleeps until something is released */
    /* mask + 1 entries of full[]; behind them as many lease records, then as many uint32_t of empty[] */
    uint64_t full[] __attribute__((aligned(64)));
};

#define NV_ARMED_ALL 0xffffffffu

/* The record of lease number seq. There are as many as positions, so that leases of one position never run short. */
static inline uint64_t *nv_queue_record(const struct nv_queue *q, uint32_t seq)
{
    const uint32_t mask = __atomic_load_n(&q->mask, __ATOMIC_RELAXED); /* the ring may be getting a new user */
    return (uint64_t *)(uintptr_t)(q->full + mask + 1 + (seq & mask));
}

static inline uint32_t *nv_queue_empty(const struct nv_queue *q)
{
    return (uint32_t *)(uintptr_t)(q->full + 2 * ((size_t)q->mask + 1));
}

#define NV_QUEUE_SLACK 64u /* bytes behind empty[] that a look ahead may read */

static inline size_t nv_queue_size(uint32_t entries)
{
    return sizeof(struct nv_queue) + (size_t)entries * (2 * sizeof(uint64_t) + sizeof(uint32_t)) + NV_QUEUE_SLACK;
}

/* ---- an entry of full[]: buffer 24 bits, fragments 7, more-fragments 1, length 16, lease sequence 16 ---- */

#define NV_ENTRY_BUF_MASK 0xffffffu
#define NV_ENTRY_MORE     (1ull << 31)

static inline uint64_t nv_entry(uint32_t buf, unsigned frags, bool more, uint16_t len, uint32_t seq)
{
    return (uint64_t)buf | (uint64_t)frags << 24 | (more ? NV_ENTRY_MORE : 0) | (uint64_t)len << 32 |
           (uint64_t)(uint16_t)seq << 48;
}
static inline uint32_t nv_entry_buf(uint64_t e)
{
    return (uint32_t)e & NV_ENTRY_BUF_MASK;
}
static inline uint16_t nv_entry_len(uint64_t e)
{
    return (uint16_t)(e >> 32);
}
/* Does the entry belong to this lease, and is it a packet (a skipped position has no fragments)? */
static inline bool nv_entry_valid(uint64_t e, uint32_t seq)
{
    return (uint16_t)(e >> 48) == (uint16_t)seq && (e & 0x7f000000u);
}
/* All of an entry but buffer and length, for a packet of one fragment. */
static inline uint64_t nv_entry_single(uint32_t seq)
{
    return nv_entry(0, 1, false, 0, seq);
}
#define NV_ENTRY_SINGLE_MASK 0xffff0000ff000000ull /* what nv_entry_single fills */

/* ---- a lease record: state 2 bits, n 13, descriptor 12, its generation 12, sequence 25 ---- */

enum nv_lease_state { NV_LEASE_OPEN = 1, NV_LEASE_DONE = 2, NV_LEASE_TAKEN = 3 };
#define NV_SEQ_BITS 25

static inline uint64_t nv_record(unsigned state, uint32_t n, uint32_t desc, uint32_t generation, uint32_t seq)
{
    return (uint64_t)state | (uint64_t)n << 2 | (uint64_t)(desc & 0xfffu) << 15 |
           (uint64_t)(generation & 0xfffu) << 27 | (uint64_t)(seq & ((1u << NV_SEQ_BITS) - 1)) << 39;
}
static inline unsigned nv_record_state(uint64_t r)
{
    return (unsigned)r & 3u;
}
static inline uint32_t nv_record_n(uint64_t r)
{
    return (uint32_t)(r >> 2) & 0x1fffu;
}
static inline uint32_t nv_record_desc(uint64_t r)
{
    return (uint32_t)(r >> 15) & 0xfffu;
}
static inline uint32_t nv_record_generation(uint64_t r)
{
    return (uint32_t)(r >> 27) & 0xfffu;
}
/* Distance of a record's sequence number from `seq`: 0 equal, > 0 later, < 0 earlier. */
static inline int32_t nv_record_ahead(uint64_t r, uint32_t seq)
{
    uint32_t d = ((uint32_t)(r >> 39) - seq) << (32 - NV_SEQ_BITS);
    return (int32_t)d >> (32 - NV_SEQ_BITS);
}

/* ---- the sender's side ---- */

struct nv_lease {
    uint32_t pos; /* first position */
    uint32_t n;
    uint32_t seq;
    uint64_t record; /* as it stands while open */
};

enum nv_reserve_result { NV_RESERVED, NV_QUEUE_FULL, NV_QUEUE_BUSY, NV_QUEUE_CLOSED };

/* The position behind the last lease, claimed ones that `reserve` has not passed included. */
static inline uint32_t nv_queue_tail(const struct nv_queue *q)
{
    uint64_t w = __atomic_load_n(&q->reserve, __ATOMIC_ACQUIRE);
    uint64_t record = __atomic_load_n(nv_queue_record(q, (uint32_t)(w >> 32)), __ATOMIC_ACQUIRE);
    return (uint32_t)w + (nv_record_ahead(record, (uint32_t)(w >> 32)) == 0 ? nv_record_n(record) : 0);
}

/* Empty positions that a sender could reserve now. */
static inline uint32_t nv_queue_space(const struct nv_queue *q)
{
    uint32_t tail = (uint32_t)__atomic_load_n(&q->reserve, __ATOMIC_ACQUIRE);
    return __atomic_load_n(&q->refill, __ATOMIC_ACQUIRE) - tail;
}

/*
 * Reserve up to `want` positions (at least 1) in the queue of port `owner` for descriptor desc/generation. Bounded:
 * after 64 lost races it answers NV_QUEUE_BUSY, as it does when all lease records are in use.
 */
static inline enum nv_reserve_result nv_queue_reserve(struct nv_queue *q, nv_token owner, uint32_t want, uint32_t desc,
                                                      uint32_t generation, struct nv_lease *lease)
{
    for (int tries = 0; tries < 64; tries++) {
        uint64_t w = __atomic_load_n(&q->reserve, __ATOMIC_ACQUIRE);
        uint32_t tail = (uint32_t)w, seq = (uint32_t)(w >> 32);
        uint64_t *record = nv_queue_record(q, seq);
        uint64_t old = __atomic_load_n(record, __ATOMIC_ACQUIRE);
        int32_t ahead = nv_record_ahead(old, seq);
        if (ahead == 0) { /* claimed, but `reserve` has not passed it: help */
            __atomic_compare_exchange_n(&q->reserve, &w,
                                        (uint64_t)(tail + nv_record_n(old)) | (uint64_t)(seq + 1) << 32, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
            continue;
        }
        if (ahead > 0)
            continue; /* we read an old `reserve` */
        const uint32_t mask = __atomic_load_n(&q->mask, __ATOMIC_RELAXED);
        int32_t unread = (int32_t)(seq - __atomic_load_n(&q->head_seq, __ATOMIC_ACQUIRE));
        if (unread < 0)
            continue; /* we read an old `reserve` */
        if ((uint32_t)unread > mask)
            return NV_QUEUE_BUSY;
        uint32_t space = __atomic_load_n(&q->refill, __ATOMIC_ACQUIRE) - tail;
        if (__atomic_load_n(&q->owner, __ATOMIC_RELAXED) != owner) /* closed, and perhaps somebody else's by now */
            return NV_QUEUE_CLOSED;
        if (space == 0 || space > mask + 1)
            return NV_QUEUE_FULL;
        uint32_t n = want < space ? want : space;
        uint64_t mine = nv_record(NV_LEASE_OPEN, n, desc, generation, seq);
        if (!__atomic_compare_exchange_n(record, &old, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        NV_STEP("claimed");
        __atomic_compare_exchange_n(&q->reserve, &w, (uint64_t)(tail + n) | (uint64_t)(seq + 1) << 32, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        *lease = (struct nv_lease){.pos = tail, .n = n, .seq = seq, .record = mine};
        NV_STEP("leased");
        return NV_RESERVED;
    }
    return NV_QUEUE_BUSY;
}

/* Hand the lease over. False: it was taken away meanwhile, and nothing of it will be delivered. */
static inline bool nv_queue_publish(struct nv_queue *q, const struct nv_lease *lease)
{
    NV_STEP("publish");
    uint64_t open = lease->record;
    return __atomic_compare_exchange_n(nv_queue_record(q, lease->seq), &open,
                                       lease->record ^ (NV_LEASE_OPEN ^ NV_LEASE_DONE), false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

static inline void nv_queue_put(struct nv_queue *q, uint32_t pos, uint64_t entry)
{
    __atomic_store_n(&q->full[pos & q->mask], entry, __ATOMIC_RELAXED);
}

/* The empty buffer at a position; written by the receiver before it moved `refill` past it. */
static inline uint32_t nv_queue_buffer(const struct nv_queue *q, uint32_t pos)
{
    return __atomic_load_n(&nv_queue_empty(q)[pos & q->mask], __ATOMIC_RELAXED);
}

/*
 * Note the lease's buffers in buf[]. False: the lease was taken away meanwhile, and these may be anybody's. When it
 * is taken away later they are set aside, so that it does no harm to write into them.
 */
static inline bool nv_queue_buffers(const struct nv_queue *q, const struct nv_lease *lease, uint32_t *buf)
{
    uint32_t at = lease->pos & q->mask, first = q->mask + 1 - at < lease->n ? q->mask + 1 - at : lease->n;
    const uint32_t *empty = nv_queue_empty(q);
    for (uint32_t i = 0; i < first; i++)
        buf[i] = __atomic_load_n(&empty[at + i], __ATOMIC_ACQUIRE);
    for (uint32_t i = first; i < lease->n; i++)
        buf[i] = __atomic_load_n(&empty[i - first], __ATOMIC_ACQUIRE);
    return __atomic_load_n(nv_queue_record(q, lease->seq), __ATOMIC_ACQUIRE) == lease->record;
}

#endif
