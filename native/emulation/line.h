/* SPDX-License-Identifier: BSD-2-Clause */
/* line.h - the delay line of a path: packets with their departures, a list, or a heap when they may overtake. */
#ifndef NETVALE_EMULATION_LINE_H
#define NETVALE_EMULATION_LINE_H

#include "emulation/object.h"

/* a leaves before b. */
static inline bool line_before(const struct nv_emu_packet *a, const struct nv_emu_packet *b)
{
    return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && (int32_t)(a->order - b->order) < 0);
}

/* Of a heap: put in, take the first out. */
void line_heap_put(struct emu_path *path, struct nv_emu_packet *packet);
struct nv_emu_packet *line_heap_take(struct emu_path *path);
/* From now on the line is a heap. */
void line_make_heap(struct emu_path *path);

/* Places in a list between a packet and the one that its `link` names. */
enum { LINE_AHEAD = 12 };

/*
 * packet->time_ns is its departure; in a list not before that of the last. A long list lies in memory that has left the
 * first caches, and whoever takes packets off one after the other would wait for each; so each knows the one that comes
 * LINE_AHEAD places later, too, to be fetched in time.
 */
static inline void line_put(struct emu_path *path, struct nv_emu_packet *packet)
{
    path->line++;
    if (path->flags & PATH_HEAP) {
        line_heap_put(path, packet);
        return;
    }
    packet->next = packet->link = NULL;
    if (path->head)
        path->tail->next = packet;
    else
        path->head = packet;
    path->tail = packet;
    if (path->line > LINE_AHEAD) {
        path->behind = path->line == LINE_AHEAD + 1 ? path->head : path->behind->next;
        path->behind->link = packet;
    }
}

/* The line must not be empty. */
static inline struct nv_emu_packet *line_take(struct emu_path *path)
{
    path->line--;
    if (path->flags & PATH_HEAP)
        return line_heap_take(path);
    struct nv_emu_packet *packet = path->head;
    path->head = packet->next;
    __builtin_prefetch(packet->link, 1);
    return packet;
}

#endif
