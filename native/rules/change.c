/* SPDX-License-Identifier: BSD-2-Clause */
/* change.c - note what a writer does, take it back, free what is left over. */
#include "rules/change.h"

#include <errno.h>
#include <stdlib.h>

int rules_change_reserve(struct rules_change *change, size_t more)
{
    if (change->room - change->count >= more)
        return 0;
    size_t room = change->room ? change->room * 2 : 64;
    if (room - change->count < more)
        room = change->count + more;
    struct rules_change_step *steps = realloc(change->steps, room * sizeof(*steps));
    if (!steps)
        return -ENOMEM;
    change->steps = steps;
    change->room = room;
    return 0;
}

void rules_change_store(struct rules_change *change, uint64_t *word, uint64_t value, void *fresh, void *stale)
{
    struct rules_change_step *step = &change->steps[change->count++];

    step->word = word;
    step->before = word ? *word : 0;
    step->fresh = fresh;
    step->stale = stale;
    if (word)
        __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

void rules_change_undo(struct rules_change *change)
{
    for (size_t i = change->count; i-- > 0;) {
        if (change->steps[i].word)
            __atomic_store_n(change->steps[i].word, change->steps[i].before, __ATOMIC_RELEASE);
    }
}

void rules_change_free(struct rules_change *change, int kept)
{
    for (size_t i = 0; i < change->count; i++)
        free(kept ? change->steps[i].stale : change->steps[i].fresh);
    free(change->steps);
    *change = (struct rules_change){0};
}
