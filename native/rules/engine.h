/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.h - the engine inside: what is shared, what is a worker's own, and how the one changes under the other.
 *
 * `lock` serialises whoever changes the engine or reads its counters. Workers never take it. They announce a
 * batch by making their `sequence` odd and its end by making it even; memory that was reachable is freed only
 * when each worker has been seen outside a batch or in a later one (engine_grace). Dynamic states, nat links
 * and fragments are shared by all workers behind `shared_lock`, taken once a batch and only when the program
 * has such rules. Making and running another program does not hold it, but for the copy of a few bytes a rule when
 * there are more rules than ever before.
 */
#ifndef NETVALE_RULES_ENGINE_H
#define NETVALE_RULES_ENGINE_H

#include <pthread.h>

#include "rules/image.h"
#include "rules/packet.h"
#include "rules/siphash.h"
#include "rules/table.h"

struct rules_states;
struct rules_slots;
struct rules_nat;
struct rules_batch;
struct rules_reass;
struct reass_whole;

enum { INTERFACE_NAME = 16 };

struct nv_rules {
    pthread_mutex_t lock;
    pthread_mutex_t shared_lock;
    struct rules_image *image;      /* atomic: the running program */
    struct nv_rules_params *params; /* atomic */
    struct rules_table **tables;    /* atomic elements, NV_RULES_MAX_TABLES */
    struct rules_nat **nats;        /* by rising id; under shared_lock */
    uint32_t nat_count;
    struct rules_reass *reass;   /* under shared_lock */
    struct rules_slots *slots;   /* rule ids; under lock */
    struct rules_states *states; /* under shared_lock */
    struct nv_rules_worker *workers[RULES_MAX_WORKERS];
    struct sip_key secret;
    uint64_t seed;
    uint64_t grace_count; /* atomic */
    uint64_t tagged;      /* of workers that are closed; under lock */
    uint32_t generation;
    uint32_t loaded; /* atomic: generation of the running program */
    uint32_t interface_count;
    char interfaces[NV_RULES_MAX_INTERFACES + 1][INTERFACE_NAME]; /* by id; 0: none */
    uint32_t addresses[NV_RULES_MAX_INTERFACES + 1];
};

struct nv_rules_worker {
    uint64_t sequence; /* atomic; odd: inside a batch */
    struct nv_rules *engine;
    struct nv_rules_sink sink;
    uint64_t random[2];
    uint32_t index;
    uint64_t now;               /* time of the last packet */
    struct rules_batch *batch;  /* what is known of the packets of a batch (classify.c) */
    struct reass_whole *wholes; /* put together in this batch */
    uint64_t tagged;            /* see nv_rules_tagged; this worker alone writes it */
    uint8_t *answer;            /* room for an answer packet */
};

/* Wait until no worker can hold what was unlinked before the call. Under lock. */
void engine_grace(struct nv_rules *engine);

/* What a rule of the image has counted so far, over all workers. Under lock. */
struct rules_count engine_count(const struct rules_image *image, uint32_t rule);

/* Room for what a worker knows of a batch (classify.c); freed with free(). NULL: no memory. */
struct rules_batch *rules_batch_new(void);

/* Make the running program's image anew (after a change of interfaces). Under lock. */
int engine_rebuild(struct nv_rules *engine, struct nv_error *err);

static inline const struct rules_table *engine_table(const struct nv_rules *engine, uint32_t id)
{
    return id < NV_RULES_MAX_TABLES ? __atomic_load_n(&engine->tables[id], __ATOMIC_ACQUIRE) : NULL;
}

/* xorshift128+ (Vigna, 2014) */
static inline uint64_t worker_random(struct nv_rules_worker *worker)
{
    uint64_t a = worker->random[0], b = worker->random[1];
    worker->random[0] = b;
    a ^= a << 23;
    a ^= a >> 17 ^ b ^ b >> 26;
    worker->random[1] = a;
    return a + b;
}

#endif
