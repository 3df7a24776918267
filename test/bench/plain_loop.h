/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain_loop.h - the plain loop that a switch in shared memory is measured against: the same rings (1,024 slots of
 * 16 bytes, buffers 2,048 bytes apart), the same look-ups, every byte copied, and nothing else: no checks, no locks.
 */
#ifndef NETVALE_BENCH_PLAIN_LOOP_H
#define NETVALE_BENCH_PLAIN_LOOP_H

#include "bench.h"
#include "frames.h"

#include <net/netmap.h>

#define PLAIN_SLOTS     1024u
#define PLAIN_STRIDE    2048u
#define PLAIN_BATCH     256u
#define PLAIN_RECEIVERS 3u /* rx rings of a world; all but flooding use the first */
#define PLAIN_AHEAD     8u /* packets to prefetch ahead */
#define PLAIN_TABLE     1024u

/* Slots and buffers of one ring. One side counts head up, the other tail; both run free and are masked on use. */
struct plain_ring {
    _Alignas(128) uint32_t head; /* next slot the filling side writes */
    _Alignas(128) uint32_t tail; /* next slot the emptying side reads */
    _Alignas(128) struct netmap_slot slot[PLAIN_SLOTS];
};

/* A tx ring, rx rings, their buffers, and a learning table: entry = address << 16 | port. */
struct plain_world {
    struct plain_ring tx, rx[PLAIN_RECEIVERS];
    _Alignas(128) uint64_t table[PLAIN_TABLE];
    _Alignas(4096) uint8_t buf[(1 + PLAIN_RECEIVERS) * PLAIN_SLOTS * PLAIN_STRIDE];
};

static inline uint8_t *plain_buf(struct plain_world *w, uint32_t index)
{
    return w->buf + (size_t)index * PLAIN_STRIDE;
}

static inline struct netmap_slot *plain_slot(struct plain_ring *ring, uint32_t position)
{
    return &ring->slot[position % PLAIN_SLOTS];
}

/* Table entry of an address in the low 48 bits. */
static inline uint64_t *plain_entry(struct plain_world *w, uint64_t mac)
{
    return &w->table[(mac * 0x9e3779b97f4a7c15u) >> 54];
}

enum { PLAIN_PORT_A = 1, PLAIN_PORT_B = 2 };

/*
 * Learn the source and look the destination of one frame up, as a switch does. Returns the destination's port,
 * 0 when unknown. Both addresses lie in the first 12 bytes, read here as two words.
 */
static inline uint32_t plain_learn_and_look_up(struct plain_world *w, const uint8_t *frame, uint32_t from)
{
    uint64_t first, second;
    memcpy(&first, frame, 8);
    memcpy(&second, frame + 4, 8);
    const uint64_t to_mac = first & 0xffffffffffffu, from_mac = second >> 16;
    const uint64_t learnt = from_mac << 16 | from;
    uint64_t *entry = plain_entry(w, from_mac);
    if (*entry != learnt)
        *entry = learnt;
    const uint64_t found = *plain_entry(w, to_mac);
    return found >> 16 == to_mac ? (uint32_t)found & 0xffff : 0;
}

/* Ask for a line that will be written: taken away from any other core at once. */
static inline void plain_prefetch_write(void *at)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(char *)at));
#else
    __builtin_prefetch(at, 1);
#endif
}

/* A long copy waits for memory more than it works: ask for the lines of the next one, from and to, beforehand. */
static inline void plain_prefetch_next(uint8_t *to, const uint8_t *from, uint32_t length)
{
    for (uint32_t at = 0; length > 128 && at < length; at += 64) {
        __builtin_prefetch(from + at);
        plain_prefetch_write(to + at);
    }
}

/* Copy in whole 64-byte steps when short (buffers are 2,048 bytes, so rounding up is safe), by memcpy when long. */
static inline void plain_copy(uint8_t *restrict to, const uint8_t *restrict from, uint32_t length)
{
    if (length <= 64)
        memcpy(to, from, 64);
    else if (length <= 128)
        memcpy(to, from, 128);
    else
        memcpy(to, from, length);
}

