/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flip_relay_test.c - a relay whose rings a neighbour writes to between any two of its reads: each read of a turn is
 * tried, with each change. It does not crash (also under the sanitizers), and works as before when that is over.
 */
#include "memory/shared.h"
#include "relay_stage.h"

static const uint64_t masks[] = {1, 0x7fffffff, 0xffffffffffffffff, 0x0020000000000000};
enum { MASKS = sizeof(masks) / sizeof(masks[0]) };

struct load {
    uint32_t count, bytes;
    uint16_t port;
};

/* One turn with packets from both sides, in which read `k` is flipped. Returns how many reads the turn had. */
static uint64_t turn(struct stage *s, const struct load *load, uint64_t k, uint64_t mask, enum nv_flip_when when)
{
    stage_send(s, 0, load->count, load->bytes, load->port);
    stage_send(s, 1, load->count, load->bytes, load->port);
    nv_flip_arm(k, mask, when);
    CHECK(relay_once(s->relay) >= 0, "%s", s->relay->error.message);
    uint64_t reads = nv_flip_end();
    stage_take(s, 0);
    stage_take(s, 1);
    return reads;
}

static void all_reads(const char *region, uint32_t slots, const struct load *load)
{
    struct stage s;
    uint64_t most = 0;

    stage_start(&s, region, slots);
    stage_works(&s, "before");
    for (unsigned m = 0; m < MASKS && !check_failed; m++)
        for (unsigned when = NV_FLIP_AFTER; when <= NV_FLIP_BEFORE; when++) {
            most = 1;
            for (uint64_t k = 1; k <= most && !check_failed; k++) {
                uint64_t reads = turn(&s, load, k, masks[m], (enum nv_flip_when)when);
                most = reads > most ? reads : most;
                stage_balance(&s, "flipped");
            }
        }
    CHECK(most >= 8, "a turn has %lu reads: they go another way", (unsigned long)most);
    for (unsigned i = 0; i < 2 * slots / (2 * load->count) + 2; i++) /* slots that were spoilt come by once more */
        turn(&s, load, 0, 0, NV_FLIP_AFTER);
    stage_works(&s, "after");
    stage_end(&s);
}

static const struct load shorts = {3, 60, 9}, longs = {2, 1000, 9}, chains = {1, 4000, 9}, answers = {2, 60, 7};

static void own_regions(void)
{
    all_reads("", 16, &shorts);
    all_reads("", 16, &longs);
}

static void own_regions_several_slots(void)
{
    all_reads("", 16, &chains);
}

static void one_region(void)
{
    all_reads("@5", 16, &longs);
    all_reads("@5", 16, &chains);
}

static void answered(void)
{
    all_reads("", 16, &answers);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"each read of a turn, regions of their own", own_regions},
        {"each read of a turn, packets of several slots", own_regions_several_slots},
        {"each read of a turn, both ports in one region", one_region},
        {"each read of a turn, packets that are answered", answered},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
