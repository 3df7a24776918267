/* SPDX-License-Identifier: BSD-2-Clause */
/* table.c - make tables and change them: check every entry first, then store. */
#include "rules/table.h"

#include <errno.h>

static void free_token(uint64_t token)
{
    free(value_record(token));
}

void rules_content_free(struct rules_content *content)
{
    if (!content)
        return;
    rules_trie_clear(&content->trie4, free_token);
    rules_trie_clear(&content->trie6, free_token);
    rules_hash_clear(&content->hash, free_token);
    free(content);
}

struct rules_table *rules_table_new(uint32_t type, uint32_t flow_fields, uint32_t limit)
{
    struct rules_table *table = malloc(sizeof(*table));
    struct rules_content *content = calloc(1, sizeof(*content));
    if (!table || !content) {
        free(table);
        free(content);
        return NULL;
    }
    *table = (struct rules_table){type, flow_fields, limit, (uint64_t)(uintptr_t)content};
    return table;
}

void rules_table_free(struct rules_table *table)
{
    if (!table)
        return;
    rules_content_free((struct rules_content *)(uintptr_t)table->content);
    free(table);
}

static uint64_t entries_of(const struct rules_content *content)
{
    return content->trie4.entries + content->trie6.entries + content->hash.entries;
}

uint64_t rules_table_entries(const struct rules_table *table)
{
    return entries_of(table_content(table));
}

unsigned rules_table_key_words(uint32_t type)
{
    switch (type) {
    case NV_TABLE_NUMBER:
        return 1;
    case NV_TABLE_IFACE:
        return 2;
    case NV_TABLE_FLOW:
        return HASH_MAX_WORDS;
    default:
        return 0;
    }
}

/* An entry's key in the form its table keeps. */
struct key {
    bool six;
    unsigned length; /* trie: prefix length; hash: words */
    trie_key bits;
    uint64_t words[HASH_MAX_WORDS];
};

static trie_key cut(trie_key key, unsigned length)
{
    return length ? key >> (128 - length) << (128 - length) : 0;
}

static struct key key_of(const struct rules_table *table, const struct nv_rules_entry *entry)
{
    struct key key = {.length = rules_table_key_words(table->type)};
    switch (table->type) {
    case NV_TABLE_ADDR:
        key.six = entry->family == 6;
        key.length = entry->prefix;
        key.bits = trie_key6(entry->key);
        if (!key.six)
            key.bits = key.bits >> 96 << 96;
        key.bits = cut(key.bits, key.length);
        break;
    case NV_TABLE_MAC:
        key.length = entry->prefix;
        key.bits = cut(trie_key_mac(entry->key), key.length);
        break;
    case NV_TABLE_NUMBER:
        key.words[0] = entry->number;
        break;
    case NV_TABLE_IFACE:
        memcpy(key.words, entry->key, sizeof(entry->key));
        break;
    default:
        table_flow_key(table->flow_fields, entry->family, entry->proto, entry->src_port, entry->dst_port, entry->key,
                       entry->key2, key.words);
    }
    return key;
}

static uint64_t exact(const struct rules_table *table, const struct rules_content *content,
                      const struct sip_key *secret, const struct key *key)
{
    unsigned words = rules_table_key_words(table->type);
    if (words)
        return rules_hash_find(&content->hash, secret, key->words, words);
    return rules_trie_exact(key->six ? &content->trie6 : &content->trie4, key->bits, key->length);
}

static int store(const struct rules_table *table, struct rules_content *content, struct rules_change *change,
                 const struct sip_key *secret, const struct key *key, uint64_t token)
{
    unsigned words = rules_table_key_words(table->type);
    if (words)
        return rules_hash_set(&content->hash, change, secret, key->words, words, token);
    return rules_trie_set(key->six ? &content->trie6 : &content->trie4, change, key->bits, key->length, token);
}

static int check_entry(const struct rules_table *table, const struct nv_rules_entry *entry, struct nv_error *err)
{
    if (entry->op < NV_ENTRY_ADD || entry->op > NV_ENTRY_DELETE)
        return nv_fail(err, EINVAL, "table entry: unknown operation %u", entry->op);
    if (table->type == NV_TABLE_ADDR || table->type == NV_TABLE_FLOW) {
        if (entry->family != 4 && entry->family != 6)
            return nv_fail(err, EINVAL, "table entry: address family %u is neither 4 nor 6", entry->family);
    }
    unsigned bits = table->type == NV_TABLE_MAC ? 48 : entry->family == 6 ? 128 : 32;
    if ((table->type == NV_TABLE_ADDR || table->type == NV_TABLE_MAC) && entry->prefix > bits)
        return nv_fail(err, EINVAL, "table entry: prefix length %u is over %u", entry->prefix, bits);
    if (table->type == NV_TABLE_IFACE && (entry->key[0] == 0 || entry->key[15] != 0))
        return nv_fail(err, EINVAL, "table entry: an interface name has 1 to 15 characters");
    return 0;
}

/*
 * Go through the update without touching the table: do added keys not exist, deleted ones exist, is there room?
 * What earlier entries of the same update do counts; a scratch table remembers it.
 */
