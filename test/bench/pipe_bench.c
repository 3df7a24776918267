/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe_bench.c - "pipe": through a netmap pipe in one thread; slots change hands and nobody reads a packet. */
#include "one_thread.h"

static double through_pipe(struct bench_run *run)
{
    struct nv_port *master = world_open("netmap:p{1"), *slave = world_open("netmap:p}1");
    const double value = one_thread(master, &slave, 1, *(const uint32_t *)run->arg, run->seconds);
    nv_close(slave);
    nv_close(master);
    return value * 1e-6;
}

static double plain(struct bench_run *run)
{
    return plain_one_thread(&plain_slots_only, *(const uint32_t *)run->arg, run->seconds) * 1e-6;
}

int main(int argc, char **argv)
{
    static const uint32_t length_60 = FRAME_SHORT, length_1514 = FRAME_LONG;
    static const struct bench_case cases[] = {
        {"60", "Mpps", through_pipe, &length_60, "copy-loop slots", plain, &length_60},
        {"1514", "Mpps", through_pipe, &length_1514, "copy-loop slots", plain, &length_1514},
    };
    world_make();
    return bench_main(argc, argv, "pipe", cases, sizeof(cases) / sizeof(cases[0]));
}
