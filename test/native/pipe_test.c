/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe_test.c - pipes: room comes back on release, nothing is lost, ends come and go, regions are shared. */
#include <sys/wait.h>

#include "world.h"

/* Put n packets, numbered from seq on, and sync; returns how many went in. */
static uint32_t send_run(struct nv_port *p, unsigned ring, uint32_t n, uint32_t seq)
{
    uint32_t i = 0;
    while (i < n && put_packet(p, ring, 60 + (seq + i) % 1400, broadcast_mac, broadcast_mac, seq + i))
        i++;
    CHECK(nv_txsync(p, ring) == 0);
    return i;
}

/* Sync and take up to n packets, which must be numbered from seq on; they are released by the next sync. */
static uint32_t take_run(struct nv_port *p, unsigned ring, uint32_t n, uint32_t seq)
{
    uint32_t i = 0;
    CHECK(nv_rxsync(p, ring) == 0);
    for (int64_t got; i < n && (got = get_packet(p, ring, NULL)) != -2; i++)
        CHECK(got == seq + i, "%ld, not %u", (long)got, seq + i);
    return i;
}

static uint32_t room(struct nv_port *p, unsigned ring)
{
    CHECK(nv_txsync(p, ring) == 0);
    return nm_ring_space(nv_txring(p, ring));
}

/* What was sent and neither delivered nor dropped. */
static uint64_t underway(const struct nv_port *p)
{
    struct nv_port_stats s;
    nv_stats(p, &s);
    uint64_t known = s.tx_delivered;
    for (unsigned d = 0; d < NV_DROP_COUNT; d++)
        known += s.drops[d];
    return s.tx_packets - known;
}

static void room_comes_with_release(void)
{
    world_new();
    struct nv_port *a = open_slots("p{1", 11), *b = open_slots("p}1", 11);
    CHECK(send_run(a, 0, 99, 0) == 10 && room(a, 0) == 0);
    CHECK(take_run(b, 0, 4, 0) == 4 && room(a, 0) == 0 && underway(a) == 10); /* taken, not released */
    CHECK(take_run(b, 0, 0, 0) == 0 && room(a, 0) == 4 && underway(a) == 6);
    CHECK(send_run(a, 0, 99, 10) == 4 && room(a, 0) == 0 && underway(a) == 10);
    CHECK(take_run(b, 0, 99, 4) == 10 && take_run(b, 0, 0, 0) == 0);
    CHECK(room(a, 0) == 10 && underway(a) == 0);
    for (uint32_t i = 0; i < 200; i++) { /* a slot at a time */
        CHECK(send_run(a, 0, 1, i) == 1 && room(a, 0) == 9);
        CHECK(take_run(b, 0, 9, i) == 1 && room(a, 0) == 9);
        CHECK(take_run(b, 0, 9, i) == 0 && room(a, 0) == 10);
    }
    nv_close(a), nv_close(b);
    world_end();
}

/* Packets sent before anybody opened the other end are there for the first who does. */
static void packets_wait_for_an_opener(void)
{
    static const char *const names[][2] = {{"p{1", "p}1"}, {"p}1", "p{1"}, {"vale0:x{a", "vale0:x}a"}};
    for (unsigned i = 0; i < 3; i++) {
        world_new();
        struct nv_port *a = open_slots(names[i][0], 64);
        CHECK(send_run(a, 0, 99, 0) == 63 && room(a, 0) == 0 && nv_wait(a, POLLOUT, 1000000) == 0);
        struct nv_port *b = open_port(names[i][1]); /* of the sizes that the other end has */
        CHECK(nv_rxring(b, 0)->num_slots == 64 && nv_mem_id(b) == nv_mem_id(a));
        CHECK(take_run(b, 0, 99, 0) == 63 && take_run(b, 0, 99, 0) == 0 && room(a, 0) == 63);
        CHECK(send_run(b, 0, 5, 7) == 5 && take_run(a, 0, 99, 7) == 5);
        nv_close(a), nv_close(b);
        world_end();
    }
}

