/* SPDX-License-Identifier: BSD-2-Clause */
/* side.c - see side.h. */
#include "relay/side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/error.h"
#include "port/port.h"
#include "ring/copy.h"

#define SEND_AHEAD 12u /* slots between the prefetch of a tx buffer and its use */

int side_open(struct side *side, const char *name, const struct nv_open_options *open, struct nv_error *err)
{
    int error = nv_open(name, open, &side->port, err);

    if (error)
        return error;
    struct nv_ring_range range = nv_rings(side->port);
    side->first_rx = range.first_rx;
    side->rx_rings = (uint16_t)(range.last_rx + 1 - range.first_rx);
    side->tx_ring = range.first_tx;
    side->pipe = strpbrk(nv_name(side->port), "{}") != NULL;
    if (side->rx_rings == 0 || (uint16_t)(range.last_tx + 1 - range.first_tx) == 0)
        return nv_fail(err, EINVAL, "%s: opened without rx or tx rings: both are needed", name);
    if (side->rx_rings > SIDE_RINGS)
        return nv_fail(err, EINVAL, "%s: more than %d rings: open some of them (%s-0)", name, SIDE_RINGS, name);
    bool good = nv_slots_open(&side->tx, side->port, nv_txring(side->port, side->tx_ring));
    for (unsigned r = 0; r < side->rx_rings; r++)
        good &= nv_slots_open(&side->rx[r], side->port, nv_rxring(side->port, side->first_rx + r));
    side->scratch = malloc(SIDE_FRAME_MAX);
    side->lines = side->tx.buf_size % NV_LINE == 0 && (uintptr_t)side->tx.buffers % NV_LINE == 0;
    for (unsigned r = 0; r < side->rx_rings; r++)
        side->lines &= side->rx[r].buf_size % NV_LINE == 0 && (uintptr_t)side->rx[r].buffers % NV_LINE == 0;
    for (unsigned r = 0; r < side->rx_rings && good; r++)
        good = (side->rx_head[r] = side->rx_tail[r] = nv_slots_head(side->rx[r].ring)) < side->rx[r].slots;
    nv_stats_tx(side->port, side->tx_ring, &side->counted);
    if (!good || !side_join(side))
        return nv_fail(err, EIO, "%s: somebody wrote rubbish into its rings", name);
    return side->scratch ? 0 : nv_fail(err, ENOMEM, "no memory for a frame");
}

/* A buffer is outside of all rings now, or in one again: what the port's sweep is told. */
static inline void keep(struct spares *spares, uint32_t buffer)
{
    spares->kept[buffer / 64] |= UINT64_C(1) << buffer % 64;
}

static inline void let_go(struct spares *spares, uint32_t buffer)
{
    spares->kept[buffer / 64] &= ~(UINT64_C(1) << buffer % 64);
}

int side_spares(struct side *side, struct side *other, struct nv_error *err)
{
    struct netmap_if *nifp = nv_if(side->port);
    const struct nv_slots *s = &side->tx;

    if (other && other->spares && other->spares->memory == nv_mem_id(side->port)) {
        side->spares = other->spares;
    } else {
        side->spares = calloc(1, sizeof(*side->spares));
        if (!side->spares)
            return nv_fail(err, ENOMEM, "no memory for spare buffers");
        side->spares->memory = nv_mem_id(side->port);
        side->spares->kept = calloc(s->mapped / 64 + 1, sizeof(uint64_t));
        if (!side->spares->kept)
            return nv_fail(err, ENOMEM, "no memory for spare buffers");
    }
    struct spares *spares = side->spares;
    uint32_t index = nv_shared_load(&nifp->ni_bufs_head);
    uint32_t *grown = realloc(spares->buffer, ((size_t)spares->size + s->mapped) * sizeof(*grown));
    if (!grown)
        return nv_fail(err, ENOMEM, "no memory for spare buffers");
    spares->buffer = grown;
    for (uint32_t left = s->mapped; index && left; left--) {
        const uint8_t *data = nv_slots_buffer(s, index);
        if (!data)
            break; /* the rest of the list is rubbish */
        spares->buffer[spares->count++] = index;
        keep(spares, index);
        memcpy(&index, data, sizeof(index));
    }
    nifp->ni_bufs_head = 0;
    nv_port_keeps(side->port, spares->kept);
    spares->size = spares->count;
    return 0;
}

