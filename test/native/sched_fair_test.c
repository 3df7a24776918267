/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched_fair_test.c - how fair the schedulers are: WF2Q+ and QFQ against a fluid server with random weights, lengths
 * and arrivals, the rounds of RR, the levels of PRIO.
 *
 * In bytes instead of seconds: a server of constant rate that is busy sends a byte a unit of time.
 */
#include "sched_rig.h"

struct source {
    uint32_t weight, longest; /* bytes of its longest packet */
    double share;             /* weight/sum of weights */
};

/* QFQ: weights that add up to 1024 at least. */
static double random_sources(struct rig *r, struct source *sources, unsigned flows, uint32_t most_bytes, bool fixed)
{
    double sum = 0;
    uint32_t longest = 0;
    for (unsigned i = 0; i < flows; i++) {
        sources[i].weight = 1 + rig_dice(r, rig_dice(r, 2) ? 100 : 3);
        if (r->ops == &emu_sched_qfq)
            sources[i].weight *= 512;
        sources[i].longest = fixed ? most_bytes : 64 + rig_dice(r, most_bytes - 63);
        sum += sources[i].weight;
    }
    for (unsigned i = 0; i < flows; i++) {
        sources[i].share = sources[i].weight / sum;
        if (sources[i].longest > longest)
            longest = sources[i].longest;
    }
    return longest;
}

static uint32_t random_length(struct rig *r, const struct source *s)
{
    return rig_dice(r, 3) ? s->longest : 1 + rig_dice(r, s->longest);
}

/* All queues are backlogged from the beginning: what each has had is never further from the fluid server than a bound.
 */
static void backlogged(const struct emu_sched_ops *ops, uint64_t seed, uint32_t most_bytes, uint32_t lmax,
                       double behind_own, double ahead_own, double behind_longest)
{
    struct rig *r = rig_open(ops, NULL, seed);
    struct source sources[RIG_FLOWS];
    unsigned flows = 2 + rig_dice(r, seed % 4 ? 8 : RIG_FLOWS - 2);
    double longest = random_sources(r, sources, flows, most_bytes, false);

    for (unsigned i = 0; i < flows; i++) {
        rig_join(r, i, sources[i].weight, lmax ? lmax : sources[i].longest);
        for (unsigned p = 0; p < 3; p++)
            rig_put(r, i, random_length(r, &sources[i]));
    }
    for (unsigned step = 0; step < 20000; step++) {
        int flow = rig_get(r, NULL);
        rig_put(r, (unsigned)flow, random_length(r, &sources[flow]));
        for (unsigned i = 0; i < flows; i++) {
            double lead = (double)r->sent[i] - sources[i].share * (double)r->total;
            double own = sources[i].longest > lmax ? sources[i].longest : lmax;
            CHECK(lead >= -behind_own * own - behind_longest * longest && lead <= ahead_own * own + 1,
                  "%s seed %lu: flow %u of %u, share %g, longest %g of %g: %g bytes ahead", ops->name,
                  (unsigned long)seed, i, flows, sources[i].share, own, longest, lead);
        }
    }
    rig_close(r);
}

/* WF2Q (1996): never more than a packet behind the fluid server, and of the own packets never more than one ahead. */
static void wf2q_follows_fluid(void)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        backlogged(&emu_sched_wf2q, seed, seed % 3 ? 1500 : 9000, 0, 1, 1, 1);
}

/* QFQ (2013): slots are less than twice the own longest packet, and a queue is within three of them. */
static void qfq_follows_fluid(void)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        backlogged(&emu_sched_qfq, seed, 1500, 0, 6, 6, 1);
}

/* The same bound where packets are up to six times as long as lmax says: it holds for their true length. */
static void qfq_jumbo_frames(void)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        backlogged(&emu_sched_qfq, seed, 9000, 1500, 6, 6, 1);
}

/*
 * Sources that come and go. Worst-case fairness (Bennett, Zhang 1996): while a queue is backlogged it gets its share of
 * all that is sent, less a constant, from any instant on. `allowance` gives the constant.
 */
typedef double allowance_fn(const struct source *sources, unsigned flows, unsigned flow, double longest);

