/* SPDX-License-Identifier: BSD-2-Clause */
/* vale_ping_pong_bench.c - "vale-ping-pong": one frame to another process and back, in each way of waiting. */
#include "latency.h"
#include "world.h"

#include <poll.h>

struct ping_pong {
    enum nv_wait_mode mode;
    double p99;
};

static struct nv_port *open_waiting(const char *name, enum nv_wait_mode mode)
{
    struct nv_port *port = world_open(name);
    nv_set_wait_mode(port, mode);
    return port;
}

/* Wait for one frame and take it; false when none came in time. */
static bool take_one(struct nv_port *port, int64_t timeout_ns)
{
    const int ready = nv_wait(port, POLLIN, timeout_ns);
    world_check(port, ready);
    uint64_t bytes = 0;
    if (ready != POLLIN)
        return false;
    if (world_walk(nv_rxring(port, 0), &bytes) != 1 || bytes != FRAME_SHORT)
        bench_fail("%s: not the one frame that was sent", nv_name(port));
    return true;
}

static void echo(struct duo_control *control, void *arg)
{
    const struct ping_pong *p = arg;
    struct nv_port *port = open_waiting("vale0:b", p->mode);
    duo_set_ready(control);
    while (take_one(port, -1) && !duo_stopped(control))
        world_send(port, frame_source(0), frame_destination(0));
    nv_close(port);
}

static double ping(struct duo_control *control, void *arg, double seconds)
{
    struct ping_pong *p = arg;
    struct latency rtt = latency_new();
    struct nv_port *port = open_waiting("vale0:a", p->mode);
    duo_await_ready(control);
    uint64_t now = bench_ns();
    const uint64_t limit = now + (uint64_t)(seconds * 1e9);
    while (now < limit) {
        const uint64_t sent = bench_ns();
        world_send(port, frame_destination(0), frame_source(0));
        if (!take_one(port, 1000000000))
            bench_fail("no answer for a second");
        now = bench_ns();
        latency_add(&rtt, now - sent);
    }
    duo_stop(control);
    world_send(port, frame_destination(0), frame_source(0)); /* lets the other side see it */
    nv_close(port);
    return latency_end(&rtt, &p->p99);
}

static double vale(struct bench_run *run)
{
    struct ping_pong p = {.mode = *(const enum nv_wait_mode *)run->arg};
    const struct duo duo = {echo, ping, &p, false};
    const double median = duo_run(&duo, run->seconds);
    run->p99 = p.p99;
    return median;
}

static double fifo(struct bench_run *run)
{
    return fifo_ping_pong(false, run->seconds, &run->p99);
}

int main(int argc, char **argv)
{
    static const enum nv_wait_mode sleeping = NV_WAIT_SLEEP, adaptive = NV_WAIT_ADAPTIVE, busy = NV_WAIT_BUSY;
    static const struct bench_case cases[] = {
        {"sleeping", "us", vale, &sleeping, "fifo-ping-pong", fifo, NULL},
        {"adaptive", "us", vale, &adaptive, "fifo-ping-pong", fifo, NULL},
        {"busy", "us", vale, &busy, "fifo-ping-pong", fifo, NULL},
    };
    world_make();
    return bench_main(argc, argv, "vale-ping-pong", cases, sizeof(cases) / sizeof(cases[0]));
}
