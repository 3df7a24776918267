/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_threads.h - numbered packets sent and checked by threads: order per sender, nothing torn, nothing twice. */
#ifndef NETVALE_VALE_THREADS_H
#define NETVALE_VALE_THREADS_H

#include <pthread.h>

#include "world.h"

#define PATIENCE_NS 100000000000 /* longer than any machine stands still */
#define SENDERS     8u           /* packets carry their sender's number in the upper 8 bits of theirs */

/* Sends packets numbered from `first` up to `count` on ring `ring` of `port`, waiting for room where there is none. */
struct sender {
    pthread_t thread;
    struct nv_port *port;
    unsigned ring, id;
    uint32_t first, count;
    const uint8_t *dst; /* NULL: to any of the addresses 1 .. 7, or to all */
    uint64_t seed;
};

static inline void *send_numbered(void *arg)
{
    struct sender *s = arg;
    uint8_t src[6], any[6];
    mac_number(src, s->id);
    for (uint32_t n = s->first; n < s->count;) {
        uint32_t most = 1 + random_below(&s->seed, 200);
        for (bool room = true; most && n < s->count && room; most--) {
            const uint8_t *dst = s->dst;
            uint32_t to = dst ? 0 : random_below(&s->seed, 8);
            if (!dst)
                mac_number(any, to);
            dst = dst ? dst : to ? any : broadcast_mac;
            room = put_packet(s->port, s->ring, 60 + random_below(&s->seed, 240), dst, src, s->id << 24 | n);
            n += room;
        }
        if (nv_txsync(s->port, s->ring) != 0)
            return "txsync failed";
        if (n < s->count && nm_ring_empty(nv_txring(s->port, s->ring)) &&
            nv_wait(s->port, POLLOUT, PATIENCE_NS) != POLLOUT)
            return "there is no room";
    }
    while (nv_txring(s->port, s->ring)->head !=
           (nv_txring(s->port, s->ring)->tail + 1) % nv_txring(s->port, s->ring)->num_slots) {
        if (nv_wait(s->port, 0, 0) < 0 || nv_txsync(s->port, s->ring) != 0)
            return "txsync failed"; /* a pipe: until all came back */
        usleep(100);
    }
    return NULL;
}

/* Receives on ring `ring` until *stop and nothing is left. Packets of one sender must come in order. */
struct receiver {
    pthread_t thread;
    struct nv_port *port;
    unsigned ring;
    bool all; /* packets must come without a gap */
    const bool *stop;
    uint64_t received;
    uint32_t next[SENDERS]; /* number that may come next, by sender */
    uint64_t seed;
};

static inline void *receive_numbered(void *arg)
{
    struct receiver *r = arg;
    for (;;) {
        bool last = __atomic_load_n(r->stop, __ATOMIC_ACQUIRE);
        int ready = nv_wait(r->port, POLLIN, last ? 0 : 20000000);
        if (ready < 0 || (ready & POLLERR))
            return "waiting failed";
        uint32_t most = 1 + random_below(&r->seed, 300);
        for (int64_t seq; most && (seq = get_packet(r->port, r->ring, NULL)) != -2; most--) {
            uint32_t id = (uint32_t)(seq >> 24), n = (uint32_t)seq & 0xffffff;
            if (seq < 0)
                return "a packet was torn";
            if (id >= SENDERS || n < r->next[id])
                return "a packet came twice or out of order";
            if (r->all && n != r->next[id])
                return "a packet was lost";
            r->next[id] = n + 1;
            r->received++;
        }
        if (last && ready == 0)
            return nv_rxsync(r->port, r->ring) ? "rxsync failed" : NULL;
    }
}

static inline void start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    if (pthread_create(thread, NULL, run, arg) != 0)
        exit(EXIT_FAILURE);
}

static inline void finish(pthread_t thread)
{
    void *why = NULL;
    pthread_join(thread, &why);
    CHECK(!why, "%s", (const char *)why);
}

/* Counters of a sender's port; they must add up. */
static inline struct nv_port_stats add_up(const struct nv_port *port)
{
    struct nv_port_stats s;
    uint64_t drops = 0;
    nv_stats(port, &s);
    for (unsigned d = 0; d < NV_DROP_COUNT; d++)
        drops += s.drops[d];
    CHECK(s.tx_packets + s.tx_copies == s.tx_delivered + drops, "%lu + %lu != %lu + %lu", (unsigned long)s.tx_packets,
          (unsigned long)s.tx_copies, (unsigned long)s.tx_delivered, (unsigned long)drops);
    return s;
}

/* Packets that were handed over and not shown: their senders stood still for too long, as any may on a busy machine. */
static inline uint64_t taken_away(const struct nv_port *port)
{
    struct nv_port_stats s;
    nv_stats(port, &s);
    return s.rx_drops[NV_DROP_REVOKED] + s.rx_drops[NV_DROP_STALE];
}

/* ---- scenarios; `count` packets a sender ------------------------------------------------------------------------ */

