/* SPDX-License-Identifier: BSD-2-Clause */
/* receive.c - the receiver's side of a delivery queue: released slots go back, published leases are shown. */
#include "port/port.h"

#include <errno.h>

/*
 * Give the buffers of released slots [hwcur, head) back to the queue. A slot with a broken or foreign buffer
 * costs its ring that buffer: a new one is taken from the region. Returns the number of broken slots.
 */
static uint32_t release(struct nv_port *port, struct nv_rxq *rx, uint32_t head)
{
    struct nv_ring_ctl *ctl = rx->ctl;
    struct nv_queue *q = &ctl->queue;
    uint32_t *empty = nv_queue_empty(q);
    uint32_t refill = q->refill, mask = q->mask, broken = 0;
    uint32_t backed = nv_port_backed(port), slots = q->slots;
    bool shared = nv_port_shares(port);
    for (uint32_t i = ctl->hwcur; i != head; i = i + 1 == slots ? 0 : i + 1) {
        uint32_t buf = nv_slot_buf(nv_slot_load(rx->ring, i));
        if (__builtin_expect(buf - NV_FIRST_BUF >= backed - NV_FIRST_BUF || (shared && !nv_port_owns(port, buf)), 0)) {
            int error;
            broken++;
            if (nv_region_take_bufs(port->region, port->token, &buf, 1, &error) != 1) {
                rx->lost++;
                continue;
            }
        }
        __atomic_store_n(&empty[refill++ & mask], buf, __ATOMIC_RELAXED);
    }
    ctl->hwcur = head;
    if (rx->releases_wake) {
        __atomic_store_n(&q->refill, refill, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&q->armed_tx, __ATOMIC_SEQ_CST)) {
            uint32_t armed = __atomic_exchange_n(&q->armed_tx, 0, __ATOMIC_SEQ_CST);
            nv_token peer = port->world->table->port[port->entry->peer % NV_MAX_PORTS].token;
            if (armed) {
                nv_world_wake(port->world, armed, peer);
                nv_count(&ctl->stats.wakeups, 1);
            }
        }
    } else {
        __atomic_store_n(&q->refill, refill, __ATOMIC_RELEASE);
    }
    return broken;
}

/* Show the packets of a published lease in the slots from hwtail on; returns the new hwtail. */
static uint32_t take_lease(struct nv_port *port, struct nv_rxq *rx, uint32_t pos, uint32_t n, uint32_t seq,
                           uint32_t tail)
{
    struct nv_ring_ctl *ctl = rx->ctl;
    struct nv_queue *q = &ctl->queue;
    struct netmap_ring *ring = rx->ring;
    uint32_t slots = q->slots, mask = q->mask, backed = nv_port_backed(port);
    bool shared = nv_port_shares(port);
    uint64_t packets = 0, bytes = 0;
    for (uint32_t end = pos + n; pos != end; pos++) {
        uint64_t e = __atomic_load_n(&q->full[pos & mask], __ATOMIC_RELAXED);
        uint32_t buf = nv_entry_buf(e);
        if (__builtin_expect(!nv_entry_valid(e, seq) || buf - NV_FIRST_BUF >= backed - NV_FIRST_BUF, 0)) {
            if ((uint16_t)(e >> 48) != (uint16_t)seq)
                nv_count_drops(ctl, NV_DROP_STALE, 1);
            nv_queue_refill(q, nv_queue_buffer(q, pos));
            continue;
        }
        if (shared) /* whoever left it there, it is ours now */
            __atomic_store_n(&port->region->buf_owner[buf], port->token, __ATOMIC_RELAXED);
        uint64_t more = e >> 31 & 1;
        uint64_t flags = (e >> 24 & 0x7f) << 8 | more << 5; /* NS_RFRAGS, NS_MOREFRAG */
        nv_slot_store(ring, tail, (uint64_t)buf | (e & 0xffff00000000ull) | flags << 48);
        ring->slot[tail].ptr = 0;
        packets += !more;
        bytes += nv_entry_len(e);
        tail = tail + 1 == slots ? 0 : tail + 1;
    }
    nv_count(&ctl->stats.packets, packets);
    nv_count(&ctl->stats.bytes, bytes);
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
        uint64_t r = __atomic_load_n(&q->record[seq & (NV_QUEUE_RECORDS - 1)], __ATOMIC_ACQUIRE);
        if (nv_record_ahead(r, seq) != 0)
            break;
        if (nv_record_state(r) == NV_LEASE_OPEN) {
            if (nv_queue_unblock(port, rx))
                continue;
            break;
        }
        uint32_t n = nv_record_n(r);
        if (nv_record_state(r) == NV_LEASE_DONE)
            ctl->hwtail = take_lease(port, rx, q->consumed, n, seq, ctl->hwtail);
        __atomic_store_n(&q->consumed, q->consumed + n, __ATOMIC_RELAXED);
        __atomic_store_n(&q->head_seq, seq + 1, __ATOMIC_RELEASE);
    }
    return broken ? -EINVAL : 0;
}
