/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide.h - the verdict of packets whose keys are enough: the first candidate that allows or denies and whose
 * tests, if the index left any open, ask for keys only. Everything else is left to the walk (walk.h).
 */
#ifndef NETVALE_RULES_DECIDE_H
#define NETVALE_RULES_DECIDE_H

#include "rules/action.h"
#include "rules/index.h"
#include "rules/state_find.h"

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

/*
 * The rule that decides packet i by its keys, or IMAGE_NO_RULE: it is for the walk. first: its first candidate;
 * rules from `limit` on look for states, which has not been done.
 */
static inline uint32_t keys_decide(const struct rules_eval *e, const struct rules_keys *keys, unsigned i,
                                   const struct index_batch *batch, uint32_t first, uint32_t limit)
{
    const struct rules_index *index = e->image->index;
    struct index_cursor cursor = {.last = index->last, .words = index->words};
    if (index->parts == 0)
        cursor.vectors = &batch->vectors[0][i];
    else
        cursor.list = batch->few[i].list;
    for (uint32_t rule = first;; rule = index_next(&cursor, rule + 1)) {
        const struct rules_line *line = &e->lines[rule];
        if (rule >= limit)
            return IMAGE_NO_RULE;
        if (line->kind == LINE_FINAL)
            return rule;
        if (line->kind == LINE_SKIP)
            continue;
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

/* End the pass of a packet at `rule`. flags: enum nv_rules_verdict_flags */
static inline void keys_finish(const struct rules_eval *e, uint32_t rule, uint32_t bytes, uint8_t flags,
                               struct nv_rules_packet *packet, struct nv_rules_verdict *verdict)
{
    struct rules_line *line = &e->lines[rule];
    rules_count_one(&line->count, bytes, packet->time_ns);
    memcpy(verdict, &line->end, sizeof(line->end));
    verdict->flags = flags;
    packet->mark = 0;
}

/*
 * Look for the state of packet i, which is IPv4, and if there is one whose rule just allows or denies, count the
 * packet to it. Returns that rule; IMAGE_NO_RULE with *looked: there is no state, else: it is for the walk.
 */
static inline uint32_t states_decide(struct rules_eval *e, struct rules_keys *keys, unsigned i, uint64_t hash,
                                     struct nv_rules_packet *packet, bool *looked)
{
    const struct rules_image *image = e->image;
    struct rules_states *states = e->engine->states;
    enum state_way way = ELSEWHERE;
    uint32_t number = state_find4(states, keys, i, hash, image->state_name, packet->time_ns, &way);
    struct rules_state *s = state_at(states, number);
    uint32_t rule = number ? state_parent_rule(image, e->params, s) : IMAGE_NO_RULE;
    *looked = rule == IMAGE_NO_RULE;
    if (*looked)
        return rule;
    unsigned action = image->quick[rule].action;
    if (action != NV_OP_ACCEPT && action != NV_OP_DENY)
        return IMAGE_NO_RULE;
    if (!state_hit_plain(s, way, e->params, keys->bytes[i], packet->time_ns)) {
        e->view = rules_keys_view(keys, i, packet);
        e->packet = packet;
        rules_state_hit(e, s, way);
    }
    return rule;
}

#endif
