/* SPDX-License-Identifier: BSD-2-Clause */
/* emulation_link_test.c - links against their closed forms: delay, bandwidth, burst, limits, profile, masks, order. */
#include "emulation_harness.h"

static void delay_is_exact(void)
{
    struct world w;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.delay_ns = 12345678}, (struct nv_emu_flowset){0}, (struct nv_emu_mask){0});
    for (unsigned i = 0; i < 1000; i++)
        CHECK(world_send(&w, i * 1001, 1, 60, NULL) == NV_EMU_DROP_NONE);
    for (unsigned i = 0; i < 1000; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        CHECK(packet && packet->cookie == i && packet->time_ns == i * 1001 + 12345678);
    }
    CHECK(world_next(&w) == NULL);
    world_close(&w);
}

/* n packets of l bytes at once leave at ceil(k * l * 8e9 / B) + delay, k = 1..n, without any error that adds up. */
static void bandwidth_holds(uint64_t bandwidth, uint32_t length)
{
    struct world w;
    const unsigned count = 20000;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = bandwidth, .delay_ns = 777},
               (struct nv_emu_flowset){.limit = count}, (struct nv_emu_mask){0});
    for (unsigned i = 0; i < count; i++)
        CHECK(world_send(&w, 1000, 1, length, NULL) == NV_EMU_DROP_NONE);
    for (unsigned k = 1; k <= count; k++) {
        struct nv_emu_packet *packet = world_next(&w);
        unsigned __int128 bits = (unsigned __int128)k * length * 8 * NS_PER_S;
        uint64_t want = (uint64_t)((bits + bandwidth - 1) / bandwidth) + 1000 + 777;
        CHECK(packet && packet->time_ns == want, "%u: %llu, not %llu", k,
              packet ? (unsigned long long)packet->time_ns : 0, (unsigned long long)want);
        if (check_failed)
            break;
    }
    world_close(&w);
}

static void bandwidth_is_exact(void)
{
    static const uint64_t rates[] = {1,
                                     7,
                                     56001,
                                     1000000,
                                     3333333,
                                     UINT64_C(999999999),
                                     UINT64_C(4294967296),
                                     UINT64_C(10000000000),
                                     UINT64_C(400000000000),
                                     UINT64_C(1) << 50};
    for (unsigned i = 0; i < sizeof rates / sizeof *rates; i++) {
        bandwidth_holds(rates[i], 60);
        bandwidth_holds(rates[i], 1514);
    }
}

/* Packets that come when the link is idle wait for nobody. */
static void idle_link_starts_at_arrival(void)
{
    struct world w;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 1000000}, (struct nv_emu_flowset){0}, (struct nv_emu_mask){0});
    for (unsigned i = 0; i < 100; i++) {
        uint64_t now = i * 20 * NS_PER_MS;
        world_send(&w, now, 1, 1250, NULL);
        struct nv_emu_packet *packet = world_next(&w);
        CHECK(packet && packet->time_ns == now + 10 * NS_PER_MS);
    }
    world_close(&w);
}

/* The packet in service has left the queue: `limit` wait and one is on the air. */
static void slots_overflow(void)
{
    struct world w;
    unsigned taken = 0;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 1000000}, (struct nv_emu_flowset){.limit = 5},
               (struct nv_emu_mask){0});
    for (unsigned i = 0; i < 20; i++)
        taken += world_send(&w, 0, 1, 1000, NULL) == NV_EMU_DROP_NONE;
    CHECK(taken == 6, "%u", taken);
    CHECK(world_send(&w, 8 * NS_PER_MS - 1, 1, 1000, NULL) == NV_EMU_DROP_QUEUE_FULL);
    CHECK(world_send(&w, 8 * NS_PER_MS, 1, 1000, NULL) == NV_EMU_DROP_NONE);
    CHECK(world_send(&w, 8 * NS_PER_MS, 1, 1000, NULL) == NV_EMU_DROP_QUEUE_FULL);
    world_close(&w);
    CHECK(w.totals.drops[NV_EMU_DROP_QUEUE_FULL] == 16);
}

/* 3072 bytes hold four packets of 1000: what waits is compared before the packet is added. */
static void bytes_overflow(void)
{
    struct world w;
    unsigned taken = 0;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 1000000},
               (struct nv_emu_flowset){.limit = 3072, .limit_kind = NV_EMU_BYTES}, (struct nv_emu_mask){0});
    for (unsigned i = 0; i < 20; i++)
        taken += world_send(&w, 0, 1, 1000, NULL) == NV_EMU_DROP_NONE;
    CHECK(taken == 5, "%u", taken);
    world_close(&w);
}

