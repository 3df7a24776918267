/* SPDX-License-Identifier: BSD-2-Clause */
/* action.h - what a rule that matched does. */
#ifndef NETVALE_RULES_ACTION_H
#define NETVALE_RULES_ACTION_H

#include "rules/eval.h"

/* Run the actions of a rule: returns the index of the rule to go on with, or IMAGE_NO_RULE when the pass is over. */
uint32_t rules_act(struct rules_eval *eval, uint32_t rule);

/* One more packet; the worker alone writes, others may read at any time. */
static inline void rules_count_one(struct rules_count *c, uint32_t bytes, uint64_t time_ns)
{
    __atomic_store_n(&c->packets, c->packets + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&c->last_ns, time_ns, __ATOMIC_RELAXED);
}

static inline void rules_count_packet(const struct rules_eval *e, uint32_t rule)
{
    if (e->lines)
        rules_count_one(&e->lines[rule].count, e->view->bytes, e->packet->time_ns);
}

/* End the pass at `rule`, which has counted the packet: fill the verdict. eval->reason says why. */
static inline void rules_end(struct rules_eval *e, uint32_t rule, enum nv_rules_action action, uint32_t arg)
{
    const struct rules_quick *r = &e->image->quick[rule];
    struct nv_rules_verdict *v = e->verdict;

    v->action = (uint8_t)action;
    v->reason = e->reason;
    v->flags = (uint8_t)(e->flags | (e->state ? NV_RULES_FROM_STATE : 0));
    v->rule = r->number;
    v->arg = arg;
    v->resume.generation = e->image->generation;
    v->resume.index = rule + 1;
    v->resume.id = r->id;
    v->resume.number = r->number;
    e->packet->mark = e->mark;
}

/* Count the packet and end the pass. */
static inline void rules_finish(struct rules_eval *e, uint32_t rule, enum nv_rules_action action, uint32_t arg)
{
    rules_count_packet(e, rule);
    rules_end(e, rule, action, arg);
}

#endif
