/* SPDX-License-Identifier: BSD-2-Clause */
/* latency.h - round-trip times of one run: collect, then median and 99th percentile. And the bare FIFO ping-pong. */
#ifndef NETVALE_BENCH_LATENCY_H
#define NETVALE_BENCH_LATENCY_H

#include "two_processes.h"

#include <fcntl.h>
#include <sys/stat.h>

#define LATENCY_MAX 2000000u /* round trips kept of one run */

struct latency {
    uint32_t count;
    uint32_t *ns;
};

static inline struct latency latency_new(void)
{
    return (struct latency){.ns = bench_shared(LATENCY_MAX * sizeof(uint32_t))};
}

static inline void latency_add(struct latency *l, uint64_t ns)
{
    if (l->count < LATENCY_MAX)
        l->ns[l->count++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static inline int latency_compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Median in microseconds, *p99 likewise; frees what was collected. */
static inline double latency_end(struct latency *l, double *p99)
{
    if (l->count == 0)
        bench_fail("no round trip in the whole run");
    qsort(l->ns, l->count, sizeof(l->ns[0]), latency_compare);
    *p99 = l->ns[(uint64_t)l->count * 99 / 100] / 1e3;
    const double median = l->ns[l->count / 2] / 1e3;
    munmap(l->ns, LATENCY_MAX * sizeof(uint32_t));
    return median;
}

/* Two FIFOs without a name left in the file system, opened for both sides. */
struct fifo_pair {
    int to_child, to_parent;
    double p99;
};

static inline int fifo_open(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (mkfifo(path, 0600) != 0)
        bench_fail("cannot make FIFO %s: %s", path, strerror(errno));
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        bench_fail("cannot open FIFO %s: %s", path, strerror(errno));
    unlink(path);
    return fd;
}

static inline void fifo_move(ssize_t moved)
{
    if (moved != 1)
        bench_fail("FIFO: %s", strerror(errno));
}

static inline void fifo_echo(struct duo_control *control, void *arg)
{
    const struct fifo_pair *pair = arg;
    char byte;
    while (!duo_stopped(control)) {
        fifo_move(read(pair->to_child, &byte, 1));
        fifo_move(write(pair->to_parent, &byte, 1));
    }
}

/* One byte there and back, over and over. One more byte, sent after the stop, lets the child see it. */
static inline double fifo_ping(struct duo_control *control, void *arg, double seconds)
{
    struct fifo_pair *pair = arg;
    struct latency rtt = latency_new();
    char byte = 0;
    uint64_t now = bench_ns();
    const uint64_t limit = now + (uint64_t)(seconds * 1e9);
    while (now < limit) {
        const uint64_t sent = bench_ns();
        fifo_move(write(pair->to_child, &byte, 1));
        fifo_move(read(pair->to_parent, &byte, 1));
        now = bench_ns();
        latency_add(&rtt, now - sent);
    }
    duo_stop(control);
    fifo_move(write(pair->to_child, &byte, 1));
    return latency_end(&rtt, &pair->p99);
}

/* Median round trip in microseconds between two processes that sleep on FIFOs; *p99 likewise. */
static inline double fifo_ping_pong(bool one_core, double seconds, double *p99)
{
    char dir[] = "/dev/shm/netvale-bench-XXXXXX";
    if (!mkdtemp(dir))
        bench_fail("cannot make %s: %s", dir, strerror(errno));
    struct fifo_pair pair = {.to_child = fifo_open(dir, "ping"), .to_parent = fifo_open(dir, "pong")};
    rmdir(dir);
    const struct duo duo = {fifo_echo, fifo_ping, &pair, one_core};
    const double median = duo_run(&duo, seconds);
    *p99 = pair.p99;
    close(pair.to_child);
    close(pair.to_parent);
    return median;
}

#endif