/* 20 ms at 1 Mbit/s are 2500 bytes. */
static void time_overflows(void)
{
    struct world w;
    unsigned taken = 0;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 1000000},
               (struct nv_emu_flowset){.limit = 20 * NS_PER_MS, .limit_kind = NV_EMU_TIME}, (struct nv_emu_mask){0});
    for (unsigned i = 0; i < 20; i++)
        taken += world_send(&w, 0, 1, 1000, NULL) == NV_EMU_DROP_NONE;
    CHECK(taken == 1 + 3, "%u", taken);
    world_close(&w);
}

/* After enough rest 10000 bytes go at once, the rest at the bandwidth; half the rest earns half of it. */
static void burst_is_credit(void)
{
    struct world w;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 1000000, .burst_bytes = 10000},
               (struct nv_emu_flowset){.limit = 100}, (struct nv_emu_mask){0});
    uint64_t start = NS_PER_S;
    for (unsigned i = 0; i < 20; i++)
        world_send(&w, start, 1, 1250, NULL);
    for (unsigned i = 0; i < 20; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        uint64_t want = i < 8 ? start : start + (i - 7) * 10 * NS_PER_MS;
        CHECK(packet && packet->time_ns == want, "%u: %llu", i, packet ? (unsigned long long)packet->time_ns : 0);
    }
    start += 120 * NS_PER_MS + 40 * NS_PER_MS; /* idle for 40 ms: 5000 bytes */
    for (unsigned i = 0; i < 6; i++)
        world_send(&w, start, 1, 1250, NULL);
    for (unsigned i = 0; i < 6; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        uint64_t want = i < 4 ? start : start + (i - 3) * 10 * NS_PER_MS;
        CHECK(packet && packet->time_ns == want, "%u: %llu", i, packet ? (unsigned long long)packet->time_ns : 0);
    }
    world_close(&w);
}

/* Credit that a packet leaves is the next one's, whenever it comes: a burst in one instant is no other than one drawn
 * out. */
static void burst_is_kept(void)
{
    struct world w;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 200000, .burst_bytes = 1600},
               (struct nv_emu_flowset){.limit = 100}, (struct nv_emu_mask){0});
    for (uint64_t start = NS_PER_S; start < 30 * NS_PER_S; start += 10 * NS_PER_S) {
        uint64_t gone[12];
        for (unsigned i = 0; i < 12; i++) { /* 8 ms each at the bandwidth */
            struct nv_emu_packet *packet = NULL;
            world_send(&w, start + i * 12000, 1, 200, NULL);
            if (i < 8 && nv_emu_release(w.emu, start + i * 12000, &packet, 1) == 1)
                gone[i] = packet->time_ns;
            CHECK(i >= 8 || packet, "%u waits", i);
        }
        for (unsigned i = 8; i < 12; i++)
            gone[i] = world_next(&w)->time_ns;
        for (unsigned i = 0; i < 12; i++) {
            uint64_t want = start + (i < 8 ? i * 12000 : (i - 7) * 8 * NS_PER_MS);
            CHECK(gone[i] == want, "%u: %llu", i, (unsigned long long)(gone[i] - start));
        }
    }
    /* at the bandwidth it lasts for ever, and is not used up */
    for (unsigned i = 0; i < 100; i++) {
        uint64_t at = 40 * NS_PER_S + i * 8 * NS_PER_MS;
        world_send(&w, at, 1, 200, NULL);
        CHECK(world_next(&w)->time_ns == at);
    }
    world_close(&w);
}

