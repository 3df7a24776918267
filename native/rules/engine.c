/* SPDX-License-Identifier: BSD-2-Clause */
/* engine.c - make an engine, replace its program and parameters, open and close workers. */
#include "rules/engine.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>

#include "rules/answer.h"
#include "rules/nat.h"
#include "rules/reass.h"
#include "rules/slots.h"
#include "rules/eval.h"
#include "rules/state_table.h"

#define NV_RULES_ACTION_NAME(id, name) [NV_RULES_##id] = name,
static const char *const action_names[] = {NV_RULES_ACTIONS(NV_RULES_ACTION_NAME)};
#define NV_RULES_REASON_NAME(id, name) [NV_RULES_WHY_##id] = name,
static const char *const reason_names[] = {NV_RULES_REASONS(NV_RULES_REASON_NAME)};

const char *nv_rules_action_name(unsigned action)
{
    return action < NV_RULES_ACTION_COUNT ? action_names[action] : NULL;
}

const char *nv_rules_reason_name(unsigned reason)
{
    return reason < NV_RULES_REASON_COUNT ? reason_names[reason] : NULL;
}

struct nv_rules_params nv_rules_default_params(void)
{
    return (struct nv_rules_params){
        .autoinc_step = 100,
        .dyn_max = 65536,
        .dyn_parent_max = 65536,
        .dyn_ack_lifetime = 300,
        .dyn_syn_lifetime = 20,
        .dyn_fin_lifetime = 1,
        .dyn_rst_lifetime = 1,
        .dyn_udp_lifetime = 10,
        .dyn_short_lifetime = 5,
        .dyn_keepalive = 1,
        .dyn_keepalive_interval = 20,
        .dyn_keepalive_period = 5,
        .deny_unknown_exthdrs = 1,
        .permit_single_frag6 = 1,
    };
}

void engine_grace(struct nv_rules *engine)
{
    /* An exchange of a shared word orders the caller's stores before the loads below, as in the workers. */
    __atomic_fetch_add(&engine->grace_count, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < RULES_MAX_WORKERS; i++) {
        if (!engine->workers[i])
            continue;
        uint64_t sequence = __atomic_load_n(&engine->workers[i]->sequence, __ATOMIC_SEQ_CST);
        while (sequence & 1 && __atomic_load_n(&engine->workers[i]->sequence, __ATOMIC_SEQ_CST) == sequence)
            sched_yield();
    }
}

static int check_params(const struct nv_rules_params *p, struct nv_error *err)
{
    const struct {
        const char *name;
        uint32_t value, low, high;
    } limits[] = {
        {"autoinc_step", p->autoinc_step, 1, 1000},
        {"dyn_max", p->dyn_max, 1, STATES_MAX - 2},
        {"dyn_parent_max", p->dyn_parent_max, 1, STATES_MAX - 2},
        {"dyn_ack_lifetime", p->dyn_ack_lifetime, 1, 1u << 24},
        {"dyn_syn_lifetime", p->dyn_syn_lifetime, 1, 1u << 24},
        {"dyn_fin_lifetime", p->dyn_fin_lifetime, 1, 1u << 24},
        {"dyn_rst_lifetime", p->dyn_rst_lifetime, 1, 1u << 24},
        {"dyn_udp_lifetime", p->dyn_udp_lifetime, 1, 1u << 24},
        {"dyn_short_lifetime", p->dyn_short_lifetime, 1, 1u << 24},
        {"dyn_keepalive_interval", p->dyn_keepalive_interval, 1, 1u << 24},
        {"dyn_keepalive_period", p->dyn_keepalive_period, 1, 1u << 24},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (limits[i].value < limits[i].low || limits[i].value > limits[i].high)
            return nv_fail(err, EINVAL, "%s: %u is not in %u..%u", limits[i].name, limits[i].value, limits[i].low,
                           limits[i].high);
    }
    return 0;
}

/* ipfw's own correction: a closing state must be gone before a keep-alive could revive it. */
static void settle_params(struct nv_rules_params *p)
{
    uint32_t most = p->dyn_keepalive_period > 1 ? p->dyn_keepalive_period - 1 : 1;
    if (p->dyn_fin_lifetime > most)
        p->dyn_fin_lifetime = most;
    if (p->dyn_rst_lifetime > most)
        p->dyn_rst_lifetime = most;
}

/* The program of a new engine: 65535 allow ip from any to any. */
static const struct {
    struct nv_rules_program head;
    struct nv_rules_rule rule;
    struct nv_rules_insn accept;
} first_program __attribute__((aligned(8))) = {
    .head = {.magic = NV_RULES_MAGIC,
             .version = NV_RULES_VERSION,
             .size = 88,
             .rule_offset = 64,
             .rule_count = 1,
             .code_offset = 80,
             .code_words = 2,
             .pattern_offset = 88,
             .string_offset = 88},
    .rule = {.id = UINT32_MAX, .number = NV_RULES_DEFAULT_RULE, .set = 31, .action_words = 2},
    .accept = {.opcode = NV_OP_ACCEPT, .words = 2},
};
static_assert(sizeof(first_program) == 88, "no padding");

