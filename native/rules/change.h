/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change.h - a change of a structure that packets are reading.
 *
 * Readers follow 64-bit words (pointers and values). A writer stores new words one by one and notes each:
 * what it replaced and which memory became new or useless by it. A change that fails half-way is taken
 * back word by word; memory is freed only when no reader can hold it any more.
 */
#ifndef NETVALE_RULES_CHANGE_H
#define NETVALE_RULES_CHANGE_H

#include <stddef.h>
#include <stdint.h>

struct rules_change_step {
    uint64_t *word;
    uint64_t before;
    void *fresh; /* free this if taken back */
    void *stale; /* free this if kept */
};

struct rules_change {
    struct rules_change_step *steps;
    size_t count, room;
};

/* Make room for `more` steps, so that as many rules_change_store cannot fail. 0 or -ENOMEM. */
int rules_change_reserve(struct rules_change *change, size_t more);

/* Store and note. word NULL: only note memory. Room must be reserved. */
void rules_change_store(struct rules_change *change, uint64_t *word, uint64_t value, void *fresh, void *stale);

/* Put every word back, in reverse. The steps' memory is freed by rules_change_free(change, false). */
void rules_change_undo(struct rules_change *change);

/* Free what the change left over (kept: the stale memory, else the fresh) and the list. After a grace period. */
void rules_change_free(struct rules_change *change, int kept);

static inline uint64_t rules_word(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

#endif
