/* SPDX-License-Identifier: BSD-2-Clause */
/* conformance_packets.h - lengths, fragments, broken slots, counting, zero copy between two ports of a program. */
#ifndef NETVALE_CONFORMANCE_PACKETS_H
#define NETVALE_CONFORMANCE_PACKETS_H

#include "conformance.h"

/* Every length, one after the other. */
static void every_length(void)
{
    struct pair p = pair_open(NULL);
    uint64_t bytes = 0;
    for (unsigned len = 18; len <= 2048 && !check_failed; len++) {
        pass(&p, 0, 1, len, len);
        bytes += len;
    }
    for (unsigned len = 14; len < 18; len++) { /* too short for a number */
        struct netmap_ring *r = nv_txring(p.a, 0);
        struct netmap_slot *slot = &r->slot[r->cur];
        make_packet((uint8_t *)NETMAP_BUF(r, slot->buf_idx), 18, mac_b, mac_a, len);
        slot->len = (uint16_t)len, slot->flags = 0;
        r->head = r->cur = nm_ring_next(r, r->cur);
        CHECK(nv_txsync(p.a, 0) == 0);
        CHECK(!kind->b || (peer_take(&p, 0, 10) == 1 && p.b.ask->got[0].len == len));
        peer_take(&p, 0, 10);
        nv_txsync(p.a, 0);
        bytes += len;
    }
    struct nv_port_stats s = check_stats(p.a, 0);
    CHECK(s.tx_packets == 2035 && s.tx_bytes == bytes && s.tx_delivered_bytes == bytes);
    pair_close(&p);
}

/* Put a packet of n fragments; those before the last are `len` bytes long, it has 60. */
static void put_chain(struct nv_port *port, uint32_t n, unsigned len, uint32_t seq)
{
    struct netmap_ring *r = nv_txring(port, 0);
    for (uint32_t i = 0; i < n; i++) {
        CHECK(put_packet(port, 0, i + 1 < n ? len : 60, mac_b, mac_a, seq + i));
        r->slot[(r->cur + r->num_slots - 1) % r->num_slots].flags = i + 1 < n ? NS_MOREFRAG : 0;
    }
}

/* The peer must receive this chain next, as p->b.ask->got[at..]. */
static void expect_chain(const struct pair *p, uint32_t at, uint32_t n, unsigned len, uint32_t seq)
{
    for (uint32_t i = 0; kind->b && i < n; i++) {
        const struct got *g = &p->b.ask->got[at + i];
        CHECK(g->seq == seq + i && g->len == (i + 1 < n ? len : 60) && !(g->flags & NS_MOREFRAG) == (i + 1 == n),
              "fragment %u of %u: number %ld, %u bytes, flags %#x", i, n, (long)g->seq, g->len, g->flags);
    }
}

/* Packets of 1 to 64 fragments arrive whole, at any offset. */
static void chains(void)
{
    struct pair p = pair_open_slots(150);
    uint64_t packets = 0, bytes = 0;
    for (uint32_t n = 1; n <= NETMAP_MAX_FRAGS && !check_failed; n++) {
        unsigned len = 18 + n * 31;
        put_chain(p.a, n, len, 100);
        put_chain(p.a, 1, 0, 9);
        put_chain(p.a, n, len, 300);
        CHECK(nv_txsync(p.a, 0) == 0);
        uint32_t got = peer_take(&p, 0, ASK_MOST);
        CHECK(!kind->b || got == 2 * n + 1, "%u slots of %u arrived", got, 2 * n + 1);
        expect_chain(&p, 0, n, len, 100);
        expect_chain(&p, n, 1, 0, 9);
        expect_chain(&p, n + 1, n, len, 300);
        peer_take(&p, 0, 1);
        CHECK(nv_txsync(p.a, 0) == 0);
        packets += 3;
        bytes += 2ull * (n - 1) * len + 180;
    }
    struct nv_port_stats s = check_stats(p.a, 0);
    CHECK(s.tx_packets == packets && s.tx_bytes == bytes && s.tx_delivered == packets && s.tx_delivered_bytes == bytes);
    pair_close(&p);
}

/*
 * A packet with anything wrong in any of its slots is dropped whole, by name, and its neighbours arrive whole.
 */
static void broken_slots(void)
{
    static const struct {
        uint32_t buf; /* 0: leave it */
        uint16_t len;
        enum nv_drop why;
    } wrong[] = {
        {1, 60, NV_DROP_BAD_SLOT},          {0x00ffffff, 60, NV_DROP_BAD_SLOT}, {0xffffffff, 60, NV_DROP_BAD_SLOT},
        {0x80000002, 60, NV_DROP_BAD_SLOT}, {0, 2049, NV_DROP_TOO_LONG},        {0, 65535, NV_DROP_TOO_LONG},
    };
    struct pair p = pair_open_slots(40);
    struct netmap_ring *r = nv_txring(p.a, 0);
    uint64_t dropped[NV_DROP_COUNT] = {0};
    for (unsigned w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++) {
        for (uint32_t frags = 1; frags <= 4; frags++) {
            for (uint32_t bad = 0; bad < frags && !check_failed; bad++) {
                uint32_t first = r->cur;
                put_chain(p.a, 2, 80, 100);
                put_chain(p.a, frags, 80, 200);
                put_chain(p.a, 3, 80, 300);
                struct netmap_slot *slot = &r->slot[(first + 2 + bad) % r->num_slots];
                uint32_t own = slot->buf_idx;
                slot->buf_idx = wrong[w].buf ? wrong[w].buf : own;
                slot->len = wrong[w].len;
                CHECK(nv_txsync(p.a, 0) == 0);
                slot->buf_idx = own;
                dropped[wrong[w].why]++;
                uint32_t got = peer_take(&p, 0, ASK_MOST);
                CHECK(!kind->b || got == 5, "%u slots arrived (%u of %u was wrong)", got, bad, frags);
                expect_chain(&p, 0, 2, 80, 100);
                expect_chain(&p, 2, 3, 80, 300);
                peer_take(&p, 0, 1);
                CHECK(nv_txsync(p.a, 0) == 0);
            }
        }
    }
    struct nv_port_stats s = check_stats(p.a, 0);
    for (unsigned d = 0; d < NV_DROP_COUNT; d++)
        CHECK(s.drops[d] == dropped[d], "%s: %lu, not %lu", nv_drop_name(d), (unsigned long)s.drops[d],
              (unsigned long)dropped[d]);
    pair_close(&p);
}

