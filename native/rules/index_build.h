/* SPDX-License-Identifier: BSD-2-Clause */
/* index_build.h - what the steps of making an index share. */
#ifndef NETVALE_RULES_INDEX_BUILD_H
#define NETVALE_RULES_INDEX_BUILD_H

#include "rules/index.h"

/* Everything that is known while the index is being made. */
struct making {
    const struct rules_image *image;
    struct rules_index *index;
    struct ranges (*sets)[FIELDS]; /* by rule */
    uint16_t *cares;               /* by rule */
    uint32_t *bit_of;              /* by rule; IMAGE_NO_RULE: not in the index */
};

/* Give each enabled rule its bit, and each word the fields it is asked about. 0 or -ENOMEM. */
int index_place_rules(struct making *m);

/* The classes of field f, their vectors, and the way from a value to its class. 0 or -ENOMEM. */
int index_make_field(struct making *m, unsigned f);

#endif