/* Four ports, each with a thread, send to a fifth. `suffix` may put them into one region. */
static inline void many_to_one(const char *suffix, uint32_t count)
{
    struct sender s[4];
    bool stop = false;
    char name[32];
    uint8_t mac[6];
    uint64_t delivered = 0;
    world_new();
    mac_number(mac, 7);
    snprintf(name, sizeof(name), "vale0:to%s", suffix);
    struct receiver r = {.port = open_with(name, NULL), .stop = &stop, .seed = 5};
    for (unsigned i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "vale0:from%u%s", i, suffix);
        s[i] = (struct sender){.port = open_with(name, NULL), .id = i + 1, .count = count, .dst = mac, .seed = i};
    }
    put_packet(r.port, 0, 60, mac, mac, 1); /* makes the address known */
    nv_txsync(r.port, 0);
    start(&r.thread, receive_numbered, &r);
    for (unsigned i = 0; i < 4; i++)
        start(&s[i].thread, send_numbered, &s[i]);
    for (unsigned i = 0; i < 4; i++)
        finish(s[i].thread);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    finish(r.thread);
    for (unsigned i = 0; i < 4; i++)
        delivered += add_up(s[i].port).tx_delivered;
    CHECK(delivered == r.received + taken_away(r.port) && r.received > 0, "%lu delivered, %lu received",
          (unsigned long)delivered, (unsigned long)r.received);
    for (unsigned i = 0; i < 4; i++)
        nv_close(s[i].port);
    nv_close(r.port);
    world_end();
}

/* Four ports send to each other and to all, each with a thread that sends and one that receives. */
static inline void all_to_all(const char *suffix, uint32_t count)
{
    struct sender s[4];
    struct receiver r[4];
    bool stop = false;
    char name[32];
    uint64_t received = 0, delivered = 0, lost = 0;
    world_new();
    for (unsigned i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "vale0:p%u%s", i, i < 3 ? suffix : "");
        struct nv_port *port = open_with(name, NULL);
        s[i] = (struct sender){.port = port, .id = i + 1, .count = count, .seed = i};
        r[i] = (struct receiver){.port = open_with(name, NULL), .stop = &stop, .seed = 10 + i};
    }
    for (unsigned i = 0; i < 4; i++) {
        nv_close(r[i].port);
        snprintf(name, sizeof(name), "vale0:p%u/R", i);
        r[i].port = open_with(name, NULL); /* the sending thread syncs the tx ring */
        start(&r[i].thread, receive_numbered, &r[i]);
        start(&s[i].thread, send_numbered, &s[i]);
    }
    for (unsigned i = 0; i < 4; i++)
        finish(s[i].thread);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 4; i++) {
        finish(r[i].thread);
        received += r[i].received;
        lost += taken_away(r[i].port);
        delivered += add_up(s[i].port).tx_delivered;
    }
    CHECK(delivered == received + lost && received > 1000, "%lu delivered, %lu received", (unsigned long)delivered,
          (unsigned long)received);
    for (unsigned i = 0; i < 4; i++)
        nv_close(s[i].port), nv_close(r[i].port);
    world_end();
}

/* Two ports of four rings, a thread for each ring at each end. */
static inline void thread_per_ring(uint32_t count)
{
    const struct nv_open_options four = {.tx_rings = 4, .rx_rings = 4};
    struct sender s[4];
    struct receiver r[4];
    bool stop = false;
    char name[32];
    uint8_t mac[6];
    uint64_t received = 0;
    world_new();
    mac_number(mac, 7);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "vale0:to-%u", i);
        r[i] = (struct receiver){.port = open_with(name, &four), .ring = i, .stop = &stop, .seed = i};
        snprintf(name, sizeof(name), "vale0:from-%u", i);
        s[i] = (struct sender){
            .port = open_with(name, &four), .ring = i, .id = i + 1, .count = count, .dst = mac, .seed = i};
    }
    for (unsigned i = 0; i < 4; i++) {
        start(&r[i].thread, receive_numbered, &r[i]);
        start(&s[i].thread, send_numbered, &s[i]);
    }
    for (unsigned i = 0; i < 4; i++)
        finish(s[i].thread);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 4; i++) {
        finish(r[i].thread);
        for (unsigned id = 1; id < SENDERS; id++)
            CHECK((r[i].next[id] != 0) == (id == i + 1), "ring %u got packets of sender %u", i, id);
        received += r[i].received;
    }
    CHECK(add_up(s[0].port).tx_delivered == received + taken_away(r[0].port));
    for (unsigned i = 0; i < 4; i++)
        nv_close(s[i].port), nv_close(r[i].port);
    world_end();
}

/* Two packets sent to and fro by two sleeping threads. A lost wake-up shows as a time-out. */
struct player {
    pthread_t thread;
    struct nv_port *port;
    uint32_t rounds;
    bool serves;
};

