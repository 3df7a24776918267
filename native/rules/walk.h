/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk.h - take a packet through the rules: the first enabled rule whose tests all match runs its actions;
 * count, skipto and their like go on from there.
 *
 * The same walk serves the index (which names the rules worth looking at), the plain linear evaluation (which
 * looks at all) and the explanation (linear, with a witness and without changing anything). Inline, so that each
 * of them is compiled without the others.
 */
#ifndef NETVALE_RULES_WALK_H
#define NETVALE_RULES_WALK_H

#include "rules/action.h"
#include "rules/index.h"
#include "rules/state.h"

static_assert(NV_OP_DENY == NV_OP_ACCEPT + 1 && NV_RULES_DENY == NV_RULES_PASS + 1, "one subtraction tells them apart");

struct rules_witness {
    void (*step)(void *arg, const struct nv_rules_step *step);
    void *arg;
};

/* Say to the witness what became of a rule; failed: the last instruction run. */
void rules_tell(const struct rules_witness *witness, const struct rules_eval *eval, uint32_t rule, bool matched,
                const struct nv_rules_insn *failed);

/* From rule index `from` on, linearly, telling the witness of each rule; fills eval->verdict. */
void rules_walk_watched(struct rules_eval *eval, uint32_t from, const struct rules_witness *witness);

/* Two calls at each of the 16 levels, which are no loop, come to less than three jumps for each of 2^16 ends. */
enum { JUMPS_MORE_THAN_RULES = 1 << 18 };

enum tested { NO_MATCH, MATCH, STATE_HIT, DENIED };

/* Is a look-up of states with this name still to be done in this pass? Each name is looked for once. */
static inline bool must_look(const struct rules_eval *e, uint32_t name)
{
    for (unsigned i = 0; i < e->looked; i++) {
        if (e->looked_for[i] == name || e->looked_for[i] == NV_RULES_STATE_ANY)
            return false;
    }
    return true;
}

static inline bool look_for_state(struct rules_eval *e, uint32_t name, uint32_t *rule)
{
    if (!must_look(e, name))
        return false;
    if (e->looked < EVAL_NAMES)
        e->looked_for[e->looked++] = name;
    e->state = rules_state_find(e, name, rule);
    return e->state != NULL;
}

/* The tests that most rules are made of, here; the others over there. */
static inline bool quick_test(struct rules_eval *e, const struct nv_rules_insn *insn)
{
    const struct rules_view *v = e->view;
    const uint32_t *words = insn_words(insn);
    uint32_t value;

    switch (insn->opcode) {
    case NV_OP_PROTO:
        return v->family != 0 && v->proto == insn->arg;
    case NV_OP_SRC_IP:
    case NV_OP_DST_IP:
        value = insn->opcode == NV_OP_SRC_IP ? v->src : v->dst;
        if (insn->words == 4)
            return v->family == 4 && (value & words[1]) == words[0];
        break;
    case NV_OP_SRC_PORT:
    case NV_OP_DST_PORT:
        value = insn->opcode == NV_OP_SRC_PORT ? v->sport : v->dport;
        if (insn->words == 3)
            return v->seen & VIEW_PORTS && value >= (words[0] & 0xffff) && value <= words[0] >> 16;
        break;
    default:
        break;
    }
    return rules_test(e, insn);
}

/*
 * Run the tests from insn to end of a rule. On STATE_HIT *rule is the state's parent; otherwise *failed is the last
 * instruction run.
 */
static inline enum tested run_tests(struct rules_eval *e, uint32_t *rule, const struct nv_rules_insn *insn,
                                    const struct nv_rules_insn *end, const struct nv_rules_insn **failed)
{
    bool satisfied = false; /* an earlier member of the running or-block matched */

    for (; insn != end; insn = insn_next(insn)) {
        if (satisfied) {
            satisfied = insn->flags & NV_RULES_OR;
            continue;
        }
        *failed = insn;
        if (insn->opcode >= NV_OP_PROBE_STATE) {
            if (insn->opcode == NV_OP_PROBE_STATE) {
                if (look_for_state(e, insn->arg, rule))
                    return STATE_HIT;
            } else if (insn->opcode == NV_OP_SKIP_ACTION) {
                return NO_MATCH;
            } else if (e->worker) {
                e->reason = (uint8_t)rules_state_add(e, insn, *rule);
                if (e->reason != 0)
                    return DENIED;
            }
            continue;
        }
        bool match = quick_test(e, insn) != ((insn->flags & NV_RULES_NOT) != 0);
        if (match)
            satisfied = insn->flags & NV_RULES_OR;
        else if (!(insn->flags & NV_RULES_OR))
            return NO_MATCH;
    }
    return MATCH;
}

