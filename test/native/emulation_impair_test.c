/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation_impair_test.c - impairments of links: what each does, in which measure, and that a seed repeats it. */
#include <math.h>

#include "emulation_harness.h"

static const struct nv_emu_flowset roomy = {.limit = 1 << 20};
static const struct nv_emu_mask no_mask;

/* A link with nothing but this. */
static void world_impaired(struct world *world, struct nv_emu_link link)
{
    world_pipe(world, 1, link, roomy, no_mask);
}

/* Packets 1 ms apart; mean and deviation of what they wait. order: departures must not swap. */
static void measure(struct world *world, unsigned count, bool order, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    uint64_t last = 0;
    for (unsigned i = 0; i < count; i++)
        world_send(world, i * NS_PER_S, 1, 100, NULL);
    for (unsigned i = 0; i < count; i++) {
        struct nv_emu_packet *packet = world_next(world);
        double waited = (double)packet->time_ns - (double)packet->cookie * (double)NS_PER_S;
        CHECK(waited >= 0);
        CHECK(!order || packet->cookie == i);
        CHECK(packet->time_ns >= last);
        last = packet->time_ns;
        sum += waited;
        squares += waited * waited;
    }
    *mean = sum / count;
    *deviation = sqrt(squares / count - *mean * *mean);
}

static void jitter_is(enum nv_emu_jitter kind, double deviation, double tolerance)
{
    struct world w;
    double mean, seen;
    static const int16_t table[] = {-8192, 8192};
    world_open(&w, 5);
    world_impaired(&w, (struct nv_emu_link){.delay_ns = 100 * NS_PER_MS,
                                            .impair = {.jitter = (uint8_t)kind,
                                                       .jitter_ns = 10 * NS_PER_MS,
                                                       .jitter_table = table,
                                                       .jitter_count = 2}});
    measure(&w, 20000, true, &mean, &seen);
    CHECK(fabs(mean / 1e6 - 100) < 0.5, "%d: %f", kind, mean / 1e6);
    CHECK(fabs(seen / 1e6 - deviation) < tolerance, "%d: %f", kind, seen / 1e6);
    world_close(&w);
}

static void jitter_has_its_distribution(void)
{
    jitter_is(NV_EMU_JITTER_UNIFORM, 10 / sqrt(3), 0.2);
    jitter_is(NV_EMU_JITTER_NORMAL, 10, 0.3);
    jitter_is(NV_EMU_JITTER_PARETO, 10 * 4.0 / 3 * sqrt(0.75), 3); /* variance of shape 3: 3/4; heavy tail */
    jitter_is(NV_EMU_JITTER_TABLE, 10, 0.01);
}

/* Packets close together: jitter alone keeps their order, with reorders they overtake. */
static void order_is_a_choice(void)
{
    for (unsigned reorders = 0; reorders < 2; reorders++) {
        struct world w;
        unsigned swapped = 0;
        uint64_t last_cookie = 0, last = 0;
        world_open(&w, 5);
        world_impaired(
            &w, (struct nv_emu_link){
                    .delay_ns = 10 * NS_PER_MS,
                    .impair = {.jitter = NV_EMU_JITTER_UNIFORM, .jitter_ns = 10 * NS_PER_MS, .reorders = reorders}});
        for (unsigned i = 0; i < 5000; i++)
            world_send(&w, i * 1000, 1, 100, NULL);
        for (unsigned i = 0; i < 5000; i++) {
            struct nv_emu_packet *packet = world_next(&w);
            CHECK(packet->time_ns >= last && packet->time_ns >= packet->cookie * 1000);
            swapped += packet->cookie < last_cookie;
            last = packet->time_ns;
            last_cookie = packet->cookie;
        }
        CHECK(reorders ? swapped > 1000 : swapped == 0, "%u", swapped);
        world_close(&w);
    }
}

