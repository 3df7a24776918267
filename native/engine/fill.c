/* SPDX-License-Identifier: BSD-2-Clause */
/* fill.c - see fill.h. */
#include "engine/fill.h"
#include "engine/filter.h"

#include <errno.h>
#include <stdlib.h>

#include "memory/error.h"

#define OWN_BUFFER 1u /* in nv_written: memory of our own, which never changes; no buffer of a ring has this number */
#define PREFETCH   8u /* slots ahead: a buffer's first line comes from memory or from another core */

static bool prepared_suffices(const struct nv_fill *f, const struct nv_plan *plan)
{
    if (plan->share) /* others write into the same buffers */
        return false;
    if (f->generator.kind != NV_PAYLOAD_TEXT || plan->traffic.prepare == NV_PREPARE_EACH ||
        plan->options & (NV_OPT_COPY | NV_OPT_MEMCPY))
        return false;
    if (plan->traffic.prepare == NV_PREPARE_ONCE)
        return true;
    uint64_t period = nv_tuples_period(&f->generator.tuples);
    return f->generator.sizes.fixed && f->rings == 1 && period > 0 && f->ring[0].slots.slots % period == 0;
}

/* How many slots a packet of `bytes` takes: as many as asked for, more when a piece would not fit. */
static uint32_t pieces_of(const struct nv_fill *f, uint32_t bytes)
{
    uint32_t asked = f->w->plan->traffic.frags, least = (bytes + f->piece - 1) / f->piece;
    uint32_t pieces = least > asked ? least : asked;
    return pieces < bytes ? pieces : bytes;
}

static int init_pieces(struct nv_fill *f, struct nv_error *err)
{
    uint32_t bytes = nv_generator_max_bytes(&f->generator), buffer = f->ring[0].slots.buf_size;
    uint32_t asked = f->w->plan->traffic.frag_size;

    if (buffer == 0)
        return nv_worker_rubbish(f->w, err);
    f->piece = asked && asked < buffer ? asked : buffer;
    f->frags = pieces_of(f, bytes);
    if (f->frags > NETMAP_MAX_FRAGS)
        return nv_fail(err, EINVAL, "packets of %u bytes in pieces of %u take %u slots: at most %u are possible", bytes,
                       f->piece, f->frags, NETMAP_MAX_FRAGS);
    if (f->frags >= f->ring[0].slots.slots)
        return nv_fail(err, EINVAL, "packets of %u slots do not fit a ring of %u", f->frags, f->ring[0].slots.slots);
    if (f->frags > 1 && f->indirect)
        return nv_fail(err, EINVAL, "indirect buffers hold whole packets: %u bytes do not fit one", bytes);
    if (f->frags > 1 && f->rubbish && f->w->filter)
        return nv_fail(err, EINVAL, "rubbish in several slots cannot be filtered by rules");
    if (f->frags > 1 && !(f->whole = malloc(bytes)))
        return nv_fail(err, ENOMEM, "no memory for a packet of %u bytes", bytes);
    return 0;
}

static int init_ring(struct nv_fill *f, unsigned id, struct nv_error *err)
{
    struct nv_fill_ring *r = &f->ring[f->rings++];

    r->id = id;
    if (!nv_slots_open(&r->slots, f->w->port, nv_txring(f->w->port, id)))
        return nv_worker_rubbish(f->w, err);
    r->written = calloc(r->slots.slots, sizeof(*r->written));
    if (f->indirect)
        r->own = aligned_alloc(64, (size_t)r->slots.slots * r->slots.buf_size);
    if (!r->written || (f->indirect && !r->own))
        return nv_fail(err, ENOMEM, "no memory for the frames of a ring of %u slots", r->slots.slots);
    return 0;
}

