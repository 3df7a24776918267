/* SPDX-License-Identifier: BSD-2-Clause */
/* ranges.c - work out which values of each field a rule can match: unions over or-blocks, cut with each other. */
#include "rules/ranges_set.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const trie_key largest4 = 0xffffffffu;

trie_key ranges_top(enum ranges_field field)
{
    switch (field) {
    case FIELD_SRC4:
    case FIELD_DST4:
        return largest4;
    case FIELD_SRC6:
    case FIELD_DST6:
        return ~(trie_key)0;
    case FIELD_SPORT:
    case FIELD_DPORT:
        return RANGES_NO_PORT;
    case FIELD_KIND:
        return 3 * 256 - 1;
    case FIELD_PLACE:
        return 511;
    default:
        return 255;
    }
}

/* A masked address as a range; false when the mask has holes and the range is too large. */
static bool add_masked(struct builder *b, trie_key address, trie_key mask, trie_key top)
{
    trie_key gaps = ~mask & top, low = address;
    if ((gaps & (gaps + 1)) == 0) {
        set_add(b, low, low | gaps);
        return true;
    }
    /* keep the leading ones of the mask only */
    while (gaps & (gaps + 1))
        gaps |= gaps >> 1;
    set_add(b, low & ~gaps, low | gaps);
    return false;
}

static void add_kind(struct builder *b, unsigned family, unsigned first, unsigned last)
{
    set_add(b, family * 256 + first, family * 256 + last);
}

/* Both families, one protocol. */
static void add_proto(struct builder *b, unsigned proto)
{
    add_kind(b, 1, proto, proto);
    add_kind(b, 2, proto, proto);
}

/* Interfaces a pattern matches, at `base` + id. False when a table decides. */
static bool add_interfaces(struct builder *b, const struct rules_image *image, uint32_t pattern, unsigned base)
{
    const uint8_t *via = image->via + pattern * (NV_RULES_MAX_INTERFACES + 1u);
    for (unsigned i = 1; i <= NV_RULES_MAX_INTERFACES; i++) {
        if (via[i] == IMAGE_VIA_TABLE)
            return false;
        if (via[i])
            set_add(b, base + i, base + i);
    }
    return true;
}

enum precision { EXACT, TOO_LARGE, ANY }; /* ANY: the test says nothing about the field */

static enum precision kind_of(struct builder *b, const struct nv_rules_insn *insn)
{
    const struct nv_rules_lookup *lookup;
    switch (insn->opcode) {
    case NV_OP_NEVER:
        return EXACT;
    case NV_OP_PROTO:
        add_proto(b, insn->arg);
        return EXACT;
    case NV_OP_IP4:
        add_kind(b, 1, 0, 255);
        return EXACT;
    case NV_OP_IP6:
        add_kind(b, 2, 0, 255);
        return EXACT;
    case NV_OP_SRC_IP:
    case NV_OP_DST_IP:
    case NV_OP_SRC_IP_SET:
    case NV_OP_DST_IP_SET:
    case NV_OP_IPID:
    case NV_OP_IPTTL:
    case NV_OP_IPTOS:
    case NV_OP_IPPRECEDENCE:
    case NV_OP_IPOPTIONS:
        add_kind(b, 1, 0, 255);
        return TOO_LARGE;
    case NV_OP_SRC_IP6:
    case NV_OP_DST_IP6:
    case NV_OP_SRC_ME6:
    case NV_OP_DST_ME6:
    case NV_OP_EXT6HDR:
    case NV_OP_FLOW_ID:
        add_kind(b, 2, 0, 255);
        return TOO_LARGE;
    case NV_OP_SRC_ME:
    case NV_OP_DST_ME:
    case NV_OP_FRAG:
    case NV_OP_IPLEN:
    case NV_OP_IPVERSION:
    case NV_OP_DSCP:
        set_add(b, 256, 3 * 256 - 1);
        return TOO_LARGE;
    case NV_OP_ESTABLISHED:
    case NV_OP_TCPFLAGS:
    case NV_OP_TCPOPTIONS:
    case NV_OP_TCPSEQ:
    case NV_OP_TCPACK:
    case NV_OP_TCPWIN:
    case NV_OP_TCPDATALEN:
    case NV_OP_TCPMSS:
        add_proto(b, IPPROTO_TCP);
        return TOO_LARGE;
    case NV_OP_ICMPTYPES:
        add_kind(b, 1, IPPROTO_ICMP, IPPROTO_ICMP);
        return TOO_LARGE;
    case NV_OP_ICMP6TYPES:
        add_kind(b, 2, IPPROTO_ICMPV6, IPPROTO_ICMPV6);
        return TOO_LARGE;
    case NV_OP_LOOKUP:
        lookup = (const void *)insn_words(insn);
        if (lookup->key == NV_KEY_MARK || lookup->key == NV_KEY_RULENUM || lookup->key == NV_KEY_DST_MAC ||
            lookup->key == NV_KEY_SRC_MAC)
            return ANY;
        set_add(b, 256, 3 * 256 - 1);
        return TOO_LARGE;
    default:
        return ANY;
    }
}