/* What the two ends count is what was sent. */
static void statistics(void)
{
    struct pair p = pair_open(NULL);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < 5000; i++)
        bytes += some_length(i);
    pass(&p, 0, 5000, 0, 0);
    struct nv_port_stats s = check_stats(p.a, 0);
    CHECK(s.tx_packets == 5000 && s.tx_bytes == bytes && s.tx_copies == 0);
    CHECK(s.tx_delivered == 5000 && s.tx_delivered_bytes == bytes && s.rx_packets == 0 && s.ring_resets == 0);
    if (kind->b) {
        peer_do(&p.b, ASK_STATS);
        const struct nv_port_stats *b = &p.b.ask->stats;
        CHECK(b->rx_packets == 5000 && b->rx_bytes == bytes && b->tx_packets == 0);
        for (unsigned d = 0; d < NV_DROP_COUNT; d++)
            CHECK(b->rx_drops[d] == 0 && s.drops[d] == 0);
    }
    pair_close(&p);
}

/* Which buffers are in a's tx ring afterwards: the same when it copies, the receiver's when buffers change hands. */
static void who_keeps_the_buffers(void)
{
    struct pair p = pair_open_slots(64);
    struct netmap_ring *r = nv_txring(p.a, 0);
    uint32_t before[64], same = 0;
    for (uint32_t i = 0; i < 64; i++)
        before[i] = r->slot[i].buf_idx;
    CHECK(send_packets(p.a, 0, 63, 200, 5, true) == 63);
    for (uint32_t i = 0; i < 63; i++) {
        bool kept = r->slot[i].buf_idx == before[i];
        CHECK(kept || (r->slot[i].flags & NS_BUF_CHANGED));
        if (kept && !kind->exchange)
            CHECK(check_packet((uint8_t *)NETMAP_BUF(r, before[i]), 200) == 5 + i);
        same += kept;
    }
    CHECK(same == (kind->exchange ? 0 : 63), "%u of 63 buffers are the same as before", same);
    peer_expect(&p, 0, 63, 200, 5);
    pair_close(&p);
}

/*
 * A bridge as netmap programs write it: what came into port x goes out of port y by swapping the buffers of two
 * slots. x and y share a region; sometimes a buffer takes a turn through the list of extra ones.
 */
static void bridge_without_copying(void)
{
    if (kind->remote || !kind->b)
        return;
    world_new();
    const char *names[2][4] = {{"vale0:in", "vale0:x@7", "vale1:y@7", "vale1:out"}, {"p{1", "p}1", "p{2", "p}2"}};
    struct nv_port *port[4];
    const struct nv_open_options opt = {.tx_slots = 32, .rx_slots = 32, .flags = kind->flags, .extra_bufs = 5};
    struct nv_error err = {0};
    for (int i = 0; i < 4; i++)
        CHECK(nv_open(names[kind->pipe][i], &opt, &port[i], &err) == 0, "%s", err.message);
    struct netmap_ring *in = nv_rxring(port[1], 0), *out = nv_txring(port[2], 0);
    uint32_t sent = 0, got = 0, extra = nv_if(port[1])->ni_bufs_head;
    for (int round = 0; round < 3000 && !check_failed; round++) {
        sent += send_packets(port[0], 0, (uint32_t)round % 31, 0, sent, true);
        CHECK(nv_rxsync(port[1], 0) == 0 && nv_txsync(port[2], 0) == 0);
        while (!nm_ring_empty(in) && !nm_ring_empty(out)) {
            struct netmap_slot *from = &in->slot[in->cur], *to = &out->slot[out->cur];
            uint32_t buf = to->buf_idx;
            to->buf_idx = from->buf_idx, to->len = from->len;
            from->buf_idx = round % 3 ? buf : extra;
            extra = round % 3 ? extra : buf;
            to->flags = from->flags = NS_BUF_CHANGED;
            in->head = in->cur = nm_ring_next(in, in->cur);
            out->head = out->cur = nm_ring_next(out, out->cur);
        }
        CHECK(nv_txsync(port[2], 0) == 0 && nv_rxsync(port[1], 0) == 0 && nv_rxsync(port[3], 0) == 0);
        for (int64_t seq; (seq = get_packet(port[3], 0, NULL)) != -2; got++)
            CHECK(seq == got, "packet %ld, not %u", (long)seq, got);
        CHECK(nv_rxsync(port[3], 0) == 0);
    }
    CHECK(sent == got && got > 30000, "%u sent, %u received", sent, got);
    for (int i = 0; i < 4; i++)
        nv_close(port[i]);
    world_end();
}

#endif
