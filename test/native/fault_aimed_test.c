/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_aimed_test.c - every word of the rings of two live ports is changed by a third process and put back, one after
 * the other, while packets flow: nobody crashes or ends, and when it is over all that is sent arrives whole again.
 * NETVALE_SOAK=N: N rounds.
 */
#include <sched.h>

#include "crash.h"
#include "port/batch.h"

#define BATCH 64

static uint8_t mac_a[6], mac_b[6];

static struct nv_batch_ring ring_of(struct nv_port *p, struct netmap_ring *ring)
{
    const char *memory = nv_memory(p, NULL);
    return (struct nv_batch_ring){.ring = ring,
                                  .slots = 1024,
                                  .buffer_size = 2048,
                                  .buffers_at = (uint64_t)((const char *)ring - memory + ring->buf_ofs)};
}

struct batch {
    uint32_t offsets[BATCH];
    uint16_t lengths[BATCH], flags[BATCH];
};

static void sends(struct board *b, void *arg)
{
    struct nv_port *port = open_port(arg);
    struct nv_batch_ring ring = ring_of(port, nv_txring(port, 0));
    struct batch s;
    struct nv_batch_arrays a = {s.offsets, s.lengths, s.flags, BATCH};
    poke(&b->ready, 1);
    while (!peek(&b->stop)) {
        nv_txsync(port, 0);
        ring.buffers = nv_slots_backed(port);
        size_t n = nv_batch_reserve(&ring, a, 0, BATCH);
        for (size_t i = 0; i < n; i++) {
            s.lengths[i] = 60;
            make_packet((uint8_t *)nv_memory(port, NULL) + s.offsets[i], 60, mac_b, mac_a, b->next_seq++);
        }
        nv_batch_fill(&ring, a, 0, (uint32_t)n);
        nv_txsync(port, 0);
        b->sent += n;
        sched_yield();
    }
    nv_stats(port, &b->stats);
    nv_close(port);
}

static void receives(struct board *b, void *arg)
{
    struct nv_port *port = open_port(arg);
    struct nv_batch_ring ring = ring_of(port, nv_rxring(port, 0));
    struct batch s;
    struct nv_batch_arrays a = {s.offsets, s.lengths, s.flags, BATCH};
    poke(&b->ready, 1);
    while (!peek(&b->stop)) {
        if (nv_rxsync(port, 0) < 0)
            ring.at = ring.ring->cur < ring.slots ? ring.ring->cur : 0;
        ring.buffers = nv_slots_backed(port);
        size_t n = nv_batch_gather(&ring, nv_memory(port, NULL), a, 0);
        for (size_t i = 0; i < n; i++) {
            const uint8_t *packet = (const uint8_t *)nv_memory(port, NULL) + s.offsets[i];
            bool whole = s.lengths[i] == 60 && check_packet(packet, 60) >= 0;
            b->got[!whole]++;
        }
        ring.ring->head = ring.ring->cur = ring.at;
        if (n == 0)
            sched_yield();
    }
    nv_stats(port, &b->stats);
    nv_close(port);
}

/* Change each word of the port's two rings, let the others run, and put it back. */
static void aims(struct board *b, void *arg)
{
    static const uint32_t masks[] = {0x7fffffff, 1, 0xffffffff, 1024, 0x00200000};
    const char *const *ports = arg;
    struct nv_port *port[2] = {open_port(ports[0]), open_port(ports[1])};
    poke(&b->ready, 1);
    for (int round = 0; round < soak() && !peek(&b->stop); round++)
        for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++)
            for (int p = 0; p < 4; p++) {
                struct netmap_ring *ring = p & 1 ? nv_txring(port[p >> 1], 0) : nv_rxring(port[p >> 1], 0);
                uint32_t *word = (uint32_t *)(void *)ring, *end = word + (sizeof(*ring) + 1024 * 16) / 4;
                for (unsigned n = 0; word < end; word++, n++) {
                    uint32_t was = __atomic_load_n(word, __ATOMIC_RELAXED);
                    __atomic_store_n(word, was ^ masks[m], __ATOMIC_RELAXED);
                    if (n % 16 == 0 || word < (uint32_t *)(void *)ring->slot)
                        sched_yield();
                    __atomic_store_n(word, was, __ATOMIC_RELAXED);
                }
                b->mark++;
            }
    poke(&b->paused, 1);
    while (!peek(&b->stop))
        sleep_ms(1);
    nv_close(port[0]), nv_close(port[1]);
}

static void aimed_at(const char *from, const char *to)
{
    const char *ports[] = {from, to};
    world_new();
    boards_new();
    struct actor r = actor_start(1, receives, (void *)(uintptr_t)to), s, x;
    actor_ready(&r);
    s = actor_start(2, sends, (void *)(uintptr_t)from);
    actor_ready(&s);
    CHECK(rises(&r.board->got[0], 1000) >= 0);
    x = actor_start(3, aims, ports);
    if (actor_ready(&x))
        for (int64_t until = now_ms() + PATIENCE_MS * soak(); !peek(&x.board->paused) && now_ms() < until;)
            sleep_ms(1);
    CHECK(peek(&x.board->paused));
    actor_end(&x);
    bool healed = false; /* many packets in a row of which none is torn */
    for (int64_t until = now_ms() + PATIENCE_MS; !healed && now_ms() < until;) {
        uint64_t torn = peek_long(&r.board->got[1]);
        healed = rises(&r.board->got[0], 20000) >= 0 && peek_long(&r.board->got[1]) == torn;
    }
    CHECK(healed, "%s: packets do not arrive whole any more", to);
    actor_end(&s), actor_end(&r);
    CHECK(s.board->stats.ring_resets + r.board->stats.ring_resets > 0);
    world_end();
}

static void on_a_switch(void)
{
    aimed_at("vale0:a", "vale0:b");
}

static void in_one_region(void)
{
    aimed_at("vale0:a@7", "vale0:b@7");
}

static void on_a_pipe(void)
{
    aimed_at("netmap:p{1", "netmap:p}1");
}

int main(int argc, char **argv)
{
    mac_number(mac_a, 1), mac_number(mac_b, 2);
    static const struct check_test tests[] = {
        {"aimed rubbish: a switch", on_a_switch},
        {"aimed rubbish: one region", in_one_region},
        {"aimed rubbish: a pipe", on_a_pipe},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
