/* SPDX-License-Identifier: BSD-2-Clause */
/* classify.c - the batch: parse all, fetch what will be needed, then walk each packet through the rules. */
#include <stdlib.h>
#include <string.h>

#include "rules/engine.h"
#include "rules/index_find.h"
#include "rules/reass.h"
#include "rules/state.h"
#include "rules/state_table.h"
#include "rules/walk.h"

enum { BATCH = INDEX_BATCH, FETCH_AHEAD = 8, EXPIRE_PER_TICK = 16384 };

/* Where a packet goes on that left the rules before. */
static uint32_t first_rule(const struct rules_image *image, const struct nv_rules_resume *resume)
{
    if (resume->generation == image->generation && resume->index < image->rule_count)
        return resume->index;
    uint32_t rule = rules_image_find(image, resume->number, resume->id);
    bool there = image->rules[rule].number == resume->number && image->rules[rule].id == resume->id;
    return there && rule + 1 < image->rule_count ? rule + 1 : rule;
}

/* What is known of the packets of a batch before they are walked through the rules. */
struct rules_batch {
    struct rules_view views[BATCH];
    uint64_t hashes[BATCH];
    uint8_t reasons[BATCH]; /* NV_RULES_WHY_BY_RULE: the rules are to be asked */
    struct index_batch index;
};

struct rules_batch *rules_batch_new(void)
{
    return aligned_alloc(64, (sizeof(struct rules_batch) + 63) / 64 * 64);
}

/* A packet that no rule is asked about. */
static void decide(struct nv_rules_verdict *verdict, unsigned reason)
{
    *verdict = (struct nv_rules_verdict){.action = reason == NV_RULES_WHY_NOT_IP ? NV_RULES_PASS : NV_RULES_DENY,
                                         .reason = (uint8_t)reason};
}

/* Parse all packets and fetch what the next steps will read. */
static inline __attribute__((always_inline)) void prepare(struct nv_rules_worker *worker,
                                                          const struct rules_image *image,
                                                          const struct nv_rules_params *params,
                                                          struct nv_rules_packet *packets, unsigned count)
{
    const struct rules_states *states = image->has_states ? worker->engine->states : NULL;
    struct rules_batch *batch = worker->batch;

    for (unsigned i = 0; i < count && i < FETCH_AHEAD; i++)
        __builtin_prefetch(packets[i].data);
    for (unsigned i = 0; i < count; i++) {
        const struct rules_view *v = &batch->views[i];
        if (i + FETCH_AHEAD < count)
            __builtin_prefetch(packets[i + FETCH_AHEAD].data);
        batch->reasons[i] = (uint8_t)rules_parse(&packets[i], params, &batch->views[i]);
        if (states) {
            batch->hashes[i] = rules_state_hash(worker->engine, v);
            rules_state_prefetch(states, batch->hashes[i]);
        }
    }
    for (unsigned i = 0; i < count && states; i++)
        rules_state_prefetch_entry(states, batch->hashes[i]);
}

/* The rules' verdict on one packet. */
static inline __attribute__((always_inline)) void judge(struct rules_eval *e, struct nv_rules_worker *worker,
                                                        struct nv_rules_packet *packet,
                                                        struct nv_rules_verdict *verdict, unsigned i)
{
    const struct rules_image *image = e->image;
    const struct rules_batch *batch = worker->batch;
    e->view = &worker->batch->views[i];
    e->packet = packet;
    e->verdict = verdict;
    e->hash = batch->hashes[i];
    e->mark = 0;
    e->looked = 0;
    e->state = NULL;
    e->reason = NV_RULES_WHY_BY_RULE;
    e->flags = 0;
    uint32_t from = packet->resume.generation ? first_rule(image, &packet->resume) : 0;
    if (!image->index) {
        rules_walk(e, from, NULL, NULL);
        return;
    }
    uint64_t *map = image->maps[worker->index];
    bool filled;
    struct index_cursor cursor = index_cursor(image->index, &batch->index, i, map, &filled);
    rules_walk(e, from, &cursor, NULL);
    if (filled)
        memset(map, 0, (image->rule_count + 63) / 64 * sizeof(uint64_t));
}

