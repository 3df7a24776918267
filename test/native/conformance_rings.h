/* SPDX-License-Identifier: BSD-2-Clause */
/* conformance_rings.h - head, cur and tail: what is accepted, what is refused and put back, wrapping around. */
#ifndef NETVALE_CONFORMANCE_RINGS_H
#define NETVALE_CONFORMANCE_RINGS_H

#include "conformance.h"

#define SMALL 6u /* slots: small enough to try everything */

static uint32_t ahead(uint32_t from, uint32_t to, uint32_t slots)
{
    return (to + slots - from) % slots;
}

/* What a ring looks like when [hwcur, hwcur + owned) is the application's. */
struct ring_model {
    uint32_t hwcur, owned, slots;
};

static bool acceptable(const struct ring_model *m, uint32_t head, uint32_t cur)
{
    return head < m->slots && cur < m->slots && ahead(m->hwcur, head, m->slots) <= ahead(m->hwcur, cur, m->slots) &&
           ahead(m->hwcur, cur, m->slots) <= m->owned;
}

static void check_reset(const struct netmap_ring *r, const struct ring_model *m)
{
    CHECK(r->head == m->hwcur && r->cur == m->hwcur && ahead(m->hwcur, r->tail, m->slots) == m->owned,
          "reset to %u %u %u, not %u + %u", r->head, r->cur, r->tail, m->hwcur, m->owned);
}

