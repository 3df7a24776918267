/* SPDX-License-Identifier: BSD-2-Clause */
/* trie.c - change a trie one prefix at a time: copy a node, swap a pointer. */
#include "rules/trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOP_SLOTS (1u << TRIE_TOP_BITS)

static struct trie_node *node_of(uint64_t word)
{
    return (struct trie_node *)(uintptr_t)(word & ~(uint64_t)TRIE_NODE_TAG);
}

static uint64_t top_word(const struct trie_node *node)
{
    return (uint64_t)(uintptr_t)node | TRIE_NODE_TAG;
}

/* Index in `shorts` of a prefix of under 14 bits. */
static size_t short_index(trie_key key, unsigned length)
{
    return ((size_t)1 << length) - 1 + (length ? (size_t)(key >> (128 - length)) : 0);
}

/* Token of the longest prefix of under 14 bits that covers top slot `slot`. */
static uint64_t best_short(const struct rules_trie *trie, size_t slot)
{
    for (unsigned length = TRIE_TOP_BITS; length-- > 0;) {
        uint64_t token = trie->shorts[((size_t)1 << length) - 1 + (slot >> (TRIE_TOP_BITS - length))];
        if (token)
            return token;
    }
    return 0;
}

/* Bit in `inside` of the prefix of `length` (0..5) bits that v's first bits are. */
static unsigned inside_bit(unsigned v, unsigned length)
{
    return (1u << length) - 1 + (v >> (TRIE_STRIDE - length));
}

static unsigned next_bits(trie_key key, unsigned at)
{
    return (unsigned)((key << at) >> (128 - TRIE_STRIDE));
}

uint64_t rules_trie_exact(const struct rules_trie *trie, trie_key key, unsigned length)
{
    if (!trie->top)
        return 0;
    if (length < TRIE_TOP_BITS)
        return trie->shorts[short_index(key, length)];
    uint64_t word = trie->top[(size_t)(key >> (128 - TRIE_TOP_BITS))];
    if (!(word & TRIE_NODE_TAG))
        return 0;
    const struct trie_node *node = node_of(word);
    unsigned at = TRIE_TOP_BITS;
    for (; length - at >= TRIE_STRIDE; at += TRIE_STRIDE) {
        uint64_t bit = UINT64_C(1) << next_bits(key, at);
        if (!(node->below & bit))
            return 0;
        node = node_of(node->words[trie_count(node->inside) + trie_count(node->below & (bit - 1))]);
    }
    uint64_t bit = UINT64_C(1) << inside_bit(at < 128 ? next_bits(key, at) : 0, length - at);
    return node->inside & bit ? node->words[trie_count(node->inside & (bit - 1))] : 0;
}

/* A copy of node (NULL: an empty one) with word index `at` put in (+1), taken out (-1) or as it is (0). */
static struct trie_node *copy_node(const struct trie_node *node, unsigned at, int grow)
{
    unsigned words = node ? trie_count(node->inside) + trie_count(node->below) : 0;
    unsigned size = (unsigned)((int)words + grow);
    struct trie_node *copy = calloc(1, sizeof(*copy) + size * sizeof(uint64_t));
    if (!copy || !node)
        return copy;
    memcpy(copy, node, sizeof(*copy));
    memcpy(copy->words, node->words, at * sizeof(uint64_t));
    unsigned from = grow < 0 ? at + 1 : at, to = grow > 0 ? at + 1 : at;
    memcpy(copy->words + to, node->words + from, (words - from) * sizeof(uint64_t));
    return copy;
}

/* Change a prefix of under 14 bits: its top slots, or what their nodes inherit. */
static int set_short(struct rules_trie *trie, struct rules_change *change, trie_key key, unsigned length,
                     uint64_t token)
{
    size_t slots = (size_t)1 << (TRIE_TOP_BITS - length);
    size_t first = (size_t)(key >> (128 - TRIE_TOP_BITS));
    if (rules_change_reserve(change, slots + 1) != 0)
        return -ENOMEM;
    rules_change_store(change, &trie->shorts[short_index(key, length)], token, NULL, NULL);
    for (size_t slot = first; slot < first + slots; slot++) {
        uint64_t best = best_short(trie, slot);
        uint64_t *word = &trie->top[slot];
        if (*word & TRIE_NODE_TAG)
            word = &node_of(*word)->inherited;
        if (*word != best)
            rules_change_store(change, word, best, NULL, NULL);
    }
    return 0;
}

/* The word that holds (or is to hold) the pointer to the node where key/length ends; makes the way to it. */
static uint64_t *make_way(struct rules_trie *trie, struct rules_change *change, trie_key key, unsigned length,
                          unsigned *end)
{
    size_t slot = (size_t)(key >> (128 - TRIE_TOP_BITS));
    uint64_t *word = &trie->top[slot];
    unsigned at = TRIE_TOP_BITS;

    if (rules_change_reserve(change, 2) != 0)
        return NULL;
    if (!(*word & TRIE_NODE_TAG)) {
        struct trie_node *node = copy_node(NULL, 0, 0);
        if (!node)
            return NULL;
        node->inherited = *word;
        rules_change_store(change, word, top_word(node), node, NULL);
    }
    for (; length - at >= TRIE_STRIDE; at += TRIE_STRIDE) {
        struct trie_node *node = node_of(*word);
        uint64_t bit = UINT64_C(1) << next_bits(key, at);
        unsigned child = trie_count(node->inside) + trie_count(node->below & (bit - 1));
        if (!(node->below & bit)) {
            struct trie_node *copy = copy_node(node, child, 1), *leaf = copy_node(NULL, 0, 0);
            if (!copy || !leaf || rules_change_reserve(change, 4) != 0) {
                free(copy);
                free(leaf);
                return NULL;
            }
            copy->below |= bit;
            copy->words[child] = (uint64_t)(uintptr_t)leaf;
            rules_change_store(change, NULL, 0, leaf, NULL);
            rules_change_store(change, word, (uint64_t)(uintptr_t)copy | (*word & TRIE_NODE_TAG), copy, node);
            node = copy;
        }
        word = &node->words[child];
    }
    *end = at;
    return word;
}

