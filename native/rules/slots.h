/* SPDX-License-Identifier: BSD-2-Clause */
/* slots.h - small numbers for rule ids that outlive a program, so that states can name their rule by one. */
#ifndef NETVALE_RULES_SLOTS_H
#define NETVALE_RULES_SLOTS_H

#include "rules/program.h"

struct rules_slots {
    uint32_t *ids; /* slot -> rule id, 0: free */
    uint32_t count, room;
};

/*
 * The slot of each rule's id: the one it has, or a new one. 0, -ENOMEM, or -EEXIST with *twice the index of a rule
 * whose id another one has.
 */
int slots_assign(struct rules_slots *slots, const struct nv_rules_rule *rules, uint32_t count, uint32_t *out,
                 uint32_t *twice);

#endif
