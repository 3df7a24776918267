/* SPDX-License-Identifier: BSD-2-Clause */
/* state.h - dynamic states: made by keep-state and limit, found by check-state; both directions of a flow are one. */
#ifndef NETVALE_RULES_STATE_H
#define NETVALE_RULES_STATE_H

#include "rules/eval.h"

/* The keyed hash of the packet's flow, the same in both directions; 0 for packets that have none (not IP). */
uint64_t rules_state_hash(const struct nv_rules *engine, const struct rules_view *view);
/*
 * The live state of the packet's flow with this name (NV_RULES_STATE_ANY: whichever), NULL if there is none or its
 * rule is gone. Counts the packet and renews the lifetime unless explaining. *rule is the parent's index.
 */
struct rules_state *rules_state_find(struct rules_eval *eval, uint32_t name, uint32_t *rule);

enum state_way;
/* Count the packet to its state and renew it (state_find.h). */
void rules_state_hit(struct rules_eval *eval, struct rules_state *state, enum state_way way);

/* The action argument that was read from a table when the state was made; 0 if none was. */
uint64_t rules_state_token(const struct rules_state *state);

/*
 * Make a state for the packet by KEEP_STATE or LIMIT of rule `rule`. 0, also when there is one already, else the
 * reason to deny the packet: NV_RULES_WHY_LIMIT, _DYN_MAX or _NO_MEMORY.
 */
unsigned rules_state_add(struct rules_eval *eval, const struct nv_rules_insn *insn, uint32_t rule);

enum { EXPIRE_PER_BATCH = 256, EXPIRE_WHEN_FULL = 1024 };

/*
 * Let time come to now (ns): take away expired states and those of rules that are gone, hand keep-alives to the
 * worker's sink, looking at up to `budget` states (state_expire.c).
 */
void rules_states_turn(struct nv_rules_worker *worker, const struct rules_image *image,
                       const struct nv_rules_params *params, uint64_t now, unsigned budget);

/* When the wheel is to look at a state next: for its next keep-alive, or when it expires. */
uint64_t rules_state_due(const struct rules_state *state, const struct nv_rules_params *params, uint64_t now);

#endif
