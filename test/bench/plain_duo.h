/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain_duo.h - the plain loop between two processes: a sender copies packets from its own buffers into a ring that
 * both map, the receiver walks the slots and gives them back. No look-up. Who has nothing to do yields and asks again.
 */
#ifndef NETVALE_BENCH_PLAIN_DUO_H
#define NETVALE_BENCH_PLAIN_DUO_H

#include "plain_loop.h"
#include "two_processes.h"

#define PLAIN_DUO_BATCH 512u

struct plain_duo {
    struct plain_ring ring; /* what both map, with its buffers */
    _Alignas(4096) uint8_t buf[PLAIN_SLOTS * PLAIN_STRIDE];
};

struct plain_duo_arg {
    struct plain_duo *shared;
    uint32_t length;
};

/* Buffer of the ring's slot at a position. */
static inline uint8_t *plain_duo_buf(struct plain_duo *duo, uint32_t position)
{
    return duo->buf + (size_t)plain_slot(&duo->ring, position)->buf_idx * PLAIN_STRIDE;
}

/* Sender: batches of at most PLAIN_DUO_BATCH; the other side's index is read anew only when the known room is used up.
 */
static inline void plain_duo_send(struct duo_control *control, void *arg)
{
    const struct plain_duo_arg *duo = arg;
    struct plain_ring *ring = &duo->shared->ring;
    struct plain_world *own = plain_world_new(duo->length); /* only its tx ring is used */
    uint32_t head = ring->head, tail = head;
    while (!duo_stopped(control)) {
        uint32_t room = PLAIN_SLOTS - (head - tail);
        if (room < PLAIN_DUO_BATCH) {
            tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
            room = PLAIN_SLOTS - (head - tail);
        }
        if (room == 0) {
            sched_yield();
            continue;
        }
        const uint32_t end = head + (room < PLAIN_DUO_BATCH ? room : PLAIN_DUO_BATCH);
        plain_fill(own, end - head, duo->length);
        for (; head != end; head++) {
            const struct netmap_slot *s = plain_slot(&own->tx, head);
            struct netmap_slot *d = plain_slot(ring, head);
            __builtin_prefetch(plain_buf(own, plain_slot(&own->tx, head + PLAIN_AHEAD)->buf_idx));
            plain_prefetch_write(plain_duo_buf(duo->shared, head + PLAIN_AHEAD));
            plain_prefetch_next(plain_duo_buf(duo->shared, head + 1),
                                plain_buf(own, plain_slot(&own->tx, head + 1)->buf_idx), s->len);
            plain_copy(plain_duo_buf(duo->shared, head), plain_buf(own, s->buf_idx), s->len);
            memcpy(&d->len, &s->len, 4); /* length and flags */
        }
        __atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
    }
}

/* Receiver: returns packets a second, from the first packet on. */
static inline double plain_duo_receive(struct duo_control *control, void *arg, double seconds)
{
    (void)control;
    const struct plain_duo_arg *duo = arg;
    struct plain_ring *ring = &duo->shared->ring;
    uint64_t packets = 0, bytes = 0, start = 0, now = 0;
    for (unsigned turn = 0; !start || now < start + (uint64_t)(seconds * 1e9); turn++) {
        const uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE), tail = ring->tail;
        if (head == tail) {
            sched_yield();
        } else {
            if (!start)
                start = bench_ns();
            packets += head - tail;
            for (uint32_t at = tail; at != head; at++)
                bytes += plain_slot(ring, at)->len;
            __atomic_store_n(&ring->tail, head, __ATOMIC_RELEASE);
        }
        if (turn % 16 == 0)
            now = bench_ns();
    }
    if (bytes != packets * duo->length)
        bench_fail("the plain loop lost bytes");
    return (double)packets * 1e9 / (double)(now - start);
}

/* Both sides for `seconds`; returns packets a second received. */
static inline double plain_two_processes(uint32_t length, bool one_core, double seconds)
{
    struct plain_duo_arg arg = {.shared = bench_shared(sizeof(struct plain_duo)), .length = length};
    for (uint32_t i = 0; i < PLAIN_SLOTS; i++)
        arg.shared->ring.slot[i].buf_idx = i;
    const struct duo duo = {plain_duo_send, plain_duo_receive, &arg, one_core};
    const double value = duo_run(&duo, seconds);
    munmap(arg.shared, sizeof(struct plain_duo));
    return value;
}

#endif
