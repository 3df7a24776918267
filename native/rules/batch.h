/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.h - the steps of a batch: keys, index, verdicts. Compiled once for each kind of processor (batch_*.c), each
 * of which defines RULES_BATCH, the name of its function.
 */
#ifndef NETVALE_RULES_BATCH_H
#define NETVALE_RULES_BATCH_H

#include "rules/classify.h"
#include "rules/decide.h"
#include "rules/index_find.h"
#include "rules/state.h"
#include "rules/walk.h"

/* Where a packet goes on that left the rules before. */
static uint32_t first_rule(const struct rules_image *image, const struct nv_rules_resume *resume)
{
    if (resume->generation == image->generation && resume->index < image->rule_count)
        return resume->index;
    uint32_t rule = rules_image_find(image, resume->number, resume->id);
    bool there = image->rules[rule].number == resume->number && image->rules[rule].id == resume->id;
    return there && rule + 1 < image->rule_count ? rule + 1 : rule;
}

/* A packet that no rule is asked about. */
static void decide(struct nv_rules_verdict *verdict, unsigned reason)
{
    bool pass = reason == NV_RULES_WHY_NOT_IP || reason == NV_RULES_WHY_NOT_CAPTURED;
    *verdict = (struct nv_rules_verdict){.action = pass ? NV_RULES_PASS : NV_RULES_DENY, .reason = (uint8_t)reason};
}

/* Those that a firewall would drop for their headers, where nobody asked for one. */
static void admit(const struct rules_image *image, struct rules_keys *keys)
{
    for (uint64_t left = keys->refused; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        if (rules_drops(keys->reasons[i]) && image_admits(image, keys->views[i].family))
            keys->refused &= ~(UINT64_C(1) << i);
    }
}

/* Packets whose headers the rules would have liked to see. */
static void count_tagged(struct nv_rules_worker *worker, uint64_t which)
{
    uint64_t tagged = worker->tagged + (unsigned)__builtin_popcountll(which);
    __atomic_store_n(&worker->tagged, tagged, __ATOMIC_RELAXED);
}

/* The hashes of all packets, and what look-ups by them will read. */
static inline void fetch_states(struct nv_rules_worker *worker, unsigned count)
{
    const struct rules_states *states = worker->engine->states;
    struct rules_batch *batch = worker->batch;
    const struct rules_keys *keys = &batch->keys;
    const struct sip_key secret = worker->engine->secret;
    unsigned lanes = find_lanes(count);

    for (unsigned i = 0; i < lanes; i++)
        batch->hashes[i] = state_hash4(&secret, keys->src[i], keys->dst[i], keys->ports[i], keys->kind[i] & 255);
    for (uint64_t left = keys->is6; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        batch->hashes[i] = rules_state_hash(worker->engine, &keys->views[i]);
    }
    for (unsigned i = 0; i < count; i++)
        __builtin_prefetch(&states->heads[state_bucket(states, batch->hashes[i])]);
    for (unsigned i = 0; i < count; i++) {
        const struct rules_state *state = state_at(states, states->heads[state_bucket(states, batch->hashes[i])]);
        __builtin_prefetch(state, 1);
        if ((keys->kind[i] & 255) != IPPROTO_UDP)
            __builtin_prefetch(&state->src6, 1);
    }
}

/* The rules' verdict on a packet that its keys do not decide. */
static __attribute__((noinline)) void judge(struct rules_eval *e, struct nv_rules_worker *worker,
                                            struct nv_rules_packet *packet, struct nv_rules_verdict *verdict,
                                            unsigned i, bool looked)
{
    const struct rules_image *image = e->image;
    struct rules_batch *batch = worker->batch;
    e->view = rules_keys_view(&batch->keys, i, packet);
    e->packet = packet;
    e->verdict = verdict;
    e->hash = batch->hashes[i];
    e->mark = packet->resume.generation ? packet->mark : 0;
    e->looked = looked; /* by the one name there is */
    e->looked_for[0] = image->state_name;
    e->state = NULL;
    e->changed = false;
    e->reason = NV_RULES_WHY_BY_RULE;
    e->flags = e->view->seen & VIEW_LACKS ? NV_RULES_LACKING : 0;
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

void RULES_BATCH(struct nv_rules_worker *worker, const struct rules_image *image, const struct nv_rules_params *params,
                 struct nv_rules_packet *packets, unsigned count, unsigned there, struct nv_rules_verdict *verdicts)
{
    struct rules_batch *batch = worker->batch;
    struct rules_keys *keys = &batch->keys;
    struct rules_eval e = {.image = image,
                           .params = params,
                           .worker = worker,
                           .engine = worker->engine,
                           .lines = __atomic_load_n(&image->lines[worker->index], __ATOMIC_ACQUIRE)};

    rules_keys_fill(keys, params, packets, count, there);
    if (__builtin_expect(image->admits && keys->refused, 0))
        admit(image, keys);
    if (__builtin_expect(keys->tagged && image->admits != ADMIT_ALL, 0))
        count_tagged(worker, keys->tagged);
    if (image->has_states)
        fetch_states(worker, count);
    uint64_t walk = image->index ? keys->resumed | keys->refused | keys->lacking : ~UINT64_C(0);
    if (image->index) {
        index_find(image->index, keys, count, &batch->index);
        for (unsigned i = 0; i < count; i++) {
            uint32_t first = batch->index.first[i];
            if (first != INDEX_MANY)
                __builtin_prefetch(&e.lines[first], 1);
            else
                walk |= UINT64_C(1) << i;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t rule = IMAGE_NO_RULE, first = batch->index.first[i], limit = image->first_look;
        bool looked = false;
        uint8_t flags = 0;
        if (!(walk >> i & 1)) {
            if (first >= limit && !(keys->not4 >> i & 1)) {
                rule = states_decide(&e, keys, i, batch->hashes[i], &packets[i], &looked);
                flags = NV_RULES_FROM_STATE;
                limit = looked ? IMAGE_NO_RULE : limit;
            }
            if (rule == IMAGE_NO_RULE) {
                rule = keys_decide(&e, keys, i, &batch->index, first, limit);
                flags = 0;
            }
        }
        if (__builtin_expect(rule != IMAGE_NO_RULE, 1))
            keys_finish(&e, rule, keys->bytes[i], flags, &packets[i], &verdicts[i]);
        else if (keys->refused >> i & 1)
            decide(&verdicts[i], keys->reasons[i]);
        else
            judge(&e, worker, &packets[i], &verdicts[i], i, looked);
    }
}

#endif