static inline void *play(void *arg)
{
    struct player *p = arg;
    nv_set_wait_mode(p->port, p->rounds % 2 ? NV_WAIT_SLEEP : NV_WAIT_ADAPTIVE);
    for (uint32_t i = 0; i < p->rounds; i++) {
        if ((p->serves || i) &&
            !(put_packet(p->port, 0, 60, broadcast_mac, broadcast_mac, i) && !nv_txsync(p->port, 0)))
            return "cannot send";
        if (nv_wait(p->port, POLLIN, PATIENCE_NS) != POLLIN)
            return "nobody woke us";
        if (get_packet(p->port, 0, NULL) < 0)
            return "a packet was torn";
    }
    if (!p->serves && !(put_packet(p->port, 0, 60, broadcast_mac, broadcast_mac, 0) && !nv_txsync(p->port, 0)))
        return "cannot send";
    return NULL;
}

static inline void ping_pong(const char *a, const char *b, uint32_t rounds)
{
    world_new();
    for (uint32_t odd = 0; odd < 2; odd++) {
        struct player one = {.port = open_with(a, NULL), .rounds = rounds + odd, .serves = true};
        struct player two = {.port = open_with(b, NULL), .rounds = rounds + odd};
        start(&one.thread, play, &one);
        start(&two.thread, play, &two);
        finish(one.thread);
        finish(two.thread);
        nv_close(one.port);
        nv_close(two.port);
    }
    world_end();
}

/* Everything through a pipe, both ways at once, by four threads. */
static inline void pipe_both_ways(uint32_t slots, uint32_t count)
{
    const struct nv_open_options opt = {.tx_slots = slots, .rx_slots = slots};
    static const char *const names[4] = {"p{1/T", "p}1/T", "p}1/R", "p{1/R"};
    struct sender s[2];
    struct receiver r[2];
    bool stop = false;
    world_new();
    for (unsigned i = 0; i < 2; i++) {
        s[i] = (struct sender){
            .port = open_with(names[i], &opt), .id = i + 1, .count = count, .dst = broadcast_mac, .seed = i};
        r[i] = (struct receiver){.port = open_with(names[i + 2], &opt), .all = true, .stop = &stop, .seed = i};
    }
    for (unsigned i = 0; i < 2; i++) {
        start(&s[i].thread, send_numbered, &s[i]);
        start(&r[i].thread, receive_numbered, &r[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        finish(s[i].thread);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 2; i++) {
        finish(r[i].thread);
        CHECK(r[i].received == count, "%lu of %u came", (unsigned long)r[i].received, count);
        CHECK(add_up(s[i].port).tx_delivered == count);
    }
    for (unsigned i = 0; i < 2; i++)
        nv_close(s[i].port), nv_close(r[i].port);
    world_end();
}

/* Ports come and go on a switch while two others send to each other and to all. */
struct visitor {
    pthread_t thread;
    const bool *stop;
    unsigned id;
    uint32_t visits;
};

static inline void *visit(void *arg)
{
    struct visitor *v = arg;
    char name[32];
    uint8_t mac[6];
    mac_number(mac, v->id);
    for (uint32_t i = 0; i == 0 || !__atomic_load_n(v->stop, __ATOMIC_ACQUIRE); i++) {
        snprintf(name, sizeof(name), "vale0:v%u%s", v->id, i % 3 ? "" : "@9");
        struct nv_port *port = open_with(name, NULL);
        for (uint32_t n = 0; n < 20; n++) {
            put_packet(port, 0, 60, broadcast_mac, mac, v->id << 24 | (i * 20 + n));
            if (nv_txsync(port, 0) != 0 || nv_wait(port, POLLIN, 1000000) < 0)
                return "a sync failed";
            for (int64_t seq; (seq = get_packet(port, 0, NULL)) != -2;)
                if (seq < 0)
                    return "a packet was torn";
        }
        nv_close(port);
        v->visits++;
    }
    return NULL;
}

static inline void visitors(uint32_t count)
{
    struct sender s[2];
    struct receiver r;
    struct visitor v[2];
    bool stop = false, all_stop = false;
    world_new();
    s[0] = (struct sender){.port = open_with("vale0:a@9", NULL), .id = 1, .count = count, .seed = 1};
    s[1] = (struct sender){.port = open_with("vale0:b", NULL), .id = 2, .count = count, .seed = 2};
    r = (struct receiver){.port = open_with("vale0:c@9", NULL), .stop = &all_stop, .seed = 3};
    for (unsigned i = 0; i < 2; i++) {
        v[i] = (struct visitor){.stop = &stop, .id = 4 + i};
        start(&v[i].thread, visit, &v[i]);
        start(&s[i].thread, send_numbered, &s[i]);
    }
    start(&r.thread, receive_numbered, &r);
    for (unsigned i = 0; i < 2; i++)
        finish(s[i].thread);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 2; i++) {
        finish(v[i].thread);
        CHECK(v[i].visits > 0);
        add_up(s[i].port);
    }
    __atomic_store_n(&all_stop, true, __ATOMIC_RELEASE);
    finish(r.thread);
    CHECK(r.received > 0);
    nv_close(s[0].port), nv_close(s[1].port), nv_close(r.port);
    world_end();
}

#endif