void side_close(struct side *side, struct side *other)
{
    if (side->port && side->spares && !(other && other->spares == side->spares)) {
        uint32_t head = 0;
        nv_slots_refresh(&side->tx, side->port);
        for (uint32_t i = 0; i < side->spares->count; i++) {
            uint8_t *data = nv_slots_buffer(&side->tx, side->spares->buffer[i]);
            if (data) {
                memcpy(data, &head, sizeof(head));
                head = side->spares->buffer[i];
            }
        }
        nv_if(side->port)->ni_bufs_head = head;
        nv_port_keeps(side->port, NULL);
        free(side->spares->kept);
        free(side->spares->buffer);
        free(side->spares);
    }
    side->spares = NULL;
    nv_close(side->port);
    side->port = NULL;
    free(side->scratch);
    side->scratch = NULL;
}

int side_take(struct side *side, unsigned r)
{
    struct nv_slots *s = &side->rx[r];

    for (unsigned tries = 0;; tries++) {
        nv_slots_move(s->ring, side->rx_head[r], side->rx_head[r]);
        if (nv_rxsync(side->port, side->first_rx + r) == 0)
            break;
        if (nv_gone(side->port))
            return nv_gone(side->port);
        side->resets++;
        if (tries == 0)
            continue; /* somebody else wrote what was wrong: the same again */
        /* Slots were given back that we never saw: go on behind them. */
        uint32_t head = nv_slots_head(s->ring);
        if (head >= s->slots)
            break;
        uint32_t missed = nv_slots_between(side->rx_head[r], head, s->slots);
        if (missed <= nv_slots_between(side->rx_head[r], side->rx_tail[r], s->slots))
            side->skipped += missed;
        side->rx_head[r] = head;
        break;
    }
    uint32_t tail = nv_slots_tail(s->ring);
    side->rx_tail[r] = tail < s->slots ? tail : side->rx_head[r];
    nv_slots_refresh(s, side->port);
    return 0;
}

void side_look_ahead(const struct side *side, unsigned r, uint32_t count)
{
    const struct nv_slots *s = &side->rx[r];
    uint32_t from = side->rx_head[r], there = nv_slots_between(from, side->rx_tail[r], s->slots);

    for (count = count < there ? count : there; count; count--, from = nv_slots_next(from, s->slots)) {
        uint32_t index = nv_shared_load(&s->ring->slot[from].buf_idx);
        __builtin_prefetch(s->buffers + (uint64_t)index * s->buf_size); /* wherever that is */
    }
}

enum side_found side_next_chain(struct side *side, unsigned r, struct frame *frame)
{
    const struct nv_slots *s = &side->rx[r];
    uint32_t at = side->rx_head[r], length = 0;
    enum side_found found = SIDE_FRAME;

    for (bool more = true; more; at = nv_slots_next(at, s->slots)) {
        if (at == side->rx_tail[r])
            return SIDE_NONE;
        const struct netmap_slot slot = nv_slots_read(s, at);
        const uint8_t *data = nv_slots_buffer(s, slot.buf_idx);
        uint32_t part = nv_slots_len(s, &slot);
        more = slot.flags & NS_MOREFRAG;
        if (!data)
            found = SIDE_BAD;
        else if (length + part > SIDE_FRAME_MAX)
            found = found == SIDE_BAD ? SIDE_BAD : SIDE_LONG;
        if (found != SIDE_FRAME)
            continue;
        memcpy(side->scratch + length, data, part);
        length += part;
    }
    side->rx_head[r] = at;
    *frame = (struct frame){.data = side->scratch, .length = length, .place = FRAME_LOOSE, .home = side};
    return found;
}

/* Give back what a frame was kept in before. */
static inline void forget(struct frame *frame, struct nv_store *store)
{
    if (frame->place == FRAME_BUFFER) {
        struct spares *spares = frame->home->spares;
        spares->buffer[spares->count++] = frame->buffer;
    }
    if (frame->record)
        nv_store_give(store, frame->record);
    frame->record = NULL;
}