/* What a sender that closed had sent is still received; its other end may come back and go on. */
static void data_stays_when_the_sender_closes(void)
{
    world_new();
    struct nv_port *a = open_slots("p{1", 32), *b = open_slots("p}1", 32);
    for (uint32_t round = 0; round < 50; round++) {
        CHECK(send_run(a, 0, 20, 20 * round) == 20);
        nv_close(a);
        CHECK(nv_wait(b, POLLIN, 0) == POLLIN && take_run(b, 0, 15, 20 * round) == 15);
        a = open_slots("p{1", 32);
        CHECK(room(a, 0) == 31 - 20, "%u", room(a, 0)); /* 20 are not released yet */
        CHECK(take_run(b, 0, 99, 20 * round + 15) == 5 && take_run(b, 0, 99, 0) == 0 && room(a, 0) == 31);
    }
    nv_close(a), nv_close(b);
    world_end();
}

/* What the receiver had not released when it closed is lost, by name; what comes later waits for the next one. */
static void the_receiver_goes(void)
{
    world_new();
    struct nv_port *a = open_slots("p{1", 32), *b = open_slots("p}1", 32);
    struct nv_port_stats s;
    for (uint64_t round = 1; round < 50; round++) {
        CHECK(send_run(a, 0, 30, 0) == 30 && take_run(b, 0, 10, 0) == 10 && take_run(b, 0, 5, 10) == 5);
        nv_close(b); /* 10 are released */
        CHECK(nv_txsync(a, 0) == 0);
        nv_stats(a, &s);
        CHECK(s.drops[NV_DROP_PEER_GONE] == 20 * round && underway(a) == 0, "%lu gone, %lu underway",
              (unsigned long)s.drops[NV_DROP_PEER_GONE], (unsigned long)underway(a));
        CHECK(s.tx_delivered == 10 * round + 21 * (round - 1));
        uint32_t more = send_run(a, 0, 21, 100);
        CHECK(nv_wait(a, 0, 0) == 0);
        b = open_slots("p}1", 32);
        CHECK(nv_txsync(a, 0) == 0);
        CHECK(take_run(b, 0, 99, 100) == more && take_run(b, 0, 99, 0) == 0);
        CHECK(send_run(a, 0, 21 - more, 200) == 21 - more && take_run(b, 0, 99, 200) == 21 - more);
        CHECK(take_run(b, 0, 0, 0) == 0 && room(a, 0) == 31 && underway(a) == 0);
    }
    nv_close(a), nv_close(b);
    world_end();
}

/* Both ends have the same rings, crosswise. */
static void several_rings(void)
{
    world_new();
    struct nv_port *a = open_port("p{1@conf:tx-rings=5,rx-rings=2,tx-slots=16,rx-slots=8"), *b = open_port("p}1");
    CHECK(nv_if(b)->ni_tx_rings == 2 && nv_if(b)->ni_rx_rings == 5);
    CHECK(nv_rxring(b, 4)->num_slots == 16 && nv_txring(b, 1)->num_slots == 8);
    for (unsigned i = 0; i < 5; i++)
        CHECK(send_run(a, i, 10, i * 100) == 10);
    for (unsigned i = 0; i < 5; i++)
        CHECK(take_run(b, i, 99, i * 100) == 10);
    for (unsigned i = 0; i < 2; i++)
        CHECK(send_run(b, i, 7, i) == 7 && take_run(a, i, 99, i) == 7);
    nv_close(a), nv_close(b);
    a = open_port("q{1@conf:rings=2"), b = open_port("q}1@conf:rings=7"); /* it is there already */
    CHECK(nv_if(b)->ni_tx_rings == 2);
    nv_close(b);
    refuse_port("q}1@conf:rings=3", NULL, EINVAL, "this end must match");
    refuse_port("q{2@conf:rings=257", NULL, EINVAL, "256");
    nv_close(a);
    world_end();
}

/* As many rings as there can be, each leading to its own. */
static void most_rings(void)
{
    world_new();
    struct nv_port *a = open_port("p{1@conf:rings=256,slots=8"), *b = open_port("p}1");
    for (unsigned i = 0; i < 256; i++)
        CHECK(send_run(a, i, 7, i) == 7 && send_run(b, i, 7, i + 1000) == 7);
    for (unsigned i = 0; i < 256; i++)
        CHECK(take_run(b, i, 99, i) == 7 && take_run(a, i, 99, i + 1000) == 7);
    nv_close(a), nv_close(b);
    world_end();
}

