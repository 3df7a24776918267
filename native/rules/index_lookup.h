/* SPDX-License-Identifier: BSD-2-Clause */
/* index_lookup.h - the class of a value. */
#ifndef NETVALE_RULES_INDEX_LOOKUP_H
#define NETVALE_RULES_INDEX_LOOKUP_H

#include "rules/index.h"

/* An entry of `top` and `nodes`: node << 4 | INDEX_NODE, or first bound << 4 | number of bounds (0..8). */
enum { INDEX_NODE = 15 };

/* Make the tables of a field whose classes begin at bounds (rising). 0 or -ENOMEM. */
int index_make_lookup(struct index_field *field, unsigned f, const trie_key *bounds, uint32_t count);

static inline uint32_t index_class(const struct index_field *field, uint32_t value)
{
    uint32_t entry = field->top[value >> field->top_shift], shift = field->top_shift;
    while ((entry & 15) == INDEX_NODE) {
        shift = shift > 8 ? shift - 8 : 0;
        entry = field->nodes[entry >> 4][value >> shift & 255];
    }
    /*
     * The bounds behind an entry's own are beyond all its values, so two comparisons are right for 0, 1 and 2 bounds,
     * without a branch. More are rare.
     */
    uint32_t first = entry >> 4, count = entry & 15;
    const uint32_t *ends = &field->ends[first];
    uint32_t class = first + (value > ends[0]) + (value > ends[1]);
    for (uint32_t i = 2; __builtin_expect(i < count, 0); i++)
        class += value > ends[i];
    return class;
}

static inline uint32_t index_class6(const struct index_field *field, trie_key value)
{
    const trie_key *base = field->bounds6;
    uint32_t left = field->classes - 2; /* bounds */
    while (left > 0) {
        uint32_t half = left / 2;
        if (base[half] <= value) {
            base += half + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    return (uint32_t)(base - field->bounds6);
}

#endif
