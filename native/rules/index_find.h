/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_find.h - the three steps to a packet's candidates: a class a field, then the intersection of the vectors.
 *
 * A batch takes each step for all packets before the next, because each fetches the memory that the next one reads.
 * Inline, so that the caller compiles them for the processor's bit counting.
 */
#ifndef NETVALE_RULES_INDEX_FIND_H
#define NETVALE_RULES_INDEX_FIND_H

#include "rules/index_lookup.h"
#include "rules/table.h"

static inline void fetch_class(const struct index_field *field, uint32_t value)
{
    if (field->used)
        __builtin_prefetch(&field->top[value >> field->top_shift]);
}

/* Step 1: fetch where the classes of addresses and ports are found. */
static inline void index_fetch(const struct rules_index *index, const struct rules_view *v)
{
    const struct index_field *fields = index->fields;
    if (v->family == 4) {
        fetch_class(&fields[FIELD_SRC4], v->src);
        fetch_class(&fields[FIELD_DST4], v->dst);
    }
    fetch_class(&fields[FIELD_SPORT], (uint32_t)v->sport << 16);
    fetch_class(&fields[FIELD_DPORT], (uint32_t)v->dport << 16);
}

static inline const struct index_part *vector(const struct rules_index *index, const struct index_field *field,
                                              uint32_t class)
{
    const struct index_part *part = field->parts + (size_t) class * index->parts;
    __builtin_prefetch(part);
    return part;
}

static inline const struct index_part *vector4(const struct rules_index *index, unsigned f, uint32_t value)
{
    const struct index_field *field = &index->fields[f];
    return field->used ? vector(index, field, index_class(field, value)) : NULL;
}

static inline const struct index_part *vector6(const struct rules_index *index, unsigned f, const uint8_t *address)
{
    const struct index_field *field = &index->fields[f];
    return field->used ? vector(index, field, index_class6(field, trie_key6(address))) : NULL;
}

static inline const struct index_part *vector_port(const struct rules_index *index, unsigned f,
                                                   const struct rules_view *v, uint32_t port)
{
    const struct index_field *field = &index->fields[f];
    if (!field->used)
        return NULL;
    return vector(index, field, v->seen & VIEW_PORTS ? index_class(field, port << 16) : field->no_port);
}

static inline const struct index_part *vector_direct(const struct rules_index *index, unsigned f, uint32_t value)
{
    const struct index_field *field = &index->fields[f];
    return field->used ? vector(index, field, field->direct[value]) : NULL;
}

/* Step 2: the vectors of the packet. */
static inline void index_classify(const struct rules_index *index, const struct rules_view *v,
                                  struct index_packet *packet)
{
    packet->six = v->family == 6;
    packet->src = packet->dst = packet->xmit = NULL;
    if (v->family == 4) {
        packet->src = vector4(index, FIELD_SRC4, v->src);
        packet->dst = vector4(index, FIELD_DST4, v->dst);
    } else if (v->family == 6) {
        packet->src = vector6(index, FIELD_SRC6, view_src6(v));
        packet->dst = vector6(index, FIELD_DST6, view_dst6(v));
    }
    packet->sport = vector_port(index, FIELD_SPORT, v, v->sport);
    packet->dport = vector_port(index, FIELD_DPORT, v, v->dport);
    packet->kind = vector_direct(index, FIELD_KIND, (v->family + 1u) / 3 * 256 + v->proto);
    packet->place = vector_direct(index, FIELD_PLACE, (v->seen & VIEW_OUT ? 256u : 0) + (v->in_if & 255u));
    if (v->seen & VIEW_OUT)
        packet->xmit = vector_direct(index, FIELD_XMIT, v->out_if & 255u);
}

/* The words of one part that a field leaves. */
static inline uint64_t words_left(const struct index_part *vector, const struct index_field *field, uint32_t part)
{
    return vector ? vector[part].words | field->elsewhere[part] : ~UINT64_C(0);
}

/* The rules of a word that a field leaves. below: the words of the part before it. */
static inline uint64_t rules_left(const struct index_part *vector, const struct index_field *field, uint32_t part,
                                  uint64_t below, uint32_t cares, unsigned f)
{
    if (!vector)
        return ~UINT64_C(0);
    /* Not to be asked: read the word all the same (packed has one more), and let it leave all. */
    const struct index_part *p = &vector[part];
    uint64_t all = (uint64_t)(cares >> f & 1) - 1;
    return field->packed[p->first + (uint64_t)__builtin_popcountll(p->words & below)] | all;
}

/* Step 3: call put(arg, rule) for each candidate but the default rule, in no order. */
static inline __attribute__((always_inline)) void index_find(const struct rules_index *index,
                                                             const struct index_packet *k,
                                                             void (*put)(void *arg, uint32_t rule), void *arg)
{
    const struct index_field *fields = index->fields;
    unsigned src = k->six ? FIELD_SRC6 : FIELD_SRC4, dst = k->six ? FIELD_DST6 : FIELD_DST4;

    for (uint32_t part = 0; part < index->parts; part++) {
        uint64_t words = index->some[part];
        words &= words_left(k->src, &fields[src], part) & words_left(k->dst, &fields[dst], part);
        words &= words_left(k->sport, &fields[FIELD_SPORT], part) & words_left(k->dport, &fields[FIELD_DPORT], part);
        words &= words_left(k->kind, &fields[FIELD_KIND], part) & words_left(k->place, &fields[FIELD_PLACE], part);
        words &= words_left(k->xmit, &fields[FIELD_XMIT], part);
        for (; words; words &= words - 1) {
            uint32_t word = part * 64 + (uint32_t)__builtin_ctzll(words), cares = index->cares[word];
            uint64_t below = (words & -words) - 1, rules = index->full[word];
            rules &= rules_left(k->src, &fields[src], part, below, cares, src);
            rules &= rules_left(k->dst, &fields[dst], part, below, cares, dst);
            rules &= rules_left(k->sport, &fields[FIELD_SPORT], part, below, cares, FIELD_SPORT);
            rules &= rules_left(k->dport, &fields[FIELD_DPORT], part, below, cares, FIELD_DPORT);
            rules &= rules_left(k->kind, &fields[FIELD_KIND], part, below, cares, FIELD_KIND);
            rules &= rules_left(k->place, &fields[FIELD_PLACE], part, below, cares, FIELD_PLACE);
            rules &= rules_left(k->xmit, &fields[FIELD_XMIT], part, below, cares, FIELD_XMIT);
            for (; rules; rules &= rules - 1)
                put(arg, index->rule_of[word * 64 + (uint32_t)__builtin_ctzll(rules)]);
        }
    }
}

static inline void index_put_few(void *arg, uint32_t rule)
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

/* The candidates, when they are few. */
static inline __attribute__((always_inline)) void index_start(const struct rules_index *index,
                                                              const struct index_packet *packet, struct index_few *few)
{
    few->count = 0;
    index_find(index, packet, index_put_few, few);
    if (few->count != INDEX_MANY)
        few->list[few->count] = index->last;
}

#endif
