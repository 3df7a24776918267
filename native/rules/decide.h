/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide.h - the verdict of packets whose keys are enough: the first candidate that allows or denies and whose
 * tests, if the index left any open, ask for keys only. Everything else is left to the walk (walk.h).
 */
#ifndef NETVALE_RULES_DECIDE_H
#define NETVALE_RULES_DECIDE_H

#include "rules/action.h"
#include "rules/index.h"

/* Do the tests of a LINE_KEYS rule match packet i? */
static inline bool keys_match(const struct rules_eval *e, const struct rules_keys *keys, unsigned i,
                              const struct rules_line *line)
{
    const uint32_t *tests = e->image->quick_code + line->tests, *end = tests + line->words;
    bool is4 = !(keys->not4 >> i & 1), ports = !(keys->no_ports >> i & 1), match;

    for (; tests != end; tests = (const uint32_t *)(const void *)insn_next((const void *)tests)) {
        const struct nv_rules_insn *insn = (const void *)tests;
        const uint32_t *words = insn_words(insn);
        const struct nv_rules_lookup *lookup = (const void *)words;
        uint32_t value;
        switch (insn->opcode) {
        case NV_OP_PROTO:
            match = keys->kind[i] >= 256 && (keys->kind[i] & 255) == insn->arg;
            break;
        case NV_OP_SRC_IP:
        case NV_OP_DST_IP:
            value = insn->opcode == NV_OP_SRC_IP ? keys->src[i] : keys->dst[i];
            match = is4 && (value & words[1]) == words[0];
            break;
        case NV_OP_LOOKUP:
            value = lookup->key == NV_KEY_SRC_IP ? keys->src[i] : keys->dst[i];
            match = is4 && table_find4(engine_table(e->engine, insn->arg), value) != 0;
            break;
        default: /* ports */
            value = insn->opcode == NV_OP_SRC_PORT ? keys->ports[i] >> 16 : keys->ports[i] & 0xffff;
            match = ports && value >= (words[0] & 0xffff) && value <= words[0] >> 16;
            break;
        }
        if (!match)
            return false;
    }
    return true;
}

/* The rule that decides packet i by its keys, or IMAGE_NO_RULE: it is for the walk. first: its first candidate. */
static inline uint32_t keys_decide(const struct rules_eval *e, const struct rules_keys *keys, unsigned i,
                                   const struct index_batch *batch, uint32_t first)
{
    const struct rules_index *index = e->image->index;
    struct index_cursor cursor = {.last = index->last, .words = index->words};
    if (index->parts == 0)
        cursor.vectors = &batch->vectors[0][i];
    else
        cursor.list = batch->few[i].list;
    for (uint32_t rule = first;; rule = index_next(&cursor, rule + 1)) {
        const struct rules_line *line = &e->lines[rule];
        if (line->kind == LINE_FINAL)
            return rule;
        if (line->kind == LINE_SPORT || line->kind == LINE_DPORT) {
            uint32_t port = line->kind == LINE_SPORT ? keys->ports[i] >> 16 : keys->ports[i] & 0xffff;
            if (!(keys->no_ports >> i & 1) && port >= (line->tests & 0xffff) && port <= line->tests >> 16)
                return rule;
            continue;
        }
        if (line->kind == LINE_WALK || (keys->is6 >> i & 1 && line->kind == LINE_KEYS))
            return IMAGE_NO_RULE;
        if (keys_match(e, keys, i, line))
            return rule;
    }
}

/* End the pass of a packet at `rule`. */
static inline void keys_finish(const struct rules_eval *e, uint32_t rule, uint32_t bytes,
                               struct nv_rules_packet *packet, struct nv_rules_verdict *verdict)
{
    struct rules_line *line = &e->lines[rule];
    rules_count_one(&line->count, bytes, packet->time_ns);
    memcpy(verdict, &line->end, sizeof(line->end));
    packet->mark = 0;
}

#endif
