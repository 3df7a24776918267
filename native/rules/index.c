/* SPDX-License-Identifier: BSD-2-Clause */
/* index.c - the candidates of a packet that has many. */
#include "rules/index_find.h"

static void put_in_map(void *arg, uint32_t rule)
{
    uint64_t *map = arg;
    map[rule / 64] |= UINT64_C(1) << rule % 64;
}

void index_fill_map(const struct rules_index *index, const struct index_packet *packet, uint64_t *map)
{
    index_find(index, packet, put_in_map, map);
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
