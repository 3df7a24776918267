/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crash_traffic.h - senders and receivers at full rate, for the crash tests. A packet's number holds the sender in
 * its upper four bits; all bytes follow from the number, so a packet put together from two is found out. From each
 * sender numbers must rise.
 */
#ifndef NETVALE_TEST_CRASH_TRAFFIC_H
#define NETVALE_TEST_CRASH_TRAFFIC_H

#include "crash.h"
#include "memory/step.h"

#define SEQ_BITS 28

/* What an actor does. */
struct part {
    const char *port;
    int to[4], receivers; /* actors it sends to; 0: it only receives */
    bool any_order;       /* a pipe's end that several senders used one after the other */
    enum nv_wait_mode wait;
    const char *step; /* armed when the test says so */
    int signo, count;
};

/* ---- fast make_packet and check_packet: the pattern of a number is the same for all, but begins elsewhere -------- */

static uint8_t payload_pattern[2048 + 256];

static inline const uint8_t *payload_of(uint32_t seq)
{
    if (!payload_pattern[1])
        for (unsigned i = 0; i < sizeof(payload_pattern); i++)
            payload_pattern[i] = payload_byte(0, i);
    return payload_pattern + (uint8_t)(payload_byte(seq, 0) * 183u); /* 183 * 7 = 1 modulo 256 */
}

static inline void write_packet(uint8_t *p, unsigned len, const uint8_t *dst, const uint8_t *src, uint32_t seq)
{
    make_packet(p, 18, dst, src, seq);
    memcpy(p + 18, payload_of(seq) + 18, len - 18);
}

static inline bool packet_intact(const uint8_t *p, unsigned len)
{
    uint32_t seq, src;
    memcpy(&seq, p + 14, 4);
    memcpy(&src, p + 8, 4);
    return __builtin_bswap32(src) == seq >> SEQ_BITS && !memcmp(p + 18, payload_of(seq) + 18, len - 18);
}

static const uint8_t rubbish_mac[6] = {2, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb};

/* ---- receiving ---------------------------------------------------------------------------------- */

/* Returns how many. */
static inline uint32_t take_packets(struct board *b, const struct part *part, struct nv_port *port, uint32_t *last)
{
    struct netmap_ring *r = nv_rxring(port, 0);
    const uint32_t all = nm_ring_space(r);
    for (uint32_t n = all; n; n--) {
        const struct netmap_slot *s = &r->slot[r->head];
        const uint8_t *p = (const uint8_t *)NETMAP_BUF(r, s->buf_idx);
        uint32_t seq, from;
        if (!memcmp(p + 6, rubbish_mac, 6)) { /* fault_rubbish_test.c: anything may be in there */
            b->foreign++;
        } else if (s->len < 18 || s->len > 2048 || !packet_intact(p, s->len)) {
            unsigned len = s->len, at = 18;
            memcpy(&seq, p + 14, 4);
            while (at < len && p[at] == payload_byte(seq, at))
                at++;
            complain(b, "%s: torn packet: number %08x, length %u, source %02x%02x%02x, wrong from byte %u", part->port,
                     seq, len, p[9], p[10], p[11], at);
        } else {
            memcpy(&seq, p + 14, 4);
            from = seq >> SEQ_BITS;
            EXPECT(b, part->any_order || seq > last[from], "(%s: number %08x came after %08x)", part->port, seq,
                   last[from]);
            last[from] = seq;
            __atomic_store_n(&b->got[from], b->got[from] + 1, __ATOMIC_RELEASE);
        }
        r->head = r->cur = nm_ring_next(r, r->head);
    }
    return all;
}

/* ---- sending ------------------------------------------------------------------------------------ */

static inline unsigned length_of(uint32_t seq)
{
    return seq % 8 < 6 ? 60 : seq % 8 == 6 ? 300 : 1514;
}

