/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - a loaded program: checked, with jumps resolved and everything that can be worked out beforehand.
 *
 * Immutable once workers see it, except for the counters, of which each worker has its own.
 */
#ifndef NETVALE_RULES_IMAGE_H
#define NETVALE_RULES_IMAGE_H

#include <stddef.h>

#include "rules/rules.h"

struct rules_index;
struct nv_rules;

#define IMAGE_NO_RULE   0xffffffffu
#define IMAGE_VIA_TABLE 2u /* the pattern asks a table */

enum { RULES_MAX_WORKERS = 64 };

struct rules_count {
    uint64_t packets, bytes, last_ns;
};

/* The beginning of a verdict, as a rule alone gives it. */
struct rules_end {
    uint8_t action, reason, flags, next_hop_family;
    uint16_t rule, next_hop_port;
    uint32_t arg;
    struct nv_rules_resume resume;
};

/* How much a candidate asks of a packet before it decides. */
enum rules_line_kind {
    LINE_WALK,  /* more than its keys, or it does not decide: the walk */
    LINE_SKIP,  /* check-state, when the state has been looked for */
    LINE_FINAL, /* nothing */
    LINE_SPORT, /* that the source port is in a range */
    LINE_DPORT, /* the same of the destination port */
    LINE_KEYS,  /* several tests of keys (keys_match) */
};

/* All that a packet touches when a rule decides it: a cache line a rule and worker. */
struct rules_line {
    struct rules_count count;
    struct rules_end end;
    uint32_t tests; /* first word in quick_code; SPORT, DPORT: the range */
    uint16_t words; /* of tests */
    uint8_t kind;   /* enum rules_line_kind */
    uint8_t pad;
    uint32_t reserved;
};

static_assert(sizeof(struct rules_line) == 64, "one cache line");
static_assert(offsetof(struct nv_rules_verdict, next_hop) == sizeof(struct rules_end), "copied as it is");

/* What the walk needs of a rule, 16 bytes. */
struct rules_quick {
    uint32_t tests; /* first word in quick_code */
    uint16_t words; /* of tests */
    uint16_t number;
    uint32_t id;
    uint8_t action; /* the opcode, when ACCEPT, DENY or CHECK_STATE is all there is; else 0 */
    uint8_t pad[3];
};

struct rules_image {
    uint32_t generation; /* never 0 */
    uint32_t rule_count;
    uint32_t set_disable;
    uint32_t pattern_count;
    const struct nv_rules_rule *rules; /* in the copy of the program */
    const uint32_t *code;
    const struct nv_rules_pattern *patterns;
    const char *strings;
    uint32_t string_bytes;

    struct rules_quick *quick;  /* by rule */
    const uint32_t *quick_code; /* the tests; with an index only those that it leaves open */
    uint32_t *left_code;        /* where they are then */

    uint32_t *slot;         /* rule index -> slot of its id (slots.h) */
    uint32_t *rule_of_slot; /* slot -> rule index or IMAGE_NO_RULE */
    uint32_t slot_count;
    uint32_t *first_at;   /* number (0..65536) -> index of the first rule with at least that number */
    uint32_t *jump;       /* rule index -> index its SKIPTO or CALL goes to */
    uint32_t *next_probe; /* rule index -> first enabled rule from there on that looks for states; NULL: none does */
    uint8_t *via;         /* pattern * (NV_RULES_MAX_INTERFACES + 1) + interface -> 0, 1 or IMAGE_VIA_TABLE */
    bool has_states, one_name;
    uint32_t state_name; /* that name */
    uint32_t first_look; /* with one name: the first rule that looks for states before it asks anything; else NO_RULE */
    bool shared;         /* it has rules that need the shared lock: states, nat, reass, divert */
    uint8_t admits;      /* enum image_admits */

    struct rules_index *index; /* NULL: evaluate linearly */
    struct rules_count *base;  /* counts of earlier programs and closed workers; under the engine's lock */
    struct rules_line *lines[RULES_MAX_WORKERS]; /* atomic; the counts in them written by their worker alone */
    uint64_t *maps[RULES_MAX_WORKERS];           /* a bit a rule, zero between packets */
    uint64_t *log_count;                         /* log records of each rule so far; atomic */

    void *program; /* the copy */
    size_t size;
};

/* The instruction at word `at` of the code. */
static inline const struct nv_rules_insn *image_insn(const struct rules_image *image, uint32_t at)
{
    return (const struct nv_rules_insn *)(const void *)(image->code + at);
}

static inline const uint32_t *insn_words(const struct nv_rules_insn *insn)
{
    return (const uint32_t *)(const void *)(insn + 1);
}

static inline const struct nv_rules_insn *insn_next(const struct nv_rules_insn *insn)
{
    return (const struct nv_rules_insn *)(const void *)((const uint32_t *)(const void *)insn + insn->words);
}

static inline const struct nv_rules_insn *rule_tests(const struct rules_image *image, uint32_t rule)
{
    return image_insn(image, image->rules[rule].code);
}

static inline const struct nv_rules_insn *rule_actions(const struct rules_image *image, uint32_t rule)
{
    return image_insn(image, image->rules[rule].code + image->rules[rule].test_words);
}

static inline const struct nv_rules_insn *rule_end(const struct rules_image *image, uint32_t rule)
{
    const struct nv_rules_rule *r = &image->rules[rule];
    return image_insn(image, r->code + r->test_words + r->action_words);
}

static inline bool rule_enabled(const struct rules_image *image, uint32_t rule)
{
    return !(image->set_disable >> image->rules[rule].set & 1);
}

/* Check a program's layout and meaning (verify.c). 0, or -errno with *err naming the rule. */
int rules_verify(struct nv_rules *engine, const void *program, size_t size, struct nv_error *err);

/* Make an image of a program (image.c): checks it, resolves it, builds the index. */
int rules_image_make(struct nv_rules *engine, const void *program, size_t size, struct rules_image **out,
                     struct nv_error *err);
void rules_image_free(struct rules_image *image);

/*
 * Of which packets nobody asked that a firewall look at them: of all, when there are no rules or such that only send to
 * links and look at no header for it, and the last one lets pass; or of those for which the firewall is off (admit.c).
 */
enum image_admits { ADMIT_IP4 = 1, ADMIT_IP6 = 2, ADMIT_ALL = 7 };
uint8_t rules_admits(const struct rules_image *image);

/* May a packet that is not to be looked at (rules_drops) be one of them? family: 4, 6 or 0. */
static inline bool image_admits(const struct rules_image *image, unsigned family)
{
    return image->admits & (family == 4 ? ADMIT_IP4 : family == 6 ? ADMIT_IP6 : 4);
}

/* Lines and a map for one more worker. 0 or -ENOMEM. */
int rules_image_worker(struct rules_image *image, uint32_t worker);

/* Lines with counters at zero; NULL: no memory. */
struct rules_line *rules_image_lines(const struct rules_image *image);

/* Index of the rule number/id, or of the first one behind where it would be. */
uint32_t rules_image_find(const struct rules_image *image, uint32_t number, uint32_t id);

#endif