static void on_and_off(const struct emu_sched_ops *ops, uint64_t seed, allowance_fn *allowance)
{
    struct rig *r = rig_open(ops, NULL, seed);
    struct source sources[RIG_FLOWS];
    unsigned flows = 2 + rig_dice(r, seed % 4 ? 6 : 30);
    double longest = random_sources(r, sources, flows, 1500, seed % 2), best[RIG_FLOWS] = {0};

    for (unsigned i = 0; i < flows; i++)
        rig_join(r, i, sources[i].weight, sources[i].longest);
    for (unsigned step = 0; step < 40000; step++) {
        /* Flow 0 is always backlogged; flow 1 comes back the instant it is served; the rest send bursts. */
        for (unsigned i = 0; i < flows; i++) {
            bool was_empty = r->flows[i].packets == 0;
            unsigned burst = i == 0 ? (unsigned)(r->flows[i].packets < 2) : i == 1 ? was_empty : 0;
            if (i > 1 && rig_dice(r, 40) == 0 && r->flows[i].packets < 50)
                burst = 1 + rig_dice(r, 30);
            for (; burst > 0; burst--)
                rig_put(r, i, random_length(r, &sources[i]));
            if (was_empty)
                best[i] = -1e18; /* a new busy period */
        }
        for (unsigned i = 0; i < flows; i++) {
            double lead = (double)r->sent[i] - sources[i].share * (double)r->total;
            if (r->flows[i].packets == 0)
                continue;
            if (lead > best[i])
                best[i] = lead;
            double allowed = allowance(sources, flows, i, longest);
            CHECK(best[i] - lead <= allowed, "%s seed %lu: flow %u of %u, share %g: %g bytes behind, %g allowed",
                  ops->name, (unsigned long)seed, i, flows, sources[i].share, best[i] - lead, allowed);
        }
        rig_get(r, NULL);
    }
    rig_close(r);
}

/* WF2Q+ (1997), theorem 2, and a packet for instants that are not between packets. */
static double wf2q_allowance(const struct source *sources, unsigned flows, unsigned flow, double longest)
{
    (void)flows;
    return sources[flow].longest + 2 * longest;
}

/* What others may have taken beyond their share (SLACK in qfq.c, and three slots), and the own three slots. */
static double qfq_allowance(const struct source *sources, unsigned flows, unsigned flow, double longest)
{
    double others = 0;
    for (unsigned i = 0; i < flows; i++)
        if (i != flow)
            others += (16 + 6) * sources[i].longest;
    return others + 6 * sources[flow].longest + longest;
}

static void wf2q_worst_case(void)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        on_and_off(&emu_sched_wf2q, seed, wf2q_allowance);
}

static void qfq_worst_case(void)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        on_and_off(&emu_sched_qfq, seed, qfq_allowance);
}

/*
 * Random arrivals, WF2Q+ against servers of their own: packet k of a queue that had share * rate for itself would be
 * finished at F_k = max(arrival, F_k-1) + length/share; it leaves by then, or the time of a longest packet later.
 */
static void wf2q_delay(void)
{
    enum { DEPTH = 256 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rig *r = rig_open(&emu_sched_wf2q, NULL, seed);
        struct source sources[RIG_FLOWS];
        unsigned flows = 2 + rig_dice(r, 10);
        double longest = random_sources(r, sources, flows, 1500, false);
        double(*finish)[DEPTH] = calloc(flows, sizeof(*finish)), last[RIG_FLOWS] = {0}, now = 0;
        uint32_t put[RIG_FLOWS] = {0}, got[RIG_FLOWS] = {0};

        for (unsigned i = 0; i < flows; i++)
            rig_join(r, i, sources[i].weight, 1500);
        for (unsigned step = 0; step < 20000; step++) {
            unsigned i = rig_dice(r, flows);
            for (unsigned burst = rig_dice(r, 3) ? 0 : rig_dice(r, 5); burst > 0 && put[i] - got[i] < DEPTH - 1;
                 burst--) {
                uint32_t length = random_length(r, &sources[i]);
                rig_put(r, i, length);
                last[i] = (last[i] > now ? last[i] : now) + length / sources[i].share;
                finish[i][put[i]++ % DEPTH] = last[i];
            }
            uint32_t length;
            int flow = rig_get(r, &length);
            if (flow < 0) {
                now += 1 + rig_dice(r, 3000); /* idle */
                continue;
            }
            now += length;
            double due = finish[flow][got[flow]++ % DEPTH];
            CHECK(now <= due + longest + 1, "seed %lu: %g later than due, longest %g", (unsigned long)seed, now - due,
                  longest);
        }
        free(finish);
        rig_close(r);
    }
}