/* Run a rule's tests: those that the index leaves open, or all with a witness or when the index does not count. */
static inline enum tested run_rule(struct rules_eval *e, uint32_t *rule, const struct rules_witness *witness,
                                   const struct nv_rules_insn **failed)
{
    const struct rules_image *image = e->image;
    const struct rules_quick *quick = &image->quick[*rule];

    e->token = 0;
    e->rule_number = quick->number;
    e->state = NULL;
    if (quick->action == NV_OP_CHECK_STATE) {
        *failed = rule_actions(image, *rule);
        return look_for_state(e, (*failed)->arg, rule) ? STATE_HIT : NO_MATCH;
    }
    if (witness || e->changed)
        return run_tests(e, rule, rule_tests(image, *rule), rule_actions(image, *rule), failed);
    const uint32_t *tests = image->quick_code + quick->tests;
    return run_tests(e, rule, (const void *)tests, (const void *)(tests + quick->words), failed);
}

/*
 * Between `from` and the candidate `rule`, rules that are no candidates may still look for a state first. True when
 * one finds one: *rule is then its parent.
 */
static inline bool probe_before(struct rules_eval *e, uint32_t from, uint32_t *rule)
{
    const struct rules_image *image = e->image;
    if (e->looked != 0 && image->one_name)
        return false;
    for (uint32_t probe = image->next_probe[from]; probe < *rule; probe = image->next_probe[probe + 1]) {
        uint32_t parent = probe;
        if (look_for_state(e, rule_tests(image, probe)->arg, &parent)) {
            *rule = parent;
            return true;
        }
    }
    return false;
}

/* First enabled rule from `from` on; the default rule is always one. */
static inline uint32_t next_enabled(const struct rules_image *image, uint32_t from)
{
    while (!rule_enabled(image, from))
        from++;
    return from;
}

/* From rule index `at` on; fills e->verdict. cursor: the candidates; NULL: look at every rule. */
static inline __attribute__((always_inline)) void
rules_walk(struct rules_eval *e, uint32_t at, const struct index_cursor *cursor, const struct rules_witness *witness)
{
    const struct rules_image *image = e->image;
    uint32_t jumps = 0;

    for (;;) { /* the default rule ends it */
        const struct nv_rules_insn *failed = NULL;
        uint32_t rule = cursor ? index_next(cursor, at) : next_enabled(image, at);
        uint32_t met = rule;
        enum tested tested = STATE_HIT;
        if (!cursor || !image->next_probe || !probe_before(e, at, &rule))
            tested = run_rule(e, &rule, witness, &failed);
        if (witness && tested == STATE_HIT)
            rules_tell(witness, e, rule, true, NULL);
        else if (witness)
            rules_tell(witness, e, met, tested != NO_MATCH, failed);
        if (tested == NO_MATCH) {
            at = rule + 1;
            continue;
        }
        if (tested == DENIED) {
            rules_finish(e, rule, NV_RULES_DENY, 0);
            return;
        }
        unsigned action = image->quick[rule].action - (unsigned)NV_OP_ACCEPT;
        if (action <= NV_OP_DENY - NV_OP_ACCEPT) { /* most rules */
            rules_finish(e, rule, NV_RULES_PASS + action, 0);
            return;
        }
        at = rules_act(e, rule);
        if (at == IMAGE_NO_RULE)
            return;
        if (e->changed)
            cursor = NULL;
        if (at != met + 1 && ++jumps > image->rule_count + JUMPS_MORE_THAN_RULES) {
            e->reason = NV_RULES_WHY_LOOP;
            rules_finish(e, rule, NV_RULES_DENY, 0);
            return;
        }
    }
}

#endif
