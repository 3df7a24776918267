/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stall.c - a delivery queue whose first lease does not get published.
 *
 * Its holder may just be copying, or was put off its core, or is stopped, or dead. After a millisecond we ask
 * whether it lives. A dead holder's lease is passed over at once. A living one gets 50 ms in all; then the lease
 * is taken away, and its buffers, into which the holder may still write when it wakes up, are set aside until it
 * is seen outside of txsync. New buffers from the region take their places, now or when there are some.
 */
#include "port/port.h"

#include <stdlib.h>
#include <time.h>

#define PROBE_NS  1000000
#define REVOKE_NS 50000000
#define RETRY_NS  10000000 /* the region had no buffers in place of lost ones */

int64_t nv_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void nv_queue_refill(struct nv_port *port, struct nv_rxq *rx, uint32_t buf)
{
    struct nv_queue *q = &rx->ctl->queue;
    nv_store(port->region->buf_place[buf], nv_place(rx->object, q->refill));
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

static bool change_owner(struct nv_port *port, uint32_t buf, nv_token from, nv_token to)
{
    return __atomic_compare_exchange_n(&port->region->buf_owner[buf], &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* What a holder had already entered of its own buffers into the lease's positions passes from us to `to`. */
static void give_up_entered(struct nv_port *port, const struct nv_queue *q, uint32_t n, uint32_t seq, nv_token to)
{
    for (uint32_t pos = q->consumed; pos != q->consumed + n; pos++) {
        uint64_t e = __atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED);
        uint32_t buf = nv_entry_buf(e);
        if (nv_entry_valid(e, seq) && buf != nv_queue_buffer(q, pos) && buf - NV_FIRST_BUF < nv_port_backed(port))
            change_owner(port, buf, port->token, to);
    }
}

/* The holder is dead: the lease's positions are empty again with the buffers they had. */
static void pass_over(struct nv_port *port, struct nv_rxq *rx, uint32_t n, uint32_t seq)
{
    struct nv_queue *q = &rx->ctl->queue;
    if (nv_port_shares(port))
        give_up_entered(port, q, n, seq, 0);
    for (uint32_t pos = q->consumed; pos != q->consumed + n; pos++) {
        uint32_t buf = nv_queue_buffer(q, pos);
        nv_queue_put(q, pos, nv_entry(0, 0, false, 0, seq)); /* a pipe's sender counts what was released */
        __atomic_store_n(&port->region->buf_owner[buf], port->token, __ATOMIC_RELEASE);
        nv_queue_refill(port, rx, buf);
    }
}

/*
 * The holder stands still and may go on at any time: its buffers are replaced and carry its token meanwhile, so that
 * nobody gets them even when we leave.
 */
static void set_aside(struct nv_port *port, struct nv_rxq *rx, uint64_t record)
{
    struct nv_queue *q = &rx->ctl->queue;
    uint32_t n = nv_record_n(record), desc = nv_record_desc(record);
    struct nv_set_aside *aside = malloc(sizeof(*aside) + n * sizeof(uint32_t));
    nv_token holder = nv_load(port->world->table->desc[desc].port);
    __atomic_fetch_add(&q->wary, 1, __ATOMIC_SEQ_CST);
    if (nv_port_shares(port))
        give_up_entered(port, q, n, q->head_seq, holder);
    if (aside) {
        *aside = (struct nv_set_aside){.next = rx->aside,
                                       .desc = desc,
                                       .generation = nv_record_generation(record),
                                       .seq = q->head_seq,
                                       .holder = holder,
                                       .n = n};
        rx->aside = aside;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t buf = nv_queue_buffer(q, q->consumed + i), replacement;
        int error;
        if (aside)
            aside->buf[i] = buf;
        __atomic_store_n(&port->region->buf_owner[buf], holder, __ATOMIC_RELEASE);
        if (nv_region_take_bufs(port->region, port->token, &replacement, 1, &error) == 1)
            nv_queue_refill(port, rx, replacement);
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
    /* A pipe's only sender keeps nobody else waiting, and a pipe loses nothing. */
    if (lives && (rx->releases_wake || now - rx->blocked_since_ns < REVOKE_NS))
        return false;
    if (!__atomic_compare_exchange_n(at, &record, record | NV_LEASE_TAKEN, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return true;
    if (lives)
        set_aside(port, rx, record);
    else
        pass_over(port, rx, nv_record_n(record), q->head_seq);
    return true;
}

/* Is the holder of this lease still inside the txsync in which it lost it? */
static bool holder_inside(const struct nv_port *port, const struct nv_set_aside *aside)
{
    const struct nv_desc_entry *d = &port->world->table->desc[aside->desc];
    return __atomic_load_n(&d->live, __ATOMIC_ACQUIRE) &&
           (__atomic_load_n(&d->generation, __ATOMIC_RELAXED) & 0xfff) == aside->generation &&
           __atomic_load_n(&d->inside, __ATOMIC_ACQUIRE);
}

void nv_queue_bring_back(struct nv_port *port, struct nv_rxq *rx)
{
    struct nv_queue *q = &rx->ctl->queue;
    for (struct nv_set_aside **at = &rx->aside, *aside; (aside = *at) != NULL;) {
        if (aside->n && holder_inside(port, aside)) {
            at = &aside->next;
            continue;
        }
        for (uint32_t i = 0; i < aside->n; i++)
            if (change_owner(port, aside->buf[i], aside->holder, rx->lost ? port->token : 0) && rx->lost) {
                rx->lost--;
                nv_queue_refill(port, rx, aside->buf[i]);
            }         /* else it died, and its buffers were swept or will be */
        if (aside->n) /* what was reserved by now it may have overwritten */
            aside->until = (uint32_t)(__atomic_load_n(&q->reserve, __ATOMIC_ACQUIRE) >> 32) + 1;
        aside->n = 0;
        if ((int32_t)(aside->until - q->head_seq) > 0) {
            at = &aside->next;
            continue;
        }
        *at = aside->next;
        free(aside);
        __atomic_fetch_sub(&q->wary, 1, __ATOMIC_RELEASE);
    }
    int64_t now = rx->lost ? nv_clock_ns() : 0;
    uint32_t buf;
    int error;
    if (rx->lost && now - rx->probed_ns >= RETRY_NS) {
        rx->probed_ns = now;
        while (rx->lost && nv_region_take_bufs(port->region, port->token, &buf, 1, &error) == 1) {
            rx->lost--;
            nv_queue_refill(port, rx, buf);
        }
    }
}

/* Did a sender that woke up after its lease was taken away overwrite entry e at position pos of lease seq? */
static bool overwritten(const struct nv_rxq *rx, uint32_t pos, uint64_t e, uint32_t seq)
{
    if ((uint16_t)(e >> 48) != (uint16_t)seq)
        return true;
    for (const struct nv_set_aside *aside = rx->aside; aside; aside = aside->next)
        if ((uint16_t)aside->seq == (uint16_t)seq) /* by chance its entries look like these, which were copied */
            return nv_entry_valid(e, seq) && nv_entry_buf(e) != nv_queue_buffer(&rx->ctl->queue, pos);
    return false;
}

const uint64_t *nv_queue_check(struct nv_port *port, struct nv_rxq *rx, uint32_t n, uint32_t seq)
{
    struct nv_queue *q = &rx->ctl->queue;
    uint32_t packets = 0, bad = 0;
    if (!rx->checked)
        rx->checked = malloc((q->mask + 1) * sizeof(*rx->checked));
    for (uint32_t pos = q->consumed; pos != q->consumed + n; pos++) {
        uint64_t e = __atomic_load_n(&q->full[pos & q->mask], __ATOMIC_RELAXED);
        if (rx->checked)
            rx->checked[pos & q->mask] = e;
        if (overwritten(rx, pos, e, seq))
            bad++;
        else
            packets += nv_entry_valid(e, seq) && !(e & NV_ENTRY_MORE);
    }
    if (bad == 0)
        return rx->checked ? rx->checked : q->full;
    nv_count_drops(rx->ctl, NV_DROP_STALE, packets + bad);
    for (uint32_t pos = q->consumed; pos != q->consumed + n; pos++)
        nv_queue_refill(port, rx, nv_queue_buffer(q, pos));
    return NULL;
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
        if (ahead > 0)
            continue; /* we read an old `reserve` */
        if (ahead == 0) {
            n = nv_record_n(old);
        } else {
            if (seq - q->head_seq > q->mask)
                return; /* no record left: nobody can claim one */
            closed = __atomic_compare_exchange_n(at, &old, nv_record(NV_LEASE_TAKEN, 0, 0, 0, seq), false,
                                                 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
            if (!closed)
                continue;
        }
        __atomic_compare_exchange_n(&q->reserve, &w, (uint64_t)((uint32_t)w + n) | (uint64_t)(seq + 1) << 32, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        if (closed)
            return;
    }
}