/* A link made by a mask does not go, to come back with a full burst, before it has earned one. */
static void burst_is_not_renewed_by_a_mask(void)
{
    struct world w;
    struct nv_emu_key one = world_key(1, 1), other = world_key(2, 1);
    world_open(&w, 1);
    /* 8000 bytes are 16 s; masked queues go after 10 s */
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 4000, .burst_bytes = 8000},
               (struct nv_emu_flowset){.limit = 100}, (struct nv_emu_mask){.src4 = UINT32_MAX});
    uint64_t at = 100 * NS_PER_S;
    for (unsigned i = 0; i < 8; i++)
        world_send(&w, at, 1, 1000, &one);
    for (unsigned i = 0; i < 8; i++)
        CHECK(world_next(&w)->time_ns == at);
    for (unsigned i = 1; i < 12; i++) { /* another flow, so that queues are looked at */
        struct nv_emu_packet *packet;
        world_send(&w, at + i * NS_PER_S, 1, 1, &other);
        while (nv_emu_release(w.emu, at + i * NS_PER_S, &packet, 1) == 1)
            ;
    }
    at += 12 * NS_PER_S; /* 6000 bytes */
    for (unsigned i = 0; i < 8; i++)
        world_send(&w, at, 1, 1000, &one);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t want = i < 6 ? at : at + (i - 5) * 2 * NS_PER_S, seen = world_next(&w)->time_ns;
        CHECK(seen == want, "%u: %llu", i, (unsigned long long)(seen - at));
    }
    world_close(&w);
}

/* Extra air time holds up those behind; packets above the loss level are lost after it. */
static void profile_takes_air(void)
{
    struct world w;
    uint64_t samples[4] = {NS_PER_MS, 2 * NS_PER_MS, 3 * NS_PER_MS, 4 * NS_PER_MS};
    world_open(&w, 3);
    world_pipe(
        &w, 1,
        (struct nv_emu_link){.bandwidth = 1000000, .profile_ns = samples, .profile_count = 4, .profile_loss_level = 3},
        (struct nv_emu_flowset){.limit = 10000}, (struct nv_emu_mask){0});
    uint64_t last = 0;
    unsigned lost = 0, seen[4] = {0};
    for (unsigned i = 0; i < 4000; i++)
        world_send(&w, 0, 1, 125, NULL);
    for (unsigned i = 0; i < 4000; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        uint64_t air = packet->time_ns - last - NS_PER_MS;
        CHECK(air % NS_PER_MS == 0 && air >= NS_PER_MS && air <= 4 * NS_PER_MS);
        CHECK((packet->drop == NV_EMU_DROP_PROFILE) == (air == 4 * NS_PER_MS));
        seen[air / NS_PER_MS - 1]++;
        lost += packet->drop == NV_EMU_DROP_PROFILE;
        last = packet->time_ns;
    }
    for (unsigned i = 0; i < 4; i++)
        CHECK(seen[i] > 880 && seen[i] < 1120, "%u", seen[i]);
    world_close(&w);
    CHECK(w.totals.drops[NV_EMU_DROP_PROFILE] == lost);
}

/* Each source has a link of its own: nobody waits for another. */
static void mask_makes_links(void)
{
    struct world w;
    const unsigned sources = 300;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 1000000, .delay_ns = 5}, (struct nv_emu_flowset){.limit = 10},
               (struct nv_emu_mask){.src4 = 0xffffffff});
    CHECK(nv_emu_wants_key(w.emu, NV_EMU_PIPE, 1));
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < sources; i++) {
            struct nv_emu_key key = world_key(0x0a010000 + i, (uint16_t)(round + 1));
            CHECK(world_send(&w, i, 1, 1250, &key) == NV_EMU_DROP_NONE);
        }
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < sources; i++) {
            struct nv_emu_packet *packet = world_next(&w);
            CHECK(packet && packet->cookie == round * sources + i &&
                  packet->time_ns == i + (round + 1) * 10 * NS_PER_MS + 5);
        }
    struct nv_emu_totals totals;
    nv_emu_get_totals(w.emu, &totals);
    CHECK(totals.links == sources && totals.flows == sources);
    world_close(&w);
}

static int sum_flow(void *arg, const struct nv_emu_flow_info *flow)
{
    *(uint64_t *)arg += flow->total_packets;
    return 0;
}

/* Idle links go; what they counted stays. */
static void masks_expire(void)
{
    struct world w;
    struct nv_emu_packet *out[1];
    uint64_t sum = 0;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.delay_ns = 5}, (struct nv_emu_flowset){0},
               (struct nv_emu_mask){.src4 = 0xffffffff});
    for (unsigned i = 0; i < 1000; i++) {
        struct nv_emu_key key = world_key(i, 1);
        world_send(&w, i, 1, 100, &key);
    }
    while (world_next(&w))
        ;
    for (unsigned i = 0; i < 1000; i++)
        nv_emu_release(w.emu, 20 * NS_PER_S + i, out, 1);
    struct nv_emu_totals totals;
    nv_emu_get_totals(w.emu, &totals);
    CHECK(totals.links == 0 && totals.flows == 0, "%llu %llu", (unsigned long long)totals.links,
          (unsigned long long)totals.flows);
    CHECK(nv_emu_flows(w.emu, NV_EMU_PIPE, 1, sum_flow, &sum) == 1);
    CHECK(sum == 1000);
    world_close(&w);
}