/* Every fifth packet skips the delay. */
static void reorder_by_gap(void)
{
    struct world w;
    world_open(&w, 5);
    world_impaired(&w, (struct nv_emu_link){.delay_ns = NS_PER_MS, .impair = {.reorder = 1, .reorder_gap = 5}});
    for (unsigned i = 0; i < 50; i++)
        world_send(&w, i * 10, 1, 100, NULL);
    for (unsigned i = 0; i < 50; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        uint64_t sent = packet->cookie * 10;
        CHECK(packet->time_ns == (packet->cookie % 5 == 4 ? sent : sent + NS_PER_MS));
    }
    CHECK(world_next(&w) == NULL);
    world_close(&w);
    CHECK(w.totals.reordered == 10, "%llu", (unsigned long long)w.totals.reordered);
}

static void duplicates_and_corruption(void)
{
    struct world w;
    unsigned copies = 0, corrupt = 0, total = 0;
    struct nv_emu_packet *packet;
    world_open(&w, 5);
    world_impaired(&w, (struct nv_emu_link){.delay_ns = 1, .impair = {.duplicate = 0.25, .corrupt = 0.1}});
    for (unsigned i = 0; i < 20000; i++)
        world_send(&w, i, 1, 100, NULL);
    while ((packet = world_next(&w))) {
        total++;
        copies += (packet->flags & NV_EMU_COPY) != 0;
        if (packet->flags & NV_EMU_CORRUPT) {
            corrupt++;
            CHECK(packet->corrupt_bit < 800);
        }
    }
    CHECK(total == 20000 + copies);
    CHECK(copies > 4700 && copies < 5300, "%u", copies);
    CHECK(corrupt > 2250 && corrupt < 2750, "%u", corrupt);
    world_close(&w);
    CHECK(w.totals.duplicated == copies && w.totals.corrupted == corrupt);
}

/* Lost packets of `count`; which[i] tells for each when not NULL. */
static unsigned lost_of(struct nv_emu_impairments impair, uint64_t seed, unsigned count, uint32_t length, char *which)
{
    struct world w;
    unsigned lost = 0;
    world_open(&w, seed);
    world_impaired(&w, (struct nv_emu_link){.impair = impair});
    for (unsigned i = 0; i < count; i++) {
        struct nv_emu_packet *out;
        enum nv_emu_drop why = world_send(&w, i, 1, length, NULL);
        bool gone = why != NV_EMU_DROP_NONE;
        CHECK(!gone || why == NV_EMU_DROP_LIST + (unsigned)(impair.loss - NV_EMU_LOSS_LIST), "%u", why);
        lost += gone;
        if (which)
            which[i] = gone ? '1' : '0';
        nv_emu_release(w.emu, i, &out, 1);
    }
    world_close(&w);
    CHECK(w.totals.drops[NV_EMU_DROP_LIST + (impair.loss - NV_EMU_LOSS_LIST)] == lost);
    return lost;
}

static void loss_patterns(void)
{
    static const uint64_t list[] = {1, 5, 6};
    char seen[13] = {0};
    lost_of((struct nv_emu_impairments){.loss = NV_EMU_LOSS_LIST, .loss_list = list, .loss_count = 3}, 1, 12, 60, seen);
    CHECK(strcmp(seen, "100011000000") == 0, "%s", seen);
    lost_of((struct nv_emu_impairments){.loss = NV_EMU_LOSS_BITS, .loss_bits = "01001", .loss_count = 5}, 1, 12, 60,
            seen);
    CHECK(strcmp(seen, "010010100101") == 0, "%s", seen);
}

static void loss_by_bit_errors(void)
{
    struct nv_emu_impairments impair = {.loss = NV_EMU_LOSS_BER, .bit_errors = 1e-5};
    for (uint32_t length = 60; length < 2000; length += 1454) {
        unsigned lost = lost_of(impair, 7, 60000, length, NULL);
        double p = 1 - pow(1 - 1e-5, 8.0 * length), want = 60000 * p, bound = 5 * sqrt(60000 * p * (1 - p));
        CHECK(fabs(lost - want) < bound, "%u bytes: %u, not %f", length, lost, want);
    }
}