static int insert_long(struct rules_trie *trie, struct rules_change *change, trie_key key, unsigned length,
                       uint64_t token)
{
    unsigned at;
    uint64_t *word = make_way(trie, change, key, length, &at);
    if (!word || rules_change_reserve(change, 1) != 0)
        return -ENOMEM;
    struct trie_node *node = node_of(*word);
    uint64_t bit = UINT64_C(1) << inside_bit(at < 128 ? next_bits(key, at) : 0, length - at);
    unsigned index = trie_count(node->inside & (bit - 1));
    if (node->inside & bit) {
        rules_change_store(change, &node->words[index], token, NULL, NULL);
        return 0;
    }
    struct trie_node *copy = copy_node(node, index, 1);
    if (!copy)
        return -ENOMEM;
    copy->inside |= bit;
    copy->words[index] = token;
    rules_change_store(change, word, (uint64_t)(uintptr_t)copy | (*word & TRIE_NODE_TAG), copy, node);
    return 0;
}

/* Take a prefix that is there out of its node, and with it the nodes that become empty. */
static int delete_long(struct rules_trie *trie, struct rules_change *change, trie_key key, unsigned length)
{
    uint64_t *words[128 / TRIE_STRIDE]; /* where the node of each level hangs */
    unsigned level = 0, at = TRIE_TOP_BITS;

    words[0] = &trie->top[(size_t)(key >> (128 - TRIE_TOP_BITS))];
    for (; length - at >= TRIE_STRIDE; at += TRIE_STRIDE, level++) {
        struct trie_node *node = node_of(*words[level]);
        uint64_t below = node->below & ((UINT64_C(1) << next_bits(key, at)) - 1);
        words[level + 1] = &node->words[trie_count(node->inside) + trie_count(below)];
    }
    struct trie_node *node = node_of(*words[level]);
    uint64_t bit = UINT64_C(1) << inside_bit(at < 128 ? next_bits(key, at) : 0, length - at);
    unsigned index = trie_count(node->inside & (bit - 1));
    if (rules_change_reserve(change, level + 2) != 0)
        return -ENOMEM;
    unsigned empty = level + 1;       /* levels from here on go */
    uint64_t inside = bit, below = 0; /* what to take out of node `level` */
    while (node->inside == inside && node->below == below) {
        empty = level;
        if (level == 0)
            break;
        node = node_of(*words[--level]);
        inside = 0;
        below = UINT64_C(1) << next_bits(key, TRIE_TOP_BITS + level * TRIE_STRIDE);
        index = trie_count(node->inside) + trie_count(node->below & (below - 1));
    }
    unsigned last = (length - TRIE_TOP_BITS) / TRIE_STRIDE;
    if (empty == 0) {
        rules_change_store(change, words[0], node->inherited, NULL, node);
        empty = 1;
    } else {
        struct trie_node *copy = copy_node(node, index, -1);
        if (!copy)
            return -ENOMEM;
        copy->inside ^= inside;
        copy->below ^= below;
        rules_change_store(change, words[level], (uint64_t)(uintptr_t)copy | (*words[level] & TRIE_NODE_TAG), copy,
                           node);
    }
    for (; empty <= last; empty++)
        rules_change_store(change, NULL, 0, NULL, node_of(*words[empty]));
    return 0;
}

int rules_trie_set(struct rules_trie *trie, struct rules_change *change, trie_key key, unsigned length, uint64_t token)
{
    if (!trie->top) {
        uint64_t *shorts = calloc(TOP_SLOTS, sizeof(uint64_t)), *top = calloc(TOP_SLOTS, sizeof(uint64_t));
        if (!shorts || !top) {
            free(shorts);
            free(top);
            return -ENOMEM;
        }
        trie->shorts = shorts;
        __atomic_store_n(&trie->top, top, __ATOMIC_RELEASE);
    }
    uint64_t before = rules_trie_exact(trie, key, length);
    if (!before && !token)
        return 0;
    int error;
    if (length < TRIE_TOP_BITS)
        error = set_short(trie, change, key, length, token);
    else if (token)
        error = insert_long(trie, change, key, length, token);
    else
        error = delete_long(trie, change, key, length);
    if (error != 0 || rules_change_reserve(change, 1) != 0)
        return -ENOMEM;
    rules_change_store(change, &trie->entries, trie->entries + !before - !token, NULL, NULL);
    return 0;
}

static void clear_node(struct trie_node *node, void (*fn)(uint64_t token))
{
    unsigned results = trie_count(node->inside), words = results + trie_count(node->below);
    for (unsigned i = 0; i < results; i++)
        fn(node->words[i]);
    for (unsigned i = results; i < words; i++)
        clear_node(node_of(node->words[i]), fn);
    free(node);
}

void rules_trie_clear(struct rules_trie *trie, void (*fn)(uint64_t token))
{
    if (trie->top) {
        for (size_t i = 0; i < TOP_SLOTS; i++) {
            if (trie->shorts[i])
                fn(trie->shorts[i]);
            if (trie->top[i] & TRIE_NODE_TAG)
                clear_node(node_of(trie->top[i]), fn);
        }
    }
    free(trie->top);
    free(trie->shorts);
    *trie = (struct rules_trie){0};
}