/* A world with a frame of `length` bytes in every buffer, and the 64 destinations learnt at port B. */
static inline struct plain_world *plain_world_new(uint32_t length)
{
    struct plain_world *w = bench_shared(sizeof(*w));
    for (uint32_t i = 0; i < PLAIN_SLOTS; i++) {
        w->tx.slot[i] = (struct netmap_slot){.buf_idx = i, .len = (uint16_t)length};
        for (uint32_t r = 0; r < PLAIN_RECEIVERS; r++)
            w->rx[r].slot[i] = (struct netmap_slot){.buf_idx = (1 + r) * PLAIN_SLOTS + i};
    }
    for (uint32_t i = 0; i < 2 * PLAIN_SLOTS; i++) /* rx buffers too: an exchange sends them next */
        frame_write(plain_buf(w, i), length, i);
    for (unsigned i = 0; i < FRAME_ADDRESSES; i++) {
        const uint64_t mac = frame_destination(i);
        *plain_entry(w, mac) = mac << 16 | PLAIN_PORT_B;
    }
    return w;
}

static inline void plain_world_free(struct plain_world *w)
{
    munmap(w, sizeof(*w));
}

/* The sender: write n slots' lengths and hand them over. */
__attribute__((noinline, unused)) static void plain_fill(struct plain_world *w, uint32_t n, uint32_t length)
{
    const uint32_t head = w->tx.head;
    for (uint32_t i = 0; i < n; i++)
        memcpy(&plain_slot(&w->tx, head + i)->len, &length, sizeof(length)); /* length, and flags 0: one store */
    w->tx.head = head + n;
}

/* The switch: for each of n packets learn, look up, copy into the next rx buffer, write the rx slot. */
__attribute__((noinline, unused)) static void plain_forward_copy(struct plain_world *w, uint32_t n)
{
    uint32_t from = w->tx.tail, to = w->rx->head;
    for (const uint32_t end = from + n; from != end; from++) {
        __builtin_prefetch(plain_buf(w, plain_slot(&w->tx, from + PLAIN_AHEAD)->buf_idx));
        plain_prefetch_write(plain_buf(w, plain_slot(w->rx, to + PLAIN_AHEAD)->buf_idx));
        const struct netmap_slot *s = plain_slot(&w->tx, from);
        struct netmap_slot *d = plain_slot(w->rx, to);
        const uint8_t *frame = plain_buf(w, s->buf_idx);
        if (plain_learn_and_look_up(w, frame, PLAIN_PORT_A) != PLAIN_PORT_B)
            continue;
        plain_prefetch_next(plain_buf(w, plain_slot(w->rx, to + 1)->buf_idx),
                            plain_buf(w, plain_slot(&w->tx, from + 1)->buf_idx), s->len);
        plain_copy(plain_buf(w, d->buf_idx), frame, s->len);
        d->len = s->len;
        d->flags = 0;
        to++;
    }
    w->tx.tail = from;
    w->rx->head = to;
}

/* Flooding: the destination is unknown, so every receiver gets a copy. All rx rings move alike. */
__attribute__((noinline, unused)) static void plain_forward_flood(struct plain_world *w, uint32_t n)
{
    uint32_t from = w->tx.tail, to = w->rx->head;
    for (const uint32_t end = from + n; from != end; from++) {
        __builtin_prefetch(plain_buf(w, plain_slot(&w->tx, from + PLAIN_AHEAD)->buf_idx));
        for (unsigned r = 0; r < PLAIN_RECEIVERS; r++)
            plain_prefetch_write(plain_buf(w, plain_slot(&w->rx[r], to + PLAIN_AHEAD)->buf_idx));
        const struct netmap_slot *s = plain_slot(&w->tx, from);
        const uint8_t *frame = plain_buf(w, s->buf_idx);
        if (plain_learn_and_look_up(w, frame, PLAIN_PORT_A) != 0)
            continue;
        for (unsigned r = 0; r < PLAIN_RECEIVERS; r++) {
            struct netmap_slot *d = plain_slot(&w->rx[r], to);
            plain_prefetch_next(plain_buf(w, plain_slot(&w->rx[r], to + 1)->buf_idx),
                                plain_buf(w, plain_slot(&w->tx, from + 1)->buf_idx), s->len);
            plain_copy(plain_buf(w, d->buf_idx), frame, s->len);
            d->len = s->len;
            d->flags = 0;
        }
        to++;
    }
    w->tx.tail = from;
    for (unsigned r = 0; r < PLAIN_RECEIVERS; r++)
        w->rx[r].head = to;
}

