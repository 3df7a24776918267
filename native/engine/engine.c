/* SPDX-License-Identifier: BSD-2-Clause */
/* engine.c - start, stop and join: the port is opened by the caller's thread, the work is done by the workers'. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/aside.h"
#include "engine/fill.h"
#include "engine/filter.h"
#include "engine/worker.h"
#include "memory/error.h"
#include "port/name.h"

#define BURST_DEFAULT 512u

/* ---- a worker's thread ------------------------------------------------------------------------- */

static void pin(struct nv_worker *w)
{
    const struct nv_plan *plan = w->plan;
    cpu_set_t set;

    if (plan->cpu < 0)
        return;
    unsigned cpu = ((unsigned)plan->cpu + w->index) % plan->cpus;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
    if (error)
        nv_fail(&w->error, error, "cannot run on processor %u: %s", cpu, strerror(error));
    else
        w->stat[NV_STAT_CPU] = cpu + 1;
}

/* -w: nothing is sent or received before the link had its time. */
static void wait_for_link(struct nv_worker *w)
{
    uint64_t until = w->engine->page->word[NV_PAGE_START_NS] + w->plan->link_wait_ns;

    for (w->now = nv_now(); w->now < until && !nv_worker_stopped(w);)
        nv_worker_sleep_until(w, until);
}

static int run_role(struct nv_worker *w)
{
    switch (w->plan->role) {
    case NV_ROLE_TX:
    case NV_ROLE_TXSEQ:
        return nv_run_tx(w);
    case NV_ROLE_PING:
        return nv_run_ping(w);
    case NV_ROLE_PONG:
        return nv_run_pong(w);
    default:
        return nv_run_rx(w);
    }
}

