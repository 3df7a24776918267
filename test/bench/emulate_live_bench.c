/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * emulate_live_bench.c - "emulate-live": the relay of `emulate` on a thread and a processor of its own, waiting busily,
 * between two VALE ports; on the other processor one thread sends at a stated rate and receives.
 *
 * `rules, bandwidth, delay`: 60-byte packets a second out of it, of 8 million a second that are sent; the baseline is
 * the same relay without a link. `late ...`: how long after its exact time a packet was sent, as the relay noted it,
 * and `seen ...`: how much later than link and delay say it was in the receiver's ring, counted from before it was
 * handed to the switch: two ways through VALE and the relay's turn are in it. `bandwidth ...`: how far what a
 * backlogged link let through, from its first packet to its last, is from its bandwidth. `loss ...`: packets lost
 * at 99.9 % of 1 Gbit/s through 100 ms with the default queue.
 */
#include "engine/histogram.h"
#include "relay_rig.h"

enum { BURST = 256, STAMP_AT = 44 }; /* STAMP_AT: in the UDP payload */

#define GBIT UINT64_C(1000000000)
#define MS   UINT64_C(1000000)

struct setting {
    struct rig_plan plan;
    double rate; /* packets a second to send */
};

static cpu_set_t allowed;

/* Send at the rate and take what comes, until `limit`; seen: how late packets with a stamp are, or NULL. */
static void drive(struct rig *rig, const struct setting *s, uint64_t limit, struct nv_histogram *seen)
{
    struct netmap_ring *tx = nv_txring(rig->from, 0), *rx = nv_rxring(rig->to, 0);
    const uint64_t start = bench_ns(), already = rig->sent;
    double credit = BURST;

    for (uint64_t now = start; now < limit; now = bench_ns()) {
        double due = (double)(now - start) * 1e-9 * s->rate - (double)(rig->sent - already);
        if (due > credit) { /* what was missed while others had the processor is not made up for in one heap */
            rig->sent += (uint64_t)(due - credit);
            due = credit;
        }
        if (due >= 1) {
            uint32_t count = (uint32_t)due;
            if (seen)
                for (uint32_t i = 0, at = tx->head; i < count && at != tx->tail; i++, at = nm_ring_next(tx, at))
                    memcpy((uint8_t *)NETMAP_BUF(tx, tx->slot[at].buf_idx) + STAMP_AT, &now, sizeof(now));
            rig_send(rig, count);
        }
        world_rxsync(rig->to);
        if (seen) {
            const uint64_t then = bench_ns();
            for (uint32_t at = rx->head; at != rx->tail; at = nm_ring_next(rx, at)) {
                uint64_t stamp;
                memcpy(&stamp, (const uint8_t *)NETMAP_BUF(rx, rx->slot[at].buf_idx) + STAMP_AT, sizeof(stamp));
                if (stamp) /* sent before stamps began: it has none */
                    nv_histogram_record(seen, then - stamp - s->plan.link.delay_ns);
            }
        }
        rig->received += world_walk(rx, &rig->bytes);
        world_rxsync(rig->to);
    }
}

static struct rig *begin(const struct setting *s)
{
    struct rig_plan plan = s->plan;
    plan.thread = true;
    plan.cpu = -1;
    for (int cpu = CPU_SETSIZE - 1; plan.cpu < 0 && cpu >= 0; cpu--) /* the last one; the first is ours */
        if (CPU_ISSET((unsigned)cpu, &allowed))
            plan.cpu = cpu;
    struct rig *rig = rig_open(&plan);
    bench_pin(&allowed, 0);
    return rig;
}

static void end(struct rig *rig)
{
    rig_close(rig);
    sched_setaffinity(0, sizeof(allowed), &allowed);
}

static double rate(struct bench_run *run)
{
    const struct setting *s = run->arg;
    struct rig *rig = begin(s);
    drive(rig, s, bench_ns() + 100 * MS, NULL);
    const uint64_t before = rig->received, start = bench_ns();
    drive(rig, s, start + (uint64_t)(run->seconds * 1e9), NULL);
    const double mpps = (double)(rig->received - before) * 1e3 / (double)(bench_ns() - start);
    end(rig);
    return mpps;
}

/* Median of a histogram in us, and its 99th percentile. */
static double percentiles(struct bench_run *run, const struct nv_histogram *h)
{
    if (h->count == 0)
        bench_fail("no packet came through the link");
    run->p99 = (double)nv_histogram_percentile(h, 99) / 1e3;
    return (double)nv_histogram_percentile(h, 50) / 1e3;
}

static double late(struct bench_run *run)
{
    const struct setting *s = run->arg;
    struct rig *rig = begin(s);
    drive(rig, s, bench_ns() + (uint64_t)(run->seconds * 1e9), NULL);
    const double median = percentiles(run, nv_relay_histograms(rig->relay));
    end(rig);
    return median;
}