/* Fill the tx ring, runs of 32 packets to each receiver in turn. */
static inline void put_packets(struct board *b, const struct part *part, struct nv_port *port, const uint8_t *self,
                               int id)
{
    struct netmap_ring *r = nv_txring(port, 0);
    for (uint32_t n = nm_ring_space(r) < 512 ? nm_ring_space(r) : 512; n; n--) {
        uint32_t seq = b->next_seq++;
        uint8_t to[6];
        struct netmap_slot *s = &r->slot[r->head];
        mac_number(to, (unsigned)part->to[seq / 32 % (unsigned)part->receivers]);
        s->len = (uint16_t)length_of(seq);
        s->flags = 0;
        write_packet((uint8_t *)NETMAP_BUF(r, s->buf_idx), s->len, to, self, (uint32_t)id << SEQ_BITS | seq);
        r->head = r->cur = nm_ring_next(r, r->head);
        b->sent++;
    }
}

/* ---- an actor ----------------------------------------------------------------------------------- */

static inline void check_sums(struct board *b, const struct nv_port *port)
{
    struct nv_port_stats *s = &b->stats;
    uint64_t drops = 0, got = 0;
    nv_stats(port, s);
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        drops += s->drops[i];
    for (unsigned i = 0; i < ACTORS; i++)
        got += b->got[i];
    EXPECT(b, s->tx_packets + s->tx_copies == s->tx_delivered + drops, "(%s: %lu + %lu != %lu + %lu)", nv_name(port),
           (unsigned long)s->tx_packets, (unsigned long)s->tx_copies, (unsigned long)s->tx_delivered,
           (unsigned long)drops);
    EXPECT(b, s->ring_resets == 0, "(%s: %lu)", nv_name(port), (unsigned long)s->ring_resets);
    EXPECT(b, s->rx_packets == got || b->foreign, "(%s: %lu received, %lu counted)", nv_name(port), (unsigned long)got,
           (unsigned long)s->rx_packets);
}

/* Let the switch learn where we are. */
static inline void say_hello(struct board *b, struct nv_port *port, int id, const uint8_t *self)
{
    struct netmap_ring *r = nv_txring(port, 0);
    if (nm_ring_empty(r))
        return;
    struct netmap_slot *s = &r->slot[r->head];
    s->len = 60;
    s->flags = 0;
    write_packet((uint8_t *)NETMAP_BUF(r, s->buf_idx), 60, broadcast_mac, self,
                 (uint32_t)id << SEQ_BITS | b->next_seq++);
    r->head = r->cur = nm_ring_next(r, r->head);
    nv_txsync(port, 0);
}

/* Send and receive until told to stop. When paused: send nothing more, but receive what is still under way. */
static inline void play_on(struct board *b, const struct part *part, struct nv_port *port, int id)
{
    uint32_t last[16] = {0}, idle = 0;
    uint8_t self[6];
    mac_number(self, (unsigned)id);
    nv_set_wait_mode(port, part->wait);
    if (b->next_seq == 0)
        b->next_seq = 1;
    say_hello(b, port, id, self);
    poke(&b->ready, 1);
    while (!peek(&b->stop)) {
        if (peek(&b->arm) && part->step) {
            poke(&b->arm, 0);
#ifdef NETVALE_STEPS
            nv_step_arm(part->step, part->signo, part->count);
#endif
        }
        uint32_t pause = peek(&b->pause), got = 0;
        idle = pause == b->paused ? idle : 0;
        if (pause || !part->receivers) {
            nv_txsync(port, 0);
            nv_wait(port, POLLIN, 5000000);
            got = take_packets(b, part, port, last);
            nv_rxsync(port, 0);
            nv_txsync(port, 0);
        } else {
            put_packets(b, part, port, self, id);
            nv_txsync(port, 0);
            if (nm_ring_empty(nv_txring(port, 0)))
                nv_wait(port, POLLOUT, 5000000);
        }
        bool sent = nm_ring_space(nv_txring(port, 0)) == nv_txring(port, 0)->num_slots - 1;
        idle = got || !sent ? 0 : idle + 1;
        poke(&b->idle, idle);
        poke(&b->paused, pause);
    }
    check_sums(b, port);
}

/* An actor's whole life. */
static inline void play(struct board *b, void *arg)
{
    const struct part *part = arg;
    struct nv_port *port;
    struct nv_error err = {0};
    if (nv_open(part->port, NULL, &port, &err) < 0) {
        complain(b, "%s", err.message);
        return;
    }
    play_on(b, part, port, (int)(b - boards));
    nv_close(port);
}

#endif
