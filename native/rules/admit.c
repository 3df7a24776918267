/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * admit.c - is a program a firewall, or just links, or is the firewall off? Links carry whatever comes, as a cable does
 * (RFC 7045 2.1 for IPv6 headers nobody knows); a firewall drops before its rules what it cannot read.
 */
#include "rules/image.h"

/* Does the rule look at no header, but at most where a packet comes from and goes to? */
static bool looks_at_nothing(const struct rules_image *image, uint32_t rule)
{
    const struct nv_rules_insn *end = rule_actions(image, rule);
    for (const struct nv_rules_insn *insn = rule_tests(image, rule); insn != end; insn = insn_next(insn)) {
        switch (insn->opcode) {
        case NV_OP_ALWAYS:
        case NV_OP_IN:
        case NV_OP_RECV:
        case NV_OP_XMIT:
        case NV_OP_VIA:
            break;
        default:
            return false;
        }
    }
    return true;
}

/* Do rules only send to links, and is what is left allowed? */
static bool links_only(const struct rules_image *image)
{
    uint32_t last = image->rule_count - 1;
    for (uint32_t rule = 0; rule < image->rule_count; rule++) {
        unsigned action = rule_actions(image, rule)->opcode;
        bool link = action == NV_OP_PIPE || action == NV_OP_QUEUE;
        if (!rule_enabled(image, rule))
            continue;
        if (rule == last ? action != NV_OP_ACCEPT : !link || !looks_at_nothing(image, rule))
            return false;
    }
    return true;
}

uint8_t rules_admits(const struct rules_image *image)
{
    const struct nv_rules_rule *first = &image->rules[0];
    if (first->id == NV_RULES_ID_OFF_IP4)
        return first->test_words ? ADMIT_IP4 : ADMIT_ALL;
    if (first->id == NV_RULES_ID_OFF_IP6)
        return ADMIT_IP6;
    return links_only(image) ? ADMIT_ALL : 0;
}
