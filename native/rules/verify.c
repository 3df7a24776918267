/* SPDX-License-Identifier: BSD-2-Clause */
/* verify.c - refuse a program that is not what program.h says, before anything of it is used. */
#include "rules/engine.h"

#include <errno.h>

/* What an opcode's payload must be. */
enum payload { NONE, LIST, PAIRS, SET, GROUPS6, WORDS1, WORDS2, WORDS6, WORDS8, LABELS, OPTIONAL_LIST };

struct shape {
    uint8_t payload;
    uint8_t kind; /* 0: unknown opcode */
};

enum { TEST = 1, BEFORE = 2, LAST = 3 };

static const struct shape shapes[256] = {
    [NV_OP_NEVER] = {NONE, TEST},       [NV_OP_ALWAYS] = {NONE, TEST},       [NV_OP_SRC_IP] = {PAIRS, TEST},
    [NV_OP_DST_IP] = {PAIRS, TEST},     [NV_OP_SRC_IP_SET] = {SET, TEST},    [NV_OP_DST_IP_SET] = {SET, TEST},
    [NV_OP_SRC_ME] = {NONE, TEST},      [NV_OP_DST_ME] = {NONE, TEST},       [NV_OP_SRC_IP6] = {GROUPS6, TEST},
    [NV_OP_DST_IP6] = {GROUPS6, TEST},  [NV_OP_SRC_ME6] = {NONE, TEST},      [NV_OP_DST_ME6] = {NONE, TEST},
    [NV_OP_SRC_PORT] = {LIST, TEST},    [NV_OP_DST_PORT] = {LIST, TEST},     [NV_OP_LOOKUP] = {WORDS8, TEST},
    [NV_OP_LAYER2] = {NONE, TEST},      [NV_OP_MAC] = {WORDS6, TEST},        [NV_OP_MAC_TYPE] = {LIST, TEST},
    [NV_OP_IN] = {NONE, TEST},          [NV_OP_RECV] = {NONE, TEST},         [NV_OP_XMIT] = {NONE, TEST},
    [NV_OP_VIA] = {NONE, TEST},         [NV_OP_DIVERTED] = {NONE, TEST},     [NV_OP_PROTO] = {NONE, TEST},
    [NV_OP_IP4] = {NONE, TEST},         [NV_OP_IP6] = {NONE, TEST},          [NV_OP_FRAG] = {NONE, TEST},
    [NV_OP_IPLEN] = {LIST, TEST},       [NV_OP_IPID] = {LIST, TEST},         [NV_OP_IPTTL] = {LIST, TEST},
    [NV_OP_IPVERSION] = {NONE, TEST},   [NV_OP_IPTOS] = {NONE, TEST},        [NV_OP_IPPRECEDENCE] = {NONE, TEST},
    [NV_OP_DSCP] = {WORDS2, TEST},      [NV_OP_IPOPTIONS] = {NONE, TEST},    [NV_OP_EXT6HDR] = {NONE, TEST},
    [NV_OP_FLOW_ID] = {LABELS, TEST},   [NV_OP_ESTABLISHED] = {NONE, TEST},  [NV_OP_TCPFLAGS] = {NONE, TEST},
    [NV_OP_TCPOPTIONS] = {NONE, TEST},  [NV_OP_TCPSEQ] = {NONE, TEST},       [NV_OP_TCPACK] = {NONE, TEST},
    [NV_OP_TCPWIN] = {LIST, TEST},      [NV_OP_TCPDATALEN] = {LIST, TEST},   [NV_OP_TCPMSS] = {LIST, TEST},
    [NV_OP_ICMPTYPES] = {NONE, TEST},   [NV_OP_ICMP6TYPES] = {WORDS8, TEST}, [NV_OP_TAGGED] = {OPTIONAL_LIST, TEST},
    [NV_OP_FIB] = {LIST, TEST},         [NV_OP_MARK] = {WORDS2, TEST},       [NV_OP_VERREVPATH] = {NONE, TEST},
    [NV_OP_VERSRCREACH] = {NONE, TEST}, [NV_OP_ANTISPOOF] = {NONE, TEST},    [NV_OP_PROB] = {NONE, TEST},
    [NV_OP_PROBE_STATE] = {NONE, TEST}, [NV_OP_KEEP_STATE] = {NONE, TEST},   [NV_OP_LIMIT] = {WORDS2, TEST},
    [NV_OP_SKIP_ACTION] = {NONE, TEST}, [NV_OP_LOG] = {WORDS1, BEFORE},      [NV_OP_ALTQ] = {NONE, BEFORE},
    [NV_OP_TAG] = {NONE, BEFORE},       [NV_OP_UNTAG] = {NONE, BEFORE},      [NV_OP_SETMARK] = {WORDS1, BEFORE},
    [NV_OP_ACCEPT] = {NONE, LAST},      [NV_OP_DENY] = {NONE, LAST},         [NV_OP_COUNT] = {NONE, LAST},
    [NV_OP_SKIPTO] = {NONE, LAST},      [NV_OP_CALL] = {NONE, LAST},         [NV_OP_RETURN] = {NONE, LAST},
    [NV_OP_CHECK_STATE] = {NONE, LAST}, [NV_OP_PIPE] = {NONE, LAST},         [NV_OP_QUEUE] = {NONE, LAST},
    [NV_OP_UNREACH] = {WORDS1, LAST},   [NV_OP_UNREACH6] = {WORDS1, LAST},   [NV_OP_RESET] = {NONE, LAST},
    [NV_OP_RESET6] = {NONE, LAST},      [NV_OP_ABORT] = {NONE, LAST},        [NV_OP_ABORT6] = {NONE, LAST},
    [NV_OP_DIVERT] = {NONE, LAST},      [NV_OP_TEE] = {NONE, LAST},          [NV_OP_FORWARD] = {WORDS6, LAST},
    [NV_OP_NAT] = {NONE, LAST},         [NV_OP_SETFIB] = {NONE, LAST},       [NV_OP_SETDSCP] = {NONE, LAST},
    [NV_OP_TCP_SETMSS] = {NONE, LAST},  [NV_OP_REASS] = {NONE, LAST},
};

