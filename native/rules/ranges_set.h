/* SPDX-License-Identifier: BSD-2-Clause */
/* ranges_set.h - sets of values as ranges while they are built: add, join, turn round, cut. */
#ifndef NETVALE_RULES_RANGES_SET_H
#define NETVALE_RULES_RANGES_SET_H

#include "rules/ranges.h"

/* A set being built: memory is remembered to be missing until somebody asks. */
struct builder {
    struct ranges set;
    uint32_t room;
    bool failed;
};

/* Add the values from low to high, both included. */
void set_add(struct builder *b, trie_key low, trie_key high);
/* Sort, and join what overlaps or touches. */
void set_normalise(struct ranges *set);
/* Make it what is not in the (normalised) set; top: the largest value there is. */
void set_complement(struct builder *b, trie_key top);
/* Make a what is in both (normalised) sets. */
void set_intersect(struct builder *a, const struct ranges *b);

#endif
