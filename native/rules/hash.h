/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.h - exact match on keys of a few 64-bit words (number, iface and flow tables): chains in an array
 * that doubles; changed beside readers like the trie.
 */
#ifndef NETVALE_RULES_HASH_H
#define NETVALE_RULES_HASH_H

#include "rules/change.h"
#include "rules/siphash.h"

#define HASH_MAX_WORDS 5

struct hash_node {
    uint64_t next, token, hash;
    uint64_t key[];
};

struct hash_array {
    uint64_t mask; /* buckets - 1 */
    uint64_t buckets[];
};

struct rules_hash {
    uint64_t array; /* struct hash_array *, 0: empty */
    uint64_t entries;
};

/* Token of a key of `words` words, 0 if it is not there. */
static inline uint64_t rules_hash_find(const struct rules_hash *table, const struct sip_key *secret,
                                       const uint64_t *key, unsigned words)
{
    const struct hash_array *array = (const struct hash_array *)(uintptr_t)rules_word(&table->array);
    if (!array)
        return 0;
    uint64_t hash = sip_hash(secret, key, words);
    uint64_t word = rules_word(&array->buckets[hash & array->mask]);
    while (word) {
        const struct hash_node *node = (const struct hash_node *)(uintptr_t)word;
        unsigned i = 0;
        while (i < words && node->key[i] == key[i])
            i++;
        if (i == words)
            return rules_word(&node->token);
        word = rules_word(&node->next);
    }
    return 0;
}

/* Give the key the value token (0: take it away), noting each store. 0 or -ENOMEM: undo then. */
int rules_hash_set(struct rules_hash *table, struct rules_change *change, const struct sip_key *secret,
                   const uint64_t *key, unsigned words, uint64_t token);

/* Call fn (may be NULL) for every token, then free everything. No reader is left. */
void rules_hash_clear(struct rules_hash *table, void (*fn)(uint64_t token));

#endif
