/* SPDX-License-Identifier: BSD-2-Clause */
/* bridge_test.c - a bridge between ports: order, bytes, counts, room, both ways, threads, rubbish, and the end. */
#include "bridge/bridge.h"
#include "engine/stats.h"
#include "world.h"

#define PATIENCE 100000 /* ms */

static uint64_t word(const struct nv_bridge *b, unsigned way, unsigned at)
{
    const uint64_t *page = nv_bridge_page(b);
    return __atomic_load_n(&page[NV_BRIDGE_HEAD_WORDS + way * NV_BRIDGE_GROUP_WORDS + at], __ATOMIC_RELAXED);
}

static uint64_t drop(const struct nv_bridge *b, unsigned way, enum nv_drop why)
{
    return word(b, way, NV_BRIDGE_DROPS_AT + why);
}

/* Wait until a word of a way is at least n. */
static bool wait_for(const struct nv_bridge *b, unsigned way, unsigned at, uint64_t n)
{
    for (unsigned ms = 0; word(b, way, at) < n && ms < PATIENCE; ms++)
        poll(NULL, 0, 1);
    return word(b, way, at) >= n;
}

static struct nv_bridge *start(struct nv_bridge_plan *plan)
{
    struct nv_bridge *b;
    struct nv_error err = {0};
    CHECK(nv_bridge_start(plan, &b, &err) == 0, "%s", err.message);
    if (!b)
        exit(EXIT_FAILURE);
    return b;
}

static struct nv_bridge_plan plan_of(const char *a, const char *b)
{
    struct nv_bridge_plan plan;
    nv_bridge_default(&plan);
    plan.port[0] = a;
    plan.port[1] = b;
    return plan;
}

/* Put a packet of this length, in as many slots as it takes; false: no room. */
static bool put_long(struct nv_port *p, unsigned ring, uint32_t length, uint32_t seq)
{
    static uint8_t frame[65536];
    struct netmap_ring *tx = nv_txring(p, ring);
    const uint32_t size = tx->nr_buf_size, n = (length + size - 1) / size;
    if (nm_ring_space(tx) < n)
        return false;
    make_packet(frame, length, broadcast_mac, (const uint8_t[6]){2, 0, 0, 0, 0, 1}, seq);
    for (uint32_t i = 0, at = 0; i < n; i++, at += size) {
        struct netmap_slot *s = &tx->slot[tx->head];
        s->len = (uint16_t)(length - at < size ? length - at : size);
        s->flags = i + 1 < n ? NS_MOREFRAG : 0;
        memcpy(NETMAP_BUF(tx, s->buf_idx), frame + at, s->len);
        tx->head = tx->cur = nm_ring_next(tx, tx->head);
    }
    return true;
}

/* Take the next packet whole: its number, -1 wrong bytes, -2 none. */
static int64_t take_long(struct nv_port *p, unsigned ring, uint32_t *length)
{
    static uint8_t frame[65536];
    struct netmap_ring *rx = nv_rxring(p, ring);
    uint32_t at = 0;
    if (nm_ring_empty(rx))
        return -2;
    for (bool more = true; more && !nm_ring_empty(rx);) {
        const struct netmap_slot *s = &rx->slot[rx->head];
        memcpy(frame + at, NETMAP_BUF(rx, s->buf_idx), s->len);
        at += s->len;
        more = (s->flags & NS_MOREFRAG) != 0;
        rx->head = rx->cur = nm_ring_next(rx, rx->head);
    }
    *length = at;
    return check_packet(frame, at);
}

static uint32_t length_of(uint32_t seq)
{
    static const uint32_t lengths[] = {60, 1514, 61, 2048, 2049, 5000, 9000, 64};
    return lengths[seq % (sizeof(lengths) / sizeof(lengths[0]))];
}

/* Send n packets of all lengths from one port, and take them at the other in order. */
static void pass(struct nv_port *from, struct nv_port *to, uint32_t n)
{
    uint32_t sent = 0, came = 0, length;
    for (unsigned idle = 0; came < n && idle < PATIENCE;) {
        while (sent < n && sent < came + 40 && put_long(from, 0, length_of(sent), sent))
            sent++;
        nv_txsync(from, 0);
        nv_rxsync(to, 0);
        int64_t seq = take_long(to, 0, &length);
        if (seq == -2) {
            idle++;
            poll(NULL, 0, 1);
            continue;
        }
        idle = 0;
        CHECK(seq == came && length == length_of(came), "packet %u: %ld of %u bytes", came, (long)seq, length);
        came++;
    }
    CHECK(came == n, "%u of %u came", came, n);
    nv_rxsync(to, 0); /* released: a pipe counts it as delivered */
}

