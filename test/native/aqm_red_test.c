/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aqm_red_test.c - RED and gentle RED: the average, how often packets are dropped at a given average, marks in place of
 * drops, and the decay while the queue is empty.
 */
#include "aqm_rig.h"

static const struct emu_red usual = {.weight = 1, /* the average is the length */
                                     .max_probability = 0.1,
                                     .min_threshold = 10,
                                     .max_threshold = 20,
                                     .average_packet = 512,
                                     .max_packet = 1500};

static struct aqm_rig *open_red(struct emu_red red, uint64_t seed)
{
    union emu_aqm_params params = {.red = red};
    return aqm_rig_open(red.gentle ? &emu_aqm_gred : &emu_aqm_red, &params, seed);
}

/* Fill the queue to `length` packets without management. */
static void fill(struct aqm_rig *r, unsigned length, uint32_t bytes)
{
    const struct emu_aqm_ops *ops = r->flow.management;
    static const struct emu_aqm_ops none;
    r->flow.management = &none;
    while (r->flow.packets < length)
        aqm_rig_put(r, bytes, 0, 0);
    r->flow.management = ops;
}

/*
 * At a constant length: the gaps between drops are spread evenly over 1..1/p (Floyd, Jacobson 1993, section 7, method
 * 2): a gap is longer than k with probability 1 - k p. Four standard errors are allowed.
 */
static void drops_at(struct emu_red red, unsigned length, uint32_t bytes, double p, uint64_t seed)
{
    enum { ARRIVALS = 40000 };
    struct aqm_rig *r = open_red(red, seed);
    uint64_t drops = 0, gap = 0, longest_gap = 0;
    fill(r, length, bytes);
    for (unsigned i = 0; i < ARRIVALS; i++) {
        gap++;
        if (aqm_rig_put(r, bytes, 0, i) == EMU_AQM_DROP) {
            if (drops++ && gap > longest_gap) /* the first gap is one longer */
                longest_gap = gap;
            gap = 0;
        } else {
            aqm_rig_get(r, i);
        }
    }
    if (p == 0 || p >= 1) {
        CHECK(drops >= (p == 0 ? 0 : ARRIVALS - 1) && drops <= (p == 0 ? 0 : ARRIVALS), "%lu drops", drops);
    } else {
        double mean = 0, square = 0;
        for (unsigned k = 0; k * p < 1; k++) {
            mean += 1 - k * p;
            square += (2 * k + 1) * (1 - k * p);
        }
        double variance = square - mean * mean;
        double expected = ARRIVALS / mean, error = sqrt(ARRIVALS * variance / (mean * mean * mean));
        CHECK(fabs((double)drops - expected) < 4 * error + 2, "length %u, p %g: %lu drops, %g expected, error %g",
              length, p, drops, expected, error);
        CHECK((double)longest_gap <= 1 / p + 1, "gap of %lu, p %g", longest_gap, p);
    }
    free(r);
}

static void red_probability(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        drops_at(usual, 9, 1000, 0, seed);
        drops_at(usual, 10, 1000, 0, seed);
        drops_at(usual, 12, 1000, 0.02, seed);
        drops_at(usual, 15, 1000, 0.05, seed);
        drops_at(usual, 19, 1000, 0.09, seed);
        drops_at(usual, 20, 1000, 1, seed);
    }
}

static void gred_probability(void)
{
    struct emu_red red = usual;
    red.gentle = true;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        drops_at(red, 15, 1000, 0.05, seed);
        drops_at(red, 20, 1000, 0.1, seed);
        drops_at(red, 25, 1000, 0.1 + 0.9 * 0.25, seed);
        drops_at(red, 30, 1000, 0.1 + 0.9 * 0.5, seed);
        drops_at(red, 40, 1000, 1, seed);
    }
}

/* Limits in bytes: thresholds in bytes, and short packets are dropped less. */
static void red_in_bytes(void)
{
    struct emu_red red = usual;
    red.bytes = true;
    red.min_threshold = 10000;
    red.max_threshold = 20000;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        drops_at(red, 15, 1000, 0.05 * 1000 / 1500, seed);
        drops_at(red, 60, 250, 0.05 * 250 / 1500, seed);
        drops_at(red, 10, 1500, 0.05, seed);
    }
}

