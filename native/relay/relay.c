/* SPDX-License-Identifier: BSD-2-Clause */
/* relay.c - start, stop and join a relay: the caller's thread opens the ports, the relay's own moves the packets. */
#include "relay/loop.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine/stats.h"
#include "memory/error.h"
#include "packet/medium.h"

#define NAME(id, name) name,
static const char *const page_names[] = {NV_RELAY_PAGE_FIELDS(NAME)};
static const char *const word_names[] = {NV_RELAY_FIELDS(NAME)};
static const char *const measure_names[] = {NV_RELAY_MEASURES(NAME)};
static const char *const own_drops[] = {NV_RELAY_DROPS(NAME)};
#undef NAME
_Static_assert((unsigned)NV_RELAY_FIELD_COUNT <= NV_RELAY_DROPS_AT, "words before the drops");
_Static_assert(NV_RELAY_DROPS_AT + NV_RELAY_DROP_WORDS <= NV_RELAY_GROUP_WORDS, "words of a group");
_Static_assert(sizeof(page_names) / sizeof(page_names[0]) == NV_RELAY_PAGE_FIELD_COUNT, "a name for each word");
_Static_assert(sizeof(word_names) / sizeof(word_names[0]) == NV_RELAY_FIELD_COUNT, "a name for each word");
_Static_assert((unsigned)NV_RELAY_MEASURE_COUNT <= NV_RELAY_MEASURE_LOST_AT, "words before the losses");
_Static_assert(NV_RELAY_MEASURE_LOST_AT + NV_EMU_DROP_COUNT <= NV_RELAY_MEASURE_WORDS, "words of a group");
_Static_assert(NV_RELAY_MEASURE_GROUPS < UINT16_MAX >> RELAY_MEASURE_SHIFT, "a record names its group");
_Static_assert(sizeof(own_drops) / sizeof(own_drops[0]) == NV_RELAY_DROP_COUNT, "a name for each drop");

const char *nv_relay_page_name(unsigned word)
{
    return word < NV_RELAY_PAGE_FIELD_COUNT ? page_names[word] : NULL;
}

const char *nv_relay_word_name(unsigned word)
{
    return word < NV_RELAY_FIELD_COUNT ? word_names[word] : NULL;
}

const char *nv_relay_measure_name(unsigned word)
{
    return word < NV_RELAY_MEASURE_COUNT ? measure_names[word] : NULL;
}

const char *nv_relay_drop_name(unsigned drop)
{
    if (drop < NV_RELAY_DROP_COUNT)
        return own_drops[drop];
    drop -= NV_RELAY_DROP_COUNT;
    if (drop == NV_RULES_WHY_BY_RULE)
        return "deny";
    if (drop < NV_RULES_REASON_COUNT)
        return nv_rules_reason_name(drop);
    drop -= NV_RULES_REASON_COUNT;
    return drop < NV_EMU_DROP_COUNT ? nv_emu_drop_name(drop) : nv_drop_name(drop - NV_EMU_DROP_COUNT);
}

void nv_relay_default(struct nv_relay_plan *plan)
{
    *plan = (struct nv_relay_plan){.open.extra_bufs = 4096,
                                   .memory = 256u << 20,
                                   .burst = 256,
                                   .wait_mode = NV_WAIT_ADAPTIVE,
                                   .cpu = -1,
                                   .log_fd = -1,
                                   .layer = 2,
                                   .one_pass = true};
}

static int check(const struct nv_relay_plan *plan, struct nv_error *err)
{
    if (!plan->port[0] || !plan->port[1])
        return nv_fail(err, EINVAL, "two ports are needed");
    if (plan->burst < 1 || plan->burst > RELAY_BURST_MAX)
        return nv_fail(err, EINVAL, "a burst of %u: give 1 to %d", plan->burst, RELAY_BURST_MAX);
    if (plan->layer != 2 && plan->layer != 3)
        return nv_fail(err, EINVAL, "layer %u: rules see layer 2 or 3", plan->layer);
    return 0;
}

/* A second packet of what `original` carries: for links that duplicate. NULL: no memory. */
static struct nv_emu_packet *duplicate(void *arg, const struct nv_emu_packet *original)
{
    struct nv_relay *r = arg;
    struct side *const sides[2] = {&r->side[0], &r->side[1]};
    struct frame from;

