/* SPDX-License-Identifier: BSD-2-Clause */
/* configure.c - pipe, queue and sched config: check everything, get all memory, then change what runs. */
#include <errno.h>
#include <stdlib.h>

#include "emulation/line.h"
#include "memory/error.h"

static const struct emu_sched_ops *const by_type[NV_EMU_SCHEDULERS] = {
    [NV_EMU_FIFO] = &emu_sched_fifo,     [NV_EMU_WF2Q] = &emu_sched_wf2q, [NV_EMU_RR] = &emu_sched_rr,
    [NV_EMU_QFQ] = &emu_sched_qfq,       [NV_EMU_PRIO] = &emu_sched_prio, [NV_EMU_FQ_CODEL] = &emu_sched_fq_codel,
    [NV_EMU_FQ_PIE] = &emu_sched_fq_pie,
};

/* ---- plans ---- */

static void fair_of(const struct nv_emu *emu, const struct nv_emu_sched *config, struct emu_fair *fair)
{
    *fair = (struct emu_fair){
        .quantum = config->quantum, .limit = config->limit, .flows = config->flows, .perturb = emu->perturb};
    if (config->type == NV_EMU_FQ_PIE) {
        fair->params.pie = emu_pie_of(&config->pie);
        fair->params.pie.limit = config->limit;
    } else {
        fair->params.codel = (struct emu_codel){config->codel.target_ns, config->codel.interval_ns, config->codel.ecn};
    }
}

static struct emu_plan *plan_make(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number)
{
    struct emu_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return NULL;
    plan->kind = kind;
    plan->number = (uint16_t)number;
    plan->ops = by_type[NV_EMU_FIFO];
    plan->trace_start = UINT64_MAX;
    nv_random_seed(&plan->random, emu->options.seed, (uint64_t)(kind + 1) << 16 | number);
    return plan;
}

static bool same_codel(const struct nv_emu_codel *a, const struct nv_emu_codel *b)
{
    return a->target_ns == b->target_ns && a->interval_ns == b->interval_ns && a->ecn == b->ecn;
}

static bool same_pie(const struct nv_emu_pie *a, const struct nv_emu_pie *b)
{
    return a->target_ns == b->target_ns && a->update_ns == b->update_ns && a->max_burst_ns == b->max_burst_ns &&
           a->alpha == b->alpha && a->beta == b->beta && a->max_ecn == b->max_ecn && a->ecn == b->ecn &&
           a->cap_drop == b->cap_drop && a->derandomize == b->derandomize && a->on_off == b->on_off &&
           a->departure_rate == b->departure_rate;
}

/* Whether the queues of a plan must be put into another scheduler for this configuration. */
static bool moves(const struct emu_plan *plan, const struct nv_emu_sched *config)
{
    if (plan->config.type != config->type)
        return true;
    return config->type >= NV_EMU_FQ_CODEL &&
           (plan->config.quantum != config->quantum || plan->config.limit != config->limit ||
            plan->config.flows != config->flows || !same_codel(&plan->config.codel, &config->codel) ||
            !same_pie(&plan->config.pie, &config->pie));
}

