/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.c - see filter.h. */
#include "engine/filter.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/fill.h"
#include "memory/error.h"

#define LONGEST (NV_FRAME_MAX + 64u) /* bytes of a frame put together from its slots, with its vnet header */

int nv_filter_new(struct nv_worker *w, struct nv_filter **out, struct nv_error *err)
{
    const char *port = nv_name(w->port);

    *out = NULL;
    int iface = nv_rules_interface(w->plan->rules, port, NULL);
    if (iface == -ENAMETOOLONG)
        return nv_fail(err, ENAMETOOLONG, "%s: rules know ports by names of at most 15 characters", port);
    if (iface < 0)
        return nv_rules_interface(w->plan->rules, port, err);
    struct nv_filter *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);
    if (!f)
        return nv_fail(err, ENOMEM, "%s: no memory to filter packets", port);
    memset(f, 0, sizeof(*f));
    f->w = w;
    f->iface = (uint16_t)iface;
    f->offset = nv_clock(CLOCK_REALTIME) - nv_now();
    f->store = malloc((size_t)NV_FILTER_WHOLE * LONGEST);
    struct nv_rules_sink sink = nv_aside_sink(w);
    int error = f->store ? nv_rules_worker_open(w->plan->rules, &sink, &f->rules, err)
                         : nv_fail(err, ENOMEM, "%s: no memory to filter packets", port);
    if (error == 0)
        error = nv_answers_open(&f->answers, w, err);
    if (error)
        nv_filter_free(f);
    else
        *out = f;
    return error;
}

void nv_filter_free(struct nv_filter *f)
{
    if (!f)
        return;
    nv_rules_worker_close(f->rules);
    nv_answers_close(&f->answers);
    free(f->store);
    free(f);
}

void nv_filter_begin(struct nv_filter *f, enum nv_rules_direction direction)
{
    f->direction = direction;
    f->judged = f->count = f->whole = 0;
}

/* Gather a frame of `bytes` bytes, vnet header included. */
static inline void gather(struct nv_filter *f, uint8_t *data, uint32_t bytes, uint32_t slot, uint32_t slots)
{
    uint32_t vnet = f->w->plan->traffic.vnet_len, skip = vnet < bytes ? vnet : bytes;
    bool out = f->direction == NV_RULES_OUT;
    struct nv_rules_packet *p = &f->packet[f->count];

    /* All but the arrays of tags and calls, of which the counts say that they are empty. */
    p->data = data + skip;
    p->length = bytes - skip;
    p->in_if = out ? 0 : f->iface;
    p->out_if = out ? f->iface : 0;
    p->time_ns = f->w->now + f->offset;
    p->direction = (uint8_t)f->direction;
    p->layer = 2;
    p->flags = p->tag_count = p->call_depth = 0;
    p->fib = p->mark = p->missing = 0;
    p->resume = (struct nv_rules_resume){0};
    f->at[f->count].slot = slot;
    f->at[f->count].slots = slots;
    f->count++;
}

uint8_t *nv_filter_room(const struct nv_filter *f)
{
    return f->store + (size_t)f->whole * LONGEST;
}

void nv_filter_add(struct nv_filter *f, uint32_t bytes)
{
    gather(f, nv_filter_room(f), bytes, 0, 1);
    f->whole++;
}

void nv_filter_judge(struct nv_filter *f)
{
    uint8_t *outcome = f->outcome + f->judged;

    nv_rules_classify(f->rules, f->packet, f->count, f->verdict);
    for (uint32_t i = 0; i < f->count; i++) {
        const struct nv_rules_verdict *v = &f->verdict[i];
        bool allowed = v->action == NV_RULES_PASS || v->action == NV_RULES_NAT;
        if (!allowed)
            nv_aside_redirect(f->w, &f->packet[i], v);
        outcome[i] =
            (uint8_t)((allowed ? NV_FILTER_ALLOWED : 0) | (v->flags & NV_RULES_REWRITTEN ? NV_FILTER_REWRITTEN : 0));
    }
    f->judged += f->count;
    f->count = f->whole = 0;
}

/* Copy what was rewritten of a packet of several slots back to them, as far as there is memory for it. */
static void copy_back(const struct nv_slots *s, uint32_t k, uint32_t slots, const uint8_t *whole)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < slots; i++, k = nv_slots_next(k, s->slots)) {
        const struct netmap_slot piece = nv_slots_read(s, k);
        uint8_t *data = nv_slots_buffer(s, piece.buf_idx);
        uint32_t len = nv_slots_len(s, &piece);
        if (!data || at + len > LONGEST)
            break;
        memcpy(data, whole + at, len);
        at += len;
    }
}