/* Both ways at once: all lengths, in order, every byte; between regions, in one region, and through pipes. */
static void both_ways(void)
{
    static const struct {
        const char *a, *b, *user_a, *user_b;
        bool exchange;
        unsigned threads;
        bool copy;
        enum nv_wait_mode wait;
    } cases[] = {
        {"vale0:br", "vale1:br", "vale0:x", "vale1:x", false, 1, false, NV_WAIT_ADAPTIVE},
        {"vale0:br@7", "vale1:br@7", "vale0:x", "vale1:x", true, 1, false, NV_WAIT_SLEEP},
        {"vale0:br@7", "vale1:br@7", "vale0:x@7", "vale1:x@7", true, 2, false, NV_WAIT_ADAPTIVE},
        {"vale0:br@7", "vale1:br@7", "vale0:x", "vale1:x", false, 1, true, NV_WAIT_BUSY},
        {"vale0:br", "vale1:br", "vale0:x", "vale1:x", false, 2, false, NV_WAIT_SLEEP},
        {"p{1", "q{1", "p}1", "q}1", false, 1, false, NV_WAIT_SLEEP},
        {"p{1@9", "q{1@9", "p}1", "q}1", true, 2, false, NV_WAIT_ADAPTIVE},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_new();
        struct nv_bridge_plan plan = plan_of(cases[i].a, cases[i].b);
        plan.threads = cases[i].threads;
        plan.copy = cases[i].copy;
        plan.wait = cases[i].wait;
        struct nv_bridge *b = start(&plan);
        CHECK(nv_bridge_describe(b)->exchange == cases[i].exchange, "case %u", i);
        CHECK(nv_bridge_describe(b)->threads == cases[i].threads && nv_bridge_describe(b)->ways == 2);
        struct nv_port *x = open_port(cases[i].user_a), *y = open_port(cases[i].user_b);
        pass(x, y, 400);
        pass(y, x, 400);
        CHECK(wait_for(b, 0, NV_BRIDGE_DELIVERED, 400) && wait_for(b, 1, NV_BRIDGE_DELIVERED, 400), "case %u", i);
        CHECK(word(b, 0, NV_BRIDGE_PACKETS) == 400 && word(b, 0, NV_BRIDGE_BAD) == 0);
        CHECK(word(b, 0, NV_BRIDGE_BYTES) == word(b, 0, NV_BRIDGE_DELIVERED_BYTES));
        nv_bridge_free(b);
        nv_close(x), nv_close(y);
        world_end();
    }
}

/* A pipe whose reader does not read: what came waits, nothing is lost, and goes on later. */
static void held(void)
{
    world_new();
    struct nv_bridge_plan plan = plan_of("p{1@conf:slots=64", "q{1@conf:slots=16");
    struct nv_bridge *b = start(&plan);
    struct nv_port *x = open_port("p}1"), *y = open_port("q}1");
    uint32_t sent = 0;
    for (unsigned idle = 0; idle < 200; idle++) { /* until both rings are full */
        uint32_t before = sent;
        while (put_long(x, 0, 60, sent))
            sent++;
        nv_txsync(x, 0);
        if (sent != before)
            idle = 0;
        poll(NULL, 0, 1);
    }
    CHECK(sent >= 15 + 15, "%u", sent);
    CHECK(wait_for(b, 0, NV_BRIDGE_HELD, 1));
    const uint64_t sleeps = word(b, 0, NV_BRIDGE_SLEEPS);
    CHECK(wait_for(b, 0, NV_BRIDGE_SLEEPS, sleeps + 3), "it sleeps while it cannot go on");
    uint32_t came = 0, length;
    for (unsigned idle = 0; came < sent && idle < PATIENCE;) {
        nv_rxsync(y, 0);
        int64_t seq = take_long(y, 0, &length);
        if (seq == -2) {
            idle++;
            poll(NULL, 0, 1);
            continue;
        }
        idle = 0;
        CHECK(seq == came, "%ld, not %u", (long)seq, came);
        came++;
    }
    CHECK(came == sent, "%u of %u", came, sent);
    nv_bridge_free(b);
    nv_close(x), nv_close(y);
    world_end();
}

/* What the port sent to drops has a name in the bridge. */
static void drops(void)
{
    world_new();
    struct nv_bridge_plan plan = plan_of("p{1", "vale1:br");
    struct nv_bridge *b = start(&plan);
    struct nv_port *x = open_port("p}1");
    for (uint32_t i = 0; i < 10; i++)
        CHECK(put_long(x, 0, 60, i));
    nv_txsync(x, 0);
    CHECK(wait_for(b, 0, NV_BRIDGE_DROPS_AT + NV_DROP_NO_PORT, 10), "nobody else is on that switch");
    CHECK(word(b, 0, NV_BRIDGE_PACKETS) == 10 && word(b, 0, NV_BRIDGE_DELIVERED) == 0);
    CHECK(drop(b, 0, NV_DROP_NO_PORT) == 10 && drop(b, 0, NV_DROP_NO_SPACE) == 0);
    nv_bridge_free(b);
    nv_close(x);
    world_end();
}

