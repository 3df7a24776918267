/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aqm_pie_test.c - PIE: random traffic against a model of RFC 8033 with a timer that fires every t_update, the steps of
 * the probability by hand, the burst allowance, marks, derandomization, and on and off.
 */
#include "aqm_rig.h"

static const struct emu_pie usual = {.target_ns = 15 * MS,
                                     .update_ns = 15 * MS,
                                     .max_burst_ns = 150 * MS,
                                     .alpha = 0.125,
                                     .beta = 1.25,
                                     .max_ecn = 0.1,
                                     .cap_drop = true,
                                     .derandomize = true,
                                     .limit = 300};

static struct aqm_rig *open_pie(struct emu_pie pie, uint64_t seed)
{
    union emu_aqm_params params = {.pie = pie};
    return aqm_rig_open(&emu_aqm_pie, &params, seed);
}

/* ---- the model: what the RFC's timer and its functions do ----------------------------------------- */

struct model {
    struct emu_pie pie;
    bool active, measuring;
    double drop_prob, accu_prob;
    double qdelay, qdelay_old, burst_allowance; /* seconds */
    double avg_dq_time;                         /* seconds a byte */
    uint64_t timer_ns, measured_from_ns;
    double measured;
};

static double seconds(uint64_t ns)
{
    return (double)ns * 1e-9;
}

static void model_start(struct model *m, uint64_t now)
{
    struct emu_pie pie = m->pie;
    *m = (struct model){.pie = pie, .active = true, .measuring = true, .timer_ns = now + pie.update_ns};
    m->measured_from_ns = now;
    m->burst_allowance = seconds(pie.max_burst_ns);
}

static void model_timer(struct model *m, const struct emu_flow *flow)
{
    if (m->pie.departure_rate)
        m->qdelay = floor((double)flow->bytes * m->avg_dq_time * 1e9) * 1e-9;
    else if (flow->packets == 0)
        m->qdelay = 0;
    double p = m->pie.alpha * (m->qdelay - seconds(m->pie.target_ns)) + m->pie.beta * (m->qdelay - m->qdelay_old);
    if (m->drop_prob < 0.000001)
        p /= 2048;
    else if (m->drop_prob < 0.00001)
        p /= 512;
    else if (m->drop_prob < 0.0001)
        p /= 128;
    else if (m->drop_prob < 0.001)
        p /= 32;
    else if (m->drop_prob < 0.01)
        p /= 8;
    else if (m->drop_prob < 0.1)
        p /= 2;
    if (m->pie.cap_drop && m->drop_prob >= 0.1 && p > 0.02)
        p = 0.02;
    m->drop_prob += p;
    if (m->qdelay == 0 && m->qdelay_old == 0)
        m->drop_prob *= 0.98;
    m->drop_prob = fmin(1, fmax(0, m->drop_prob));
    m->qdelay_old = m->qdelay;
    m->burst_allowance = fmax(0, m->burst_allowance - seconds(m->pie.update_ns));
    if (m->burst_allowance < 1e-9)
        m->burst_allowance = 0;
}

static double uniform(struct nv_random *random)
{
    return (double)(nv_random_next(random) >> 11) / 9007199254740992.0;
}

/* Whether the RFC drops this arrival. random: a copy of the generator that the algorithm has. */
static bool model_arrive(struct model *m, const struct emu_flow *flow, uint64_t now, struct nv_random *random)
{
    bool drop = false;
    if (m->active && m->burst_allowance == 0 &&
        !((m->qdelay_old < seconds(m->pie.target_ns) / 2 && m->drop_prob < 0.2) || flow->bytes <= 1600)) {
        if (m->drop_prob == 0)
            m->accu_prob = 0;
        m->accu_prob += m->drop_prob;
        if (!m->pie.derandomize)
            drop = uniform(random) < m->drop_prob;
        else if (m->accu_prob >= 8.5)
            drop = true;
        else if (m->accu_prob >= 0.85)
            drop = uniform(random) < m->drop_prob;
        if (drop)
            m->accu_prob = 0;
    }
    double half = seconds(m->pie.target_ns) / 2;
    if (!m->active) {
        if (!m->pie.on_off || flow->packets >= m->pie.limit / 3)
            model_start(m, now);
    } else if (m->drop_prob == 0 && m->qdelay < half && m->qdelay_old < half) {
        m->burst_allowance = seconds(m->pie.max_burst_ns);
        if (m->pie.on_off && flow->packets == 0)
            m->active = false;
    }
    return drop;
}

