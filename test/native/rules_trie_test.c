/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_trie_test.c - the trie against a plain list of prefixes: find, delete, take back, nothing leaked. */
#include "check.h"

#include "rules/trie.h"

enum { PREFIXES = 600, PROBES = 400 };

struct prefix {
    trie_key key;
    unsigned length;
    uint64_t token;
};

static uint64_t seed = 1;

static uint64_t rnd(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

static trie_key mask(trie_key key, unsigned length)
{
    return length ? key >> (128 - length) << (128 - length) : 0;
}

/* Keys crowd together so that prefixes nest and share nodes. */
static trie_key random_key(unsigned bits)
{
    trie_key key = (trie_key)(rnd() % 5) << 121 | (trie_key)(rnd() & rnd() & rnd()) << 60 | rnd();
    return mask(key, bits);
}

static uint64_t plain_find(const struct prefix *list, unsigned count, trie_key key)
{
    uint64_t token = 0;
    int best = -1;
    for (unsigned i = 0; i < count; i++) {
        if (list[i].token && mask(key, list[i].length) == list[i].key && (int)list[i].length > best) {
            best = (int)list[i].length;
            token = list[i].token;
        }
    }
    return token;
}

static void forget(uint64_t token)
{
    (void)token;
}

static void compare(const struct rules_trie *trie, const struct prefix *list, unsigned count, unsigned bits)
{
    for (unsigned i = 0; i < PROBES; i++) {
        trie_key key = rnd() & 1 ? random_key(bits) : list[rnd() % count].key;
        if (rnd() & 1)
            key ^= (trie_key)1 << (128 - 1 - rnd() % bits);
        CHECK(rules_trie_find(trie, key) == plain_find(list, count, key), "i %u", i);
    }
}

/* Random additions, changes and deletions of prefixes of up to `bits` bits; some changes are taken back. */
static void random_changes(unsigned bits)
{
    struct rules_trie trie = {0};
    static struct prefix list[PREFIXES], before[PREFIXES];
    uint64_t live = 0;

    memset(list, 0, sizeof(list));
    for (unsigned i = 0; i < PREFIXES;) {
        unsigned same = 0, length = (unsigned)(rnd() % (bits + 1));
        trie_key key = mask(random_key(bits), length);
        for (unsigned j = 0; j < i; j++)
            same += list[j].length == length && list[j].key == key;
        if (same == 0)
            list[i++] = (struct prefix){key, length, 0};
    }
    for (unsigned round = 0; round < 40; round++) {
        struct rules_change change = {0};
        memcpy(before, list, sizeof(list));
        unsigned ops = (unsigned)(rnd() % 60);
        for (unsigned i = 0; i < ops; i++) {
            struct prefix *p = &list[rnd() % PREFIXES];
            uint64_t token = rnd() % 3 ? rnd() << 32 | 1 : 0;
            CHECK(rules_trie_exact(&trie, p->key, p->length) == p->token, "op %u", i);
            CHECK(rules_trie_set(&trie, &change, p->key, p->length, token) == 0, "op %u", i);
            p->token = token;
        }
        compare(&trie, list, PREFIXES, bits);
        int keep = rnd() % 3 != 0;
        if (!keep) {
            rules_change_undo(&change);
            memcpy(list, before, sizeof(list));
        }
        rules_change_free(&change, keep);
        compare(&trie, list, PREFIXES, bits);
        live = 0;
        for (unsigned i = 0; i < PREFIXES; i++)
            live += list[i].token != 0;
        CHECK(trie.entries == live, "%llu entries, %llu expected", (unsigned long long)trie.entries,
              (unsigned long long)live);
    }
    struct rules_change change = {0};
    for (unsigned i = 0; i < PREFIXES; i++)
        CHECK(rules_trie_set(&trie, &change, list[i].key, list[i].length, 0) == 0, "prefix %u", i);
    rules_change_free(&change, 1);
    CHECK(trie.entries == 0, "%llu left", (unsigned long long)trie.entries);
    for (unsigned i = 0; trie.top && i < 1u << TRIE_TOP_BITS; i++)
        CHECK(trie.top[i] == 0, "slot %u not pruned", i);
    rules_trie_clear(&trie, forget);
}

static void ip4(void)
{
    random_changes(32);
}

static void ip6(void)
{
    random_changes(128);
}

static void mac(void)
{
    random_changes(48);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"trie: 32 bits", ip4}, {"trie: 128 bits", ip6}, {"trie: 48 bits", mac}};
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
