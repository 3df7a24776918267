/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_shared_region_bench.c - "vale-shared-region": both ports in one region, so that forwarding exchanges buffers. */
#include "one_thread.h"

static double vale(struct bench_run *run)
{
    const uint32_t length = *(const uint32_t *)run->arg;
    struct nv_port *a = world_open("vale0:a@7"), *b = world_open("vale0:b@7");
    world_teach(a, b, "vale0:c@7");
    world_write_frames(nv_txring(a, 0), length);
    world_write_frames(nv_rxring(b, 0), length); /* the buffers go round: all must hold frames */
    const double value = one_thread(a, &b, 1, length, run->seconds);
    nv_close(b);
    nv_close(a);
    return value * 1e-6;
}

static double plain(struct bench_run *run)
{
    return plain_one_thread(&plain_exchanging, *(const uint32_t *)run->arg, run->seconds) * 1e-6;
}

int main(int argc, char **argv)
{
    static const uint32_t length_60 = FRAME_SHORT, length_1514 = FRAME_LONG;
    static const struct bench_case cases[] = {
        {"60", "Mpps", vale, &length_60, "copy-loop exchange 60", plain, &length_60},
        {"1514", "Mpps", vale, &length_1514, "copy-loop exchange 1514", plain, &length_1514},
    };
    world_make();
    return bench_main(argc, argv, "vale-shared-region", cases, sizeof(cases) / sizeof(cases[0]));
}
