/* SPDX-License-Identifier: BSD-2-Clause */
/* remove.c - objects go, and what waits in them is lost. */
#include <errno.h>
#include <stdlib.h>

#include "emulation/line.h"
#include "memory/error.h"

void emu_queue_lose(struct nv_emu *emu, struct emu_queue *queue, enum nv_emu_drop reason, uint64_t time_ns)
{
    struct emu_path *path = queue->path;
    if (queue->flow.packets == 0)
        return;
    bool joined = path->sched && !(queue->flow.state & QUEUE_APART);
    if (joined)
        path->plan->ops->leave(path->sched, &queue->flow);
    while (queue->flow.packets) {
        struct nv_emu_packet *packet = flow_pop(&queue->flow);
        path->waiting--;
        emu_queue_drop(queue, packet, reason);
        emu_lose(emu, packet, reason, time_ns);
    }
    if (joined && path->plan->ops->join(path->sched, &queue->flow) < 0) {
        emu_queue_orphan(emu, queue);
        queue->flow.state |= QUEUE_APART;
    }
    emu_arm(emu, path);
}

void emu_path_lose(struct nv_emu *emu, struct emu_path *path, enum nv_emu_drop reason, uint64_t time_ns)
{
    while (path->head) {
        struct nv_emu_packet *packet = line_take(path);
        /* what was lost on the air is lost already */
        emu_lose(emu, packet, packet->drop ? packet->drop : reason, time_ns);
    }
    path->last_ns = 0;
    emu_arm(emu, path);
}

static void queue_remove(struct nv_emu *emu, struct emu_queue *queue)
{
    emu_queue_lose(emu, queue, NV_EMU_DROP_DELETED, emu->now_ns);
    emu_queue_free(emu, queue);
}

void emu_set_remove(struct nv_emu *emu, struct emu_set *set)
{
    while (set->queues)
        queue_remove(emu, set->queues);
    emu->masked -= set->masked;
    __atomic_store_n(&emu->wants_key[set->kind][set->number], 0, __ATOMIC_RELAXED);
    if (set->here) {
        *set->here = set->next;
        if (set->next)
            set->next->here = set->here;
    }
    emu->sets[set->kind][set->number] = NULL;
    free(set);
}

void emu_plan_remove(struct nv_emu *emu, struct emu_plan *plan)
{
    while (plan->paths) {
        struct emu_path *path = plan->paths;
        while (path->queues)
            queue_remove(emu, path->queues);
        emu_path_lose(emu, path, NV_EMU_DROP_DELETED, emu->now_ns);
        emu_path_free(emu, path);
    }
    emu->plans[plan->kind][plan->number] = NULL;
    free(plan->link.profile_ns);
    emu_impair_free(&plan->link.impair);
    free(plan);
}

static void remove_object(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number)
{
    if (kind != NV_EMU_SCHED)
        emu_set_remove(emu, emu->sets[kind][number]);
    if (kind != NV_EMU_QUEUE)
        emu_plan_remove(emu, emu->plans[kind][number]);
    struct emu_plan *own = emu->plans[NV_EMU_SCHED][number];
    if (kind == NV_EMU_PIPE && own && own->automatic)
        emu_plan_remove(emu, own);
}

int nv_emu_delete(struct nv_emu *emu, enum nv_emu_kind kind, unsigned number, struct nv_error *err)
{
    static const char *const words[] = {"pipe", "queue", "sched"};
    int result = 0;
    pthread_mutex_lock(&emu->lock);
    const void *object = number >= EMU_NUMBERS  ? NULL
                         : kind == NV_EMU_SCHED ? (const void *)emu->plans[kind][number]
                         : kind <= NV_EMU_QUEUE ? (const void *)emu->sets[kind][number]
                                                : NULL;
    if (object) {
        remove_object(emu, kind, number);
        emu_relate_all(emu, number);
    } else {
        result = nv_fail(err, ENOENT, "there is no %s %u", kind <= NV_EMU_SCHED ? words[kind] : "object", number);
    }
    emu_unlock_changed(emu);
    return result;
}

void nv_emu_flush(struct nv_emu *emu)
{
    pthread_mutex_lock(&emu->lock);
    for (unsigned number = 0; number < EMU_NUMBERS; number++) {
        for (unsigned kind = NV_EMU_PIPE; kind <= NV_EMU_QUEUE; kind++)
            if (emu->sets[kind][number])
                emu_set_remove(emu, emu->sets[kind][number]);
        for (unsigned kind = NV_EMU_PIPE; kind <= NV_EMU_SCHED; kind++)
            if (emu->plans[kind][number])
                emu_plan_remove(emu, emu->plans[kind][number]);
    }
    emu_unlock_changed(emu);
}
