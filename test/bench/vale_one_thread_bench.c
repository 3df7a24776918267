/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_one_thread_bench.c - "vale-one-thread": send, forward by copy and receive, all in one thread. */
#include "one_thread.h"

struct load {
    uint32_t length;
    double unit; /* figure per packet a second */
};

static double vale(struct bench_run *run)
{
    const struct load *load = run->arg;
    struct nv_port *a = world_open("vale0:a"), *b = world_open("vale0:b");
    world_teach(a, b, "vale0:c");
    world_write_frames(nv_txring(a, 0), load->length);
    const double value = one_thread(a, &b, 1, load->length, run->seconds);
    nv_close(b);
    nv_close(a);
    return value * load->unit;
}

static double plain(struct bench_run *run)
{
    const struct load *load = run->arg;
    return plain_one_thread(&plain_copying, load->length, run->seconds) * load->unit;
}

int main(int argc, char **argv)
{
    static const struct load load_60 = {FRAME_SHORT, 1e-6}, load_1514 = {FRAME_LONG, FRAME_LONG * 8e-9};
    static const struct bench_case cases[] = {
        {"60", "Mpps", vale, &load_60, "copy-loop 60", plain, &load_60},
        {"1514", "Gbit/s", vale, &load_1514, "copy-loop 1514", plain, &load_1514},
    };
    world_make();
    return bench_main(argc, argv, "vale-one-thread", cases, sizeof(cases) / sizeof(cases[0]));
}
