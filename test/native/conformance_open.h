/* SPDX-License-Identifier: BSD-2-Clause */
/* conformance_open.h - modes, flags, several openers, closing and opening again. */
#ifndef NETVALE_CONFORMANCE_OPEN_H
#define NETVALE_CONFORMANCE_OPEN_H

#include "conformance.h"

static bool bound(const struct nv_port *port, unsigned ring, bool rx)
{
    struct netmap_if *nifp = nv_if(port);
    struct netmap_ring *r = rx ? nv_rxring(port, ring) : nv_txring(port, ring);
    ssize_t offset = nifp->ring_ofs[ring + (rx ? nifp->ni_tx_rings + nifp->ni_host_tx_rings : 0)];
    CHECK((offset != 0) == (r != NULL) && (!r || (char *)nifp + offset == (char *)r));
    return r != NULL;
}

static const struct nv_open_options three_rings = {.tx_rings = 3, .rx_rings = 3, .tx_slots = 16, .rx_slots = 16};

/* "-N" gives ring N alone; each ring of a port leads to the same ring of the other. */
static void one_ring(void)
{
    world_new();
    struct pair p;
    peer_start(&p.b, kind->remote);
    peer_open(&p, "", &three_rings);
    for (unsigned n = 0; n < 3; n++) {
        char mode[8];
        snprintf(mode, sizeof(mode), "-%u", n);
        p.a = open_named(kind->a, mode, &three_rings);
        struct nv_ring_range r = nv_rings(p.a);
        CHECK(r.first_tx == n && r.last_tx == n && r.first_rx == n && r.last_rx == n);
        CHECK(nv_if(p.a)->ni_tx_rings == 3 && nv_if(p.a)->ni_rx_rings == 3);
        for (unsigned i = 0; i < 3; i++)
            CHECK(bound(p.a, i, false) == (i == n) && bound(p.a, i, true) == (i == n));
        CHECK(nv_txring(p.a, n)->ringid == n && nv_rxring(p.a, n)->ringid == n);
        CHECK(nv_txsync(p.a, (n + 1) % 3) == -EINVAL && nv_rxsync(p.a, (n + 1) % 3) == -EINVAL);
        CHECK(nv_txsync_all(p.a) == 0 && nv_rxsync_all(p.a) == 0);
        pass(&p, n, 40, 0, 1);
        nv_close(p.a);
    }
    char name[128];
    struct nv_error err;
    CHECK(nv_open(full_name(name, kind->a, "-3"), &three_rings, &p.a, &err) == -EINVAL);
    CHECK(strstr(err.message, "there is no ring 3"), "%s", err.message);
    peer_stop(&p.b);
    world_end();
}

/* "/T" and "/R" give one direction; "/x" keeps others away from the same rings, not from other ones. */
static void flags(void)
{
    world_new();
    struct pair p;
    peer_start(&p.b, kind->remote);
    struct nv_port *tx = open_named(kind->a, "/T", &three_rings);
    peer_open(&p, "", &three_rings);
    struct nv_port *rx = open_named(kind->a, "/R", &three_rings);
    struct nv_ring_range t = nv_rings(tx), r = nv_rings(rx);
    CHECK(t.first_tx == 0 && t.last_tx == 2 && (uint16_t)(t.last_rx + 1) == t.first_rx);
    CHECK(r.first_rx == 0 && r.last_rx == 2 && (uint16_t)(r.last_tx + 1) == r.first_tx);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(bound(tx, i, false) && !bound(tx, i, true) && !bound(rx, i, false) && bound(rx, i, true));
        CHECK(nv_rxsync(tx, i) == -EINVAL && nv_txsync(rx, i) == -EINVAL);
    }
    CHECK(nv_txsync_all(rx) == 0 && nv_rxsync_all(rx) == 0 && nv_txsync_all(tx) == 0 && nv_rxsync_all(tx) == 0);
    CHECK(nv_wait(rx, POLLIN | POLLOUT, 0) == 0 && nv_wait(tx, POLLIN | POLLOUT, 0) == POLLOUT);
    CHECK(nv_arm(rx, POLLIN | POLLOUT) == 0);
    p.a = tx;
    pass(&p, 1, 30, 0, 1);
    uint32_t sent = peer_send(&p, 2, 10, 0, 5), got = 0;
    CHECK(nv_wait(rx, POLLIN, 0) == (sent ? POLLIN : 0));
    while (get_packet(rx, 2, NULL) == 5 + got)
        got++;
    CHECK(got == sent);
    nv_close(rx);
    nv_close(tx);
    if (kind->b) {
        char name[128];
        struct nv_port *port;
        struct nv_error err;
        p.a = open_named(kind->a, "-1/x", &three_rings);
        CHECK(nv_open(full_name(name, kind->a, ""), NULL, &port, &err) == -EBUSY && strstr(err.message, "exclusively"));
        CHECK(nv_open(full_name(name, kind->a, "-1/T"), NULL, &port, &err) == -EBUSY);
        nv_close(open_named(kind->a, "-0", NULL));
        nv_close(open_named(kind->a, "-2/x", NULL));
        pass(&p, 1, 30, 0, 1);
        nv_close(p.a);
        p.a = open_named(kind->a, "", &three_rings); /* free again */
        CHECK(nv_open(full_name(name, kind->a, "/x"), NULL, &port, &err) == -EBUSY);
        nv_close(p.a);
    }
    peer_stop(&p.b);
    world_end();
}

