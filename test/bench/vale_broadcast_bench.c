/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_broadcast_bench.c - "vale-broadcast": frames to addresses nobody has learnt, flooded to three receivers. */
#include "one_thread.h"

struct load {
    uint32_t length;
    double unit; /* figure per copy a second */
};

static double vale(struct bench_run *run)
{
    const struct load *load = run->arg;
    static const char *const names[PLAIN_RECEIVERS] = {"vale0:b", "vale0:c", "vale0:d"};
    struct nv_port *from = world_open("vale0:a"), *to[PLAIN_RECEIVERS];
    for (unsigned r = 0; r < PLAIN_RECEIVERS; r++)
        to[r] = world_open(names[r]);
    world_write_frames(nv_txring(from, 0), load->length);
    const double value = one_thread(from, to, PLAIN_RECEIVERS, load->length, run->seconds);
    for (unsigned r = 0; r < PLAIN_RECEIVERS; r++)
        nv_close(to[r]);
    nv_close(from);
    return value * load->unit;
}

static double plain(struct bench_run *run)
{
    const struct load *load = run->arg;
    return plain_one_thread(&plain_flooding, load->length, run->seconds) * load->unit;
}

int main(int argc, char **argv)
{
    static const struct load load_60 = {FRAME_SHORT, 1e-6}, load_1514 = {FRAME_LONG, FRAME_LONG * 8e-9};
    static const struct bench_case cases[] = {
        {"60", "Mpps", vale, &load_60, "copy-loop flood 60", plain, &load_60},
        {"1514", "Gbit/s", vale, &load_1514, "copy-loop flood 1514", plain, &load_1514},
    };
    world_make();
    return bench_main(argc, argv, "vale-broadcast", cases, sizeof(cases) / sizeof(cases[0]));
}
