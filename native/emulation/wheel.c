/* SPDX-License-Identifier: BSD-2-Clause */
/* wheel.c - see wheel.h. */
#include "emulation/wheel.h"

#include <string.h>

#include "emulation/slab.h"

void wheel_init(struct wheel *wheel, uint64_t *spent)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->spent = spent;
    wheel->far_known = true;
    wheel->far_min = UINT64_MAX;
}

void wheel_fini(struct wheel *wheel)
{
    if (wheel->near)
        emu_unreserve(wheel->near, WHEEL_IDS * sizeof *wheel->near);
    if (wheel->nodes)
        emu_unreserve(wheel->nodes, WHEEL_IDS * sizeof *wheel->nodes);
}

bool wheel_room(struct wheel *wheel, uint32_t id)
{
    enum { STEP = 64 };
    if (id < wheel->room)
        return true;
    if (id >= WHEEL_IDS)
        return false;
    if (!wheel->near)
        wheel->near = emu_reserve(WHEEL_IDS * sizeof *wheel->near);
    if (!wheel->nodes)
        wheel->nodes = emu_reserve(WHEEL_IDS * sizeof *wheel->nodes);
    if (!wheel->near || !wheel->nodes)
        return false;
    uint32_t room = (id / STEP + 1) * STEP;
    for (uint32_t i = wheel->room; i < room; i++)
        wheel->nodes[i].where = WHEEL_NONE;
    *wheel->spent += (room - wheel->room) * (sizeof *wheel->nodes + sizeof *wheel->near);
    wheel->room = room;
    return true;
}

/* ---- the heap of near events: four children a node ---- */

static void near_up(struct wheel *wheel, uint32_t at, struct wheel_event event)
{
    struct wheel_event *near = wheel->near;
    while (at > 0) {
        uint32_t parent = (at - 1) / 4;
        if (!wheel_before(&event, &near[parent]))
            break;
        near[at] = near[parent];
        at = parent;
    }
    near[at] = event;
}

static void near_down(struct wheel *wheel, uint32_t at, struct wheel_event event)
{
    struct wheel_event *near = wheel->near;
    uint32_t count = wheel->near_count;
    for (;;) {
        uint32_t child = 4 * at + 1, end = child + 4 < count ? child + 4 : count;
        if (child >= count)
            break;
        uint32_t least = child;
        for (uint32_t i = child + 1; i < end; i++)
            if (wheel_before(&near[i], &near[least]))
                least = i;
        if (!wheel_before(&near[least], &event))
            break;
        near[at] = near[least];
        at = least;
    }
    near[at] = event;
}

static void near_add(struct wheel *wheel, uint32_t id)
{
    struct wheel_node *node = &wheel->nodes[id];
    node->where = WHEEL_NEAR;
    near_up(wheel, wheel->near_count++, (struct wheel_event){node->time, node->order, id});
}

/* Take the event at `at` out of the heap. */
static void near_cut(struct wheel *wheel, uint32_t at)
{
    struct wheel_event last = wheel->near[--wheel->near_count];
    if (at == wheel->near_count)
        return;
    if (at > 0 && wheel_before(&last, &wheel->near[(at - 1) / 4]))
        near_up(wheel, at, last);
    else
        near_down(wheel, at, last);
}

/* ---- the slots ---- */

static void slot_add(struct wheel *wheel, uint32_t id)
{
    struct wheel_node *node = &wheel->nodes[id];
    uint64_t slot = node->time >> WHEEL_SHIFT;
    unsigned level = (63u - (unsigned)__builtin_clzll(slot ^ wheel->now_slot)) / WHEEL_BITS;
    unsigned at = (unsigned)(slot >> (level * WHEEL_BITS)) & (WHEEL_SLOTS - 1);
    struct wheel_slot *list = &wheel->slot[level][at];
    uint32_t first = list->first, turn = list->turn++ % WHEEL_AHEAD;
    wheel->far_count++;
    node->where = (uint16_t)(level * WHEEL_SLOTS + at);
    node->next = first;
    node->previous = 0;
    if (first)
        wheel->nodes[first - 1].previous = id + 1;
    list->first = id + 1;
    node->ahead = list->recent[turn];
    list->recent[turn] = id;
    wheel->set[level][at / 64] |= UINT64_C(1) << (at % 64);
}

static void slot_cut(struct wheel *wheel, const struct wheel_node *node)
{
    unsigned level = node->where / WHEEL_SLOTS, at = node->where % WHEEL_SLOTS;
    wheel->far_count--;
    if (node->next)
        wheel->nodes[node->next - 1].previous = node->previous;
    if (node->previous)
        wheel->nodes[node->previous - 1].next = node->next;
    else if (!(wheel->slot[level][at].first = node->next))
        wheel->set[level][at / 64] &= ~(UINT64_C(1) << (at % 64));
}

/* Near, or into its slot. */
static void place(struct wheel *wheel, uint32_t id)
{
    if (wheel->nodes[id].time >> WHEEL_SHIFT <= wheel->now_slot)
        near_add(wheel, id);
    else
        slot_add(wheel, id);
}

