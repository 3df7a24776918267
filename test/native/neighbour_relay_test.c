/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neighbour_relay_test.c - a relay whose rings another thread writes to all the time, or spoils once: it goes on, what
 * it lost has a name, and it works as before when that is over.
 */
#include <pthread.h>

#include "port/port.h"
#include "relay_stage.h"

static bool ending; /* atomic */

/* Flip the heads of both rings of a port between their value and an impossible one, with pauses in between. */
static void *flipper(void *arg)
{
    struct nv_port *const *ports = arg;

    for (unsigned i = 0; !__atomic_load_n(&ending, __ATOMIC_ACQUIRE); i++) {
        struct nv_port *port = ports[i & 1];
        struct netmap_ring *ring = i & 2 ? nv_txring(port, 0) : nv_rxring(port, 0);
        uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
        __atomic_store_n(&ring->head, 0x7fffffff, __ATOMIC_RELAXED);
        for (unsigned n = i % 97; n; n--)
            __asm__ volatile("" ::: "memory");
        __atomic_store_n(&ring->head, head, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void flipped(const char *region, uint32_t bytes, uint16_t port)
{
    struct stage s;
    pthread_t thread;

    stage_start(&s, region, 1024);
    struct nv_port *ports[2] = {s.relay->side[0].port, s.relay->side[1].port};
    ending = false;
    pthread_create(&thread, NULL, flipper, ports);
    /* Until it hit often enough; on a machine with one processor that may take a while. */
    for (unsigned turn = 0; turn < 300 || (turn < 2000000 && s.relay->side[0].resets + s.relay->side[1].resets < 20);
         turn++) {
        stage_send(&s, turn & 1, 8, bytes, port);
        CHECK(relay_once(s.relay) >= 0, "%s", s.relay->error.message);
        stage_take(&s, 0);
        stage_take(&s, 1);
        if (check_failed)
            break;
    }
    __atomic_store_n(&ending, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    CHECK(s.relay->side[0].resets + s.relay->side[1].resets >= 20, "the writer hit nothing");
    for (unsigned turn = 0; turn < 3; turn++)
        relay_once(s.relay);
    stage_take(&s, 0);
    stage_take(&s, 1);
    stage_balance(&s, "flipped");
    stage_works(&s, "after");
    stage_end(&s);
}

static void heads(void)
{
    flipped("", 60, 9);
    flipped("", 4000, 9);
}

static void heads_one_region(void)
{
    flipped("@5", 1000, 9);
}

static void heads_answers(void)
{
    flipped("", 60, 7);
}

/* Indices of tx slots that name no buffer cost the packets that are put there, not the direction. */
static void bad_indices(const char *region)
{
    static const uint32_t bad[] = {0, 1, 0x00ffffff, 0xffffffff};
    struct stage s;

    stage_start(&s, region, 64);
    stage_works(&s, "before");
    struct netmap_ring *tx = nv_txring(s.relay->side[1].port, 0);
    for (unsigned i = 0; i < 4; i++)
        tx->slot[10 * i + 5].buf_idx = bad[i];
    uint32_t before = s.received[1];
    for (unsigned lap = 0; lap < 4; lap++)
        for (unsigned turn = 0; turn < 4; turn++) {
            stage_send(&s, 0, 16, 1000, 9);
            CHECK(relay_once(s.relay) >= 0);
            stage_take(&s, 1);
        }
    const unsigned why = NV_RELAY_DROPS_AT + RELAY_WHY_PORT + NV_DROP_BAD_SLOT;
    uint64_t lost = stage_stat(&s, 0, why);
    CHECK(lost >= 4 && lost <= 20, "%lu packets were lost as bad_slot", (unsigned long)lost);
    CHECK(s.received[1] - before + lost == 256, "%u arrived, %lu were lost", s.received[1] - before,
          (unsigned long)lost);
    CHECK(stage_stat(&s, 0, NV_RELAY_DROPS_AT + NV_RELAY_DROP_TX_FULL) == 0);
    stage_balance(&s, "bad indices");
    stage_end(&s);
}

static uint32_t owned(const struct nv_port *p)
{
    uint32_t n = 0;

    for (uint32_t i = NV_FIRST_BUF; i < nv_port_backed(p); i++)
        n += p->region->buf_owner[i] == p->token;
    return n;
}

/* Buffers whose slots were spoilt come back to a relay that keeps buffers outside of its rings: spares, and packets in
 * links. */
static void vanished(const char *region)
{
    struct stage s;

    stage_start(&s, region, 64);
    stage_works(&s, "before");
    const struct nv_port *port = s.relay->side[1].port;
    const uint32_t before = owned(port);
    struct netmap_ring *tx = nv_txring(s.relay->side[1].port, 0);
    uint32_t most = before, now = before;
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < 8; i++)
            tx->slot[(round * 8 + i) % 64].buf_idx = 0xffffffff;
        stage_send(&s, 0, 16, 1000, 9);
        CHECK(relay_once(s.relay) >= 0);
        stage_take(&s, 1);
        now = owned(port);
        most = now > most ? now : most;
    }
    CHECK(most > before, "nothing was repaired");
    /* Slots that are spoilt still cost a packet each; a sweep comes at most once in a millisecond. */
    for (unsigned turn = 0; turn < 16 || (now > before && turn < 50000); turn++, now = owned(port)) {
        poll(NULL, 0, 2);
        stage_send(&s, 0, 8, 1000, 9);
        CHECK(relay_once(s.relay) >= 0);
        stage_take(&s, 1);
    }
    CHECK(now <= before, "%u buffers more than before", now - before);
    stage_works(&s, "after");
    stage_end(&s);
}

static void vanished_own(void)
{
    vanished("");
}

static void vanished_one_region(void)
{
    vanished("@5");
}

static void bad_indices_own(void)
{
    bad_indices("");
}

static void bad_indices_one_region(void)
{
    bad_indices("@5");
}

/* What the port drops behind the relay is the direction's, by its name. */
static void losses_behind(void)
{
    struct stage s;

    stage_start(&s, "", 1024);
    for (unsigned turn = 0; turn < 20; turn++) { /* nobody takes it: the end's ring is full after 1,023 */
        stage_send(&s, 0, 100, 60, 9);
        CHECK(relay_once(s.relay) >= 0);
    }
    const unsigned behind = NV_RELAY_DROPS_AT + RELAY_WHY_PORT;
    CHECK(stage_stat(&s, 0, behind + NV_DROP_NO_SPACE) == 2000 - 1023, "%lu times no_space",
          (unsigned long)stage_stat(&s, 0, behind + NV_DROP_NO_SPACE));
    CHECK(stage_stat(&s, 0, NV_RELAY_TX_PACKETS) == 1023 && stage_stat(&s, 0, NV_RELAY_TX_BYTES) == 1023 * 60);
    CHECK(stage_take(&s, 1) == 1023);
    nv_close(s.end[1]);
    stage_send(&s, 0, 100, 60, 9);
    CHECK(relay_once(s.relay) >= 0);
    CHECK(stage_stat(&s, 0, behind + NV_DROP_NO_PORT) == 100 && stage_stat(&s, 0, NV_RELAY_TX_PACKETS) == 1023);
    /* Two receivers: a flooded packet is out twice, or lost there by name. */
    s.end[1] = open_port("valeo:one");
    struct nv_port *other = open_slots("valeo:two", 64);
    stage_send(&s, 0, 100, 60, 9);
    CHECK(relay_once(s.relay) >= 0);
    CHECK(stage_take(&s, 1) == 100 && stage_stat(&s, 0, NV_RELAY_FLOODED) == 100);
    CHECK(stage_stat(&s, 0, NV_RELAY_TX_PACKETS) == 1023 + 163, "%lu out",
          (unsigned long)stage_stat(&s, 0, NV_RELAY_TX_PACKETS));
    /* Answers are told from what passes: the sender's ring is full, and only they go there. */
    for (unsigned turn = 0; turn < 15; turn++) {
        stage_send(&s, 0, 100, 60, 7);
        CHECK(relay_once(s.relay) >= 0);
    }
    CHECK(stage_stat(&s, 0, NV_RELAY_ANSWERS) == 1023 && stage_stat(&s, 0, NV_RELAY_ANSWERS_LOST) == 1500 - 1023,
          "%lu answers, %lu lost", (unsigned long)stage_stat(&s, 0, NV_RELAY_ANSWERS),
          (unsigned long)stage_stat(&s, 0, NV_RELAY_ANSWERS_LOST));
    stage_balance(&s, "losses behind");
    nv_close(other);
    stage_end(&s);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"losses behind the other port", losses_behind},
        {"indices of no buffer", bad_indices_own},
        {"indices of no buffer, one region", bad_indices_one_region},
        {"buffers that vanished come back", vanished_own},
        {"buffers that vanished come back, one region", vanished_one_region},
        {"heads that change at any time", heads},
        {"heads that change at any time, one region", heads_one_region},
        {"heads that change at any time, answers", heads_answers},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
