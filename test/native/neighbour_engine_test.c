/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * neighbour_engine_test.c - a neighbour spoils single words of the rings of engines that run: pkt-gen's roles go on, a bad
 * slot costs what is put there once, and nothing is denied that rules allow.
 */
#include "engine/worker.h"
#include "engine_rig.h"
#include "rules/rules.h"

/* The port that an engine opened: what a neighbour maps, too. */
static struct nv_port *port_of(const struct nv_engine *e)
{
    return e->worker[0].port;
}

static struct nv_rules *allow_all(void)
{
    struct nv_rules_params params = nv_rules_default_params();
    struct nv_rules *rules = NULL;
    struct nv_error err = {0};

    CHECK(nv_rules_create(&params, &rules, &err) == 0, "%s", err.message);
    return rules;
}

/* Indices of no buffer in some tx slots of a sender, with rules or without: each costs a packet, and no more. */
static void bad_indices(bool with_rules)
{
    world_new();
    struct nv_rules *rules = allow_all();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "vale0:a");
    plan.rules = with_rules ? rules : NULL;
    plan.traffic.prepare = NV_PREPARE_EACH;
    struct nv_port *sink = open_port("vale0:b");
    struct nv_engine *e = start(&plan);
    struct netmap_ring *tx = nv_txring(port_of(e), 0);

    CHECK(reaches(e, NV_STAT_PACKETS, 5000));
    for (unsigned i = 0; i < 8; i++)
        __atomic_store_n(&tx->slot[100 * i].buf_idx, 0xfffffff0 + i, __ATOMIC_RELAXED);
    uint64_t from = stat_of(e, NV_STAT_PACKETS);
    CHECK(reaches(e, NV_STAT_PACKETS, from + 50000));
    CHECK(stat_of(e, NV_STAT_DENIED) == 0, "%lu denied", (unsigned long)stat_of(e, NV_STAT_DENIED));
    struct nv_port_stats stats;
    nv_stats(port_of(e), &stats);
    CHECK(stats.drops[NV_DROP_BAD_SLOT] >= 1 && stats.drops[NV_DROP_BAD_SLOT] <= 8, "%lu bad slots",
          (unsigned long)stats.drops[NV_DROP_BAD_SLOT]);
    nv_engine_stop(e);
    CHECK(finishes(e));
    join(e);
    nv_engine_free(e);
    nv_close(sink);
    nv_rules_destroy(rules);
    world_end();
}

static void bad_indices_plain(void)
{
    bad_indices(false);
}

static void bad_indices_with_rules(void)
{
    bad_indices(true);
}

/* Impossible heads for both rings of an engine's port, again and again. */
static void spoil_heads(struct nv_engine *e, unsigned times)
{
    struct nv_ring_range range = nv_rings(port_of(e));

    for (unsigned i = 0; i < times && !nv_engine_done(e); i++) {
        struct netmap_ring *ring = i & 1 ? nv_txring(port_of(e), range.first_tx) : nv_rxring(port_of(e), range.first_rx);
        __atomic_store_n(i & 2 ? &ring->head : &ring->cur, 0x7fffffff, __ATOMIC_RELAXED);
        usleep(200);
    }
}

static void heads(enum nv_role near_role, enum nv_role far_role)
{
    world_new();
    struct nv_plan a = plan_of(near_role, "vale0:a"), b = plan_of(far_role, "vale0:b");
    a.rate = near_role == NV_ROLE_PING ? 0 : 100000;
    a.timeout_ns = NV_SECOND / 50;
    struct nv_engine *far = start(&b), *near = start(&a);

    CHECK(reaches(near, NV_STAT_PACKETS, 100));
    spoil_heads(near, 300);
    spoil_heads(far, 300);
    CHECK(!nv_engine_done(near) && !nv_engine_done(far), "%s and %s go on", nv_role_name(near_role),
          nv_role_name(far_role));
    uint64_t before = stat_of(far, NV_STAT_PACKETS);
    CHECK(reaches(far, NV_STAT_PACKETS, before + 1000), "%s gets nothing any more", nv_role_name(far_role));
    struct nv_port_stats stats;
    nv_stats(port_of(far), &stats);
    CHECK(stats.ring_resets > 0, "nothing was spoilt");
    nv_engine_stop(near);
    nv_engine_stop(far);
    CHECK(finishes(near) && finishes(far));
    join(near);
    join(far);
    nv_engine_free(near);
    nv_engine_free(far);
    world_end();
}

static void heads_of_all_roles(void)
{
    heads(NV_ROLE_TX, NV_ROLE_RX);
    heads(NV_ROLE_TXSEQ, NV_ROLE_RXSEQ);
    heads(NV_ROLE_PING, NV_ROLE_PONG);
    heads(NV_ROLE_TX, NV_ROLE_PONG);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"indices of no buffer under a sender", bad_indices_plain},
        {"indices of no buffer under a sender with rules", bad_indices_with_rules},
        {"impossible heads under all roles", heads_of_all_roles},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
