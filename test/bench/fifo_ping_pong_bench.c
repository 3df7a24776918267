/* SPDX-License-Identifier: BSD-2-Clause */
/* fifo_ping_pong_bench.c - "fifo-ping-pong": what it costs this machine to wake another process and be woken by it. */
#include "latency.h"

static double run(struct bench_run *run)
{
    return fifo_ping_pong(*(const bool *)run->arg, run->seconds, &run->p99);
}

int main(int argc, char **argv)
{
    static const bool two_cores = false, one_core = true;
    static const struct bench_case cases[] = {
        {.name = "round trip", .unit = "us", .run = run, .arg = &two_cores},
        {.name = "round trip one core", .unit = "us", .run = run, .arg = &one_core},
    };
    return bench_main(argc, argv, "fifo-ping-pong", cases, sizeof(cases) / sizeof(cases[0]));
}
