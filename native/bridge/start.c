/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * start.c - opening a bridge's ports, its threads, and its end. With a thread a way each opens its own descriptors: the
 * one for its port's rx rings, the other for the tx rings, so that no two threads sync one ring.
 */
#include "bridge/way.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine/stats.h"
#include "live/thread.h"
#include "memory/error.h"
#include "port/kind.h"
#include "port/name.h"

#define PUBLISH_NS (NV_SECOND / 100)
#define LINGER_NS  UINT64_C(50000) /* how long to look again and again after there was something */
#define BURST_MAX  4096u
#define PORTS_MAX  4u

struct worker {
    struct nv_bridge *bridge;
    struct nv_way *way[2];
    unsigned ways, index;
    pthread_t thread;
    bool started;
};

struct nv_bridge {
    struct nv_bridge_plan plan;
    char *dir;
    struct nv_bridge_info info;
    struct nv_port *port[PORTS_MAX];
    unsigned ports;
    struct nv_way way[2];
    struct worker worker[2];
    unsigned running; /* threads that have not ended yet */
    bool stop, done, joined;
    int wake; /* eventfd: stay awake, there is something to see */
    uint64_t *page;
    pthread_mutex_t lock; /* of error */
    struct nv_error error;
};

#define NAME(id, name) name,
static const char *const word_names[] = {NV_BRIDGE_FIELDS(NAME)};
#undef NAME

const char *nv_bridge_word_name(unsigned word)
{
    return word < NV_BRIDGE_FIELD_COUNT ? word_names[word] : NULL;
}

void nv_bridge_default(struct nv_bridge_plan *plan)
{
    *plan = (struct nv_bridge_plan){.burst = 1024, .threads = 1, .cpu = -1, .wait = NV_WAIT_ADAPTIVE};
}

/* ---- a thread
 * -------------------------------------------------------------------------------------------------------- */

static void fail(struct nv_bridge *b, int code, const char *port, const char *what)
{
    pthread_mutex_lock(&b->lock);
    if (!b->error.code)
        nv_fail(&b->error, code, "%s: %s", port, what);
    pthread_mutex_unlock(&b->lock);
}

static void publish(struct worker *w, uint64_t now)
{
    for (unsigned i = 0; i < w->ways; i++)
        nv_way_publish(w->way[i]);
    __atomic_store_n(&w->bridge->page[NV_BRIDGE_NOW_NS], now, __ATOMIC_RELAXED);
}

/* Sleep until a port has something to take or room for what is held, or stop is asked for. */
static void sleep_on(struct worker *w)
{
    struct pollfd fds[1 + PORTS_MAX] = {{.fd = w->bridge->wake, .events = POLLIN}};
    nfds_t count = 1;
    int64_t longest = (int64_t)(NV_SECOND / 10);

    for (unsigned i = 0; i < w->ways; i++) {
        struct nv_way *way = w->way[i];
        struct nv_port *port = way->held ? way->to : way->from;
        nv_txsync_all(way->to); /* learn what a pipe's other end has released */
        for (unsigned t = 0; way->held && t < way->tx_rings; t++)
            nv_slots_want_more(way->tx[t].ring);
        if (nv_arm(port, way->held ? POLLOUT : POLLIN))
            return;
        const int64_t limit = nv_sleep_limit_ns(port);
        longest = limit < longest ? limit : longest;
        fds[count++] = (struct pollfd){.fd = nv_fd(port), .events = POLLIN};
        w->way[i]->stat[NV_BRIDGE_SLEEPS]++;
    }
    publish(w, nv_now());
    const struct timespec wait = {.tv_nsec = (long)longest};
    ppoll(fds, count, &wait, NULL); /* the descriptor to wake it stays readable: it is there for the end only */
}

static bool stopped(const struct nv_bridge *b)
{
    return __atomic_load_n(&b->stop, __ATOMIC_RELAXED);
}