    side_kept((struct nv_emu_packet *)(uintptr_t)original, sides, &from);
    struct frame copy = {.data = from.data, .length = from.length, .place = FRAME_LOOSE};
    bool context = original->user & RELAY_HAS_CONTEXT;
    struct nv_emu_packet *record = side_keep(&copy, r->store, context ? sizeof(struct nv_rules_packet) : 0);
    if (!record)
        return NULL;
    if (context)
        memcpy(side_extra(record, copy.length), side_extra(from.record, copy.length), sizeof(struct nv_rules_packet));
    uint64_t cookie = record->cookie;
    *record = *original;
    record->cookie = cookie;
    r->waiting++;
    r->stat[original->user & 1][NV_RELAY_WAITING]++;
    r->stat[original->user & 1][NV_RELAY_DUPLICATES]++;
    return record;
}

static int pin(struct nv_relay *r)
{
    cpu_set_t set;

    if (r->plan.cpu < 0)
        return 0;
    CPU_ZERO(&set);
    CPU_SET((unsigned)r->plan.cpu, &set);
    int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
    return error ? nv_fail(&r->error, error, "cannot run on processor %d: %s", r->plan.cpu, strerror(error)) : 0;
}

/* The thread looks at everything again, also when it sleeps. */
static void wake(void *arg)
{
    struct nv_relay *r = arg;
    uint64_t one = 1;

    if (write(r->wake, &one, sizeof(one)) < 0) {
        /* it is awake anyway: the counter is full */
    }
}

/* Write what is left; what could not be written is shown. */
static void close_files(struct nv_relay *r)
{
    struct nv_error failed = {0};

    if (relay_file_close(&r->capture, &r->capture_lost, &failed) < 0 && r->error.code == 0)
        r->error = failed;
    if (relay_log_close(&r->log, &failed) < 0 && r->error.code == 0)
        r->error = failed;
    __atomic_store_n(&r->page[NV_RELAY_PAGE_CAPTURE_LOST], r->capture_lost, __ATOMIC_RELAXED);
    __atomic_store_n(&r->page[NV_RELAY_PAGE_LOG_LOST], r->log.lost, __ATOMIC_RELAXED);
}

