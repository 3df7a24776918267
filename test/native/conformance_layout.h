/* SPDX-License-Identifier: BSD-2-Clause */
/* conformance_layout.h - what a program finds in the mapped region: interface, rings, buffers, extra buffers. */
#ifndef NETVALE_CONFORMANCE_LAYOUT_H
#define NETVALE_CONFORMANCE_LAYOUT_H

#include "conformance.h"

#define MOST_BUFS (1u << 22)

/* Which buffers were met; note_buf fails the test when one is impossible or was met before. */
static uint8_t *noted;

static inline void note_begin(void)
{
    noted = calloc(MOST_BUFS, 1);
}

static inline void note_buf(const struct nv_port *port, uint32_t buf)
{
    CHECK(buf >= 2 && buf < nv_slots_backed(port) && buf < MOST_BUFS, "buffer %u", buf);
    if (buf < MOST_BUFS) {
        CHECK(!noted[buf], "buffer %u is in two places", buf);
        noted[buf] = 1;
    }
}

static inline void note_rings(const struct nv_port *port)
{
    struct nv_ring_range r = nv_rings(port);
    for (unsigned i = r.first_tx; i < r.first_tx + kind->rings; i++)
        for (uint32_t s = 0; s < nv_txring(port, i)->num_slots; s++)
            note_buf(port, nv_txring(port, i)->slot[s].buf_idx);
    for (unsigned i = r.first_rx; i < r.first_rx + kind->rings; i++)
        for (uint32_t s = 0; s < nv_rxring(port, i)->num_slots; s++)
            note_buf(port, nv_rxring(port, i)->slot[s].buf_idx);
}

static inline void note_end(void)
{
    free(noted);
    noted = NULL;
}

/* One ring as a program finds it right after opening. */
static void check_ring(const struct nv_port *port, const struct netmap_ring *r, unsigned id, bool rx, uint32_t slots)
{
    size_t size;
    const char *base = nv_memory(port, &size), *at = (const char *)r;
    CHECK(at >= base && at + sizeof(*r) + slots * sizeof(r->slot[0]) <= base + size);
    CHECK((at - base) % NM_CACHE_ALIGN == 0);
    CHECK(r->num_slots == slots && r->nr_buf_size == 2048 && r->ringid == id && r->dir == rx);
    CHECK(r->head == 0 && r->cur == 0 && r->tail == (rx ? 0 : slots - 1), "tail %u", r->tail);
    CHECK(r->flags == 0 && r->offset_mask == 0);
    const char *buf0 = NETMAP_BUF(r, 0);
    CHECK(buf0 > at && (buf0 - base) % 4096 == 0);
    CHECK(buf0 + (size_t)nv_slots_backed(port) * 2048 <= base + size);
    CHECK(NETMAP_BUF_IDX(r, NETMAP_BUF(r, 77)) == 77);
    for (uint32_t s = 0; s < slots; s++)
        CHECK(r->slot[s].flags == 0 && r->slot[s].ptr == 0 && r->slot[s].len == 0);
}

static void layout(void)
{
    struct pair p = pair_open(NULL);
    size_t size;
    const char *base = nv_memory(p.a, &size);
    struct netmap_if *nifp = nv_if(p.a);
    CHECK((const char *)nifp >= base && (const char *)(nifp + 1) < base + size);
    CHECK(!strncmp(nifp->ni_name, nv_name(p.a), 15), "\"%.16s\"", nifp->ni_name);
    CHECK(nifp->ni_version == NETMAP_API && nifp->ni_bufs_head == 0);
    CHECK(nifp->ni_tx_rings == kind->rings && nifp->ni_rx_rings == kind->rings);
    struct nv_ring_range range = nv_rings(p.a);
    CHECK(range.first_tx == 0 && range.last_tx == kind->rings - 1);
    CHECK(range.first_rx == 0 && range.last_rx == kind->rings - 1);
    for (unsigned i = 0; i < kind->rings; i++) {
        CHECK(NETMAP_TXRING(nifp, i) == nv_txring(p.a, i) && NETMAP_RXRING(nifp, i) == nv_rxring(p.a, i));
        check_ring(p.a, nv_txring(p.a, i), i, false, kind->slots);
        check_ring(p.a, nv_rxring(p.a, i), i, true, kind->slots);
        CHECK(NETMAP_BUF(nv_txring(p.a, i), 0) == NETMAP_BUF(nv_rxring(p.a, i), 0));
    }
    CHECK(!nv_txring(p.a, kind->rings) && !nv_rxring(p.a, kind->rings));
    CHECK(nv_txsync(p.a, kind->rings) == -EINVAL && nv_rxsync(p.a, kind->rings) == -EINVAL);
    note_begin();
    note_rings(p.a);
    if (p.b.port && nv_mem_id(p.b.port) == nv_mem_id(p.a))
        note_rings(p.b.port);
    note_end();
    pair_close(&p);
}

