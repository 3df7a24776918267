/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched_fq_test.c - FQ-CoDel and FQ-PIE: the order of departures and the drops at the limit against a model of RFC 8290
 * with arrays for lists, sparse flows before bulky ones, and queue management of each flow by itself.
 */
#include "sched_rig.h"

#define MS UINT64_C(1000000)

enum { MODEL_FLOWS = 8, MODEL_DEPTH = 4096, LIMIT = 500 };

/* ---- the model ---------------------------------------------------------------------------------- */

struct model_queue {
    uint32_t length[MODEL_DEPTH], count; /* from the head on */
    uint64_t bytes;
    int64_t credits;
    bool listed;
};

struct model {
    struct model_queue queues[MODEL_FLOWS];
    unsigned lists[2][MODEL_FLOWS], sizes[2]; /* new, old */
    uint32_t waiting, quantum;
    uint64_t drops;
};

static void list_append(struct model *m, unsigned list, unsigned queue)
{
    m->lists[list][m->sizes[list]++] = queue;
}

static void list_remove_first(struct model *m, unsigned list)
{
    memmove(&m->lists[list][0], &m->lists[list][1], --m->sizes[list] * sizeof(unsigned));
}

static uint32_t model_pop(struct model *m, unsigned queue)
{
    struct model_queue *q = &m->queues[queue];
    uint32_t length = q->length[0];
    memmove(&q->length[0], &q->length[1], --q->count * sizeof(uint32_t));
    q->bytes -= length;
    m->waiting--;
    return length;
}

/* More than the limit: the queue with the most bytes loses half of its packets, 64 at most, from its head. */
static void model_make_room(struct model *m, unsigned *ties)
{
    unsigned longest = 0;
    *ties = 0;
    for (unsigned i = 1; i < MODEL_FLOWS; i++)
        if (m->queues[i].bytes > m->queues[longest].bytes)
            longest = i;
    for (unsigned i = 0; i < MODEL_FLOWS; i++)
        *ties += m->queues[i].bytes == m->queues[longest].bytes;
    uint32_t count = m->queues[longest].count / 2;
    count = count < 1 ? 1 : count > 64 ? 64 : count;
    for (; count > 0; count--, m->drops++)
        model_pop(m, longest);
}

static void model_put(struct model *m, unsigned queue, uint32_t length)
{
    struct model_queue *q = &m->queues[queue];
    q->length[q->count++] = length;
    q->bytes += length;
    m->waiting++;
    if (!q->listed) {
        q->listed = true;
        q->credits = m->quantum;
        list_append(m, 0, queue);
    }
}

/* RFC 8290, section 4.2, without CoDel. */
static int model_get(struct model *m, uint32_t *length)
{
    for (;;) {
        unsigned list = m->sizes[0] ? 0 : 1;
        if (!m->sizes[list])
            return -1;
        unsigned queue = m->lists[list][0];
        struct model_queue *q = &m->queues[queue];
        if (q->credits <= 0) {
            q->credits += m->quantum;
            list_remove_first(m, list);
            list_append(m, 1, queue);
        } else if (q->count) {
            *length = model_pop(m, queue);
            q->credits -= *length;
            return (int)queue;
        } else if (list == 0 && m->sizes[1]) {
            list_remove_first(m, 0);
            list_append(m, 1, queue);
        } else {
            list_remove_first(m, list);
            q->listed = false;
        }
    }
}

/* Random traffic of eight flows, some of them heavy, with queue management that never acts. */
static void as_the_text_says(void)
{
    uint64_t drops = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct emu_fair fair = rig_default_fair(&emu_sched_fq_codel);
        fair.limit = LIMIT;
        fair.quantum = seed % 2 ? 1514 : 300;
        fair.params.codel.target_ns = fair.params.codel.interval_ns = UINT64_MAX / 2;
        struct rig *r = rig_open(&emu_sched_fq_codel, &fair, seed);
        struct model *m = calloc(1, sizeof(*m));
        unsigned busy = 30, ties = 0;
        m->quantum = fair.quantum;
        for (unsigned i = 0; i < MODEL_FLOWS; i++)
            rig_join(r, i, 1, 1500);
        for (unsigned step = 0; step < 20000 && ties < 2; step++) {
            if (rig_dice(r, 500) == 0)
                busy = 20 + rig_dice(r, 50);
            if (rig_dice(r, 100) < busy) {
                unsigned flow = rig_dice(r, 3) ? rig_dice(r, 2) : rig_dice(r, MODEL_FLOWS);
                uint32_t length = 64 + rig_dice(r, 1437);
                if (m->waiting >= LIMIT)
                    model_make_room(m, &ties);
                if (ties > 1)
                    break; /* either may be taken */
                model_put(m, flow, length);
                rig_put(r, flow, length);
            } else if (rig_dice(r, 2)) {
                uint32_t length = 0, expected_length = 0;
                int expected = model_get(m, &expected_length), flow = rig_get(r, &length);
                CHECK(flow == expected && length == expected_length, "seed %lu step %u: flow %d, %d expected",
                      (unsigned long)seed, step, flow, expected);
            }
            CHECK(r->dropped == m->drops && r->drops[NV_EMU_DROP_QUEUE_FULL] == m->drops);
            CHECK(r->waiting <= LIMIT);
        }
        drops += m->drops;
        free(m);
        rig_close(r);
    }
    CHECK(drops > 1000, "%lu drops", drops);
}