static bool list_ok(const uint32_t *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((words[i] & 0xffff) > words[i] >> 16)
            return false;
    }
    return count > 0;
}

static bool pairs_ok(const uint32_t *words, uint32_t count)
{
    for (uint32_t i = 0; i + 1 < count; i += 2) {
        if (words[i] & ~words[i + 1])
            return false;
    }
    return count > 0 && count % 2 == 0;
}

static bool groups6_ok(const uint32_t *words, uint32_t count)
{
    for (uint32_t i = 0; i + 7 < count; i += 8) {
        for (uint32_t j = i; j < i + 4; j++) {
            if (words[j] & ~words[j + 4])
                return false;
        }
    }
    return count > 0 && count % 8 == 0;
}

static bool payload_ok(const struct nv_rules_insn *insn)
{
    const uint32_t *words = insn_words(insn);
    uint32_t count = insn->words - 2u;

    switch ((enum payload)shapes[insn->opcode].payload) {
    case NONE:
        return count == 0;
    case LIST:
        return list_ok(words, count);
    case OPTIONAL_LIST:
        return (count == 0) == (insn->arg == NV_RULES_TABLEARG) && (count == 0 || list_ok(words, count));
    case PAIRS:
        return pairs_ok(words, count);
    case SET:
        return count > 1 && words[0] >= 1 && words[0] <= 256 && count == 1 + (words[0] + 31) / 32;
    case GROUPS6:
        return groups6_ok(words, count);
    case WORDS1:
        return count == 1;
    case WORDS2:
        return count == 2;
    case WORDS6:
        return count == 6;
    case WORDS8:
        return count == 8;
    case LABELS:
        return count > 0;
    }
    return false;
}

