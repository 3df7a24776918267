/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bridge_bench.c - "bridge": one way of a bridge between two VALE ports, each on a switch of its own with a sender, or
 * a receiver. Timed is the bridge's part: taking from its rx ring, moving, handing over. The baseline does the same on
 * the same ports with the bare loop that a program would write: a sync, an exchange of two indices (or a copy) a slot,
 * no checks, and a sync.
 */
#include "bridge/way.h"
#include "ring/copy.h"
#include "world.h"

enum { BATCH = 256 };

struct setting {
    uint32_t length;
    bool exchange;
};

struct rig {
    struct nv_port *from, *in, *out, *to; /* sender, the bridge's two, receiver */
    struct nv_way way;
    uint64_t words[NV_BRIDGE_GROUP_WORDS];
};

static void open_rig(struct rig *rig, const struct setting *s)
{
    struct nv_error err;
    rig->from = world_open(s->exchange ? "vale0:a@7" : "vale0:a");
    rig->in = world_open(s->exchange ? "vale0:b@7" : "vale0:b");
    rig->out = world_open(s->exchange ? "vale1:b@7" : "vale1:b");
    rig->to = world_open(s->exchange ? "vale1:a@7" : "vale1:a");
    world_teach(rig->from, rig->in, s->exchange ? "vale0:c@7" : "vale0:c");
    world_teach(rig->out, rig->to, s->exchange ? "vale1:c@7" : "vale1:c");
    struct netmap_ring *rings[] = {nv_txring(rig->from, 0), nv_rxring(rig->in, 0), nv_txring(rig->out, 0),
                                   nv_rxring(rig->to, 0)};
    for (unsigned i = 0; i < 4; i++)
        world_write_frames(rings[i], s->length);
    rig->way = (struct nv_way){.burst = 1024, .words = rig->words};
    if (nv_way_open(&rig->way, rig->in, rig->out, false, &err) < 0)
        bench_fail("%s", err.message);
    if (rig->way.exchange != s->exchange)
        bench_fail("the ports are not where they should be");
}

static void close_rig(struct rig *rig)
{
    nv_way_close(&rig->way);
    nv_close(rig->to);
    nv_close(rig->out);
    nv_close(rig->in);
    nv_close(rig->from);
}

/* The bare loop. */
static void plain_turn(const struct rig *rig, bool exchange)
{
    struct netmap_ring *rx = nv_rxring(rig->in, 0), *tx = nv_txring(rig->out, 0);
    world_rxsync(rig->in);
    uint32_t n = nm_ring_space(rx), room = nm_ring_space(tx), j = rx->head, k = tx->head;
    for (n = n < room ? n : room; n; n--) {
        struct netmap_slot *rs = &rx->slot[j], *ts = &tx->slot[k];
        if (exchange) {
            const uint32_t empty = ts->buf_idx;
            ts->buf_idx = rs->buf_idx;
            rs->buf_idx = empty;
            ts->flags = rs->flags = NS_BUF_CHANGED;
        } else {
            nv_copy_packet(NETMAP_BUF(tx, ts->buf_idx), NETMAP_BUF(rx, rs->buf_idx), rs->len);
            ts->flags = 0;
        }
        ts->len = rs->len;
        j = nm_ring_next(rx, j);
        k = nm_ring_next(tx, k);
    }
    rx->head = rx->cur = j;
    tx->head = tx->cur = k;
    world_txsync(rig->out);
}

/* Millions of packets a second through one turn after another; what feeds and empties the rings is not counted. */
static double measure(struct bench_run *run, bool plain)
{
    const struct setting *s = run->arg;
    struct rig rig = {0};
    uint64_t packets = 0, ns = 0, bytes = 0;
    open_rig(&rig, s);
    const uint64_t end = bench_ns() + (uint64_t)(run->seconds * 1e9);
    while (bench_ns() < end) {
        world_fill(nv_txring(rig.from, 0), BATCH, s->length);
        world_txsync(rig.from);
        if (!plain)
            nv_rxsync(rig.in, 0); /* a turn ends with it, the bare loop begins with it: both see the batch at once */
        const uint64_t start = bench_ns();
        if (plain)
            plain_turn(&rig, s->exchange);
        else
            nv_way_turn(&rig.way);
        ns += bench_ns() - start;
        world_rxsync(rig.to);
        packets += world_walk(nv_rxring(rig.to, 0), &bytes);
        world_rxsync(rig.to);
        if (plain)
            nv_rxsync(rig.in, 0); /* releases, as the other's turn did */
    }
    close_rig(&rig);
    if (bytes != packets * s->length || packets == 0)
        bench_fail("%llu packets of %llu bytes came", (unsigned long long)packets, (unsigned long long)bytes);
    return (double)packets * 1e3 / (double)ns;
}

static double bridge(struct bench_run *run)
{
    return measure(run, false);
}

static double plain(struct bench_run *run)
{
    return measure(run, true);
}

int main(int argc, char **argv)
{
    static const struct setting exchange_60 = {FRAME_SHORT, true}, exchange_1514 = {FRAME_LONG, true},
                                copy_60 = {FRAME_SHORT, false}, copy_1514 = {FRAME_LONG, false};
    static const struct bench_case cases[] = {
        {"exchange 60", "Mpps", bridge, &exchange_60, "bare exchange 60", plain, &exchange_60},
        {"exchange 1514", "Mpps", bridge, &exchange_1514, "bare exchange 1514", plain, &exchange_1514},
        {"copy 60", "Mpps", bridge, &copy_60, "bare copy 60", plain, &copy_60},
        {"copy 1514", "Mpps", bridge, &copy_1514, "bare copy 1514", plain, &copy_1514},
    };
    world_make();
    return bench_main(argc, argv, "bridge", cases, sizeof(cases) / sizeof(cases[0]));
}