/* The same inside one region: the two slots exchange their buffers; the header is still read for the look-up. */
__attribute__((noinline, unused)) static void plain_forward_exchange(struct plain_world *w, uint32_t n)
{
    uint32_t from = w->tx.tail, to = w->rx->head;
    for (const uint32_t end = from + n; from != end; from++) {
        __builtin_prefetch(plain_buf(w, plain_slot(&w->tx, from + PLAIN_AHEAD)->buf_idx));
        struct netmap_slot *s = plain_slot(&w->tx, from), *d = plain_slot(w->rx, to);
        if (plain_learn_and_look_up(w, plain_buf(w, s->buf_idx), PLAIN_PORT_A) != PLAIN_PORT_B)
            continue;
        const uint32_t index = d->buf_idx;
        d->buf_idx = s->buf_idx;
        d->len = s->len;
        d->flags = NS_BUF_CHANGED;
        s->buf_idx = index;
        s->flags = NS_BUF_CHANGED;
        to++;
    }
    w->tx.tail = from;
    w->rx->head = to;
}

/* A pipe's limit: n slots exchange buffers, two words each, and nobody looks at a packet. */
__attribute__((noinline, unused)) static void plain_forward_slots(struct plain_world *w, uint32_t n)
{
    const uint64_t changed = (uint64_t)NS_BUF_CHANGED << 48, index = 0xffffffffu, length = 0xffff00000000u;
    while (n > 0) {
        const uint32_t from = w->tx.tail % PLAIN_SLOTS, to = w->rx->head % PLAIN_SLOTS;
        const uint32_t room = PLAIN_SLOTS - (from > to ? from : to), run = n < room ? n : room;
        struct netmap_slot *restrict s = &w->tx.slot[from], *restrict d = &w->rx->slot[to];
        for (uint32_t i = 0; i < run; i++) {
            uint64_t sent, received;
            memcpy(&sent, &s[i], 8);
            memcpy(&received, &d[i], 8);
            received = (received & index) | (sent & length) | changed;
            sent = (sent & (index | length)) | changed;
            memcpy(&s[i], &received, 8);
            memcpy(&d[i], &sent, 8);
        }
        w->tx.tail += run;
        w->rx->head += run;
        n -= run;
    }
}

/* The receiver: walk what arrived, add up the lengths, give the slots back. Returns the bytes. */
__attribute__((noinline, unused)) static uint64_t plain_walk(struct plain_ring *rx, uint32_t head)
{
    uint64_t bytes = 0;
    uint32_t at = rx->tail;
    for (; at != head; at++)
        bytes += plain_slot(rx, at)->len;
    rx->tail = at;
    return bytes;
}

/* One way of forwarding, and to how many. */
struct plain_way {
    void (*forward)(struct plain_world *w, uint32_t n);
    unsigned receivers;
};

__attribute__((unused)) static const struct plain_way plain_copying = {plain_forward_copy, 1},
                                                      plain_flooding = {plain_forward_flood, PLAIN_RECEIVERS},
                                                      plain_exchanging = {plain_forward_exchange, 1},
                                                      plain_slots_only = {plain_forward_slots, 1};

/* Fill, forward and walk in one thread for `seconds`; returns packets per second received, over all receivers. */
static inline double plain_one_thread(const struct plain_way *way, uint32_t length, double seconds)
{
    struct plain_world *w = plain_world_new(length);
    if (way == &plain_flooding)
        memset(w->table, 0, sizeof(w->table));
    uint64_t packets = 0, bytes = 0;
    const uint64_t start = bench_ns(), limit = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start;
    while (now < limit) {
        for (unsigned i = 0; i < 64; i++) {
            plain_fill(w, PLAIN_BATCH, length);
            way->forward(w, PLAIN_BATCH);
            for (unsigned r = 0; r < way->receivers; r++) {
                packets += w->rx[r].head - w->rx[r].tail;
                bytes += plain_walk(&w->rx[r], w->rx[r].head);
            }
        }
        now = bench_ns();
    }
    if (packets % (64 * PLAIN_BATCH * way->receivers) != 0 || bytes != packets * length)
        bench_fail("the plain loop lost packets");
    plain_world_free(w);
    return (double)packets * 1e9 / (double)(now - start);
}

#endif