static int fill_engine(struct nv_rules *engine, const struct nv_rules_params *params, struct nv_error *err)
{
    uint64_t key[2];
    engine->params = malloc(sizeof(*params));
    engine->tables = calloc(NV_RULES_MAX_TABLES, sizeof(*engine->tables));
    engine->reass = rules_reass_new();
    engine->slots = calloc(1, sizeof(*engine->slots));
    engine->states = rules_states_new();
    if (!engine->params || !engine->tables || !engine->reass || !engine->slots || !engine->states)
        return nv_fail(err, ENOMEM, "no memory for a rule engine");
    *engine->params = *params;
    settle_params(engine->params);
    engine->seed = params->seed;
    if (engine->seed == 0 && getrandom(&engine->seed, sizeof(engine->seed), 0) != sizeof(engine->seed))
        return nv_fail(err, errno, "no random numbers from the system for the hash key");
    engine->secret = (struct sip_key){engine->seed * 0x9e3779b97f4a7c15u, ~engine->seed};
    if (params->seed == 0 && getrandom(key, sizeof(key), 0) != sizeof(key))
        return nv_fail(err, errno, "no random numbers from the system for the hash key");
    if (params->seed == 0)
        engine->secret = (struct sip_key){key[0], key[1]};
    engine->tables[NV_RULES_TABLE_ME] = rules_table_new(NV_TABLE_ADDR, 0, 0);
    engine->tables[NV_RULES_TABLE_ROUTES] = rules_table_new(NV_TABLE_ADDR, 0, 0);
    if (!engine->tables[NV_RULES_TABLE_ME] || !engine->tables[NV_RULES_TABLE_ROUTES])
        return nv_fail(err, ENOMEM, "no memory for a rule engine");
    return rules_image_make(engine, &first_program, sizeof(first_program), &engine->image, err);
}

int nv_rules_create(const struct nv_rules_params *params, struct nv_rules **out, struct nv_error *err)
{
    struct nv_rules_params defaults = nv_rules_default_params();
    if (!params)
        params = &defaults;
    int error = check_params(params, err);
    if (error != 0)
        return error;
    struct nv_rules *engine = calloc(1, sizeof(*engine));
    if (!engine)
        return nv_fail(err, ENOMEM, "no memory for a rule engine");
    pthread_mutex_init(&engine->lock, NULL);
    pthread_mutex_init(&engine->shared_lock, NULL);
    error = fill_engine(engine, params, err);
    if (error != 0) {
        nv_rules_destroy(engine);
        return error;
    }
    *out = engine;
    return 0;
}

void nv_rules_destroy(struct nv_rules *engine)
{
    if (!engine)
        return;
    rules_image_free(engine->image);
    for (uint32_t i = 0; engine->tables && i < NV_RULES_MAX_TABLES; i++)
        rules_table_free(engine->tables[i]);
    free(engine->tables);
    for (uint32_t i = 0; i < engine->nat_count; i++)
        rules_nat_free(engine->nats[i]);
    free(engine->nats);
    rules_reass_free(engine->reass);
    if (engine->slots)
        free(engine->slots->ids);
    free(engine->slots);
    rules_states_free(engine->states);
    free(engine->params);
    pthread_mutex_destroy(&engine->lock);
    pthread_mutex_destroy(&engine->shared_lock);
    free(engine);
}

/*
 * Slots of rules that are neither in the running program nor named by a state are free again. Without shared_lock: no
 * worker makes states for a rule that is not running, so that such a slot's count only falls.
 */
static void collect_slots(struct nv_rules *engine)
{
    struct rules_slots *slots = engine->slots;
    for (uint32_t slot = 0; slot < slots->count; slot++) {
        bool running = slot < engine->image->slot_count && engine->image->rule_of_slot[slot] != IMAGE_NO_RULE;
        if (!running && state_count(engine->states, slot) == 0)
            slots->ids[slot] = 0;
    }
}

static void add_counts(struct rules_count *to, const struct rules_count *from)
{
    uint64_t last = __atomic_load_n(&from->last_ns, __ATOMIC_RELAXED);
    to->packets += __atomic_load_n(&from->packets, __ATOMIC_RELAXED);
    to->bytes += __atomic_load_n(&from->bytes, __ATOMIC_RELAXED);
    if (last > to->last_ns)
        to->last_ns = last;
}

struct rules_count engine_count(const struct rules_image *image, uint32_t rule)
{
    struct rules_count total = image->base[rule];
    for (unsigned i = 0; i < RULES_MAX_WORKERS; i++) {
        if (image->lines[i])
            add_counts(&total, &image->lines[i][rule].count);
    }
    return total;
}

