/* SPDX-License-Identifier: BSD-2-Clause */
/* rx.c - receive: rx counts, rxseq follows sequence numbers too. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "engine/filter.h"
#include "engine/sequence.h"
#include "engine/slots.h"
#include "engine/worker.h"
#include "memory/error.h"
#include "packet/stamp.h"

#define LONGEST  (NV_FRAME_MAX + 64u) /* bytes of a packet put together from its slots */
#define PREFETCH 8u                   /* slots ahead: packets come from another core's cache */

struct receiver {
    struct nv_worker *w;
    struct nv_sequences *sequences; /* rxseq */
    uint8_t *whole;                 /* verifying: a packet put together */
    bool look;                      /* packets' contents matter, not just their number */
    bool delays;
    uint64_t left;
};

/* A packet in `slots` slots from k on: what its stamp says. */
static void look_at(struct receiver *x, const struct nv_slots *s, uint32_t k, uint32_t slots)
{
    struct nv_worker *w = x->w;
    const struct netmap_slot slot = nv_slots_read(s, k);
    uint32_t vnet = w->plan->traffic.vnet_len;
    const uint8_t *data = nv_slots_buffer(s, slot.buf_idx);
    uint32_t have = nv_slots_len(s, &slot);

    if (data && slots > 1 && x->whole) {
        uint32_t at = 0;
        for (uint32_t i = 0; i < slots; i++, k = nv_slots_next(k, s->slots)) {
            const struct netmap_slot piece = nv_slots_read(s, k);
            const uint8_t *from = nv_slots_buffer(s, piece.buf_idx);
            uint32_t len = nv_slots_len(s, &piece);
            if (!from || at + len > LONGEST)
                break;
            memcpy(x->whole + at, from, len);
            at += len;
        }
        data = x->whole;
        have = at;
    }
    uint32_t payload = data && have > vnet ? nv_stamp_find(data + vnet, have - vnet) : 0;
    if (payload == 0) {
        w->stat[NV_STAT_FOREIGN] += x->sequences != NULL;
        return;
    }
    struct nv_stamp stamp = nv_stamp_get(data + vnet + payload);
    if (w->plan->verify && !nv_stamp_verify(data + vnet, have - vnet, payload)) {
        w->stat[NV_STAT_TORN]++; /* its number is not to be trusted */
        return;
    }
    if (x->delays)
        nv_histogram_record(w->histogram, w->now > stamp.time_ns ? w->now - stamp.time_ns : 0);
    if (x->sequences && !nv_sequences_see(x->sequences, stamp.stream, stamp.sequence))
        w->stat[NV_STAT_FOREIGN]++;
}

/* ACCESS and DUMP: every slot by itself. */
static void touch(struct receiver *x, const struct nv_slots *s, uint32_t k)
{
    const struct netmap_slot slot = nv_slots_read(s, k);
    const uint8_t *data = nv_slots_buffer(s, slot.buf_idx);

    if (!data)
        return;
    (void)*(const volatile uint8_t *)data;
    if (x->w->plan->options & NV_OPT_DUMP)
        nv_worker_dump(x->w, s->ring, k, data, nv_slots_len(s, &slot));
}

/* Take up to `limit` packets, no more than x->left, from a ring; returns how many. */
static uint32_t take(struct receiver *x, struct nv_slots *s, uint32_t limit)
{
    struct nv_worker *w = x->w;
    struct netmap_ring *ring = s->ring;
    uint32_t head = nv_slots_head(ring), tail = nv_slots_tail(ring), packets = 0, done, first;
    uint64_t bytes = 0, partial = 0;

    if (head >= s->slots || tail >= s->slots)
        return 0; /* somebody wrote rubbish: the sync will find out */
    nv_slots_refresh(s, w->port);
    uint32_t have = nv_slots_between(head, tail, s->slots);
    bool peek = w->plan->options & (NV_OPT_ACCESS | NV_OPT_DUMP), fetch = peek || x->look;
    done = first = head;
    for (uint32_t k = head, n = have; n && packets < limit; n--) {
        uint32_t next = nv_slots_next(k, s->slots);
        const struct netmap_slot slot = nv_slots_read(s, k);
        partial += slot.len;
        if (fetch)
            __builtin_prefetch(s->buffers +
                               (uint64_t)nv_shared_load(&ring->slot[(k + PREFETCH) % s->slots].buf_idx) * s->buf_size);
        if (__builtin_expect(peek, 0))
            touch(x, s, k);
        if (!(slot.flags & NS_MOREFRAG)) {
            if (x->look)
                look_at(x, s, first, nv_slots_between(first, next, s->slots));
            packets++;
            bytes += partial;
            partial = 0;
            done = first = next;
        }
        k = next;
    }
    /* Slots of a packet that is not whole stay, unless the ring has room for nothing else. */
    if (done == head && have >= s->slots - 1)
        done = tail;
    nv_slots_move(ring, done, packets ? done : tail);
    w->stat[NV_STAT_PACKETS] += packets;
    w->stat[NV_STAT_BYTES] += bytes;
    x->left -= x->left == UINT64_MAX ? 0 : packets;
    return packets;
}

/*
 * With rules: of the next packets, at most `most`, bring the allowed ones together in front of the others. Returns how
 * many packets are to be taken; when less than `most`, the ring goes on at w->filter->end, behind the denied ones.
 */