struct check {
    struct nv_rules *engine;
    const struct nv_rules_program *program;
    const struct nv_rules_rule *rule;
    struct nv_error *err;
};

static bool string_ok(const struct check *c, uint32_t reference)
{
    return reference < c->program->string_bytes; /* the section ends with a 0 */
}

static bool number_or_name_ok(const struct check *c, uint32_t arg)
{
    if (arg == NV_RULES_TABLEARG)
        return true;
    return arg & NV_RULES_NAME_REF ? string_ok(c, arg & ~NV_RULES_NAME_REF) : arg <= 65535;
}

/* Does key suit a table of this type? */
static bool key_ok(uint32_t key, uint32_t type)
{
    switch (key) {
    case NV_KEY_DST_IP:
    case NV_KEY_SRC_IP:
    case NV_KEY_DST_IP4:
    case NV_KEY_SRC_IP4:
    case NV_KEY_DST_IP6:
    case NV_KEY_SRC_IP6:
        return type == NV_TABLE_ADDR;
    case NV_KEY_DST_MAC:
    case NV_KEY_SRC_MAC:
        return type == NV_TABLE_MAC;
    case NV_KEY_FLOW:
        return type == NV_TABLE_FLOW;
    default:
        return key < NV_KEY_COUNT && type == NV_TABLE_NUMBER;
    }
}

static int check_lookup(const struct check *c, const struct nv_rules_insn *insn)
{
    const struct nv_rules_lookup *lookup = (const void *)insn_words(insn);
    const struct rules_table *table = engine_table(c->engine, insn->arg);

    if (lookup->flags & ~3u || lookup->value_kind >= NV_VALUE_COUNT)
        return nv_fail(c->err, EINVAL, "rule %u: malformed table look-up", c->rule->number);
    if (!table)
        return nv_fail(c->err, ENOENT, "rule %u: table %u does not exist", c->rule->number, insn->arg);
    if (!key_ok(lookup->key, table->type))
        return nv_fail(c->err, EINVAL, "rule %u: look-up key %u does not suit table %u of type %u", c->rule->number,
                       lookup->key, insn->arg, table->type);
    return 0;
}

/* Is the argument one that the opcode can have? */
static bool arg_ok(const struct check *c, const struct nv_rules_insn *insn)
{
    uint32_t arg = insn->arg;
    const uint32_t *words = insn_words(insn);

    switch (insn->opcode) {
    case NV_OP_PROTO:
    case NV_OP_UNREACH:
    case NV_OP_UNREACH6:
        return arg <= 255;
    case NV_OP_RECV:
    case NV_OP_XMIT:
    case NV_OP_VIA:
        return arg < c->program->pattern_count;
    case NV_OP_IPPRECEDENCE:
        return arg <= 7;
    case NV_OP_LIMIT:
        return words[0] >= 1 && words[0] <= 15;
    case NV_OP_PROB:
        return arg <= INT32_MAX;
    case NV_OP_ALTQ:
        return string_ok(c, arg);
    case NV_OP_TAG:
    case NV_OP_UNTAG:
        return arg == NV_RULES_TABLEARG || (arg >= 1 && arg <= 65534);
    case NV_OP_SKIPTO: /* backward ones go on with the next rule, as ipfw's do */
    case NV_OP_CALL:
    case NV_OP_PIPE:
    case NV_OP_QUEUE:
        return arg == NV_RULES_TABLEARG || (arg >= 1 && arg <= 65535);
    case NV_OP_DIVERT:
    case NV_OP_TEE:
        return number_or_name_ok(c, arg);
    case NV_OP_FORWARD:
        if (arg == NV_RULES_TABLEARG)
            return words[1] <= 65535;
        if (arg & NV_RULES_NAME_REF)
            return string_ok(c, arg & ~NV_RULES_NAME_REF);
        return arg == 0 && (words[0] == 4 || words[0] == 6) && words[1] <= 65535;
    case NV_OP_NAT: /* an instance that is not there (yet) drops */
        return arg == NV_RULES_TABLEARG || arg == NV_RULES_NAT_GLOBAL || arg <= NV_RULES_NAT_MAX_ID;
    case NV_OP_SETFIB:
        return arg == NV_RULES_TABLEARG || arg <= 65535;
    case NV_OP_SETDSCP:
        return arg == NV_RULES_TABLEARG || arg <= 63;
    case NV_OP_TCP_SETMSS:
        return arg >= 1 && arg <= 65535;
    default:
        return true;
    }
}