/* Make a plan what `config` says; its queues move when the algorithm changes. -ENOMEM, and nothing has changed. */
static int plan_change(struct nv_emu *emu, struct emu_plan *plan, const struct nv_emu_sched *config,
                       struct nv_error *err)
{
    struct emu_plan was = *plan;
    bool move = moves(plan, config);
    uint32_t count = 0, made = 0;
    for (struct emu_path *path = plan->paths; path; path = path->next) {
        emu_serve(emu, path, emu->now_ns, 0);
        count++;
    }
    struct emu_sched **scheds = move && count ? calloc(count, sizeof *scheds) : NULL;
    plan->config = *config;
    plan->ops = by_type[config->type];
    fair_of(emu, config, &plan->fair);
    plan->mask = emu_mask_of(&config->mask, NULL);
    for (struct emu_path *path = plan->paths; move && path && scheds; path = path->next, made++) {
        if (config->type == NV_EMU_FIFO && path->queue_count <= 1)
            continue;
        scheds[made] = emu_sched_make(emu, plan);
        if (!scheds[made])
            break;
    }
    if (move && made < count) {
        while (scheds && made-- > 0)
            emu_sched_free(emu, plan, scheds[made]);
        free(scheds);
        *plan = was;
        return nv_fail(err, ENOMEM, "no memory for another scheduler");
    }
    if (memcmp(&was.mask, &plan->mask, sizeof plan->mask) != 0)
        for (struct emu_path *path = plan->paths; path; path = path->next)
            emu_path_orphan(emu, path);
    plan->masked = emu_mask_any(&plan->mask);
    plan->eager = plan->eager || config->type >= NV_EMU_FQ_CODEL;
    made = 0;
    for (struct emu_path *path = plan->paths; move && path; path = path->next)
        emu_path_move(emu, path, &was, scheds[made++]);
    free(scheds);
    return 0;
}

/* ---- sets ---- */

static uint32_t threshold(double probability)
{
    return (uint32_t)(probability * 2147483648.0);
}

static struct emu_set *set_make(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number)
{
    struct emu_set *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->kind = kind;
    set->number = (uint16_t)number;
    nv_random_seed(&set->random, emu->options.seed, (uint64_t)(kind + 5) << 16 | number);
    return set;
}

static void set_change(struct emu_set *set, const struct nv_emu_flowset *config)
{
    set->config = *config;
    set->plr = threshold(config->plr);
    set->good = threshold(config->good);
    set->bad = threshold(config->bad);
    set->to_bad = threshold(config->to_bad);
    set->to_good = threshold(config->to_good);
    set->lossy = config->gilbert || set->plr > 0;
}

/* ---- what others call ---- */

/* A new scheduler (kind SCHED) for `number`, with a link of its own; config NULL: the one that comes with a pipe. */
static struct emu_plan *sched_make(struct nv_emu *emu, unsigned number)
{
    static const struct nv_emu_sched standard = {.type = NV_EMU_WF2Q};
    struct emu_plan *plan = plan_make(emu, NV_EMU_SCHED, number);
    if (plan)
        plan_change(emu, plan, &standard, NULL); /* without paths it needs no memory */
    return plan;
}

static int no_memory(struct nv_error *err, const char *what, unsigned number)
{
    return nv_fail(err, ENOMEM, "no memory for %s %u", what, number);
}

static int pipe_config(struct nv_emu *emu, unsigned number, const struct nv_emu_link *link,
                       const struct nv_emu_flowset *flowset, const struct nv_emu_mask *mask, struct nv_error *err)
{
    struct emu_plan *plan = emu->plans[NV_EMU_PIPE][number], *own = emu->plans[NV_EMU_SCHED][number];
    struct emu_set *set = emu->sets[NV_EMU_PIPE][number];
    struct nv_emu_sched config = {.type = NV_EMU_FIFO};
    struct emu_link links[2] = {0};
    if (mask)
        config.mask = *mask;

    struct emu_plan *new_plan = plan ? NULL : plan_make(emu, NV_EMU_PIPE, number);
    struct emu_plan *new_own = own ? NULL : sched_make(emu, number);
    struct emu_set *new_set = set ? NULL : set_make(emu, NV_EMU_PIPE, number);
    plan = plan ? plan : new_plan;
    own = own ? own : new_own;
    set = set ? set : new_set;
    int result = plan && own && set ? 0 : no_memory(err, "pipe", number);
    for (unsigned i = 0; i < 2 && result == 0; i++)
        result = emu_link_make(&links[i], link, err);
    if (result == 0)
        result = emu_link_prepare(emu, plan, &links[0], err);
    if (result == 0)
        result = emu_link_prepare(emu, own, &links[1], err);
    if (result == 0)
        result = plan_change(emu, plan, &config, err);
    if (result < 0) {
        emu_link_free(&links[0]);
        emu_link_free(&links[1]);
        free(new_plan);
        free(new_own);
        free(new_set);
        return result;
    }
    if (new_own)
        own->automatic = true;
    emu->plans[NV_EMU_PIPE][number] = plan;
    emu->plans[NV_EMU_SCHED][number] = own;
    emu->sets[NV_EMU_PIPE][number] = set;
    emu_link_change(emu, plan, &links[0]);
    emu_link_change(emu, own, &links[1]);
    set_change(set, flowset);
    emu_relate_all(emu, number);
    return 0;
}

