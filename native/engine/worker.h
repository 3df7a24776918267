/* SPDX-License-Identifier: BSD-2-Clause */
/* worker.h - one thread of an engine: what the roles share. */
#ifndef NETVALE_ENGINE_WORKER_H
#define NETVALE_ENGINE_WORKER_H

#include <pthread.h>

#include "engine/clock.h"
#include "engine/engine.h"
#include "engine/page.h"

#define NV_SLICE_NS INT64_C(100000000) /* longest wait between two looks at the stop flag */

struct nv_fill;
struct nv_filter;
struct nv_aside;

struct nv_worker {
    struct nv_engine *engine;
    const struct nv_plan *plan; /* the engine's, defaults filled in */
    unsigned index;
    struct nv_port *port;
    unsigned first_tx, tx_rings, first_rx, rx_rings; /* bound by its port; 0 rings: not in this direction */
    pthread_t thread;

    struct nv_fill *fill;     /* roles that generate packets */
    struct nv_filter *filter; /* with plan->rules, else NULL */

    uint64_t now;                       /* clock at the current batch */
    uint64_t stat[NV_STAT_FIELD_COUNT]; /* the worker's own; published once a batch */
    uint64_t *words;                    /* its group in the page */
    struct nv_histogram *histogram;
    uint64_t epoch, port_ns; /* the reader's epoch; when the port's counters were published */
    struct nv_error error;
} __attribute__((aligned(128)));

struct nv_engine {
    struct nv_plan plan;
    struct nv_rate_step *ramp; /* plan.ramp, or the one step of plan.rate */
    struct nv_stats_page *page;
    struct nv_port_stats port_start;
    unsigned threads, started, finished; /* workers; threads running; done */
    bool joined, stop;
    struct nv_engine_info info;
    struct nv_aside *aside; /* with plan.rules, else NULL */
    struct nv_worker *worker;
};

/* What each role does until it is stopped or done; 0, or -errno after nv_fail(&w->error, ...). */
int nv_run_tx(struct nv_worker *w); /* tx and txseq */
int nv_run_rx(struct nv_worker *w); /* rx and rxseq */
int nv_run_ping(struct nv_worker *w);
int nv_run_pong(struct nv_worker *w);

static inline bool nv_worker_stopped(const struct nv_worker *w)
{
    return __atomic_load_n(&w->engine->stop, __ATOMIC_RELAXED);
}

/*
 * Begin with a ring: true. With plan.share we take turns with its other openers, a batch each (nv_turn_take); false:
 * another one stays in there.
 */
static inline bool nv_worker_turn(const struct nv_worker *w, bool rx, unsigned ring)
{
    return !w->plan->share || nv_turn_take(w->port, rx, ring) == 0;
}
static inline void nv_worker_turn_end(const struct nv_worker *w, bool rx, unsigned ring)
{
    if (w->plan->share)
        nv_turn_give(w->port, rx, ring);
}

/* Show the worker's counters, and now and then (worker 0) the port's. Once a batch. */
void nv_worker_publish(struct nv_worker *w);

/* -EIO, saying that somebody wrote into the port's rings what cannot be: when they are first looked at. */
int nv_worker_rubbish(const struct nv_worker *w, struct nv_error *err);

/*
 * A sync failed, and `lost` packets stood in the ring. 0: somebody had written rubbish there, the ring was set right,
 * they are counted as lost, and the work goes on. Else the interface is gone: -errno with w->error.
 */
int nv_worker_reset(struct nv_worker *w, uint64_t lost);

/* Enter a state and publish. */
void nv_worker_state(struct nv_worker *w, enum nv_engine_state state);

/* This worker's part of a number of packets for all workers; UINT64_MAX for 0, which means no limit. */
uint64_t nv_worker_share(const struct nv_worker *w, uint64_t total);

/* The worker saw `packets` at w->now: times of the first and the last, and one batch more. */
void nv_worker_batch(struct nv_worker *w, uint64_t packets);

/*
 * Sleep until `when`, then spin the last bit of the way; returns early, after at most 100 ms, so that the caller can
 * look at the stop flag. w->now is the clock on return.
 */
void nv_worker_sleep_until(struct nv_worker *w, uint64_t when);

/*
 * nv_wait for at most 100 ms or until `until` (ns; UINT64_MAX: no such time). Returns its events, 0 when there are
 * none or a ring was just set right, or -errno with w->error. w->now is the clock on return.
 */
int nv_worker_wait(struct nv_worker *w, int events, uint64_t until);

/* Take over what the port completed of the worker's tx rings: packets + pending = accepted. */
void nv_worker_account(struct nv_worker *w);

/*
 * Push what is left and wait until all of it is completed: for a second, or a tenth when stopped. What is
 * pending then stays counted as such. 0 or -EIO.
 */
int nv_worker_flush(struct nv_worker *w);

/* Write a packet as text to plan.dump_fd. */
void nv_worker_dump(const struct nv_worker *w, const struct netmap_ring *ring, uint32_t slot, const uint8_t *data,
                    uint32_t len);

#endif