struct nv_emu_packet *side_keep_any(struct frame *frame, struct nv_store *store, uint32_t extra)
{
    struct spares *spares = frame->place == FRAME_SLOT ? frame->home->spares : NULL;
    struct nv_emu_packet *record;

    if (frame->record && extra == 0)
        return frame->record; /* from one link to the next */
    if (spares && spares->count && frame->length > SIDE_SHORT && extra == 0) {
        record = nv_store_take(store, sizeof(*record));
        if (!record)
            return NULL;
        keep(spares, frame->buffer);
        const uint32_t spare = spares->buffer[--spares->count];
        frame->slot->buf_idx = spare;
        let_go(spares, spare);
        frame->slot->flags = NS_BUF_CHANGED;
        record->cookie = SIDE_IN_BUFFER | (uint64_t)frame->home->index << 1 | (uint64_t)frame->buffer << 2 |
                         (uint64_t)frame->length << SIDE_LENGTH_AT;
        frame->place = FRAME_BUFFER;
    } else {
        size_t size = sizeof(*record) + (extra ? (frame->length + 7) / 8 * 8 + extra : frame->length);
        record = nv_store_take(store, size);
        if (!record)
            return NULL;
        memcpy(record + 1, frame->data, frame->length);
        forget(frame, store);
        record->cookie = (uint64_t)frame->length << SIDE_LENGTH_AT;
        frame->data = (uint8_t *)(record + 1);
        frame->place = FRAME_STORE;
    }
    frame->record = record;
    return record;
}

void side_release(struct frame *frame, struct nv_store *store)
{
    forget(frame, store);
    frame->place = FRAME_LOOSE;
}

/*
 * Whether a frame's bytes and a slot's buffer may be copied in whole lines: both begin on one and own the rest of their
 * last one. Not so of what is in somebody else's memory.
 */
static bool in_lines(const struct side *side, const struct frame *frame)
{
    bool whole = frame->place == FRAME_STORE || (frame->place != FRAME_LOOSE && frame->home->lines);
    return whole && side->lines && frame->length <= side->tx.buf_size;
}

bool side_join(struct side *side)
{
    uint32_t head = nv_slots_head(side->tx.ring), tail = nv_slots_tail(side->tx.ring);

    if (head >= side->tx.slots || tail >= side->tx.slots)
        return false;
    side->head = head;
    side->tail = tail;
    return true;
}

/* Go on where the port is: what we had put behind that is lost. */
static void give_up_slots(struct side *side)
{
    struct nv_tx_counts now;

    nv_stats_tx(side->port, side->tx_ring, &now);
    uint64_t taken = now.packets - side->counted.packets;
    side->head = now.slot;
    for (unsigned i = 0; i < SIDE_OWNERS; i++) {
        unsigned owner = (side->owner + SIDE_OWNERS - i) % SIDE_OWNERS;
        uint64_t kept = taken < side->handed[owner] ? taken : side->handed[owner];
        side->lost[owner] += side->handed[owner] - kept;
        side->handed[owner] = kept;
        taken -= kept;
    }
}

/* Sync the tx ring, with its head where we know it to be. 0, or -errno: the port is gone. */
static int sync_tx(struct side *side)
{
    struct nv_slots *s = &side->tx;
    int gone = 0;

    for (unsigned tries = 0;; tries++) {
        nv_slots_move(s->ring, side->head, side->head);
        if (nv_txsync(side->port, side->tx_ring) == 0)
            break;
        gone = nv_gone(side->port);
        if (gone)
            break;
        side->resets++;
        if (tries == 0)
            continue;        /* somebody else wrote what was wrong: the same again */
        give_up_slots(side); /* somebody else writes there all the time, or slots went that we had not filled */
        break;
    }
    side->put = 0;
    uint32_t tail = nv_slots_tail(s->ring);
    side->tail = tail < s->slots ? tail : side->head;
    return gone;
}