int nv_emu_pipe_config(struct nv_emu *emu, unsigned number, const struct nv_emu_link *link,
                       const struct nv_emu_flowset *flowset, const struct nv_emu_mask *mask, struct nv_error *err)
{
    int result = emu_check_number(number, err);
    if (result == 0)
        result = emu_check_link(link, err);
    if (result == 0)
        result = emu_check_flowset(flowset, err);
    if (result < 0)
        return result;
    pthread_mutex_lock(&emu->lock);
    result = pipe_config(emu, number, link, flowset, mask, err);
    emu_unlock_changed(emu);
    return result;
}

static int sched_config(struct nv_emu *emu, unsigned number, const struct nv_emu_sched *config,
                        const struct nv_emu_link *link, struct nv_error *err)
{
    struct emu_plan *plan = emu->plans[NV_EMU_SCHED][number], *fresh = NULL;
    struct emu_link made = {0};
    if (!plan)
        plan = fresh = sched_make(emu, number);
    if (!plan)
        return no_memory(err, "sched", number);
    int result = link ? emu_link_make(&made, link, err) : 0;
    if (result == 0 && link)
        result = emu_link_prepare(emu, plan, &made, err);
    if (result == 0)
        result = plan_change(emu, plan, config, err);
    if (result < 0) {
        emu_link_free(&made);
        free(fresh);
        return result;
    }
    plan->automatic = false;
    emu->plans[NV_EMU_SCHED][number] = plan;
    if (link)
        emu_link_change(emu, plan, &made);
    emu_relate_all(emu, number);
    return 0;
}

int nv_emu_sched_config(struct nv_emu *emu, unsigned number, const struct nv_emu_sched *sched,
                        const struct nv_emu_link *link, struct nv_error *err)
{
    struct nv_emu_sched config = *sched;
    int result = emu_check_number(number, err);
    if (result == 0)
        result = emu_check_sched(&config, err);
    if (result == 0 && link)
        result = emu_check_link(link, err);
    if (result < 0)
        return result;
    pthread_mutex_lock(&emu->lock);
    result = sched_config(emu, number, &config, link, err);
    emu_unlock_changed(emu);
    return result;
}

int nv_emu_queue_config(struct nv_emu *emu, unsigned number, unsigned parent, const struct nv_emu_flowset *flowset,
                        struct nv_error *err)
{
    int result = emu_check_number(number, err);
    if (result == 0)
        result = emu_check_number(parent, err);
    if (result == 0)
        result = emu_check_flowset(flowset, err);
    if (result < 0)
        return result;
    pthread_mutex_lock(&emu->lock);
    struct emu_set *set = emu->sets[NV_EMU_QUEUE][number];
    if (!set && (set = set_make(emu, NV_EMU_QUEUE, number))) {
        emu->sets[NV_EMU_QUEUE][number] = set;
        set->next = emu->queue_sets;
        set->here = &emu->queue_sets;
        if (set->next)
            set->next->here = &set->next;
        emu->queue_sets = set;
    }
    if (set) {
        set->parent = (uint16_t)parent;
        set_change(set, flowset);
        emu_relate(emu, set);
    } else {
        result = no_memory(err, "queue", number);
    }
    emu_unlock_changed(emu);
    return result;
}
