/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_rubbish_test.c - a process that writes rubbish into its rings and its memory crashes and blocks nobody, not
 * even itself, and all it did is counted.
 */
#include "crash_stage.h"

#define RUBBISH 8 /* number of its board */

struct rubbish {
    const char *port;
    bool memory; /* into all of its mapped memory, not only into ring heads and slots */
};

/* Numbers that are nearly right, just wrong, and anything. */
static uint32_t some_number(uint64_t *seed, uint32_t about)
{
    static const uint32_t odd[] = {0, 1, 2, 13, 14, 60, 2047, 2048, 2049, 65535, 0x7fffffff, 0x80000000, 0xffffffff};
    switch (random_below(seed, 4)) {
    case 0:
        return odd[random_below(seed, sizeof(odd) / sizeof(odd[0]))];
    case 1:
        return (uint32_t)nv_splitmix64(seed);
    default:
        return about + random_below(seed, 40) - 20;
    }
}

static void spoil_slots(struct netmap_ring *r, uint32_t slots, uint32_t n, uint32_t backed, uint64_t *seed)
{
    for (uint32_t at = r->head; n; n--, at++) {
        struct netmap_slot *s = &r->slot[at % slots];
        switch (random_below(seed, 8)) {
        case 0:
            s->buf_idx = some_number(seed, backed);
            break;
        case 1:
            s->len = (uint16_t)some_number(seed, 60);
            break;
        case 2:
            s->flags = (uint16_t)nv_splitmix64(seed);
            break;
        case 3:
            s->ptr = nv_splitmix64(seed);
            break;
        case 4:
            s->flags |= NS_MOREFRAG;
            break;
        default:
            s->len = (uint16_t)(14 + random_below(seed, 1500));
            s->flags = 0;
            s->buf_idx = 2 + random_below(seed, backed);
        }
    }
}

static void spoil_ring(struct netmap_ring *r, uint32_t slots, uint32_t backed, uint64_t *seed)
{
    uint32_t n = random_below(seed, slots);
    spoil_slots(r, slots, n, backed, seed);
    switch (random_below(seed, 6)) {
    case 0:
        r->head = some_number(seed, slots);
        break;
    case 1:
        r->cur = some_number(seed, slots);
        break;
    case 2:
        r->tail = some_number(seed, slots);
        break;
    default: /* all that there is */
        r->head = r->cur = (r->head + random_below(seed, 300)) % slots;
    }
}

/* `buffers`: where they begin. */
static void spoil_memory(struct nv_port *port, size_t buffers, uint64_t *seed)
{
    size_t step = 4096, end = random_below(seed, 2) ? buffers : buffers + (size_t)nv_slots_backed(port) * 2048;
    char *memory = nv_memory(port, NULL);
    for (size_t at = nv_splitmix64(seed) % end & ~7ull; at + 8 <= end && step; at += 8, step -= 8) {
        uint64_t word = nv_splitmix64(seed);
        memcpy(memory + at, &word, 8);
    }
}

