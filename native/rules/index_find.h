/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_find.h - from the packets of a batch to their candidates, in steps: each step takes all packets through one
 * field before the next field. So a field's tables stay at hand, and the memory that different packets need is
 * fetched at the same time. Inline, so that the caller compiles it for the processor's bit counting.
 */
#ifndef NETVALE_RULES_INDEX_FIND_H
#define NETVALE_RULES_INDEX_FIND_H

#include "rules/index_lookup.h"
#include "rules/table.h"

/* Step 1: the classes of all packets in one field. */
static inline void find_classes(const struct index_field *field, unsigned f, const struct rules_view *views,
                                unsigned count, uint32_t *classes)
{
    switch (f) {
    case FIELD_SRC4:
        for (unsigned i = 0; i < count; i++)
            classes[i] = views[i].family == 4 ? index_class(field, views[i].src) : field->other;
        break;
    case FIELD_DST4:
        for (unsigned i = 0; i < count; i++)
            classes[i] = views[i].family == 4 ? index_class(field, views[i].dst) : field->other;
        break;
    case FIELD_SRC6:
        for (unsigned i = 0; i < count; i++)
            classes[i] = views[i].family == 6 ? index_class6(field, trie_key6(view_src6(&views[i]))) : field->other;
        break;
    case FIELD_DST6:
        for (unsigned i = 0; i < count; i++)
            classes[i] = views[i].family == 6 ? index_class6(field, trie_key6(view_dst6(&views[i]))) : field->other;
        break;
    case FIELD_SPORT:
        for (unsigned i = 0; i < count; i++)
            classes[i] =
                views[i].seen & VIEW_PORTS ? index_class(field, (uint32_t)views[i].sport << 16) : field->no_port;
        break;
    case FIELD_DPORT:
        for (unsigned i = 0; i < count; i++)
            classes[i] =
                views[i].seen & VIEW_PORTS ? index_class(field, (uint32_t)views[i].dport << 16) : field->no_port;
        break;
    case FIELD_KIND: /* family 0, 4, 6 as 0, 1, 2 */
        for (unsigned i = 0; i < count; i++)
            classes[i] = field->direct[(views[i].family + 1u) / 3 * 256 + views[i].proto];
        break;
    case FIELD_PLACE:
        for (unsigned i = 0; i < count; i++)
            classes[i] = field->direct[(views[i].seen & VIEW_OUT ? 256u : 0) + (views[i].in_if & 255u)];
        break;
    default: /* FIELD_XMIT */
        for (unsigned i = 0; i < count; i++)
            classes[i] = views[i].seen & VIEW_OUT ? field->direct[views[i].out_if & 255u] : field->other;
        break;
    }
}

/* Step 2 for vectors of `words` words stored whole (the caller says it as a constant). */
static inline __attribute__((always_inline)) void find_dense(const struct rules_index *index, struct index_batch *batch,
                                                             unsigned count, unsigned words)
{
    for (unsigned w = 0; w < words; w++) {
        for (unsigned i = 0; i < count; i++)
            batch->vectors[w][i] = index->full[w];
    }
    for (unsigned u = 0; u < index->used_count; u++) {
        const uint64_t *vectors = index->fields[index->used[u]].packed;
        const uint32_t *classes = batch->classes[u];
        for (unsigned i = 0; i < count; i++) {
            for (unsigned w = 0; w < words; w++)
                batch->vectors[w][i] &= vectors[classes[i] * words + w];
        }
    }
}

/* Step 2 otherwise: the first level. */
static inline __attribute__((always_inline)) void find_words(const struct rules_index *index, struct index_batch *batch,
                                                             unsigned count, unsigned parts)
{
    for (unsigned p = 0; p < parts; p++) {
        for (unsigned i = 0; i < count; i++)
            batch->vectors[p][i] = index->some[p];
    }
    for (unsigned u = 0; u < index->used_count; u++) {
        const struct index_field *field = &index->fields[index->used[u]];
        const uint32_t *classes = batch->classes[u];
        for (unsigned i = 0; i < count; i++) {
            for (unsigned p = 0; p < parts; p++)
                batch->vectors[p][i] &= field->parts[classes[i] * parts + p].words | field->elsewhere[p];
        }
    }
}

/* The rules of word `bit` of a part that all fields leave, for packets with more candidates than one. */
static inline uint64_t find_rules(const struct rules_index *index, const struct index_batch *batch, unsigned i,
                                  uint32_t part, uint32_t bit)
{
    uint32_t word = part * 64 + bit, cares = index->cares[word];
    uint64_t rules = index->full[word], below = (UINT64_C(1) << bit) - 1;
    for (unsigned u = 0; u < index->used_count; u++) {
        const struct index_field *field = &index->fields[index->used[u]];
        const struct index_part *p = &field->parts[(size_t)batch->classes[u][i] * index->parts + part];
        /* Not to be asked: read a word all the same (packed has one more), and let it leave all. */
        uint64_t all = (uint64_t)(cares >> index->used[u] & 1) - 1;
        rules &= field->packed[p->first + (uint64_t)__builtin_popcountll(p->words & below)] | all;
    }
    return rules;
}

