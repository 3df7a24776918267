/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aqm_codel_test.c - CoDel: the times of drops in closed form, marks, and random traffic against a model that follows
 * the text of RFC 8289 sentence by sentence with a plain array for a queue.
 */
#include "aqm_rig.h"

static const struct emu_codel usual = {.target_ns = 5 * MS, .interval_ns = 100 * MS};

static struct aqm_rig *open_codel(struct emu_codel codel)
{
    union emu_aqm_params params = {.codel = codel};
    return aqm_rig_open(&emu_aqm_codel, &params, 1);
}

/*
 * A queue that is always 20 ms long, a packet a millisecond: nothing is dropped for an interval after the first packet
 * that has waited more than target; then drops are interval, interval/sqrt(2), interval/sqrt(3), ... apart, each at the
 * first packet that leaves after it is due.
 */
static void control_law(void)
{
    struct aqm_rig *r = open_codel(usual);
    uint64_t now = 0, drops = 0;
    double due = 0;
    for (unsigned i = 0; i < 20; i++)
        aqm_rig_put(r, 1000, 0, i * MS);
    for (unsigned i = 20; i < 5000; i++) {
        now = i * MS;
        aqm_rig_put(r, 1000, 0, now);
        uint64_t before = r->dropped_out;
        aqm_rig_get(r, now);
        bool dropped = r->dropped_out > before;
        if (drops == 0) {
            CHECK(dropped == (i == 20 + 100), "first drop at %u ms", i);
            due = (double)now;
        } else {
            CHECK(dropped == ((double)now >= due - 1), "drop %lu at %u ms, due %g", drops + 1, i, due / 1e6);
        }
        if (dropped) {
            CHECK(r->dropped_out == before + 1);
            due += (double)usual.interval_ns / sqrt((double)++drops);
            aqm_rig_put(r, 1000, 0, now - 20 * MS); /* keep it as long as it was */
        }
    }
    CHECK(drops > 500, "%lu drops", drops);
    free(r);
}

/* Short queues, and one packet however old, are left alone. */
static void leaves_short_queues_alone(void)
{
    struct aqm_rig *r = open_codel(usual);
    for (unsigned i = 0; i < 5000; i++) {
        aqm_rig_put(r, 1000, 0, i * MS);
        if (i >= 4)
            aqm_rig_get(r, i * MS); /* has waited 4 ms */
    }
    CHECK(r->dropped_out == 0);
    free(r);
    r = open_codel(usual);
    for (unsigned i = 0; i < 5000; i++) {
        aqm_rig_put(r, 1000, 0, i * 50 * MS);
        aqm_rig_get(r, i * 50 * MS + 40 * MS);
    }
    CHECK(r->dropped_out == 0);
    free(r);
}

/* ---- the model ---------------------------------------------------------------------------------- */

struct model {
    uint64_t arrival[AQM_PACKETS];
    uint32_t length[AQM_PACKETS], head, tail, bytes, longest;
    double first_above_time, drop_next; /* ns; 0: not above */
    uint32_t count, lastcount;
    bool dropping;
    uint32_t drops;
};

struct popped {
    int packet; /* -1: none */
    bool ok_to_drop;
};

static struct popped model_dodequeue(struct model *m, double now)
{
    struct popped p = {.packet = -1};
    if (m->head == m->tail) {
        m->first_above_time = 0;
        return p;
    }
    p.packet = (int)(m->head++ % AQM_PACKETS);
    uint32_t length = m->length[p.packet];
    m->bytes -= length;
    if (length > m->longest)
        m->longest = length;
    double sojourn = now - (double)m->arrival[p.packet];
    if (sojourn < (double)usual.target_ns || m->bytes <= m->longest)
        m->first_above_time = 0;
    else if (m->first_above_time == 0)
        m->first_above_time = now + (double)usual.interval_ns;
    else if (now >= m->first_above_time)
        p.ok_to_drop = true;
    return p;
}

