/* SPDX-License-Identifier: BSD-2-Clause */
/* frames.c - see frames.h. */
#include "ports/frames.h"

#include <string.h>

void nv_frame_gather(struct nv_port *p, struct nv_txq *tx, uint32_t from, uint32_t head, struct nv_out_frame *frame)
{
    const uint32_t slots = tx->ctl->queue.slots;
    uint64_t word;
    frame->pieces = 0;
    frame->bytes = 0;
    frame->bad = NV_DROP_COUNT;
    do {
        word = nv_slot_load(tx->ring, from);
        enum nv_drop why = nv_slot_check(p, word);
        if (why == NV_DROP_COUNT && frame->pieces == NETMAP_MAX_FRAGS)
            why = NV_DROP_TOO_LONG;
        if (why == NV_DROP_BAD_SLOT && !(nv_slot_flags(word) & NS_INDIRECT))
            nv_slot_repair(p, tx->ring, from);
        if (why != NV_DROP_COUNT)
            frame->bad = why;
        else
            frame->iov[frame->pieces++] =
                (struct iovec){nv_region_buf(p->region, nv_slot_buf(word)), nv_slot_len(word)};
        frame->bytes += nv_slot_len(word);
        from = from + 1 == slots ? 0 : from + 1;
    } while ((nv_slot_flags(word) & NS_MOREFRAG) && from != head);
    frame->next = from;
    if (frame->bad == NV_DROP_COUNT && (nv_slot_flags(word) & NS_MOREFRAG))
        frame->bad = NV_DROP_BROKEN_CHAIN;
    if (frame->bad == NV_DROP_COUNT && frame->bytes < NV_FRAME_MIN_BYTES)
        frame->bad = NV_DROP_RUNT;
    if (frame->bad == NV_DROP_COUNT && frame->bytes > NV_FRAME_MAX_BYTES)
        frame->bad = NV_DROP_TOO_LONG;
}

void nv_frame_count(struct nv_txq *tx, struct nv_out_count *count, uint64_t bytes, enum nv_drop why)
{
    count->all.packets++;
    count->all.bytes += bytes;
    if (why == NV_DROP_COUNT) {
        count->good.packets++;
        count->good.bytes += bytes;
    } else {
        nv_count_drops(tx->ctl, why, 1);
    }
}

void nv_frames_sent(struct nv_txq *tx, const struct nv_out_count *count, uint32_t head)
{
    struct nv_ring_ctl *ctl = tx->ctl;
    nv_count(&ctl->stats.packets, count->all.packets);
    nv_count(&ctl->stats.bytes, count->all.bytes);
    nv_count(&ctl->stats.delivered, count->good.packets);
    nv_count(&ctl->stats.delivered_bytes, count->good.bytes);
    nv_count(&tx->completed.packets, count->all.packets);
    nv_count(&tx->completed.bytes, count->all.bytes);
    ctl->hwcur = head;
    ctl->hwtail = head == 0 ? ctl->queue.slots - 1 : head - 1;
}

uint32_t nv_frame_write(struct nv_port *p, const struct nv_queue *q, uint32_t pos, const uint8_t *data, uint32_t length,
                        uint64_t *entry)
{
    const uint32_t n = (length + NV_BUF_SIZE - 1) / NV_BUF_SIZE;
    for (uint32_t i = 0, at = 0; i < n; i++, at += NV_BUF_SIZE) {
        const uint32_t buf = nv_queue_buffer(q, pos + i), len = length - at < NV_BUF_SIZE ? length - at : NV_BUF_SIZE;
        memcpy(nv_region_buf(p->region, buf), data + at, len);
        entry[i] = nv_entry(buf, n, i + 1 < n, (uint16_t)len, 0);
    }
    return n;
}

void nv_frames_enter(struct nv_port *p, struct nv_rxq *rx, const uint64_t *entry, uint32_t n)
{
    struct nv_queue *q = &rx->ctl->queue;
    struct nv_lease lease;
    if (nv_queue_reserve(q, p->token, n, p->desc, p->generation, &lease) != NV_RESERVED)
        return;
    for (uint32_t i = 0; i < lease.n; i++)
        nv_queue_put(q, lease.pos + i, entry[i] | (uint64_t)(uint16_t)lease.seq << 48);
    nv_queue_publish(q, &lease);
}