/* A flow that sends a packet now and then is served at once beside three that fill their queues. */
static void sparse_flows_first(void)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct rig *r = rig_open(kind ? &emu_sched_fq_pie : &emu_sched_fq_codel, NULL, 1);
        for (unsigned i = 0; i < 4; i++)
            rig_join(r, i, 1, 1500);
        for (unsigned step = 0; step < 20000; step++) {
            r->now_ns += MS;
            for (unsigned i = 0; i < 3; i++)
                while (r->flows[i].packets < 100 && rig_put(r, i, 1000))
                    ;
            if (step % 20 == 10) {
                CHECK(rig_put(r, 3, 100));
                CHECK(rig_get(r, NULL) == 3, "step %u", step);
            } else {
                CHECK(rig_get(r, NULL) != 3);
            }
        }
        for (unsigned i = 0; i < 3; i++)
            CHECK(r->sent[i] > r->total * 30 / 100, "flow %u: %lu of %lu", i, r->sent[i], r->total);
        CHECK(r->drops[kind ? NV_EMU_DROP_PIE : NV_EMU_DROP_CODEL] > 100);
        rig_close(r);
    }
}

/* A flow alone fares as under that queue management without flow queueing. */
static void alone_as_without(void)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        const struct emu_sched_ops *ops = kind ? &emu_sched_fq_pie : &emu_sched_fq_codel;
        struct emu_fair fair = rig_default_fair(ops);
        struct rig *r = rig_open(ops, &fair, 3), *plain = rig_open(&emu_sched_rr, NULL, 3);
        rig_join(r, 0, 1, 1500);
        plain->flows[0].management = kind ? &emu_aqm_pie : &emu_aqm_codel;
        plain->flows[0].aqm_params = &fair.params;
        rig_join(plain, 0, 1, 1500);
        uint32_t traffic = 12345;
        for (unsigned step = 0; step < 50000; step++) {
            r->now_ns = plain->now_ns = step * MS / 2;
            traffic = traffic * 1664525 + 1013904223;
            unsigned load = step / 5000 % 2 ? 40 : 170; /* 0.2 and 1.2 packets a step */
            for (unsigned i = (traffic >> 8) % 200; i < load; i += 100) {
                uint32_t length = 64 + (traffic >> 12) % 1437;
                struct nv_emu_packet probe = {.length = length};
                bool kept = rig_put(r, 0, length), expected = true;
                if (kind) /* arrive is the core's part */
                    expected = plain->flows[0].management->arrive(&plain->flows[0], &probe, plain->now_ns,
                                                                  &plain->host) != EMU_AQM_DROP;
                CHECK(kept == expected, "%s step %u", ops->name, step);
                if (expected)
                    rig_put(plain, 0, length);
            }
            uint32_t length = 0, expected_length = 0;
            int flow = rig_get(r, &length), expected = rig_get(plain, &expected_length);
            CHECK(flow == expected && length == expected_length, "%s step %u", ops->name, step);
        }
        CHECK(r->dropped > 100, "%s: %lu drops", ops->name, r->dropped);
        rig_close(r);
        rig_close(plain);
    }
}

/* What init refuses, and the most it takes. */
static void limits(void)
{
    struct emu_fair fair = rig_default_fair(&emu_sched_fq_codel);
    fair.flows = 65536;
    fair.limit = 20480;
    struct rig *r = rig_open(&emu_sched_fq_codel, &fair, 1);
    rig_join(r, 0, 1, 1500);
    for (unsigned i = 0; i < RIG_PACKETS - 1; i++)
        CHECK(rig_put_hashed(r, 0, 64, i * UINT64_C(0x9e3779b97f4a7c15)));
    for (unsigned i = 0; i < RIG_PACKETS - 1; i++)
        CHECK(rig_get(r, NULL) == 0);
    for (unsigned bad = 0; bad < 4; bad++) {
        struct emu_fair wrong = fair;
        *(bad == 0 ? &wrong.quantum : bad == 1 ? &wrong.limit : &wrong.flows) = bad == 3 ? 65537 : 0;
        CHECK(emu_sched_fq_codel.init(r->sched, &wrong) < 0);
    }
    rig_close(r);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        {"fq: random traffic, as RFC 8290 says", as_the_text_says},
        {"fq: sparse flows first, bulky ones alike", sparse_flows_first},
        {"fq: a flow alone fares as without flow queueing", alone_as_without},
        {"fq: limits", limits},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
