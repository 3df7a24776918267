/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched_bench.c - "sched": a scheduler's enqueue and dequeue with so many flow queues that always have packets; the
 * baseline is one linked list of as many packets.
 *
 * Each flow queue holds two packets of 60 bytes; the packet that is taken out arrives again for the same queue, so all
 * stay backlogged. Nanoseconds for one enqueue and one dequeue together.
 */
#include "bench.h"

#include "emulation/sched.h"

enum { DEPTH = 2, LENGTH = 60, ROUND = 1024 };

struct setting {
    const struct emu_sched_ops *ops;
    uint32_t flows;
    bool weighted; /* weights 1..100 */
};

static uint64_t no_random(void *arg)
{
    (void)arg;
    return 0;
}

static void no_drop(void *arg, struct emu_flow *flow, struct nv_emu_packet *packet, enum nv_emu_drop reason)
{
    (void)arg;
    (void)flow;
    (void)packet;
    (void)reason;
    bench_fail("a packet was dropped");
}

static const struct emu_aqm_host host = {.random = no_random, .drop = no_drop};

/* In huge pages where there are any: else misses of the TLB, which differ from run to run, are most of what is
 * measured. */
static void *zeroed(size_t bytes)
{
    const size_t huge = 2 << 20, unit = bytes < huge ? 64 : huge;
    bytes = (bytes + unit - 1) / unit * unit;
    void *memory = aligned_alloc(unit, bytes);
    if (!memory)
        bench_fail("no memory for %zu bytes", bytes);
    if (unit == huge)
        madvise(memory, bytes, MADV_HUGEPAGE);
    return memset(memory, 0, bytes);
}

static double measure(struct bench_run *run)
{
    const struct setting *s = run->arg;
    struct emu_fair fair = {.quantum = 1514, .limit = DEPTH * s->flows, .flows = 1024, .perturb = 1};
    fair.params.codel = (struct emu_codel){.target_ns = 5000000, .interval_ns = 100000000};
    struct emu_sched *sched = zeroed(s->ops->size(&fair));
    struct emu_flow *flows = zeroed(s->flows * sizeof(*flows));
    struct nv_emu_packet *packets = zeroed((size_t)s->flows * DEPTH * sizeof(*packets));
    uint32_t order = 0;

    if (s->ops->init(sched, &fair) != 0)
        bench_fail("cannot begin %s", s->ops->name);
    for (uint32_t i = 0; i < s->flows; i++) {
        flows[i].share = (struct emu_share){.weight = s->weighted ? 1 + i % 100 : 1, .lmax = 1500};
        if (s->ops->join(sched, &flows[i]) != 0)
            bench_fail("no memory for %u flows", s->flows);
    }
    for (uint32_t i = 0; i < s->flows * DEPTH; i++) {
        packets[i].length = LENGTH;
        packets[i].order = order++;
        packets[i].flow_hash = i % s->flows;
        s->ops->enqueue(sched, &flows[i % s->flows], &packets[i], 0, &host);
    }
    uint64_t count = 0, start = 0, now = 0, limit = 0;
    do {
        for (unsigned i = 0; i < ROUND; i++) {
            struct emu_flow *from;
            struct nv_emu_packet *packet = s->ops->dequeue(sched, 0, &host, &from);
            packet->order = order++;
            packet->flow_hash = (uint64_t)(from - flows);
            s->ops->enqueue(sched, from, packet, 0, &host);
        }
        count += ROUND;
        now = bench_ns();
        if (!start && count >= 2 * (uint64_t)s->flows) { /* warm: all have been served */
            start = now;
            count = 0;
            limit = start + (uint64_t)(run->seconds * 1e9);
        }
    } while (!start || now < limit);
    for (uint32_t i = 0; i < s->flows; i++)
        s->ops->leave(sched, &flows[i]);
    if (s->ops->fini)
        s->ops->fini(sched);
    free(sched);
    free(flows);
    free(packets);
    return (double)(now - start) / (double)count;
}

/* The least that keeping packets in order costs: one list, to its end and from its head. */
static double plain_list(struct bench_run *run)
{
    const struct setting *s = run->arg;
    const size_t total = (size_t)s->flows * DEPTH;
    struct nv_emu_packet *packets = zeroed(total * sizeof(*packets)), *head = NULL, **tail = &head;
    uint64_t count = 0, now;

    for (size_t i = 0; i < total; i++) {
        *tail = &packets[i];
        tail = &packets[i].next;
    }
    const uint64_t start = bench_ns(), limit = start + (uint64_t)(run->seconds * 1e9);
    do {
        for (unsigned i = 0; i < ROUND; i++) {
            struct nv_emu_packet *packet = head;
            head = packet->next;
            if (!head)
                tail = &head;
            packet->next = NULL;
            *tail = packet;
            tail = &packet->next;
            __asm__ volatile("" ::: "memory");
        }
        count += ROUND;
        now = bench_ns();
    } while (now < limit);
    free(packets);
    return (double)(now - start) / (double)count;
}

#define CASE(name_, ops_, flows_, weighted_)                                                                           \
    {                                                                                                                  \
        .name = name_ " " #flows_, .unit = "ns", .run = measure, .baseline_name = "plain list",                        \
        .baseline = plain_list, .arg = &(const struct setting){&ops_, flows_, weighted_},                              \
        .baseline_arg = &(const struct setting)                                                                        \
        {                                                                                                              \
            &ops_, flows_, weighted_                                                                                   \
        }                                                                                                              \
    }
#define CASES(name_, ops_, weighted_)                                                                                  \
    CASE(name_, ops_, 1, weighted_), CASE(name_, ops_, 512, weighted_), CASE(name_, ops_, 32768, weighted_)

int main(int argc, char **argv)
{
    const struct bench_case cases[] = {
        CASES("fifo", emu_sched_fifo, false),  CASES("rr", emu_sched_rr, false),
        CASES("qfq", emu_sched_qfq, false),    CASES("qfq weighted", emu_sched_qfq, true),
        CASES("wf2q+", emu_sched_wf2q, false), CASES("wf2q+ weighted", emu_sched_wf2q, true),
        CASES("prio", emu_sched_prio, false),  CASES("fq_codel", emu_sched_fq_codel, false),
    };
    return bench_main(argc, argv, "sched", cases, sizeof(cases) / sizeof(*cases));
}