/* Ring i goes to ring i, modulo what there is. */
static void rings(void)
{
    world_new();
    struct nv_bridge_plan plan = plan_of("p{1@conf:rings=4", "q{1@conf:rings=2");
    struct nv_bridge *b = start(&plan);
    struct nv_port *x = open_port("p}1"), *y = open_port("q}1");
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(put_long(x, i, 60, i));
        nv_txsync(x, i);
        uint32_t length;
        int64_t seq = -2;
        for (unsigned ms = 0; seq == -2 && ms < PATIENCE; ms++, poll(NULL, 0, 1)) {
            nv_rxsync(y, i % 2);
            seq = take_long(y, i % 2, &length);
        }
        CHECK(seq == i, "ring %u: %ld", i, (long)seq);
    }
    nv_bridge_free(b);
    nv_close(x), nv_close(y);
    world_end();
}

/* One port alone: everything goes back. */
static void loop(void)
{
    world_new();
    struct nv_bridge_plan plan = plan_of("p{1", NULL);
    plan.threads = 2; /* there is but one way */
    struct nv_bridge *b = start(&plan);
    CHECK(nv_bridge_describe(b)->ways == 1 && nv_bridge_describe(b)->threads == 1);
    struct nv_port *x = open_port("p}1");
    pass(x, x, 100);
    nv_bridge_free(b);
    nv_close(x);
    world_end();
}

/* A neighbour writes rubbish into the rings' memory: a counted loss, and it goes on. */
static void rubbish(void)
{
    world_new();
    struct nv_bridge_plan plan = plan_of("vale0:br@7", "vale1:br@7");
    struct nv_bridge *b = start(&plan);
    struct nv_port *x = open_port("vale0:x@7"), *y = open_port("vale1:x@7");
    uint64_t seed = 1;
    size_t size;
    pass(x, y, 50);
    for (unsigned i = 0; i < 3000; i++) {
        /* x, y and the bridge's ports lie in one region: any slot of any ring */
        char *memory = nv_memory(x, &size);
        struct netmap_ring *any = nv_rxring(y, 0);
        const size_t ring_at = (size_t)((char *)any - memory);
        const size_t at = ring_at % 4096 + (random_below(&seed, (uint32_t)(2 * ring_at / 8)) & ~7u);
        if (at + 8 < size && at < ring_at * 2)
            __atomic_fetch_xor((uint64_t *)(void *)(memory + (at & ~(size_t)7)), (uint64_t)1 << random_below(&seed, 64),
                               __ATOMIC_RELAXED);
        if (i % 10 == 0)
            poll(NULL, 0, 1);
    }
    CHECK(!nv_bridge_done(b), "it goes on");
    nv_bridge_stop(b);
    CHECK(nv_bridge_join(b, NULL) == 0);
    nv_bridge_free(b);
    nv_close(x), nv_close(y);
    world_end();
}

static void errors(void)
{
    struct nv_bridge *b;
    struct nv_error err = {0};
    world_new();
    struct nv_bridge_plan plan = plan_of("vale0:a", "vale0:");
    CHECK(nv_bridge_start(&plan, &b, &err) == -EINVAL && !b && strstr(err.message, "vale0:"), "%s", err.message);
    plan = plan_of("vale0:a", "vale1:a");
    plan.burst = 0;
    CHECK(nv_bridge_start(&plan, &b, &err) == -EINVAL && strstr(err.message, "burst"), "%s", err.message);
    plan.burst = 1;
    plan.threads = 3;
    CHECK(nv_bridge_start(&plan, &b, &err) == -EINVAL && strstr(err.message, "threads"), "%s", err.message);
    struct nv_port *held = open_port("vale1:a");
    plan.threads = 1;
    CHECK(nv_bridge_start(&plan, &b, &err) == -EBUSY && strstr(err.message, "vale1:a"), "%s", err.message);
    nv_close(held);
    plan.port[0] = "vale0:a/T";
    CHECK(nv_bridge_start(&plan, &b, &err) == -EINVAL && strstr(err.message, "receive"), "%s", err.message);
    CHECK(nv_bridge_word_name(NV_BRIDGE_FIELD_COUNT) == NULL && !strcmp(nv_bridge_word_name(0), "packets"));
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"both ways, all lengths", both_ways},
        {"no room at the other port", held},
        {"drops behind it have names", drops},
        {"several rings", rings},
        {"one port alone", loop},
        {"rubbish in the rings", rubbish},
        {"errors", errors},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
