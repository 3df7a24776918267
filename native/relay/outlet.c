/* SPDX-License-Identifier: BSD-2-Clause */
/* outlet.c - see outlet.h. */
#include "relay/outlet.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/clock.h"
#include "memory/error.h"

#define RETRY_FIRST_NS (NV_SECOND / 10)
#define RETRY_LAST_NS  (5 * NV_SECOND)

/* ---- the opener's thread ---- */

static void try_open(struct outlets *outlets, struct outlet *outlet, uint64_t now)
{
    struct nv_open_options options = outlets->open;

    options.extra_bufs = 0;
    options.flags |= NV_OPEN_EXCLUSIVE; /* we go by what we know of its rings */
    if (side_open(&outlet->side, outlet->name, &options, NULL) == 0) {
        __atomic_store_n(&outlet->open, true, __ATOMIC_RELEASE);
        if (outlets->opened)
            outlets->opened(outlets->arg);
        return;
    }
    side_close(&outlet->side, NULL);
    memset(&outlet->side, 0, sizeof(outlet->side));
    outlet->pause_ns = outlet->pause_ns ? outlet->pause_ns * 2 : RETRY_FIRST_NS;
    outlet->pause_ns = outlet->pause_ns < RETRY_LAST_NS ? outlet->pause_ns : RETRY_LAST_NS;
    outlet->retry_ns = now + outlet->pause_ns;
}

static void add(struct outlets *outlets, const char *name)
{
    unsigned count = outlets->count;

    for (unsigned i = 0; i < count; i++)
        if (strcmp(outlets->outlet[i].name, name) == 0)
            return;
    if (count == OUTLETS)
        return;
    memcpy(outlets->outlet[count].name, name, strlen(name) + 1);
    __atomic_store_n(&outlets->count, count + 1, __ATOMIC_RELEASE);
}

/* Add what the rules name and what was asked for, and try to open what it is time for. Returns when it is next. */
static uint64_t open_all(struct outlets *outlets)
{
    char names[OUTLETS][NETMAP_REQ_IFNAMSIZ];
    uint64_t next = UINT64_MAX;

    for (unsigned i = 0, count = nv_rules_ports(outlets->rules, names, OUTLETS); i < count; i++)
        add(outlets, names[i]);
    if (__atomic_load_n(&outlets->asking, __ATOMIC_ACQUIRE)) {
        add(outlets, outlets->asked);
        __atomic_store_n(&outlets->asking, false, __ATOMIC_RELEASE);
    }
    for (unsigned i = 0; i < outlets->count && !__atomic_load_n(&outlets->stop, __ATOMIC_RELAXED); i++) {
        struct outlet *outlet = &outlets->outlet[i];
        uint64_t now = nv_now();
        if (!outlet->open && outlet->retry_ns <= now)
            try_open(outlets, outlet, now);
        if (!outlet->open && outlet->retry_ns < next)
            next = outlet->retry_ns;
    }
    return next;
}

static void *opener(void *arg)
{
    struct outlets *outlets = arg;

    prctl(PR_SET_NAME, "nv-opener");
    while (!__atomic_load_n(&outlets->stop, __ATOMIC_RELAXED)) {
        struct pollfd wake = {.fd = outlets->wake, .events = POLLIN};
        uint64_t next = open_all(outlets), now = nv_now(), times;
        int wait = next == UINT64_MAX ? -1 : next > now ? (int)((next - now) / 1000000 + 1) : 0;
        if (poll(&wake, 1, wait) > 0 && read(outlets->wake, &times, sizeof(times)) < 0)
            continue; /* somebody else took it: look all the same */
    }
    return NULL;
}

/* ---- starting and stopping ---- */

void outlets_init(struct outlets *outlets)
{
    memset(outlets, 0, sizeof(*outlets));
    outlets->wake = -1;
}

int outlets_start(struct outlets *outlets, struct nv_rules *rules, const struct nv_open_options *open,
                  struct nv_error *err)
{
    sigset_t all, before;

    outlets->rules = rules;
    outlets->open = *open;
    outlets->loaded = nv_rules_loaded(rules);
    open_all(outlets);
    outlets->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (outlets->wake < 0)
        return nv_fail(err, errno, "no descriptor for the ports that rules name: %s", strerror(errno));
    sigfillset(&all); /* signals belong to the caller's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&outlets->thread, NULL, opener, outlets);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    outlets->running = error == 0;
    return error ? nv_fail(err, error, "cannot start a thread: %s", strerror(error)) : 0;
}

static void wake_opener(struct outlets *outlets)
{
    uint64_t one = 1;

    if (write(outlets->wake, &one, sizeof(one)) < 0) {
        /* the counter is full: it is awake anyway */
    }
}

void outlets_close(struct outlets *outlets)
{
    if (outlets->running) {
        __atomic_store_n(&outlets->stop, true, __ATOMIC_RELAXED);
        wake_opener(outlets);
        pthread_join(outlets->thread, NULL);
        outlets->running = false;
    }
    if (outlets->wake >= 0)
        close(outlets->wake);
    outlets->wake = -1;
    for (unsigned i = 0; i < outlets->count; i++)
        side_close(&outlets->outlet[i].side, NULL);
    outlets->count = 0;
}

/* ---- the sender's side ---- */

void outlets_tell(struct outlets *outlets)
{
    outlets->loaded = nv_rules_loaded(outlets->rules);
    wake_opener(outlets);
}

struct outlet *outlet_of(struct outlets *outlets, struct nv_rules_worker *worker, uint32_t arg, uint32_t generation)
{
    char name[NETMAP_REQ_IFNAMSIZ];
    unsigned count = outlets_count(outlets);

    if (!nv_rules_port_name(worker, arg, generation, name, sizeof(name)))
        return NULL;
    for (unsigned i = 0; i < count; i++)
        if (strcmp(outlets->outlet[i].name, name) == 0)
            return outlet_open(&outlets->outlet[i]) ? &outlets->outlet[i] : NULL;
    if (count < OUTLETS && !__atomic_load_n(&outlets->asking, __ATOMIC_ACQUIRE)) {
        memcpy(outlets->asked, name, sizeof(name));
        __atomic_store_n(&outlets->asking, true, __ATOMIC_RELEASE);
        wake_opener(outlets);
    }
    return NULL;
}