/* Pipes of a switch port live in its region, whichever is opened first: their buffers can be swapped. */
static void a_port_and_its_pipes(void)
{
    for (int first = 0; first < 2; first++) {
        world_new();
        struct nv_port *parent = first ? open_port("vale0:a") : NULL;
        struct nv_port *a = open_port("vale0:a{1"), *b = open_port("vale0:a}1"), *c = open_port("vale0:a{2");
        if (!first)
            parent = open_port("vale0:a");
        struct nv_port *d = open_port("vale0:a}2"), *other = open_port("vale0:b");
        CHECK(nv_mem_id(a) == nv_mem_id(parent) && nv_mem_id(b) == nv_mem_id(a) && nv_mem_id(c) == nv_mem_id(a));
        CHECK(nv_mem_id(other) != nv_mem_id(a) && nv_memory(a, NULL) == nv_memory(parent, NULL));
        for (uint32_t seq = 0; seq < 5000; seq++) { /* switch -> pipe 1 -> pipe 2 -> switch, swapping */
            struct nv_port *from[] = {parent, b, d}, *to[] = {a, c, parent};
            CHECK(send_run(other, 0, 1, seq) == 1);
            for (int i = 0; i < 3; i++) {
                CHECK(nv_rxsync(from[i], 0) == 0 && nv_txsync(to[i], 0) == 0);
                struct netmap_ring *in = nv_rxring(from[i], 0), *out = nv_txring(to[i], 0);
                struct netmap_slot *s = &in->slot[in->cur], *t = &out->slot[out->cur];
                uint32_t buf = t->buf_idx;
                CHECK(!nm_ring_empty(in) && !nm_ring_empty(out));
                t->buf_idx = s->buf_idx, t->len = s->len, s->buf_idx = buf;
                t->flags = s->flags = NS_BUF_CHANGED;
                in->head = in->cur = nm_ring_next(in, in->cur);
                out->head = out->cur = nm_ring_next(out, out->cur);
                CHECK(nv_txsync(to[i], 0) == 0 && nv_rxsync(from[i], 0) == 0);
            }
            CHECK(take_run(other, 0, 9, seq) == 1);
        }
        nv_close(parent), nv_close(b), nv_close(d), nv_close(a), nv_close(other), nv_close(c);
        world_end();
    }
}

/* A region of its own has room for some pipes; what does not fit is refused in words and leaves nothing. */
static void many_pipes(void)
{
    struct nv_port *end[200];
    char name[32];
    unsigned n = 0;
    struct nv_error err = {0};
    world_new();
    for (; n < 64 && nv_open((snprintf(name, sizeof(name), "p{%u", n), name), NULL, &end[n], &err) == 0; n++)
        CHECK(send_run(end[n], 0, 2000, n) == 1023);
    CHECK(n >= 2 && n < 64 && err.code == ENOMEM && strstr(err.message, "region"), "%u pipes: %s", n, err.message);
    for (unsigned i = 0; i < 20; i++)
        CHECK(nv_open(name, NULL, &end[n], &err) < 0);
    nv_close(end[0]);
    end[0] = open_port(name); /* into its place */
    CHECK(send_run(end[0], 0, 2000, 0) == 1023);
    for (unsigned i = 0; i < n; i++)
        nv_close(end[i]);
    for (n = 0; n < 24; n++) { /* a shared region has more */
        snprintf(name, sizeof(name), "q%c%u@4", n % 2 ? '}' : '{', n / 2);
        end[n] = open_port(name);
    }
    for (unsigned i = 0; i < n; i += 2)
        CHECK(send_run(end[i], 0, 100, i) == 100 && take_run(end[i + 1], 0, 200, i) == 100);
    for (unsigned i = 0; i < n; i++)
        nv_close(end[i]);
    world_end();
}

/* A packet whose end does not come waits; when it fills the ring it is dropped, and the pipe goes on. */
static void a_packet_without_an_end(void)
{
    world_new();
    struct nv_port *a = open_slots("p{1", 16), *b = open_slots("p}1", 16);
    struct netmap_ring *r = nv_txring(a, 0);
    struct nv_port_stats s;
    for (uint32_t i = 0; i < 14; i++) {
        uint32_t at = r->cur;
        CHECK(put_packet(a, 0, 60, broadcast_mac, broadcast_mac, i));
        r->slot[at].flags = NS_MOREFRAG;
        CHECK(nv_txsync(a, 0) == 0 && take_run(b, 0, 99, 0) == 0);
    }
    CHECK(put_packet(a, 0, 60, broadcast_mac, broadcast_mac, 14) && nv_txsync(a, 0) == 0);
    CHECK(take_run(b, 0, 99, 0) == 15 && take_run(b, 0, 0, 0) == 0 && room(a, 0) == 15);
    for (uint32_t i = 0; i < 15; i++) {
        uint32_t at = r->cur;
        CHECK(put_packet(a, 0, 60, broadcast_mac, broadcast_mac, i));
        r->slot[at].flags = NS_MOREFRAG;
    }
    CHECK(nv_txsync(a, 0) == 0 && take_run(b, 0, 99, 0) == 0 && room(a, 0) == 15);
    nv_stats(a, &s);
    CHECK(s.drops[NV_DROP_BROKEN_CHAIN] == 1 && s.tx_delivered == 1 && underway(a) == 0);
    CHECK(send_run(a, 0, 15, 3) == 15 && take_run(b, 0, 99, 3) == 15);
    nv_close(a), nv_close(b);
    world_end();
}

