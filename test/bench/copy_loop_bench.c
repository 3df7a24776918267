/* SPDX-License-Identifier: BSD-2-Clause */
/* copy_loop_bench.c - "copy-loop": what this machine does at most on one thread: ring walk, learn, look up, copy. */
#include "plain_loop.h"

struct loop {
    const struct plain_way *way;
    uint32_t length;
    double unit; /* figure per packet a second */
};

static double run(struct bench_run *run)
{
    const struct loop *loop = run->arg;
    return plain_one_thread(loop->way, loop->length, run->seconds) * loop->unit;
}

int main(int argc, char **argv)
{
    static const struct loop copy_60 = {&plain_copying, FRAME_SHORT, 1e-6};
    static const struct loop copy_1514 = {&plain_copying, FRAME_LONG, FRAME_LONG * 8e-9};
    static const struct loop flood_60 = {&plain_flooding, FRAME_SHORT, 1e-6};
    static const struct loop flood_1514 = {&plain_flooding, FRAME_LONG, FRAME_LONG * 8e-9};
    static const struct loop exchange_60 = {&plain_exchanging, FRAME_SHORT, 1e-6};
    static const struct loop exchange_1514 = {&plain_exchanging, FRAME_LONG, 1e-6};
    static const struct loop slots = {&plain_slots_only, FRAME_LONG, 1e-6};
    static const struct bench_case cases[] = {
        {.name = "60", .unit = "Mpps", .run = run, .arg = &copy_60},
        {.name = "1514", .unit = "Gbit/s", .run = run, .arg = &copy_1514},
        {.name = "flood 60", .unit = "Mpps", .run = run, .arg = &flood_60},
        {.name = "flood 1514", .unit = "Gbit/s", .run = run, .arg = &flood_1514},
        {.name = "exchange 60", .unit = "Mpps", .run = run, .arg = &exchange_60},
        {.name = "exchange 1514", .unit = "Mpps", .run = run, .arg = &exchange_1514},
        {.name = "slots", .unit = "Mpps", .run = run, .arg = &slots},
    };
    return bench_main(argc, argv, "copy-loop", cases, sizeof(cases) / sizeof(cases[0]));
}
