/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_work.h - rule programs, and packets of 60 bytes for them, whose verdicts are known from linear evaluation.
 *
 * Programs of 100 rules and more have random prefixes, ports and protocols; 65,536 flows fall on all rules alike,
 * in random order. No verdict is remembered from one packet to the next.
 */
#ifndef NETVALE_BENCH_RULES_WORK_H
#define NETVALE_BENCH_RULES_WORK_H

#include "bench.h"

#include "../native/rules_build.h"

enum { FLOWS = 65536, STATE_FLOWS = 1000000, FRAME = 60, STRIDE = 64, BATCH = 128 };

struct work {
    struct nv_rules *rules[2]; /* by index, linear */
    struct nv_rules_worker *workers[2];
    uint8_t *frames;
    uint16_t *expected; /* rule number of each frame, as linear evaluation has it */
    uint32_t flows;
    uint32_t next;
    uint64_t now;
    void *program; /* as it was loaded */
    size_t size;
};

static struct dice d;
static struct nv_error err;

static inline void must(int result)
{
    if (result < 0)
        bench_fail("%s", err.message);
}

static inline struct work *new_work(uint32_t flows)
{
    struct work *w = calloc(1, sizeof(*w));
    struct nv_rules_params params = nv_rules_default_params();
    d.state = 88172645463325252u;
    params.seed = 1;
    params.dyn_max = 2 * STATE_FLOWS;
    for (unsigned linear = 0; linear < 2; linear++) {
        params.linear = linear;
        must(nv_rules_create(&params, &w->rules[linear], &err));
        must(nv_rules_worker_open(w->rules[linear], NULL, &w->workers[linear], &err));
        must(nv_rules_interface(w->rules[linear], "em0", &err));
    }
    w->flows = flows;
    w->frames = aligned_alloc(64, (size_t)flows * STRIDE);
    w->expected = calloc(flows, sizeof(*w->expected));
    w->now = 1000000000;
    if (!w->frames || !w->expected)
        bench_fail("no memory for %u flows", flows);
    return w;
}

static inline void load(struct work *w, struct build *b)
{
    size_t size;
    const void *program = build_done(b, true, &size);
    for (unsigned linear = 0; linear < 2; linear++)
        must(nv_rules_load(w->rules[linear], program, size, &err));
    w->program = malloc(size);
    if (!w->program)
        bench_fail("no memory for a program of %zu bytes", size);
    memcpy(w->program, program, w->size = size);
    build_free(b);
}

/* Classify the next batch of frames; true if all verdicts are as expected (or are to be noted). */
static inline bool batch(struct work *w, unsigned linear, bool note)
{
    static struct nv_rules_packet packets[BATCH];
    static struct nv_rules_verdict verdicts[BATCH];
    uint32_t first = w->next, count = w->flows - first < BATCH ? w->flows - first : BATCH;
    bool right = true;

    w->next = first + count == w->flows ? 0 : first + count;
    for (uint32_t i = 0; i < count; i++) {
        struct nv_rules_packet *p = &packets[i];
        p->data = w->frames + (size_t)(first + i) * STRIDE;
        p->length = FRAME;
        p->in_if = 1;
        p->out_if = 0;
        p->time_ns = w->now;
        p->direction = NV_RULES_IN;
        p->layer = 2;
        p->flags = p->tag_count = p->call_depth = 0;
        p->fib = 0;
        p->resume = (struct nv_rules_resume){0};
    }
    nv_rules_classify(w->workers[linear], packets, count, verdicts);
    for (uint32_t i = 0; i < count; i++) {
        if (note)
            w->expected[first + i] = verdicts[i].rule;
        right &= w->expected[first + i] == verdicts[i].rule;
    }
    return right;
}

/* Note what linear evaluation says of each flow. */
static inline struct work *note(struct work *w)
{
    do
        batch(w, 1, true);
    while (w->next);
    return w;
}

/* ---- programs ---------------------------------------------------------------------------------- */

