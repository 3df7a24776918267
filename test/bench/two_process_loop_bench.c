/* SPDX-License-Identifier: BSD-2-Clause */
/* two_process_loop_bench.c - "two-process-loop": what a bare copy loop between two processes reaches on this machine.
 */
#include "plain_duo.h"

struct loop {
    uint32_t length;
    bool one_core;
    double unit; /* figure per packet a second */
};

static double run(struct bench_run *run)
{
    const struct loop *loop = run->arg;
    return plain_two_processes(loop->length, loop->one_core, run->seconds) * loop->unit;
}

int main(int argc, char **argv)
{
    static const struct loop copy_60 = {FRAME_SHORT, false, 1e-6};
    static const struct loop copy_1514 = {FRAME_LONG, false, FRAME_LONG * 8e-9};
    static const struct loop one_core_60 = {FRAME_SHORT, true, 1e-6};
    static const struct bench_case cases[] = {
        {.name = "60", .unit = "Mpps", .run = run, .arg = &copy_60},
        {.name = "1514", .unit = "Gbit/s", .run = run, .arg = &copy_1514},
        {.name = "60 one core", .unit = "Mpps", .run = run, .arg = &one_core_60},
    };
    return bench_main(argc, argv, "two-process-loop", cases, sizeof(cases) / sizeof(cases[0]));
}