/* The first slot in use behind position `after` of a level, or -1. */
static int find_slot(const uint64_t *set, unsigned after)
{
    for (unsigned at = after + 1; at < WHEEL_SLOTS; at = (at | 63) + 1) {
        uint64_t bits = set[at / 64] >> (at % 64);
        if (bits)
            return (int)(at + (unsigned)__builtin_ctzll(bits));
    }
    return -1;
}

/* The earliest slot in use: its level, its place, and the number of its first fine slot. false: none. */
static bool first_slot(const struct wheel *wheel, unsigned *level, unsigned *at, uint64_t *start)
{
    for (unsigned i = 0; i < WHEEL_LEVELS; i++) {
        unsigned shift = i * WHEEL_BITS;
        int found = find_slot(wheel->set[i], (unsigned)(wheel->now_slot >> shift) & (WHEEL_SLOTS - 1));
        if (found < 0)
            continue;
        uint64_t above = shift + WHEEL_BITS < 64 ? wheel->now_slot >> (shift + WHEEL_BITS) << (shift + WHEEL_BITS) : 0;
        *level = i;
        *at = (unsigned)found;
        *start = above | (uint64_t)(unsigned)found << shift;
        return true;
    }
    return false;
}

/* Bring the current slot forward to `slot`, spreading the slots that begin on the way. */
static void forward(struct wheel *wheel, uint64_t slot)
{
    unsigned level, at;
    uint64_t start;
    while (first_slot(wheel, &level, &at, &start) && start <= slot) {
        uint32_t list = wheel->slot[level][at].first;
        wheel->slot[level][at].first = 0;
        wheel->set[level][at / 64] &= ~(UINT64_C(1) << (at % 64));
        wheel->now_slot = start;
        wheel->far_known = false;
        while (list) {
            uint32_t id = list - 1;
            wheel->far_count--;
            list = wheel->nodes[id].next;
            __builtin_prefetch(&wheel->nodes[wheel->nodes[id].ahead], 1);
            place(wheel, id);
        }
        if (wheel->near_count)
            return;
    }
    if (slot > wheel->now_slot)
        wheel->now_slot = slot;
}

/* ---- what others call ---- */

void wheel_add(struct wheel *wheel, uint32_t id, uint64_t time, uint32_t order)
{
    struct wheel_node *node = &wheel->nodes[id];
    node->time = time;
    node->order = order;
    if (time < wheel->far_min && time >> WHEEL_SHIFT > wheel->now_slot)
        wheel->far_min = time;
    place(wheel, id);
}

void wheel_remove(struct wheel *wheel, uint32_t id)
{
    struct wheel_node *node = &wheel->nodes[id];
    if (node->where == WHEEL_NONE)
        return;
    if (node->where == WHEEL_NEAR) {
        uint32_t at = 0;
        while (wheel->near[at].id != id)
            at++;
        near_cut(wheel, at);
    } else {
        slot_cut(wheel, node);
        wheel->far_known = false;
    }
    node->where = WHEEL_NONE;
}

const struct wheel_event *wheel_first(struct wheel *wheel, uint64_t now)
{
    if (wheel->near_count == 0)
        forward(wheel, now >> WHEEL_SHIFT);
    return wheel->near_count && wheel->near[0].time <= now ? &wheel->near[0] : NULL;
}

void wheel_second(const struct wheel *wheel, struct wheel_event *other)
{
    uint32_t end = wheel->near_count < 5 ? wheel->near_count : 5;
    for (uint32_t i = 1; i < end; i++)
        if (wheel_before(&wheel->near[i], other))
            *other = wheel->near[i];
}

void wheel_postpone(struct wheel *wheel, uint64_t time, uint32_t order)
{
    uint32_t id = wheel->near[0].id;
    struct wheel_node *node = &wheel->nodes[id];
    node->time = time;
    node->order = order;
    if (time >> WHEEL_SHIFT <= wheel->now_slot) {
        near_down(wheel, 0, (struct wheel_event){time, order, id});
        return;
    }
    near_cut(wheel, 0);
    if (time < wheel->far_min)
        wheel->far_min = time;
    slot_add(wheel, id);
}

void wheel_done(struct wheel *wheel)
{
    wheel->nodes[wheel->near[0].id].where = WHEEL_NONE;
    near_cut(wheel, 0);
}

uint64_t wheel_next(struct wheel *wheel)
{
    if (wheel->near_count)
        return wheel->near[0].time;
    if (!wheel->far_known) {
        unsigned level, at;
        uint64_t start;
        wheel->far_min = UINT64_MAX;
        if (first_slot(wheel, &level, &at, &start))
            for (uint32_t id = wheel->slot[level][at].first; id; id = wheel->nodes[id - 1].next)
                if (wheel->nodes[id - 1].time < wheel->far_min)
                    wheel->far_min = wheel->nodes[id - 1].time;
        wheel->far_known = true;
    }
    return wheel->far_min;
}
