/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.c - change an exact-match table; growing copies the nodes, so that readers keep the old array. */
#include "rules/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 16 };

static struct hash_node *node_of(uint64_t word)
{
    return (struct hash_node *)(uintptr_t)word;
}

static struct hash_array *array_of(const struct rules_hash *table)
{
    return (struct hash_array *)(uintptr_t)table->array;
}

static struct hash_array *new_array(uint64_t buckets)
{
    struct hash_array *array = calloc(1, sizeof(*array) + buckets * sizeof(uint64_t));
    if (array)
        array->mask = buckets - 1;
    return array;
}

static void free_nodes(struct hash_array *array)
{
    for (uint64_t i = 0; i <= array->mask; i++) {
        for (uint64_t word = array->buckets[i], next; word; word = next) {
            next = node_of(word)->next;
            free(node_of(word));
        }
    }
    free(array);
}

/* An array of twice the size with copies of all nodes in place of the old one. */
static int grow(struct rules_hash *table, struct rules_change *change, unsigned words)
{
    struct hash_array *old = array_of(table);
    uint64_t buckets = old ? (old->mask + 1) * 2 : FIRST_BUCKETS;
    size_t size = sizeof(struct hash_node) + words * sizeof(uint64_t);
    struct hash_array *array = new_array(buckets);

    if (!array || rules_change_reserve(change, 2 * table->entries + 1) != 0) {
        free(array);
        return -ENOMEM;
    }
    for (uint64_t i = 0; old && i <= old->mask; i++) {
        for (uint64_t word = old->buckets[i]; word; word = node_of(word)->next) {
            struct hash_node *node = malloc(size);
            if (!node) {
                free_nodes(array);
                return -ENOMEM;
            }
            memcpy(node, node_of(word), size);
            uint64_t *bucket = &array->buckets[node->hash & array->mask];
            node->next = *bucket;
            *bucket = (uint64_t)(uintptr_t)node;
        }
    }
    for (uint64_t i = 0; i <= array->mask; i++) {
        for (uint64_t word = array->buckets[i]; word; word = node_of(word)->next)
            rules_change_store(change, NULL, 0, node_of(word), NULL);
    }
    for (uint64_t i = 0; old && i <= old->mask; i++) {
        for (uint64_t word = old->buckets[i]; word; word = node_of(word)->next)
            rules_change_store(change, NULL, 0, NULL, node_of(word));
    }
    rules_change_store(change, &table->array, (uint64_t)(uintptr_t)array, array, old);
    return 0;
}

int rules_hash_set(struct rules_hash *table, struct rules_change *change, const struct sip_key *secret,
                   const uint64_t *key, unsigned words, uint64_t token)
{
    uint64_t hash = sip_hash(secret, key, words);
    struct hash_array *array = array_of(table);

    if (token && (!array || table->entries > array->mask)) {
        if (grow(table, change, words) != 0)
            return -ENOMEM;
        array = array_of(table);
    }
    if (!array)
        return 0;
    if (rules_change_reserve(change, 2) != 0)
        return -ENOMEM;
    uint64_t *word = &array->buckets[hash & array->mask];
    while (*word && memcmp(node_of(*word)->key, key, words * sizeof(uint64_t)) != 0)
        word = &node_of(*word)->next;
    if (*word && token) {
        rules_change_store(change, &node_of(*word)->token, token, NULL, NULL);
    } else if (*word) {
        struct hash_node *node = node_of(*word);
        rules_change_store(change, word, node->next, NULL, node);
        rules_change_store(change, &table->entries, table->entries - 1, NULL, NULL);
    } else if (token) {
        struct hash_node *node = malloc(sizeof(*node) + words * sizeof(uint64_t));
        if (!node)
            return -ENOMEM;
        node->next = 0;
        node->token = token;
        node->hash = hash;
        memcpy(node->key, key, words * sizeof(uint64_t));
        rules_change_store(change, word, (uint64_t)(uintptr_t)node, node, NULL);
        rules_change_store(change, &table->entries, table->entries + 1, NULL, NULL);
    }
    return 0;
}

void rules_hash_clear(struct rules_hash *table, void (*fn)(uint64_t token))
{
    struct hash_array *array = array_of(table);
    for (uint64_t i = 0; array && i <= array->mask; i++) {
        for (uint64_t word = array->buckets[i]; word && fn; word = node_of(word)->next)
            fn(node_of(word)->token);
    }
    if (array)
        free_nodes(array);
    *table = (struct rules_hash){0};
}
