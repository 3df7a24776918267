/* SPDX-License-Identifier: BSD-2-Clause */
/* relate.c - what follows for sets and queues when a set, or the scheduler it belongs to, has been configured. */
#include "emulation/line.h"

/* bit/s of a plan's link, a trace's on the average; 0: no limit, or no plan. */
static uint64_t rate_of(const struct emu_plan *plan)
{
    const struct nv_emu_impairments *impair = plan ? &plan->link.impair : NULL;
    if (!impair || !impair->trace_count)
        return plan ? plan->link.bandwidth : 0;
    uint64_t bits = (uint64_t)impair->trace_count * EMU_TRACE_BYTES * 8;
    return (uint64_t)((unsigned __int128)bits * UINT64_C(1000000000) / impair->trace_ns[impair->trace_count - 1]);
}

/* Packets and bytes that may wait: dummynet's rules, and bytes that take the limit's time at the link's rate. */
static void set_limits(struct emu_set *set)
{
    const struct nv_emu_flowset *config = &set->config;
    uint64_t limit = config->limit ? config->limit : 50;
    set->max_packets = config->limit_kind == NV_EMU_SLOTS ? limit : UINT64_MAX;
    set->max_bytes = config->limit_kind == NV_EMU_BYTES ? limit : UINT64_MAX;
    uint64_t rate = rate_of(set->plan);
    if (config->limit_kind == NV_EMU_TIME && rate) {
        unsigned __int128 bytes = (unsigned __int128)limit * rate / UINT64_C(8000000000);
        set->max_bytes = bytes < UINT64_MAX ? (uint64_t)bytes : UINT64_MAX;
    }
}

struct emu_pie emu_pie_of(const struct nv_emu_pie *pie)
{
    return (struct emu_pie){.target_ns = pie->target_ns,
                            .update_ns = pie->update_ns,
                            .max_burst_ns = pie->max_burst_ns,
                            .alpha = pie->alpha,
                            .beta = pie->beta,
                            .max_ecn = pie->max_ecn,
                            .ecn = pie->ecn,
                            .cap_drop = pie->cap_drop,
                            .derandomize = pie->derandomize,
                            .on_off = pie->on_off,
                            .departure_rate = pie->departure_rate};
}

static void set_management(struct emu_set *set)
{
    static const struct emu_aqm_ops *const by_kind[] = {NULL, &emu_aqm_red, &emu_aqm_gred, &emu_aqm_codel,
                                                        &emu_aqm_pie};
    const struct nv_emu_flowset *config = &set->config;
    bool bytes = config->limit_kind != NV_EMU_SLOTS;
    uint64_t limit = bytes ? set->max_bytes : set->max_packets;
    set->management = by_kind[config->management];
    switch (config->management) {
    case NV_EMU_RED:
    case NV_EMU_GRED:
        set->params.red = (struct emu_red){
            .weight = config->red.weight,
            .max_probability = config->red.max_probability,
            .min_threshold = config->red.min_threshold,
            .max_threshold = config->red.max_threshold,
            .gentle = config->management == NV_EMU_GRED,
            .bytes = bytes,
            .ecn = config->red.ecn,
            .average_packet = config->red.average_packet ? config->red.average_packet : 512,
            .max_packet = config->red.max_packet ? config->red.max_packet : 1500,
            .bandwidth = rate_of(set->plan),
        };
        break;
    case NV_EMU_CODEL:
        set->params.codel = (struct emu_codel){config->codel.target_ns, config->codel.interval_ns, config->codel.ecn};
        break;
    case NV_EMU_PIE:
        set->params.pie = emu_pie_of(&config->pie);
        set->params.pie.bytes = bytes;
        set->params.pie.limit = limit == UINT64_MAX ? 0 : limit; /* without a rate a time is no limit */
        break;
    }
}

