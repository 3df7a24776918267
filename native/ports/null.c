/* SPDX-License-Identifier: BSD-2-Clause */
/* null.c - the null port: takes everything at once, gives nothing. */
#include "ports/kinds.h"
#include "port/port.h"

/*
 * Bytes of slots at[0..n) if each is a packet with nothing wrong; *odd tells when one is not. Without branches: a
 * sender's speed into this port is the speed of this loop.
 */
static uint64_t plain_bytes(const struct netmap_slot *at, uint32_t n, uint32_t limit, bool *odd)
{
    uint64_t bytes = 0;
    uint32_t wrong = 0;
    for (const struct netmap_slot *end = at + n; at != end; at++) {
        uint64_t slot = nv_shared_load((const uint64_t *)(const void *)at);
        uint32_t length = (uint32_t)(slot >> 32) & ((uint32_t)NS_MOREFRAG << 16 | 0xffff);
        wrong |= (length > NV_BUF_SIZE) | (nv_slot_buf(slot) - NV_FIRST_BUF >= limit);
        bytes += length;
    }
    *odd = wrong != 0;
    return bytes;
}

/* Fragments or broken slots among [from, head): packet by packet. */
static void take_odd(struct nv_port *p, struct nv_txq *tx, uint32_t from, uint32_t head, struct nv_completion *all,
                     struct nv_completion *good)
{
    const uint32_t slots = tx->ctl->queue.slots, limit = nv_port_backed(p) - NV_FIRST_BUF;
    enum nv_drop bad = NV_DROP_COUNT;
    uint64_t length = 0;
    uint32_t frags = 0;
    while (from != head) {
        uint64_t slot = nv_slot_load(tx->ring, from);
        if (nv_slot_buf(slot) - NV_FIRST_BUF >= limit) {
            bad = NV_DROP_BAD_SLOT;
            nv_slot_repair(p, tx->ring, from);
        } else if (nv_slot_len(slot) > NV_BUF_SIZE || frags == NETMAP_MAX_FRAGS)
            bad = NV_DROP_TOO_LONG;
        from = from + 1 == slots ? 0 : from + 1;
        length += nv_slot_len(slot);
        frags++;
        if (nv_slot_flags(slot) & NS_MOREFRAG) {
            if (from != head)
                continue;
            bad = NV_DROP_BROKEN_CHAIN;
        }
        all->packets++;
        all->bytes += length;
        if (bad == NV_DROP_COUNT) {
            good->packets++;
            good->bytes += length;
        } else {
            nv_count_drops(tx->ctl, bad, 1);
        }
        bad = NV_DROP_COUNT;
        length = frags = 0;
    }
}

static void null_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    struct nv_ring_ctl *ctl = tx->ctl;
    uint32_t slots = ctl->queue.slots, from = ctl->hwcur, limit = nv_port_backed(p) - NV_FIRST_BUF;
    uint32_t first = from <= head ? head - from : slots - from, rest = from <= head ? 0 : head;
    bool odd_first, odd_rest;
    struct nv_completion all = {first + rest, plain_bytes(tx->ring->slot + from, first, limit, &odd_first)};
    all.bytes += plain_bytes(tx->ring->slot, rest, limit, &odd_rest);
    struct nv_completion good = all;
    if (odd_first || odd_rest) {
        all = good = (struct nv_completion){0, 0};
        take_odd(p, tx, from, head, &all, &good);
    }
    nv_count(&ctl->stats.packets, all.packets);
    nv_count(&ctl->stats.bytes, all.bytes);
    nv_count(&ctl->stats.delivered, good.packets);
    nv_count(&ctl->stats.delivered_bytes, good.bytes);
    nv_count(&tx->completed.packets, all.packets);
    nv_count(&tx->completed.bytes, all.bytes);
    ctl->hwcur = head;
    ctl->hwtail = head == 0 ? slots - 1 : head - 1;
}

static int null_rxsync(struct nv_port *p, struct nv_rxq *rx, uint32_t head)
{
    (void)p;
    rx->ctl->hwcur = head;
    return 0;
}

static const struct nv_port_ops null_ops = {.txsync = null_txsync, .rxsync = null_rxsync};

const struct nv_kind nv_kind_null = {
    .name = "null",
    .prefix = "null",
    .shape = "null:",
    .flags = NV_KIND_BARE | NV_KIND_UNNAMED | NV_KIND_NEW,
    .most_rings = 16,
    .ops = &null_ops,
};