static void model_depart(struct model *m, const struct emu_flow *flow, const struct nv_emu_packet *packet, uint64_t now)
{
    if (!m->active)
        return;
    if (!m->pie.departure_rate) {
        m->qdelay = seconds(now - packet->time_ns);
        return;
    }
    if (m->measuring && (m->measured += packet->length) >= 16384) {
        double sample = seconds(now - m->measured_from_ns) / m->measured;
        m->avg_dq_time = m->avg_dq_time == 0 ? sample : 0.75 * m->avg_dq_time + 0.25 * sample;
        m->measuring = false;
    }
    if (!m->measuring && flow->bytes >= 16384) {
        m->measuring = true;
        m->measured = 0;
        m->measured_from_ns = now;
    }
}

/* Overload, rest and idle times at random; the model's timer fires in between. */
static void follows(struct emu_pie pie, uint64_t seed, uint64_t *drops)
{
    struct aqm_rig *r = open_pie(pie, seed);
    struct model m = {.pie = pie};
    struct nv_random traffic, copy;
    uint64_t now = 1;
    unsigned load = 100, wrong = 0;
    nv_random_seed(&traffic, seed, 3);
    for (unsigned step = 0; step < 40000; step++) {
        uint32_t dice = (uint32_t)(nv_random_next(&traffic) >> 32);
        now += nv_random_scale(dice, 2 * MS);
        if (dice % 2000 == 0)
            load = dice / 2000 % 180; /* per cent */
        if (dice % 5000 == 1)
            now += nv_random_scale(dice * 3, 4000 * MS);
        for (; m.active && m.timer_ns <= now; m.timer_ns += pie.update_ns)
            model_timer(&m, &r->flow);
        for (unsigned i = dice / 7 % 200; i < load && r->flow.packets < 300; i += 100) {
            copy = r->random;
            struct emu_flow before = r->flow;
            bool expected = model_arrive(&m, &before, now, &copy);
            bool dropped = aqm_rig_put(r, 64 + dice / 11 % 1437, 0, now) == EMU_AQM_DROP;
            wrong += dropped != expected;
            CHECK(memcmp(&copy, &r->random, sizeof(copy)) == 0 || wrong);
        }
        struct nv_emu_packet *packet = aqm_rig_get(r, now);
        if (packet)
            model_depart(&m, &r->flow, packet, now);
    }
    /* Sums of doubles in another unit may differ in their last bit, and a decision with them: hardly ever. */
    CHECK(wrong == 0, "seed %lu: %u decisions differ from the model's", (unsigned long)seed, wrong);
    *drops += r->dropped_in;
    free(r);
}

static void as_the_text_says(void)
{
    uint64_t drops = 0;
    for (unsigned variant = 0; variant < 16; variant++) {
        struct emu_pie pie = usual;
        pie.departure_rate = variant & 1;
        pie.on_off = variant & 2;
        pie.derandomize = !(variant & 4);
        pie.cap_drop = !(variant & 8);
        pie.max_burst_ns = variant % 3 ? 150 * MS : 30 * MS;
        follows(pie, variant + 1, &drops);
    }
    CHECK(drops > 1000, "%lu drops are not worth the name of a test", drops);
}

/* A queue of n packets of 1000 bytes; each millisecond one leaves and `rate` arrive. Returns the drops. */
static uint64_t overload(struct aqm_rig *r, uint64_t from_ms, uint64_t to_ms, double rate, uint8_t flags)
{
    double owed = 0;
    uint64_t before = r->dropped_in;
    for (uint64_t ms = from_ms; ms < to_ms; ms++) {
        for (owed += rate; owed >= 1; owed--)
            if (r->flow.packets < 10000)
                aqm_rig_put(r, 1000, flags, ms * MS);
        aqm_rig_get(r, ms * MS);
    }
    return r->dropped_in - before;
}

/* Nothing is dropped before the burst allowance has been used up, whatever the delay. */
static void burst_allowance(void)
{
    struct emu_pie pie = usual;
    for (unsigned derandomize = 0; derandomize < 2; derandomize++) {
        pie.derandomize = derandomize;
        struct aqm_rig *r = open_pie(pie, 1);
        CHECK(overload(r, 1, 1 + 150, 4, 0) == 0); /* PIE begins at 1 ms: ten steps of 15 ms */
        CHECK(overload(r, 151, 1000, 4, 0) > 0);
        free(r);
    }
}