/* Stationary loss rate of netem's four states, and bursts of loss without p32. */
static void loss_by_states(void)
{
    struct nv_emu_impairments impair = {.loss = NV_EMU_LOSS_MARKOV, .markov = {0.02, 0.25, 0, 1, 0}};
    static char seen[100001];
    unsigned bursts = 0, lost = lost_of(impair, 11, 100000, 60, seen);
    for (unsigned i = 1; i < 100000; i++)
        bursts += seen[i] == '1' && seen[i - 1] == '0';
    CHECK(fabs(lost / 100000.0 - 0.02 / 0.27) < 0.008, "%u", lost); /* p13 / (p13 + p31) */
    CHECK(fabs((double)lost / bursts - 4) < 0.4, "%f", (double)lost / bursts);
    impair.markov[4] = 0.1; /* and lone losses */
    CHECK(lost_of(impair, 11, 100000, 60, NULL) > lost + 5000);
}

/* ATM: 48 bytes of payload in cells of 53. */
static void cells_and_overhead(void)
{
    static const struct {
        uint32_t length;
        int32_t overhead;
        uint32_t cell, extra, cost;
    } cases[] = {
        {100, 0, 48, 5, 159}, {96, 0, 48, 5, 106}, {97, 8, 48, 5, 159}, {60, 24, 0, 0, 84}, {60, -100, 0, 0, 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        world_open(&w, 1);
        world_impaired(&w, (struct nv_emu_link){.bandwidth = 8000000,
                                                .impair = {.overhead = cases[i].overhead,
                                                           .cell_size = cases[i].cell,
                                                           .cell_overhead = cases[i].extra}});
        world_send(&w, 0, 1, cases[i].length, NULL);
        struct nv_emu_packet *packet = world_next(&w);
        CHECK(packet && packet->time_ns == cases[i].cost * 1000, "%u: %llu", i,
              packet ? (unsigned long long)packet->time_ns : 0);
        world_close(&w);
    }
}

/* Instants at 1, 1, 4 ms, then again from 4 ms on: the first packet begins the trace. */
static void trace_gives_instants(void)
{
    struct world w;
    static const uint64_t trace[] = {NS_PER_MS, NS_PER_MS, 4 * NS_PER_MS};
    static const uint64_t want[] = {1, 1, 1, 1, 4, 4, 5, 5, 5, 5}; /* 750 bytes: two an instant */
    world_open(&w, 1);
    world_impaired(&w, (struct nv_emu_link){.impair = {.trace_ns = trace, .trace_count = 3}});
    for (unsigned i = 0; i < 10; i++)
        world_send(&w, NS_PER_S, 1, 750, NULL);
    for (unsigned i = 0; i < 10; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        CHECK(packet && packet->time_ns == NS_PER_S + want[i] * NS_PER_MS, "%u: %llu", i,
              packet ? (unsigned long long)(packet->time_ns - NS_PER_S) : 0);
    }
    /* long after: a round is still 4 ms */
    world_send(&w, 1001 * NS_PER_S + 2 * NS_PER_MS, 1, 3000, NULL);
    struct nv_emu_packet *packet = world_next(&w);
    CHECK(packet && packet->time_ns == 1001 * NS_PER_S + 5 * NS_PER_MS, "%llu",
          packet ? (unsigned long long)(packet->time_ns - 1001 * NS_PER_S) : 0);
    world_close(&w);
}

/*
 * A full packet is one instant's, also the longest: with the MAC header of a frame, a VLAN tag, or as mahimahi's device
 * has it. One that is longer takes the next one, too.
 */
static void trace_carries_full_packets(void)
{
    static const uint64_t trace[] = {NS_PER_MS};
    static const struct {
        uint32_t mac, length, instants;
    } cases[] = {{0, 1500, 1},  {0, 1504, 1},  {0, 1505, 2},  {0, 3000, 2}, {14, 1514, 1},
                 {14, 1518, 1}, {14, 1519, 2}, {14, 9014, 6}, {14, 5, 1}};
    for (unsigned c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct world w;
        struct nv_emu_options options = {.seed = 1, .mac_bytes = cases[c].mac};
        uint64_t packets = cases[c].length == 5 ? 1 : 1000, last = 0;
        world_open(&w, 1);
        nv_emu_destroy(w.emu);
        CHECK(nv_emu_create(&options, &w.emu, NULL) == 0);
        world_impaired(&w, (struct nv_emu_link){.impair = {.trace_ns = trace, .trace_count = 1}});
        for (uint64_t i = 0; i < packets; i++)
            world_send(&w, NS_PER_S, 1, cases[c].length, NULL);
        for (uint64_t i = 0; i < packets; i++) {
            last = world_next(&w)->time_ns - NS_PER_S;
            CHECK(i > 0 || last == cases[c].instants * NS_PER_MS, "%u + %u: %llu", cases[c].mac, cases[c].length,
                  (unsigned long long)last);
        }
        bool whole = cases[c].length != 1505 && cases[c].length != 1519;
        CHECK(!whole || last == packets * cases[c].instants * NS_PER_MS, "%u + %u: %llu", cases[c].mac, cases[c].length,
              (unsigned long long)last);
        world_close(&w);
    }
}

/* After the end of a trace that runs once nothing passes, until the link is another. */
static void trace_ends(void)
{
    struct world w;
    static const uint64_t trace[] = {NS_PER_MS, 2 * NS_PER_MS};
    world_open(&w, 1);
    world_impaired(&w, (struct nv_emu_link){.impair = {.trace_ns = trace, .trace_count = 2, .trace_once = true}});
    for (unsigned i = 0; i < 4; i++)
        world_send(&w, 0, 1, 1500, NULL);
    for (unsigned i = 0; i < 2; i++)
        CHECK(world_next(&w)->time_ns == (i + 1) * NS_PER_MS);
    CHECK(world_next(&w) == NULL);
    struct nv_emu_packet *out;
    CHECK(nv_emu_release(w.emu, NS_PER_S, &out, 1) == 0);
    world_impaired(&w, (struct nv_emu_link){.delay_ns = 5});
    for (unsigned i = 2; i < 4; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        CHECK(packet && packet->cookie == i && packet->time_ns >= NS_PER_S && packet->time_ns <= NS_PER_S + 5);
    }
    world_close(&w);
}

/* Slots 10 ms apart carry two packets each. */
static void slots_gather(void)
{
    struct world w;
    world_open(&w, 1);
    world_impaired(&w,
                   (struct nv_emu_link){
                       .impair = {.slot_min_ns = 10 * NS_PER_MS, .slot_max_ns = 10 * NS_PER_MS, .slot_packets = 2}});
    for (unsigned i = 0; i < 10; i++)
        world_send(&w, i, 1, 100, NULL);
    uint64_t first = 0;
    for (unsigned i = 0; i < 10; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        if (i == 0)
            first = packet->time_ns;
        CHECK(packet->cookie == i && packet->time_ns - first >= i / 2 * 10 * NS_PER_MS);
        CHECK(packet->time_ns - first <= i / 2 * 10 * NS_PER_MS + 10);
    }
    CHECK(first >= 10 * NS_PER_MS && first <= 10 * NS_PER_MS + 10);
    world_close(&w);
}

/* Everything at once, twice: the same seed gives the same, another seed another. */
static uint64_t digest(uint64_t seed, double corrupt)
{
    struct world w;
    uint64_t sum = 0;
    struct nv_emu_packet *packet;
    world_open(&w, seed);
    world_pipe(&w, 1,
               (struct nv_emu_link){.bandwidth = 10000000,
                                    .delay_ns = 3 * NS_PER_MS,
                                    .impair = {.jitter = NV_EMU_JITTER_NORMAL,
                                               .jitter_ns = NS_PER_MS,
                                               .reorder = 0.1,
                                               .duplicate = 0.1,
                                               .corrupt = corrupt,
                                               .loss = NV_EMU_LOSS_MARKOV,
                                               .markov = {0.1, 0.3, 0.1, 0.5, 0.1}}},
               (struct nv_emu_flowset){.limit = 100, .plr = 0.05}, no_mask);
    for (unsigned i = 0; i < 3000; i++) {
        world_send(&w, i * 80000, 1, 100, NULL);
        if (i % 7 == 0 && (packet = world_next(&w)))
            sum = (sum ^ packet->time_ns) * 0x9e3779b97f4a7c15u;
    }
    while ((packet = world_next(&w)))
        sum = (sum ^ packet->time_ns ^ (uint64_t)packet->length << 40) * 0x9e3779b97f4a7c15u;
    world_close(&w);
    return sum;
}

static void seeds_repeat(void)
{
    uint64_t once = digest(1, 0);
    CHECK(digest(1, 0) == once);
    CHECK(digest(2, 0) != once);
    CHECK(digest(1, 0.5) == once); /* corruption draws from a generator of its own */
}

static void nonsense_is_refused(void)
{
    static const uint64_t falling[] = {5, 3}, nothing[] = {0};
    static const struct nv_emu_impairments wrong[] = {
        {.jitter = 9},
        {.jitter = NV_EMU_JITTER_TABLE},
        {.reorder = 1.5},
        {.duplicate = -0.1},
        {.corrupt = NAN},
        {.loss = 77},
        {.loss = NV_EMU_LOSS_LIST},
        {.loss = NV_EMU_LOSS_LIST, .loss_list = falling, .loss_count = 2},
        {.loss = NV_EMU_LOSS_BITS, .loss_bits = "012", .loss_count = 3},
        {.loss = NV_EMU_LOSS_MARKOV, .markov = {0.9, 0, 0, 0, 0.9}},
        {.loss = NV_EMU_LOSS_BER, .bit_errors = 2},
        {.overhead = 1 << 20},
        {.cell_overhead = 5},
        {.trace_ns = falling, .trace_count = 2},
        {.trace_ns = nothing, .trace_count = 1},
        {.slot_min_ns = 5, .slot_max_ns = 4},
        {.slot_packets = 5},
    };
    struct world w;
    world_open(&w, 1);
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct nv_emu_link link = {.impair = wrong[i]};
        struct nv_error error = {0};
        CHECK(nv_emu_pipe_config(w.emu, 1, &link, &roomy, NULL, &error) < 0 && error.message[0], "%u", i);
    }
    CHECK(world_send(&w, 0, 1, 60, NULL) == NV_EMU_DROP_NO_PIPE);
    world_close(&w);
}

static const struct check_test tests[] = {
    {"jitter_has_its_distribution", jitter_has_its_distribution},
    {"order_is_a_choice", order_is_a_choice},
    {"reorder_by_gap", reorder_by_gap},
    {"duplicates_and_corruption", duplicates_and_corruption},
    {"loss_patterns", loss_patterns},
    {"loss_by_bit_errors", loss_by_bit_errors},
    {"loss_by_states", loss_by_states},
    {"cells_and_overhead", cells_and_overhead},
    {"trace_gives_instants", trace_gives_instants},
    {"trace_carries_full_packets", trace_carries_full_packets},
    {"trace_ends", trace_ends},
    {"slots_gather", slots_gather},
    {"seeds_repeat", seeds_repeat},
    {"nonsense_is_refused", nonsense_is_refused},
};

int main(int argc, char **argv)
{
    return check_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
