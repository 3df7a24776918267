/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * emulation_random_test.c - properties under random configurations, reconfiguration and traffic: packets are conserved
 * and come back exactly once, in order of time, not before they could, and in their order where nothing reorders.
 */
#include <pthread.h>
#include <sched.h>

#include "emulation_harness.h"
#include "packet/random.h"

enum { PIPES = 4, QUEUES = 5, STEPS = 4000 };

static uint32_t below(struct nv_random *random, uint32_t span)
{
    return nv_random_scale((uint32_t)(nv_random_next(random) >> 32), span);
}

static bool one_in(struct nv_random *random, uint32_t n)
{
    return below(random, n) == 0;
}

static struct nv_emu_mask random_mask(struct nv_random *random)
{
    struct nv_emu_mask mask = {0};
    if (one_in(random, 2))
        return mask;
    mask.src4 = one_in(random, 2) ? 3 : 0;
    mask.src_port = one_in(random, 2) ? 7 : 0;
    mask.queue = one_in(random, 4);
    mask.src6[1] = one_in(random, 4) ? 1 : 0;
    return mask;
}

static struct nv_emu_link random_link(struct nv_random *random, bool reorders)
{
    static const uint64_t samples[] = {0, 1000, 50000}, trace[] = {1000000, 1000000, 3000000}, list[] = {3, 9, 10, 400};
    struct nv_emu_link link = {.delay_ns = one_in(random, 3) ? 0 : below(random, 5000000)};
    if (!one_in(random, 4))
        link.bandwidth = UINT64_C(1000) << below(random, 24);
    if (one_in(random, 3))
        link.burst_bytes = below(random, 20000);
    if (one_in(random, 5)) {
        link.profile_ns = samples;
        link.profile_count = 3;
        link.profile_loss_level = 1 + below(random, 3);
    }
    struct nv_emu_impairments *impair = &link.impair;
    if (one_in(random, 3)) {
        impair->jitter = (uint8_t)(1 + below(random, 3));
        impair->jitter_ns = below(random, 3000000);
    }
    if (reorders && one_in(random, 2)) {
        impair->reorders = true;
        impair->reorder = one_in(random, 2) ? 0.3 : 0;
    }
    impair->duplicate = one_in(random, 4) ? 0.2 : 0;
    impair->corrupt = one_in(random, 4) ? 0.2 : 0;
    if (one_in(random, 4)) {
        impair->loss = NV_EMU_LOSS_LIST;
        impair->loss_list = list;
        impair->loss_count = 4;
    } else if (one_in(random, 4)) {
        impair->loss = NV_EMU_LOSS_BITS;
        impair->loss_bits = "0001";
        impair->loss_count = 4;
    }
    if (one_in(random, 6)) {
        impair->trace_ns = trace;
        impair->trace_count = 3;
        impair->trace_once = one_in(random, 3);
    }
    if (one_in(random, 6)) {
        impair->slot_max_ns = 1 + below(random, 2000000);
        impair->slot_packets = below(random, 5);
    }
    if (one_in(random, 5))
        impair->overhead = (int32_t)below(random, 100) - 50;
    return link;
}

static struct nv_emu_flowset random_set(struct nv_random *random)
{
    struct nv_emu_flowset set = {.limit = below(random, 200),
                                 .limit_kind = (uint8_t)below(random, 3),
                                 .management = (uint8_t)below(random, 5),
                                 .no_error = one_in(random, 3),
                                 .weight = below(random, 12),
                                 .lmax = one_in(random, 2) ? 0 : below(random, 2000),
                                 .plr = one_in(random, 3) ? 0.1 : 0,
                                 .mask = random_mask(random)};
    if (set.limit_kind != NV_EMU_SLOTS)
        set.limit *= set.limit_kind == NV_EMU_BYTES ? 500 : 500000;
    set.red = (struct nv_emu_red){.weight = 0.1, .max_probability = 0.5, .min_threshold = 3, .max_threshold = 20};
    set.codel = (struct nv_emu_codel){.target_ns = 500000, .interval_ns = 5000000};
    set.pie = (struct nv_emu_pie){.target_ns = 500000,
                                  .update_ns = 500000,
                                  .alpha = 0.125,
                                  .beta = 1.25,
                                  .max_burst_ns = 1000000,
                                  .max_ecn = 0.1};
    set.red.ecn = set.codel.ecn = set.pie.ecn = one_in(random, 2);
    return set;
}

