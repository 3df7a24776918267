/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wheel.h - when each link has something to do next: at most one event a link, in order of time.
 *
 * A hierarchical timing wheel (Varghese and Lauck, 1987) whose finest slot is 2^14 ns wide; what falls into the current
 * slot, or before it, is in a small heap that orders it exactly. Putting in and moving on is constant; taking out costs
 * the logarithm of the events in one slot. Events of the same instant come in the order of `order`.
 */
#ifndef NETVALE_EMULATION_WHEEL_H
#define NETVALE_EMULATION_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

enum { WHEEL_SHIFT = 14, WHEEL_BITS = 8, WHEEL_SLOTS = 1 << WHEEL_BITS, WHEEL_LEVELS = 7 };
enum { WHEEL_NONE = UINT16_MAX, WHEEL_NEAR = UINT16_MAX - 1 }; /* wheel_node.where; else level * WHEEL_SLOTS + slot */

struct wheel_event {
    uint64_t time;
    uint32_t order;
    uint32_t id;
};

struct wheel_node {
    uint64_t time;
    uint32_t order;
    uint32_t next, previous; /* id + 1 in the slot's list, 0: none */
    uint32_t ahead;          /* id that was AHEAD places further in the list when this was put in: to be prefetched */
    uint16_t where, pad;
};

enum { WHEEL_AHEAD = 8, WHEEL_IDS = 1 << 23 };

struct wheel_slot {
    uint32_t first; /* id + 1 */
    uint32_t turn;
    uint32_t recent[WHEEL_AHEAD]; /* the last ids put in */
};

struct wheel {
    uint64_t now_slot; /* time >> WHEEL_SHIFT: events up to the end of this slot are near */
    struct wheel_event *near;
    uint32_t near_count;
    uint32_t room; /* ids below it are ready; there is address space for WHEEL_IDS */
    struct wheel_node *nodes;
    uint64_t set[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* slots that hold something */
    struct wheel_slot slot[WHEEL_LEVELS][WHEEL_SLOTS];
    uint32_t far_count; /* events that are not near */
    uint64_t far_min;   /* earliest event that is not near; valid when far_known */
    bool far_known;
    uint64_t *spent;
};

void wheel_init(struct wheel *wheel, uint64_t *spent);
void wheel_fini(struct wheel *wheel);
/* Make room for ids up to `id`. false: no memory. */
bool wheel_room(struct wheel *wheel, uint32_t id);

/* Put in the event of id, which has none. */
void wheel_add(struct wheel *wheel, uint32_t id, uint64_t time, uint32_t order);
/* Take it out, if there is one. */
void wheel_remove(struct wheel *wheel, uint32_t id);

/* The earliest event at or before now, or NULL. It is near[0]. Brings the wheel forward to now. */
const struct wheel_event *wheel_first(struct wheel *wheel, uint64_t now);
/* The event behind the first among the near ones; *other is left when there is none. */
void wheel_second(const struct wheel *wheel, struct wheel_event *other);
/* All events that are not near are at this time or later. */
static inline uint64_t wheel_horizon(const struct wheel *wheel)
{
    return wheel->far_count ? (wheel->now_slot + 1) << WHEEL_SHIFT : UINT64_MAX;
}
/* The first event (wheel_first) happens later instead. */
void wheel_postpone(struct wheel *wheel, uint64_t time, uint32_t order);
/* The first event is over. */
void wheel_done(struct wheel *wheel);

/* Time of the earliest event; UINT64_MAX: none. */
uint64_t wheel_next(struct wheel *wheel);

static inline bool wheel_has(const struct wheel *wheel, uint32_t id)
{
    return wheel->nodes[id].where != WHEEL_NONE;
}

/* Whether a comes before b. Orders are compared as they count round. */
static inline bool wheel_before(const struct wheel_event *a, const struct wheel_event *b)
{
    return a->time < b->time || (a->time == b->time && (int32_t)(a->order - b->order) < 0);
}

#endif
