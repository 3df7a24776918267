/* SPDX-License-Identifier: BSD-2-Clause */
/* find.c - flow queues and paths by masked key: find, make, forget. */
#include <stdlib.h>
#include <string.h>

#include "emulation/object.h"

struct emu_mask emu_mask_of(const struct nv_emu_mask *a, const struct nv_emu_mask *b)
{
    static const struct nv_emu_mask none;
    if (!b)
        b = &none;
    uint64_t ports = (uint64_t)(uint16_t)(a->src_port | b->src_port) << 48 |
                     (uint64_t)(uint16_t)(a->dst_port | b->dst_port) << 32 |
                     (uint64_t)(uint8_t)(a->proto | b->proto) << 24 | (a->queue || b->queue ? 0xffffu : 0);
    return (struct emu_mask){
        .word4 = (uint64_t)(a->src4 | b->src4) << 32 | (a->dst4 | b->dst4),
        .word6 = a->flow_id | b->flow_id,
        .word1 = ports,
        .far = {a->src6[0] | b->src6[0], a->src6[1] | b->src6[1], a->dst6[0] | b->dst6[0], a->dst6[1] | b->dst6[1]}};
}

void emu_mask_key(const struct emu_mask *mask, const struct nv_emu_key *key, uint16_t queue, struct emu_id *id)
{
    *id = (struct emu_id){.word = {0, queue & mask->word1}};
    if (!key)
        return;
    id->word[1] = ((uint64_t)key->src_port << 48 | (uint64_t)key->dst_port << 32 | (uint64_t)key->proto << 24 |
                   (uint64_t)key->family << 16 | queue) &
                  (mask->word1 | 0xff0000);
    if (key->family == 6) {
        id->word[0] = key->flow_id & mask->word6;
        id->far[0] = key->src[0] & mask->far[0];
        id->far[1] = key->src[1] & mask->far[1];
        id->far[2] = key->dst[0] & mask->far[2];
        id->far[3] = key->dst[1] & mask->far[3];
    } else {
        id->word[0] = (key->src[0] << 32 | (uint32_t)key->dst[0]) & mask->word4;
    }
}

bool emu_mask_any(const struct emu_mask *mask)
{
    return mask->word4 | mask->word6 | mask->word1 | mask->far[0] | mask->far[1] | mask->far[2] | mask->far[3];
}

static bool is_far(const struct emu_id *id)
{
    return (id->word[1] >> 16 & 0xff) == 6;
}

static uint32_t hash_of(const struct nv_emu *emu, uint64_t object, const struct emu_id *id)
{
    uint64_t words[7] = {object, id->word[0], id->word[1]};
    if (!is_far(id))
        return (uint32_t)sip_hash(&emu->key, words, 3);
    memcpy(words + 3, id->far, sizeof id->far);
    return (uint32_t)sip_hash(&emu->key, words, 7);
}

uint32_t emu_hash_queue(const struct nv_emu *emu, const struct emu_set *set, const struct emu_id *id)
{
    return hash_of(emu, (uint64_t)set->kind << 16 | set->number, id);
}

/* What a table is searched for. */
struct wanted {
    const struct nv_emu *emu;
    const void *owner; /* emu_set or emu_plan */
    const struct emu_id *id;
};

static bool is_queue(const void *arg, uint32_t number)
{
    const struct wanted *wanted = arg;
    const struct emu_queue *queue = slab_at(&wanted->emu->queues, number);
    const struct emu_id *id = wanted->id;
    return queue->set == wanted->owner && queue->word[0] == id->word[0] && queue->word[1] == id->word[1] &&
           (!is_far(id) || memcmp(queue->far, id->far, sizeof id->far) == 0);
}

struct emu_queue *emu_find_queue(struct nv_emu *emu, const struct emu_set *set, const struct emu_id *id, uint32_t hash)
{
    const struct wanted wanted = {emu, set, id};
    uint32_t ref = emu_hash_find(&emu->queue_table, hash, is_queue, &wanted);
    return ref ? slab_at(&emu->queues, ref - 1) : NULL;
}

/* ---- paths ---- */

struct emu_sched *emu_sched_make(struct nv_emu *emu, const struct emu_plan *plan)
{
    const struct emu_fair *fair = plan->config.type >= NV_EMU_FQ_CODEL ? &plan->fair : NULL;
    size_t size = (plan->ops->size(fair) + 63) & ~(size_t)63;
    uint64_t bound = emu->options.memory;
    struct emu_sched *sched = emu->memory + size <= bound ? aligned_alloc(64, size) : NULL;
    if (!sched)
        return NULL;
    memset(sched, 0, size);
    if (plan->ops->init(sched, fair) < 0) {
        free(sched);
        return NULL;
    }
    emu->memory += size;
    return sched;
}

