/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vale_rubbish_test.c - applications that write rubbish into their rings: head, cur, tail and slots.
 *
 * A sync then fails and puts the ring right, or drops broken slots by name. Counters add up, the port can be used
 * again, and two others on the same switch, in the same region, go on undisturbed.
 */
#include "world.h"

static uint64_t seed;

/* Often near the truth, sometimes a limit, sometimes anything. */
static uint32_t rubbish(uint32_t near)
{
    static const uint32_t limits[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0xffff, 2048, 4096};
    uint32_t kind = random_below(&seed, 10);
    return kind < 6   ? near + random_below(&seed, 9) - 4
           : kind < 8 ? limits[random_below(&seed, 10)]
                      : (uint32_t)nv_splitmix64(&seed);
}

static void scribble(struct netmap_ring *r, const uint32_t *mine)
{
    for (unsigned n = random_below(&seed, 6); n; n--) {
        struct netmap_slot *slot = &r->slot[random_below(&seed, r->num_slots)];
        slot->buf_idx = random_below(&seed, 3) ? mine[random_below(&seed, r->num_slots)] : rubbish(slot->buf_idx);
        slot->len = random_below(&seed, 2) ? (uint16_t)(60 + random_below(&seed, 1000)) : (uint16_t)rubbish(slot->len);
        slot->flags = random_below(&seed, 2) ? 0 : (uint16_t)rubbish(slot->flags);
        slot->ptr = rubbish(0);
    }
    r->head = random_below(&seed, 3) ? r->head : rubbish(r->head);
    r->cur = random_below(&seed, 3) ? r->head : rubbish(r->cur);
    r->tail = random_below(&seed, 3) ? r->tail : rubbish(r->tail);
    r->flags = rubbish(0);
}

/* Both directions of a port are in order again, and its counters add up. */
static void check_port(struct nv_port *p, bool pipe)
{
    struct nv_port_stats s;
    uint64_t known = 0;
    for (int rx = 0; rx < 2; rx++) {
        struct netmap_ring *r = rx ? nv_rxring(p, 0) : nv_txring(p, 0);
        CHECK(r->head < r->num_slots && r->cur < r->num_slots && r->tail < r->num_slots);
        CHECK((r->cur + r->num_slots - r->head) % r->num_slots <= nm_ring_space(r));
    }
    nv_stats(p, &s);
    for (unsigned d = 0; d < NV_DROP_COUNT; d++)
        known += s.drops[d];
    known += s.tx_delivered;
    CHECK(pipe ? s.tx_packets >= known : s.tx_packets + s.tx_copies == known, "%lu + %lu, %lu known",
          (unsigned long)s.tx_packets, (unsigned long)s.tx_copies, (unsigned long)known);
}

/*
 * a writes rubbish, b receives what comes of it and sends so that a receives, c and d are bystanders. Buffer numbers
 * are those a began with or far off: the buffers of others in its own process are a's to use, and those that it began
 * with may be b's by now, in one region.
 */
