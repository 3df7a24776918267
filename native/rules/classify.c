/* SPDX-License-Identifier: BSD-2-Clause */
/* classify.c - the batch: parse all, fetch what will be needed, then walk each packet through the rules. */
#include "rules/engine.h"
#include "rules/state.h"
#include "rules/state_table.h"
#include "rules/walk.h"

enum { FETCH_AHEAD = 8, EXPIRE_PER_TICK = 16384 };

/* Where a pass begins. */
static uint32_t first_rule(const struct rules_image *image, const struct nv_rules_resume *resume)
{
    if (resume->generation == 0)
        return 0;
    if (resume->generation == image->generation && resume->index < image->rule_count)
        return resume->index;
    uint32_t rule = rules_image_find(image, resume->number, resume->id);
    bool there = image->rules[rule].number == resume->number && image->rules[rule].id == resume->id;
    return there && rule + 1 < image->rule_count ? rule + 1 : rule;
}

/* Begin a pass. False when the packet is decided without the rules. */
static bool begin(struct rules_eval *e, struct nv_rules_worker *worker, const struct rules_image *image,
                  const struct nv_rules_params *params, struct nv_rules_packet *packet,
                  struct nv_rules_verdict *verdict)
{
    unsigned reason = rules_parse(packet, params, &e->view);
    *verdict = (struct nv_rules_verdict){.action = NV_RULES_DENY, .reason = (uint8_t)reason};
    if (reason != NV_RULES_WHY_BY_RULE) {
        if (reason == NV_RULES_WHY_NOT_IP)
            verdict->action = NV_RULES_PASS;
        e->verdict = NULL;
        return false;
    }
    e->image = image;
    e->params = params;
    e->worker = worker;
    e->engine = worker->engine;
    e->packet = packet;
    e->verdict = verdict;
    e->counts = __atomic_load_n(&image->counts[worker->index], __ATOMIC_ACQUIRE);
    e->map = image->maps[worker->index];
    e->mark = 0;
    e->looked = 0;
    e->state = NULL;
    e->reason = NV_RULES_WHY_BY_RULE;
    return true;
}

static void classify_some(struct nv_rules_worker *worker, const struct rules_image *image,
                          const struct nv_rules_params *params, struct nv_rules_packet *packets, unsigned count,
                          struct nv_rules_verdict *verdicts)
{
    const struct rules_states *states = image->has_states ? worker->engine->states : NULL;

    for (unsigned i = 0; i < count && i < FETCH_AHEAD; i++)
        __builtin_prefetch(packets[i].data);
    for (unsigned i = 0; i < count; i++) {
        struct rules_eval *e = &worker->evals[i];
        if (i + FETCH_AHEAD < count)
            __builtin_prefetch(packets[i + FETCH_AHEAD].data);
        if (begin(e, worker, image, params, &packets[i], &verdicts[i]) && states) {
            e->hash = rules_state_hash(worker->engine, &e->view);
            rules_state_prefetch(states, e->hash);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        struct rules_eval *e = &worker->evals[i];
        if (states && i % FETCH_AHEAD == 0) {
            for (unsigned j = i; j < count && j < i + 2 * FETCH_AHEAD; j++)
                rules_state_prefetch_entry(states, worker->evals[j].hash);
        }
        if (e->verdict)
            rules_walk(e, first_rule(image, &packets[i].resume));
    }
    if (count)
        worker->now = packets[count - 1].time_ns;
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

    enter(worker);
    const struct rules_image *image = __atomic_load_n(&engine->image, __ATOMIC_SEQ_CST);
    const struct nv_rules_params *params = __atomic_load_n(&engine->params, __ATOMIC_SEQ_CST);
    bool shared = image->has_states;
    if (shared) {
        pthread_mutex_lock(&engine->shared_lock);
        if (count)
            rules_states_turn(worker, image, params, packets[0].time_ns, EXPIRE_PER_BATCH);
    }
    while (count) {
        unsigned some = count < RULES_BATCH ? count : RULES_BATCH;
        classify_some(worker, image, params, packets, some, verdicts);
        packets += some;
        verdicts += some;
        count -= some;
    }
    if (shared)
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
