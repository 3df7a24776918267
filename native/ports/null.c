/* SPDX-License-Identifier: BSD-2-Clause */
/* null.c - the null port: takes everything at once, gives nothing. */
#include "port/port.h"

static void null_txsync(struct nv_port *p, struct nv_txq *tx, uint32_t head)
{
    struct nv_ring_ctl *ctl = tx->ctl;
    uint32_t slots = ctl->queue.slots, backed = nv_port_backed(p);
    uint64_t packets = 0, bytes = 0, delivered = 0, delivered_bytes = 0, chain_bytes = 0;
    bool bad = false;
    for (uint32_t i = ctl->hwcur; i != head; i = i + 1 == slots ? 0 : i + 1) {
        uint64_t slot = nv_slot_load(tx->ring, i);
        bad |= nv_slot_buf(slot) - NV_FIRST_BUF >= backed - NV_FIRST_BUF || nv_slot_len(slot) > NV_BUF_SIZE;
        chain_bytes += nv_slot_len(slot);
        if (nv_slot_flags(slot) & NS_MOREFRAG)
            continue;
        packets++;
        bytes += chain_bytes;
        if (!bad) {
            delivered++;
            delivered_bytes += chain_bytes;
        }
        bad = false;
        chain_bytes = 0;
    }
    if (chain_bytes) { /* the last fragment never came */
        packets++;
        bytes += chain_bytes;
        nv_count_drops(ctl, NV_DROP_BROKEN_CHAIN, 1);
    }
    nv_count_drops(ctl, NV_DROP_BAD_SLOT, packets - delivered - (chain_bytes != 0));
    nv_count(&ctl->stats.packets, packets);
    nv_count(&ctl->stats.bytes, bytes);
    nv_count(&ctl->stats.delivered, delivered);
    nv_count(&ctl->stats.delivered_bytes, delivered_bytes);
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