/* Send and receive as a program does that knows only net/netmap.h: a base address, an offset, the macros. */
static void netmap_macros_only(void)
{
    struct pair p = pair_open(NULL);
    void *base = nv_memory(p.a, NULL);
    uint32_t offset = (uint32_t)((char *)nv_if(p.a) - (char *)base);

    struct netmap_if *nifp = NETMAP_IF(base, offset);
    struct netmap_ring *tx = NETMAP_TXRING(nifp, 0), *rx = NETMAP_RXRING(nifp, 0);
    for (uint32_t seq = 0; seq < 3 * tx->num_slots;) {
        uint32_t first = seq, space = nm_ring_space(tx);
        CHECK(space == tx->num_slots - 1);
        while (!nm_ring_empty(tx)) {
            struct netmap_slot *slot = &tx->slot[tx->cur];
            make_packet((uint8_t *)NETMAP_BUF(tx, slot->buf_idx), 60, mac_b, mac_a, seq++);
            slot->len = 60;
            slot->flags = 0;
            tx->head = tx->cur = nm_ring_next(tx, tx->cur);
        }
        nv_txsync(p.a, 0);
        peer_expect(&p, 0, space, 60, first);
        nv_txsync(p.a, 0);
        CHECK(!nm_tx_pending(tx));
    }
    uint32_t sent = peer_send(&p, 0, 20, 100, 7), got = 0;
    nv_rxsync(p.a, 0);
    for (; !nm_ring_empty(rx); rx->head = rx->cur = nm_ring_next(rx, rx->cur)) {
        struct netmap_slot *slot = &rx->slot[rx->cur];
        CHECK(slot->len == 100 && check_packet((uint8_t *)NETMAP_BUF(rx, slot->buf_idx), 100) == 7 + got);
        got++;
    }
    CHECK(got == sent);
    pair_close(&p);
}

/* Rings of every size: all slots but one can be used at once, and tail says so. */
static void ring_sizes(void)
{
    static const uint32_t sizes[] = {2,    3,    4,    5,    7,    8,    15,   16,   31,   33,   63,  64,
                                     65,   100,  127,  129,  200,  255,  256,  257,  500,  512,  999, 1000,
                                     1023, 1024, 1025, 1500, 2047, 2048, 2049, 2288, 3000, 4095, 4096};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint32_t n = sizes[i];
        if (n > kind->most_slots)
            break;
        struct pair p = pair_open_slots(n);
        CHECK(nv_txring(p.a, 0)->num_slots == n && nv_rxring(p.a, 0)->num_slots == n);
        for (int round = 0; round < 4; round++) {
            uint32_t took = send_packets(p.a, 0, n, 60, 1, true);
            CHECK(took == n - 1, "a ring of %u slots took %u packets", n, took);
            peer_expect(&p, 0, n - 1, 60, 1);
            CHECK(nv_txsync(p.a, 0) == 0 && nm_ring_space(nv_txring(p.a, 0)) == n - 1);
        }
        pair_close(&p);
        if (check_failed)
            break;
    }
}

/* Follow the list from ni_bufs_head; returns its length. */
static uint32_t walk_extra(const struct nv_port *port)
{
    uint32_t n = 0, next;
    for (uint32_t buf = nv_if(port)->ni_bufs_head; buf && n < 100000; buf = next, n++) {
        note_buf(port, buf);
        memcpy(&next, NETMAP_BUF(nv_txring(port, 0), buf), sizeof(next));
    }
    return n;
}

static void extra_buffers(void)
{
    struct pair p = pair_open(&(struct nv_open_options){.extra_bufs = 300});
    note_begin();
    note_rings(p.a);
    CHECK(walk_extra(p.a) == 300);
    note_end();
    /* Sent from an extra buffer; the slot's own takes its place in the list. */
    struct netmap_ring *tx = nv_txring(p.a, 0);
    for (uint32_t seq = 1; seq <= 40; seq++) {
        struct netmap_slot *slot = &tx->slot[tx->cur];
        uint32_t extra = nv_if(p.a)->ni_bufs_head, next, own = slot->buf_idx;
        memcpy(&next, NETMAP_BUF(tx, extra), sizeof(next));
        make_packet((uint8_t *)NETMAP_BUF(tx, extra), 90, mac_b, mac_a, seq);
        *slot = (struct netmap_slot){.buf_idx = extra, .len = 90, .flags = NS_BUF_CHANGED};
        memcpy(NETMAP_BUF(tx, own), &next, sizeof(next));
        nv_if(p.a)->ni_bufs_head = own;
        tx->head = tx->cur = nm_ring_next(tx, tx->cur);
    }
    CHECK(nv_txsync(p.a, 0) == 0);
    peer_expect(&p, 0, 40, 90, 1);
    CHECK(nv_txsync(p.a, 0) == 0);
    note_begin();
    note_rings(p.a);
    CHECK(walk_extra(p.a) == 300);
    note_end();
    pair_close(&p);
}

/* Extra buffers come back with the descriptor that had them, also when the port stays; and when opening fails. */
static void extra_buffers_return(void)
{
    struct pair p = pair_open(NULL);
    char name[128];
    struct nv_error err;
    struct nv_port *second;
    const struct nv_open_options too_many = {.extra_bufs = 8 << 20, .flags = kind->flags};
    bool own = !strcmp(nv_name(p.a), "null:"); /* each opener of a null port has one of his own */
    for (int i = 0; i < 200 && !check_failed; i++) {
        second = open_named(kind->a, "", &(struct nv_open_options){.extra_bufs = kind->slots});
        note_begin();
        CHECK(walk_extra(second) == kind->slots);
        note_end();
        nv_close(second);
        if (i < 5 && !own)
            CHECK(nv_open(full_name(name, kind->a, ""), &too_many, &second, &err) == -ENOMEM &&
                      strstr(err.message, "extra buffers"),
                  "%s", err.message);
    }
    pass(&p, 0, 2 * kind->slots, 60, 1);
    pair_close(&p);
}

#endif
