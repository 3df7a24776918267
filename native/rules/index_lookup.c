/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index_lookup.c - from a value to its class. Addresses and ports take the way of DXR (Zec, Rizzo and Mikuc, 2012):
 * a table by the first bits, then the few bounds that are left; where many are left another table of 8 bits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/index_lookup.h"

enum { PORT_BOUNDS = 64 }; /* up to so many a table of all ports, of which few entries are in use */

struct building {
    struct index_field *field;
    uint32_t bounds;
    uint32_t at; /* bounds behind the entries made so far */
    uint32_t nodes, room;
};

/* Is there a bound i, and below `limit` (64 bits, so that the end of the space can be said)? */
static bool below(const struct building *b, uint32_t i, uint64_t limit)
{
    return i < b->bounds && b->field->ends[i] + UINT64_C(1) < limit;
}

/* The entry for [from, from + size), by rising `from`. -ENOMEM, or 0 with *out. */
static int make_entry(struct building *b, uint64_t from, uint64_t size, uint32_t *out)
{
    uint32_t count = 0;
    while (below(b, b->at, from + 1))
        b->at++;
    const uint32_t start = b->at;
    while (count <= INDEX_LEAF_MAX && below(b, start + count, from + size))
        count++;
    if (count <= INDEX_LEAF_MAX) {
        *out = start << 4 | count;
        return 0;
    }
    if (b->nodes == b->room) {
        uint32_t room = b->room ? b->room * 2 : 16;
        uint32_t *nodes = realloc(b->field->nodes, (size_t)room * 256 * sizeof(*nodes));
        if (!nodes)
            return -ENOMEM;
        b->field->nodes = nodes;
        b->room = room;
    }
    uint32_t node = b->nodes++;
    *out = node << 4 | INDEX_NODE;
    uint64_t part = size > 256 ? size / 256 : 1; /* a smaller range has its entries where its values end */
    for (uint64_t at = from; at < from + size; at += part) {
        uint32_t entry;
        if (make_entry(b, at, part, &entry) != 0)
            return -ENOMEM;
        b->field->nodes[(size_t)node * 256 + (at / part & 255)] = entry;
    }
    return 0;
}

static int make_tables(struct index_field *field, uint32_t count, uint32_t bits)
{
    struct building b = {.field = field, .bounds = count};
    uint32_t more = 0;
    while (bits < 16 && count > 1u << (bits - 3)) /* eight entries a bound */
        bits++;
    field->top_shift = 32 - bits;
    field->top = malloc(sizeof(uint32_t) << bits);
    if (!field->top)
        return -ENOMEM;
    for (uint64_t i = 0; i < UINT64_C(1) << bits; i++) {
        if (make_entry(&b, i << field->top_shift, UINT64_C(1) << field->top_shift, &field->top[i]) != 0)
            return -ENOMEM;
        more |= field->top[i] & 15;
    }
    field->plain = more == 0;
    return 0;
}

int index_make_lookup(struct index_field *field, unsigned f, const trie_key *bounds, uint32_t count)
{
    bool ports = f == FIELD_SPORT || f == FIELD_DPORT;
    if (f == FIELD_SRC6 || f == FIELD_DST6) {
        field->bounds6 = malloc((count + 1) * sizeof(*bounds));
        if (!field->bounds6)
            return -ENOMEM;
        memcpy(field->bounds6, bounds, count * sizeof(*bounds));
        return 0;
    }
    if (f == FIELD_SRC4 || f == FIELD_DST4 || ports) {
        uint32_t kept = 0;
        field->ends = malloc(((size_t)count + INDEX_LEAF_MAX) * sizeof(uint32_t));
        if (!field->ends)
            return -ENOMEM;
        for (uint32_t i = 0; i < count; i++) {
            if (!ports || bounds[i] < RANGES_NO_PORT)
                field->ends[kept++] = ((uint32_t)bounds[i] << (ports ? 16 : 0)) - 1;
        }
        for (uint32_t i = 0; i < INDEX_LEAF_MAX; i++)
            field->ends[kept + i] = UINT32_MAX;
        field->no_port = count;
        return make_tables(field, kept, ports && kept <= PORT_BOUNDS ? 16 : 8);
    }
    size_t values = (size_t)ranges_top((enum ranges_field)f) + 1;
    field->direct = calloc(values + 1, sizeof(*field->direct));
    if (!field->direct)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        for (size_t value = (size_t)bounds[i]; value < values; value++)
            field->direct[value] = i + 1;
    }
    field->direct[values] = field->other; /* rules_keys.xmit of incoming packets */
    return 0;
}