static int init(struct nv_fill *f, struct nv_error *err)
{
    struct nv_worker *w = f->w;
    const struct nv_plan *plan = w->plan;
    struct nv_traffic traffic = plan->traffic;
    enum nv_payload kind = plan->options & NV_OPT_RUBBISH                            ? NV_PAYLOAD_NONE
                           : plan->role == NV_ROLE_TXSEQ                             ? NV_PAYLOAD_SEQUENCE
                           : plan->role == NV_ROLE_PING || plan->options & NV_OPT_TS ? NV_PAYLOAD_STAMPED
                                                                                     : NV_PAYLOAD_TEXT;

    if (plan->options & NV_OPT_RANDOM_SRC)
        traffic.flags |= NV_TRAFFIC_RANDOM_SRC;
    if (plan->options & NV_OPT_RANDOM_DST)
        traffic.flags |= NV_TRAFFIC_RANDOM_DST;
    f->rubbish = plan->options & NV_OPT_RUBBISH;
    f->indirect = plan->options & NV_OPT_INDIRECT;
    f->dump = plan->options & NV_OPT_DUMP;
    int error = nv_generator_init(&f->generator, &traffic, kind, w->index, (uint16_t)(plan->stream + w->index), err);
    if (error)
        return error;
    f->ring = calloc(w->tx_rings, sizeof(*f->ring));
    if (!f->ring)
        return nv_fail(err, ENOMEM, "no memory for %u rings", w->tx_rings);
    for (unsigned i = 0; i < w->tx_rings && !error; i++)
        error = init_ring(f, w->first_tx + i, err);
    if (error == 0)
        error = init_pieces(f, err);
    f->prepared = f->frags == 1 && !w->filter && prepared_suffices(f, plan);
    return error;
}

int nv_fill_new(struct nv_worker *w, struct nv_fill **out, struct nv_error *err)
{
    struct nv_fill *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);

    *out = NULL;
    if (!f)
        return nv_fail(err, ENOMEM, "no memory to generate packets");
    memset(f, 0, sizeof(*f));
    f->w = w;
    int error = init(f, err);
    if (error)
        nv_fill_free(f);
    else
        *out = f;
    return error;
}

void nv_fill_free(struct nv_fill *f)
{
    if (!f)
        return;
    for (unsigned i = 0; i < f->rings; i++) {
        free(f->ring[i].written);
        free(f->ring[i].own);
    }
    free(f->ring);
    free(f->whole);
    nv_generator_free(&f->generator);
    free(f);
}

/* Indirect buffers: slot k's frame lies in memory of our own. */
static uint8_t *own_data(const struct nv_fill_ring *r, uint32_t k, uint32_t *buffer)
{
    uint8_t *own = r->own + (size_t)k * r->slots.buf_size;

    r->slots.ring->slot[k].ptr = (uintptr_t)own;
    *buffer = OWN_BUFFER;
    return own;
}

/* Where slot k's packet is written; NULL: the slot names no buffer. */
static uint8_t *data_of(const struct nv_fill *f, const struct nv_fill_ring *r, uint32_t k, uint32_t *buffer)
{
    if (f->indirect)
        return own_data(r, k, buffer);
    *buffer = nv_shared_load(&r->slots.ring->slot[k].buf_idx);
    return nv_slots_buffer(&r->slots, *buffer);
}

static __attribute__((noinline)) void write_prepared(struct nv_fill *f, struct nv_fill_ring *r, uint32_t k)
{
    uint32_t buffer;
    uint8_t *data = data_of(f, r, k, &buffer);

    if (data)
        r->written[k] = (struct nv_written){buffer, nv_generator_write(&f->generator, data)};
}

/* The same packets again and again: only lengths and flags are set. In up to two runs, as the ring goes round. */
static uint32_t fill_prepared(struct nv_fill *f, struct nv_fill_ring *r, uint32_t from, uint32_t packets)
{
    const uint32_t count = r->slots.slots;

    for (uint32_t n = packets, run; n; n -= run, from = from + run == count ? 0 : from + run) {
        run = n < count - from ? n : count - from;
        struct netmap_slot *slot = r->slots.ring->slot + from, *end = slot + run;
        const struct nv_written *written = r->written + from;
        for (; slot != end; slot++, written++) {
            if (__builtin_expect(slot->buf_idx != written->buffer || slot->flags & NS_BUF_CHANGED, 0))
                write_prepared(f, r, (uint32_t)(written - r->written));
            nv_slot_set(slot, written->bytes, 0);
        }
    }
    return packets;
}

/* The same with frames in memory of our own. */
static uint32_t fill_indirect(struct nv_fill *f, struct nv_fill_ring *r, uint32_t from, uint32_t packets)
{
    for (uint32_t k = from, n = packets; n; n--, k = nv_slots_next(k, r->slots.slots)) {
        if (r->written[k].buffer == 0)
            write_prepared(f, r, k);
        r->slots.ring->slot[k].ptr = (uintptr_t)(r->own + (size_t)k * r->slots.buf_size);
        nv_slot_set(&r->slots.ring->slot[k], r->written[k].bytes, NS_INDIRECT);
    }
    return packets;
}