static void *worker_main(void *arg)
{
    struct nv_worker *w = arg;
    struct nv_engine *e = w->engine;

    prctl(PR_SET_NAME, "nv-engine");
    prctl(PR_SET_TIMERSLACK, 1UL); /* wake up when asked, not up to 50 us later */
    pin(w);
    if (w->error.code == 0) {
        nv_worker_state(w, NV_STATE_WAITING);
        wait_for_link(w);
        run_role(w);
    }
    w->stat[NV_STAT_WORKER_ERROR] = (uint64_t)w->error.code;
    if (w->error.code) {
        uint64_t none = 0;
        __atomic_compare_exchange_n(&e->page->word[NV_PAGE_ERROR], &none, (uint64_t)w->error.code, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        nv_engine_stop(e); /* the others have nothing to wait for */
    }
    nv_worker_state(w, w->error.code ? NV_STATE_FAILED : NV_STATE_DONE);
    if (__atomic_add_fetch(&e->finished, 1, __ATOMIC_ACQ_REL) == e->threads) {
        struct nv_port_stats now;
        nv_stats(w->port, &now);
        nv_page_put_port(e->page, &now, &e->port_start);
        uint64_t state = nv_page_get(e->page, NV_PAGE_ERROR) ? NV_STATE_FAILED : NV_STATE_DONE;
        __atomic_store_n(&e->page->word[NV_PAGE_STATE], state, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* ---- starting ---------------------------------------------------------------------------------- */

/* What 100 us carry at the profile's highest rate: small enough that departures are even. */
static uint32_t paced_burst(const struct nv_plan *plan)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < plan->ramp_steps; i++) {
        highest = plan->ramp[i].from > highest ? plan->ramp[i].from : highest;
        highest = plan->ramp[i].to > highest ? plan->ramp[i].to : highest;
    }
    uint64_t burst = highest / plan->threads / 10000;
    return burst < 1 ? 1 : burst > BURST_DEFAULT ? BURST_DEFAULT : (uint32_t)burst;
}

static bool is_zero(const struct nv_mac_range *range)
{
    static const struct nv_mac_range zero;
    return memcmp(range, &zero, sizeof(zero)) == 0;
}

/* A locally administered address that goes with the port's name: two ports of a switch are not taken for one. */
static void own_mac(struct nv_mac_range *range, const char *port)
{
    uint64_t state = 0;

    for (; *port; port++)
        state = nv_splitmix64(&state) ^ (uint8_t)*port;
    uint64_t bits = nv_splitmix64(&state);
    range->first[0] = 0x02;
    for (unsigned i = 1; i < 6; i++)
        range->first[i] = (uint8_t)(bits >> 8 * i);
    memcpy(range->last, range->first, sizeof(range->last));
}

/* Copy the plan and fill in what was left to us. */
static int adopt_plan(struct nv_engine *e, const struct nv_plan *plan, struct nv_error *err)
{
    struct nv_plan *p = &e->plan;

    *p = *plan;
    e->threads = p->threads;
    p->ramp_steps = plan->rate ? 1 : plan->ramp_steps;
    e->ramp = calloc(p->ramp_steps + 1, sizeof(*e->ramp));
    if (!e->ramp)
        return nv_fail(err, ENOMEM, "no memory for a rate profile of %zu steps", p->ramp_steps);
    if (plan->rate)
        e->ramp[0] = (struct nv_rate_step){plan->rate, plan->rate, NV_SECOND};
    else if (plan->ramp_steps)
        memcpy(e->ramp, plan->ramp, plan->ramp_steps * sizeof(*e->ramp));
    p->ramp = e->ramp;
    if (p->burst == 0)
        p->burst = p->ramp_steps ? paced_burst(p) : p->role == NV_ROLE_PING ? 1 : BURST_DEFAULT;
    if (p->cpus == 0)
        p->cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
    if (p->stream == 0)
        p->stream = (uint16_t)(getpid() & 0xffff ? getpid() : 1);
    if (is_zero(&p->traffic.src_mac))
        own_mac(&p->traffic.src_mac, p->port);
    if (p->threads > 1 && p->open.tx_rings == 0 && p->open.rx_rings == 0)
        p->open.tx_rings = p->open.rx_rings = p->threads; /* a port that is created now has a ring for each */
    return 0;
}

/* The name worker i opens: the port, or one ring of it. */
static int worker_port(const struct nv_engine *e, unsigned i, char *out, size_t size, struct nv_error *err)
{
    struct nv_name name;
    int error = nv_name_parse(e->plan.port, &name, err);

    if (error)
        return error;
    if (e->threads > 1) {
        if (name.mode != NR_REG_ALL_NIC)
            return nv_fail(err, EINVAL, "%s: with %u threads each opens its own ring: leave the ring out of the name",
                           e->plan.port, e->threads);
        name.mode = NR_REG_ONE_NIC;
        name.ring_id = (uint16_t)i;
    }
    error = nv_name_format(&name, out, size);
    return error < 0 ? nv_fail(err, -error, "%s: the name is too long", e->plan.port) : 0;
}

/* What nv_engine_describe tells. */
static void describe(struct nv_engine *e)
{
    struct nv_engine_info *info = &e->info;
    const struct nv_worker *w = &e->worker[0];
    const struct nv_fill *fill = w->fill;
    const struct netmap_ring *ring = w->tx_rings ? nv_txring(w->port, w->first_tx) : nv_rxring(w->port, w->first_rx);

    *info =
        (struct nv_engine_info){.threads = e->threads, .burst = e->plan.burst, .vnet_len = e->plan.traffic.vnet_len};
    for (unsigned i = 0; i < e->threads; i++) {
        info->tx_rings += e->worker[i].tx_rings;
        info->rx_rings += e->worker[i].rx_rings;
    }
    info->buf_size = ring->nr_buf_size;
    info->prepared = fill && fill->prepared;
    info->frags = fill ? fill->frags : 1;
    strncpy(info->port, nv_name(e->worker[0].port), sizeof(info->port) - 1);
}

static bool generates(enum nv_role role)
{
    return role == NV_ROLE_TX || role == NV_ROLE_TXSEQ || role == NV_ROLE_PING;
}

/* Which rings the worker's port has, and whether they are what the role needs. */
static int bind_rings(struct nv_worker *w, struct nv_error *err)
{
    enum nv_role role = w->plan->role;
    struct nv_ring_range range = nv_rings(w->port);

    w->first_tx = range.first_tx;
    w->first_rx = range.first_rx;
    w->tx_rings = (uint16_t)(range.last_tx + 1 - range.first_tx);
    w->rx_rings = (uint16_t)(range.last_rx + 1 - range.first_rx);
    bool receives = role != NV_ROLE_TX && role != NV_ROLE_TXSEQ, sends = role != NV_ROLE_RX && role != NV_ROLE_RXSEQ;
    if ((receives && w->rx_rings == 0) || (sends && w->tx_rings == 0))
        return nv_fail(err, EINVAL, "%s: opened without the %s rings that %s needs", w->plan->port,
                       receives && w->rx_rings == 0 ? "rx" : "tx", nv_role_name(role));
    return 0;
}

static int open_ports(struct nv_engine *e, struct nv_error *err)
{
    char *name = malloc(NV_SPELLING_SIZE);
    int error = name ? 0 : nv_fail(err, ENOMEM, "no memory for the name of a port");

    for (unsigned i = 0; i < e->threads && error == 0; i++) {
        struct nv_worker *w = &e->worker[i];
        error = worker_port(e, i, name, NV_SPELLING_SIZE, err);
        if (error == 0)
            error = nv_open(name, &e->plan.open, &w->port, err);
        if (error)
            break;
        nv_set_wait_mode(w->port, e->plan.wait_mode);
        w->engine = e;
        w->plan = &e->plan;
        w->index = i;
        w->words = nv_page_worker_words(e->page, i);
        w->histogram = nv_page_worker_histogram(e->page, i);
        w->epoch = UINT64_MAX;
        error = bind_rings(w, err);
        if (error == 0 && e->plan.rules)
            error = nv_filter_new(w, &w->filter, err);
        if (error == 0 && generates(e->plan.role))
            error = nv_fill_new(w, &w->fill, err);
    }
    free(name);
    if (error == 0) {
        describe(e);
        nv_stats(e->worker[0].port, &e->port_start);
    }
    return error;
}

/* Start the threads with all signals blocked: they belong to the caller's threads. */
static int start_threads(struct nv_engine *e, struct nv_error *err)
{
    sigset_t all, before;
    int error = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    e->page->word[NV_PAGE_START_NS] = nv_now();
    for (; e->started < e->threads && error == 0; e->started++) {
        error = pthread_create(&e->worker[e->started].thread, NULL, worker_main, &e->worker[e->started]);
        if (error)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? nv_fail(err, error, "cannot start thread %u: %s", e->started, strerror(error)) : 0;
}

int nv_engine_start(const struct nv_plan *plan, struct nv_engine **out, struct nv_error *err)
{
    int error = nv_plan_check(plan, err);

    *out = NULL;
    if (error)
        return error;
    struct nv_engine *e = calloc(1, sizeof(*e));
    if (!e || !(e->page = nv_page_new(plan->threads)) ||
        !(e->worker = aligned_alloc(_Alignof(struct nv_worker), plan->threads * sizeof(*e->worker)))) {
        nv_engine_free(e);
        return nv_fail(err, ENOMEM, "no memory for %u workers", plan->threads);
    }
    memset(e->worker, 0, plan->threads * sizeof(*e->worker));
    error = adopt_plan(e, plan, err);
    if (error == 0 && plan->rules)
        error = nv_aside_new(&e->plan, &e->aside, err);
    if (error == 0)
        error = open_ports(e, err);
    if (error == 0)
        error = start_threads(e, err);
    if (error) {
        nv_engine_free(e);
        return error;
    }
    *out = e;
    return 0;
}

/* ---- stopping ---------------------------------------------------------------------------------- */

void nv_engine_stop(struct nv_engine *e)
{
    __atomic_store_n(&e->stop, true, __ATOMIC_RELAXED);
}

bool nv_engine_done(const struct nv_engine *e)
{
    return __atomic_load_n(&e->finished, __ATOMIC_ACQUIRE) == e->threads;
}

int nv_engine_join(struct nv_engine *e, struct nv_error *err)
{
    if (!e->joined) {
        for (unsigned i = 0; i < e->started; i++)
            pthread_join(e->worker[i].thread, NULL);
        e->joined = true;
        for (unsigned i = 0; i < e->threads && e->worker; i++) {
            nv_fill_free(e->worker[i].fill);
            nv_filter_free(e->worker[i].filter);
            nv_close(e->worker[i].port);
            e->worker[i].port = NULL;
        }
        struct nv_error failed = {0};
        if (nv_aside_free(e->aside, &failed) < 0 && e->started && e->worker[0].error.code == 0)
            e->worker[0].error = failed;
        e->aside = NULL;
    }
    for (unsigned i = 0; i < e->started; i++)
        if (e->worker[i].error.code)
            return nv_fail(err, e->worker[i].error.code, "%s", e->worker[i].error.message);
    return 0;
}

void nv_engine_describe(const struct nv_engine *e, struct nv_engine_info *out)
{
    *out = e->info;
}

struct nv_stats_page *nv_engine_stats(const struct nv_engine *e)
{
    return e->page;
}

void nv_engine_free(struct nv_engine *e)
{
    if (!e)
        return;
    nv_engine_stop(e);
    nv_engine_join(e, NULL);
    nv_page_free(e->page);
    free(e->ramp);
    free(e->worker);
    free(e);
}
