/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_test.c - a device's flow control: one thread fills a ring, another syncs it every so often.
 *
 * As a simulator's network device does: its queue is stopped when the ring has little room and woken when there is
 * some again, and it is told the packets and bytes that were completed, for byte queue limits.
 */
#include <pthread.h>

#include "world.h"

#ifdef __SANITIZE_THREAD__
#define PACKETS 8000u
#else
#define PACKETS 40000u
#endif

struct device {
    struct nv_port *port;
    bool stopped;                 /* by the callback, in the syncing thread */
    uint32_t stops, wakes, waits; /* waits: times the filler found the queue stopped or the ring full */
    uint64_t packets, bytes;      /* put into the ring */
    struct nv_completion completed;
    bool filled, quit;
};

static void on_flow(void *arg, unsigned ring, bool stop)
{
    struct device *d = arg;
    CHECK(ring == 0 && stop != d->stopped);
    *(stop ? &d->stops : &d->wakes) += 1;
    __atomic_store_n(&d->stopped, stop, __ATOMIC_RELEASE);
}

/*
 * Put a packet into the ring while another thread may be syncing it: the slot, then cur, then head, so that cur is
 * never behind head; tail is read as the other thread left it.
 */
static bool fill_one(struct netmap_ring *r, uint32_t seq, unsigned len)
{
    uint32_t at = r->head, next = nm_ring_next(r, at);
    if (at == __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE))
        return false;
    struct netmap_slot *slot = &r->slot[at];
    make_packet((uint8_t *)NETMAP_BUF(r, slot->buf_idx), len, broadcast_mac, broadcast_mac, seq);
    /* In one piece: the other thread looks ahead at slots that are not its own yet. */
    const struct netmap_slot word = {.buf_idx = slot->buf_idx, .len = (uint16_t)len};
    uint64_t first_half;
    memcpy(&first_half, &word, sizeof(first_half));
    __atomic_store_n((uint64_t *)(void *)slot, first_half, __ATOMIC_RELAXED);
    __atomic_store_n(&r->cur, next, __ATOMIC_RELAXED);
    __atomic_store_n(&r->head, next, __ATOMIC_RELEASE);
    return true;
}

static void add(struct nv_completion *sum, struct nv_completion more)
{
    sum->packets += more.packets;
    sum->bytes += more.bytes;
}

