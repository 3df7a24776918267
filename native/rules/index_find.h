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

static_assert(INDEX_LEAF_MAX == 4, "as many bounds as find_by_bounds compares");

/* What the search for classes needs on its way. */
struct find_room {
    uint32_t at[INDEX_BATCH], entries[INDEX_BATCH], ends[2][INDEX_BATCH];
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
        classes[i] = room.at[i] = room.entries[i] >> 4;
        most = count > most ? count : most;
    }
    if (most == 0)
        return;
    /* The bounds behind an entry's own are beyond all its values: comparing too many is right all the same. */
    lanes_look(field->ends, room.at, room.ends[0], lanes);
    lanes_look(field->ends + 1, room.at, room.ends[1], lanes);
    for (unsigned i = 0; i < lanes; i++)
        classes[i] += (uint32_t)(values[i] > room.ends[0][i]) + (values[i] > room.ends[1][i]);
    for (unsigned i = 0; most > 2 && i < lanes; i++) {
        const uint32_t *ends = field->ends + room.at[i];
        if ((room.entries[i] & 15) > 2)
            classes[i] += (uint32_t)(values[i] > ends[2]) + (values[i] > ends[3]);
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
    const uint32_t *values;

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
    for (unsigned i = 0; i < lanes; i++)
        batch->first[i] = index->last;
    for (unsigned w = words; w-- > 0;) {
        for (unsigned i = 0; i < lanes; i++) {
            uint64_t vector = batch->vectors[w][i];
            batch->first[i] = vector ? w * 64 + bits_count(bits_below(vector)) : batch->first[i];
        }
    }
}

/* Step 2 otherwise: the first level. */
static inline __attribute__((always_inline)) void find_words(const struct rules_index *index, struct index_batch *batch,
                                                             unsigned lanes, unsigned parts)
{
    uint32_t at[INDEX_BATCH];
    for (unsigned p = 0; p < parts; p++) {
        for (unsigned i = 0; i < lanes; i++)
            batch->vectors[p][i] = index->some[p];
    }
    for (unsigned u = 0; u < index->used_count; u++) {
        const struct index_field *field = &index->fields[index->used[u]];
        for (unsigned i = 0; i < lanes; i++)
            at[i] = batch->classes[u][i] * parts;
        for (unsigned p = 0; p < parts; p++) {
            uint64_t *level = batch->levels[u][p], elsewhere = field->elsewhere[p];
            lanes_look64(field->level + p, at, level, lanes);
            for (unsigned i = 0; i < lanes; i++)
                batch->vectors[p][i] &= level[i] | elsewhere;
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
        const uint64_t *level = field->level + (size_t)batch->classes[u][i] * index->parts;
        uint32_t at = field->firsts[batch->classes[u][i]] + bits_count(level[part] & below);
        for (uint32_t p = 0; p < part; p++)
            at += bits_count(level[p]);
        /* Not to be asked: read a word all the same (packed has one more), and let it leave all. */
        uint64_t all = (uint64_t)(cares >> index->used[u] & 1) - 1;
        rules &= field->packed[at] | all;
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

/* Step 3: the first word with candidates, for nearly all packets the only one. Without branches, not to be foretold. */
static inline __attribute__((always_inline)) void
find_first_word(const struct rules_index *index, struct index_batch *batch, unsigned lanes, unsigned parts)
{
    for (unsigned i = 0; i < lanes; i++) {
        uint64_t words = batch->vectors[parts - 1][i], others = 0;
        uint32_t part = parts - 1;
        for (unsigned p = parts - 1; p-- > 0;) {
            uint64_t before = batch->vectors[p][i];
            others |= before ? words : 0;
            words = before ? before : words;
            part = before ? p : part;
        }
        batch->part[i] = part;
        batch->word[i] = words ? part * 64 + bits_count(bits_below(words)) : 0;
        batch->below[i] = bits_below(words);
        batch->more[i] = others | (words & (words - 1));
        batch->rules[i] = words ? ~UINT64_C(0) : 0;
    }
    lanes_and(index->full, batch->word, 1, 0, batch->rules, lanes);
}

/* Step 4: the candidates of that word. */
static inline __attribute__((always_inline)) void
find_first_rules(const struct rules_index *index, struct index_batch *batch, unsigned lanes, unsigned parts)
{
    uint32_t at[INDEX_BATCH], first[INDEX_BATCH], cares[INDEX_BATCH];
    uint64_t found[INDEX_BATCH];

    lanes_look(index->cares, batch->word, cares, lanes);
    for (unsigned u = 0; u < index->used_count; u++) {
        unsigned f = index->used[u];
        const struct index_field *field = &index->fields[f];
        lanes_look(field->firsts, batch->classes[u], first, lanes);
        for (unsigned i = 0; i < lanes; i++)
            found[i] = batch->levels[u][0][i];
        for (unsigned p = 1; p < parts; p++) {
            for (unsigned i = 0; i < lanes; i++) {
                first[i] += batch->part[i] >= p ? bits_count(found[i]) : 0;
                found[i] = batch->part[i] >= p ? batch->levels[u][p][i] : found[i];
            }
        }
        for (unsigned i = 0; i < lanes; i++)
            at[i] = first[i] + bits_count(found[i] & batch->below[i]);
        lanes_look64(field->packed, at, found, lanes);
        for (unsigned i = 0; i < lanes; i++)
            batch->rules[i] &= found[i] | ((uint64_t)(cares[i] >> f & 1) - 1);
    }
    for (unsigned i = 0; i < lanes; i++) {
        uint64_t rules = batch->rules[i];
        batch->more[i] |= rules & (rules - 1);
        at[i] = batch->word[i] * 64 + (rules ? bits_count(bits_below(rules)) : 0);
    }
    lanes_look(index->rule_of, at, batch->first, lanes);
    for (unsigned i = 0; i < lanes; i++)
        batch->first[i] = batch->rules[i] ? batch->first[i] : index->last;
}

/* Step 5: the lists of packets that have more candidates. */
static inline __attribute__((always_inline)) void find_lists(const struct rules_index *index, struct index_batch *batch,
                                                             unsigned count, unsigned parts)
{
    for (unsigned i = 0; i < count; i++) {
        struct index_few *few = &batch->few[i];
        few->list[0] = batch->first[i];
        few->list[1] = index->last;
        few->count = 0;
        if (__builtin_expect(!batch->more[i], 1))
            continue;
        for (unsigned p = 0; p < parts; p++)
            find_all(index, batch, i, p, batch->vectors[p][i], find_put, few);
        batch->first[i] = INDEX_MANY;
        if (few->count != INDEX_MANY) {
            few->list[few->count] = index->last;
            batch->first[i] = few->list[0];
        }
    }
}

/* Steps 2 to 5; the caller says the number of parts as a constant. */
static inline __attribute__((always_inline)) void find_packed(const struct rules_index *index,
                                                              struct index_batch *batch, unsigned count, unsigned parts)
{
    unsigned lanes = find_lanes(count);
    find_words(index, batch, lanes, parts);
    find_first_word(index, batch, lanes, parts);
    find_first_rules(index, batch, lanes, parts);
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