static void count_slots(void *arg, struct netmap_ring *ring, uint32_t from, uint32_t to)
{
    *(uint32_t *)arg += (to + ring->num_slots - from) % ring->num_slots;
}

/* A monitor sees a slot once, however often it is synced before it can go. */
static void monitors_see_waiting_slots_once(void)
{
    world_new();
    struct nv_port *a = open_slots("p{1", 16), *b = open_slots("p}1", 16);
    uint32_t seen = 0, late = 0;
    nv_close(b);
    CHECK(nv_monitor_add(a, count_slots, &seen) == 0);
    for (uint32_t i = 0; i < 12; i++)
        CHECK(send_run(a, 0, 1, i) == 1 && nv_txsync(a, 0) == 0 && seen == i + 1, "%u of %u", seen, i + 1);
    CHECK(nv_monitor_add(a, count_slots, &late) == 0);
    nv_txring(a, 0)->head = 77; /* a reset: the waiting slots are the application's again */
    CHECK(nv_txsync(a, 0) == -EINVAL && send_run(a, 0, 12, 0) == 12 && seen == 24 && late == 12, "%u, %u", seen, late);
    b = open_slots("p}1", 16);
    CHECK(send_run(a, 0, 2, 12) == 2 && seen == 26 && late == 14, "%u, %u", seen, late);
    CHECK(take_run(b, 0, 99, 0) == 14);
    nv_close(a), nv_close(b);
    world_end();
}

/* Two processes: order, nothing lost, and the sender leaves before all is read. */
static void two_processes(void)
{
    static const char *const names[][2] = {{"p{1", "p}1"}, {"vale0:a}x", "vale0:a{x"}, {"p{1@3", "p}1@3"}};
    for (unsigned i = 0; i < 3; i++) {
        int go[2];
        char byte;
        world_new();
        CHECK(pipe2(go, O_CLOEXEC) == 0);
        pid_t child = fork();
        if (child == 0) {
            struct nv_port *a = open_slots(names[i][0], 128);
            CHECK(read(go[0], &byte, 1) == 1); /* the other end is open */
            for (uint32_t seq = 0; seq < 300000 && !check_failed;) {
                seq += send_run(a, 0, 300000 - seq < 100 ? 300000 - seq : 100, seq);
                if (seq < 300000)
                    CHECK(nv_wait(a, POLLOUT, 100000000000) == POLLOUT);
            }
            nv_close(a);
            _exit(check_failed != 0);
        }
        struct nv_port *b = open_slots(names[i][1], 128);
        CHECK(write(go[1], "", 1) == 1);
        uint32_t got = 0;
        while (got < 300000 && !check_failed && nv_wait(b, POLLIN, 100000000000) == POLLIN)
            got += take_run(b, 0, 77, got);
        int status = -1;
        CHECK(waitpid(child, &status, 0) == child && status == 0, "%#x", status);
        CHECK(got == 300000, "%u", got);
        close(go[0]), close(go[1]);
        nv_close(b);
        world_end();
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"pipe: room comes with release", room_comes_with_release},
        {"pipe: packets wait for an opener", packets_wait_for_an_opener},
        {"pipe: data stays when the sender closes", data_stays_when_the_sender_closes},
        {"pipe: the receiver goes", the_receiver_goes},
        {"pipe: several rings", several_rings},
        {"pipe: 256 rings", most_rings},
        {"pipe: a switch port and its pipes", a_port_and_its_pipes},
        {"pipe: many pipes", many_pipes},
        {"pipe: a packet without an end", a_packet_without_an_end},
        {"pipe: monitors see waiting slots once", monitors_see_waiting_slots_once},
        {"pipe: two processes", two_processes},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