static inline uint32_t random_address(void)
{
    return 0x01000000 + dice(&d, 0xdf000000u - 0x01000000u);
}

/* One, or nine that match nothing of ours and one that matches all. */
static inline struct work *few_rules(unsigned count)
{
    struct work *w = new_work(FLOWS);
    struct build b = {0};
    for (unsigned i = 1; i <= count; i++) {
        build_rule(&b, i * 100, 31);
        if (i < count) {
            build_ip(&b, NV_OP_SRC_IP, 0, 0x0a000000 + i * 256, 24);
            build_op(&b, NV_OP_PROTO, 0, 6);
            build_range(&b, NV_OP_DST_PORT, 0, i * 10, i * 10 + 5);
        }
        build_op(&b, NV_OP_ACCEPT, 0, 0);
    }
    for (uint32_t i = 0; i < FLOWS; i++)
        packet_ip4(w->frames + (size_t)i * STRIDE, FRAME, 0x0b000000 + i, 0xc0a80000 + i, 17, 1024 + i % 60000, 53);
    load(w, &b);
    return note(w);
}

struct random_rule {
    uint32_t src, dst, src_length, dst_length, low, high, proto;
};

/* Random rules, keep: with states; each flow is made for one rule (an earlier one may take it). */
static inline struct work *random_rules(unsigned count, bool keep)
{
    struct work *w = new_work(FLOWS);
    struct build b = {0};
    struct random_rule *rules = calloc(count, sizeof(*rules));
    for (unsigned i = 0; i < count; i++) {
        struct random_rule *r = &rules[i];
        *r = (struct random_rule){random_address(),    random_address(), 12 + dice(&d, 21),
                                  12 + dice(&d, 21),   dice(&d, 65536),  0,
                                  dice(&d, 2) ? 6 : 17};
        r->high = r->low + dice(&d, 65536 - r->low);
        if (dice(&d, 3) == 0)
            r->src_length = 0; /* from any */
        else if (dice(&d, 3) == 0)
            r->dst_length = 0; /* to any */
        build_rule(&b, 1 + i * (60000 / count), 31);
        if (keep)
            build_op(&b, NV_OP_PROBE_STATE, 0, 0);
        build_op(&b, NV_OP_PROTO, 0, r->proto);
        if (r->src_length)
            build_ip(&b, NV_OP_SRC_IP, 0, r->src, r->src_length);
        if (r->dst_length)
            build_ip(&b, NV_OP_DST_IP, 0, r->dst, r->dst_length);
        build_range(&b, NV_OP_DST_PORT, 0, r->low, r->high);
        if (keep)
            build_op(&b, NV_OP_KEEP_STATE, 0, 0);
        build_op(&b, i % 2 ? NV_OP_ACCEPT : NV_OP_DENY, 0, 0);
    }
    for (uint32_t i = 0; i < FLOWS; i++) {
        const struct random_rule *r = &rules[dice(&d, count)];
        uint32_t src = r->src_length ? r->src ^ (uint32_t)((dice_roll(&d) >> 32) & ~(~0ull << (32 - r->src_length)))
                                     : random_address();
        uint32_t dst = r->dst_length ? r->dst ^ (uint32_t)((dice_roll(&d) >> 32) & ~(~0ull << (32 - r->dst_length)))
                                     : random_address();
        packet_ip4(w->frames + (size_t)i * STRIDE, FRAME, src, dst, r->proto, 1024 + dice(&d, 60000),
                   r->low + dice(&d, r->high - r->low + 1));
    }
    free(rules);
    load(w, &b);
    return note(w);
}

static inline struct work *many_rules(unsigned count)
{
    return random_rules(count, false);
}

static inline struct work *many_keeping(unsigned count)
{
    return random_rules(count, true);
}

