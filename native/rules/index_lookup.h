/* SPDX-License-Identifier: BSD-2-Clause */
/* index_lookup.h - the class of a value. */
#ifndef NETVALE_RULES_INDEX_LOOKUP_H
#define NETVALE_RULES_INDEX_LOOKUP_H

#include "rules/index.h"

/* An entry of `top` and `nodes`: node << 4 | INDEX_NODE, or first bound << 4 | number of bounds (0..INDEX_LEAF_MAX). */
enum { INDEX_NODE = 15 };

/* Make the tables of a field whose classes begin at bounds (rising). 0 or -ENOMEM. */
int index_make_lookup(struct index_field *field, unsigned f, const trie_key *bounds, uint32_t count);

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