static void *fill(void *arg)
{
    struct device *d = arg;
    struct netmap_ring *r = nv_txring(d->port, 0);
    uint64_t seed = 9;
    for (uint32_t seq = 0; seq < PACKETS;) {
        unsigned len = 60 + random_below(&seed, 1400);
        if (!__atomic_load_n(&d->stopped, __ATOMIC_ACQUIRE) && fill_one(r, seq, len)) {
            d->packets++;
            d->bytes += len;
            seq++;
        } else {
            d->waits++;
            usleep(50);
        }
        if (seq % 64 == 0)
            add(&d->completed, nv_tx_completed(d->port, 0));
    }
    __atomic_store_n(&d->filled, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Sync every 100 microseconds, and once more when all was filled. */
static void *sync_often(void *arg)
{
    struct device *d = arg;
    while (!__atomic_load_n(&d->quit, __ATOMIC_ACQUIRE)) {
        if (nv_txsync(d->port, 0) != 0)
            return "the ring was reset";
        usleep(100);
    }
    return NULL;
}

/* `to` NULL: nobody receives. A pipe must bring everything; a switch drops when the receiver is slow. */
static void device(const char *from, const char *to, uint32_t slots, bool lossless)
{
    struct device d = {0};
    pthread_t filler, syncer;
    void *why;
    const struct nv_open_options opt = {.tx_slots = slots, .rx_slots = slots};
    struct nv_error err = {0};
    struct nv_port *receiver = NULL;
    uint32_t next = 0, received = 0;
    world_new();
    CHECK(nv_open(from, &opt, &d.port, &err) == 0, "%s", err.message);
    if (to)
        CHECK(nv_open(to, &opt, &receiver, &err) == 0, "%s", err.message);
    CHECK(nv_tx_watermarks(d.port, 0, slots / 4, slots / 2, on_flow, &d) == 0);
    CHECK(pthread_create(&syncer, NULL, sync_often, &d) == 0 && pthread_create(&filler, NULL, fill, &d) == 0);
    /* Nobody takes a packet off the pipe before its sender was stopped once. */
    while (lossless && !__atomic_load_n(&d.stopped, __ATOMIC_ACQUIRE))
        usleep(100);
    for (bool last = false;;) {
        int ready = receiver ? nv_wait(receiver, POLLIN, 2000000) : (usleep(2000), 0);
        for (int64_t seq; receiver && (seq = get_packet(receiver, 0, NULL)) != -2; next = (uint32_t)seq + 1, received++)
            CHECK(lossless ? seq == next : seq >= next, "%ld after %u", (long)seq, next);
        if (receiver)
            CHECK(nv_rxsync(receiver, 0) == 0);
        if (last && !ready)
            break;
        struct nv_port_stats s;
        nv_stats(d.port, &s);
        last = __atomic_load_n(&d.filled, __ATOMIC_ACQUIRE) && s.tx_packets == PACKETS;
    }
    usleep(2000); /* one more sync, to learn of the last release */
    __atomic_store_n(&d.quit, true, __ATOMIC_RELEASE);
    pthread_join(filler, NULL);
    pthread_join(syncer, &why);
    CHECK(!why, "%s", (char *)why);
    CHECK(nv_txsync(d.port, 0) == 0);
    add(&d.completed, nv_tx_completed(d.port, 0));
    CHECK(d.completed.packets == d.packets && d.completed.bytes == d.bytes && d.packets == PACKETS,
          "%lu of %lu packets, %lu of %lu bytes", (unsigned long)d.completed.packets, (unsigned long)d.packets,
          (unsigned long)d.completed.bytes, (unsigned long)d.bytes);
    CHECK(!lossless || received == PACKETS, "%u received", received);
    CHECK(d.stops == d.wakes && !d.stopped, "%u stops, %u wakes", d.stops, d.wakes);
    CHECK(!lossless || d.stops >= 1, "%u stops, %u waits", d.stops, d.waits);
    struct nv_port_stats s;
    nv_stats(d.port, &s);
    CHECK(s.ring_resets == 0 && s.tx_bytes == d.bytes);
    nv_close(d.port), nv_close(receiver);
    world_end();
}

static void on_a_pipe(void)
{
    device("p{1", "p}1", 64, true);
}
static void on_a_switch(void)
{
    device("vale0:a", "vale0:b", 256, false);
}
static void in_one_region(void)
{
    device("vale0:a@5", "vale0:b@5", 256, false);
}
static void on_null(void)
{
    device("null:", NULL, 64, false);
}

/* The limits are looked at after each sync, and the callback comes only when something changes. */
static void thresholds(void)
{
    struct device d = {0};
    world_new();
    d.port = open_port("p{1@conf:slots=101");
    struct nv_port *b = open_port("p}1");
    CHECK(nv_tx_watermarks(d.port, 0, 30, 60, on_flow, &d) == 0);
    uint32_t held = 0;
    uint64_t seed = 4;
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t n = random_below(&seed, 20);
        bool was = d.stopped;
        if (random_below(&seed, 2))
            while (n-- && fill_one(nv_txring(d.port, 0), i, 60))
                held++;
        else {
            CHECK(nv_rxsync(b, 0) == 0);
            while (n-- && get_packet(b, 0, NULL) != -2)
                held--;
            CHECK(nv_rxsync(b, 0) == 0);
        }
        CHECK(nv_txsync(d.port, 0) == 0);
        uint32_t room = 100 - held;
        CHECK(nm_ring_space(nv_txring(d.port, 0)) == room);
        CHECK(d.stopped == (was ? room < 60 : room < 30), "room for %u", room);
    }
    CHECK(d.stops > 100);
    nv_close(d.port), nv_close(b);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"flow: thresholds", thresholds},
        {"flow: a device on a pipe", on_a_pipe},
        {"flow: a device on a switch", on_a_switch},
        {"flow: a device in one region", in_one_region},
        {"flow: a device on a null port", on_null},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