/* deny from table(1), 1000 flows, half of them from prefixes in it. */
static inline struct work *table(uint32_t prefixes)
{
    enum { TABLE_FLOWS = 1000 };
    struct work *w = new_work(TABLE_FLOWS);
    struct build b = {0};
    size_t size = sizeof(struct nv_rules_update) + prefixes * sizeof(struct nv_rules_entry);
    struct nv_rules_update *update = calloc(1, size);
    struct nv_rules_entry *entries = (void *)(update + 1);
    *update = (struct nv_rules_update){NV_RULES_TABLE_MAGIC, NV_RULES_VERSION, 1, 0, prefixes, {0}};
    for (uint32_t i = 0; i < prefixes; i++) {
        entries[i] = (struct nv_rules_entry){.op = NV_ENTRY_SET, .family = 4, .prefix = (uint8_t)(16 + dice(&d, 17))};
        packet_put32(entries[i].key, random_address());
    }
    for (unsigned linear = 0; linear < 2; linear++) {
        must(nv_rules_table_create(w->rules[linear], 1, NV_TABLE_ADDR, 0, 0, &err));
        must(nv_rules_table_update(w->rules[linear], update, size, NULL, &err));
    }
    const struct nv_rules_lookup lookup = {.key = NV_KEY_SRC_IP};
    build_rule(&b, 100, 31);
    build_insn(&b, NV_OP_LOOKUP, 0, 1, &lookup, 8);
    build_op(&b, NV_OP_DENY, 0, 0);
    build_rule(&b, 200, 31);
    build_op(&b, NV_OP_ACCEPT, 0, 0);
    for (uint32_t i = 0; i < TABLE_FLOWS; i++) {
        uint32_t src = random_address();
        if (i % 2)
            src = (uint32_t)entries[dice(&d, prefixes)].key[0] << 24 | dice(&d, 1 << 24);
        packet_ip4(w->frames + (size_t)i * STRIDE, FRAME, src, 0xc0a80001, 17, 1024, 53);
    }
    free(update);
    load(w, &b);
    return note(w);
}

/* check-state; allow udp keep-state; all flows have their state. Few flows come again and again in whole batches. */
static inline struct work *states(uint32_t flows)
{
    enum { FRAMES = 1024 };
    uint32_t frames = flows < FRAMES ? FRAMES : flows;
    struct work *w = new_work(frames);
    struct build b = {0};
    build_rule(&b, 100, 31);
    build_op(&b, NV_OP_CHECK_STATE, 0, 0);
    build_rule(&b, 200, 31);
    build_op(&b, NV_OP_PROBE_STATE, 0, 0);
    build_op(&b, NV_OP_PROTO, 0, 17);
    build_op(&b, NV_OP_KEEP_STATE, 0, 0);
    build_op(&b, NV_OP_ACCEPT, 0, 0);
    build_rule(&b, 300, 31);
    build_op(&b, NV_OP_DENY, 0, 0);
    uint32_t *order = malloc(flows * sizeof(*order));
    for (uint32_t i = 0; i < flows; i++) {
        uint32_t j = dice(&d, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (uint32_t i = 0; i < frames; i++) {
        uint32_t flow = order[i % flows];
        packet_ip4(w->frames + (size_t)i * STRIDE, FRAME, 0x0a000000 + flow % 65536, 0xc0a80000 + flow / 65536, 17,
                   1024 + flow % 60000, 53);
    }
    free(order);
    load(w, &b);
    return note(w);
}

struct kind {
    struct work *(*make)(uint32_t size);
    uint32_t size;
};

/* The work of a case, made when it is first asked for; that of other cases goes. */
static inline struct work *work_of(const struct kind *kind)
{
    static const struct kind *current;
    static struct work *work;
    if (kind == current)
        return work;
    if (work) {
        for (unsigned i = 0; i < 2; i++) {
            nv_rules_worker_close(work->workers[i]);
            nv_rules_destroy(work->rules[i]);
        }
        free(work->program);
        free(work->frames);
        free(work->expected);
        free(work);
    }
    current = kind;
    return work = kind->make(kind->size);
}

#endif
