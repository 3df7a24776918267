/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_look.c - counters, states and explanations of a running engine. */
#include <errno.h>
#include <stdlib.h>

#include "rules/engine.h"
#include "rules/slots.h"
#include "rules/state.h"
#include "rules/state_table.h"
#include "rules/walk.h"

uint32_t nv_rules_counters(struct nv_rules *engine, struct nv_rules_counter *out, uint32_t max)
{
    pthread_mutex_lock(&engine->lock);
    const struct rules_image *image = engine->image;
    uint32_t rules = image->rule_count;
    for (uint32_t rule = 0; rule < rules && rule < max; rule++) {
        struct rules_count count = engine_count(image, rule);
        out[rule] = (struct nv_rules_counter){.id = image->rules[rule].id,
                                              .number = image->rules[rule].number,
                                              .set = image->rules[rule].set,
                                              .disabled = !rule_enabled(image, rule),
                                              .packets = count.packets,
                                              .bytes = count.bytes,
                                              .last_ns = count.last_ns};
    }
    pthread_mutex_unlock(&engine->lock);
    return rules;
}

/* Does the list name this id? An empty list names all. */
static bool listed(const uint32_t *ids, uint32_t count, uint32_t id)
{
    if (count == 0)
        return true;
    for (uint32_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

/*
 * Zero by giving each worker fresh counters; what the old ones hold of other rules goes to the base. So a packet
 * is counted before the zeroing or after it, never in between.
 */
static int zero_counters(struct nv_rules *engine, const uint32_t *ids, uint32_t count)
{
    struct rules_image *image = engine->image;
    struct rules_line *old[RULES_MAX_WORKERS] = {0}, *fresh[RULES_MAX_WORKERS] = {0};
    bool failed = false;

    for (unsigned i = 0; i < RULES_MAX_WORKERS; i++) {
        if (image->lines[i]) {
            fresh[i] = rules_image_lines(image);
            failed |= !fresh[i];
        }
    }
    for (unsigned i = 0; i < RULES_MAX_WORKERS; i++) {
        if (failed) {
            free(fresh[i]);
        } else if (image->lines[i]) {
            old[i] = image->lines[i];
            __atomic_store_n(&image->lines[i], fresh[i], __ATOMIC_SEQ_CST);
        }
    }
    if (failed)
        return -ENOMEM;
    engine_grace(engine);
    for (uint32_t rule = 0; rule < image->rule_count; rule++) {
        struct rules_count *base = &image->base[rule];
        if (listed(ids, count, image->rules[rule].id)) {
            *base = (struct rules_count){0};
            __atomic_store_n(&image->log_count[rule], 0, __ATOMIC_RELAXED);
            continue;
        }
        for (unsigned i = 0; i < RULES_MAX_WORKERS; i++) {
            if (!old[i])
                continue;
            base->packets += old[i][rule].count.packets;
            base->bytes += old[i][rule].count.bytes;
            if (old[i][rule].count.last_ns > base->last_ns)
                base->last_ns = old[i][rule].count.last_ns;
        }
    }
    for (unsigned i = 0; i < RULES_MAX_WORKERS; i++)
        free(old[i]);
    return 0;
}

int nv_rules_zero(struct nv_rules *engine, const uint32_t *ids, uint32_t count, bool log_only, struct nv_error *err)
{
    int error = 0;
    pthread_mutex_lock(&engine->lock);
    if (!log_only)
        error = zero_counters(engine, ids, count);
    for (uint32_t rule = 0; log_only && rule < engine->image->rule_count; rule++) {
        if (listed(ids, count, engine->image->rules[rule].id))
            __atomic_store_n(&engine->image->log_count[rule], 0, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&engine->lock);
    return error == 0 ? 0 : nv_fail(err, ENOMEM, "no memory to zero the counters");
}

static void put_ip4(uint8_t *to, uint32_t address)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(address >> (24 - 8 * i));
}

static struct nv_rules_state describe(const struct nv_rules *engine, const struct rules_state *s)
{
    const struct rules_image *image = engine->image;
    uint32_t rule = s->slot < image->slot_count ? image->rule_of_slot[s->slot] : IMAGE_NO_RULE;
    struct nv_rules_state out = {.family = s->family,
                                 .proto = s->proto,
                                 .name = s->name,
                                 .src_port = s->sport,
                                 .dst_port = s->dport,
                                 .tcp_flags = s->tcp & 0xffff,
                                 .packets = s->packets,
                                 .bytes = s->bytes,
                                 .expires_ns = s->expires};
    if (rule != IMAGE_NO_RULE) {
        out.rule = image->rules[rule].number;
        out.rule_id = image->rules[rule].id;
    }
    if (s->kind == STATE_PARENT) {
        out.children = s->parent;
        out.expires_ns = 0;
    } else {
        out.kind = s->kind == STATE_LIMIT ? NV_OP_LIMIT : NV_OP_KEEP_STATE;
    }
    if (s->family == 4) {
        put_ip4(out.src, s->src);
        put_ip4(out.dst, s->dst);
    } else {
        memcpy(out.src, s->src6, sizeof(out.src));
        memcpy(out.dst, s->dst6, sizeof(out.dst));
    }
    return out;
}

uint32_t nv_rules_states(struct nv_rules *engine, uint64_t now_ns, bool expired,
                         int (*fn)(void *arg, const struct nv_rules_state *state), void *arg)
{
    enum { AT_ONCE = 256 };
    struct nv_rules_state found[AT_ONCE];
    uint32_t shown = 0, at = 1;
    bool more = true;

    pthread_mutex_lock(&engine->lock);
    while (more) { /* in pieces, so that packets need not wait for the whole list */
        unsigned count = 0;
        pthread_mutex_lock(&engine->shared_lock);
        const struct rules_states *states = engine->states;
        for (unsigned looked = 0; at < states->used && count < AT_ONCE && looked < 16 * AT_ONCE; at++, looked++) {
            const struct rules_state *s = state_at(states, at);
            if (s->kind == STATE_FREE || (!expired && s->kind != STATE_PARENT && s->expires <= now_ns))
                continue;
            found[count++] = describe(engine, s);
        }
        more = at < states->used;
        pthread_mutex_unlock(&engine->shared_lock);
        for (unsigned i = 0; i < count; i++) {
            shown++;
            if (fn && fn(arg, &found[i]) != 0) {
                more = false;
                break;
            }
        }
    }
    pthread_mutex_unlock(&engine->lock);
    return shown;
}

void nv_rules_measure_states(struct nv_rules *engine, struct nv_rules_state_figures *out)
{
    enum { AT_ONCE = 4096 };
    *out = (struct nv_rules_state_figures){0};
    pthread_mutex_lock(&engine->lock);
    for (uint32_t bucket = 0; bucket == 0 || bucket < out->buckets;) { /* in pieces, as above */
        pthread_mutex_lock(&engine->shared_lock);
        const struct rules_states *states = engine->states;
        out->states = states->live;
        out->parents = states->entries - states->live;
        out->buckets = states->buckets;
        for (unsigned looked = 0; bucket < out->buckets && looked < AT_ONCE; bucket++, looked++) {
            uint32_t length = 0;
            for (uint32_t number = states->heads[bucket]; number; number = state_at(states, number)->next)
                length++;
            if (length > out->longest)
                out->longest = length;
        }
        pthread_mutex_unlock(&engine->shared_lock);
    }
    pthread_mutex_unlock(&engine->lock);
}

uint32_t nv_rules_state_count(struct nv_rules *engine)
{
    pthread_mutex_lock(&engine->shared_lock);
    uint32_t live = engine->states->live;
    pthread_mutex_unlock(&engine->shared_lock);
    return live;
}

uint32_t nv_rules_states_delete(struct nv_rules *engine, const uint32_t *ids, uint32_t count)
{
    enum { AT_ONCE = 4096 };
    uint32_t gone = 0, at = 1;
    bool more = true;

    pthread_mutex_lock(&engine->lock);
    while (more) {
        pthread_mutex_lock(&engine->shared_lock);
        struct rules_states *states = engine->states;
        for (unsigned looked = 0; at < states->used && looked < AT_ONCE; at++, looked++) {
            const struct rules_state *s = state_at(states, at);
            bool flow = s->kind == STATE_FLOW || s->kind == STATE_LIMIT;
            if (flow && listed(ids, count, engine->slots->ids[s->slot])) {
                state_remove(states, at);
                gone++;
            }
        }
        more = at < states->used;
        pthread_mutex_unlock(&engine->shared_lock);
    }
    pthread_mutex_unlock(&engine->lock);
    return gone;
}

const char *nv_rules_name(struct nv_rules *engine, uint32_t reference)
{
    const struct rules_image *image = __atomic_load_n(&engine->image, __ATOMIC_ACQUIRE);
    reference &= ~NV_RULES_NAME_REF;
    return reference < image->string_bytes ? image->strings + reference : NULL;
}

uint64_t nv_rules_tagged(struct nv_rules *engine)
{
    pthread_mutex_lock(&engine->lock);
    uint64_t sum = engine->tagged;
    for (unsigned i = 0; i < RULES_MAX_WORKERS; i++)
        sum += engine->workers[i] ? __atomic_load_n(&engine->workers[i]->tagged, __ATOMIC_RELAXED) : 0;
    pthread_mutex_unlock(&engine->lock);
    return sum;
}

int nv_rules_explain(struct nv_rules *engine, const struct nv_rules_packet *packet, struct nv_rules_verdict *out,
                     void (*step)(void *arg, const struct nv_rules_step *step), void *arg, struct nv_error *err)
{
    const struct rules_witness witness = {step, arg};
    struct rules_view view;
    struct rules_eval e = {.engine = engine, .verdict = out, .view = &view};
    struct nv_rules_packet copy = *packet;

    copy.data = calloc(1, packet->length ? packet->length : 1);
    if (!copy.data)
        return nv_fail(err, ENOMEM, "no memory for a packet of %u bytes", packet->length);
    memcpy(copy.data, packet->data, packet->length);
    pthread_mutex_lock(&engine->lock);
    pthread_mutex_lock(&engine->shared_lock);
    e.image = engine->image;
    e.params = engine->params;
    e.packet = &copy;
    *out = (struct nv_rules_verdict){.action = NV_RULES_DENY};
    out->reason = (uint8_t)rules_parse(&copy, e.params, &view);
    if (out->reason == NV_RULES_WHY_NOT_IP)
        out->action = NV_RULES_PASS;
    if (out->reason == NV_RULES_WHY_BY_RULE || (rules_drops(out->reason) && image_admits(e.image, view.family))) {
        out->reason = NV_RULES_WHY_BY_RULE;
        e.hash = rules_state_hash(engine, &view);
        rules_walk_watched(&e, 0, &witness);
    }
    pthread_mutex_unlock(&engine->shared_lock);
    pthread_mutex_unlock(&engine->lock);
    free(copy.data);
    return 0;
}
