/* SPDX-License-Identifier: BSD-2-Clause */
/* index_place.c - which bit of the vectors stands for which rule. */
#include <errno.h>
#include <stdlib.h>

#include "rules/index_build.h"

enum { OWN_WORDS_FROM = 32 }; /* rules alike that get words of their own */

/* Memory for the words, when their number is known. */
static int make_words(struct rules_index *index)
{
    index->rule_of = malloc(((size_t)index->words + 1) * 64 * sizeof(uint32_t));
    index->some = calloc(index->parts + 1, sizeof(uint64_t));
    index->full = calloc(index->words + INDEX_DENSE, sizeof(uint64_t));
    index->cares = calloc(index->words + 1, sizeof(uint32_t));
    if (!index->rule_of || !index->some || !index->full || !index->cares)
        return -ENOMEM;
    for (uint32_t word = 0; word < index->words && index->parts; word++)
        index->some[word / 64] |= UINT64_C(1) << word % 64;
    return 0;
}

static void place_rule(struct making *m, uint32_t rule, uint32_t bit)
{
    m->bit_of[rule] = bit;
    m->index->rule_of[bit] = rule;
    m->index->full[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Few rules: each has the bit of its own index, and all words are asked about every field in use. */
static int place_dense(struct making *m, uint16_t used)
{
    struct rules_index *index = m->index;
    index->words = (index->last + 63) / 64;
    if (index->words > 2)
        index->words = INDEX_DENSE; /* 1, 2 or this many */
    if (make_words(index) != 0)
        return -ENOMEM;
    for (uint32_t rule = 0; rule < index->last; rule++) {
        if (rule_enabled(m->image, rule))
            place_rule(m, rule, rule);
    }
    for (uint32_t word = 0; word < index->words; word++)
        index->cares[word] = used;
    return 0;
}

/*
 * Many rules: those that care about the same fields together, if there are enough of them to fill a word; the
 * others share words that are asked about every field in use. sizes: how many rules care about each set of fields.
 */
static int place_grouped(struct making *m, uint16_t used, uint32_t sizes[1 << FIELDS])
{
    struct rules_index *index = m->index;
    uint32_t own = 0, shared = 0, next = 0;
    for (unsigned kind = 0; kind < 1 << FIELDS; kind++) {
        own += sizes[kind] >= OWN_WORDS_FROM ? (sizes[kind] + 63) / 64 : 0;
        shared += sizes[kind] >= OWN_WORDS_FROM ? 0 : sizes[kind];
    }
    index->words = own + (shared + 63) / 64;
    index->parts = (index->words + 63) / 64;
    if (make_words(index) != 0)
        return -ENOMEM;
    /* sizes becomes the next bit of each kind */
    for (unsigned kind = 0; kind < 1 << FIELDS; kind++) {
        uint32_t words = sizes[kind] >= OWN_WORDS_FROM ? (sizes[kind] + 63) / 64 : 0;
        sizes[kind] = words ? next * 64 : IMAGE_NO_RULE;
        for (; words > 0; words--)
            index->cares[next++] = kind;
    }
    for (; next < index->words; next++)
        index->cares[next] = used;
    uint32_t next_shared = own * 64;
    for (uint32_t rule = 0; rule < index->last; rule++) {
        uint32_t *at = sizes[m->cares[rule]] == IMAGE_NO_RULE ? &next_shared : &sizes[m->cares[rule]];
        if (rule_enabled(m->image, rule))
            place_rule(m, rule, (*at)++);
    }
    return 0;
}

int index_place_rules(struct making *m)
{
    const struct rules_image *image = m->image;
    struct rules_index *index = m->index;
    uint32_t *sizes = calloc(1 << FIELDS, sizeof(*sizes));
    uint16_t used = 0;

    if (!sizes)
        return -ENOMEM;
    index->last = image->rule_count - 1;
    for (uint32_t rule = 0; rule < image->rule_count; rule++)
        m->bit_of[rule] = IMAGE_NO_RULE;
    for (uint32_t rule = 0; rule < index->last; rule++) {
        if (rule_enabled(image, rule)) {
            sizes[m->cares[rule]]++;
            used |= m->cares[rule];
        }
    }
    for (unsigned f = 0; f < FIELDS; f++) {
        if (used >> f & 1)
            index->used[index->used_count++] = (uint8_t)f;
    }
    int error = index->last <= INDEX_DENSE * 64 ? place_dense(m, used) : place_grouped(m, used, sizes);
    free(sizes);
    return error;
}