static const uint32_t rubbish[] = {SMALL, SMALL + 1, 1000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
#define RUBBISH (sizeof(rubbish) / sizeof(rubbish[0]))
#define VALUES  (SMALL + RUBBISH)

static uint32_t value(uint32_t i)
{
    return i < SMALL ? i : rubbish[i - SMALL];
}

/* Every head and cur, possible or not, against the model, on a tx ring; what was accepted arrives. */
static void tx_head_and_cur(void)
{
    struct pair p = pair_open_slots(SMALL);
    struct netmap_ring *r = nv_txring(p.a, 0);
    struct ring_model m = {0, SMALL - 1, SMALL};
    uint32_t resets = 0, seq = 0;
    for (uint32_t i = 0; i < 4 * VALUES * VALUES && !check_failed; i++) {
        uint32_t mixed = i * 101 % (VALUES * VALUES), head = value(mixed / VALUES), cur = value(mixed % VALUES);
        bool good = acceptable(&m, head, cur);
        uint32_t n = good ? ahead(m.hwcur, head, SMALL) : 0;
        for (uint32_t s = 0, at = m.hwcur; s < SMALL - 1; s++, at = nm_ring_next(r, at)) {
            make_packet((uint8_t *)NETMAP_BUF(r, r->slot[at].buf_idx), 60, mac_b, mac_a, seq + s);
            r->slot[at].len = 60, r->slot[at].flags = 0;
        }
        r->head = head, r->cur = cur;
        r->tail = rubbish[i % RUBBISH]; /* never believed */
        int result = nv_txsync(p.a, 0);
        CHECK(result == (good ? 0 : -EINVAL), "head %u cur %u at %u gave %d", head, cur, m.hwcur, result);
        if (good) {
            CHECK(r->head == head && r->cur == cur && r->tail < SMALL);
            peer_expect(&p, 0, n, 60, seq);
            m.hwcur = head;
            seq += n;
            r->cur = r->head;
            CHECK(nv_txsync(p.a, 0) == 0 && ahead(m.hwcur, r->tail, SMALL) == m.owned);
        } else {
            check_reset(r, &m);
            CHECK(nv_txsync(p.a, 0) == 0);
            resets++;
        }
    }
    struct nv_port_stats s = check_stats(p.a, 0);
    CHECK(s.ring_resets == resets && s.tx_packets == seq && resets > 100 && seq > 50, "%u resets, %u packets", resets,
          seq);
    pair_close(&p);
}

/* The same on an rx ring, with 0 to all slots received; what was shown and not released stays as it was. */
static void rx_head_and_cur(void)
{
    struct pair p = pair_open_slots(SMALL);
    struct netmap_ring *r = nv_rxring(p.a, 0);
    struct ring_model m = {0, 0, SMALL};
    uint32_t resets = 0, seq = 0, next = 0;
    for (uint32_t i = 0; i < 4 * VALUES * VALUES && !check_failed; i++) {
        uint32_t mixed = i * 101 % (VALUES * VALUES), head = value(mixed / VALUES), cur = value(mixed % VALUES);
        if (m.owned < SMALL - 1 && i % 5 != 4) {
            uint32_t n = peer_send(&p, 0, i % 3, 60, next);
            r->head = r->cur = m.hwcur;
            CHECK(nv_rxsync(p.a, 0) == 0);
            uint32_t came = ahead(m.hwcur, r->tail, SMALL) - m.owned;
            bool waits = kind->pipe || kind->kernel; /* a switch drops what has no room */
            CHECK(came == n || (kind->b && !kind->pipe && m.owned + came == SMALL - 1) ||
                      (kind->kernel && seq + m.owned + came == next + n),
                  "%u of %u came", came, n);
            m.owned += came;
            next = waits ? next + n : seq + m.owned;
        }
        bool good = acceptable(&m, head, cur);
        r->head = head, r->cur = cur;
        r->tail = rubbish[i % RUBBISH];
        int result = nv_rxsync(p.a, 0);
        CHECK(result == (good ? 0 : -EINVAL), "head %u cur %u at %u + %u gave %d", head, cur, m.hwcur, m.owned, result);
        if (good) {
            uint32_t n = ahead(m.hwcur, head, SMALL);
            m.hwcur = head, m.owned -= n, seq += n;
            CHECK(r->head == head && r->cur == cur);
            m.owned = ahead(m.hwcur, r->tail, SMALL); /* more may have been waiting */
        } else {
            check_reset(r, &m);
            resets++;
        }
        for (uint32_t s = 0, at = m.hwcur; s < m.owned; s++, at = nm_ring_next(r, at))
            CHECK(check_packet((uint8_t *)NETMAP_BUF(r, r->slot[at].buf_idx), r->slot[at].len) == seq + s);
    }
    struct nv_port_stats s = check_stats(p.a, 0);
    CHECK(s.ring_resets == resets && resets > 100 && (!kind->b || seq > 50), "%u resets, %u packets", resets, seq);
    pair_close(&p);
}

/* A sync with nothing new changes nothing, however often, and cur may run ahead of head. */
static void nothing_new(void)
{
    struct pair p = pair_open(NULL);
    struct netmap_ring *tx = nv_txring(p.a, 0), *rx = nv_rxring(p.a, 0);
    for (int i = 0; i < 1000; i++) {
        CHECK(nv_txsync_all(p.a) == 0 && nv_rxsync_all(p.a) == 0);
        CHECK(tx->head == 0 && tx->cur == 0 && tx->tail == kind->slots - 1);
        CHECK(rx->head == 0 && rx->cur == 0 && rx->tail == 0);
    }
    tx->cur = 10;
    CHECK(nv_txsync(p.a, 0) == 0 && tx->head == 0 && tx->cur == 10 && peer_take(&p, 0, 10) == 0);
    tx->cur = 0;
    pass(&p, 0, 5, 60, 1);
    CHECK(check_stats(p.a, 0).tx_packets == 5);
    pair_close(&p);
}

/* Batches of every size at every offset of the ring. */
static void wrap_around(void)
{
    for (uint32_t n = 2; n <= 17; n += 5) {
        struct pair p = pair_open_slots(n);
        uint32_t seq = 0;
        for (uint32_t batch = 1; batch < n; batch++) {
            for (uint32_t offset = 0; offset < n; offset++) {
                while (nv_txring(p.a, 0)->head != offset)
                    pass(&p, 0, 1, 0, seq++);
                CHECK(send_packets(p.a, 0, batch, 0, seq, true) == batch);
                peer_expect(&p, 0, batch, 0, seq);
                CHECK(nv_txsync(p.a, 0) == 0);
                seq += batch;
            }
        }
        check_stats(p.a, 0);
        pair_close(&p);
    }
}

/* A receiver that releases one packet at a time, at every offset; the others stay shown and as they were. */
static void release_slowly(void)
{
    struct pair p = pair_open_slots(9);
    struct netmap_ring *r = nv_rxring(p.a, 0);
    uint32_t sent = 0, got = 0;
    for (int i = 0; i < 200; i++) {
        uint32_t room = 8 - (sent - got);
        sent += peer_send(&p, 0, room, 0, sent);
        CHECK(nv_rxsync(p.a, 0) == 0);
        if (!kind->b)
            break;
        CHECK(nm_ring_space(r) == sent - got, "%u shown, %u sent, %u released", nm_ring_space(r), sent, got);
        for (uint32_t s = got, at = r->head; s < sent; s++, at = nm_ring_next(r, at))
            CHECK(check_packet((uint8_t *)NETMAP_BUF(r, r->slot[at].buf_idx), r->slot[at].len) == s);
        CHECK(get_packet(p.a, 0, NULL) == got++ && nv_rxsync(p.a, 0) == 0);
    }
    pair_close(&p);
}

#endif