/* NV_OPEN_EXISTING finds what is there and makes nothing. */
static void existing(void)
{
    char name[128];
    struct nv_port *port;
    struct nv_error err;
    struct pair p;
    const struct nv_open_options must_exist = {.flags = NV_OPEN_EXISTING | kind->flags};
    world_new();
    CHECK(nv_open(full_name(name, kind->a, ""), &must_exist, &port, &err) == -ENOENT && !port);
    CHECK(strstr(err.message, "does not exist") && err.code == ENOENT, "%s", err.message);
    CHECK(world_files() == 0);
    peer_start(&p.b, kind->remote);
    p.a = open_named(kind->a, "", NULL);
    peer_open(&p, "", NULL);
    if (kind->b) {
        struct nv_port *again = open_named(kind->a, "", &must_exist);
        CHECK(nv_txring(again, 0) == nv_txring(p.a, 0) && nv_mem_id(again) == nv_mem_id(p.a));
        nv_close(again);
    }
    CHECK(nv_open("vale7:nobody", &must_exist, &port, &err) == -ENOENT);
    pass(&p, 0, 10, 0, 1);
    pair_close(&p);
}

/* Two openers are one port: the same rings, taken on where the other left them. The port stays with the last. */
static void two_openers(void)
{
    struct pair p = pair_open(NULL);
    if (kind->b) {
        struct nv_port *second = open_named(kind->a, "", NULL);
        CHECK(nv_txring(second, 0) == nv_txring(p.a, 0) && nv_rxring(second, 0) == nv_rxring(p.a, 0));
        CHECK(nv_if(second) != nv_if(p.a) && nv_fd(second) != nv_fd(p.a));
        pass(&p, 0, 100, 0, 1);
        struct pair q = {second, p.b};
        pass(&q, 0, 100, 0, 101);
        uint32_t got = 0, sent = peer_send(&p, 0, 20, 0, 1);
        CHECK(nv_rxsync(p.a, 0) == 0);
        while (got < 10 && get_packet(p.a, 0, NULL) == 1 + got)
            got++;
        CHECK(nv_rxsync(second, 0) == 0);
        nv_close(p.a);
        p.a = second;
        while (got < 20 && get_packet(p.a, 0, NULL) == 1 + got)
            got++;
        CHECK(got == sent);
        pass(&p, 0, 3 * kind->slots, 0, 201);
        CHECK(check_stats(p.a, 0).tx_packets == 200 + 3 * kind->slots);
    }
    pair_close(&p);
}

static int count_port(void *arg, const struct nv_port_info *info)
{
    (void)info;
    return ++*(int *)arg, 0;
}

/* Closing and opening again gives a fresh port and leaves nothing, many times over. */
static void close_and_reopen(void)
{
    struct pair p = pair_open(NULL);
    int files = world_files(), ports = 0, ports_now;
    CHECK(nv_list(NULL, count_port, &ports, NULL) == 0 && ports >= 1);
    for (uint32_t i = 0; i < 60 && !check_failed; i++) {
        pass(&p, kind->rings - 1, i % 40, 0, i);
        send_packets(p.a, 0, i % 7, 0, 1, true); /* left behind */
        nv_close(p.a);
        p.a = open_named(kind->a, "", NULL);
        struct netmap_ring *r = nv_txring(p.a, 0);
        CHECK(r->head == 0 && r->cur == 0 && r->tail == kind->slots - 1);
        CHECK(check_stats(p.a, 0).tx_packets == 0);
        while (peer_take(&p, 0, ASK_MOST))
            ;
        ports_now = 0;
        CHECK(world_files() == files && nv_list(NULL, count_port, &ports_now, NULL) == 0 && ports_now == ports);
    }
    pass(&p, 0, 10, 0, 1);
    pair_close(&p);
}

#endif
