/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe_model_test.c - random traffic both ways through pipes against a queue: every packet, in order, exactly the
 * room that was released, and no buffer ever in two places.
 */
#include "world.h"

/* One direction: what was put in, handed over, taken out, released, counted in slots since the beginning. */
struct way {
    struct nv_port *from, *to;
    uint32_t put, sent, taken, released;
    uint32_t slots;
    bool *last; /* by put % slots: the slot ends its packet */
};

static uint64_t seed;

/* Whole packets or, at times, the beginning of one that goes on with the next call. */
static void put_some(struct way *w)
{
    struct netmap_ring *r = nv_txring(w->from, 0);
    uint32_t n = random_below(&seed, 2) ? random_below(&seed, 4) : random_below(&seed, w->slots);
    for (; n && !nm_ring_empty(r); n--) {
        uint32_t at = r->cur;
        bool last = random_below(&seed, 4) != 0 || nm_ring_space(r) == 1;
        CHECK(put_packet(w->from, 0, 18 + random_below(&seed, 200), broadcast_mac, broadcast_mac, w->put));
        r->slot[at].flags = last ? 0 : NS_MOREFRAG;
        w->last[w->put++ % w->slots] = last;
    }
    CHECK(nv_txsync(w->from, 0) == 0);
    while (w->sent < w->put) { /* up to the end of the last whole packet */
        uint32_t end = w->sent;
        while (end < w->put && !w->last[end % w->slots])
            end++;
        if (end == w->put)
            break;
        w->sent = end + 1;
    }
    uint32_t space = w->slots - 1 - (w->put - w->released);
    CHECK(nm_ring_space(r) == space, "room for %u, not %u", nm_ring_space(r), space);
}

static void take_some(struct way *w)
{
    struct netmap_ring *r = nv_rxring(w->to, 0);
    CHECK(nv_rxsync(w->to, 0) == 0);
    w->released = w->taken;
    CHECK(nm_ring_space(r) == w->sent - w->taken, "%u there, not %u", nm_ring_space(r), w->sent - w->taken);
    for (uint32_t n = random_below(&seed, 2 * w->slots); n && !nm_ring_empty(r); n--, w->taken++) {
        bool last = !(r->slot[r->cur].flags & NS_MOREFRAG);
        CHECK(last == w->last[w->taken % w->slots] && get_packet(w->to, 0, NULL) == w->taken);
    }
}

/* The buffers of tx rings, but for those underway, and what rx rings show, are all different. */
static void each_buffer_once(const struct way *w, unsigned ways)
{
    uint8_t *seen = calloc(1, nv_slots_backed(w->from));
    for (unsigned i = 0; i < ways; i++) {
        struct netmap_ring *tx = nv_txring(w[i].from, 0), *rx = nv_rxring(w[i].to, 0);
        for (uint32_t s = 0; s < tx->num_slots; s++)
            CHECK(!seen[tx->slot[s].buf_idx]++, "buffer %u is in two places", tx->slot[s].buf_idx);
        for (uint32_t s = rx->head; s != rx->tail; s = nm_ring_next(rx, s))
            CHECK(!seen[rx->slot[s].buf_idx]++, "buffer %u is in two places", rx->slot[s].buf_idx);
    }
    free(seen);
}

static void run(uint64_t with)
{
    seed = with;
    const struct nv_open_options opt = {.tx_slots = 2 + random_below(&seed, 60),
                                        .rx_slots = 2 + random_below(&seed, 60)};
    struct nv_error err = {0};
    struct nv_port *a, *b;
    world_new();
    CHECK(nv_open(with % 2 ? "p{1" : "vale0:a}z", &opt, &a, &err) == 0, "%s", err.message);
    b = open_port(with % 2 ? "p}1" : "vale0:a{z");
    struct way way[2] = {{.from = a, .to = b, .slots = opt.tx_slots}, {.from = b, .to = a, .slots = opt.rx_slots}};
    for (int i = 0; i < 2; i++)
        way[i].last = calloc(way[i].slots, sizeof(bool));
    for (unsigned step = 0; step < 6000 && !check_failed; step++) {
        struct way *w = &way[random_below(&seed, 2)];
        if (random_below(&seed, 2))
            put_some(w);
        else
            take_some(w);
        if (step % 50 == 0)
            each_buffer_once(way, 2);
    }
    for (int i = 0; i < 2 && !check_failed; i++) {
        while (way[i].taken < way[i].sent)
            take_some(&way[i]);
        take_some(&way[i]);
        put_some(&way[i]);
        struct nv_port_stats s;
        nv_stats(way[i].from, &s);
        for (unsigned d = 0; d < NV_DROP_COUNT; d++)
            CHECK(s.drops[d] == 0, "%s", nv_drop_name(d));
        CHECK(way[i].put > 300 && s.ring_resets == 0);
    }
    CHECK(!check_failed, "seed %lu", (unsigned long)with);
    free(way[0].last), free(way[1].last);
    nv_close(a), nv_close(b);
    world_end();
}

static void random_pipes(void)
{
    const char *given = getenv("NETVALE_SEED");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1;
    for (uint64_t i = first; i < first + (given ? 1 : 60) && !check_failed; i++)
        run(i);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"pipe: random traffic against a model", random_pipes}};
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