static int check_insn(const struct check *c, const struct nv_rules_insn *insn, unsigned kind)
{
    unsigned number = c->rule->number;
    if (shapes[insn->opcode].kind == 0)
        return nv_fail(c->err, EINVAL, "rule %u: unknown opcode %u", number, insn->opcode);
    if (shapes[insn->opcode].kind != kind)
        return nv_fail(c->err, EINVAL, "rule %u: opcode %u is out of place", number, insn->opcode);
    if (insn->flags & ~(kind == TEST && insn->opcode < NV_OP_PROB ? NV_RULES_NOT | NV_RULES_OR : 0))
        return nv_fail(c->err, EINVAL, "rule %u: opcode %u has impossible flags %#x", number, insn->opcode,
                       insn->flags);
    if (!payload_ok(insn))
        return nv_fail(c->err, EINVAL, "rule %u: malformed payload of opcode %u", number, insn->opcode);
    if (!arg_ok(c, insn))
        return nv_fail(c->err, EINVAL, "rule %u: argument %u of opcode %u is out of range", number, insn->arg,
                       insn->opcode);
    if (insn->opcode == NV_OP_LOOKUP)
        return check_lookup(c, insn);
    return 0;
}

static int check_rule(const struct check *c, const uint32_t *code)
{
    const struct nv_rules_rule *rule = c->rule;
    uint32_t tests = rule->test_words, end = tests + rule->action_words, at = 0;
    bool last = false, open = false;

    if (rule->number == 0 || rule->set > 31 || rule->id == 0 || rule->flags != 0)
        return nv_fail(c->err, EINVAL, "rule %u: impossible number, set, id or flags", rule->number);
    if (rule->code > c->program->code_words || end > c->program->code_words - rule->code)
        return nv_fail(c->err, EINVAL, "rule %u: its code lies outside the program", rule->number);
    while (at < end) {
        const struct nv_rules_insn *insn = (const void *)(code + rule->code + at);
        uint32_t limit = at < tests ? tests : end;
        if (limit - at < 2 || insn->words < 2 || insn->words > limit - at)
            return nv_fail(c->err, EINVAL, "rule %u: instruction at word %u is cut off", rule->number, at);
        last = at + insn->words == end;
        int error = check_insn(c, insn, at < tests ? TEST : last ? LAST : BEFORE);
        if (error != 0)
            return error;
        open = at < tests && (insn->flags & NV_RULES_OR);
        at += insn->words;
        if (open && at >= tests)
            return nv_fail(c->err, EINVAL, "rule %u: or-block without an end", rule->number);
    }
    if (!last || rule->action_words == 0)
        return nv_fail(c->err, EINVAL, "rule %u: no action", rule->number);
    return 0;
}

/* Does a section of count items of `unit` bytes lie in the program, behind its header and aligned? */
static bool section_ok(const struct nv_rules_program *program, uint32_t offset, uint64_t count, uint64_t unit)
{
    return offset % 8 == 0 && offset >= sizeof(*program) && offset <= program->size &&
           count * unit <= program->size - offset;
}