static void rubbish_on(const char *a_name, const char *b_name, const char *c_name, const char *d_name, bool pipe)
{
    world_new();
    struct nv_port *a = open_slots(a_name, 32), *b = open_slots(b_name, 32), *c = open_slots(c_name, 32),
                   *d = open_slots(d_name, 32);
    struct netmap_ring *tx = nv_txring(a, 0), *rx = nv_rxring(a, 0);
    uint32_t mine[32], next = 0, errors = 0;
    uint8_t mac_c[6], mac_d[6];
    mac_number(mac_c, 3), mac_number(mac_d, 4);
    for (unsigned i = 0; i < 32; i++)
        mine[i] = tx->slot[i].buf_idx;
    CHECK(put_packet(d, 0, 60, mac_c, mac_d, 0) && nv_txsync(d, 0) == 0 && nv_rxsync(c, 0) == 0);
    while (get_packet(c, 0, NULL) != -2)
        ;
    for (uint32_t round = 0; round < 30000 && !check_failed; round++) {
        struct netmap_ring *r = random_below(&seed, 2) ? tx : rx;
        uint32_t n = random_below(&seed, 8);
        r->head = r->cur = (r->head + n) % r->num_slots;
        scribble(r, mine);
        int tx_result = nv_txsync(a, 0), rx_result = nv_rxsync(a, 0);
        CHECK((tx_result == 0 || tx_result == -EINVAL) && (rx_result == 0 || rx_result == -EINVAL));
        errors += (tx_result != 0) + (rx_result != 0);
        check_port(a, pipe);
        const bool one_region = nv_mem_id(a) == nv_mem_id(b);
        int b_result = nv_rxsync(b, 0);
        CHECK(b_result == 0 || (one_region && b_result == -EINVAL));
        struct netmap_ring *in = nv_rxring(b, 0);
        for (; !nm_ring_empty(in); in->head = in->cur = nm_ring_next(in, in->cur)) {
            const struct netmap_slot *slot = &in->slot[in->cur];
            CHECK(slot->buf_idx >= 2 && slot->buf_idx < nv_slots_backed(b) && slot->len <= 2048, "buffer %u, length %u",
                  slot->buf_idx, slot->len);
        }
        b_result = nv_rxsync(b, 0);
        CHECK(b_result == 0 || (one_region && b_result == -EINVAL));
        put_packet(b, 0, 60, broadcast_mac, mac_d, round);
        CHECK(nv_txsync(b, 0) == 0);
        check_port(b, pipe);
        /* The bystanders: d to c, by address, all there and whole. (Rubbish may be flooded to c, too.) */
        if (round % 16 == 0) {
            CHECK(put_packet(c, 0, 60, mac_d, mac_c, 0) && nv_txsync(c, 0) == 0 && nv_rxsync(c, 0) == 0);
            CHECK(nv_rxsync(d, 0) == 0);
            while (get_packet(c, 0, NULL) != -2 || get_packet(d, 0, NULL) != -2)
                ;
            CHECK(nv_rxsync(c, 0) == 0 && nv_rxsync(d, 0) == 0);
            for (uint32_t i = 0; i < 20; i++)
                CHECK(put_packet(d, 0, 300, mac_c, mac_d, next + i));
            CHECK(nv_txsync(d, 0) == 0 && nv_rxsync(c, 0) == 0);
            for (uint32_t i = 0; i < 20; i++)
                CHECK(get_packet(c, 0, NULL) == next + i);
            CHECK(nv_rxsync(c, 0) == 0);
            next += 20;
        }
        if (round % 16 == 8) { /* what was flooded to d */
            struct netmap_ring *other = nv_rxring(d, 0);
            CHECK(nv_rxsync(d, 0) == 0);
            other->head = other->cur = other->tail;
            CHECK(nv_rxsync(d, 0) == 0);
        }
    }
    struct nv_port_stats s;
    nv_stats(a, &s);
    CHECK(errors > 1000 && s.ring_resets == errors, "%u errors, %lu resets", errors, (unsigned long)s.ring_resets);
    CHECK(s.drops[NV_DROP_BAD_SLOT] > 100 && s.drops[NV_DROP_TOO_LONG] > 100);
    nv_close(a), nv_close(b), nv_close(c), nv_close(d);
    world_end();
}

static void on_a_switch(void)
{
    seed = 5;
    rubbish_on("vale0:a", "vale0:b", "vale0:c", "vale0:d", false);
}
static void in_one_region(void)
{
    seed = 6;
    rubbish_on("vale0:a@9", "vale0:b@9", "vale1:c@9", "vale1:d@9", false);
}
static void on_a_pipe(void)
{
    seed = 7;
    rubbish_on("p{1", "p}1", "vale1:c", "vale1:d", true);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"rubbish in rings: on a switch", on_a_switch},
        {"rubbish in rings: in one region", in_one_region},
        {"rubbish in rings: on a pipe", on_a_pipe},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
