/* SPDX-License-Identifier: BSD-2-Clause */
/* null.c - the null port: takes everything at once, gives nothing. */
#include "port/port.h"

static void null_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    struct nv_ring_ctl *ctl = tx->ctl;
    uint32_t slots = ctl->queue.slots, limit = nv_port_backed(p) - NV_FIRST_BUF, frags = 0;
    uint64_t packets = 0, bytes = 0, dropped = 0, dropped_bytes = 0, chain_bytes = 0;
    enum nv_drop bad = NV_DROP_COUNT;
    for (uint32_t i = ctl->hwcur; i != head; i = i + 1 == slots ? 0 : i + 1) {
        uint64_t slot = nv_slot_load(tx->ring, i);
        if (nv_slot_buf(slot) - NV_FIRST_BUF >= limit)
            bad = NV_DROP_BAD_SLOT;
        else if (nv_slot_len(slot) > NV_BUF_SIZE || frags == NETMAP_MAX_FRAGS)
            bad = NV_DROP_TOO_LONG;
        chain_bytes += nv_slot_len(slot);
        frags++;
        if (nv_slot_flags(slot) & NS_MOREFRAG) {
            if ((i + 1 == slots ? 0 : i + 1) != head)
                continue;
            bad = NV_DROP_BROKEN_CHAIN;
        }
        packets++;
        bytes += chain_bytes;
        if (__builtin_expect(bad != NV_DROP_COUNT, 0)) {
            dropped++;
            dropped_bytes += chain_bytes;
            nv_count_drops(ctl, bad, 1);
            bad = NV_DROP_COUNT;
        }
        chain_bytes = frags = 0;
    }
    nv_count(&ctl->stats.packets, packets);
    nv_count(&ctl->stats.bytes, bytes);
    nv_count(&ctl->stats.delivered, packets - dropped);
    nv_count(&ctl->stats.delivered_bytes, bytes - dropped_bytes);
    nv_count(&tx->completed.packets, packets);
    nv_count(&tx->completed.bytes, bytes);
    ctl->hwcur = head;
    ctl->hwtail = head == 0 ? slots - 1 : head - 1;
}

static int null_rxsync(struct nv_port *p, struct nv_rxq *rx, uint32_t head)
{
    (void)p;
    rx->ctl->hwcur = head;
    return 0;
}

const struct nv_port_ops nv_null_ops = {.name = "null", .txsync = null_txsync, .rxsync = null_rxsync};
