/* SPDX-License-Identifier: BSD-2-Clause */
/* walk.h - take one packet through the rules. */
#ifndef NETVALE_RULES_WALK_H
#define NETVALE_RULES_WALK_H

#include "rules/eval.h"

struct rules_witness {
    void (*step)(void *arg, const struct nv_rules_step *step);
    void *arg;
};

/* From rule index `from` on; fills eval->verdict. */
void rules_walk(struct rules_eval *eval, uint32_t from);
/* The same without the index, telling the witness of each rule. */
void rules_walk_watched(struct rules_eval *eval, uint32_t from, const struct rules_witness *witness);

#endif
