/* SPDX-License-Identifier: BSD-2-Clause */
/* table.h - one table: its type, its content, look-ups by the packet path. */
#ifndef NETVALE_RULES_TABLE_H
#define NETVALE_RULES_TABLE_H

#include "memory/error.h"
#include "rules/hash.h"
#include "rules/trie.h"
#include "rules/value.h"
#include "rules/rules.h"

struct rules_content {
    struct rules_trie trie4, trie6; /* addr; mac uses trie4 */
    struct rules_hash hash;         /* number, iface, flow */
};

struct rules_table {
    uint32_t type, flow_fields, limit;
    uint64_t content; /* struct rules_content *, never 0 */
};

struct rules_table *rules_table_new(uint32_t type, uint32_t flow_fields, uint32_t limit);
void rules_table_free(struct rules_table *table);
uint64_t rules_table_entries(const struct rules_table *table);

/* Words of a key of this type in the hash; 0: the type has a trie. */
unsigned rules_table_key_words(uint32_t type);

/*
 * Apply an update (size bytes) to the table, noting each store in change; with REPLACE *stale is the old content, to be
 * freed when the change is kept. 0, or -errno with *bad the index of the entry and *err filled: undo then. All entries
 * are checked before the first store, so that only -ENOMEM can come after packets have seen a part.
 */
int rules_table_apply(struct rules_table *table, struct rules_change *change, const struct sip_key *secret,
                      const void *update, size_t size, struct rules_content **stale, uint32_t *bad,
                      struct nv_error *err);
void rules_content_free(struct rules_content *content);

/* The token the packet path would find for the entry's key. */
uint64_t rules_table_match(const struct rules_table *table, const struct sip_key *secret,
                           const struct nv_rules_entry *entry);

static inline const struct rules_content *table_content(const struct rules_table *table)
{
    return (const struct rules_content *)(uintptr_t)rules_word(&table->content);
}

static inline trie_key trie_key4(uint32_t address)
{
    return (trie_key)address << 96;
}

static inline trie_key trie_key6(const uint8_t *address)
{
    uint64_t words[2];
    memcpy(words, address, sizeof(words));
    return (trie_key)__builtin_bswap64(words[0]) << 64 | __builtin_bswap64(words[1]);
}

static inline trie_key trie_key_mac(const uint8_t *mac)
{
    uint64_t key = 0;
    for (unsigned i = 0; i < 6; i++)
        key = key << 8 | mac[i];
    return (trie_key)key << 80;
}

static inline uint64_t table_find4(const struct rules_table *table, uint32_t address)
{
    return rules_trie_find(&table_content(table)->trie4, trie_key4(address));
}

static inline uint64_t table_find6(const struct rules_table *table, const uint8_t *address)
{
    return rules_trie_find(&table_content(table)->trie6, trie_key6(address));
}

static inline uint64_t table_find_mac(const struct rules_table *table, const uint8_t *mac)
{
    return rules_trie_find(&table_content(table)->trie4, trie_key_mac(mac));
}

static inline uint64_t table_find_number(const struct rules_table *table, const struct sip_key *secret, uint32_t number)
{
    uint64_t key = number;
    return rules_hash_find(&table_content(table)->hash, secret, &key, 1);
}

/* name: 16 bytes, 0-padded. */
static inline uint64_t table_find_iface(const struct rules_table *table, const struct sip_key *secret, const char *name)
{
    uint64_t key[2];
    memcpy(key, name, sizeof(key));
    return rules_hash_find(&table_content(table)->hash, secret, key, 2);
}

/* The parts of a flow that the table does not look at are zero. src, dst: 16 bytes, IPv4 in the first 4. */
static inline void table_flow_key(uint32_t fields, uint8_t family, uint8_t proto, uint16_t sport, uint16_t dport,
                                  const uint8_t *src, const uint8_t *dst, uint64_t key[HASH_MAX_WORDS])
{
    memset(key, 0, HASH_MAX_WORDS * sizeof(*key));
    if (fields & (NV_FLOW_SRC_IP | NV_FLOW_DST_IP))
        key[0] |= family;
    if (fields & NV_FLOW_PROTO)
        key[0] |= (uint64_t)proto << 8;
    if (fields & NV_FLOW_SRC_PORT)
        key[0] |= (uint64_t)sport << 16;
    if (fields & NV_FLOW_DST_PORT)
        key[0] |= (uint64_t)dport << 32;
    if (fields & NV_FLOW_SRC_IP)
        memcpy(&key[1], src, family == 4 ? 4 : 16);
    if (fields & NV_FLOW_DST_IP)
        memcpy(&key[3], dst, family == 4 ? 4 : 16);
}

static inline uint64_t table_find_flow(const struct rules_table *table, const struct sip_key *secret,
                                       const uint64_t *key)
{
    return rules_hash_find(&table_content(table)->hash, secret, key, HASH_MAX_WORDS);
}

#endif