static int check_patterns(const struct check *c)
{
    const struct nv_rules_pattern *patterns = (const void *)((const char *)c->program + c->program->pattern_offset);
    for (uint32_t i = 0; i < c->program->pattern_count; i++) {
        const struct nv_rules_pattern *p = &patterns[i];
        if (p->kind == 0 || p->kind >= NV_IFACE_COUNT)
            return nv_fail(c->err, EINVAL, "interface pattern %u: unknown kind %u", i, p->kind);
        if ((p->kind == NV_IFACE_NAME || p->kind == NV_IFACE_GLOB) && !string_ok(c, p->arg))
            return nv_fail(c->err, EINVAL, "interface pattern %u: its name lies outside the program", i);
        if (p->kind == NV_IFACE_TABLE) {
            const struct rules_table *table = engine_table(c->engine, p->arg);
            if (!table)
                return nv_fail(c->err, ENOENT, "interface pattern %u: table %u does not exist", i, p->arg);
            if (table->type != NV_TABLE_IFACE)
                return nv_fail(c->err, EINVAL, "interface pattern %u: table %u is not of type iface", i, p->arg);
        }
    }
    return 0;
}

int rules_verify(struct nv_rules *engine, const void *data, size_t size, struct nv_error *err)
{
    const struct nv_rules_program *p = data;
    struct check c = {engine, p, NULL, err};

    if (size < sizeof(*p) || (uintptr_t)data % 8 != 0)
        return nv_fail(err, EINVAL, "program of %zu bytes: too short or not aligned to 8 bytes", size);
    if (p->magic != NV_RULES_MAGIC || p->version != NV_RULES_VERSION)
        return nv_fail(err, EINVAL, "program: magic %#x, version %u; this engine takes %#x, %u", p->magic, p->version,
                       NV_RULES_MAGIC, NV_RULES_VERSION);
    if (p->size != size)
        return nv_fail(err, EINVAL, "program: its size is %u, but %zu bytes were given", p->size, size);
    if (p->rule_count == 0 || p->rule_count > NV_RULES_MAX_RULES || p->code_words > NV_RULES_MAX_CODE)
        return nv_fail(err, EINVAL, "program: %u rules, %u words of code; at most %u and %u, at least 1 rule",
                       p->rule_count, p->code_words, NV_RULES_MAX_RULES, NV_RULES_MAX_CODE);
    if (!section_ok(p, p->rule_offset, p->rule_count, sizeof(struct nv_rules_rule)) ||
        !section_ok(p, p->code_offset, p->code_words, 4) ||
        !section_ok(p, p->pattern_offset, p->pattern_count, sizeof(struct nv_rules_pattern)) ||
        !section_ok(p, p->string_offset, p->string_bytes, 1) || p->pattern_count > 65536)
        return nv_fail(err, EINVAL, "program: a section lies outside its %u bytes", p->size);
    const char *strings = (const char *)data + p->string_offset;
    if (p->string_bytes != 0 && strings[p->string_bytes - 1] != 0)
        return nv_fail(err, EINVAL, "program: the string section does not end with a 0");
    if (p->set_disable >> 31)
        return nv_fail(err, EINVAL, "program: set 31 cannot be disabled");
    int error = check_patterns(&c);
    const struct nv_rules_rule *rules = (const void *)((const char *)data + p->rule_offset);
    const uint32_t *code = (const void *)((const char *)data + p->code_offset);
    for (uint32_t i = 0; i < p->rule_count && error == 0; i++) {
        c.rule = &rules[i];
        if (i > 0 && rules[i - 1].number > rules[i].number)
            return nv_fail(err, EINVAL, "program: rule %u stands behind rule %u", rules[i].number, rules[i - 1].number);
        error = check_rule(&c, code);
    }
    if (error != 0)
        return error;
    const struct nv_rules_rule *last = &rules[p->rule_count - 1];
    const struct nv_rules_insn *action = (const void *)(code + last->code);
    if (last->number != NV_RULES_DEFAULT_RULE || last->set != 31 || last->test_words != 0 || last->action_words != 2 ||
        (action->opcode != NV_OP_ACCEPT && action->opcode != NV_OP_DENY))
        return nv_fail(err, EINVAL, "program: the last rule must be 65535 in set 31, allow or deny, without tests");
    return 0;
}
