/* SPDX-License-Identifier: BSD-2-Clause */
/* state_table.c - pool, linear hashing and wheel of the dynamic states. */
#include "rules/state_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_BUCKETS = 1024, STEP = 1 << 20 };

_Static_assert(sizeof(struct rules_state) == 192, "three cache lines");

/* Make [0, wanted) bytes of a reservation usable; *ready is how many are. 0 or -ENOMEM. */
static int make_ready(void *area, size_t *ready, size_t wanted, size_t limit)
{
    if (wanted <= *ready)
        return 0;
    size_t end = (wanted + STEP - 1) / STEP * STEP;
    end = end < limit ? end : limit;
    if (mprotect((char *)area + *ready, end - *ready, PROT_READ | PROT_WRITE) != 0)
        return -ENOMEM;
    *ready = end;
    return 0;
}

static void *reserve(size_t size)
{
    void *area = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return area == MAP_FAILED ? NULL : area;
}

#define POOL_BYTES  ((size_t)STATES_MAX * sizeof(struct rules_state))
#define HEADS_BYTES ((size_t)STATES_MAX * 2 * sizeof(uint32_t))

struct rules_states *rules_states_new(void)
{
    struct rules_states *states = calloc(1, sizeof(*states));
    if (!states)
        return NULL;
    states->pool = reserve(POOL_BYTES);
    states->heads = reserve(HEADS_BYTES);
    states->buckets = states->half = FIRST_BUCKETS;
    states->used = 1;
    if (!states->pool || !states->heads ||
        make_ready(states->heads, &states->heads_ready, FIRST_BUCKETS * sizeof(uint32_t), HEADS_BYTES) != 0) {
        rules_states_free(states);
        return NULL;
    }
    return states;
}

void rules_states_free(struct rules_states *states)
{
    if (!states)
        return;
    if (states->pool)
        munmap(states->pool, POOL_BYTES);
    if (states->heads)
        munmap(states->heads, HEADS_BYTES);
    free(states->per_slot);
    free(states);
}

int state_slots(struct rules_states *states, uint32_t slots)
{
    if (slots <= states->slots)
        return 0;
    uint32_t *per_slot = realloc(states->per_slot, slots * sizeof(*per_slot));
    if (!per_slot)
        return -ENOMEM;
    memset(per_slot + states->slots, 0, (slots - states->slots) * sizeof(*per_slot));
    states->per_slot = per_slot;
    states->slots = slots;
    return 0;
}

/* Split the next bucket in two. Without memory the table stays as it is, only fuller. */
static void split_bucket(struct rules_states *states)
{
    uint32_t from = states->buckets - states->half, to = states->buckets;
    if (to >= 2 * (uint32_t)STATES_MAX ||
        make_ready(states->heads, &states->heads_ready, (to + 1) * sizeof(uint32_t), HEADS_BYTES) != 0)
        return;
    uint32_t number = states->heads[from], keep = 0, move = 0, next;
    for (; number; number = next) {
        struct rules_state *state = state_at(states, number);
        uint32_t *list = (uint32_t)state->hash & states->half ? &move : &keep;
        next = state->next;
        state->next = *list;
        *list = number;
    }
    states->heads[from] = keep;
    states->heads[to] = move;
    states->buckets++;
    if (states->buckets == 2 * states->half)
        states->half *= 2;
}

uint32_t state_insert(struct rules_states *states, uint64_t hash, uint32_t slot)
{
    uint32_t number = states->free;
    if (number) {
        states->free = state_at(states, number)->next;
    } else {
        if (states->used >= STATES_MAX || make_ready(states->pool, &states->pool_ready,
                                                     (states->used + 1) * sizeof(struct rules_state), POOL_BYTES) != 0)
            return 0;
        number = states->used++;
    }
    if (states->entries >= states->buckets)
        split_bucket(states);
    struct rules_state *state = state_at(states, number);
    memset(state, 0, sizeof(*state));
    state->hash = hash;
    state->slot = slot;
    uint32_t *head = &states->heads[state_bucket(states, hash)];
    state->next = *head;
    *head = number;
    states->entries++;
    __atomic_store_n(&states->per_slot[slot], states->per_slot[slot] + 1, __ATOMIC_RELAXED);
    return number;
}

/* Take a LIMIT state out of its parent's children; the last one takes the parent along. */
static void leave_parent(struct rules_states *states, struct rules_state *state)
{
    struct rules_state *parent = state_at(states, state->parent);
    if (state->before)
        state_at(states, state->before)->after = state->after;
    else
        parent->after = state->after;
    if (state->after)
        state_at(states, state->after)->before = state->before;
    if (--parent->parent == 0)
        state_remove(states, state->parent);
}

void state_remove(struct rules_states *states, uint32_t number)
{
    struct rules_state *state = state_at(states, number);
    uint32_t *link = &states->heads[state_bucket(states, state->hash)];

    while (*link != number)
        link = &state_at(states, *link)->next;
    *link = state->next;
    state_unschedule(states, number);
    if (state->kind == STATE_LIMIT)
        leave_parent(states, state);
    if (state->kind != STATE_PARENT)
        states->live--;
    states->entries--;
    __atomic_store_n(&states->per_slot[state->slot], states->per_slot[state->slot] - 1, __ATOMIC_RELAXED);
    state->kind = STATE_FREE;
    state->next = states->free;
    states->free = number;
}

void state_schedule(struct rules_states *states, uint32_t number, uint64_t when)
{
    uint64_t second = when / 1000000000u + 1;
    if (second <= states->second)
        second = states->second + 1;
    if (second >= states->second + WHEEL_SLOTS)
        second = states->second + WHEEL_SLOTS - 1;
    struct rules_state *state = state_at(states, number);
    uint32_t slot = (uint32_t)(second % WHEEL_SLOTS), first = states->wheel[slot];
    state->wheel_next = first;
    state->wheel_before = 0;
    state->wheel_slot = (uint16_t)(slot + 1);
    if (first)
        state_at(states, first)->wheel_before = number;
    states->wheel[slot] = number;
}

void state_unschedule(struct rules_states *states, uint32_t number)
{
    struct rules_state *state = state_at(states, number);
    if (!state->wheel_slot)
        return;
    if (state->wheel_before)
        state_at(states, state->wheel_before)->wheel_next = state->wheel_next;
    else
        states->wheel[state->wheel_slot - 1] = state->wheel_next;
    if (state->wheel_next)
        state_at(states, state->wheel_next)->wheel_before = state->wheel_before;
    state->wheel_slot = 0;
}