static void *relay_main(void *arg)
{
    struct nv_relay *r = arg;

    prctl(PR_SET_NAME, "nv-relay");
    prctl(PR_SET_TIMERSLACK, 1UL); /* wake up when asked, not up to 50 us later */
    __atomic_store_n(&r->page[NV_RELAY_PAGE_STATE], NV_STATE_RUNNING, __ATOMIC_RELAXED);
    int error = pin(r);
    if (error == 0)
        error = relay_loop(r);
    close_files(r); /* which may take a while: here nobody waits for it */
    __atomic_store_n(&r->page[NV_RELAY_PAGE_ERROR], (uint64_t)-error, __ATOMIC_RELAXED);
    __atomic_store_n(&r->page[NV_RELAY_PAGE_STATE], error ? NV_STATE_FAILED : NV_STATE_DONE, __ATOMIC_RELAXED);
    __atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static int open_sides(struct nv_relay *r, const struct nv_relay_plan *plan, struct nv_error *err)
{
    struct nv_open_options open = plan->open;
    int error = 0;

    open.flags |= NV_OPEN_EXCLUSIVE; /* two relays on one ring would garble it */
    for (unsigned i = 0; i < 2 && error == 0; i++) {
        r->side[i].index = (uint8_t)i;
        error = side_open(&r->side[i], plan->port[i], &open, err);
        if (error == 0)
            error = side_spares(&r->side[i], i ? &r->side[0] : NULL, err);
        if (error == 0 && plan->rules) {
            int id = nv_rules_interface(plan->rules, nv_name(r->side[i].port), err);
            error = id < 0 ? id : 0;
            r->side[i].interface = (uint16_t)(id < 0 ? 0 : id);
        }
        if (error == 0)
            nv_set_wait_mode(r->side[i].port, NV_WAIT_BUSY); /* the relay itself decides when to sleep */
    }
    return error;
}

/* The files of the capture, of matches, and of records. */
static int open_files(struct nv_relay *r, const struct nv_relay_plan *plan, struct nv_error *err)
{
    const char *const names[] = {nv_name(r->side[0].port), nv_name(r->side[1].port)};
    int error = relay_log_records(&r->log, plan->log_fd, err);

    if (error == 0 && plan->capture)
        error = relay_file_create(&r->capture, plan->capture, names, 2, err);
    if (error == 0 && plan->matches)
        error = relay_log_packets(&r->log, plan->matches, names, 2, err);
    return error;
}

static int start_thread(struct nv_relay *r, struct nv_error *err)
{
    sigset_t all, before;

    sigfillset(&all); /* signals belong to the caller's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r->page[NV_RELAY_PAGE_START_NS] = r->log.start_ns = nv_now();
    int error = pthread_create(&r->thread, NULL, relay_main, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    r->started = error == 0;
    return error ? nv_fail(err, error, "cannot start a thread: %s", strerror(error)) : 0;
}

int relay_make(const struct nv_relay_plan *plan, struct nv_relay **out, struct nv_error *err)
{
    int error = check(plan, err);

    *out = NULL;
    if (error)
        return error;
    struct nv_relay *r = calloc(1, sizeof(*r));
    if (!r)
        return nv_fail(err, ENOMEM, "no memory for a relay");
    r->plan = *plan;
    outlets_init(&r->outlets);
    if (plan->open.dir && !(r->plan.open.dir = r->dir = strdup(plan->open.dir))) {
        free(r);
        return nv_fail(err, ENOMEM, "no memory for a relay");
    }
    r->one_pass = plan->one_pass;
    r->how = plan->layer == 3 ? NV_CARRIED_LAYER3 : 0;
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->store = nv_store_new(plan->memory);
    r->batch = calloc(1, sizeof(*r->batch));
    r->lateness = calloc(NV_RELAY_HISTOGRAMS, sizeof(*r->lateness)); /* touched as they are used */
    r->page = calloc(NV_RELAY_PAGE_WORDS, sizeof(*r->page));
    if (r->wake < 0 || !r->store || !r->batch || !r->lateness || !r->page) {
        nv_relay_free(r);
        return nv_fail(err, ENOMEM, "no memory for a relay with a store of %zu bytes", plan->memory);
    }
    for (unsigned i = 0; i < 3; i++)
        nv_histogram_reset(&r->lateness[i]);
    r->delay[0] = &r->lateness[1];
    r->delay[1] = &r->lateness[2];
    r->measures.area = r->page + NV_RELAY_MEASURES_AT;
    r->measures.delay = &r->lateness[3];
    r->page[NV_RELAY_PAGE_STORE_SIZE] = nv_store_size(r->store);
    error = open_sides(r, plan, err);
    if (error == 0 && plan->rules) {
        struct nv_rules_sink sink = relay_sink(r);
        error = nv_rules_worker_open(plan->rules, &sink, &r->worker, err);
    }
    if (error == 0 && plan->rules) {
        r->outlets.opened = wake;
        r->outlets.arg = r;
        error = outlets_start(&r->outlets, plan->rules, &r->plan.open, err);
    }
    if (error == 0 && plan->emulation) {
        nv_emu_set_copy(plan->emulation, duplicate, r);
        nv_emu_set_changed(plan->emulation, wake, r);
    }
    if (error == 0)
        error = open_files(r, plan, err);
    if (error) {
        nv_relay_free(r);
        return error;
    }
    *out = r;
    return 0;
}

int nv_relay_start(const struct nv_relay_plan *plan, struct nv_relay **out, struct nv_error *err)
{
    int error = relay_make(plan, out, err);

    if (!*out)
        return error;
    error = start_thread(*out, err);
    if (error) {
        nv_relay_free(*out);
        *out = NULL;
    }
    return error;
}

void nv_relay_stop(struct nv_relay *r, bool drain)
{
    __atomic_store_n(&r->end, drain ? RELAY_DRAIN : RELAY_STOP, __ATOMIC_RELAXED);
    wake(r);
}

void nv_relay_set_one_pass(struct nv_relay *r, bool one_pass)
{
    __atomic_store_n(&r->one_pass, one_pass, __ATOMIC_RELAXED);
}

bool nv_relay_done(const struct nv_relay *r)
{
    return __atomic_load_n(&r->done, __ATOMIC_ACQUIRE);
}

int nv_relay_join(struct nv_relay *r, struct nv_error *err)
{
    if (!r->joined) {
        r->joined = true;
        if (r->started)
            pthread_join(r->thread, NULL);
        if (r->plan.emulation) {
            nv_emu_set_copy(r->plan.emulation, NULL, NULL);
            nv_emu_set_changed(r->plan.emulation, NULL, NULL);
        }
        nv_rules_worker_close(r->worker);
        if (r->page)
            close_files(r);
        outlets_close(&r->outlets);
        side_close(&r->side[0], &r->side[1]);
        side_close(&r->side[1], NULL);
    }
    return r->error.code ? nv_fail(err, r->error.code, "%s", r->error.message) : 0;
}

uint64_t *nv_relay_page(const struct nv_relay *r)
{
    return r->page;
}

struct nv_histogram *nv_relay_histograms(const struct nv_relay *r)
{
    return r->lateness;
}

void nv_relay_free(struct nv_relay *r)
{
    if (!r)
        return;
    nv_relay_stop(r, false);
    nv_relay_join(r, NULL);
    nv_store_free(r->store);
    if (r->wake >= 0)
        close(r->wake);
    free(r->dir);
    free(r->batch);
    free(r->lateness);
    free(r->page);
    free(r);
}
