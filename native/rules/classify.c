/* SPDX-License-Identifier: BSD-2-Clause */
/* classify.c - classify packets in batches, by the steps that this processor does best. */
#include "rules/classify.h"

#include <stdlib.h>
#include <string.h>

#include "rules/reass.h"
#include "rules/state.h"
#include "rules/state_table.h"

enum { EXPIRE_PER_TICK = 16384 };

struct rules_batch *rules_batch_new(void)
{
    size_t size = (sizeof(struct rules_batch) + 63) / 64 * 64;
    struct rules_batch *batch = aligned_alloc(64, size);
    if (batch)
        memset(batch, 0, size); /* lanes without a packet hold values all the same */
    return batch;
}

static classify_fn *classify_for_this_processor(void)
{
#ifdef RULES_BATCH_WIDE
    /* Processors that have bf16 gather fast; older ones with AVX-512 were made slow at it by microcode. */
    if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vpopcntdq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return rules_batch_wide;
#endif
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi"))
        return rules_batch_popcnt;
#endif
    return rules_batch_plain;
}

static void enter(struct nv_rules_worker *worker)
{
    __atomic_exchange_n(&worker->sequence, worker->sequence + 1, __ATOMIC_SEQ_CST);
}

static void leave(struct nv_rules_worker *worker)
{
    __atomic_store_n(&worker->sequence, worker->sequence + 1, __ATOMIC_RELEASE);
}

static void classify_all(struct nv_rules_worker *worker, struct nv_rules_packet *packets, unsigned count,
                         struct nv_rules_verdict *verdicts)
{
    struct nv_rules *engine = worker->engine;
    classify_fn *classify = classify_for_this_processor();

    enter(worker);
    const struct rules_image *image = __atomic_load_n(&engine->image, __ATOMIC_SEQ_CST);
    const struct nv_rules_params *params = __atomic_load_n(&engine->params, __ATOMIC_SEQ_CST);
    if (image->shared) {
        pthread_mutex_lock(&engine->shared_lock);
        if (count && image->has_states)
            rules_states_turn(worker, image, params, packets[0].time_ns, EXPIRE_PER_BATCH);
    }
    rules_keys_fetch(packets, count);
    while (count) {
        unsigned some = count < BATCH ? count : BATCH;
        classify(worker, image, params, packets, some, count, verdicts);
        packets += some;
        verdicts += some;
        count -= some;
    }
    if (image->shared)
        pthread_mutex_unlock(&engine->shared_lock);
    leave(worker);
}

void nv_rules_classify(struct nv_rules_worker *worker, struct nv_rules_packet *packets, unsigned count,
                       struct nv_rules_verdict *verdicts)
{
    if (worker->wholes)
        rules_reass_release(worker);
    classify_all(worker, packets, count, verdicts);
}

void nv_rules_again(struct nv_rules_worker *worker, struct nv_rules_packet *packet, struct nv_rules_verdict *verdict)
{
    packet->resume = verdict->resume;
    classify_all(worker, packet, 1, verdict);
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