static int rehearse(const struct rules_table *table, const struct sip_key *secret, const struct nv_rules_update *update,
                    const struct nv_rules_entry *entries, uint32_t *bad, struct nv_error *err)
{
    enum { THERE = 1, GONE = 3 };
    const struct rules_content *content = table_content(table);
    struct rules_hash scratch = {0};
    struct rules_change change = {0};
    bool replace = update->flags & NV_UPDATE_REPLACE;
    uint64_t live = replace ? 0 : entries_of(content);
    int error = 0;

    for (uint32_t i = 0; i < update->count && error == 0; i++) {
        const struct nv_rules_entry *entry = &entries[i];
        *bad = i;
        error = check_entry(table, entry, err);
        if (error != 0)
            break;
        struct key key = key_of(table, entry);
        uint64_t words[HASH_MAX_WORDS];
        memcpy(words, key.words, sizeof(words));
        if (!rules_table_key_words(table->type)) {
            words[0] = key.length | (uint64_t)key.six << 8;
            words[1] = (uint64_t)(key.bits >> 64);
            words[2] = (uint64_t)key.bits;
        }
        uint64_t seen = rules_hash_find(&scratch, secret, words, HASH_MAX_WORDS);
        bool there = seen ? seen == THERE : !replace && exact(table, content, secret, &key) != 0;
        bool delete = entry->op == NV_ENTRY_DELETE;
        if (entry->op == NV_ENTRY_ADD && there)
            error = nv_fail(err, EEXIST, "table entry %u: its key is in the table already", i);
        else if (delete &&!there)
            error = nv_fail(err, ENOENT, "table entry %u: its key is not in the table", i);
        else if (!delete &&!there && table->limit && live >= table->limit)
            error = nv_fail(err, EFBIG, "table entry %u: the table is at its limit of %u entries", i, table->limit);
        else if (rules_hash_set(&scratch, &change, secret, words, HASH_MAX_WORDS, delete ? GONE : THERE) != 0)
            error = nv_fail(err, ENOMEM, "table entry %u: out of memory", i);
        live = live + !delete - there;
        rules_change_free(&change, 1); /* nobody else reads the scratch table */
    }
    rules_change_free(&change, 0);
    rules_hash_clear(&scratch, (void (*)(uint64_t))NULL);
    return error;
}

/* Store one checked entry. -ENOMEM. */
static int apply_entry(const struct rules_table *table, struct rules_content *content, struct rules_change *change,
                       const struct sip_key *secret, const struct nv_rules_entry *entry)
{
    struct key key = key_of(table, entry);
    uint64_t before = exact(table, content, secret, &key);
    uint64_t token = entry->op == NV_ENTRY_DELETE ? 0 : value_token(&entry->value);
    if (rules_change_reserve(change, 1) != 0 || (entry->op != NV_ENTRY_DELETE && !token)) {
        free_token(token);
        return -ENOMEM;
    }
    rules_change_store(change, NULL, 0, value_record(token), value_record(before));
    return store(table, content, change, secret, &key, token);
}

/* Make a new content of the entries and put it in place of the old one, whose memory goes with the change. */
static int replace_content(struct rules_table *table, struct rules_change *change, const struct sip_key *secret,
                           const struct nv_rules_entry *entries, uint32_t count, struct rules_content **stale)
{
    struct rules_content *content = calloc(1, sizeof(*content));
    struct rules_change making = {0};
    int error = content ? 0 : -ENOMEM;

    for (uint32_t i = 0; i < count && error == 0; i++) {
        error = apply_entry(table, content, &making, secret, &entries[i]);
        if (error == 0)
            rules_change_free(&making, 1);
    }
    if (error == 0)
        error = rules_change_reserve(change, 1);
    if (error != 0) {
        rules_change_undo(&making);
        rules_change_free(&making, 0);
        rules_content_free(content);
        return error;
    }
    *stale = (struct rules_content *)(uintptr_t)table->content;
    rules_change_store(change, &table->content, (uint64_t)(uintptr_t)content, NULL, NULL);
    return 0;
}

int rules_table_apply(struct rules_table *table, struct rules_change *change, const struct sip_key *secret,
                      const void *update, size_t size, struct rules_content **stale, uint32_t *bad,
                      struct nv_error *err)
{
    const struct nv_rules_update *head = update;
    const struct nv_rules_entry *entries = (const void *)(head + 1);

    *bad = 0;
    *stale = NULL;
    if (size < sizeof(*head) || (uintptr_t)update % 4 != 0)
        return nv_fail(err, EINVAL, "table update of %zu bytes: too short or not aligned to 4 bytes", size);
    if (head->magic != NV_RULES_TABLE_MAGIC || head->version != NV_RULES_VERSION)
        return nv_fail(err, EINVAL, "table update: magic %#x, version %u; this engine takes %#x, %u", head->magic,
                       head->version, NV_RULES_TABLE_MAGIC, NV_RULES_VERSION);
    if ((size - sizeof(*head)) / sizeof(*entries) != head->count || (size - sizeof(*head)) % sizeof(*entries) != 0)
        return nv_fail(err, EINVAL, "table update: %u entries do not fill %zu bytes", head->count, size);
    int error = rehearse(table, secret, head, entries, bad, err);
    if (error != 0)
        return error;
    if (head->flags & NV_UPDATE_REPLACE) {
        error = replace_content(table, change, secret, entries, head->count, stale);
    } else {
        struct rules_content *content = (struct rules_content *)(uintptr_t)table->content;
        for (uint32_t i = 0; i < head->count && error == 0; i++) {
            *bad = i;
            error = apply_entry(table, content, change, secret, &entries[i]);
        }
    }
    return error == 0 ? 0 : nv_fail(err, ENOMEM, "table update: out of memory, nothing was changed");
}

uint64_t rules_table_match(const struct rules_table *table, const struct sip_key *secret,
                           const struct nv_rules_entry *entry)
{
    struct nv_rules_entry whole = *entry;
    whole.prefix = table->type == NV_TABLE_MAC ? 48 : entry->family == 6 ? 128 : 32;
    struct key key = key_of(table, &whole);
    const struct rules_content *content = table_content(table);
    if (rules_table_key_words(table->type))
        return exact(table, content, secret, &key);
    return rules_trie_find(key.six ? &content->trie6 : &content->trie4, key.bits);
}
