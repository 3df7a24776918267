/* SPDX-License-Identifier: BSD-2-Clause */
/* action.h - what a rule that matched does. */
#ifndef NETVALE_RULES_ACTION_H
#define NETVALE_RULES_ACTION_H

#include "rules/eval.h"

/* Run the actions of a rule: returns the index of the rule to go on with, or IMAGE_NO_RULE when the pass is over. */
uint32_t rules_act(struct rules_eval *eval, uint32_t rule);

/* End the pass at `rule`: count the packet and fill the verdict. eval->reason says why. */
void rules_finish(struct rules_eval *eval, uint32_t rule, enum nv_rules_action action, uint32_t arg);

#endif
