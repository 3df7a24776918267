/* SPDX-License-Identifier: BSD-2-Clause */
/* release.c - packets leave: everything that is due, in order of time. */
#include "emulation/line.h"

/* Count a packet that is the caller's again. */
static void hand_over(struct nv_emu *emu, struct nv_emu_packet *packet)
{
    emu->totals.waiting--;
    if (packet->drop) {
        emu->totals.drops[packet->drop]++;
        return;
    }
    emu->totals.departed++;
    emu->totals.departed_bytes += packet->length;
    emu->totals.marked += (packet->flags & NV_EMU_MARKED) != 0;
    emu->totals.corrupted += (packet->flags & NV_EMU_CORRUPT) != 0;
}

/* When the path has something to do next, and in which order. */
static inline bool upcoming(const struct nv_emu *emu, const struct emu_path *path, struct wheel_event *event)
{
    event->time = UINT64_MAX;
    event->order = emu->order;
    if (path->head) {
        event->time = path->head->time_ns;
        event->order = path->head->order;
    }
    if (path->waiting && path->plan->eager) {
        uint64_t at = path->free_ns + (path->free_rest > 0);
        if (at < event->time)
            event->time = at;
    }
    return event->time != UINT64_MAX;
}

/* What emu_serve will look at of a path where packets wait for a single queue's turn; NULL: something else. */
static inline const struct emu_queue *next_queue(const struct emu_path *path)
{
    return path->waiting && path->flags & PATH_SINGLE ? path->queues : NULL;
}

/*
 * Bring into the cache what drain() will touch. When more events have come near, which is when a slot of the wheel has
 * begun, it is done for all of them, a dependent access a round, so that they wait for memory together. (Always inline:
 * the compiler leaves out calls of a function that only prefetches.)
 */
static inline __attribute__((always_inline)) void look_ahead(const struct nv_emu *emu, uint32_t seen)
{
    enum { MOST = 64 };
    const struct wheel *wheel = &emu->wheel;
    const uint32_t count = wheel->near_count < MOST ? wheel->near_count : MOST;
    if (wheel->near_count <= seen || count < 2)
        return;
    for (uint32_t i = 0; i < count; i++) {
        const struct emu_path *path = slab_at(&emu->paths, wheel->near[i].id);
        __builtin_prefetch(path, 1);
        __builtin_prefetch(&path->queues);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct emu_path *path = slab_at(&emu->paths, wheel->near[i].id);
        const struct emu_queue *queue = next_queue(path);
        __builtin_prefetch(path->head, 1);
        __builtin_prefetch(&wheel->nodes[wheel->near[i].id], 1);
        if (queue)
            __builtin_prefetch(&queue->flow, 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct emu_path *path = slab_at(&emu->paths, wheel->near[i].id);
        const struct emu_queue *queue = next_queue(path);
        if (queue)
            __builtin_prefetch(queue->flow.head, 1);
        if (path->head)
            __builtin_prefetch(path->head->next, 1);
    }
}

/*
 * Take what path `id`, the first in the wheel, has up to now_ns as long as no other path comes before it. Sets its
 * event anew.
 */
static unsigned drain(struct nv_emu *emu, uint32_t id, uint64_t now_ns, struct nv_emu_packet **out, unsigned max)
{
    struct emu_path *path = slab_at(&emu->paths, id);
    struct wheel_event event = {emu->wheel.near[0].time, emu->wheel.near[0].order, id};
    struct wheel_event other = {UINT64_MAX, 0, id};
    unsigned count = 0;
    bool more;

    wheel_second(&emu->wheel, &other);
    uint64_t horizon = wheel_horizon(&emu->wheel);
    uint64_t losses_at = emu->losses->head ? emu->losses->head->time_ns : UINT64_MAX;
    do {
        if (path->waiting)
            emu_serve(emu, path, event.time, 0);
        if (path->head && path->head->time_ns <= event.time) {
            struct nv_emu_packet *packet = line_take(path);
            if (path->head)
                __builtin_prefetch(path->head->next, 1);
            hand_over(emu, packet);
            out[count++] = packet;
        }
        more = upcoming(emu, path, &event);
        /* a service may have dropped packets: they come first */
        uint64_t losses_now = emu->losses->head ? emu->losses->head->time_ns : UINT64_MAX;
        if (path != emu->losses && losses_now != losses_at)
            break;
    } while (more && count < max && event.time <= now_ns && event.time < horizon && wheel_before(&event, &other));
    /* the heap's first may have changed when a loss was put in */
    if (emu->wheel.near[0].id != id) {
        wheel_remove(&emu->wheel, id);
        if (more)
            wheel_add(&emu->wheel, id, event.time, event.order);
    } else if (more) {
        wheel_postpone(&emu->wheel, event.time, event.order);
    } else {
        wheel_done(&emu->wheel);
    }
    return count;
}

unsigned nv_emu_release(struct nv_emu *emu, uint64_t now_ns, struct nv_emu_packet **out, unsigned max)
{
    unsigned count = 0;
    uint32_t seen = 0;
    pthread_mutex_lock(&emu->lock);
    if (now_ns > emu->now_ns)
        emu->now_ns = now_ns;
    while (count < max) {
        const struct wheel_event *first = wheel_first(&emu->wheel, now_ns);
        if (!first)
            break;
        look_ahead(emu, seen);
        seen = emu->wheel.near_count;
        count += drain(emu, first->id, now_ns, out + count, max - count);
    }
    if (emu->masked)
        emu_sweep(emu, 2);
    pthread_mutex_unlock(&emu->lock);
    return count;
}

uint64_t nv_emu_next(struct nv_emu *emu)
{
    pthread_mutex_lock(&emu->lock);
    uint64_t next = wheel_next(&emu->wheel);
    pthread_mutex_unlock(&emu->lock);
    return next;
}

void nv_emu_stop(struct nv_emu *emu, uint64_t now_ns)
{
    pthread_mutex_lock(&emu->lock);
    if (now_ns > emu->now_ns)
        emu->now_ns = now_ns;
    for (uint32_t i = 0; i < emu->queues.used; i++) {
        struct emu_queue *queue = slab_at(&emu->queues, i);
        if (queue->path)
            emu_queue_lose(emu, queue, NV_EMU_DROP_STOPPED, now_ns);
    }
    for (uint32_t i = 1; i < emu->paths.used; i++) {
        struct emu_path *path = slab_at(&emu->paths, i);
        if (path->plan)
            emu_path_lose(emu, path, NV_EMU_DROP_STOPPED, now_ns);
    }
    pthread_mutex_unlock(&emu->lock);
}
