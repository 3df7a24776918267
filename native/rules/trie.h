/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trie.h - longest prefix match on keys of up to 128 bits (addr and mac tables).
 *
 * The first 14 bits index an array; below it are nodes of 6 bits, two bit maps each, as in the tree
 * bitmap of Eatherton, Varghese and Dittia (2004): `inside` has a bit for each prefix of 0 to 5 bits that
 * ends in the node, `below` one for each child; results and children are packed behind. 14 + 3 * 6 = 32
 * and 14 + 19 * 6 = 128, so IPv4 needs at most four steps. A change copies one node and swaps a pointer.
 *
 * Keys are left-aligned 128-bit numbers. Values are tokens (value.h), never 0; 0 means no match.
 */
#ifndef NETVALE_RULES_TRIE_H
#define NETVALE_RULES_TRIE_H

#include "rules/change.h"

typedef unsigned __int128 trie_key;

enum { TRIE_TOP_BITS = 14, TRIE_STRIDE = 6 };
#define TRIE_NODE_TAG 2u /* low bit of a word that points to a node; tokens have it clear */

struct rules_trie {
    uint64_t *top;    /* 1 << 14 words: 0, token, or node | TRIE_NODE_TAG; NULL: empty trie */
    uint64_t *shorts; /* tokens of the prefixes of 0..13 bits, as a heap; writer only */
    uint64_t entries;
};

struct trie_node {
    uint64_t inside, below;
    uint64_t inherited; /* top nodes: token of the best prefix of under 14 bits */
    uint64_t words[];   /* results of `inside` in bit order, then children (pointers) in order */
};

/* Number of 1 bits: an instruction where the caller is compiled for one. */
static inline unsigned trie_count(uint64_t x)
{
    return (unsigned)__builtin_popcountll(x);
}

/* The bits of `inside` whose prefixes cover the 6-bit value v: lengths 0..5, longer ones higher. */
static inline uint64_t trie_covering(unsigned v)
{
    return 1u | UINT64_C(1) << (1 + (v >> 5)) | UINT64_C(1) << (3 + (v >> 4)) | UINT64_C(1) << (7 + (v >> 3)) |
           UINT64_C(1) << (15 + (v >> 2)) | UINT64_C(1) << (31 + (v >> 1));
}

/* Token of the longest prefix that covers key, 0 if none does. */
static inline uint64_t rules_trie_find(const struct rules_trie *trie, trie_key key)
{
    const uint64_t *top = __atomic_load_n(&trie->top, __ATOMIC_ACQUIRE);
    if (!top)
        return 0;
    uint64_t word = rules_word(&top[(size_t)(key >> (128 - TRIE_TOP_BITS))]);
    if (!(word & TRIE_NODE_TAG))
        return word;

    const struct trie_node *node = (const struct trie_node *)(uintptr_t)(word - TRIE_NODE_TAG);
    const struct trie_node *best = NULL;
    uint64_t best_bits = 0, inherited = rules_word(&node->inherited);
    key <<= TRIE_TOP_BITS;
    for (;;) {
        unsigned v = (unsigned)(key >> (128 - TRIE_STRIDE));
        uint64_t bits = node->inside & trie_covering(v);
        if (bits) {
            best = node;
            best_bits = bits;
        }
        uint64_t bit = UINT64_C(1) << v;
        if (!(node->below & bit))
            break;
        unsigned child = trie_count(node->inside) + trie_count(node->below & (bit - 1));
        node = (const struct trie_node *)(uintptr_t)rules_word(&node->words[child]);
        key <<= TRIE_STRIDE;
    }
    if (!best)
        return inherited;
    unsigned last = 63 - (unsigned)__builtin_clzll(best_bits);
    return rules_word(&best->words[trie_count(best->inside & ((UINT64_C(1) << last) - 1))]);
}

/* Token of exactly this prefix, 0 if it is not there. */
uint64_t rules_trie_exact(const struct rules_trie *trie, trie_key key, unsigned length);

/*
 * Give the prefix key/length the value token (0: take it away), noting each store in change. 0 or -ENOMEM,
 * then what was noted so far is to be undone. Memory of tokens is the caller's.
 */
int rules_trie_set(struct rules_trie *trie, struct rules_change *change, trie_key key, unsigned length, uint64_t token);

/* Call fn for every token, then free the nodes. No reader is left. */
void rules_trie_clear(struct rules_trie *trie, void (*fn)(uint64_t token));

#endif
