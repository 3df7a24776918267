/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stall.c - a delivery queue whose first lease does not get published.
 *
 * Its holder may just be copying, or was put off its core, or is stopped, or dead. After a millisecond we ask
 * whether it lives. A dead holder's lease is passed over at once. A living one gets 50 ms in all; then the lease
 * is taken away, and its buffers, into which the holder may still write when it wakes up, are set aside until it
 * is seen outside of txsync. New buffers from the region take their places.
 */
#include "port/port.h"

#include <stdlib.h>
#include <time.h>

#define PROBE_NS  1000000
#define REVOKE_NS 50000000

int64_t nv_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void nv_queue_refill(struct nv_queue *q, uint32_t buf)
{
    __atomic_store_n(&nv_queue_empty(q)[q->refill & q->mask], buf, __ATOMIC_RELAXED);
    __atomic_store_n(&q->refill, q->refill + 1, __ATOMIC_RELEASE);
}

static bool holder_lives(const struct nv_port *port, uint32_t desc, uint32_t generation)
{
    const struct nv_desc_entry *d = &port->world->table->desc[desc];
    return __atomic_load_n(&d->live, __ATOMIC_ACQUIRE) &&
           (__atomic_load_n(&d->generation, __ATOMIC_RELAXED) & 0xfff) == generation &&
           nv_desc_alive(port->world, desc);
}

/* The dead holder's own buffers that it had already put into the queue become free; the queue keeps its own. */
static void pass_over(struct nv_port *port, struct nv_rxq *rx, uint32_t n, uint32_t seq)
{
    struct nv_queue *q = &rx->ctl->queue;
    for (uint32_t pos = q->consumed; pos != q->consumed + n; pos++) {
        uint64_t e = __atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED);
        uint32_t own = nv_queue_buffer(q, pos), left = nv_entry_buf(e), owner = port->token;
        if (nv_port_shares(port) && nv_entry_valid(e, seq) && left != own && left - NV_FIRST_BUF < nv_port_backed(port))
            __atomic_compare_exchange_n(&port->region->buf_owner[left], &owner, 0, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED);
        nv_queue_refill(q, own);
    }
}

static void set_aside(struct nv_port *port, struct nv_rxq *rx, uint64_t record)
{
    struct nv_queue *q = &rx->ctl->queue;
    uint32_t n = nv_record_n(record);
    struct nv_set_aside *aside = malloc(sizeof(*aside) + n * sizeof(uint32_t));
    if (aside) {
        *aside = (struct nv_set_aside){
            .next = rx->aside, .desc = nv_record_desc(record), .generation = nv_record_generation(record), .n = n};
        rx->aside = aside;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t replacement;
        int error;
        if (aside)
            aside->buf[i] = nv_queue_buffer(q, q->consumed + i);
        if (nv_region_take_bufs(port->region, port->token, &replacement, 1, &error) == 1)
            nv_queue_refill(q, replacement);
        else
            rx->lost++;
    }
}

bool nv_queue_unblock(struct nv_port *port, struct nv_rxq *rx)
{
    struct nv_queue *q = &rx->ctl->queue;
    int64_t now = nv_clock_ns();
    if (!rx->blocked_since_ns || rx->blocked_seq != q->head_seq) {
        rx->blocked_since_ns = rx->probed_ns = now;
        rx->blocked_seq = q->head_seq;
        return false;
    }
    if (now - rx->probed_ns < PROBE_NS)
        return false;
    rx->probed_ns = now;
    uint64_t *at = nv_queue_record(q, q->head_seq);
    uint64_t record = __atomic_load_n(at, __ATOMIC_ACQUIRE);
    if (nv_record_state(record) != NV_LEASE_OPEN)
        return true; /* just published */
    bool lives = holder_lives(port, nv_record_desc(record), nv_record_generation(record));
    if (lives && now - rx->blocked_since_ns < REVOKE_NS)
        return false;
    if (!__atomic_compare_exchange_n(at, &record, record | NV_LEASE_TAKEN, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return true;
    if (lives)
        set_aside(port, rx, record);
    else
        pass_over(port, rx, nv_record_n(record), q->head_seq);
    return true;
}

void nv_queue_bring_back(struct nv_port *port, struct nv_rxq *rx)
{
    struct nv_queue *q = &rx->ctl->queue;
    for (struct nv_set_aside **at = &rx->aside, *aside; (aside = *at) != NULL;) {
        const struct nv_desc_entry *d = &port->world->table->desc[aside->desc];
        if (__atomic_load_n(&d->live, __ATOMIC_ACQUIRE) &&
            (__atomic_load_n(&d->generation, __ATOMIC_RELAXED) & 0xfff) == aside->generation &&
            __atomic_load_n(&d->inside, __ATOMIC_ACQUIRE)) {
            at = &aside->next;
            continue;
        }
        for (uint32_t i = 0; i < aside->n; i++) {
            if (rx->lost) {
                rx->lost--;
                nv_queue_refill(q, aside->buf[i]);
            } else {
                __atomic_store_n(&port->region->buf_owner[aside->buf[i]], 0, __ATOMIC_RELEASE);
            }
        }
        *at = aside->next;
        free(aside);
    }
}

void nv_queue_close(struct nv_queue *q)
{
    __atomic_store_n(&q->owner, 0, __ATOMIC_SEQ_CST);
    /* A sender that saw the queue open may be about to claim the next record: take it before, or see its lease. */
    for (;;) {
        uint64_t w = __atomic_load_n(&q->reserve, __ATOMIC_ACQUIRE);
        uint32_t seq = (uint32_t)(w >> 32);
        uint64_t *at = nv_queue_record(q, seq);
        uint64_t old = __atomic_load_n(at, __ATOMIC_ACQUIRE);
        int32_t ahead = nv_record_ahead(old, seq);
        uint32_t n = 0;
        bool closed = false;
        if (ahead == 0)
            n = nv_record_n(old);
        else if (ahead > 0)
            continue;
        else if (seq - q->head_seq > q->mask)
            return; /* no record left: nobody can claim one */
        else if (!(closed = __atomic_compare_exchange_n(at, &old, nv_record(NV_LEASE_TAKEN, 0, 0, 0, seq), false,
                                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)))
            continue;
        __atomic_compare_exchange_n(&q->reserve, &w, (uint64_t)((uint32_t)w + n) | (uint64_t)(seq + 1) << 32, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        if (closed)
            return;
    }
}
