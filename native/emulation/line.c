/* SPDX-License-Identifier: BSD-2-Clause */
/* line.c - see line.h. Pairing heap: Fredman, Sedgewick, Sleator and Tarjan, 1986. next: sibling, link: first child. */
#include "emulation/line.h"

/* The one of two heaps whose root leaves first, with the other as its child. Neither is NULL. */
static struct nv_emu_packet *meld(struct nv_emu_packet *a, struct nv_emu_packet *b)
{
    if (line_before(b, a)) {
        struct nv_emu_packet *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->link;
    a->link = b;
    return a;
}

void line_heap_put(struct emu_path *path, struct nv_emu_packet *packet)
{
    packet->next = packet->link = NULL;
    path->head = path->head ? meld(path->head, packet) : packet;
}

struct nv_emu_packet *line_heap_take(struct emu_path *path)
{
    struct nv_emu_packet *root = path->head, *child = root->link, *pairs = NULL, *heap = NULL;
    while (child) { /* in pairs from the left */
        struct nv_emu_packet *one = child, *two = child->next;
        child = two ? two->next : NULL;
        if (two)
            one = meld(one, two);
        one->next = pairs;
        pairs = one;
    }
    while (pairs) { /* and all together from the right */
        struct nv_emu_packet *rest = pairs->next;
        heap = heap ? meld(heap, pairs) : pairs;
        pairs = rest;
    }
    if (heap)
        heap->next = NULL;
    path->head = heap;
    return root;
}

void line_make_heap(struct emu_path *path)
{
    if (path->flags & PATH_HEAP)
        return;
    struct nv_emu_packet *packet = path->head;
    path->flags |= PATH_HEAP;
    path->head = path->tail = NULL;
    while (packet) {
        struct nv_emu_packet *next = packet->next;
        line_heap_put(path, packet);
        packet = next;
    }
}
