/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * side.h - one port of a relay: take packets in, send packets out, keep waiting ones in spare buffers or in the store.
 *
 * Whoever else maps the region may write anything into its rings at any time. So what we know of a ring, its positions,
 * is kept here and only ever written there; what has to be read there, a slot, is read once, checked and used. An index
 * that names no buffer costs the packet that stands there; a ring whose head somebody changed is set right again.
 *
 * A frame is a packet in one piece somewhere: in an rx slot, in a buffer taken out of its ring, in the store, or in
 * memory that someone else owns. Sending moves buffers where both ports are in one region and copies otherwise.
 */
#ifndef NETVALE_RELAY_SIDE_H
#define NETVALE_RELAY_SIDE_H

#include "emulation/emulation.h"
#include "engine/slots.h"
#include "relay/store.h"
#include "ring/copy.h"

enum { SIDE_RINGS = 16, SIDE_FRAME_MAX = 65536 + 64 };

/* Frames up to this length are copied: that costs less than a buffer of 2 KB that leaves the caches and comes back. */
#define SIDE_SHORT 256u
/* cookie: the frame's length << 40 | buffer << 2 | side << 1 | 1; the last three 0: the bytes are behind the record */
#define SIDE_IN_BUFFER UINT64_C(1)
#define SIDE_LENGTH_AT 40

/* Buffers of one region that belong to no ring. */
struct spares {
    uint32_t *buffer;
    uint32_t count, size;
    uint16_t memory; /* nr_mem_id */
    uint64_t *kept;  /* a bit for each buffer of the region: it is here, or a packet waits in it (nv_port_keeps) */
};

enum frame_place {
    FRAME_SLOT,   /* in the rx slot `slot` */
    FRAME_BUFFER, /* in buffer `buffer`, out of its ring; `record` waits with it */
    FRAME_STORE,  /* behind `record`, in the store */
    FRAME_LOOSE,  /* in memory of somebody else */
};

struct frame {
    uint8_t *data;
    uint32_t length;
    uint32_t buffer;
    enum frame_place place;
    struct side *home; /* whose region it is in: SLOT, BUFFER */
    struct netmap_slot *slot;
    struct nv_emu_packet *record;
};

/* Whose packets were sent, to be told apart when the port loses some of them: kind * 2 + the port they came from. */
enum side_kind { SIDE_FORWARD, SIDE_BOUNCE, SIDE_ANSWER, SIDE_COPY, SIDE_DIVERT, SIDE_KINDS };
#define SIDE_OWNER(kind, from) ((unsigned)(kind)*2 + (from))
#define SIDE_OWNERS            (2u * SIDE_KINDS)

struct side {
    struct nv_port *port;
    unsigned rx_rings, first_rx, tx_ring;
    struct nv_slots rx[SIDE_RINGS], tx;
    uint32_t rx_head[SIDE_RINGS], rx_tail[SIDE_RINGS]; /* packets of an rx ring that are there and not taken yet */
    uint32_t head, tail;                               /* free slots of the tx ring */
    uint32_t put;                                      /* packets put there since the last sync */
    uint8_t owner;                                     /* whose they are */
    uint64_t handed[SIDE_OWNERS];                      /* put there, and not yet taken by the port */
    uint64_t lost[SIDE_OWNERS];                        /* stood there when the ring was set right */
    uint64_t skipped;                                  /* slots of rx rings that were not seen for the same reason */
    uint64_t resets, shown_resets;                     /* how often a ring was set right; and when last counted */
    struct nv_tx_counts counted;                       /* the port's, when they were last looked at */
    struct spares *spares;
    uint8_t *scratch;   /* SIDE_FRAME_MAX bytes: a packet of several slots, put together */
    bool lines;         /* its buffers begin on cache lines and are whole ones */
    bool pipe;          /* what it took may stay unread for long */
    uint8_t index;      /* 0: inside, 1: outside; other ports have no spares and keep none */
    uint16_t interface; /* the rules' id */
};

/* Open a port for a relay and look at its rings. -errno as nv_open, -EINVAL: it lacks rings. */
int side_open(struct side *side, const char *name, const struct nv_open_options *open, struct nv_error *err);

/* Take over the region's extra buffers, or use those of `other` when both are in one region. -ENOMEM. */
int side_spares(struct side *side, struct side *other, struct nv_error *err);

/* Close the port; buffers that were taken go back first. */
void side_close(struct side *side, struct side *other);

/* What side_next found. */
enum side_found { SIDE_NONE, SIDE_FRAME, SIDE_BAD, SIDE_LONG };

