/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_bench.c - "relay": the relay of `emulate` between two VALE ports, in one thread: a sender puts 256 packets of
 * 60 bytes on the inside's switch, the relay takes a turn, a receiver on the outside's switch takes what came.
 *
 * Where cores are few, threads that share one hide what a packet costs; here all of it is in sight. The case `cost`
 * counts the relay's turns alone: ns of processor time a packet, reading and writing both ports included.
 */
#include "relay_rig.h"

enum { BURST = 256 };

struct setting {
    bool linked; /* through a link of 100 Gbit/s and 10 ms; else two rules alone */
    bool cost;
};

/* Processor time of this thread, ns: what others take away does not count. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One burst through. spent_ns: grows by the processor time of the relay's turn; or NULL. Returns the time. */
static uint64_t step(struct rig *rig, uint32_t burst, uint64_t *spent_ns)
{
    rig_send(rig, burst);
    const uint64_t before = spent_ns ? cpu_ns() : 0;
    rig_must(relay_once(rig->relay));
    if (spent_ns)
        *spent_ns += cpu_ns() - before;
    rig_take(rig);
    return bench_ns();
}

static double measure(struct bench_run *run)
{
    const struct setting *s = run->arg;
    const struct rig_plan plan = {.linked = s->linked,
                                  .link = {.bandwidth = UINT64_C(100000000000), .delay_ns = 10000000},
                                  .set = {.limit = 1000000},
                                  .length = FRAME_SHORT};
    struct rig *rig = rig_open(&plan);
    uint64_t now = bench_ns(), limit = now + 60000000, spent = 0;

    while (now < limit) /* until the delay is full and the region's memory was touched */
        now = step(rig, BURST, NULL);
    const uint64_t before = rig->received, start = now;
    limit = start + (uint64_t)(run->seconds * 1e9);
    while (now < limit)
        now = step(rig, BURST, s->cost ? &spent : NULL);
    const uint64_t packets = rig->received - before, elapsed = now - start;
    for (limit = now + 2000000000; now < limit && rig->received < rig->sent;) /* what is still on the link */
        now = step(rig, 0, NULL);
    if (rig->received != rig->sent || rig->bytes != rig->received * FRAME_SHORT)
        bench_fail("%llu packets were sent, %llu arrived with %llu bytes", (unsigned long long)rig->sent,
                   (unsigned long long)rig->received, (unsigned long long)rig->bytes);
    rig_close(rig);
    return s->cost ? (double)spent / (double)packets : (double)packets * 1e3 / (double)elapsed;
}

static const struct setting linked = {.linked = true}, ruled = {0};
static const struct setting linked_cost = {.linked = true, .cost = true}, ruled_cost = {.cost = true};

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"rules, bandwidth, delay", "Mpps", measure, &linked, "rules only", measure, &ruled},
        {"cost", "ns", measure, &linked_cost, "rules only", measure, &ruled_cost},
    };
    world_make();
    return bench_main(argc, argv, "relay", cases, sizeof(cases) / sizeof(cases[0]));
}
