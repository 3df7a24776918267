/* SPDX-License-Identifier: BSD-2-Clause */
/* rules_build.h - write rule programs, table updates and packets in C tests and benchmarks. */
#ifndef NETVALE_TEST_RULES_BUILD_H
#define NETVALE_TEST_RULES_BUILD_H

#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"

/* A program under construction. Zero it; build_free it. */
struct build {
    struct nv_rules_rule *rules;
    uint32_t rule_count, rule_room;
    uint32_t *code;
    uint32_t words, room;
    struct nv_rules_pattern patterns[64];
    uint32_t pattern_count;
    char strings[1024];
    uint32_t string_bytes;
    uint32_t set_disable;
    uint32_t next_id; /* 0: ids from 1 on */
    void *program;
};

static inline void build_free(struct build *b)
{
    free(b->rules);
    free(b->code);
    free(b->program);
    memset(b, 0, sizeof(*b));
}

/* Begin a rule; tests and actions follow with build_insn. */
static inline void build_rule(struct build *b, unsigned number, unsigned set)
{
    if (b->rule_count == b->rule_room) {
        b->rule_room = b->rule_room ? b->rule_room * 2 : 64;
        b->rules = realloc(b->rules, b->rule_room * sizeof(*b->rules));
    }
    b->rules[b->rule_count++] =
        (struct nv_rules_rule){.id = ++b->next_id, .number = (uint16_t)number, .set = (uint8_t)set, .code = b->words};
}

static inline void build_insn(struct build *b, unsigned opcode, unsigned flags, uint32_t arg, const void *payload,
                              unsigned words)
{
    struct nv_rules_insn insn = {(uint8_t)opcode, (uint8_t)flags, (uint16_t)(2 + words), arg};
    if (b->words + 2 + words > b->room) {
        b->room = (b->room + 2 + words) * 2;
        b->code = realloc(b->code, b->room * sizeof(*b->code));
    }
    memcpy(b->code + b->words, &insn, sizeof(insn));
    if (words)
        memcpy(b->code + b->words + 2, payload, words * sizeof(uint32_t));
    b->words += 2 + words;
    struct nv_rules_rule *rule = &b->rules[b->rule_count - 1];
    *(opcode < NV_OP_LOG ? &rule->test_words : &rule->action_words) += (uint16_t)(2 + words);
}

static inline void build_op(struct build *b, unsigned opcode, unsigned flags, uint32_t arg)
{
    build_insn(b, opcode, flags, arg, NULL, 0);
}

/* SRC_IP or DST_IP with one prefix. */
static inline void build_ip(struct build *b, unsigned opcode, unsigned flags, uint32_t address, unsigned prefix)
{
    uint32_t mask = prefix ? ~0u << (32 - prefix) : 0, pair[2] = {address & mask, mask};
    build_insn(b, opcode, flags, 0, pair, 2);
}

/* A list opcode with one range. */
static inline void build_range(struct build *b, unsigned opcode, unsigned flags, uint32_t low, uint32_t high)
{
    uint32_t range = low | high << 16;
    build_insn(b, opcode, flags, 0, &range, 1);
}

static inline uint32_t build_string(struct build *b, const char *text)
{
    uint32_t at = b->string_bytes;
    memcpy(b->strings + at, text, strlen(text) + 1);
    b->string_bytes += (uint32_t)strlen(text) + 1;
    return at;
}

static inline uint32_t build_pattern(struct build *b, unsigned kind, uint32_t arg)
{
    b->patterns[b->pattern_count] = (struct nv_rules_pattern){.kind = kind, .arg = arg};
    return b->pattern_count++;
}

/* Add the default rule and put everything together; *size is the program's. */
static inline const void *build_done(struct build *b, bool accept, size_t *size)
{
    uint32_t saved = b->next_id;
    build_rule(b, NV_RULES_DEFAULT_RULE, 31);
    b->rules[b->rule_count - 1].id = 0xfffffff0u; /* the same in every program */
    b->next_id = saved;
    build_op(b, accept ? NV_OP_ACCEPT : NV_OP_DENY, 0, 0);
    struct nv_rules_program head = {.magic = NV_RULES_MAGIC,
                                    .version = NV_RULES_VERSION,
                                    .set_disable = b->set_disable,
                                    .rule_count = b->rule_count,
                                    .code_words = b->words,
                                    .pattern_count = b->pattern_count,
                                    .string_bytes = b->string_bytes};
    head.rule_offset = sizeof(head);
    head.code_offset = head.rule_offset + head.rule_count * (uint32_t)sizeof(struct nv_rules_rule);
    head.pattern_offset = (head.code_offset + head.code_words * 4 + 7) / 8 * 8;
    head.string_offset = head.pattern_offset + head.pattern_count * (uint32_t)sizeof(struct nv_rules_pattern);
    head.size = head.string_offset + head.string_bytes;
    char *program = calloc(1, head.size);
    memcpy(program, &head, sizeof(head));
    memcpy(program + head.rule_offset, b->rules, head.rule_count * sizeof(*b->rules));
    memcpy(program + head.code_offset, b->code, head.code_words * 4);
    memcpy(program + head.pattern_offset, b->patterns, head.pattern_count * sizeof(*b->patterns));
    memcpy(program + head.string_offset, b->strings, head.string_bytes);
    free(b->program);
    b->program = program;
    *size = head.size;
    return program;
}

/* One random-number stream a test. */
struct dice {
    uint64_t state;
};

static inline uint64_t dice_roll(struct dice *d)
{
    d->state ^= d->state << 13, d->state ^= d->state >> 7, d->state ^= d->state << 17;
    return d->state * 0x2545f4914f6cdd1du;
}

static inline uint32_t dice(struct dice *d, uint32_t sides)
{
    return (uint32_t)((dice_roll(d) >> 32) * sides >> 32);
}

static inline void packet_put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void packet_put32(uint8_t *at, uint32_t value)
{
    packet_put16(at, value >> 16);
    packet_put16(at + 2, value);
}

static inline uint32_t packet_sum(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
    for (uint32_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    if (length & 1)
        sum += (uint32_t)bytes[length - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* An Ethernet frame of `length` bytes (at least 60) with IPv4 and TCP, UDP or another protocol; checksums of IPv4 only.
 */
static inline void packet_ip4(uint8_t *frame, uint32_t length, uint32_t src, uint32_t dst, unsigned proto,
                              unsigned sport, unsigned dport)
{
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    memset(frame, 0, length);
    memcpy(frame, macs, sizeof(macs));
    packet_put16(frame + 12, 0x0800);
    uint8_t *ip = frame + 14;
    ip[0] = 0x45;
    packet_put16(ip + 2, length - 14);
    ip[8] = 64;
    ip[9] = (uint8_t)proto;
    packet_put32(ip + 12, src);
    packet_put32(ip + 16, dst);
    packet_put16(ip + 10, ~packet_sum(ip, 20, 0));
    packet_put16(ip + 20, sport);
    packet_put16(ip + 22, dport);
    if (proto == 17)
        packet_put16(ip + 24, length - 34);
    if (proto == 6)
        ip[32] = 5 << 4;
}

#endif