static void write_rubbish(struct board *b, void *arg)
{
    const struct rubbish *how = arg;
    struct nv_port *port;
    struct nv_error err = {0};
    uint64_t seed = soak() > 1 ? (uint64_t)now_ms() : 5;
    if (nv_open(how->port, NULL, &port, &err) < 0) {
        complain(b, "%s", err.message);
        return;
    }
    struct netmap_ring *tx = nv_txring(port, 0), *rx = nv_rxring(port, 0);
    char *buffers = NETMAP_BUF(tx, 0);
    uint32_t slots = tx->num_slots;
    for (uint32_t i = 0; i < slots; i++)
        memcpy(buffers + 2048ull * tx->slot[i].buf_idx + 6, rubbish_mac, 6);
    poke(&b->ready, 1);
    while (!peek(&b->stop)) {
        spoil_ring(tx, slots, nv_slots_backed(port), &seed);
        spoil_ring(rx, slots, nv_slots_backed(port), &seed);
        if (how->memory)
            spoil_memory(port, (size_t)(buffers - (char *)nv_memory(port, NULL)), &seed);
        else if (nv_mem_id(port) != 7) /* a region of its own: what is sent from anywhere in it can be recognised */
            for (uint32_t i = 2; i < nv_slots_backed(port); i++)
                memcpy(buffers + 2048ull * i + 6, rubbish_mac, 6);
        nv_txsync(port, 0);
        nv_rxsync(port, 0);
        nv_wait(port, POLLIN | POLLOUT, 0);
        if (nv_arm(port, POLLIN | POLLOUT) == 0)
            sleep_ms(1);
        b->mark++;
    }
    uint64_t drops = 0;
    nv_stats(port, &b->stats);
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        drops += b->stats.drops[i];
    uint64_t in = b->stats.tx_packets + b->stats.tx_copies, out = b->stats.tx_delivered + drops;
    uint64_t waiting = strncmp(how->port, "vale", 4) ? slots - 1 : 0; /* in a pipe whose other end does not read */
    EXPECT(b, in >= out && in - out <= waiting, "(%lu, %lu)", (unsigned long)in, (unsigned long)out);
    nv_close(port);
}

/* What was wrong was counted. */
static void rubbish_ends(struct actor *a)
{
    actor_end(a);
    const struct nv_port_stats *s = &a->board->stats;
    CHECK(a->board->mark > 100 && s->ring_resets > 10 && s->drops[NV_DROP_BAD_SLOT] > 10,
          "%lu rounds, %lu ring resets, %lu bad slots", (unsigned long)a->board->mark, (unsigned long)s->ring_resets,
          (unsigned long)s->drops[NV_DROP_BAD_SLOT]);
}

/* Among others on a stage, for a second, or until enough was spoilt. */
static void rubbish_among(void (*set)(struct stage *s), const char *port, bool memory)
{
    struct stage s;
    struct rubbish how = {port, memory};
    set(&s);
    if (stage_start(&s)) {
        struct actor a = actor_start(RUBBISH, write_rubbish, &how);
        if (actor_ready(&a))
            for (int64_t until = now_ms() + 1000 * soak();
                 (now_ms() < until || peek_long(&a.board->mark) < 300) && !check_failed;)
                others_go_on(&s, 0);
        rubbish_ends(&a);
        others_go_on(&s, 2);
    }
    stage_end(&s, false);
}

static void in_rings(void)
{
    rubbish_among(stage_vale, "vale0:x", false);
}

static void in_rings_of_a_shared_region(void)
{
    rubbish_among(stage_shared, "vale1:x@7", false);
}

static void in_memory(void)
{
    rubbish_among(stage_vale, "vale1:x", true);
}

static void in_a_pipe(void)
{
    rubbish_among(stage_pipes, "netmap:q{1", true);
}

/* ---- one at a time --------------------------------------------------------------------------------- */

static uint8_t mac_a[6], mac_b[6];

/* Slots [head, head + n) become one packet of n slots. */
static void put_chain(struct nv_port *p, unsigned n, bool ends)
{
    struct netmap_ring *r = nv_txring(p, 0);
    for (unsigned i = 0; i < n; i++) {
        struct netmap_slot *s = &r->slot[r->head];
        make_packet((uint8_t *)NETMAP_BUF(r, s->buf_idx), 100, mac_b, mac_a, i);
        s->len = 100;
        s->flags = i + 1 < n || !ends ? NS_MOREFRAG : 0;
        r->head = r->cur = nm_ring_next(r, r->head);
    }
}

static uint64_t dropped(struct nv_port *p, enum nv_drop why)
{
    struct nv_port_stats s;
    nv_stats(p, &s);
    return s.drops[why];
}