static uint32_t sift(struct nv_worker *w, struct nv_slots *s, uint32_t most)
{
    struct nv_filter *f = w->filter;
    uint32_t head = nv_slots_head(s->ring), tail = nv_slots_tail(s->ring), allowed;

    if (head >= s->slots || tail >= s->slots)
        return most;
    nv_slots_refresh(s, w->port);
    uint32_t judged = nv_filter_ring(f, s, head, tail, most, NV_RULES_IN);
    if (judged == 0)
        return most; /* nothing is there, or a packet that is not whole */
    nv_filter_compact(f, s, NULL, head, judged, &allowed);
    w->stat[NV_STAT_DENIED] += judged - allowed;
    return allowed;
}

static void show_sequences(struct receiver *x)
{
    const struct nv_sequence_totals *t = &x->sequences->totals;
    uint64_t *stat = x->w->stat;

    stat[NV_STAT_LOST] = t->span - t->unique;
    stat[NV_STAT_REORDERED] = t->late;
    stat[NV_STAT_DUPLICATED] = t->duplicated;
    stat[NV_STAT_TOO_LATE] = t->too_late;
    stat[NV_STAT_STREAMS] = t->streams;
}

/* With several workers, -n is the number of all their packets together. */
static bool all_have_enough(const struct nv_worker *w)
{
    return w->plan->count && w->engine->threads > 1 &&
           nv_page_total(w->engine->page, NV_STAT_PACKETS) >= w->plan->count;
}

static void note_space(struct nv_worker *w, uint64_t space)
{
    uint64_t epoch = nv_page_load(&w->engine->page->word[NV_PAGE_EPOCH]);

    if (epoch != w->epoch || space < w->stat[NV_STAT_MIN_SPACE])
        w->stat[NV_STAT_MIN_SPACE] = space;
    w->epoch = epoch;
}

static int receive(struct receiver *x, struct nv_slots *ring, unsigned rings)
{
    struct nv_worker *w = x->w;
    const struct nv_plan *plan = w->plan;
    uint64_t last = 0, deadline = plan->duration_ns ? w->now + plan->duration_ns : UINT64_MAX;

    while (x->left && !nv_worker_stopped(w) && !all_have_enough(w)) {
        uint64_t silent = last && plan->silence_ns ? last + plan->silence_ns : UINT64_MAX;
        uint64_t until = silent < deadline ? silent : deadline;
        int ready = nv_worker_wait(w, POLLIN, until);
        if (ready < 0)
            return ready;
        uint64_t packets = 0, space = 0;
        for (unsigned r = 0; r < rings && ready; r++) {
            if (!nv_worker_turn(w, true, w->first_rx + r))
                continue;
            uint32_t held = nv_slots_between(nv_slots_head(ring[r].ring), nv_slots_tail(ring[r].ring), ring[r].slots);
            space += held < ring[r].slots ? ring[r].slots - held : 0;
            uint32_t most = plan->burst < x->left ? plan->burst : (uint32_t)x->left;
            uint32_t some = w->filter ? sift(w, &ring[r], most) : most;
            if (some)
                packets += take(x, &ring[r], some);
            if (some < most)
                nv_slots_move(ring[r].ring, w->filter->end, w->filter->end);
            nv_worker_turn_end(w, true, w->first_rx + r);
        }
        if (packets == 0 && (w->now >= until))
            return 0;
        if (packets == 0) {
            nv_worker_publish(w); /* denied packets, and time that passes for the rules */
            continue;
        }
        if (last == 0) {
            w->stat[NV_STAT_WORKER_STATE] = NV_STATE_RUNNING;
            nv_page_store(&w->engine->page->word[NV_PAGE_STATE], NV_STATE_RUNNING);
        }
        last = w->now;
        if (x->sequences)
            show_sequences(x);
        note_space(w, space);
        nv_worker_batch(w, packets);
        nv_worker_publish(w);
    }
    return 0;
}

int nv_run_rx(struct nv_worker *w)
{
    const struct nv_plan *plan = w->plan;
    struct receiver x = {.w = w, .left = plan->count ? plan->count : UINT64_MAX}; /* several: see all_have_enough */
    unsigned rings = w->rx_rings;
    struct nv_slots *ring = calloc(rings, sizeof(*ring));
    bool sequences = plan->role == NV_ROLE_RXSEQ;
    int error;

    x.delays = plan->histogram || plan->options & NV_OPT_TS;
    x.look = x.delays || sequences;
    x.sequences = sequences ? nv_sequences_new() : NULL;
    x.whole = plan->verify ? malloc(LONGEST) : NULL;
    if (!ring || (sequences && !x.sequences) || (plan->verify && !x.whole)) {
        error = nv_fail(&w->error, ENOMEM, "no memory to follow sequence numbers");
    } else {
        bool good = true;
        for (unsigned r = 0; r < rings; r++)
            good &= nv_slots_open(&ring[r], w->port, nv_rxring(w->port, w->first_rx + r));
        error = good ? receive(&x, ring, rings) : nv_worker_rubbish(w, &w->error);
        nv_rxsync_all(w->port); /* release what was taken */
    }
    free(ring);
    free(x.whole);
    nv_sequences_free(x.sequences);
    return error;
}