/* Every packet its own. What the loop needs again and again is local: stores into buffers could change the rest. */
static inline __attribute__((always_inline)) uint32_t fill_each(struct nv_fill *f, struct nv_fill_ring *r,
                                                                uint32_t from, uint32_t packets, bool v6,
                                                                enum nv_payload kind, bool fixed)
{
    struct nv_generator *g = &f->generator;
    const struct nv_slots s = r->slots;
    const bool indirect = f->indirect;
    const uint32_t flags = indirect ? NS_INDIRECT : 0, changed = indirect ? 0 : NS_BUF_CHANGED;
    struct netmap_slot *slots = s.ring->slot;
    struct nv_written *written = r->written;
    struct nv_size_terms size = nv_generator_terms(g, g->sizes.max, kind);
    uint32_t ahead = (from + PREFETCH) % s.slots;

    for (uint32_t k = from, n = packets; n; n--, k = nv_slots_next(k, s.slots)) {
        __builtin_prefetch(s.buffers + (uint64_t)slots[ahead].buf_idx * s.buf_size, 1);
        ahead = nv_slots_next(ahead, s.slots);
        uint32_t buffer;
        if (!fixed)
            size = nv_generator_terms(g, nv_sizes_next(&g->sizes), kind);
        bool anew = slots[k].flags & changed;
        uint8_t *data =
            indirect ? own_data(r, k, &buffer) : nv_slots_buffer(&s, buffer = nv_shared_load(&slots[k].buf_idx));
        nv_slot_set(&slots[k], size.bytes, flags);
        if (__builtin_expect(!data, 0))
            continue; /* no such buffer: the port will say so */
        if (__builtin_expect(anew || buffer != written[k].buffer || size.bytes > written[k].bytes, 0)) {
            nv_generator_base(g, data, size.bytes);
            written[k] = (struct nv_written){buffer, size.bytes};
        }
        nv_generator_store(g, data, &size, v6, kind, fixed);
        nv_generator_advance(g, v6);
    }
    return packets;
}

/* One copy of the loop for each kind of traffic. */
static uint32_t fill_kind(struct nv_fill *f, struct nv_fill_ring *r, uint32_t from, uint32_t n)
{
#define COPY(v6, kind)                                                                                                 \
    (f->generator.sizes.fixed ? fill_each(f, r, from, n, v6, kind, true) : fill_each(f, r, from, n, v6, kind, false))
    switch (f->generator.kind) {
    case NV_PAYLOAD_TEXT:
        return f->generator.v6 ? COPY(true, NV_PAYLOAD_TEXT) : COPY(false, NV_PAYLOAD_TEXT);
    case NV_PAYLOAD_STAMPED:
        return f->generator.v6 ? COPY(true, NV_PAYLOAD_STAMPED) : COPY(false, NV_PAYLOAD_STAMPED);
    default:
        return f->generator.v6 ? COPY(true, NV_PAYLOAD_SEQUENCE) : COPY(false, NV_PAYLOAD_SEQUENCE);
    }
#undef COPY
}

/* Whatever the buffers hold. */
static uint32_t fill_rubbish(struct nv_fill *f, struct nv_fill_ring *r, uint32_t from, uint32_t packets)
{
    struct nv_generator *g = &f->generator;

    for (uint32_t k = from, n = packets; n; n--, k = nv_slots_next(k, r->slots.slots))
        nv_slot_set(&r->slots.ring->slot[k], nv_generator_bytes(g, nv_sizes_next(&g->sizes)), 0);
    return packets;
}

/* Cut a packet into slots of about the same size, behind one another. Returns how many. */
static uint32_t put_pieces(struct nv_fill *f, struct nv_fill_ring *r, uint32_t from, const uint8_t *whole,
                           uint32_t bytes)
{
    uint32_t pieces = pieces_of(f, bytes), k = from;

    for (uint32_t i = 0, at = 0; i < pieces; i++, k = nv_slots_next(k, r->slots.slots)) {
        struct netmap_slot *slot = &r->slots.ring->slot[k];
        uint32_t len = (bytes - at) / (pieces - i);
        uint8_t *data = nv_slots_buffer(&r->slots, nv_shared_load(&slot->buf_idx));
        if (data && !f->rubbish)
            memcpy(data, whole + at, len);
        nv_slot_set(slot, len, i + 1 == pieces ? 0 : NS_MOREFRAG);
        at += len;
    }
    return pieces;
}

/* The next packet, whole. Returns its bytes. */
static uint32_t next_whole(struct nv_fill *f)
{
    struct nv_generator *g = &f->generator;

    return f->rubbish ? nv_generator_bytes(g, nv_sizes_next(&g->sizes)) : nv_generator_write(g, f->whole);
}

/* Packets of several slots: up to `most` and as long as there is room. Returns how many, and in *next the slot behind.
 */
