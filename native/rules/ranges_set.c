/* SPDX-License-Identifier: BSD-2-Clause */
/* ranges_set.c - see ranges_set.h. */
#include "rules/ranges_set.h"

#include <stdlib.h>

void set_add(struct builder *b, trie_key low, trie_key high)
{
    if (b->set.count == b->room) {
        uint32_t room = b->room ? b->room * 2 : 8;
        struct range *list = realloc(b->set.list, room * sizeof(*list));
        if (!list) {
            b->failed = true;
            return;
        }
        b->set.list = list;
        b->room = room;
    }
    b->set.list[b->set.count++] = (struct range){low, high};
}

static int by_low(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

void set_normalise(struct ranges *set)
{
    uint32_t kept = 0;
    if (set->count)
        qsort(set->list, set->count, sizeof(*set->list), by_low);
    for (uint32_t i = 0; i < set->count; i++) {
        struct range *last = kept ? &set->list[kept - 1] : NULL;
        if (last && (set->list[i].low <= last->high || set->list[i].low == last->high + 1)) {
            if (set->list[i].high > last->high)
                last->high = set->list[i].high;
        } else {
            set->list[kept++] = set->list[i];
        }
    }
    set->count = kept;
}

void set_complement(struct builder *b, trie_key top)
{
    struct builder out = {0};
    trie_key low = 0;
    bool open = true;
    for (uint32_t i = 0; i < b->set.count; i++) {
        if (b->set.list[i].low > low)
            set_add(&out, low, b->set.list[i].low - 1);
        open = b->set.list[i].high < top;
        low = b->set.list[i].high + 1;
    }
    if (open)
        set_add(&out, low, top);
    free(b->set.list);
    out.failed |= b->failed;
    *b = out;
}

void set_intersect(struct builder *a, const struct ranges *b)
{
    struct builder out = {0};
    for (uint32_t i = 0, j = 0; i < a->set.count && j < b->count;) {
        const struct range *x = &a->set.list[i], *y = &b->list[j];
        trie_key low = x->low > y->low ? x->low : y->low, high = x->high < y->high ? x->high : y->high;
        if (low <= high)
            set_add(&out, low, high);
        if (x->high < y->high)
            i++;
        else
            j++;
    }
    free(a->set.list);
    out.failed |= a->failed;
    *a = out;
}