static void missing_pipe_drops(void)
{
    struct world w;
    world_open(&w, 1);
    CHECK(world_send(&w, 0, 7, 100, NULL) == NV_EMU_DROP_NO_PIPE);
    CHECK(world_send(&w, 0, 70000, 100, NULL) == NV_EMU_DROP_NO_PIPE);
    world_pipe(&w, 7, (struct nv_emu_link){.delay_ns = 5}, (struct nv_emu_flowset){0}, (struct nv_emu_mask){0});
    CHECK(world_send(&w, 0, 7, 100, NULL) == NV_EMU_DROP_NONE);
    CHECK(nv_emu_delete(w.emu, NV_EMU_PIPE, 7, NULL) == 0);
    CHECK(nv_emu_delete(w.emu, NV_EMU_PIPE, 7, NULL) < 0);
    struct nv_emu_packet *packet = world_next(&w);
    CHECK(packet && packet->drop == NV_EMU_DROP_DELETED);
    CHECK(world_send(&w, 0, 7, 100, NULL) == NV_EMU_DROP_NO_PIPE);
    world_close(&w);
}

/* Order is kept when the delay is lowered, and packets on their way keep their departure. */
static void lower_delay_keeps_order(void)
{
    struct world w;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.delay_ns = 1000}, (struct nv_emu_flowset){0}, (struct nv_emu_mask){0});
    world_send(&w, 0, 1, 100, NULL);
    world_pipe(&w, 1, (struct nv_emu_link){.delay_ns = 10}, (struct nv_emu_flowset){0}, (struct nv_emu_mask){0});
    world_send(&w, 1, 1, 100, NULL);
    world_send(&w, 995, 1, 100, NULL);
    static const uint64_t want[] = {1000, 1000, 1005};
    for (unsigned i = 0; i < 3; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        CHECK(packet && packet->cookie == i && packet->time_ns == want[i]);
    }
    world_close(&w);
}

/* More bandwidth takes effect for what waits. */
static void bandwidth_changes_live(void)
{
    struct world w;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 1000000}, (struct nv_emu_flowset){0}, (struct nv_emu_mask){0});
    for (unsigned i = 0; i < 10; i++)
        world_send(&w, 0, 1, 1250, NULL);
    for (unsigned i = 0; i < 3; i++)
        world_next(&w); /* at 10, 20, 30 ms */
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = 10000000}, (struct nv_emu_flowset){0}, (struct nv_emu_mask){0});
    for (unsigned i = 3; i < 10; i++) {
        struct nv_emu_packet *packet = world_next(&w);
        uint64_t want = (40 + (i - 3)) * NS_PER_MS;
        CHECK(packet && packet->cookie == i && packet->time_ns == want, "%llu",
              packet ? (unsigned long long)packet->time_ns : 0);
    }
    world_close(&w);
}

static void count_one(void *arg)
{
    ++*(unsigned *)arg;
}

static void changes_are_told(void)
{
    const struct nv_emu_link link = {.delay_ns = NS_PER_S};
    const struct nv_emu_flowset set = {0};
    const struct nv_emu_sched sched = {.type = NV_EMU_RR};
    struct world w;
    unsigned told = 0;

    world_open(&w, 1);
    nv_emu_set_changed(w.emu, count_one, &told);
    CHECK(nv_emu_pipe_config(w.emu, 1, &link, &set, NULL, NULL) == 0 && told == 1);
    CHECK(nv_emu_sched_config(w.emu, 1, &sched, NULL, NULL) == 0 && told == 2);
    CHECK(nv_emu_queue_config(w.emu, 1, 1, &set, NULL) == 0 && told == 3);
    world_send(&w, 0, 1, 100, NULL);
    CHECK(told == 3); /* packets are no change */
    CHECK(nv_emu_delete(w.emu, NV_EMU_PIPE, 1, NULL) == 0 && told == 4);
    CHECK(nv_emu_next(w.emu) == 0); /* its packet is lost at once: who sleeps must know */
    nv_emu_flush(w.emu);
    CHECK(told == 5);
    nv_emu_set_changed(w.emu, NULL, NULL);
    nv_emu_flush(w.emu);
    CHECK(told == 5);
    world_close(&w);
}

