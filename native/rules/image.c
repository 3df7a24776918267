/* SPDX-License-Identifier: BSD-2-Clause */
/* image.c - turn a checked program into an image: jumps, probes, interfaces, slots and the index. */
#include "rules/engine.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "rules/index.h"
#include "rules/slots.h"
#include "rules/state_table.h"

enum { NUMBERS = NV_RULES_DEFAULT_RULE + 2 };
#define NO_NAME 0xfffffffeu /* not a name, nor NV_RULES_STATE_ANY */

void rules_image_free(struct rules_image *image)
{
    if (!image)
        return;
    index_free(image->index);
    for (unsigned i = 0; i < RULES_MAX_WORKERS; i++) {
        free(image->lines[i]);
        free(image->maps[i]);
    }
    free(image->slot);
    free(image->rule_of_slot);
    free(image->quick);
    free(image->left_code);
    free(image->first_at);
    free(image->jump);
    free(image->next_probe);
    free(image->via);
    free(image->base);
    free(image->log_count);
    free(image->program);
    free(image);
}

static void find_numbers(struct rules_image *image)
{
    uint32_t rule = image->rule_count;
    for (uint32_t number = NUMBERS; number-- > 0;) {
        while (rule > 0 && image->rules[rule - 1].number >= number)
            rule--;
        image->first_at[number] = rule;
    }
}

static const struct nv_rules_insn *last_action(const struct rules_image *image, uint32_t rule)
{
    const struct nv_rules_insn *insn = rule_actions(image, rule);
    while (insn->opcode < NV_OP_ACCEPT)
        insn = insn_next(insn);
    return insn;
}

static void resolve_jumps(struct rules_image *image)
{
    for (uint32_t rule = 0; rule < image->rule_count; rule++) {
        const struct nv_rules_insn *insn = last_action(image, rule);
        uint32_t number = insn->arg;
        image->jump[rule] = IMAGE_NO_RULE;
        if ((insn->opcode != NV_OP_SKIPTO && insn->opcode != NV_OP_CALL) || number == NV_RULES_TABLEARG)
            continue;
        if (insn->opcode == NV_OP_SKIPTO && number <= image->rules[rule].number)
            number = image->rules[rule].number + 1u;
        image->jump[rule] = image->first_at[number];
    }
}

/* Find the rules that look for states, and whether all do so by one name. */
static int find_probes(struct rules_image *image)
{
    uint32_t name = NO_NAME, next = IMAGE_NO_RULE;
    bool probes = false;

    image->one_name = true;
    image->first_look = IMAGE_NO_RULE;
    image->next_probe = malloc(image->rule_count * sizeof(uint32_t));
    if (!image->next_probe)
        return -ENOMEM;
    for (uint32_t rule = image->rule_count; rule-- > 0;) {
        const struct nv_rules_insn *insn = rule_tests(image, rule), *end = rule_end(image, rule);
        for (; insn != end; insn = insn_next(insn)) {
            image->has_states |= insn->opcode == NV_OP_KEEP_STATE || insn->opcode == NV_OP_LIMIT;
            image->shared |= insn->opcode == NV_OP_NAT || insn->opcode == NV_OP_REASS || insn->opcode == NV_OP_DIVERT;
            if (insn->opcode != NV_OP_PROBE_STATE && insn->opcode != NV_OP_CHECK_STATE)
                continue;
            image->has_states = true;
            if (name != NO_NAME && name != insn->arg)
                image->one_name = false;
            name = insn->arg;
            if (!rule_enabled(image, rule))
                continue;
            bool at_once = insn == rule_tests(image, rule);
            image->first_look = at_once ? rule : IMAGE_NO_RULE;
            if (insn->opcode == NV_OP_PROBE_STATE) {
                probes = true;
                next = rule;
            }
        }
        image->next_probe[rule] = next;
    }
    image->shared |= image->has_states;
    image->state_name = name;
    if (!image->one_name)
        image->first_look = IMAGE_NO_RULE;
    if (!probes) {
        free(image->next_probe);
        image->next_probe = NULL;
    }
    return 0;
}

/* Which interface matches which pattern. */
static void match_patterns(struct rules_image *image, const struct nv_rules *engine)
{
    for (uint32_t p = 0; p < image->pattern_count; p++) {
        const struct nv_rules_pattern *pattern = &image->patterns[p];
        for (uint32_t i = 1; i <= engine->interface_count; i++) {
            const char *name = engine->interfaces[i];
            uint8_t *match = &image->via[p * (NV_RULES_MAX_INTERFACES + 1u) + i];
            switch (pattern->kind) {
            case NV_IFACE_NAME:
                *match = strcmp(image->strings + pattern->arg, name) == 0;
                break;
            case NV_IFACE_GLOB:
                *match = fnmatch(image->strings + pattern->arg, name, 0) == 0;
                break;
            case NV_IFACE_IP:
                *match = pattern->arg != 0 && pattern->arg == engine->addresses[i];
                break;
            default:
                *match = IMAGE_VIA_TABLE;
                break;
            }
        }
    }
}