/* Sync rx ring r: what was taken goes back, what came is there. 0, or -errno: the port is gone. */
int side_take(struct side *side, unsigned r);

/* Ask for the first line of up to `count` packets of rx ring r. */
void side_look_ahead(const struct side *side, unsigned r, uint32_t count);

/*
 * The next packet of rx ring r. Several slots are put together in the scratch memory, so that such a packet has to be
 * dealt with before the next is looked at (frame->place is then LOOSE).
 */
static inline enum side_found side_next(struct side *side, unsigned r, struct frame *frame);

/* The same for a packet of several slots. */
enum side_found side_next_chain(struct side *side, unsigned r, struct frame *frame);

static inline enum side_found side_next(struct side *side, unsigned r, struct frame *frame)
{
    const struct nv_slots *s = &side->rx[r];
    uint32_t first = side->rx_head[r];

    if (first == side->rx_tail[r])
        return SIDE_NONE;
    const struct netmap_slot read = nv_slots_read(s, first);
    if (__builtin_expect(read.flags & NS_MOREFRAG, 0))
        return side_next_chain(side, r, frame);
    side->rx_head[r] = nv_slots_next(first, s->slots);
    uint8_t *data = nv_slots_buffer(s, read.buf_idx);
    if (!data || read.len > s->buf_size)
        return SIDE_BAD;
    frame->data = data;
    frame->length = read.len;
    frame->buffer = read.buf_idx;
    frame->place = FRAME_SLOT;
    frame->home = side;
    frame->slot = &s->ring->slot[first];
    frame->record = NULL;
    return SIDE_FRAME;
}

/*
 * Keep a frame: its record (64 bytes), with the bytes in their own buffer or, when no spare is left, the frame is not
 * in an rx slot or `extra` bytes are wanted, copied behind the record. Those `extra` bytes (side_extra) are the
 * caller's. A frame that comes from another link keeps its record, or gets one with room for the extra bytes. NULL: the
 * store is full or the frame too long; the frame is as it was.
 */
static inline struct nv_emu_packet *side_keep(struct frame *frame, struct nv_store *store, uint32_t extra);

/* The general way of it. */
struct nv_emu_packet *side_keep_any(struct frame *frame, struct nv_store *store, uint32_t extra);

static inline struct nv_emu_packet *side_keep(struct frame *frame, struct nv_store *store, uint32_t extra)
{
    if (frame->place != FRAME_SLOT || frame->length > SIDE_SHORT || extra || !frame->home->lines)
        return side_keep_any(frame, store, extra);
    struct nv_emu_packet *record = (struct nv_emu_packet *)nv_store_take(store, sizeof(*record) + frame->length);
    if (!record)
        return NULL;
    nv_copy_packet((char *)(record + 1), (const char *)frame->data, frame->length);
    record->cookie = (uint64_t)frame->length << SIDE_LENGTH_AT;
    frame->data = (uint8_t *)(record + 1);
    frame->place = FRAME_STORE;
    frame->record = record;
    return record;
}

/* The frame of a record that side_keep made. */
static inline void side_kept(struct nv_emu_packet *record, struct side *const sides[2], struct frame *frame)
{
    frame->record = record;
    frame->length = (uint32_t)(record->cookie >> SIDE_LENGTH_AT);
    if (__builtin_expect(!(record->cookie & SIDE_IN_BUFFER), 1)) {
        frame->home = NULL;
        frame->place = FRAME_STORE;
        frame->data = (uint8_t *)(record + 1);
        return;
    }
    frame->place = FRAME_BUFFER;
    frame->home = sides[record->cookie >> 1 & 1];
    frame->buffer = (uint32_t)(record->cookie >> 2 & UINT32_MAX);
    frame->data = frame->home->tx.buffers + (uint64_t)frame->buffer * frame->home->tx.buf_size;
}

/* Where the caller's `extra` bytes are. */
static inline void *side_extra(struct nv_emu_packet *record, uint32_t length)
{
    return (uint8_t *)(record + 1) + (length + 7) / 8 * 8;
}

/* The frame is not needed any more: its buffer and record go back. */
void side_release(struct frame *frame, struct nv_store *store);

/*
 * Put a frame of side->owner into the tx ring and let it go. False: no room even after a sync, or too long; it is still
 * the caller's. What is put into a slot without a buffer the port loses, as bad_slot, and gives the slot another.
 */
bool side_send(struct side *side, struct frame *frame, struct nv_store *store);

/* Hand over what was put in. 0, or -errno: the port is gone. */
int side_push(struct side *side);

/* For a tx ring that others fill, too: go on where they are. False: what stands there cannot be. */
bool side_join(struct side *side);

#endif