static double model_law(double t, uint32_t count)
{
    return floor(t + (double)usual.interval_ns / sqrt(count)); /* times are whole nanoseconds */
}

static int model_dequeue(struct model *m, double now)
{
    struct popped p = model_dodequeue(m, now);
    if (m->dropping) {
        if (!p.ok_to_drop) {
            m->dropping = false;
        } else {
            while (now >= m->drop_next && m->dropping) {
                m->drops++;
                m->count++;
                p = model_dodequeue(m, now);
                if (!p.ok_to_drop)
                    m->dropping = false;
                else
                    m->drop_next = model_law(m->drop_next, m->count);
            }
        }
    } else if (p.ok_to_drop) {
        m->drops++;
        p = model_dodequeue(m, now);
        m->dropping = true;
        uint32_t delta = m->count - m->lastcount;
        m->count = 1;
        if (delta > 1 && now - m->drop_next < 16 * (double)usual.interval_ns)
            m->count = delta;
        m->drop_next = model_law(now, m->count);
        m->lastcount = m->count;
    }
    return p.packet;
}

/* Phases of overload and of rest, lengths and instants at random: the same packets leave, the same are dropped. */
static void as_the_text_says(void)
{
    uint64_t drops = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct aqm_rig *r = open_codel(usual);
        struct model *m = calloc(1, sizeof(*m));
        struct nv_random random;
        uint64_t now = 1;
        unsigned load = 100;
        nv_random_seed(&random, seed, 2);
        for (unsigned step = 0; step < 30000; step++) {
            uint32_t dice = (uint32_t)(nv_random_next(&random) >> 32);
            now += nv_random_scale(dice, 2 * MS);
            if (dice % 1000 == 0)
                load = 60 + dice / 1000 % 100; /* per cent */
            for (unsigned i = dice / 7 % 200; i < load && r->flow.packets < 2000; i += 100) {
                uint32_t at = m->tail++ % AQM_PACKETS;
                m->arrival[at] = now;
                m->length[at] = 64 + dice / 11 % 1437;
                m->bytes += m->length[at];
                aqm_rig_put(r, m->length[at], 0, now);
            }
            struct nv_emu_packet *packet = aqm_rig_get(r, now);
            int expected = model_dequeue(m, (double)now);
            CHECK((packet == NULL) == (expected < 0) && (!packet || packet->order % AQM_PACKETS == (uint32_t)expected),
                  "seed %lu step %u", (unsigned long)seed, step);
            CHECK(r->dropped_out == m->drops, "seed %lu step %u: %lu drops, %u expected", (unsigned long)seed, step,
                  r->dropped_out, m->drops);
        }
        drops += m->drops;
        free(m);
        free(r);
    }
    CHECK(drops > 500, "%lu drops are not worth the name of a test", drops);
}

/* With ecn what can be marked is marked and sent, one a time; the schedule is that of the drops. */
static void marks(void)
{
    struct emu_codel codel = usual;
    codel.ecn = true;
    struct aqm_rig *r = open_codel(codel);
    uint64_t marked = 0;
    double due = 0;
    for (unsigned i = 0; i < 20; i++)
        aqm_rig_put(r, 1000, NV_EMU_ECT, i * MS);
    for (unsigned i = 20; i < 3000; i++) {
        aqm_rig_put(r, 1000, NV_EMU_ECT, i * MS);
        struct nv_emu_packet *packet = aqm_rig_get(r, i * MS);
        bool mark = packet->flags & NV_EMU_MARKED;
        if (!marked)
            due = 120.0 * MS;
        CHECK(mark == (i * (double)MS >= due - 1), "at %u ms", i);
        if (mark)
            due += (double)codel.interval_ns / sqrt((double)++marked);
    }
    CHECK(r->dropped_out == 0 && marked > 100);
    free(r);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        {"codel: drops by the control law", control_law},
        {"codel: short queues are left alone", leaves_short_queues_alone},
        {"codel: random traffic, as RFC 8289 says", as_the_text_says},
        {"codel: marks", marks},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
