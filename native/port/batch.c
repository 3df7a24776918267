/* SPDX-License-Identifier: BSD-2-Clause */
/* batch.c - a ring as batches of packets; see batch.h. */
#include "port/batch.h"

#include "memory/shared.h"

static uint32_t next(const struct nv_batch_ring *r, uint32_t at)
{
    return at + 1 == r->slots ? 0 : at + 1;
}

/* Where a buffer is, in bytes from the start of the mapping; false when there is none of that index. */
static bool place(const struct nv_batch_ring *r, uint32_t index, uint32_t *offset)
{
    if (index < 2 || index >= r->buffers)
        return false;
    *offset = (uint32_t)(r->buffers_at + (uint64_t)index * r->buffer_size);
    return true;
}

static uint64_t slot_word(const struct nv_batch_ring *r, uint32_t at)
{
    return nv_shared_load((const uint64_t *)(const void *)&r->ring->slot[at]);
}

size_t nv_batch_gather(struct nv_batch_ring *r, const char *base, struct nv_batch_arrays a, size_t count)
{
    const uint32_t tail = nv_shared_acquire(&r->ring->tail);
    while (r->at != tail && tail < r->slots && count < a.room) {
        const uint64_t slot = slot_word(r, r->at);
        const uint32_t length = (uint32_t)(slot >> 32) & 0xffff;
        r->at = next(r, r->at);
        if (!place(r, (uint32_t)slot, &a.offsets[count]))
            continue;
        /* Its reader is about to look at its first bytes, and they are in another core's cache. */
        __builtin_prefetch(base + a.offsets[count], 0, 2);
        a.lengths[count] = (uint16_t)(length < r->buffer_size ? length : r->buffer_size);
        a.flags[count] = (uint16_t)(slot >> 48);
        count++;
    }
    __atomic_store_n(&r->ring->cur, r->at, __ATOMIC_RELAXED);
    return count;
}

uint32_t nv_batch_space(const struct nv_batch_ring *r)
{
    const uint32_t head = nv_shared_load(&r->ring->head), tail = nv_shared_acquire(&r->ring->tail);
    if (head >= r->slots || tail >= r->slots)
        return 0;
    return tail >= head ? tail - head : tail + r->slots - head;
}

size_t nv_batch_reserve(struct nv_batch_ring *r, struct nv_batch_arrays a, size_t count, size_t want)
{
    const uint32_t head = nv_shared_load(&r->ring->head), tail = nv_shared_acquire(&r->ring->tail);
    r->at = 0;
    r->count = 0;
    if (head >= r->slots || tail >= r->slots)
        return count;
    r->at = head;
    for (uint32_t at = head; at != tail && count < want; at = next(r, at)) {
        if (!place(r, (uint32_t)slot_word(r, at), &a.offsets[count]))
            break;
        a.flags[count++] = 0;
        r->count++;
    }
    return count;
}

void nv_batch_fill(struct nv_batch_ring *r, struct nv_batch_arrays a, size_t from, uint32_t take)
{
    uint32_t at = r->at;
    for (; take; take--, from++, at = next(r, at)) {
        struct netmap_slot *slot = &r->ring->slot[at];
        __atomic_store_n(&slot->len, a.lengths[from], __ATOMIC_RELAXED);
        uint16_t flags = nv_shared_load(&slot->flags);
        __atomic_store_n(&slot->flags, (uint16_t)((flags & NS_BUF_CHANGED) | (a.flags[from] & NS_MOREFRAG)),
                         __ATOMIC_RELAXED);
    }
    r->count = 0;
    r->at = at;
    __atomic_store_n(&r->ring->cur, at, __ATOMIC_RELAXED);
    __atomic_store_n(&r->ring->head, at, __ATOMIC_RELEASE);
}
