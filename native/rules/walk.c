/* SPDX-License-Identifier: BSD-2-Clause */
/* walk.c - the walk of an explanation: what became of each rule. */
#include "rules/walk.h"

/* Say to the witness what became of a rule. */
void rules_tell(const struct rules_witness *witness, const struct rules_eval *e, uint32_t rule, bool matched,
                const struct nv_rules_insn *failed)
{
    const struct rules_image *image = e->image;
    struct nv_rules_step step = {.id = image->rules[rule].id, .number = image->rules[rule].number, .failed = -1};
    const struct nv_rules_insn *insn = rule_tests(image, rule), *end = rule_end(image, rule);

    step.matched = matched;
    step.state = e->state != NULL;
    for (int32_t i = 0; insn != end; insn = insn_next(insn), i++) {
        step.opcode = insn->opcode; /* matched: of the last action */
        if (!matched && insn == failed) {
            step.failed = i;
            break;
        }
    }
    witness->step(witness->arg, &step);
}

void rules_walk_watched(struct rules_eval *e, uint32_t from, const struct rules_witness *witness)
{
    rules_walk(e, from, NULL, witness);
}