static uint32_t fill_pieces(struct nv_fill *f, struct nv_fill_ring *r, uint32_t from, uint32_t room, uint32_t most,
                            uint32_t *next)
{
    uint32_t used = 0, packets = 0;

    for (; packets < most && room - used >= f->frags; packets++)
        used += put_pieces(f, r, (from + used) % r->slots.slots, f->whole, next_whole(f));
    *next = (from + used) % r->slots.slots;
    return packets;
}

/* The same with rules, which see each packet before it is cut. */
static uint32_t fill_pieces_filtered(struct nv_fill *f, struct nv_fill_ring *r, uint32_t from, uint32_t room,
                                     uint32_t most, uint32_t *next)
{
    struct nv_filter *filter = f->w->filter;
    uint32_t bytes[NV_FILTER_WHOLE], packets = 0, allowed = 0;
    uint8_t *frame[NV_FILTER_WHOLE];

    *next = from;
    most = most < room / f->frags ? most : room / f->frags;
    nv_filter_begin(filter, NV_RULES_OUT);
    while (packets < most) {
        uint32_t some = most - packets < NV_FILTER_WHOLE ? most - packets : NV_FILTER_WHOLE;
        for (uint32_t i = 0; i < some; i++) {
            frame[i] = nv_filter_room(filter);
            bytes[i] = nv_generator_write(&f->generator, frame[i]);
            nv_filter_add(filter, bytes[i]);
        }
        nv_filter_judge(filter);
        for (uint32_t i = 0; i < some; i++)
            if (filter->outcome[packets + i] & NV_FILTER_ALLOWED) {
                *next = (*next + put_pieces(f, r, *next, frame[i], bytes[i])) % r->slots.slots;
                allowed++;
            }
        packets += some;
    }
    f->w->stat[NV_STAT_DENIED] += packets - allowed;
    return packets;
}

/* Leave what the rules allow of the packets just put into the slots from `from` to `next`. Returns the slot behind. */
static uint32_t filter_slots(struct nv_fill *f, struct nv_fill_ring *r, uint32_t from, uint32_t next, uint32_t packets)
{
    struct nv_filter *filter = f->w->filter;
    uint32_t allowed, judged = nv_filter_ring(filter, &r->slots, from, next, packets, NV_RULES_OUT);

    next = nv_filter_compact(filter, &r->slots, r->written, from, judged, &allowed);
    f->w->stat[NV_STAT_DENIED] += packets - allowed;
    return next;
}

static void dump(const struct nv_fill *f, const struct nv_fill_ring *r, uint32_t from, uint32_t to)
{
    for (uint32_t k = from; k != to; k = nv_slots_next(k, r->slots.slots)) {
        uint32_t buffer;
        const uint8_t *data = data_of(f, r, k, &buffer);
        const struct netmap_slot slot = nv_slots_read(&r->slots, k);
        if (data)
            nv_worker_dump(f->w, r->slots.ring, k, data, nv_slots_len(&r->slots, &slot));
    }
}

uint32_t nv_fill_slots(struct nv_fill *f, unsigned number, uint32_t most)
{
    struct nv_fill_ring *r = &f->ring[number];
    struct netmap_ring *ring = r->slots.ring;
    uint32_t head = nv_slots_head(ring), tail = nv_slots_tail(ring), packets, next;

    if (head >= r->slots.slots || tail >= r->slots.slots)
        return 0; /* somebody wrote rubbish: the sync will find out */
    uint32_t room = nv_slots_between(head, tail, r->slots.slots);
    nv_slots_refresh(&r->slots, f->w->port);
    if (f->frags > 1) {
        packets = (f->w->filter ? fill_pieces_filtered : fill_pieces)(f, r, head, room, most, &next);
    } else {
        packets = room < most ? room : most;
        if (f->rubbish)
            fill_rubbish(f, r, head, packets);
        else if (f->prepared && f->indirect)
            fill_indirect(f, r, head, packets);
        else if (f->prepared)
            fill_prepared(f, r, head, packets);
        else
            fill_kind(f, r, head, packets);
        next = (head + packets) % r->slots.slots;
        if (f->w->filter)
            next = filter_slots(f, r, head, next, packets);
    }
    if (next != head) {
        uint32_t last = next ? next - 1 : r->slots.slots - 1;
        ring->slot[last].flags |= NS_REPORT;
        if (__builtin_expect(f->dump, 0))
            dump(f, r, head, next);
        nv_slots_move(ring, next, next);
    }
    if (packets < most)
        nv_slots_want_more(ring);
    return packets;
}
