/* SPDX-License-Identifier: BSD-2-Clause */
/* index.c - the candidates of a packet: intersect one vector a field, first level first. */
#include "rules/index.h"

#include <stdlib.h>
#include <string.h>

#include "rules/index_lookup.h"
#include "rules/table.h"

/* The vectors of a packet: field by field, those that are asked. */
struct asked {
    unsigned count;
    struct {
        const struct index_part *parts;
        const struct index_field *field;
        uint16_t bit; /* 1 << field */
    } one[FIELDS];
};

static inline void ask(const struct rules_index *index, struct asked *asked, unsigned f, uint32_t class)
{
    const struct index_field *field = &index->fields[f];
    asked->one[asked->count].parts = field->parts + (size_t) class * index->parts;
    asked->one[asked->count].field = field;
    asked->one[asked->count++].bit = (uint16_t)(1 << f);
}

static inline void ask_all(const struct rules_index *index, const struct rules_view *v, struct asked *asked)
{
    const struct index_field *fields = index->fields;
    asked->count = 0;
    if (v->family == 4) {
        if (fields[FIELD_SRC4].used)
            ask(index, asked, FIELD_SRC4, index_class(&fields[FIELD_SRC4], v->src));
        if (fields[FIELD_DST4].used)
            ask(index, asked, FIELD_DST4, index_class(&fields[FIELD_DST4], v->dst));
    } else if (v->family == 6) {
        if (fields[FIELD_SRC6].used)
            ask(index, asked, FIELD_SRC6, index_class6(&fields[FIELD_SRC6], trie_key6(view_src6(v))));
        if (fields[FIELD_DST6].used)
            ask(index, asked, FIELD_DST6, index_class6(&fields[FIELD_DST6], trie_key6(view_dst6(v))));
    }
    for (unsigned f = FIELD_SPORT; f <= FIELD_DPORT; f++) {
        uint32_t port = f == FIELD_SPORT ? v->sport : v->dport;
        if (fields[f].used)
            ask(index, asked, f, v->seen & VIEW_PORTS ? index_class(&fields[f], port << 16) : fields[f].no_port);
    }
    if (fields[FIELD_KIND].used)
        ask(index, asked, FIELD_KIND, fields[FIELD_KIND].direct[(v->family + 1u) / 3 * 256 + v->proto]);
    if (fields[FIELD_PLACE].used) {
        uint32_t out = v->seen & VIEW_OUT ? 256 : 0;
        ask(index, asked, FIELD_PLACE, fields[FIELD_PLACE].direct[out + (v->in_if & 255u)]);
    }
    if (fields[FIELD_XMIT].used && v->seen & VIEW_OUT)
        ask(index, asked, FIELD_XMIT, fields[FIELD_XMIT].direct[v->out_if & 255]);
}

static void put(struct index_cursor *cursor, uint32_t rule, uint64_t *map)
{
    if (cursor->count == INDEX_INLINE) {
        for (uint32_t i = 0; i < INDEX_INLINE; i++)
            map[cursor->list[i] / 64] |= UINT64_C(1) << cursor->list[i] % 64;
        cursor->count = INDEX_MANY;
    }
    if (cursor->count == INDEX_MANY) {
        map[rule / 64] |= UINT64_C(1) << rule % 64;
        return;
    }
    uint32_t at = cursor->count++;
    for (; at > 0 && cursor->list[at - 1] > rule; at--)
        cursor->list[at] = cursor->list[at - 1];
    cursor->list[at] = rule;
}

/* Compiled twice: with and without an instruction that counts bits. */
static inline __attribute__((always_inline)) void find(const struct rules_index *index, const struct rules_view *v,
                                                       struct index_cursor *cursor, uint64_t *map)
{
    struct asked asked;
    ask_all(index, v, &asked);
    for (uint32_t part = 0; part < index->parts; part++) {
        uint64_t words = ~UINT64_C(0);
        if (part == index->parts - 1 && index->words % 64)
            words = (UINT64_C(1) << index->words % 64) - 1;
        for (unsigned i = 0; i < asked.count; i++)
            words &= asked.one[i].parts[part].words | asked.one[i].field->elsewhere[part];
        for (; words; words &= words - 1) {
            uint32_t word = part * 64 + (uint32_t)__builtin_ctzll(words);
            uint64_t below = (words & -words) - 1, rules = index->full[word];
            uint16_t cares = index->cares[word];
            for (unsigned i = 0; i < asked.count; i++) {
                const struct index_part *p = &asked.one[i].parts[part];
                if (cares & asked.one[i].bit)
                    rules &= asked.one[i].field->packed[p->first + (uint64_t)__builtin_popcountll(p->words & below)];
            }
            for (; rules; rules &= rules - 1)
                put(cursor, index->rule_of[word * 64 + (uint32_t)__builtin_ctzll(rules)], map);
        }
    }
}

#ifdef __x86_64__
__attribute__((target("popcnt"))) static void find_popcnt(const struct rules_index *index, const struct rules_view *v,
                                                          struct index_cursor *cursor, uint64_t *map)
{
    find(index, v, cursor, map);
}
#endif

static void find_plain(const struct rules_index *index, const struct rules_view *v, struct index_cursor *cursor,
                       uint64_t *map)
{
    find(index, v, cursor, map);
}

void index_start(const struct rules_index *index, const struct rules_view *v, struct index_cursor *cursor,
                 uint64_t *map)
{
    cursor->count = 0;
    cursor->at = 0;
    cursor->map = map;
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt")) {
        find_popcnt(index, v, cursor, map);
        return;
    }
#endif
    find_plain(index, v, cursor, map);
}

void index_end(struct index_cursor *cursor, uint32_t rule_count)
{
    if (cursor->count == INDEX_MANY)
        memset(cursor->map, 0, (rule_count + 63) / 64 * sizeof(uint64_t));
}

uint32_t index_next_in_map(const struct index_cursor *cursor, uint32_t from)
{
    uint32_t word = from / 64;
    uint64_t bits = cursor->map[word] & ~UINT64_C(0) << from % 64;
    while (!bits)
        bits = cursor->map[++word];
    return word * 64 + (uint32_t)__builtin_ctzll(bits);
}
