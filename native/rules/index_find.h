/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_find.h - from the packets of a batch to their candidates, in steps: each step takes all packets through one
 * field before the next field. So a field's tables stay at hand, and the memory that different packets need is
 * fetched at the same time. Inline, so that the caller compiles it for the processor's bit counting.
 */
#ifndef NETVALE_RULES_INDEX_FIND_H
#define NETVALE_RULES_INDEX_FIND_H

#include "rules/index_lookup.h"
#include "rules/lanes.h"
#include "rules/table.h"

/* The lanes that a loop over the packets of a batch runs through: whole vectors. */
static inline unsigned find_lanes(unsigned count)
{
    return (count + KEYS_LANES - 1) / KEYS_LANES * KEYS_LANES;
}

/* What the search for classes needs on its way. */
struct find_room {
    uint32_t at[INDEX_BATCH], entries[INDEX_BATCH], ends[INDEX_LEAF_MAX][INDEX_BATCH];
};

/* Follow the entries that are nodes. */
static inline void find_in_nodes(const struct index_field *field, const uint32_t *values, unsigned lanes,
                                 struct find_room *room)
{
    uint32_t shift = field->top_shift, more = 1, *next = room->ends[0];
    while (more) {
        more = 0;
        shift = shift > 8 ? shift - 8 : 0;
        for (unsigned i = 0; i < lanes; i++) {
            uint32_t at = (room->entries[i] >> 4 << 8) + (values[i] >> shift & 255);
            room->at[i] = (room->entries[i] & 15) == INDEX_NODE ? at : 0;
        }
        lanes_look(field->nodes, room->at, next, lanes);
        for (unsigned i = 0; i < lanes; i++) {
            room->entries[i] = (room->entries[i] & 15) == INDEX_NODE ? next[i] : room->entries[i];
            more |= (room->entries[i] & 15) == INDEX_NODE;
        }
    }
}

/* The class of each value (index_lookup.h says how), all lanes a step at a time. */
static inline void find_by_bounds(const struct index_field *field, const uint32_t *restrict values, unsigned lanes,
                                  uint32_t *restrict classes)
{
    struct find_room room;
    uint32_t shift = field->top_shift, more = 0, most = 0;

    for (unsigned i = 0; i < lanes; i++)
        room.at[i] = values[i] >> shift;
    lanes_look(field->top, room.at, room.entries, lanes);
    if (!field->plain) {
        for (unsigned i = 0; i < lanes; i++)
            more |= (room.entries[i] & 15) == INDEX_NODE;
        if (more)
            find_in_nodes(field, values, lanes, &room);
    }
    for (unsigned i = 0; i < lanes; i++) {
        uint32_t count = room.entries[i] & 15;
        classes[i] = room.entries[i] >> 4;
        most = count > most ? count : most;
    }
    if (most == 0)
        return;
    /* The bounds behind an entry's own are beyond all its values: comparing too many is right all the same. */
    for (unsigned i = 0; i < lanes; i++)
        room.at[i] = classes[i];
    for (unsigned k = 0; k < most; k++)
        lanes_look(field->ends + k, room.at, room.ends[k], lanes);
    for (unsigned k = 0; k < most; k++) {
        for (unsigned i = 0; i < lanes; i++)
            classes[i] += values[i] > room.ends[k][i];
    }
}

/* Give the packets of a set (a bit each) this class. */
static inline void find_others(uint32_t *classes, uint64_t packets, uint32_t class)
{
    for (; packets; packets &= packets - 1)
        classes[__builtin_ctzll(packets)] = class;
}

/* Step 1: the classes of all packets in one field. */
static inline __attribute__((always_inline)) void find_classes(const struct index_field *field, unsigned f,
                                                               const struct rules_keys *keys, unsigned lanes,
                                                               uint32_t *classes)
{
    uint32_t shifted[INDEX_BATCH];
    const uint32_t *values = shifted;

    switch (f) {
    case FIELD_SRC4:
    case FIELD_DST4:
        find_by_bounds(field, f == FIELD_SRC4 ? keys->src : keys->dst, lanes, classes);
        find_others(classes, keys->not4, field->other);
        return;
    case FIELD_SRC6:
    case FIELD_DST6:
        for (unsigned i = 0; i < lanes; i++)
            classes[i] = field->other;
        for (uint64_t left = keys->is6; left; left &= left - 1) {
            unsigned i = (unsigned)__builtin_ctzll(left);
            const struct rules_view *v = &keys->views[i];
            classes[i] = index_class6(field, trie_key6(f == FIELD_SRC6 ? view_src6(v) : view_dst6(v)));
        }
        return;
    case FIELD_SPORT:
    case FIELD_DPORT:
        for (unsigned i = 0; i < lanes; i++)
            shifted[i] = f == FIELD_SPORT ? keys->ports[i] & 0xffff0000u : keys->ports[i] << 16;
        find_by_bounds(field, shifted, lanes, classes);
        find_others(classes, keys->no_ports, field->no_port);
        return;
    case FIELD_KIND:
        values = keys->kind;
        break;
    case FIELD_PLACE:
        values = keys->place;
        break;
    default: /* FIELD_XMIT */
        values = keys->xmit;
        break;
    }
    lanes_look(field->direct, values, classes, lanes);
}

/* Step 2 for vectors of `words` words stored whole (the caller says it as a constant). */
static inline __attribute__((always_inline)) void find_dense(const struct rules_index *index, struct index_batch *batch,
                                                             unsigned count, unsigned words)
{
    unsigned lanes = find_lanes(count);
    for (unsigned w = 0; w < words; w++) {
        uint64_t *restrict out = batch->vectors[w], full = index->full[w];
        for (unsigned i = 0; i < lanes; i++)
            out[i] = full;
        for (unsigned u = 0; u < index->used_count; u++)
            lanes_and(index->fields[index->used[u]].packed + w, batch->classes[u], words, 0, out, lanes);
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t first = index->last;
        for (unsigned w = words; w-- > 0;)
            first = batch->vectors[w][i] ? w * 64 + (uint32_t)__builtin_ctzll(batch->vectors[w][i]) : first;
        batch->first[i] = first;
    }
}

/* Step 2 otherwise: the first level. */
static inline __attribute__((always_inline)) void find_words(const struct rules_index *index, struct index_batch *batch,
                                                             unsigned count, unsigned parts)
{
    unsigned lanes = find_lanes(count);
    for (unsigned p = 0; p < parts; p++) {
        for (unsigned i = 0; i < lanes; i++)
            batch->vectors[p][i] = index->some[p];
        for (unsigned u = 0; u < index->used_count; u++) {
            const struct index_field *field = &index->fields[index->used[u]];
            lanes_and(&field->parts[p].words, batch->classes[u], parts * 2, field->elsewhere[p], batch->vectors[p],
                      lanes);
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
            batch->first[i] = few->list[0];
            continue;
        }
        for (unsigned p = 0; p < parts; p++)
            find_all(index, batch, i, p, batch->vectors[p][i], find_put, few);
        batch->first[i] = INDEX_MANY;
        if (few->count != INDEX_MANY) {
            few->list[few->count] = index->last;
            batch->first[i] = few->list[0];
        }
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
index_find(const struct rules_index *index, const struct rules_keys *keys, unsigned count, struct index_batch *batch)
{
    unsigned lanes = find_lanes(count);
    for (unsigned u = 0; u < index->used_count; u++)
        find_classes(&index->fields[index->used[u]], index->used[u], keys, lanes, batch->classes[u]);
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
            batch->few[i].count = batch->first[i] = INDEX_MANY;
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
