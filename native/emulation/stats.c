/* SPDX-License-Identifier: BSD-2-Clause */
/* stats.c - what was counted: totals, flow queues, links. */
#include "emulation/object.h"

void nv_emu_get_totals(struct nv_emu *emu, struct nv_emu_totals *out)
{
    pthread_mutex_lock(&emu->lock);
    *out = emu->totals;
    out->memory = emu->memory;
    pthread_mutex_unlock(&emu->lock);
}

static void key_from(const uint64_t word[2], const uint64_t far[4], struct nv_emu_key *key)
{
    *key = (struct nv_emu_key){.src_port = (uint16_t)(word[1] >> 48),
                               .dst_port = (uint16_t)(word[1] >> 32),
                               .proto = (uint8_t)(word[1] >> 24),
                               .family = (uint8_t)(word[1] >> 16),
                               .queue = (uint16_t)word[1]};
    if (key->family == 6) {
        key->flow_id = (uint32_t)word[0];
        key->src[0] = far[0];
        key->src[1] = far[1];
        key->dst[0] = far[2];
        key->dst[1] = far[3];
    } else {
        key->src[0] = word[0] >> 32;
        key->dst[0] = (uint32_t)word[0];
    }
}

/* Whom to tell, and how many were told of. */
struct teller {
    int (*fn)(void *arg, const struct nv_emu_flow_info *info);
    void *arg;
    unsigned count;
    bool stop;
};

static void tell(struct teller *teller, const struct nv_emu_flow_info *info)
{
    teller->count++;
    teller->stop = teller->fn(teller->arg, info) != 0;
}

/* The queues of a set: those there are, then the sum of those that are gone. */
static void tell_queues(struct nv_emu *emu, const struct emu_set *set, struct teller *teller)
{
    for (const struct emu_queue *queue = set->queues; queue && !teller->stop; queue = queue->next) {
        emu_serve(emu, queue->path, emu->now_ns, 0);
        emu_arm(emu, queue->path);
        struct nv_emu_flow_info info = {.kind = (uint8_t)set->kind,
                                        .number = set->number,
                                        .total_packets = queue->packets,
                                        .total_bytes = queue->bytes,
                                        .packets = queue->flow.packets,
                                        .bytes = queue->flow.bytes,
                                        .drops = queue->drops,
                                        .departed = queue->packets - queue->drops - queue->flow.packets,
                                        .departed_bytes = queue->bytes - queue->dropped_bytes - queue->flow.bytes,
                                        .delay_ns = queue->delay_ns,
                                        .lost = queue->lost};
        key_from(queue->word, queue->far, &info.key);
        tell(teller, &info);
    }
    if (teller->stop || set->gone.packets == 0)
        return;
    tell(teller, &(struct nv_emu_flow_info){.kind = (uint8_t)set->kind,
                                            .expired = true,
                                            .number = set->number,
                                            .total_packets = set->gone.packets,
                                            .total_bytes = set->gone.bytes,
                                            .drops = set->gone.drops,
                                            .departed = set->gone.packets - set->gone.drops,
                                            .departed_bytes = set->gone.bytes - set->gone.dropped_bytes,
                                            .delay_ns = set->gone.delay_ns,
                                            .lost = set->gone.lost});
}

static void tell_paths(struct nv_emu *emu, const struct emu_plan *plan, struct teller *teller)
{
    for (struct emu_path *path = plan->paths; path && !teller->stop; path = path->next) {
        emu_serve(emu, path, emu->now_ns, 0);
        emu_arm(emu, path);
        struct nv_emu_flow_info info = {.kind = (uint8_t)plan->kind,
                                        .number = plan->number,
                                        .packets = path->waiting + path->line,
                                        .departed = path->gone,
                                        .departed_bytes = path->gone_bytes,
                                        .busy_until_ns = path->free_ns + (path->free_rest > 0)};
        for (const struct emu_queue *queue = path->queues; queue; queue = queue->path_next) {
            info.total_packets += queue->packets;
            info.total_bytes += queue->bytes;
            info.bytes += queue->flow.bytes;
            info.drops += queue->drops;
            info.departed += queue->packets - queue->drops - queue->flow.packets;
            info.departed_bytes += queue->bytes - queue->dropped_bytes - queue->flow.bytes;
        }
        key_from(path->id.word, path->id.far, &info.key);
        tell(teller, &info);
    }
}

unsigned nv_emu_flows(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number,
                      int (*fn)(void *arg, const struct nv_emu_flow_info *flow), void *arg)
{
    struct teller teller = {fn, arg, 0, false};
    unsigned low = number ? number : 1, high = number ? number : EMU_NUMBERS - 1;
    pthread_mutex_lock(&emu->lock);
    for (unsigned i = low; kind <= NV_EMU_QUEUE && i <= high && i < EMU_NUMBERS && !teller.stop; i++)
        if (emu->sets[kind][i])
            tell_queues(emu, emu->sets[kind][i], &teller);
    pthread_mutex_unlock(&emu->lock);
    return teller.count;
}

unsigned nv_emu_links(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number,
                      int (*fn)(void *arg, const struct nv_emu_flow_info *link), void *arg)
{
    struct teller teller = {fn, arg, 0, false};
    unsigned low = number ? number : 1, high = number ? number : EMU_NUMBERS - 1;
    pthread_mutex_lock(&emu->lock);
    for (unsigned i = low; kind <= NV_EMU_SCHED && i <= high && i < EMU_NUMBERS && !teller.stop; i++)
        if (emu->plans[kind][i])
            tell_paths(emu, emu->plans[kind][i], &teller);
    pthread_mutex_unlock(&emu->lock);
    return teller.count;
}