static int assign_slots(struct nv_rules *engine, struct rules_image *image, struct nv_error *err)
{
    uint32_t twice;
    int error = slots_assign(engine->slots, image->rules, image->rule_count, image->slot, &twice);
    if (error == -EEXIST)
        return nv_fail(err, EINVAL, "rule %u: its id %u is that of another rule", image->rules[twice].number,
                       image->rules[twice].id);
    image->slot_count = engine->slots->count;
    image->rule_of_slot = malloc(image->slot_count * sizeof(uint32_t));
    if (error == 0 && image->slot_count > engine->states->slots) {
        pthread_mutex_lock(&engine->shared_lock);
        error = state_slots(engine->states, image->slot_count);
        pthread_mutex_unlock(&engine->shared_lock);
    }
    if (error != 0 || !image->rule_of_slot)
        return -ENOMEM;
    memset(image->rule_of_slot, 0xff, image->slot_count * sizeof(uint32_t));
    for (uint32_t rule = 0; rule < image->rule_count; rule++)
        image->rule_of_slot[image->slot[rule]] = rule;
    return 0;
}

/* Can the tests be answered from a packet's keys (keys_match in decide.h)? */
static bool keys_suffice(const uint32_t *tests, uint32_t words)
{
    const struct nv_rules_insn *insn = (const void *)tests, *end = (const void *)(tests + words);
    for (; insn != end; insn = insn_next(insn)) {
        const struct nv_rules_lookup *lookup = (const void *)insn_words(insn);
        bool known = false;
        switch (insn->opcode) {
        case NV_OP_PROTO:
            known = true;
            break;
        case NV_OP_SRC_IP:
        case NV_OP_DST_IP:
            known = insn->words == 4;
            break;
        case NV_OP_SRC_PORT:
        case NV_OP_DST_PORT:
            known = insn->words == 3;
            break;
        case NV_OP_LOOKUP:
            known = lookup->flags == 0 && (lookup->key == NV_KEY_SRC_IP || lookup->key == NV_KEY_DST_IP);
            break;
        default:
            break;
        }
        if (!known || insn->flags)
            return false;
    }
    return true;
}

/* How a line that decides asks. tests: its tests */
static void set_kind(struct rules_line *line, const uint32_t *tests)
{
    const struct nv_rules_insn *only = (const void *)tests;
    if (line->words == 0) {
        line->kind = LINE_FINAL;
    } else if (keys_suffice(tests, line->words)) {
        line->kind = LINE_KEYS;
        if (only->words == line->words && (only->opcode == NV_OP_SRC_PORT || only->opcode == NV_OP_DST_PORT)) {
            line->kind = only->opcode == NV_OP_SRC_PORT ? LINE_SPORT : LINE_DPORT;
            line->tests = insn_words(only)[0];
        }
    }
}

/* The action of a rule that sends all that match to one pipe or queue and does nothing else; 0: it is another rule. */
static unsigned to_one_link(const struct rules_image *image, uint32_t rule, uint32_t *number)
{
    const struct nv_rules_insn *insn = rule_actions(image, rule);
    bool link = insn->opcode == NV_OP_PIPE || insn->opcode == NV_OP_QUEUE;
    *number = insn->arg;
    if (!link || insn->arg == NV_RULES_TABLEARG)
        return 0;
    return insn->opcode == NV_OP_PIPE ? NV_RULES_PIPE : NV_RULES_QUEUE;
}

struct rules_line *rules_image_lines(const struct rules_image *image)
{
    struct rules_line *lines = aligned_alloc(sizeof(*lines), image->rule_count * sizeof(*lines));
    for (uint32_t rule = 0; lines && rule < image->rule_count; rule++) {
        const struct rules_quick *quick = &image->quick[rule];
        bool decides = quick->action == NV_OP_ACCEPT || quick->action == NV_OP_DENY;
        struct rules_line *line = &lines[rule];
        uint32_t number;
        unsigned link = to_one_link(image, rule, &number);
        *line = (struct rules_line){
            .end = {.action = (uint8_t)(link                          ? link
                                        : quick->action == NV_OP_DENY ? NV_RULES_DENY
                                                                      : NV_RULES_PASS),
                    .reason = NV_RULES_WHY_BY_RULE,
                    .rule = quick->number,
                    .arg = link ? number : 0,
                    .resume = {image->generation, rule + 1, quick->id, quick->number}},
            .tests = quick->tests,
            .words = quick->words,
        };
        if (!image->index || (image->next_probe && image->first_look == IMAGE_NO_RULE))
            continue;
        if (decides || link)
            set_kind(line, image->quick_code + quick->tests);
        else if (quick->action == NV_OP_CHECK_STATE && image->first_look != IMAGE_NO_RULE)
            line->kind = LINE_SKIP;
    }
    return lines;
}