static struct nv_emu_sched random_sched(struct nv_random *random)
{
    return (struct nv_emu_sched){
        .type = (uint8_t)below(random, NV_EMU_SCHEDULERS),
        .mask = random_mask(random),
        .quantum = 300,
        .limit = 40,
        .flows = 16,
        .codel = {.target_ns = 500000, .interval_ns = 5000000},
        .pie = {.target_ns = 500000, .update_ns = 500000, .alpha = 0.125, .beta = 1.25, .max_burst_ns = 1000000},
    };
}

static void configure(struct nv_emu *emu, struct nv_random *random, bool reorders)
{
    unsigned number = 1 + below(random, PIPES);
    struct nv_emu_link link = random_link(random, reorders);
    struct nv_emu_flowset set = random_set(random);
    struct nv_emu_sched sched = random_sched(random);
    struct nv_emu_mask mask = random_mask(random);
    struct nv_error error = {0};
    int result = 0;
    switch (below(random, 8)) {
    case 0:
    case 1:
        result = nv_emu_pipe_config(emu, number, &link, &set, &mask, &error);
        break;
    case 2:
    case 3:
        result = nv_emu_sched_config(emu, number, &sched, one_in(random, 2) ? &link : NULL, &error);
        break;
    case 4:
    case 5:
        result = nv_emu_queue_config(emu, 1 + below(random, QUEUES), number, &set, &error);
        break;
    case 6:
        nv_emu_delete(emu, (enum nv_emu_kind)below(random, 3), 1 + below(random, QUEUES), NULL);
        break;
    default:
        if (one_in(random, 20))
            nv_emu_flush(emu);
    }
    CHECK(result == 0, "%s", error.message);
}

static int look(void *arg, const struct nv_emu_flow_info *info)
{
    *(uint64_t *)arg += info->packets;
    return 0;
}

static struct nv_emu_key random_key(struct nv_random *random)
{
    struct nv_emu_key key = world_key(below(random, 6), (uint16_t)below(random, 9));
    if (one_in(random, 4)) {
        key.family = 6;
        key.src[1] = below(random, 4);
    }
    return key;
}

/* What is known of each packet by its number. */
struct fate {
    uint64_t sent;
    bool taken, back;
};

static void check_back(struct fate *fates, struct nv_emu_packet **out, unsigned count, uint64_t now)
{
    for (unsigned i = 0; i < count; i++) {
        struct fate *fate = &fates[out[i]->cookie];
        CHECK(!fate->back && (fate->taken || out[i]->flags & NV_EMU_COPY), "%llu", (unsigned long long)out[i]->cookie);
        fate->back = true;
        CHECK(out[i]->time_ns <= now && out[i]->time_ns >= fate->sent);
        CHECK(out[i]->drop < NV_EMU_DROP_COUNT);
        if (i > 0)
            CHECK(out[i]->time_ns >= out[i - 1]->time_ns);
    }
}

static void play(uint64_t seed)
{
    struct world w;
    struct nv_random random;
    struct fate *fates = calloc(POOL, sizeof *fates);
    struct nv_emu_packet *out[64];
    uint64_t now = 0;
    world_open(&w, seed);
    nv_random_seed(&random, seed, 77);
    for (unsigned i = 0; i < 10; i++)
        configure(w.emu, &random, true);
    for (unsigned step = 0; step < STEPS && !check_failed; step++) {
        now += one_in(&random, 50) ? below(&random, 50000000) : below(&random, 300000);
        if (one_in(&random, 40))
            configure(w.emu, &random, true);
        for (unsigned i = below(&random, 8); i > 0; i--) {
            struct nv_emu_key key = random_key(&random);
            struct nv_emu_packet *packet = world_packet(&w, below(&random, 1515));
            packet->flags = one_in(&random, 2) ? NV_EMU_ECT : 0;
            fates[packet->cookie].sent = now;
            enum nv_emu_kind kind = (enum nv_emu_kind)below(&random, 2);
            struct fate *fate = &fates[packet->cookie];
            fate->taken = nv_emu_enqueue(w.emu, now, kind, 1 + below(&random, QUEUES), packet, &key) == 0;
        }
        unsigned count = nv_emu_release(w.emu, now, out, 1 + below(&random, 64));
        check_back(fates, out, count, now);
        if (one_in(&random, 100)) {
            uint64_t seen = 0;
            struct nv_emu_totals totals;
            nv_emu_links(w.emu, NV_EMU_PIPE, 0, look, &seen);
            nv_emu_links(w.emu, NV_EMU_SCHED, 0, look, &seen);
            nv_emu_get_totals(w.emu, &totals);
            CHECK(seen <= totals.waiting, "%llu > %llu", (unsigned long long)seen, (unsigned long long)totals.waiting);
        }
    }
    nv_emu_stop(w.emu, now);
    for (unsigned count; (count = nv_emu_release(w.emu, now, out, 64)) > 0;)
        check_back(fates, out, count, now);
    for (uint32_t i = 0; i < w.used; i++)
        CHECK(!fates[i].taken || fates[i].back, "%u never came back", i);
    world_close(&w);
    free(fates);
}

