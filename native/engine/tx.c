/* SPDX-License-Identifier: BSD-2-Clause */
/* tx.c - send: tx and txseq. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

#include "engine/fill.h"
#include "engine/pacer.h"
#include "memory/error.h"

#define PAUSE_MIN_NS UINT64_C(500)
#define PAUSE_MAX_NS UINT64_C(20000)
#define HEADSTART_NS UINT64_C(1000000) /* for the workers' threads to begin */

struct sender {
    struct nv_worker *w;
    struct nv_pacer pacer;
    bool paced;
    uint64_t left;     /* packets to send yet */
    uint64_t deadline; /* UINT64_MAX: none */
    unsigned turn;     /* ring that is filled first */
    uint64_t refused;  /* the port's no_space and busy drops when last looked at */
    uint64_t pause_ns; /* after a batch, for a receiver that cannot follow */
};

/*
 * Fill the rings with up to `most` packets (each ring with up to `most` when sending as fast as possible, as
 * pkt-gen does) and hand them over. Returns how many were, with those that rules denied or that were lost because a
 * ring had to be set right, or -errno.
 */
static int64_t send_batch(struct sender *s, uint32_t most)
{
    struct nv_worker *w = s->w;
    uint64_t sent = 0, denied = w->stat[NV_STAT_DENIED], reset = w->stat[NV_STAT_RESET];

    w->fill->generator.stamp.time_ns = w->now;
    for (unsigned i = 0; i < w->fill->rings; i++) {
        unsigned r = (s->turn + i) % w->fill->rings;
        uint64_t quota = s->paced ? most - sent : most;
        if (quota > s->left - sent)
            quota = s->left - sent;
        if (quota == 0)
            break;
        if (!nv_worker_turn(w, false, w->fill->ring[r].id))
            continue;
        uint64_t before = w->stat[NV_STAT_DENIED];
        uint32_t n = nv_fill_slots(w->fill, r, (uint32_t)quota);
        int error = n ? nv_txsync(w->port, w->fill->ring[r].id) : 0;
        nv_worker_turn_end(w, false, w->fill->ring[r].id);
        if (error < 0) {
            error = nv_worker_reset(w, n - (w->stat[NV_STAT_DENIED] - before));
            if (error < 0)
                return error;
        }
        sent += n;
    }
    s->turn++;
    s->left -= s->left == UINT64_MAX ? 0 : sent;
    w->stat[NV_STAT_ACCEPTED] += sent - (w->stat[NV_STAT_DENIED] - denied) - (w->stat[NV_STAT_RESET] - reset);
    return (int64_t)sent;
}

/* Packets that a receiver could not take. */
static uint64_t refused(const struct nv_port_stats *stats)
{
    return stats->drops[NV_DROP_NO_SPACE] + stats->drops[NV_DROP_BUSY];
}

/*
 * A VALE port takes everything and drops what its receivers have no room for. While that goes on, give the
 * processor away for a while, longer and longer: the receiver may be waiting for this very processor, and where it runs
 * on another it gets the cache lines of its ring for itself. Paced senders only yield: their gaps are given.
 */
static void yield_to_receiver(struct sender *s)
{
    struct nv_port_stats stats;

    nv_stats(s->w->port, &stats);
    uint64_t before = s->refused;
    s->refused = refused(&stats);
    bool dropped = s->refused != before;
    if (dropped) {
        s->w->stat[NV_STAT_PAUSES]++;
        s->pause_ns = s->paced ? 0 : s->pause_ns * 2 + PAUSE_MIN_NS;
        if (s->pause_ns > PAUSE_MAX_NS)
            s->pause_ns = PAUSE_MAX_NS;
    } else {
        s->pause_ns -= s->pause_ns / 8;
    }
    if (!dropped && s->pause_ns < PAUSE_MIN_NS)
        return;
    uint64_t until = nv_now() + s->pause_ns;
    do {
        sched_yield();
    } while (s->pause_ns && nv_now() < until);
}

static int run(struct sender *s)
{
    struct nv_worker *w = s->w;
    uint32_t burst = w->plan->burst;

    while (s->left && !nv_worker_stopped(w)) {
        w->now = nv_now();
        if (w->now >= s->deadline)
            break;
        uint32_t most = burst;
        if (s->paced) {
            most = nv_pacer_due(&s->pacer, w->now);
            w->stat[NV_STAT_RATE] = nv_pacer_rate(&s->pacer, w->now);
            w->stat[NV_STAT_MISSED] = s->pacer.missed;
            if (most == 0) {
                uint64_t next = nv_pacer_next(&s->pacer);
                nv_worker_account(w);
                nv_worker_publish(w);
                nv_worker_sleep_until(w, next < s->deadline ? next : s->deadline);
                continue;
            }
        }
        uint64_t accepted = w->stat[NV_STAT_ACCEPTED];
        int64_t sent = send_batch(s, most);
        if (sent < 0)
            return (int)sent;
        if (s->paced)
            nv_pacer_sent(&s->pacer, (uint32_t)sent, w->now);
        nv_worker_batch(w, w->stat[NV_STAT_ACCEPTED] - accepted);
        nv_worker_account(w);
        nv_worker_publish(w);
        if (sent == 0) {
            int ready = nv_worker_wait(w, POLLOUT, s->deadline);
            if (ready < 0)
                return ready;
        } else {
            yield_to_receiver(s);
        }
    }
    return 0;
}

int nv_run_tx(struct nv_worker *w)
{
    const struct nv_plan *plan = w->plan;
    struct sender s = {.w = w, .left = nv_worker_share(w, plan->count), .deadline = UINT64_MAX};
    struct nv_port_stats stats;

    nv_stats(w->port, &stats);
    s.refused = refused(&stats);
    nv_worker_state(w, NV_STATE_RUNNING);
    s.paced = plan->ramp_steps > 0;
    if (s.paced) /* all workers from the same moment on */
        nv_pacer_init(&s.pacer, plan->ramp, plan->ramp_steps, plan->burst, w->index, w->engine->threads,
                      nv_page_get(w->engine->page, NV_PAGE_START_NS) + plan->link_wait_ns + HEADSTART_NS);
    if (plan->duration_ns)
        s.deadline = w->now + plan->duration_ns;
    int error = run(&s);
    if (error == 0)
        error = nv_worker_flush(w);
    w->stat[NV_STAT_RATE] = 0;
    return error;
}