/* Judge what was gathered from a ring; what was rewritten in the store goes back to its slots. */
static void judge_ring(struct nv_filter *f, const struct nv_slots *s)
{
    uint32_t first = f->judged, whole = 0;

    nv_filter_judge(f);
    for (uint32_t i = 0; i < f->judged - first; i++) {
        if (f->at[i].slots < 2)
            continue;
        if (f->outcome[first + i] & NV_FILTER_REWRITTEN)
            copy_back(s, f->at[i].slot, f->at[i].slots, f->store + (size_t)whole * LONGEST);
        whole++;
    }
}

/* A packet as its slots have it, each of them read once. */
struct looked {
    uint8_t *data; /* NULL: some slot names no buffer */
    uint32_t bytes, slots;
};

/* The packet of several slots at `from`, with `have` slots from there on, put together in `whole`. */
static struct looked put_together(const struct nv_slots *s, uint32_t from, uint32_t have, uint8_t *whole)
{
    struct looked packet = {.data = whole};

    for (bool more = true; more; from = nv_slots_next(from, s->slots)) {
        if (packet.slots++ == have)
            return (struct looked){0}; /* not all of it is there */
        const struct netmap_slot piece = nv_slots_read(s, from);
        const uint8_t *data = nv_slots_buffer(s, piece.buf_idx);
        uint32_t len = nv_slots_len(s, &piece);
        more = piece.flags & NS_MOREFRAG;
        if (!data)
            packet.data = NULL;
        if (!packet.data || packet.bytes + len > LONGEST)
            continue;
        memcpy(whole + packet.bytes, data, len);
        packet.bytes += len;
    }
    return packet;
}

uint32_t nv_filter_ring(struct nv_filter *f, const struct nv_slots *s, uint32_t from, uint32_t to, uint32_t most,
                        enum nv_rules_direction direction)
{
    uint32_t have = nv_slots_between(from, to, s->slots);

    most = most < NV_FILTER_MOST ? most : NV_FILTER_MOST;
    nv_filter_begin(f, direction);
    while (have && f->judged + f->count < most) {
        if (f->count == NV_FILTER_BATCH || f->whole == NV_FILTER_WHOLE)
            judge_ring(f, s);
        const struct netmap_slot slot = nv_slots_read(s, from);
        struct looked packet = {nv_slots_buffer(s, slot.buf_idx), nv_slots_len(s, &slot), 1};
        if (__builtin_expect(slot.flags & NS_MOREFRAG, 0)) {
            packet = put_together(s, from, have, nv_filter_room(f));
            if (packet.slots == 0)
                break;
        }
        f->width[f->judged + f->count] = (uint16_t)packet.slots;
        if (__builtin_expect(packet.data != NULL, 1)) {
            gather(f, packet.data, packet.bytes, from, packet.slots);
            f->whole += packet.slots > 1;
        } else {
            judge_ring(f, s);
            f->outcome[f->judged++] = direction == NV_RULES_OUT ? NV_FILTER_ALLOWED : 0;
        }
        from = (from + packet.slots) % s->slots;
        have -= packet.slots;
    }
    judge_ring(f, s);
    f->end = from;
    return f->judged;
}

static void exchange(const struct nv_slots *s, struct nv_written *written, uint32_t a, uint32_t b)
{
    struct netmap_slot slot = s->ring->slot[a];

    s->ring->slot[a] = s->ring->slot[b];
    s->ring->slot[b] = slot;
    if (written) {
        struct nv_written entry = written[a];
        written[a] = written[b];
        written[b] = entry;
    }
}

uint32_t nv_filter_compact(struct nv_filter *f, const struct nv_slots *s, struct nv_written *written, uint32_t from,
                           uint32_t packets, uint32_t *allowed)
{
    uint32_t to = from;

    *allowed = 0;
    for (uint32_t i = 0; i < packets; i++) {
        bool keep = f->outcome[i] & NV_FILTER_ALLOWED, forget = written && f->outcome[i] & NV_FILTER_REWRITTEN;
        *allowed += keep;
        for (uint32_t p = 0; p < f->width[i]; p++, from = nv_slots_next(from, s->slots)) {
            if (forget)
                written[from].buffer = 0;
            if (!keep)
                continue;
            if (to != from)
                exchange(s, written, to, from);
            /* Of each of them the port may know another buffer: a denied one before it was in its place. */
            s->ring->slot[to].flags |= NS_BUF_CHANGED;
            to = nv_slots_next(to, s->slots);
        }
    }
    return to;
}

void nv_filter_tick(struct nv_filter *f)
{
    if (f->w->index || f->w->now - f->ticked_ns < NV_SECOND)
        return;
    f->ticked_ns = f->w->now;
    nv_rules_tick(f->rules, f->w->now + f->offset);
}
