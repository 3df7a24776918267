/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ranges.h - for each field of a packet, the values with which a rule can match at all.
 *
 * The sets may be too large (a rule too many is looked at), never too small.
 */
#ifndef NETVALE_RULES_RANGES_H
#define NETVALE_RULES_RANGES_H

#include "rules/image.h"
#include "rules/trie.h"

/* The fields the index looks at. Addresses of the other family, and of packets without, are not asked. */
enum ranges_field {
    FIELD_SRC4,
    FIELD_DST4,
    FIELD_SRC6,
    FIELD_DST6,
    FIELD_SPORT, /* 0..65535, or RANGES_NO_PORT */
    FIELD_DPORT,
    FIELD_KIND,  /* family (0: 0, 4: 1, 6: 2) * 256 + protocol */
    FIELD_PLACE, /* direction * 256 + receive interface */
    FIELD_XMIT,  /* transmit interface, outgoing packets only */
    FIELDS
};

#define RANGES_NO_PORT 65536u

struct range {
    trie_key low, high; /* both included */
};

struct ranges {
    struct range *list; /* rising, apart from each other */
    uint32_t count;
};

/* The largest value a field can have; the smallest is 0. */
trie_key ranges_top(enum ranges_field field);

/*
 * The sets of a rule, one a field; all[field] is set when the rule does not care (`everything`: about none).
 * 0 or -ENOMEM.
 */
int ranges_of_rule(const struct rules_image *image, uint32_t rule, bool everything, struct ranges out[FIELDS],
                   bool all[FIELDS]);

/*
 * The fields (bits 1 << field) that together say exactly whether the or-block from insn on matches; 0 when the
 * block has to be evaluated. *next is the instruction behind the block.
 */
uint32_t ranges_exact(const struct rules_image *image, const struct nv_rules_insn *insn,
                      const struct nv_rules_insn **next);
void ranges_free(struct ranges sets[FIELDS]);

#endif