void emu_sched_free(struct nv_emu *emu, const struct emu_plan *plan, struct emu_sched *sched)
{
    if (!sched)
        return;
    const struct emu_fair *fair = plan->config.type >= NV_EMU_FQ_CODEL ? &plan->fair : NULL;
    emu->memory -= (plan->ops->size(fair) + 63) & ~(size_t)63;
    if (plan->ops->fini)
        plan->ops->fini(sched);
    free(sched);
}

static bool is_path(const void *arg, uint32_t number)
{
    const struct wanted *wanted = arg;
    const struct emu_path *path = slab_at(&wanted->emu->paths, number);
    return path->plan == wanted->owner && memcmp(&path->id, wanted->id, sizeof path->id) == 0;
}

static struct emu_path *find_path(struct nv_emu *emu, const struct emu_plan *plan, const struct emu_id *id,
                                  uint32_t hash)
{
    const struct wanted wanted = {emu, plan, id};
    uint32_t ref = emu_hash_find(&emu->path_table, hash, is_path, &wanted);
    return ref ? slab_at(&emu->paths, ref - 1) : NULL;
}

uint64_t emu_path_sequence(const struct emu_plan *plan, const struct emu_id *id)
{
    uint64_t mix = (uint64_t)plan->kind << 16 | plan->number;
    if (!plan->masked)
        return mix;
    const uint64_t *words = id->word;
    for (unsigned i = 0; i < 6; i++) {
        mix ^= i < 2 ? words[i] : id->far[i - 2];
        mix = nv_splitmix64(&mix);
    }
    return mix;
}

static struct emu_path *make_path(struct nv_emu *emu, struct emu_plan *plan, const struct emu_id *id, uint32_t hash)
{
    uint32_t number;
    if (!emu_hash_room(&emu->path_table))
        return NULL;
    struct emu_path *path = slab_take(&emu->paths, &number);
    if (!path)
        return NULL;
    path->number = number;
    path->plan = plan;
    path->id = *id;
    path->hash = hash;
    if (plan->link.does & LINK_REORDERS)
        path->flags |= PATH_HEAP;
    if (emu_impair_any(&plan->link.impair)) {
        path->impaired = malloc(sizeof *path->impaired);
        if (path->impaired)
            emu_impaired_init(path->impaired, emu->options.seed, emu_path_sequence(plan, id));
    }
    if (plan->ops != &emu_sched_fifo)
        path->sched = emu_sched_make(emu, plan);
    if (!wheel_room(&emu->wheel, number) || (plan->ops != &emu_sched_fifo && !path->sched) ||
        (emu_impair_any(&plan->link.impair) && !path->impaired)) {
        emu_sched_free(emu, plan, path->sched);
        free(path->impaired);
        slab_give(&emu->paths, number);
        return NULL;
    }
    path->next = plan->paths;
    path->here = &plan->paths;
    if (path->next)
        path->next->here = &path->next;
    plan->paths = path;
    if (!plan->masked)
        plan->only = path;
    else if (plan->kind == NV_EMU_SCHED)
        emu_hash_put(&emu->path_table, hash, number);
    else
        path->flags |= PATH_UNLISTED; /* a pipe's is found through its queue */
    emu->totals.links++;
    return path;
}

static struct emu_path *path_for(struct nv_emu *emu, struct emu_plan *plan, const struct emu_set *set,
                                 const struct nv_emu_key *key)
{
    struct emu_id id = {0};
    if (!plan->masked)
        return plan->only ? plan->only : make_path(emu, plan, &id, 0);
    emu_mask_key(&plan->mask, key, set->number, &id);
    uint32_t hash = hash_of(emu, UINT64_C(1) << 32 | (uint64_t)plan->kind << 16 | plan->number, &id);
    struct emu_path *path = plan->kind == NV_EMU_SCHED ? find_path(emu, plan, &id, hash) : NULL;
    return path ? path : make_path(emu, plan, &id, hash);
}

void emu_path_free(struct nv_emu *emu, struct emu_path *path)
{
    struct emu_plan *plan = path->plan;
    if (plan->masked && !(path->flags & (PATH_ORPHAN | PATH_UNLISTED)))
        emu_hash_cut(&emu->path_table, path->hash, path->number);
    if (plan->only == path)
        plan->only = NULL;
    *path->here = path->next;
    if (path->next)
        path->next->here = path->here;
    wheel_remove(&emu->wheel, path->number);
    emu_sched_free(emu, plan, path->sched);
    free(path->impaired);
    slab_give(&emu->paths, path->number);
    emu->totals.links--;
}