/* Free tx slots; the sync makes more when there are fewer than wanted. */
static uint32_t room(struct side *side, uint32_t want)
{
    uint32_t have = nv_slots_between(side->head, side->tail, side->tx.slots);

    if (have >= want)
        return have;
    sync_tx(side);
    return nv_slots_between(side->head, side->tail, side->tx.slots);
}

/* The buffer of tx slot `at` and its index; NULL: there is none of that number. */
static uint8_t *tx_buffer(struct side *side, uint32_t at, uint32_t *index)
{
    struct nv_slots *s = &side->tx;

    *index = nv_shared_load(&s->ring->slot[at].buf_idx);
    uint8_t *data = nv_slots_buffer(s, *index);
    if (__builtin_expect(!data, 0)) {
        nv_slots_refresh(s, side->port); /* it may have got memory since */
        data = nv_slots_buffer(s, *index);
    }
    return data;
}

/* Copy a frame into the next tx slot. */
static bool copy_one(struct side *side, const struct frame *frame)
{
    struct nv_slots *s = &side->tx;
    uint32_t index;

    if (frame->length == 0 || (side->head == side->tail && room(side, 1) < 1))
        return false;
    uint32_t at = side->head, ahead = at + SEND_AHEAD < s->slots ? at + SEND_AHEAD : at + SEND_AHEAD - s->slots;
    uint8_t *next = nv_slots_buffer(s, nv_shared_load(&s->ring->slot[ahead < s->slots ? ahead : 0].buf_idx));
    uint8_t *data = tx_buffer(side, at, &index);
    if (next)
        nv_prefetch_write(next);
    if (data)
        nv_copy_packet((char *)data, (const char *)frame->data, frame->length);
    nv_slot_set(&s->ring->slot[at], frame->length, 0);
    side->head = nv_slots_next(at, s->slots);
    return true;
}

/* Spread a frame over tx slots, copying. */
static bool copy_out(struct side *side, const struct frame *frame)
{
    struct nv_slots *s = &side->tx;
    if (in_lines(side, frame))
        return copy_one(side, frame);
    uint32_t size = s->buf_size, pieces = (frame->length + size - 1) / size;

    if (pieces == 0 || pieces >= s->slots || room(side, pieces) < pieces)
        return false;
    for (uint32_t done = 0; done < frame->length; side->head = nv_slots_next(side->head, s->slots)) {
        uint32_t part = frame->length - done < size ? frame->length - done : size, index;
        uint8_t *data = tx_buffer(side, side->head, &index);
        if (data)
            memcpy(data, frame->data + done, part);
        done += part;
        nv_slot_set(&s->ring->slot[side->head], part, done < frame->length ? NS_MOREFRAG : 0);
    }
    return true;
}

/* Put the frame's buffer into the next tx slot, and have the slot's instead. */
static bool exchange_one(struct side *side, struct frame *frame)
{
    struct nv_slots *s = &side->tx;
    uint32_t empty;

    if (frame->length == 0 || room(side, 1) < 1)
        return false;
    struct netmap_slot *slot = &s->ring->slot[side->head];
    bool good = tx_buffer(side, side->head, &empty) != NULL; /* else the frame keeps its own */
    if (good)
        slot->buf_idx = frame->buffer;
    nv_slot_set(slot, frame->length, NS_BUF_CHANGED);
    side->head = nv_slots_next(side->head, s->slots);
    if (good && frame->place == FRAME_SLOT) {
        frame->slot->buf_idx = empty;
        frame->slot->flags = NS_BUF_CHANGED;
        frame->place = FRAME_LOOSE;
    } else if (good) {
        let_go(side->spares, frame->buffer);
        keep(side->spares, empty);
        frame->buffer = empty;
    }
    return true;
}

bool side_send(struct side *side, struct frame *frame, struct nv_store *store)
{
    bool ours = (frame->place == FRAME_SLOT || frame->place == FRAME_BUFFER) && side->spares &&
                frame->home->spares == side->spares && frame->length <= side->tx.buf_size;

    if (!(ours ? exchange_one(side, frame) : copy_out(side, frame)))
        return false;
    side->put++;
    side->handed[side->owner]++;
    side_release(frame, store);
    return true;
}

int side_push(struct side *side)
{
    return sync_tx(side);
}
