/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * emulation_bench.c - "emulation": packets of 60 bytes through links, in and out again, in batches on a virtual clock.
 * Records of packets go round; their bytes are not part of it.
 */
#include "bench.h"

#include "emulation/emulation.h"
#include "packet/random.h"

enum { BATCH = 256, LENGTH = 60, RECORDS = 1 << 18, PIPE = 1 };

struct setting {
    uint64_t bandwidth, delay_ns;
    uint64_t gap_ns; /* between packets: the load */
    uint32_t links;  /* made by a mask; 0: no mask */
};

struct flood {
    struct nv_emu *emu;
    struct nv_emu_packet *records, *free;
    struct nv_random random;
    uint64_t now, done, lost;
    struct nv_emu_send sends[BATCH];
    struct nv_emu_key keys[BATCH];
    struct nv_emu_packet *out[BATCH];
};

static void give(struct flood *flood, struct nv_emu_packet *packet)
{
    packet->next = flood->free;
    flood->free = packet;
}

static struct flood *flood_open(const struct setting *s)
{
    struct flood *flood = calloc(1, sizeof(*flood));
    struct nv_emu_link link = {.bandwidth = s->bandwidth, .delay_ns = s->delay_ns};
    struct nv_emu_flowset set = {.limit = 1000};
    struct nv_emu_mask mask = {.src4 = s->links ? UINT32_MAX : 0};
    struct nv_error error;
    if (!flood || !(flood->records = aligned_alloc(64, RECORDS * sizeof(*flood->records))))
        bench_fail("no memory");
    memset(flood->records, 0, RECORDS * sizeof(*flood->records));
    if (nv_emu_create(NULL, &flood->emu, &error) < 0 ||
        nv_emu_pipe_config(flood->emu, PIPE, &link, &set, &mask, &error) < 0)
        bench_fail("%s", error.message);
    nv_random_seed(&flood->random, 1, 1);
    for (uint32_t i = RECORDS; i-- > 0;) {
        flood->records[i].length = LENGTH;
        give(flood, &flood->records[i]);
    }
    for (unsigned i = 0; i < BATCH; i++) {
        flood->keys[i] = (struct nv_emu_key){.dst = {0x0a000001}, .family = 4, .proto = 17, .src_port = 1000};
        flood->sends[i] = (struct nv_emu_send){.key = &flood->keys[i], .number = PIPE, .kind = NV_EMU_PIPE};
    }
    return flood;
}

static void flood_close(struct flood *flood)
{
    nv_emu_destroy(flood->emu);
    free(flood->records);
    free(flood);
}

/* One batch in, and all that is due out. */
static void flood_step(struct flood *flood, const struct setting *s)
{
    unsigned ready = 0, count;
    while (ready < BATCH && flood->free) {
        struct nv_emu_send *send = &flood->sends[ready];
        send->packet = flood->free;
        flood->free = flood->free->next;
        if (s->links)
            flood->keys[ready].src[0] =
                0x0b000000 + nv_random_scale((uint32_t)(nv_random_next(&flood->random) >> 32), s->links);
        ready++;
    }
    flood->now += BATCH * s->gap_ns;
    nv_emu_enqueue_batch(flood->emu, flood->now, flood->sends, ready);
    for (unsigned i = 0; i < ready; i++)
        if (flood->sends[i].drop) {
            flood->lost++;
            give(flood, flood->sends[i].packet);
        }
    do {
        count = nv_emu_release(flood->emu, flood->now, flood->out, BATCH);
        for (unsigned i = 0; i < count; i++)
            give(flood, flood->out[i]);
        flood->done += count;
    } while (count == BATCH);
}

/* Mpps through the links, once every link has been made and the delay is full. */
static double measure(struct bench_run *run)
{
    const struct setting *s = run->arg;
    struct flood *flood = flood_open(s);
    uint64_t warm = 2 * s->delay_ns / (BATCH * s->gap_ns) + 20 * (uint64_t)s->links / BATCH + 100;
    while (warm-- > 0)
        flood_step(flood, s);
    flood->done = flood->lost = 0;
    uint64_t start = bench_ns(), limit = start + (uint64_t)(run->seconds * 1e9), now;
    do {
        for (unsigned i = 0; i < 16; i++)
            flood_step(flood, s);
        now = bench_ns();
    } while (now < limit);
    if (flood->lost > flood->done / 100)
        bench_fail("%llu of %llu packets were lost", (unsigned long long)flood->lost, (unsigned long long)flood->done);
    double mpps = (double)flood->done / (double)(now - start) * 1e3;
    flood_close(flood);
    return mpps;
}

/* Bytes of records and of the emulator's own memory for each packet that waits on one link. */
static double memory_each(struct bench_run *run)
{
    static const struct setting s = {.delay_ns = 1000000000, .gap_ns = 10};
    struct nv_emu_totals before, after;
    (void)run;
    struct flood *flood = flood_open(&s);
    flood_step(flood, &s);
    nv_emu_get_totals(flood->emu, &before);
    for (unsigned i = 0; i < 900; i++)
        flood_step(flood, &s);
    nv_emu_get_totals(flood->emu, &after);
    double waiting = (double)(after.waiting - before.waiting);
    flood_close(flood);
    return sizeof(struct nv_emu_packet) + (double)(after.memory - before.memory) / waiting;
}

/* The records alone, through a ring as long as the delay: in, out, nothing decided. */
static double plain_ring(struct bench_run *run)
{
    const struct setting *s = run->arg;
    uint32_t depth = BATCH + (uint32_t)(s->delay_ns / s->gap_ns);
    struct nv_emu_packet *records = aligned_alloc(64, RECORDS * sizeof(*records));
    uint64_t count = 0, now;
    if (!records || depth > RECORDS)
        bench_fail("no memory");
    memset(records, 0, RECORDS * sizeof(*records));
    uint64_t start = bench_ns(), limit = start + (uint64_t)(run->seconds * 1e9);
    do {
        for (unsigned i = 0; i < 4096; i++, count++) {
            records[count % depth].time_ns = count;
            __asm__ volatile("" ::"r"(records[(count + 1) % depth].time_ns) : "memory");
        }
        now = bench_ns();
    } while (now < limit);
    free(records);
    return (double)count / (double)(now - start) * 1e3;
}

#define MS UINT64_C(1000000)
static const struct setting no_limit = {.gap_ns = 60};
static const struct setting delay = {.delay_ns = 10 * MS, .gap_ns = 100};
static const struct setting limited = {.bandwidth = UINT64_C(10000000000), .delay_ns = MS, .gap_ns = 50};
static const struct setting one_link = {.bandwidth = 10000000, .delay_ns = 10 * MS, .gap_ns = 50000, .links = 1};
static const struct setting many_links = {.bandwidth = 10000000, .delay_ns = 10 * MS, .gap_ns = 500, .links = 100000};

int main(int argc, char **argv)
{
    const struct bench_case cases[] = {
        {"no limit", "Mpps", measure, &no_limit, "records in a ring", plain_ring, &no_limit},
        {"10 ms delay", "Mpps", measure, &delay, "records in a ring", plain_ring, &delay},
        {"bandwidth and delay", "Mpps", measure, &limited, "records in a ring", plain_ring, &limited},
        {"100000 links", "Mpps", measure, &many_links, "one link", measure, &one_link},
        {"memory", "bytes", memory_each, NULL, NULL, NULL, NULL},
    };
    return bench_main(argc, argv, "emulation", cases, sizeof(cases) / sizeof(*cases));
}