void emu_path_orphan(struct nv_emu *emu, struct emu_path *path)
{
    if (path->flags & PATH_ORPHAN)
        return;
    if (path->plan->masked && !(path->flags & PATH_UNLISTED))
        emu_hash_cut(&emu->path_table, path->hash, path->number);
    if (path->plan->only == path)
        path->plan->only = NULL;
    path->flags |= PATH_ORPHAN;
}

/* ---- queues ---- */

/* The queue becomes one of the path's; a second one makes FIFO need its scheduler. false: no memory. */
static bool join(struct nv_emu *emu, struct emu_path *path, struct emu_queue *queue)
{
    const struct emu_sched_ops *ops = path->plan->ops;
    if (!path->sched && path->queue_count > 0) {
        struct emu_sched *sched = emu_sched_make(emu, path->plan);
        if (!sched)
            return false;
        if (ops->join(sched, &path->queues->flow) < 0) {
            emu_sched_free(emu, path->plan, sched);
            return false;
        }
        path->sched = sched;
        path->flags &= ~(uint32_t)PATH_SINGLE;
    }
    if (!path->sched)
        path->flags |= PATH_SINGLE;
    else if (ops->join(path->sched, &queue->flow) < 0)
        return false;
    queue->path_next = path->queues;
    queue->path_here = &path->queues;
    if (queue->path_next)
        queue->path_next->path_here = &queue->path_next;
    path->queues = queue;
    path->queue_count++;
    return true;
}

struct emu_queue *emu_make_queue(struct nv_emu *emu, struct emu_set *set, const struct emu_id *id,
                                 const struct nv_emu_key *key, uint32_t hash)
{
    uint32_t number;
    if (set->masked && !emu_hash_room(&emu->queue_table))
        return NULL;
    struct emu_path *path = path_for(emu, set->plan, set, key);
    if (!path)
        return NULL;
    struct emu_queue *queue = slab_take(&emu->queues, &number);
    if (queue) {
        queue->number = number;
        queue->flow.share = set->share;
        queue->flow.management = set->management;
        queue->flow.aqm_params = &set->params;
        if (set->management && set->management->take)
            path->plan->eager = true;
        queue->path = path;
        queue->set = set;
        if (!join(emu, path, queue)) {
            slab_give(&emu->queues, number);
            queue = NULL;
        }
    }
    if (!queue) {
        if (path->queue_count == 0 && !path->head)
            emu_path_free(emu, path);
        return NULL;
    }
    memcpy(queue->word, id->word, sizeof id->word);
    memcpy(queue->far, id->far, sizeof id->far);
    queue->hash = hash;
    queue->next = set->queues;
    queue->here = &set->queues;
    if (queue->next)
        queue->next->here = &queue->next;
    set->queues = queue;
    if (set->masked)
        emu_hash_put(&emu->queue_table, hash, number);
    else
        set->only = queue;
    emu->totals.flows++;
    return queue;
}

void emu_queue_orphan(struct nv_emu *emu, struct emu_queue *queue)
{
    if (queue->flow.state & QUEUE_ORPHAN)
        return;
    if (queue->set->only == queue)
        queue->set->only = NULL;
    else
        emu_hash_cut(&emu->queue_table, queue->hash, queue->number);
    queue->flow.state |= QUEUE_ORPHAN;
}

void emu_queue_free(struct nv_emu *emu, struct emu_queue *queue)
{
    struct emu_path *path = queue->path;
    emu_queue_orphan(emu, queue);
    if (path->sched && !(queue->flow.state & QUEUE_APART))
        path->plan->ops->leave(path->sched, &queue->flow);
    path->flags &= ~(uint32_t)PATH_SINGLE;
    path->gone += queue->packets - queue->drops;
    path->gone_bytes += queue->bytes - queue->dropped_bytes;
    *queue->path_here = queue->path_next;
    if (queue->path_next)
        queue->path_next->path_here = queue->path_here;
    path->queue_count--;
    queue->set->gone.packets += queue->packets;
    queue->set->gone.bytes += queue->bytes;
    queue->set->gone.drops += queue->drops;
    queue->set->gone.dropped_bytes += queue->dropped_bytes;
    queue->set->gone.delay_ns += queue->delay_ns;
    for (unsigned reason = 0; queue->drops && reason < NV_EMU_DROP_COUNT; reason++)
        queue->set->gone.lost[reason] += queue->lost[reason];
    *queue->here = queue->next;
    if (queue->next)
        queue->next->here = queue->here;
    slab_give(&emu->queues, queue->number);
    emu->totals.flows--;
}
