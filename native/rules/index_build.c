/* SPDX-License-Identifier: BSD-2-Clause */
/* index_build.c - make an index from the rules' ranges: bits, then field by field; what is left to test. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/index_build.h"

static void free_field(struct index_field *field)
{
    free(field->top);
    free(field->nodes);
    free(field->ends);
    free(field->bounds6);
    free(field->direct);
    free(field->level);
    free(field->firsts);
    free(field->packed);
    free(field->elsewhere);
}

void index_free(struct rules_index *index)
{
    if (!index)
        return;
    for (unsigned f = 0; f < FIELDS; f++)
        free_field(&index->fields[f]);
    free(index->rule_of);
    free(index->some);
    free(index->full);
    free(index->cares);
    free(index);
}

/* Must the rule be looked at whatever the packet? It looks for a state, but not as its first test. */
static bool always(const struct rules_image *image, uint32_t rule)
{
    const struct nv_rules_insn *insn = rule_tests(image, rule), *end = rule_actions(image, rule);
    for (const struct nv_rules_insn *i = insn; i != end; i = insn_next(i)) {
        if (i->opcode == NV_OP_PROBE_STATE && i != insn)
            return true;
    }
    return false;
}

static int collect_sets(struct making *m)
{
    const struct rules_image *image = m->image;
    for (uint32_t rule = 0; rule + 1 < image->rule_count; rule++) {
        bool all[FIELDS];
        if (!rule_enabled(image, rule))
            continue;
        if (ranges_of_rule(image, rule, always(image, rule), m->sets[rule], all) != 0)
            return -ENOMEM;
        for (unsigned f = 0; f < FIELDS; f++)
            m->cares[rule] |= (uint16_t)(!all[f] << f);
    }
    return 0;
}

uint32_t index_tests_left(const struct rules_image *image, uint32_t rule, uint32_t *out)
{
    const struct nv_rules_insn *insn = rule_tests(image, rule), *end = rule_actions(image, rule), *next;
    bool keep_all = always(image, rule);
    uint32_t words = 0, thinned = 0;

    for (unsigned f = 0; f < FIELDS; f++)
        thinned |= (uint32_t)image->index->fields[f].thinned << f;
    for (; insn != end; insn = next) {
        uint32_t fields = ranges_exact(image, insn, &next);
        if (fields && !(fields & thinned) && !keep_all)
            continue;
        uint32_t length = (uint32_t)((const uint32_t *)(const void *)next - (const uint32_t *)(const void *)insn);
        if (out)
            memcpy(out + words, insn, length * sizeof(uint32_t));
        words += length;
    }
    return words;
}

int index_make(const struct rules_image *image, struct rules_index **out)
{
    uint32_t rules = image->rule_count;
    struct making m = {image, calloc(1, sizeof(*m.index)), calloc(rules, sizeof(*m.sets)),
                       calloc(rules, sizeof(*m.cares)), calloc(rules, sizeof(*m.bit_of))};
    int error = -ENOMEM;

    if (m.index && m.sets && m.cares && m.bit_of)
        error = collect_sets(&m);
    if (error == 0)
        error = index_place_rules(&m);
    for (unsigned u = 0; error == 0 && u < m.index->used_count; u++)
        error = index_make_field(&m, m.index->used[u]);
    for (uint32_t rule = 0; m.sets && rule < rules; rule++)
        ranges_free(m.sets[rule]);
    free(m.sets);
    free(m.cares);
    free(m.bit_of);
    if (error != 0) {
        index_free(m.index);
        return error;
    }
    *out = m.index;
    return 0;
}
