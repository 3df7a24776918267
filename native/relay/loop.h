/* SPDX-License-Identifier: BSD-2-Clause */
/* loop.h - the inside of a relay: what its thread works with. */
#ifndef NETVALE_RELAY_LOOP_H
#define NETVALE_RELAY_LOOP_H

#include <pthread.h>

#include "relay/file.h"
#include "relay/log.h"
#include "relay/measure.h"
#include "relay/outlet.h"
#include "relay/relay.h"
#include "relay/side.h"

/* Packets of a ring taken at once, and of those what passes the rules and enters links together: that stays in the
 * first cache. */
enum { RELAY_BURST_MAX = 1024, RELAY_CHUNK = 64 };

/* record->user: the port it came from, and what else the record holds. */
enum {
    RELAY_FROM = 1,
    RELAY_HAS_CONTEXT = 2,   /* in its extra bytes */
    RELAY_HAS_ARRIVAL = 4,   /* in `resume`, which one_pass has no use for */
    RELAY_MEASURE_SHIFT = 3, /* then the group it is measured in */
};

enum relay_end { RELAY_RUN, RELAY_DRAIN, RELAY_STOP };

/* A batch of packets from one ring on their way through the rules. */
struct relay_batch {
    struct frame frames[RELAY_CHUNK];
    struct nv_rules_packet packets[RELAY_CHUNK];
    struct nv_rules_verdict verdicts[RELAY_CHUNK];
    struct nv_emu_send sends[RELAY_CHUNK]; /* what goes to links */
    struct nv_emu_key keys[RELAY_CHUNK];
    unsigned count;
};

/* Of the way that packets go. */
struct relay_aim {
    struct relay_way way;
    unsigned group; /* of measure.h */
    bool wants_key, one_pass, valid;
};

struct nv_relay {
    struct nv_relay_plan plan; /* its port names are only valid during start */
    char *dir;                 /* of ports that are opened later */
    struct side side[2];
    struct outlets outlets;
    struct nv_store *store;
    struct nv_rules_worker *worker;
    struct relay_batch *batch;
    uint32_t how;     /* links carry packets: enum nv_carried_how */
    uint64_t now;     /* CLOCK_MONOTONIC of this turn */
    uint64_t tick_ns; /* when states are looked at next */
    uint64_t busy_ns; /* when there last was something to do */
    uint64_t published_ns;
    uint64_t waiting;                       /* packets in links, both directions */
    uint64_t stat[2][NV_RELAY_GROUP_WORDS]; /* published once a turn */
    uint64_t sleeps, batches;
    struct relay_aim aim;                     /* of the packet before */
    struct nv_histogram *lateness, *delay[2]; /* one piece of memory, with those of the measures */
    struct relay_measures measures;
    uint64_t *page;
    struct relay_log log;
    struct relay_file capture;
    uint64_t capture_lost;
    int wake; /* eventfd: stop was asked for, or links were changed */
    bool one_pass;
    enum relay_end end;
    bool done, joined, started;
    pthread_t thread;
    struct nv_error error;
};

/* All of nv_relay_start but the thread: whoever makes a relay so calls relay_once. */
int relay_make(const struct nv_relay_plan *plan, struct nv_relay **out, struct nv_error *err);

/* One turn at the time it is: packets in, packets out. Returns how much was done, or -errno with relay->error. */
int relay_once(struct nv_relay *relay);

/* The thread's work, from start to stop. 0 or -errno with relay->error. */
int relay_loop(struct nv_relay *relay);

/* The sink of the relay's rules worker. */
struct nv_rules_sink relay_sink(struct nv_relay *relay);

#endif
