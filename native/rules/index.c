/* SPDX-License-Identifier: BSD-2-Clause */
/* index.c - the candidates of a packet that has many. */
#include "rules/index_find.h"

static void put_in_map(void *arg, uint32_t rule)
{
    uint64_t *map = arg;
    map[rule / 64] |= UINT64_C(1) << rule % 64;
}

void index_fill_map(const struct rules_index *index, const struct index_batch *batch, unsigned i, uint64_t *map)
{
    for (uint32_t part = 0; part < index->parts; part++) {
        uint64_t words = index->some[part];
        for (unsigned u = 0; u < index->used_count; u++) {
            const struct index_field *field = &index->fields[index->used[u]];
            words &= field->level[(size_t)batch->classes[u][i] * index->parts + part] | field->elsewhere[part];
        }
        find_all(index, batch, i, part, words, put_in_map, map);
    }
    put_in_map(map, index->last);
}

uint32_t index_next_in_map(const uint64_t *map, uint32_t from)
{
    uint32_t word = from / 64;
    uint64_t bits = map[word] & ~UINT64_C(0) << from % 64;
    while (!bits)
        bits = map[++word];
    return word * 64 + (uint32_t)__builtin_ctzll(bits);
}