/* One slot with this buffer and length is dropped under this name, and a good one after it is not. */
static void refuse_slot(struct nv_port *a, struct nv_port *b, uint32_t buf, unsigned len, enum nv_drop why)
{
    struct netmap_ring *r = nv_txring(a, 0);
    struct netmap_slot *s = &r->slot[r->head];
    uint64_t before = dropped(a, why);
    put_packet(a, 0, 60, mac_b, mac_a, 1);
    s->len = (uint16_t)len;
    if (buf != UINT32_MAX)
        s->buf_idx = buf;
    put_packet(a, 0, 60, mac_b, mac_a, 2);
    CHECK(nv_txsync(a, 0) == 0);
    nv_rxsync(b, 0);
    CHECK(dropped(a, why) == before + 1, "%s: buffer %u, length %u: %lu times %s", nv_name(a), buf, len,
          (unsigned long)(dropped(a, why) - before), nv_drop_name(why));
    CHECK(get_packet(b, 0, NULL) == 2 && get_packet(b, 0, NULL) == -2);
    nv_rxsync(b, 0);
    CHECK(s->buf_idx != buf && s->buf_idx >= 2 && s->buf_idx < nv_slots_backed(a), "the slot was not repaired");
}

static void one_at_a_time(const char *from, const char *to, bool is_switch)
{
    world_new();
    struct nv_port *a = open_port(from), *b = open_port(to);
    put_packet(b, 0, 60, mac_a, mac_b, 0); /* the switch learns */
    nv_txsync(b, 0), nv_rxsync(a, 0);
    get_packet(a, 0, NULL), nv_rxsync(a, 0);
    const uint32_t bufs[] = {0, 1, 0x00ffffff, 0x7fffffff, 0xfffffffe};
    for (unsigned i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        refuse_slot(a, b, bufs[i], 60, NV_DROP_BAD_SLOT);
    for (unsigned i = 0; i < 2; i++) /* beyond those that have memory by now */
        refuse_slot(a, b, nv_slots_backed(a) + i, 60, NV_DROP_BAD_SLOT);
    refuse_slot(a, b, UINT32_MAX, 2049, NV_DROP_TOO_LONG);
    refuse_slot(a, b, UINT32_MAX, 65535, NV_DROP_TOO_LONG);
    if (is_switch) {
        refuse_slot(a, b, UINT32_MAX, 0, NV_DROP_RUNT);
        refuse_slot(a, b, UINT32_MAX, 13, NV_DROP_RUNT);
        put_chain(a, 3, false);
        CHECK(nv_txsync(a, 0) == 0 && dropped(a, NV_DROP_BROKEN_CHAIN) == 1);
    }
    uint64_t before = dropped(a, NV_DROP_TOO_LONG);
    put_chain(a, 65, true);
    CHECK(nv_txsync(a, 0) == 0 && dropped(a, NV_DROP_TOO_LONG) == before + 1);
    put_chain(a, 64, true);
    CHECK(nv_txsync(a, 0) == 0 && nv_rxsync(b, 0) == 0);
    for (int i = 0; i < 64; i++)
        CHECK(get_packet(b, 0, NULL) == i);
    CHECK(get_packet(b, 0, NULL) == -2);
    nv_close(a), nv_close(b);
    world_end();
}

static void on_a_switch(void)
{
    one_at_a_time("vale0:a", "vale0:b", true);
}

static void on_a_switch_exchanging(void)
{
    one_at_a_time("vale0:a@7", "vale0:b@7", true);
}

static void on_a_pipe(void)
{
    one_at_a_time("netmap:p{1", "netmap:p}1", false);
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2);
    static const struct check_test tests[] = {
        {"rubbish, slot by slot, on a switch", on_a_switch},
        {"rubbish, slot by slot, exchanging", on_a_switch_exchanging},
        {"rubbish, slot by slot, on a pipe", on_a_pipe},
        {"rubbish in rings among others", in_rings},
        {"rubbish in rings in others' region", in_rings_of_a_shared_region},
        {"rubbish in all memory", in_memory},
        {"rubbish in all memory of a pipe", in_a_pipe},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