static void packets_are_conserved(void)
{
    const char *given = getenv("NETVALE_SEED");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1;
    for (uint64_t seed = first; seed < first + 30 && !check_failed; seed++) {
        play(seed);
        if (check_failed)
            printf("# seed %llu\n", (unsigned long long)seed);
    }
}

/* One pipe without masks keeps the order of packets through every change of its parameters. */
static void order_is_kept(void)
{
    for (uint64_t seed = 1; seed <= 30 && !check_failed; seed++) {
        struct world w;
        struct nv_random random;
        uint64_t last = 0, now = 0;
        bool any = false;
        world_open(&w, seed);
        nv_random_seed(&random, seed, 78);
        for (unsigned step = 0; step < 2000; step++) {
            struct nv_emu_packet *out[16];
            if (step % 100 == 0) {
                struct nv_emu_link link = random_link(&random, false);
                struct nv_emu_flowset set = random_set(&random);
                link.impair.duplicate = 0;
                set.mask = (struct nv_emu_mask){0};
                world_pipe(&w, 1, link, set, (struct nv_emu_mask){0});
            }
            now += below(&random, 200000);
            world_send(&w, now, 1, 40 + below(&random, 1400), NULL);
            unsigned count = nv_emu_release(w.emu, now, out, 16);
            for (unsigned i = 0; i < count; i++) {
                if (out[i]->drop)
                    continue;
                CHECK(!any || out[i]->cookie > last, "seed %llu: %llu behind %llu", (unsigned long long)seed,
                      (unsigned long long)out[i]->cookie, (unsigned long long)last);
                any = true;
                last = out[i]->cookie;
            }
        }
        world_close(&w);
    }
}

struct changer {
    struct nv_emu *emu;
    bool stop;
    unsigned changes;
};

static void *change(void *arg)
{
    struct changer *changer = arg;
    struct nv_random random;
    nv_random_seed(&random, 5, 5);
    while (!__atomic_load_n(&changer->stop, __ATOMIC_RELAXED)) {
        configure(changer->emu, &random, true);
        __atomic_fetch_add(&changer->changes, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Another thread changes everything while packets flow. */
static void changes_from_another_thread(void)
{
    struct world w;
    struct nv_random random;
    pthread_t thread;
    uint64_t now = 0;
    world_open(&w, 9);
    struct changer changer = {.emu = w.emu};
    nv_random_seed(&random, 9, 9);
    pthread_create(&thread, NULL, change, &changer);
    while (__atomic_load_n(&changer.changes, __ATOMIC_RELAXED) == 0)
        sched_yield(); /* on a busy machine it begins late */
    for (unsigned step = 0; step < 20000; step++) {
        struct nv_emu_packet *out[16];
        struct nv_emu_key key = random_key(&random);
        enum nv_emu_kind kind = (enum nv_emu_kind)below(&random, 2);
        now += below(&random, 100000);
        nv_emu_wants_key(w.emu, kind, 1);
        nv_emu_enqueue(w.emu, now, kind, 1 + below(&random, QUEUES), world_packet(&w, 100), &key);
        nv_emu_release(w.emu, now, out, 16);
    }
    __atomic_store_n(&changer.stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    CHECK(changer.changes > 0);
    world_close(&w);
}

static const struct check_test tests[] = {
    {"packets_are_conserved", packets_are_conserved},
    {"order_is_kept", order_is_kept},
    {"changes_from_another_thread", changes_from_another_thread},
};

int main(int argc, char **argv)
{
    return check_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