static double seen(struct bench_run *run)
{
    const struct setting *s = run->arg;
    struct nv_histogram *h = malloc(sizeof(*h));
    struct rig *rig = begin(s);
    if (!h)
        bench_fail("no memory");
    nv_histogram_reset(h);
    drive(rig, s, bench_ns() + (uint64_t)(run->seconds * 1e9), h);
    const double median = percentiles(run, h);
    end(rig);
    free(h);
    return median;
}

/* %, over ten times the seconds; what the relay measured, which is the time of sending. */
static double error(struct bench_run *run)
{
    const struct setting *s = run->arg;
    struct rig *rig = begin(s);
    drive(rig, s, bench_ns() + (uint64_t)(run->seconds * 1e10), NULL);
    const uint64_t *word = nv_relay_page(rig->relay) + NV_RELAY_MEASURES_AT;
    const double bytes = (double)(relay_measure_get(&word[NV_RELAY_MEASURE_BYTES]) -
                                  relay_measure_get(&word[NV_RELAY_MEASURE_FIRST_BYTES]));
    const double ns = (double)(relay_measure_get(&word[NV_RELAY_MEASURE_LAST_NS]) -
                               relay_measure_get(&word[NV_RELAY_MEASURE_FIRST_NS]));
    end(rig);
    const double off = bytes * 8e9 / ns / (double)s->plan.link.bandwidth - 1;
    return (off < 0 ? -off : off) * 100;
}

/* Packets that the relay lost in ten times the seconds. */
static double loss(struct bench_run *run)
{
    const struct setting *s = run->arg;
    struct rig *rig = begin(s);
    uint64_t lost = 0;
    drive(rig, s, bench_ns() + (uint64_t)(run->seconds * 1e10), NULL);
    for (unsigned i = 0; i < NV_RELAY_DROP_WORDS; i++)
        lost +=
            __atomic_load_n(nv_relay_page(rig->relay) + NV_RELAY_PAGE_HEAD + NV_RELAY_DROPS_AT + i, __ATOMIC_RELAXED);
    end(rig);
    return (double)lost;
}

#define SLOTS(n)                                                                                                       \
    {                                                                                                                  \
        .limit = n, .limit_kind = NV_EMU_SLOTS                                                                         \
    }
#define LINK(bandwidth_, delay_, slots_, length_)                                                                      \
    {                                                                                                                  \
        .linked = true, .link = {.bandwidth = bandwidth_, .delay_ns = delay_}, .set = SLOTS(slots_), .length = length_ \
    }
#define LATE(name_, rate_)                                                                                             \
    {                                                                                                                  \
        "late " name_, "us", late, &(const struct setting){LINK(0, 5 * MS, 100000, FRAME_SHORT), rate_},               \
        NULL,          NULL, NULL},                                                                                    \
    {                                                                                                                  \
        "seen " name_, "us", seen, &(const struct setting){LINK(0, 5 * MS, 100000, FRAME_SHORT), rate_}, NULL, NULL,   \
            NULL                                                                                                       \
    }
#define ERROR(name_, bandwidth_)                                                                                       \
    {                                                                                                                  \
        "bandwidth " name_, "%", error,                                                                                \
            &(const struct setting){LINK(bandwidth_, 0, 20000, FRAME_LONG),                                            \
                                    1.2 * (double)(bandwidth_) / 8 / FRAME_LONG},                                      \
            NULL, NULL, NULL                                                                                           \
    }

int main(int argc, char **argv)
{
    static const struct setting linked = {LINK(100 * GBIT, 10 * MS, 1000000, FRAME_SHORT), 8e6};
    static const struct setting ruled = {{.length = FRAME_SHORT}, 8e6};
    static const struct setting full = {
        {.linked = true,
         .link = {.bandwidth = GBIT, .delay_ns = 100 * MS},
         .set = {.limit = 25000000, .limit_kind = NV_EMU_BYTES}, /* twice the product of the two, as emulate has it */
         .length = FRAME_LONG},
        0.999 * 1e9 / 8 / FRAME_LONG};
    const struct bench_case cases[] = {
        {"rules, bandwidth, delay", "Mpps", rate, &linked, "rules only", rate, &ruled},
        LATE("20k/s", 20e3),
        LATE("100k/s", 100e3),
        LATE("500k/s", 500e3),
        ERROR("1Mbit/s", GBIT / 1000),
        ERROR("10Mbit/s", GBIT / 100),
        ERROR("100Mbit/s", GBIT / 10),
        ERROR("1Gbit/s", GBIT),
        ERROR("10Gbit/s", 10 * GBIT),
        {"loss 1Gbit/s 100ms", "packets", loss, &full, NULL, NULL, NULL},
    };
    sched_getaffinity(0, sizeof(allowed), &allowed);
    world_make();
    return bench_main(argc, argv, "emulate-live", cases, sizeof(cases) / sizeof(cases[0]));
}
