/* SPDX-License-Identifier: BSD-2-Clause */
/* expire.c - queues and links that masks made go away when they have been idle; their totals stay with the object. */
#include "emulation/object.h"

static void look(struct nv_emu *emu, struct emu_queue *queue)
{
    struct emu_path *path = queue->path;
    if (!path || queue->flow.packets || queue->set->only == queue)
        return;
    bool orphan = queue->flow.state & QUEUE_ORPHAN;
    if (!orphan && emu->now_ns - queue->seen_ns < emu->options.expire_ns)
        return;
    bool last = path->queue_count == 1 && path->plan->only != path;
    if (last && (path->head || path->free_ns > emu_earliest(&path->plan->link, emu->now_ns)))
        return; /* its link still carries something, or has not earned its burst again, which a new one has */
    emu_queue_free(emu, queue);
    if (last)
        emu_path_free(emu, path);
}

void emu_sweep(struct nv_emu *emu, unsigned count)
{
    while (count-- > 0 && emu->queues.used > 0) {
        if (emu->sweep >= emu->queues.used)
            emu->sweep = 0;
        look(emu, slab_at(&emu->queues, emu->sweep++));
    }
}