/* Give the rules of the new image that were in the old one what they had counted. No worker uses the old one. */
static void carry_counts(const struct rules_image *old, struct rules_image *new)
{
    for (uint32_t rule = 0; rule < new->rule_count; rule++) {
        uint32_t slot = new->slot[rule];
        uint32_t before = slot < old->slot_count ? old->rule_of_slot[slot] : IMAGE_NO_RULE;
        if (before == IMAGE_NO_RULE)
            continue;
        struct rules_count counted = engine_count(old, before);
        new->base[rule].packets += counted.packets;
        new->base[rule].bytes += counted.bytes;
        if (counted.last_ns > new->base[rule].last_ns)
            new->base[rule].last_ns = counted.last_ns;
        __atomic_fetch_add(&new->log_count[rule], old->log_count[before], __ATOMIC_RELAXED);
    }
}

/* Run a new image. Under lock. */
static void install(struct nv_rules *engine, struct rules_image *image)
{
    struct rules_image *old = engine->image;
    __atomic_store_n(&engine->image, image, __ATOMIC_SEQ_CST);
    __atomic_store_n(&engine->loaded, image->generation, __ATOMIC_RELEASE);
    engine_grace(engine);
    carry_counts(old, image);
    __atomic_store_n(&engine->states->purge_asked, 1, __ATOMIC_RELEASE);
    rules_image_free(old);
}

int nv_rules_load(struct nv_rules *engine, const void *program, size_t size, struct nv_error *err)
{
    struct rules_image *image;
    pthread_mutex_lock(&engine->lock);
    collect_slots(engine);
    int error = rules_image_make(engine, program, size, &image, err);
    if (error == 0)
        install(engine, image);
    pthread_mutex_unlock(&engine->lock);
    return error;
}

int engine_rebuild(struct nv_rules *engine, struct nv_error *err)
{
    struct rules_image *image;
    int error = rules_image_make(engine, engine->image->program, engine->image->size, &image, err);
    if (error == 0)
        install(engine, image);
    return error;
}

int nv_rules_set_params(struct nv_rules *engine, const struct nv_rules_params *params, struct nv_error *err)
{
    int error = check_params(params, err);
    struct nv_rules_params *fresh = malloc(sizeof(*fresh));
    if (error != 0 || !fresh) {
        free(fresh);
        return error != 0 ? error : nv_fail(err, ENOMEM, "no memory for parameters");
    }
    *fresh = *params;
    settle_params(fresh);
    pthread_mutex_lock(&engine->lock);
    struct nv_rules_params *old = engine->params;
    __atomic_store_n(&engine->params, fresh, __ATOMIC_SEQ_CST);
    engine_grace(engine);
    if (old->linear != fresh->linear)
        error = engine_rebuild(engine, err);
    free(old);
    pthread_mutex_unlock(&engine->lock);
    return error;
}

void nv_rules_get_params(struct nv_rules *engine, struct nv_rules_params *out)
{
    pthread_mutex_lock(&engine->lock);
    *out = *engine->params;
    pthread_mutex_unlock(&engine->lock);
}

static void free_worker(struct nv_rules_worker *worker)
{
    if (worker) {
        rules_reass_release(worker);
        free(worker->batch);
        free(worker->answer);
    }
    free(worker);
}

int nv_rules_worker_open(struct nv_rules *engine, const struct nv_rules_sink *sink, struct nv_rules_worker **out,
                         struct nv_error *err)
{
    struct nv_rules_worker *worker = aligned_alloc(64, (sizeof(*worker) + 63) / 64 * 64);
    uint32_t index = 0;
    int error = 0;

    if (worker)
        *worker = (struct nv_rules_worker){.engine = engine, .batch = rules_batch_new(), .answer = malloc(ANSWER_MAX)};
    if (!worker || !worker->batch || !worker->answer) {
        free_worker(worker);
        return nv_fail(err, ENOMEM, "no memory for a rule worker");
    }
    if (sink)
        worker->sink = *sink;
    pthread_mutex_lock(&engine->lock);
    while (index < RULES_MAX_WORKERS && engine->workers[index])
        index++;
    if (index == RULES_MAX_WORKERS)
        error = nv_fail(err, ENOSPC, "a rule engine has at most %d workers", RULES_MAX_WORKERS);
    else if (rules_image_worker(engine->image, index) != 0)
        error = nv_fail(err, ENOMEM, "no memory for a rule worker");
    if (error == 0) {
        worker->index = index;
        worker->random[0] = engine->seed + index + 1;
        worker->random[1] = engine->seed ^ 0xda942042e4dd58b5u;
        for (unsigned i = 0; i < 16; i++)
            worker_random(worker);
        engine->workers[index] = worker;
        *out = worker;
    }
    pthread_mutex_unlock(&engine->lock);
    if (error != 0)
        free_worker(worker);
    return error;
}

void nv_rules_worker_close(struct nv_rules_worker *worker)
{
    if (!worker)
        return;
    struct nv_rules *engine = worker->engine;
    pthread_mutex_lock(&engine->lock);
    engine->workers[worker->index] = NULL;
    engine->tagged += worker->tagged;
    pthread_mutex_unlock(&engine->lock);
    free_worker(worker);
}
