/* SPDX-License-Identifier: BSD-2-Clause */
/* one_thread.h - send, forward and receive in one thread through two or more ports: the measured loop. */
#ifndef NETVALE_BENCH_ONE_THREAD_H
#define NETVALE_BENCH_ONE_THREAD_H

#include "plain_loop.h"
#include "world.h"

#define ONE_THREAD_RECEIVERS PLAIN_RECEIVERS

/* Fill, sync, walk in batches of PLAIN_BATCH for `seconds`. Returns packets per second received, over all receivers. */
static inline double one_thread(struct nv_port *from, struct nv_port *const *to, unsigned receivers, uint32_t length,
                                double seconds)
{
    struct netmap_ring *tx = nv_txring(from, 0), *rx[ONE_THREAD_RECEIVERS];
    for (unsigned r = 0; r < receivers; r++)
        rx[r] = nv_rxring(to[r], 0);
    uint64_t sent = 0, packets = 0, bytes = 0;
    const uint64_t start = bench_ns(), limit = start + (uint64_t)(seconds * 1e9);
    uint64_t now = start;
    while (now < limit) {
        for (unsigned i = 0; i < 64; i++) {
            sent += world_fill(tx, PLAIN_BATCH, length);
            world_txsync(from);
            for (unsigned r = 0; r < receivers; r++) {
                world_rxsync(to[r]);
                packets += world_walk(rx[r], &bytes);
            }
        }
        now = bench_ns();
    }
    if (packets != sent * receivers || bytes != packets * length)
        bench_fail("%s sent %llu packets, %llu of %llu bytes arrived", nv_name(from), (unsigned long long)sent,
                   (unsigned long long)bytes, (unsigned long long)(sent * receivers * length));
    return (double)packets * 1e9 / (double)(now - start);
}

#endif