static enum precision ports_of(struct builder *b, const struct nv_rules_insn *insn)
{
    const uint32_t *words = insn_words(insn);
    for (unsigned i = 0; i < insn->words - 2u; i++)
        set_add(b, words[i] & 0xffff, words[i] >> 16);
    return EXACT;
}

static enum precision addresses4_of(struct builder *b, const struct nv_rules_insn *insn, bool set)
{
    const uint32_t *words = insn_words(insn);
    enum precision precision = EXACT;
    if (set) {
        uint64_t high = (uint64_t)insn->arg + words[0] - 1;
        if (high > largest4) { /* wraps around */
            set_add(b, 0, high - largest4 - 1);
            high = largest4;
        }
        set_add(b, insn->arg, high);
        return TOO_LARGE;
    }
    for (unsigned i = 0; i < insn->words - 2u; i += 2) {
        if (!add_masked(b, words[i], words[i + 1], largest4))
            precision = TOO_LARGE;
    }
    return precision;
}

static enum precision addresses6_of(struct builder *b, const struct nv_rules_insn *insn)
{
    const uint8_t *bytes = (const uint8_t *)insn_words(insn);
    enum precision precision = EXACT;
    for (unsigned i = 0; i < insn->words - 2u; i += 8) {
        trie_key key[2];
        for (unsigned k = 0; k < 2; k++) {
            key[k] = 0;
            for (unsigned j = 0; j < 16; j++)
                key[k] = key[k] << 8 | bytes[i * 4 + k * 16 + j];
        }
        if (!add_masked(b, key[0], key[1], ~(trie_key)0))
            precision = TOO_LARGE;
    }
    return precision;
}

static enum precision place_of(struct builder *b, const struct rules_image *image, const struct nv_rules_insn *insn)
{
    switch (insn->opcode) {
    case NV_OP_IN:
        set_add(b, 0, 255);
        return EXACT;
    case NV_OP_RECV:
        return add_interfaces(b, image, insn->arg, 0) && add_interfaces(b, image, insn->arg, 256) ? EXACT : ANY;
    case NV_OP_XMIT:
        set_add(b, 256, 511);
        return TOO_LARGE;
    default:
        return ANY;
    }
}

/* What one test, without its NOT, asks of a field. */
static enum precision of_test(struct builder *b, const struct rules_image *image, const struct nv_rules_insn *insn,
                              enum ranges_field field)
{
    unsigned op = insn->opcode;
    switch (field) {
    case FIELD_SRC4:
        return op == NV_OP_SRC_IP || op == NV_OP_SRC_IP_SET ? addresses4_of(b, insn, op == NV_OP_SRC_IP_SET) : ANY;
    case FIELD_DST4:
        return op == NV_OP_DST_IP || op == NV_OP_DST_IP_SET ? addresses4_of(b, insn, op == NV_OP_DST_IP_SET) : ANY;
    case FIELD_SRC6:
        return op == NV_OP_SRC_IP6 ? addresses6_of(b, insn) : ANY;
    case FIELD_DST6:
        return op == NV_OP_DST_IP6 ? addresses6_of(b, insn) : ANY;
    case FIELD_SPORT:
        return op == NV_OP_SRC_PORT ? ports_of(b, insn) : ANY;
    case FIELD_DPORT:
        return op == NV_OP_DST_PORT ? ports_of(b, insn) : ANY;
    case FIELD_KIND:
        return kind_of(b, insn);
    case FIELD_PLACE:
        return place_of(b, image, insn);
    default: /* FIELD_XMIT: asked for outgoing packets only */
        if (op == NV_OP_XMIT || op == NV_OP_VIA)
            return add_interfaces(b, image, insn->arg, 0) ? EXACT : ANY;
        return ANY;
    }
}

/* via of incoming packets: FIELD_PLACE; exact, because outgoing ones all remain. */
static bool via_place(struct builder *b, const struct rules_image *image, const struct nv_rules_insn *insn)
{
    if (insn->opcode != NV_OP_VIA)
        return false;
    struct builder in = {0};
    if (!add_interfaces(&in, image, insn->arg, 0)) {
        free(in.set.list);
        return false;
    }
    set_normalise(&in.set);
    if (insn->flags & NV_RULES_NOT)
        set_complement(&in, 255);
    for (uint32_t i = 0; i < in.set.count; i++)
        set_add(b, in.set.list[i].low, in.set.list[i].high);
    set_add(b, 256, 511);
    b->failed |= in.failed;
    free(in.set.list);
    return true;
}

