/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_rig.h - what the tests of the engine share: plans, starting, waiting, the far end of a pipe. */
#ifndef NETVALE_TEST_ENGINE_RIG_H
#define NETVALE_TEST_ENGINE_RIG_H

#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/slots.h"
#include "packet/decode.h"
#include "packet/build.h"
#include "packet/stamp.h"
#include "world.h"

static inline struct nv_plan plan_of(enum nv_role role, const char *port)
{
    struct nv_plan plan;
    nv_plan_default(&plan, role);
    plan.port = port;
    return plan;
}

static inline struct nv_engine *start(const struct nv_plan *plan)
{
    struct nv_engine *e = NULL;
    struct nv_error err = {0};
    CHECK(nv_engine_start(plan, &e, &err) == 0, "%s on %s: %s", nv_role_name(plan->role), plan->port, err.message);
    if (!e)
        exit(EXIT_FAILURE);
    return e;
}

/* Longer than any machine stands still: what has not come by then never will. */
#define PATIENCE (100 * NV_SECOND)

/* Wait until `e` has finished by itself; false: it does not. */
static inline bool finishes(struct nv_engine *e)
{
    uint64_t limit = nv_now() + PATIENCE;
    while (!nv_engine_done(e) && nv_now() < limit)
        usleep(500);
    return nv_engine_done(e);
}

/* Wait until a counter of `e` has reached `value`; false: it does not. */
static inline bool reaches(struct nv_engine *e, enum nv_worker_word word, uint64_t value)
{
    uint64_t limit = nv_now() + PATIENCE;
    while (nv_page_total(nv_engine_stats(e), word) < value && nv_now() < limit)
        usleep(500);
    return nv_page_total(nv_engine_stats(e), word) >= value;
}

static inline void join(struct nv_engine *e)
{
    struct nv_error err = {0};
    CHECK(nv_engine_join(e, &err) == 0, "%s", err.message);
}

static inline uint64_t stat_of(struct nv_engine *e, enum nv_worker_word word)
{
    return nv_page_total(nv_engine_stats(e), word);
}

static inline uint64_t drops_of(struct nv_engine *e)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        sum += nv_page_drop(nv_engine_stats(e), i);
    return sum;
}

/* One received packet, put together from its slots. */
struct packet {
    uint32_t len, slots;
    uint64_t at_ns;
    uint8_t data[70000];
};

/* Take the next packet from ring 0 of `port`; false when none comes within `timeout_ns`. */
static inline bool take_packet(struct nv_port *port, struct packet *out, int64_t timeout_ns)
{
    struct netmap_ring *ring = nv_rxring(port, 0);
    struct nv_slots s;
    CHECK(nv_slots_open(&s, port, ring));
    if (ring->head == ring->tail && nv_wait(port, POLLIN, timeout_ns) != POLLIN)
        return false;
    out->at_ns = nv_now();
    out->len = out->slots = 0;
    for (bool more = true; more && ring->head != ring->tail;) {
        struct netmap_slot *slot = &ring->slot[ring->head];
        memcpy(out->data + out->len, nv_slots_buffer(&s, slot->buf_idx), slot->len);
        out->len += slot->len;
        out->slots++;
        more = slot->flags & NS_MOREFRAG;
        ring->head = ring->cur = nv_slots_next(ring->head, s.slots);
    }
    return true;
}

/* Send one packet of one slot through ring 0 of `port`. */
static inline void give_packet(struct nv_port *port, const uint8_t *data, uint32_t len)
{
    struct netmap_ring *ring = nv_txring(port, 0);
    struct nv_slots s;
    CHECK(nv_slots_open(&s, port, ring));
    while (ring->head == ring->tail)
        nv_wait(port, POLLOUT, 10000000);
    memcpy(nv_slots_buffer(&s, ring->slot[ring->head].buf_idx), data, len);
    nv_slot_set(&ring->slot[ring->head], len, 0);
    ring->head = ring->cur = nv_slots_next(ring->head, s.slots);
    CHECK(nv_txsync(port, 0) == 0);
}

#endif