/* Backlogged queues of RR: in bytes over quantum they are never further apart than one round and a packet each. */
static void rr_rounds(void)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct rig *r = rig_open(&emu_sched_rr, NULL, seed);
        struct source sources[RIG_FLOWS];
        unsigned flows = 2 + rig_dice(r, 10);
        double quantum[RIG_FLOWS];
        random_sources(r, sources, flows, seed % 3 ? 1500 : 9000, false);
        for (unsigned i = 0; i < flows; i++) {
            uint32_t lmax = 64 + rig_dice(r, 1985);
            quantum[i] = (double)sources[i].weight * lmax;
            rig_join(r, i, sources[i].weight, lmax);
            for (unsigned p = 0; p < 3; p++)
                rig_put(r, i, random_length(r, &sources[i]));
        }
        for (unsigned step = 0; step < 20000; step++) {
            int flow = rig_get(r, NULL);
            rig_put(r, (unsigned)flow, random_length(r, &sources[flow]));
            for (unsigned i = 1; i < flows; i++) {
                double rounds[2] = {(double)r->sent[0] / quantum[0], (double)r->sent[i] / quantum[i]};
                double apart = rounds[0] > rounds[1] ? rounds[0] - rounds[1] : rounds[1] - rounds[0];
                CHECK(apart <= 1 + sources[0].longest / quantum[0] + sources[i].longest / quantum[i],
                      "seed %lu: %g rounds apart", (unsigned long)seed, apart);
            }
        }
        rig_close(r);
    }
}

/* A round of RR, by hand: weights 1 and 3 with a quantum of 1000, packets of 500. */
static void rr_by_hand(void)
{
    struct rig *r = rig_open(&emu_sched_rr, NULL, 1);
    rig_join(r, 0, 1, 1000);
    rig_join(r, 1, 3, 1000);
    for (unsigned i = 0; i < 20; i++) {
        rig_put(r, 0, 500);
        rig_put(r, 1, 500);
    }
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < 8; i++)
            CHECK(rig_get(r, NULL) == (i < 2 ? 0 : 1), "round %u, packet %u", round, i);
    rig_close(r);
}

/* The least level that has packets is served; within it the packet that came first. */
static void prio_is_strict(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rig *r = rig_open(&emu_sched_prio, NULL, seed);
        unsigned flows = 2 + rig_dice(r, RIG_FLOWS - 2);
        r->order = (uint32_t)(0 - rig_dice(r, 5000)); /* the count of arrivals wraps */
        for (unsigned i = 0; i < flows; i++)
            rig_join(r, i, rig_dice(r, seed % 2 ? 64 : 3), 1500);
        for (unsigned step = 0; step < 20000; step++) {
            if (rig_dice(r, 2) && r->waiting < 500)
                rig_put(r, rig_dice(r, flows), 64);
            if (rig_dice(r, 2) == 0) {
                int best = -1;
                for (unsigned i = 0; i < flows; i++) {
                    const struct emu_flow *f = &r->flows[i], *b = best < 0 ? NULL : &r->flows[best];
                    if (f->packets &&
                        (!b || f->share.weight < b->share.weight ||
                         (f->share.weight == b->share.weight && (int32_t)(f->head->order - b->head->order) < 0)))
                        best = (int)i;
                }
                memset(r->last_order, 0, sizeof(r->last_order));
                CHECK(rig_get(r, NULL) == best);
            }
        }
        memset(r->last_order, 0, sizeof(r->last_order));
        while (rig_get(r, NULL) >= 0)
            memset(r->last_order, 0, sizeof(r->last_order));
        rig_close(r);
    }
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        {"wf2q+: within a packet of the fluid server", wf2q_follows_fluid},
        {"wf2q+: worst-case fairness under random arrivals", wf2q_worst_case},
        {"wf2q+: no packet later than a server of its own would have it, but for one packet", wf2q_delay},
        {"qfq: within three slots of the fluid server", qfq_follows_fluid},
        {"qfq: the same for packets longer than lmax", qfq_jumbo_frames},
        {"qfq: worst-case fairness under random arrivals", qfq_worst_case},
        {"rr: rounds in proportion to weight times lmax", rr_rounds},
        {"rr: a round by hand", rr_by_hand},
        {"prio: strict, and in order within a level", prio_is_strict},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