/* With ecn the same packets are marked that would be dropped; those that cannot be marked are dropped. */
static void red_marks(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct emu_red red = usual;
        struct aqm_rig *plain = open_red(red, seed), *ecn;
        red.ecn = true;
        ecn = open_red(red, seed);
        struct aqm_rig *mixed = open_red(red, seed);
        fill(plain, 16, 1000);
        fill(ecn, 16, 1000);
        fill(mixed, 16, 1000);
        for (unsigned i = 0; i < 5000; i++) {
            bool drop = aqm_rig_put(plain, 1000, NV_EMU_ECT, i) == EMU_AQM_DROP;
            enum emu_aqm_verdict marked = aqm_rig_put(ecn, 1000, NV_EMU_ECT, i);
            enum emu_aqm_verdict either = aqm_rig_put(mixed, 1000, i % 2 ? NV_EMU_ECT : 0, i);
            CHECK(marked == (drop ? EMU_AQM_MARK : EMU_AQM_KEEP));
            CHECK(either == (!drop ? EMU_AQM_KEEP : i % 2 ? EMU_AQM_MARK : EMU_AQM_DROP));
            if (!drop)
                aqm_rig_get(plain, i);
            aqm_rig_get(ecn, i);
            if (either != EMU_AQM_DROP)
                aqm_rig_get(mixed, i);
        }
        CHECK(plain->dropped_in > 300 && ecn->dropped_in == 0 && mixed->dropped_in > 100);
        free(plain);
        free(ecn);
        free(mixed);
    }
}

/* The average follows the length by its weight: with 1/4 from 0 at length 16 it passes 10 at the fourth arrival. */
static void red_average(void)
{
    struct emu_red red = usual;
    red.weight = 0.25;
    red.max_threshold = 10.000001;
    struct aqm_rig *r = open_red(red, 1);
    fill(r, 16, 1000);
    for (unsigned i = 1; i <= 6; i++) {
        double average = 16 * (1 - pow(0.75, i));
        enum emu_aqm_verdict verdict = aqm_rig_put(r, 1000, 0, i);
        CHECK(verdict == (average > 10.000001 ? EMU_AQM_DROP : EMU_AQM_KEEP), "arrival %u, average %g", i, average);
        if (verdict == EMU_AQM_KEEP)
            aqm_rig_get(r, i);
    }
    free(r);
}

/* Empty for so long as 512 bytes take to leave n times, the average has decayed by (1 - weight)^n. */
static void red_idle(void)
{
    for (unsigned n = 0; n <= 8; n++) {
        struct emu_red red = usual;
        red.weight = 0.25;
        red.bandwidth = 4096 * 1000; /* 512 bytes a millisecond */
        red.max_threshold = 20;
        struct aqm_rig *r = open_red(red, 1);
        fill(r, 30, 1000);
        uint64_t now = 0;
        double average = 0;
        for (unsigned i = 0; i < 4; i++) { /* the length stays: what arrives is taken, or dropped */
            average += (30 - average) / 4;
            if (aqm_rig_put(r, 1000, 0, ++now) == EMU_AQM_KEEP)
                aqm_rig_get(r, now);
        }
        while (r->flow.packets)
            aqm_rig_get(r, ++now);
        now += n * MS;
        average *= pow(0.75, n);
        enum emu_aqm_verdict verdict = aqm_rig_put(r, 1000, 0, now);
        CHECK(verdict == (average >= 20 ? EMU_AQM_DROP : EMU_AQM_KEEP), "idle for %u packets: average %g", n, average);
        free(r);
    }
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        {"red: drops as often as the average asks for", red_probability},
        {"gred: drops as often as the average asks for", gred_probability},
        {"red: limits in bytes", red_in_bytes},
        {"red: marks the packets it would drop", red_marks},
        {"red: the average", red_average},
        {"red: the average after an idle time", red_idle},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
