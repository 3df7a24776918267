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
 *   many is looked at, never one too few: what the index does not know exactly is evaluated.
 *
 * Up to INDEX_DENSE * 64 rules the vectors are stored whole instead, in rule order.
 * Candidates come out in rule order.
 */
#ifndef NETVALE_RULES_INDEX_H
#define NETVALE_RULES_INDEX_H

#include "rules/keys.h"
#include "rules/ranges.h"

enum {
    INDEX_BATCH = KEYS_BATCH,
    INDEX_DENSE = 4, /* words of vectors stored whole */

    INDEX_FEW = 7,      /* candidates kept as a list, with the default rule */
    INDEX_LEAF_MAX = 4, /* bounds compared one by one */
};

struct index_field {
    bool thinned; /* neighbouring classes were joined */
    uint32_t classes;
    uint32_t other; /* class of packets that the field does not apply to: allows every rule */
    /* value to class; addresses and ports through tables of 8 or 16 bits, then 8, then a few comparisons */
    uint32_t *top;
    uint32_t top_shift;
    bool plain;      /* no entry of top has bounds or nodes: it says the class */
    uint32_t *nodes; /* 256 entries each */
    uint32_t
        *ends; /* ends[i]: highest value of class i (32 bits; ports are << 16), then INDEX_LEAF_MAX that none exceeds */
    trie_key *bounds6;
    uint32_t *direct;    /* small fields: value to class */
    uint32_t no_port;    /* class of RANGES_NO_PORT */
    uint64_t *level;     /* first level, classes * index->parts: which words a class has (none: dense) */
    uint32_t *firsts;    /* where in packed they begin */
    uint64_t *packed;    /* dense: classes * index->words */
    uint64_t *elsewhere; /* index->parts words: the words whose rules do not care about this field */
};

struct rules_index {
    uint32_t last;       /* the default rule: not in the vectors, a candidate of every packet */
    uint32_t words;      /* of 64 rules */
    uint32_t parts;      /* words of the first level; 0: dense */
    uint32_t used_count; /* fields that some rule cares about */
    uint8_t used[FIELDS];
    uint32_t *rule_of; /* bit to rule, words * 64 */
    uint64_t *some;    /* first level: the words there are */
    uint64_t *full;    /* word to the bits that are rules */
    uint32_t *cares;   /* word to the set of fields (1 << field) its rules care about */
    struct index_field fields[FIELDS];
};

/* Candidates of one packet, rising, the default rule last; or, when there are more than a few, INDEX_MANY. */
struct index_few {
    uint32_t count;
    uint32_t list[INDEX_FEW];
};

#define INDEX_MANY 0xffffffffu

/* What the steps know of the packets of a batch. */
struct index_batch {
    uint32_t classes[FIELDS][INDEX_BATCH];      /* by place in `used` */
    uint64_t vectors[INDEX_DENSE][INDEX_BATCH]; /* dense: the candidates; else the first level */
    uint64_t levels[FIELDS][INDEX_DENSE][INDEX_BATCH];
    uint64_t rules[INDEX_BATCH]; /* the candidates of the first word that has any */
    uint32_t word[INDEX_BATCH];  /* that word */
    uint32_t part[INDEX_BATCH];  /* where it stands in the first level */
    uint64_t below[INDEX_BATCH]; /* the bits there before it */
    uint64_t more[INDEX_BATCH];  /* not 0: there are other candidates */
    uint32_t first[INDEX_BATCH]; /* the first candidate; INDEX_MANY: not worked out */
    struct index_few few[INDEX_BATCH];
};

/* The way along the candidates of a packet: one of a list, whole vectors, or a map with a bit a rule. */
struct index_cursor {
    const uint32_t *list;
    const uint64_t *vectors; /* the first word; the others INDEX_BATCH apart */
    const uint64_t *map;
    uint32_t last;
    uint32_t words;
};

/* Build the index of an image whose rules, patterns and probes are known. 0 or -ENOMEM. */
int index_make(const struct rules_image *image, struct rules_index **out);
void index_free(struct rules_index *index);

/*
 * Copy those tests of a rule that a candidate of the index may still fail to `out`; returns how many words.
 * NULL: only count.
 */
uint32_t index_tests_left(const struct rules_image *image, uint32_t rule, uint32_t *out);

/* Set the bit of each candidate of packet i of the batch in map, (rule_count + 63) / 64 words, all zero. */
void index_fill_map(const struct rules_index *index, const struct index_batch *batch, unsigned i, uint64_t *map);
/* First rule in the map from rule `from` on. */
uint32_t index_next_in_map(const uint64_t *map, uint32_t from);

/* First candidate from rule `from` on. There is always one: the default rule. */
static inline uint32_t index_next(const struct index_cursor *cursor, uint32_t from)
{
    if (cursor->vectors) {
        uint32_t word = from / 64;
        if (word >= cursor->words)
            return cursor->last;
        uint64_t bits = cursor->vectors[word * INDEX_BATCH] & ~UINT64_C(0) << from % 64;
        while (!bits) {
            if (++word == cursor->words)
                return cursor->last;
            bits = cursor->vectors[word * INDEX_BATCH];
        }
        return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    const uint32_t *at = cursor->list;
    if (!at)
        return index_next_in_map(cursor->map, from);
    while (*at < from)
        at++;
    return *at;
}

#endif
