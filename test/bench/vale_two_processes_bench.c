/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_two_processes_bench.c - "vale-two-processes": what a receiver in another process gets, waiting adaptively. */
#include "plain_duo.h"
#include "world.h"

#include <poll.h>

struct load {
    uint32_t length;
    bool one_core;
    double unit; /* figure per packet a second */
};

/* The packets of a port that found no room at their receiver. */
static uint64_t turned_away(const struct nv_port *port)
{
    struct nv_port_stats stats;
    nv_stats(port, &stats);
    return stats.drops[NV_DROP_NO_SPACE] + stats.drops[NV_DROP_BUSY];
}

/* Send as fast as the switch takes packets; when it turns some away, let the receiver have the processor. */
static void send_all(struct duo_control *control, void *arg)
{
    const struct load *load = arg;
    struct nv_port *port = world_open("vale0:a");
    struct netmap_ring *ring = nv_txring(port, 0);
    world_write_frames(ring, load->length);
    duo_await_ready(control);
    for (uint64_t seen = 0; !duo_stopped(control);) {
        world_fill(ring, PLAIN_DUO_BATCH, load->length);
        world_txsync(port);
        const uint64_t now = turned_away(port);
        if (now != seen)
            sched_yield();
        seen = now;
    }
    nv_close(port);
}

static double receive_all(struct duo_control *control, void *arg, double seconds)
{
    const struct load *load = arg;
    struct nv_port *port = world_open("vale0:b");
    struct netmap_ring *ring = nv_rxring(port, 0);
    for (uint32_t i = 0; i < FRAME_ADDRESSES; i++) /* the switch learns where the destinations are */
        world_send(port, FRAME_BROADCAST, frame_destination(i));
    duo_set_ready(control);
    uint64_t packets = 0, bytes = 0, start = 0, now = 0;
    for (unsigned turn = 0; !start || now < start + (uint64_t)(seconds * 1e9); turn++) {
        const int ready = nv_wait(port, POLLIN, 1000000000);
        world_check(port, ready);
        if (ready != POLLIN)
            bench_fail("nothing came for a second");
        if (!start)
            start = bench_ns();
        packets += world_walk(ring, &bytes);
        if (turn % 16 == 0)
            now = bench_ns();
    }
    nv_close(port);
    if (bytes != packets * load->length)
        bench_fail("%llu packets had %llu bytes", (unsigned long long)packets, (unsigned long long)bytes);
    return (double)packets * 1e9 / (double)(now - start);
}

static double vale(struct bench_run *run)
{
    struct load load = *(const struct load *)run->arg;
    const struct duo duo = {send_all, receive_all, &load, load.one_core};
    return duo_run(&duo, run->seconds) * load.unit;
}

static double plain(struct bench_run *run)
{
    const struct load *load = run->arg;
    return plain_two_processes(load->length, load->one_core, run->seconds) * load->unit;
}

int main(int argc, char **argv)
{
    static const struct load load_60 = {FRAME_SHORT, false, 1e-6}, one_core = {FRAME_SHORT, true, 1e-6};
    static const struct load load_1514 = {FRAME_LONG, false, FRAME_LONG * 8e-9};
    static const struct bench_case cases[] = {
        {"60", "Mpps", vale, &load_60, "two-process-loop 60", plain, &load_60},
        {"1514", "Gbit/s", vale, &load_1514, "two-process-loop 1514", plain, &load_1514},
        {"60 one core", "Mpps", vale, &one_core, "two-process-loop 60 one core", plain, &one_core},
    };
    world_make();
    return bench_main(argc, argv, "vale-two-processes", cases, sizeof(cases) / sizeof(cases[0]));
}