/* The set of a test with its NOT, added to the union of its or-block. False: the whole field. */
static bool add_test(struct builder *block, const struct rules_image *image, const struct nv_rules_insn *insn,
                     enum ranges_field field)
{
    struct builder one = {0};
    if (field == FIELD_PLACE && insn->opcode == NV_OP_VIA)
        return via_place(block, image, insn);
    enum precision precision = of_test(&one, image, insn, field);
    bool known = precision != ANY;
    set_normalise(&one.set);
    if (insn->opcode == NV_OP_ALWAYS && insn->flags & NV_RULES_NOT) {
        known = true; /* matches nothing */
    } else if (insn->flags & NV_RULES_NOT) {
        known = precision == EXACT;
        if (known)
            set_complement(&one, ranges_top(field));
        /* an address or port test does not apply to other packets: then its NOT matches; those are not asked here,
           but a port test meets packets without ports as RANGES_NO_PORT, which its complement has */
    }
    for (uint32_t i = 0; known && i < one.set.count; i++)
        set_add(block, one.set.list[i].low, one.set.list[i].high);
    block->failed |= one.failed;
    free(one.set.list);
    return known;
}

int ranges_of_rule(const struct rules_image *image, uint32_t rule, bool everything, struct ranges out[FIELDS],
                   bool all[FIELDS])
{
    const struct nv_rules_insn *end = rule_actions(image, rule), *first = rule_tests(image, rule);
    bool failed = false;

    for (unsigned field = 0; field < FIELDS; field++) {
        struct builder set = {0};
        set_add(&set, 0, ranges_top((enum ranges_field)field));
        all[field] = true;
        for (const struct nv_rules_insn *insn = everything ? end : first, *next; insn != end; insn = next) {
            struct builder block = {0};
            bool known = true, more = true;
            for (next = insn; more; next = insn_next(next)) {
                more = next->flags & NV_RULES_OR;
                known = add_test(&block, image, next, (enum ranges_field)field) && known;
            }
            if (known) {
                set_normalise(&block.set);
                set_intersect(&set, &block.set);
                all[field] = false;
            }
            failed |= block.failed;
            free(block.set.list);
        }
        failed |= set.failed;
        out[field] = set.set;
    }
    if (!failed)
        return 0;
    ranges_free(out);
    return -ENOMEM;
}

/* Fields that a test without or-block is all about; 0: it is about something else. */
static uint32_t subject(const struct nv_rules_insn *insn)
{
    switch (insn->opcode) {
    case NV_OP_SRC_IP:
        return 1u << FIELD_SRC4;
    case NV_OP_DST_IP:
        return 1u << FIELD_DST4;
    case NV_OP_SRC_IP6:
        return 1u << FIELD_SRC6;
    case NV_OP_DST_IP6:
        return 1u << FIELD_DST6;
    case NV_OP_SRC_PORT:
        return 1u << FIELD_SPORT;
    case NV_OP_DST_PORT:
        return 1u << FIELD_DPORT;
    case NV_OP_PROTO:
    case NV_OP_IP4:
    case NV_OP_IP6:
        return 1u << FIELD_KIND;
    case NV_OP_IN:
    case NV_OP_RECV:
        return 1u << FIELD_PLACE;
    case NV_OP_XMIT:
    case NV_OP_VIA:
        return 1u << FIELD_PLACE | 1u << FIELD_XMIT;
    default:
        return 0;
    }
}

/* Is what the field gets of this test all there is to it? */
static bool exact(const struct rules_image *image, const struct nv_rules_insn *insn, uint32_t fields)
{
    struct builder scratch = {0};
    unsigned field = fields >> FIELD_XMIT & 1 ? FIELD_XMIT : (unsigned)__builtin_ctz(fields);
    enum precision precision = of_test(&scratch, image, insn, (enum ranges_field)field);
    free(scratch.set.list);
    return precision == EXACT && !scratch.failed;
}

/*
 * A block about one subject is covered by its field: the union is that of its tests. Packets the subject does not
 * apply to (the other family, incoming ones for xmit) are not asked about the field; they match exactly when a test of
 * the block has NOT, and that is what FIELD_KIND or FIELD_PLACE gets of the block.
 */
uint32_t ranges_exact(const struct rules_image *image, const struct nv_rules_insn *insn,
                      const struct nv_rules_insn **next)
{
    uint32_t fields = subject(insn);
    unsigned opcode = insn->opcode;
    bool covered = fields != 0, more = true;
    for (; more; insn = insn_next(insn)) {
        more = insn->flags & NV_RULES_OR;
        covered = covered && subject(insn) == fields && exact(image, insn, fields);
        if (opcode == NV_OP_XMIT || opcode == NV_OP_VIA)
            covered = covered && insn->opcode == opcode;
    }
    *next = insn;
    return covered ? fields : 0;
}

void ranges_free(struct ranges sets[FIELDS])
{
    for (unsigned field = 0; field < FIELDS; field++)
        free(sets[field].list);
    memset(sets, 0, FIELDS * sizeof(*sets));
}
