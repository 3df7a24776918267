/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * index.h - which rules are worth looking at for a packet.
 *
 * For each field the values fall into classes that the rules cannot tell apart, and each class has the set of
 * rules that allow it, as a bit vector (Lakshman and Stiliadis, 1998). A packet's candidates are the
 * intersection of one vector a field. Vectors are kept short as follows:
 *
 * - A bit stands for a rule, 64 to a word. A first level (a bit a word: the aggregation of Baboescu and
 *   Varghese, 2001) says which words are not zero; only those are stored, one behind the other.
 * - Rules that care about the same fields stand in the same words. A field that a word's rules do not care
 *   about is not asked there, so `any` costs nothing and does not fill the vectors.
 * - Where the vectors of a field would take too much memory, neighbouring classes are joined. Then a rule too
 *   many is looked at, never one too few: every candidate is evaluated in full.
 *
 * Candidates come out in rule order.
 */
#ifndef NETVALE_RULES_INDEX_H
#define NETVALE_RULES_INDEX_H

#include "rules/ranges.h"
#include "rules/packet.h"

/* One word of the first level of a class: which words follow, and where they are stored. */
struct index_part {
    uint64_t words;
    uint64_t first; /* in `packed`, the word of the lowest bit */
};

struct index_field {
    bool used;
    bool thinned; /* neighbouring classes were joined */
    uint32_t classes;
    /* value to class; addresses and ports through tables of 8 or 16 bits, then 8, then a few comparisons */
    uint32_t *top;
    uint32_t top_shift;
    uint32_t (*nodes)[256];
    uint32_t *bounds; /* bounds[i]: lowest value of class i + 1 (32 bits; ports are << 16) */
    trie_key *bounds6;
    uint16_t *direct;         /* small fields: value to class */
    uint32_t no_port;         /* class of RANGES_NO_PORT */
    struct index_part *parts; /* classes * index->parts */
    uint64_t *packed;
    uint64_t *elsewhere; /* index->parts words: the words whose rules do not care about this field */
};

struct rules_index {
    uint32_t last;     /* the default rule: not in the vectors, a candidate of every packet */
    uint32_t words;    /* of 64 rules */
    uint32_t parts;    /* words of the first level */
    uint32_t *rule_of; /* bit to rule, words * 64 */
    uint64_t *some;    /* first level: the words there are */
    uint64_t *full;    /* word to the bits that are rules */
    uint16_t *cares;   /* word to the set of fields (1 << field) its rules care about */
    struct index_field fields[FIELDS];
};

enum { INDEX_FEW = 7, INDEX_LEAF_MAX = 8 };

/* The vectors of one packet, a field each; those of the other family, and of fields nobody cares about, are NULL. */
struct index_packet {
    const struct index_part *src, *dst, *sport, *dport, *kind, *place, *xmit;
    bool six; /* src and dst are of FIELD_SRC6 and FIELD_DST6 */
};

/* Candidates of one packet, rising, the default rule last; or, when there are more than a few, INDEX_MANY. */
struct index_few {
    uint32_t count;
    uint32_t list[INDEX_FEW];
};

#define INDEX_MANY 0xffffffffu

/* The way along the candidates: the list, or a map with a bit a rule when there are many. */
struct index_cursor {
    const uint32_t *list; /* NULL: map */
    const uint64_t *map;
};

/* Build the index of an image whose rules, patterns and probes are known. 0 or -ENOMEM. */
int index_make(const struct rules_image *image, struct rules_index **out);
void index_free(struct rules_index *index);

/*
 * Copy those tests of a rule that a candidate of the index may still fail to `out`; returns how many words.
 * NULL: only count.
 */
uint32_t index_tests_left(const struct rules_image *image, uint32_t rule, uint32_t *out);

/* Set the bit of each candidate in map, (rule_count + 63) / 64 words, all zero. */
void index_fill_map(const struct rules_index *index, const struct index_packet *packet, uint64_t *map);
/* First rule in the map from rule `from` on. */
uint32_t index_next_in_map(const uint64_t *map, uint32_t from);

/* First candidate from rule `from` on. There is always one: the default rule. */
static inline uint32_t index_next(const struct index_cursor *cursor, uint32_t from)
{
    const uint32_t *at = cursor->list;
    if (!at)
        return index_next_in_map(cursor->map, from);
    while (*at < from)
        at++;
    return *at;
}

#endif