static void loss_rates(void)
{
    struct world w;
    unsigned lost[3] = {0};
    world_open(&w, 42);
    world_pipe(&w, 1, (struct nv_emu_link){0}, (struct nv_emu_flowset){.plr = 0.1}, (struct nv_emu_mask){0});
    world_pipe(&w, 2, (struct nv_emu_link){0}, (struct nv_emu_flowset){.plr = 1}, (struct nv_emu_mask){0});
    world_pipe(&w, 3, (struct nv_emu_link){0},
               (struct nv_emu_flowset){.gilbert = true, .good = 0, .to_bad = 0.01, .bad = 1, .to_good = 0.09},
               (struct nv_emu_mask){0});
    for (unsigned pipe = 1; pipe <= 3; pipe++)
        for (unsigned i = 0; i < 40000; i++) {
            struct nv_emu_packet *out;
            lost[pipe - 1] += world_send(&w, i, pipe, 60, NULL) == (pipe < 3 ? NV_EMU_DROP_PLR : NV_EMU_DROP_GEMODEL);
            nv_emu_release(w.emu, i, &out, 1);
        }
    CHECK(lost[0] > 3700 && lost[0] < 4300, "%u", lost[0]); /* 5 deviations of 60 */
    CHECK(lost[1] == 40000, "%u", lost[1]);
    CHECK(lost[2] > 3000 && lost[2] < 5000, "%u", lost[2]); /* one in ten, in bursts of 11 */
    world_close(&w);
}

/*
 * Ten seconds at 1 Gbit/s through 100 ms, in heaps of 1,000 packets, with the queue that emulate gives such a link,
 * twice the product of the two: nothing is lost, and each leaves behind the one before it.
 */
static void full_link_loses_nothing(void)
{
    enum { LENGTH = 1514, HEAP = 1000, HEAPS = 825, TAKEN = POOL / 2 };
    const uint64_t each = UINT64_C(8) * LENGTH; /* ns on the link */
    struct world w;
    uint64_t left = 0, wrong = 0;
    world_open(&w, 1);
    world_pipe(&w, 1, (struct nv_emu_link){.bandwidth = NS_PER_S, .delay_ns = 100 * NS_PER_MS},
               (struct nv_emu_flowset){.limit = 25000000, .limit_kind = NV_EMU_BYTES}, (struct nv_emu_mask){0});
    for (uint64_t heap = 0; heap < HEAPS + 20; heap++) { /* the last ones only let it run empty */
        struct nv_emu_packet *out[64];
        uint64_t now = heap * HEAP * each;
        unsigned count;
        for (unsigned i = 0; heap < HEAPS && i < HEAP; i++) {
            if (w.used == TAKEN)
                w.used = 0; /* those records have come back long ago */
            wrong += world_send(&w, now, 1, LENGTH, NULL) != NV_EMU_DROP_NONE;
        }
        while ((count = nv_emu_release(w.emu, now, out, 64)) > 0)
            for (unsigned i = 0; i < count; i++)
                wrong += out[i]->drop || out[i]->time_ns != ++left * each + 100 * NS_PER_MS;
    }
    CHECK(wrong == 0 && left == HEAPS * HEAP, "%llu of %llu", (unsigned long long)wrong, (unsigned long long)left);
    world_close(&w);
}

static const struct check_test tests[] = {
    {"delay_is_exact", delay_is_exact},
    {"bandwidth_is_exact", bandwidth_is_exact},
    {"idle_link_starts_at_arrival", idle_link_starts_at_arrival},
    {"slots_overflow", slots_overflow},
    {"bytes_overflow", bytes_overflow},
    {"time_overflows", time_overflows},
    {"burst_is_credit", burst_is_credit},
    {"burst_is_kept", burst_is_kept},
    {"burst_is_not_renewed_by_a_mask", burst_is_not_renewed_by_a_mask},
    {"profile_takes_air", profile_takes_air},
    {"mask_makes_links", mask_makes_links},
    {"masks_expire", masks_expire},
    {"missing_pipe_drops", missing_pipe_drops},
    {"lower_delay_keeps_order", lower_delay_keeps_order},
    {"bandwidth_changes_live", bandwidth_changes_live},
    {"changes_are_told", changes_are_told},
    {"loss_rates", loss_rates},
    {"full_link_loses_nothing", full_link_loses_nothing},
};

int main(int argc, char **argv)
{
    return check_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