/* Call put(arg, rule) for each candidate of packet i but the default rule, in no order; words: its first level. */
static inline __attribute__((always_inline)) void find_all(const struct rules_index *index,
                                                           const struct index_batch *batch, unsigned i, uint32_t part,
                                                           uint64_t words, void (*put)(void *arg, uint32_t rule),
                                                           void *arg)
{
    for (; words; words &= words - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(words);
        uint64_t rules = find_rules(index, batch, i, part, bit);
        for (; rules; rules &= rules - 1)
            put(arg, index->rule_of[(part * 64 + bit) * 64 + (uint32_t)__builtin_ctzll(rules)]);
    }
}

static inline void find_put(void *arg, uint32_t rule)
{
    struct index_few *few = arg;
    if (few->count >= INDEX_FEW - 1) { /* one is for the default rule */
        few->count = INDEX_MANY;
        return;
    }
    uint32_t at = few->count++;
    for (; at > 0 && few->list[at - 1] > rule; at--)
        few->list[at] = few->list[at - 1];
    few->list[at] = rule;
}

/* Step 3: the candidates of the first word, for nearly all packets the only one. */
static inline __attribute__((always_inline)) void find_first(const struct rules_index *index, struct index_batch *batch,
                                                             unsigned count, unsigned parts)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned some = 0; /* parts with words; without branches: they are not to be foretold */
        for (unsigned p = 0; p < parts; p++)
            some |= batch->vectors[p][i] != 0 ? 1u << p : 0;
        unsigned part = parts == 1 ? 0 : (unsigned)__builtin_ctz(some | 1u << (parts - 1));
        uint64_t words = batch->vectors[part][i];
        uint32_t word = part * 64 + (uint32_t)__builtin_ctzll(words | UINT64_C(1) << 63);
        batch->word[i] = words ? word : 0;
        batch->rules[i] = words ? index->full[word] : 0;
        batch->more[i] = (some & (some - 1)) | (words & (words - 1));
    }
    for (unsigned u = 0; u < index->used_count; u++) {
        unsigned f = index->used[u];
        const struct index_field *field = &index->fields[f];
        const uint32_t *classes = batch->classes[u];
        for (unsigned i = 0; i < count; i++) {
            uint32_t word = batch->word[i];
            const struct index_part *p = &field->parts[classes[i] * parts + word / 64];
            uint64_t below = (UINT64_C(1) << word % 64) - 1, all = (uint64_t)(index->cares[word] >> f & 1) - 1;
            batch->rules[i] &= field->packed[p->first + (uint64_t)__builtin_popcountll(p->words & below)] | all;
        }
    }
}

/* Step 4: the lists. */
static inline __attribute__((always_inline)) void find_lists(const struct rules_index *index, struct index_batch *batch,
                                                             unsigned count, unsigned parts)
{
    for (unsigned i = 0; i < count; i++) {
        struct index_few *few = &batch->few[i];
        uint64_t rules = batch->rules[i];
        few->count = 0;
        if (__builtin_expect(!(batch->more[i] | (rules & (rules - 1))), 1)) { /* one or none */
            uint32_t bit = (uint32_t)__builtin_ctzll(rules | UINT64_C(1) << 63);
            few->list[0] = rules ? index->rule_of[batch->word[i] * 64 + bit] : index->last;
            few->list[1] = index->last;
            continue;
        }
        for (unsigned p = 0; p < parts; p++)
            find_all(index, batch, i, p, batch->vectors[p][i], find_put, few);
        if (few->count != INDEX_MANY)
            few->list[few->count] = index->last;
    }
}

/* Steps 2 to 4; the caller says the number of parts as a constant. */
static inline __attribute__((always_inline)) void find_packed(const struct rules_index *index,
                                                              struct index_batch *batch, unsigned count, unsigned parts)
{
    find_words(index, batch, count, parts);
    find_first(index, batch, count, parts);
    find_lists(index, batch, count, parts);
}

/* All steps. */
static inline __attribute__((always_inline)) void
index_find(const struct rules_index *index, const struct rules_view *views, unsigned count, struct index_batch *batch)
{
    for (unsigned u = 0; u < index->used_count; u++)
        find_classes(&index->fields[index->used[u]], index->used[u], views, count, batch->classes[u]);
    switch (index->parts) {
    case 0:
        if (index->words == 1)
            find_dense(index, batch, count, 1);
        else if (index->words == 2)
            find_dense(index, batch, count, 2);
        else
            find_dense(index, batch, count, INDEX_DENSE);
        break;
    case 1:
        find_packed(index, batch, count, 1);
        break;
    case 2:
        find_packed(index, batch, count, 2);
        break;
    case 3:
        find_packed(index, batch, count, 3);
        break;
    case 4:
        find_packed(index, batch, count, 4);
        break;
    default: /* more than there is room for here */
        for (unsigned i = 0; i < count; i++)
            batch->few[i].count = INDEX_MANY;
        break;
    }
}

/* The candidates of packet i. map: room for many, see index_fill_map; *filled says whether it was used. */
static inline struct index_cursor index_cursor(const struct rules_index *index, const struct index_batch *batch,
                                               unsigned i, uint64_t *map, bool *filled)
{
    struct index_cursor cursor = {.last = index->last, .words = index->words};
    *filled = false;
    if (index->parts == 0) {
        cursor.vectors = &batch->vectors[0][i];
    } else if (batch->few[i].count != INDEX_MANY) {
        cursor.list = batch->few[i].list;
    } else {
        index_fill_map(index, batch, i, map);
        cursor.map = map;
        *filled = true;
    }
    return cursor;
}

#endif