/* Until stop is asked for, or a port is gone. */
static void run(struct worker *w)
{
    struct nv_bridge *b = w->bridge;
    uint64_t busy = 0, published = 0, now = nv_now();
    const uint64_t start = b->page[NV_BRIDGE_START_NS] + b->plan.start_ns;

    while (now < start && !stopped(b)) {
        struct pollfd end = {.fd = b->wake, .events = POLLIN};
        poll(&end, 1, (int)((start - now) / 1000000 + 1));
        now = nv_now();
    }
    while (!stopped(b)) {
        int moved = 0;
        for (unsigned i = 0; i < w->ways; i++) {
            const int n = nv_way_turn(w->way[i]);
            if (n < 0) {
                const struct nv_way *way = w->way[i];
                const struct nv_port *port = nv_gone(way->from) ? way->from : way->to;
                fail(b, -n, nv_name(port), nv_gone_why(port));
                nv_bridge_stop(b);
                return;
            }
            moved += n;
        }
        now = nv_now();
        if (moved)
            busy = now;
        if (now - published >= PUBLISH_NS) {
            published = now;
            publish(w, now);
        }
        if (moved || b->plan.wait == NV_WAIT_BUSY)
            continue;
        if (b->plan.wait == NV_WAIT_ADAPTIVE && now - busy < LINGER_NS)
            nv_relax();
        else
            sleep_on(w);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct nv_bridge *b = w->bridge;
    struct nv_error error = {0};

    const int cpu = b->plan.cpu < 0 ? -1 : b->plan.cpu + (int)w->index;
    if (nv_thread_settle("nv-bridge", cpu, &error) == 0)
        run(w);
    else
        fail(b, error.code, "bridge", error.message);
    for (unsigned i = 0; i < w->ways; i++)
        nv_txsync_all(w->way[i]->to);
    publish(w, nv_now());
    if (__atomic_sub_fetch(&b->running, 1, __ATOMIC_ACQ_REL) == 0) {
        const uint64_t state = b->error.code ? NV_STATE_FAILED : NV_STATE_DONE;
        __atomic_store_n(&b->page[NV_BRIDGE_STATE], state, __ATOMIC_RELAXED);
        __atomic_store_n(&b->done, true, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* ---- ports
 * ----------------------------------------------------------------------------------------------------------- */

/*
 * Open a port by its name, with more flags (NR_RX_RINGS_ONLY, NR_TX_RINGS_ONLY); `again`: the descriptor of it that is
 * open already, by whose name it is found, for the one it was asked for by may stand for a new port each time.
 */
static int open_port(struct nv_bridge *b, const char *text, uint64_t flags, const struct nv_port *again,
                     struct nv_port **out, struct nv_error *err)
{
    const struct nv_open_options options = {.dir = b->plan.dir,
                                            .flags = NV_OPEN_EXCLUSIVE | (again ? (uint32_t)NV_OPEN_EXISTING : 0),
                                            .tx_slots = b->plan.slots,
                                            .rx_slots = b->plan.slots};
    char spelling[NV_SPELLING_SIZE];
    struct nv_name *name = calloc(2, sizeof(*name));

    if (!name)
        return nv_fail(err, ENOMEM, "out of memory");
    int error = nv_name_parse(text, &name[0], err);
    if (!error && again && !(error = nv_name_parse(nv_name(again), &name[1], err))) {
        name[1].mode = name[0].mode;
        name[1].ring_id = name[0].ring_id;
        name[1].flags = name[0].flags;
    }
    if (!error) {
        struct nv_name *one = &name[again ? 1 : 0];
        one->flags |= flags;
        const int length = nv_name_format(one, spelling, sizeof(spelling));
        error = length < 0 ? nv_fail(err, -length, "%s: the name is too long", text) : 0;
    }
    free(name);
    if (!error)
        error = nv_open(spelling, &options, out, err);
    if (!error) {
        b->port[b->ports++] = *out;
        nv_set_wait_mode(*out, NV_WAIT_BUSY); /* the bridge itself decides when to sleep */
    }
    return error;
}

/* Open what the ways need, and the ways. */
static int open_ways(struct nv_bridge *b, struct nv_error *err)
{
    const char *const *names = b->plan.port;
    const bool own = b->plan.threads == 2; /* descriptors for each way */
    const bool loop = b->info.ways == 1;
    const uint64_t rx = own ? NR_RX_RINGS_ONLY : 0, tx = own ? NR_TX_RINGS_ONLY : 0;
    struct nv_port *in[2] = {NULL}, *out[2] = {NULL}; /* by port */
    int error = 0;

    for (unsigned i = 0; i < (loop ? 1u : 2u) && !error; i++) {
        error = open_port(b, names[i], rx, NULL, &in[i], err);
        if (!error && own)
            error = open_port(b, names[i], tx, in[i], &out[i], err);
        else
            out[i] = in[i];
    }
    for (unsigned i = 0; i < b->info.ways && !error; i++) {
        struct nv_way *way = &b->way[i];
        way->burst = b->plan.burst;
        way->words = b->page + NV_BRIDGE_HEAD_WORDS + i * NV_BRIDGE_GROUP_WORDS;
        error = nv_way_open(way, in[i], out[loop ? i : 1 - i], b->plan.copy, err);
    }
    for (unsigned i = 0; i < 2 && !error; i++)
        (void)snprintf(b->info.port[i], sizeof(b->info.port[i]), "%s", nv_name(in[loop ? 0 : i]));
    b->info.exchange = b->way[0].exchange;
    return error;
}

/* ---- start and end
 * --------------------------------------------------------------------------------------------------- */

static int check(const struct nv_bridge_plan *plan, struct nv_error *err)
{
    if (!plan->port[0])
        return nv_fail(err, EINVAL, "a port is needed");
    if (plan->burst < 1 || plan->burst > BURST_MAX)
        return nv_fail(err, EINVAL, "a burst of %u: give 1 to %u", plan->burst, BURST_MAX);
    if (plan->threads < 1 || plan->threads > 2)
        return nv_fail(err, EINVAL, "%u threads: give 1, or 2 for one each way", plan->threads);
    return 0;
}

/* Is one of the ports made anew at each open? Then it cannot be opened once for each way. */
static bool made_anew(const struct nv_bridge_plan *plan)
{
    bool anew = false;
    for (unsigned i = 0; i < 2 && plan->port[i]; i++) {
        const struct nv_kind *kind = nv_kind_find(plan->port[i], strcspn(plan->port[i], ":"));
        anew |= kind && (kind->flags & NV_KIND_NEW);
    }
    return anew;
}

static int start_threads(struct nv_bridge *b, struct nv_error *err)
{
    const unsigned threads = b->info.threads;
    int error = 0;

    b->page[NV_BRIDGE_START_NS] = nv_now();
    b->page[NV_BRIDGE_STATE] = NV_STATE_RUNNING;
    b->running = threads;
    for (unsigned i = 0; i < b->info.ways; i++) {
        struct worker *w = &b->worker[i % threads];
        w->way[w->ways++] = &b->way[i];
    }
    for (unsigned i = 0; i < threads && !error; i++) {
        b->worker[i].bridge = b;
        b->worker[i].index = i;
        error = nv_thread_start(&b->worker[i].thread, worker_main, &b->worker[i], err);
        b->worker[i].started = error == 0;
    }
    return error;
}

int nv_bridge_start(const struct nv_bridge_plan *plan, struct nv_bridge **out, struct nv_error *err)
{
    int error = check(plan, err);

    *out = NULL;
    if (error)
        return error;
    struct nv_bridge *b = calloc(1, sizeof(*b));
    if (!b)
        return nv_fail(err, ENOMEM, "out of memory");
    pthread_mutex_init(&b->lock, NULL);
    b->plan = *plan;
    b->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    b->page = calloc(NV_BRIDGE_PAGE_WORDS, sizeof(*b->page));
    b->dir = plan->dir ? strdup(plan->dir) : NULL;
    b->plan.dir = b->dir;
    b->info.ways = !plan->port[1] || !strcmp(plan->port[0], plan->port[1]) ? 1 : 2;
    b->info.threads = b->info.ways < plan->threads || made_anew(plan) ? 1 : plan->threads;
    b->plan.threads = b->info.threads;
    if (b->wake < 0 || !b->page || (plan->dir && !b->dir))
        error = nv_fail(err, ENOMEM, "out of memory");
    if (!error)
        error = open_ways(b, err);
    if (!error)
        error = start_threads(b, err);
    if (error) {
        nv_bridge_free(b);
        return error;
    }
    *out = b;
    return 0;
}

const struct nv_bridge_info *nv_bridge_describe(const struct nv_bridge *b)
{
    return &b->info;
}

uint64_t *nv_bridge_page(const struct nv_bridge *b)
{
    return b->page;
}

void nv_bridge_stop(struct nv_bridge *b)
{
    const uint64_t one = 1;

    __atomic_store_n(&b->stop, true, __ATOMIC_RELAXED);
    if (write(b->wake, &one, sizeof(one)) < 0) {
        /* it is awake anyway: the counter is full */
    }
}

bool nv_bridge_done(const struct nv_bridge *b)
{
    return __atomic_load_n(&b->done, __ATOMIC_ACQUIRE);
}

int nv_bridge_join(struct nv_bridge *b, struct nv_error *err)
{
    if (!b->joined) {
        b->joined = true;
        for (unsigned i = 0; i < 2; i++)
            if (b->worker[i].started)
                pthread_join(b->worker[i].thread, NULL);
        for (unsigned i = 0; i < 2; i++)
            nv_way_close(&b->way[i]);
        for (unsigned i = 0; i < b->ports; i++)
            nv_close(b->port[i]);
    }
    return b->error.code ? nv_fail(err, b->error.code, "%s", b->error.message) : 0;
}

void nv_bridge_free(struct nv_bridge *b)
{
    if (!b)
        return;
    nv_bridge_stop(b);
    nv_bridge_join(b, NULL);
    if (b->wake >= 0)
        close(b->wake);
    pthread_mutex_destroy(&b->lock);
    free(b->page);
    free(b->dir);
    free(b);
}