int rules_image_worker(struct rules_image *image, uint32_t worker)
{
    if (!image->lines[worker])
        image->lines[worker] = rules_image_lines(image);
    if (!image->maps[worker])
        image->maps[worker] = calloc((image->rule_count + 63) / 64, sizeof(uint64_t));
    return image->lines[worker] && image->maps[worker] ? 0 : -ENOMEM;
}

static int allocate(struct rules_image *image)
{
    uint32_t rules = image->rule_count;
    image->slot = calloc(rules, sizeof(uint32_t));
    image->jump = calloc(rules, sizeof(uint32_t));
    image->first_at = calloc(NUMBERS, sizeof(uint32_t));
    image->base = calloc(rules, sizeof(struct rules_count));
    image->log_count = calloc(rules, sizeof(uint64_t));
    image->via = calloc(image->pattern_count + 1, NV_RULES_MAX_INTERFACES + 1u);
    if (!image->slot || !image->jump || !image->first_at || !image->base || !image->log_count || !image->via)
        return -ENOMEM;
    return 0;
}

static int make_lines(const struct nv_rules *engine, struct rules_image *image)
{
    for (uint32_t i = 0; i < RULES_MAX_WORKERS; i++) {
        if (engine->workers[i] && rules_image_worker(image, i) != 0)
            return -ENOMEM;
    }
    return 0;
}

/* Collect what the walk needs of each rule. */
static int make_quick(struct rules_image *image)
{
    size_t words = 0;
    image->quick = calloc(image->rule_count, sizeof(*image->quick));
    if (!image->quick)
        return -ENOMEM;
    for (uint32_t rule = 0; rule < image->rule_count && image->index; rule++)
        words += index_tests_left(image, rule, NULL);
    if (image->index) {
        image->left_code = malloc((words + 1) * sizeof(uint32_t));
        if (!image->left_code)
            return -ENOMEM;
    }
    image->quick_code = image->index ? image->left_code : image->code;
    words = 0;
    for (uint32_t rule = 0; rule < image->rule_count; rule++) {
        const struct nv_rules_rule *r = &image->rules[rule];
        unsigned action = rule_actions(image, rule)->opcode;
        struct rules_quick *quick = &image->quick[rule];
        *quick = (struct rules_quick){r->code, r->test_words, r->number, r->id, 0, {0}};
        if (action == NV_OP_ACCEPT || action == NV_OP_DENY || (action == NV_OP_CHECK_STATE && r->test_words == 0))
            quick->action = (uint8_t)action;
        if (image->index) {
            quick->tests = (uint32_t)words;
            quick->words = (uint16_t)index_tests_left(image, rule, image->left_code + words);
            words += quick->words;
        }
    }
    return 0;
}

int rules_image_make(struct nv_rules *engine, const void *program, size_t size, struct rules_image **out,
                     struct nv_error *err)
{
    struct rules_image *image = calloc(1, sizeof(*image));
    char *copy = calloc(1, size < sizeof(struct nv_rules_program) ? sizeof(struct nv_rules_program) : size);
    int error = -ENOMEM;

    if (!image || !copy) {
        free(image);
        free(copy);
        return nv_fail(err, ENOMEM, "no memory for a program of %zu bytes", size);
    }
    memcpy(copy, program, size);
    image->program = copy;
    image->size = size;
    error = rules_verify(engine, copy, size, err);
    if (error == 0) {
        const struct nv_rules_program *head = image->program;
        image->generation = ++engine->generation ? engine->generation : ++engine->generation;
        image->rule_count = head->rule_count;
        image->set_disable = head->set_disable;
        image->rules = (const void *)(copy + head->rule_offset);
        image->code = (const void *)(copy + head->code_offset);
        image->patterns = (const void *)(copy + head->pattern_offset);
        image->pattern_count = head->pattern_count;
        image->strings = copy + head->string_offset;
        image->string_bytes = head->string_bytes;
        error = allocate(image);
        if (error == 0)
            error = assign_slots(engine, image, err);
        if (error == 0) {
            find_numbers(image);
            resolve_jumps(image);
            match_patterns(image, engine);
            error = find_probes(image);
            image->admits = rules_admits(image);
        }
        if (error == 0 && !engine->params->linear)
            error = index_make(image, &image->index);
        if (error == 0)
            error = make_quick(image);
        if (error == 0)
            error = make_lines(engine, image);
        if (error == -ENOMEM)
            nv_fail(err, ENOMEM, "no memory for a program of %u rules", image->rule_count);
    }
    if (error != 0) {
        rules_image_free(image);
        return error;
    }
    *out = image;
    return 0;
}

uint32_t rules_image_find(const struct rules_image *image, uint32_t number, uint32_t id)
{
    uint32_t rule = image->first_at[number <= NV_RULES_DEFAULT_RULE ? number : NV_RULES_DEFAULT_RULE];
    while (rule + 1 < image->rule_count && image->rules[rule].number == number && image->rules[rule].id < id)
        rule++;
    return rule;
}