/* A source that does not slow down, 1.5 times the rate: in the end a third is dropped and packets wait for target. */
static void holds_target(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (unsigned departure_rate = 0; departure_rate < 2; departure_rate++) {
            struct emu_pie pie = usual;
            pie.departure_rate = departure_rate;
            struct aqm_rig *r = open_pie(pie, seed);
            overload(r, 1, 30000, 1.5, 0);
            double drops = (double)overload(r, 30000, 60000, 1.5, 0) / 45000, delay = 0;
            for (uint64_t ms = 60000; ms < 70000; ms++) {
                overload(r, ms, ms + 1, 1 + (double)(ms % 2), 0);
                delay += (double)r->flow.packets / 10000;
            }
            CHECK(fabs(drops - 1.0 / 3) < 0.02, "%g dropped", drops);
            CHECK(delay > 8 && delay < 25, "%g ms", delay);
            free(r);
        }
}

/* While the probability is below max_ecn what can be marked is marked; above it is dropped, too. */
static void marks(void)
{
    struct emu_pie pie = usual;
    pie.ecn = true;
    struct aqm_rig *r = open_pie(pie, 1);
    overload(r, 1, 20000, 1.05, NV_EMU_ECT); /* marks do not slow it, so the probability rises past 0.1 */
    CHECK(r->marked > 10 && r->dropped_in > 10, "%lu marked, %lu dropped", r->marked, r->dropped_in);
    free(r);
    pie.max_ecn = 1.1;
    r = open_pie(pie, 1);
    overload(r, 1, 5000, 1.05, NV_EMU_ECT);
    CHECK(r->marked > 10 && r->dropped_in == 0);
    free(r);
}

/* Derandomized: between drops the probabilities add up to 0.85 at least and 8.5 at most. */
static void derandomized_gaps(void)
{
    struct aqm_rig *r = open_pie(usual, 5);
    unsigned shortest = 1000000, gap = 0;
    overload(r, 1, 30000, 1.25, 0); /* settles at a probability of 1/5 */
    for (uint64_t ms = 30000; ms < 60000; ms++)
        for (unsigned i = 0; i < 5; i++) {
            gap++;
            if (aqm_rig_put(r, 1000, 0, ms * MS + i * MS / 5) == EMU_AQM_DROP) {
                if (gap < shortest)
                    shortest = gap;
                gap = 0;
            }
            if (i < 4)
                aqm_rig_get(r, ms * MS + i * MS / 5);
        }
    CHECK(r->dropped_in > 1000 && shortest >= 2, "shortest gap %u", shortest);
    free(r);
}

/* on_off: PIE sleeps until the queue is a third full, and again when it has been empty. */
static void on_and_off(void)
{
    struct emu_pie pie = usual;
    pie.on_off = true;
    pie.max_burst_ns = 0;
    struct aqm_rig *r = open_pie(pie, 1);
    for (unsigned i = 0; i < 99; i++)
        aqm_rig_put(r, 1000, 0, MS);
    CHECK(overload(r, 2, 30000, 1, 0) == 0); /* 99 packets, a delay of 99 ms, for ever */
    aqm_rig_put(r, 1000, 0, 30000 * MS);     /* finds 99 */
    aqm_rig_put(r, 1000, 0, 30000 * MS);     /* finds 100: it begins */
    CHECK(overload(r, 30001, 40000, 1, 0) > 0);
    for (uint64_t ms = 40000; r->flow.packets; ms++)
        aqm_rig_get(r, ms * MS);
    aqm_rig_put(r, 1000, 0, 90000 * MS); /* after a rest: it stops */
    uint64_t before = r->dropped_in;
    for (unsigned i = 0; i < 98; i++)
        aqm_rig_put(r, 1000, 0, 90000 * MS);
    CHECK(overload(r, 90001, 100000, 1, 0) == 0 && r->dropped_in == before);
    free(r);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        {"pie: random traffic, as RFC 8033 says", as_the_text_says},
        {"pie: a burst is allowed", burst_allowance},
        {"pie: holds the target", holds_target},
        {"pie: marks below max_ecn", marks},
        {"pie: derandomized drops keep apart", derandomized_gaps},
        {"pie: on and off", on_and_off},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