/* A share within what the scheduler takes. */
static struct emu_share share_of(const struct emu_set *set)
{
    static const struct {
        uint32_t low, high, lmax, lmax_low;
    } bounds[NV_EMU_SCHEDULERS] = {
        [NV_EMU_FIFO] = {0, 65536, 1500, 1},   [NV_EMU_WF2Q] = {1, 100, 1500, 1},
        [NV_EMU_RR] = {1, 65536, 1500, 64},    [NV_EMU_QFQ] = {1, 65536, 1500, 1},
        [NV_EMU_PRIO] = {0, 63, 1500, 1},      [NV_EMU_FQ_CODEL] = {0, 65536, 1500, 1},
        [NV_EMU_FQ_PIE] = {0, 65536, 1500, 1},
    };
    unsigned type = set->plan ? set->plan->config.type : NV_EMU_FIFO;
    uint32_t weight = set->config.weight, lmax = set->config.lmax ? set->config.lmax : bounds[type].lmax;
    weight = weight < bounds[type].low ? bounds[type].low : weight;
    weight = weight > bounds[type].high ? bounds[type].high : weight;
    return (struct emu_share){weight, lmax < bounds[type].lmax_low ? bounds[type].lmax_low : lmax};
}

static void relate_queue(struct emu_set *set, struct emu_queue *queue)
{
    struct emu_path *path = queue->path;
    struct emu_share share = share_of(set);
    if (queue->flow.management != set->management)
        memset(queue->flow.aqm, 0, sizeof queue->flow.aqm);
    queue->flow.management = set->management;
    if (set->management && set->management->take)
        path->plan->eager = true;
    if (share.weight == queue->flow.share.weight && share.lmax == queue->flow.share.lmax)
        return;
    if (path->sched && !(queue->flow.state & QUEUE_APART))
        path->plan->ops->reshare(path->sched, &queue->flow, share);
    queue->flow.share = share;
}

void emu_relate(struct nv_emu *emu, struct emu_set *set)
{
    struct emu_plan *plan =
        set->kind == NV_EMU_PIPE ? emu->plans[NV_EMU_PIPE][set->number] : emu->plans[NV_EMU_SCHED][set->parent];
    struct emu_mask mask = emu_mask_of(&set->config.mask, plan ? &plan->config.mask : NULL);
    bool masked = emu_mask_any(&mask);

    if (plan != set->plan || memcmp(&mask, &set->mask, sizeof mask) != 0)
        for (struct emu_queue *queue = set->queues; queue; queue = queue->next)
            emu_queue_orphan(emu, queue);
    set->plan = plan;
    set->mask = mask;
    emu->masked += (uint32_t)masked - (uint32_t)set->masked;
    set->masked = masked;
    set_limits(set);
    set_management(set);
    set->share = share_of(set);
    for (struct emu_queue *queue = set->queues; queue; queue = queue->next) {
        relate_queue(set, queue);
        emu_arm(emu, queue->path);
    }
    bool wants = masked || (plan && plan->config.type >= NV_EMU_FQ_CODEL);
    __atomic_store_n(&emu->wants_key[set->kind][set->number], wants, __ATOMIC_RELAXED);
}

void emu_relate_all(struct nv_emu *emu, unsigned number)
{
    struct emu_set *own = emu->sets[NV_EMU_PIPE][number];
    if (own)
        emu_relate(emu, own);
    for (struct emu_set *set = emu->queue_sets; set; set = set->next)
        if (set->parent == number)
            emu_relate(emu, set);
}

void emu_path_move(struct nv_emu *emu, struct emu_path *path, const struct emu_plan *was, struct emu_sched *sched)
{
    struct emu_sched *old = path->sched;
    for (struct emu_queue *queue = path->queues; queue; queue = queue->path_next) {
        if (old && !(queue->flow.state & QUEUE_APART))
            was->ops->leave(old, &queue->flow);
        queue->flow.state &= ~(uint32_t)QUEUE_APART;
        queue->flow.share = queue->set->share;
    }
    emu_sched_free(emu, was, old);
    path->sched = sched;
    path->flags &= ~(uint32_t)PATH_SINGLE;
    if (!sched) { /* FIFO with one queue at most */
        path->flags |= path->queues ? PATH_SINGLE : 0u;
        return;
    }
    for (struct emu_queue *queue = path->queues; queue; queue = queue->path_next) {
        while (path->plan->ops->join(sched, &queue->flow) < 0) {
            /* no memory: what waits is lost; an empty queue that cannot join is left apart */
            if (queue->flow.packets == 0) {
                emu_queue_orphan(emu, queue);
                queue->flow.state |= QUEUE_APART;
                break;
            }
            while (queue->flow.packets) {
                struct nv_emu_packet *packet = flow_pop(&queue->flow);
                path->waiting--;
                emu_queue_drop(queue, packet, NV_EMU_DROP_NO_MEMORY);
                emu_lose(emu, packet, NV_EMU_DROP_NO_MEMORY, emu->now_ns);
            }
        }
    }
}