/* Compiled for processors with and without instructions that count bits. */
static inline __attribute__((always_inline)) void
classify_some(struct nv_rules_worker *worker, const struct rules_image *image, const struct nv_rules_params *params,
              struct nv_rules_packet *packets, unsigned count, struct nv_rules_verdict *verdicts)
{
    struct rules_batch *batch = worker->batch;
    struct rules_eval e = {.image = image,
                           .params = params,
                           .worker = worker,
                           .engine = worker->engine,
                           .counts = __atomic_load_n(&image->counts[worker->index], __ATOMIC_ACQUIRE)};

    prepare(worker, image, params, packets, count);
    if (image->index) {
        index_find(image->index, batch->views, count, &batch->index);
        for (unsigned i = 0; i < count && image->index->parts; i++) {
            uint32_t first = batch->index.few[i].list[0];
            if (batch->index.few[i].count != INDEX_MANY) {
                __builtin_prefetch(&image->quick[first]);
                __builtin_prefetch(&e.counts[first], 1);
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (batch->reasons[i] == NV_RULES_WHY_BY_RULE)
            judge(&e, worker, &packets[i], &verdicts[i], i);
        else
            decide(&verdicts[i], batch->reasons[i]);
    }
}

typedef void classify_fn(struct nv_rules_worker *worker, const struct rules_image *image,
                         const struct nv_rules_params *params, struct nv_rules_packet *packets, unsigned count,
                         struct nv_rules_verdict *verdicts);

#ifdef __x86_64__
__attribute__((target("popcnt,bmi"))) static void
classify_popcnt(struct nv_rules_worker *worker, const struct rules_image *image, const struct nv_rules_params *params,
                struct nv_rules_packet *packets, unsigned count, struct nv_rules_verdict *verdicts)
{
    classify_some(worker, image, params, packets, count, verdicts);
}
#endif

static void classify_plain(struct nv_rules_worker *worker, const struct rules_image *image,
                           const struct nv_rules_params *params, struct nv_rules_packet *packets, unsigned count,
                           struct nv_rules_verdict *verdicts)
{
    classify_some(worker, image, params, packets, count, verdicts);
}

static classify_fn *classify_for_this_processor(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi"))
        return classify_popcnt;
#endif
    return classify_plain;
}

static void enter(struct nv_rules_worker *worker)
{
    __atomic_exchange_n(&worker->sequence, worker->sequence + 1, __ATOMIC_SEQ_CST);
}

static void leave(struct nv_rules_worker *worker)
{
    __atomic_store_n(&worker->sequence, worker->sequence + 1, __ATOMIC_RELEASE);
}

void nv_rules_classify(struct nv_rules_worker *worker, struct nv_rules_packet *packets, unsigned count,
                       struct nv_rules_verdict *verdicts)
{
    struct nv_rules *engine = worker->engine;
    classify_fn *classify = classify_for_this_processor();

    enter(worker);
    const struct rules_image *image = __atomic_load_n(&engine->image, __ATOMIC_SEQ_CST);
    const struct nv_rules_params *params = __atomic_load_n(&engine->params, __ATOMIC_SEQ_CST);
    if (worker->wholes)
        rules_reass_release(worker);
    if (image->shared) {
        pthread_mutex_lock(&engine->shared_lock);
        if (count && image->has_states)
            rules_states_turn(worker, image, params, packets[0].time_ns, EXPIRE_PER_BATCH);
    }
    while (count) {
        unsigned some = count < BATCH ? count : BATCH;
        classify(worker, image, params, packets, some, verdicts);
        packets += some;
        verdicts += some;
        count -= some;
    }
    if (image->shared)
        pthread_mutex_unlock(&engine->shared_lock);
    leave(worker);
}

uint32_t nv_rules_tick(struct nv_rules_worker *worker, uint64_t now_ns)
{
    struct nv_rules *engine = worker->engine;
    enter(worker);
    const struct rules_image *image = __atomic_load_n(&engine->image, __ATOMIC_SEQ_CST);
    const struct nv_rules_params *params = __atomic_load_n(&engine->params, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&engine->shared_lock);
    rules_states_turn(worker, image, params, now_ns, EXPIRE_PER_TICK);
    uint32_t live = engine->states->live;
    pthread_mutex_unlock(&engine->shared_lock);
    leave(worker);
    return live;
}
