/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tsan_rules_test.c - programs, tables and counters are changed by one thread while others classify: each packet is
 * counted once by the rule that its verdict names, in one program or the other. Also run under the thread sanitizer.
 */
#include <pthread.h>

#include "check.h"
#include "rules_build.h"

enum { WORKERS = 2, BATCHES = 1500, BATCH = 48, FRAME = 60, CHANGES_AT_LEAST = 20, RULES = 40 };

struct seat {
    struct nv_rules_worker *worker;
    uint64_t by_rule[65536];
    uint64_t sent, halves;
};

static struct nv_rules *rules;
static struct seat seats[WORKERS];
static uint32_t running; /* atomic: workers that still classify */

/* Rules 10, 20, ... with some of their ids in every program; odd ones have rules in between, and states. */
static void load(uint32_t turn)
{
    struct nv_error err = {0};
    struct build b = {0};
    size_t size;
    for (uint32_t i = 1; i <= RULES; i++) {
        if (i % 3 == 0 && turn % 2)
            continue;
        b.next_id = i - 1;
        build_rule(&b, i * 10, 31);
        if (i == 7) {
            const struct nv_rules_lookup lookup = {.key = NV_KEY_SRC_IP};
            build_insn(&b, NV_OP_LOOKUP, 0, 1, &lookup, 8);
        } else if (i == RULES && turn % 4 == 0) {
            build_op(&b, NV_OP_PROBE_STATE, 0, 0);
            build_op(&b, NV_OP_KEEP_STATE, 0, 0);
        } else {
            build_ip(&b, NV_OP_SRC_IP, 0, 0x0a000000 + i * 256, 24);
        }
        build_op(&b, NV_OP_ACCEPT, 0, 0);
    }
    const void *program = build_done(&b, true, &size);
    CHECK(nv_rules_load(rules, program, size, &err) == 0, "%s", err.message);
    build_free(&b);
}

static void fill_table(uint32_t turn)
{
    struct {
        struct nv_rules_update head;
        struct nv_rules_entry entries[2];
    } update = {.head = {.magic = NV_RULES_TABLE_MAGIC, .version = NV_RULES_VERSION, .table = 1, .count = 2}};
    struct nv_error err = {0};
    update.head.flags = turn % 3 == 0 ? NV_UPDATE_REPLACE : 0;
    for (unsigned i = 0; i < 2; i++) { /* both or none: a batch sees 11.0.0.0/24 and 11.0.1.0/24 alike */
        struct nv_rules_entry *e = &update.entries[i];
        *e = (struct nv_rules_entry){.family = 4, .prefix = 24};
        e->op = update.head.flags ? NV_ENTRY_ADD : NV_ENTRY_SET;
        packet_put32(e->key, 0x0b000000 + i * 256);
        e->value.tag = turn;
    }
    CHECK(nv_rules_table_update(rules, &update, sizeof(update), NULL, &err) == 0, "%s", err.message);
}

static void *classify(void *arg)
{
    struct seat *seat = arg;
    struct dice d = {88172645463325252u + (uint64_t)(seat - seats)};
    uint8_t frames[BATCH][64];
    struct nv_rules_packet packets[BATCH];
    struct nv_rules_verdict verdicts[BATCH];
    for (uint32_t round = 0; round < BATCHES; round++) {
        memset(packets, 0, sizeof(packets));
        for (unsigned i = 0; i < BATCH; i++) {
            uint32_t src = dice(&d, 4) ? 0x0a000000 + dice(&d, 45) * 256 + dice(&d, 256) : 0x0b000000 + dice(&d, 512);
            packet_ip4(frames[i], FRAME, src, 0xc0a80001, 17, 1000 + dice(&d, 8), 53);
            packets[i] = (struct nv_rules_packet){
                .data = frames[i], .length = FRAME, .layer = 2, .time_ns = 1000000000ull + round * 1000000ull};
        }
        nv_rules_classify(seat->worker, packets, BATCH, verdicts);
        for (unsigned i = 0; i < BATCH; i++) {
            seat->by_rule[verdicts[i].rule]++;
            seat->sent++;
            seat->halves += verdicts[i].resume.generation != verdicts[0].resume.generation;
        }
        if (round % 64 == 0)
            nv_rules_tick(seat->worker, packets[0].time_ns);
    }
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void replaced_under_load(void)
{
    struct nv_error err = {0};
    struct nv_rules_params params = nv_rules_default_params();
    pthread_t threads[WORKERS];
    uint32_t turn = 0;

    CHECK(nv_rules_create(&params, &rules, &err) == 0, "%s", err.message);
    CHECK(nv_rules_table_create(rules, 1, NV_TABLE_ADDR, 0, 0, &err) == 0, "%s", err.message);
    load(0);
    running = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++) {
        CHECK(nv_rules_worker_open(rules, NULL, &seats[i].worker, &err) == 0, "%s", err.message);
        pthread_create(&threads[i], NULL, classify, &seats[i]);
    }
    /* rules of one program only lose their counts with it: keep to those that are in all for the sums below */
    uint64_t gone[65536] = {0};
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) || turn < CHANGES_AT_LEAST) {
        struct nv_rules_counter counters[2 * RULES];
        turn++;
        load(turn);
        fill_table(turn);
        uint32_t count = nv_rules_counters(rules, counters, 2 * RULES);
        CHECK(count <= 2 * RULES, "%u rules", count);
        if (turn % 5 == 0) {
            params.dyn_udp_lifetime = 5 + turn % 7;
            CHECK(nv_rules_set_params(rules, &params, &err) == 0, "%s", err.message);
        }
    }
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    load(0);
    struct nv_rules_counter counters[2 * RULES];
    uint32_t count = nv_rules_counters(rules, counters, 2 * RULES);
    uint64_t sent = 0, by_rule = 0;
    for (unsigned w = 0; w < WORKERS; w++) {
        sent += seats[w].sent;
        CHECK(seats[w].halves == 0, "%llu batches saw two programs", (unsigned long long)seats[w].halves);
        for (unsigned n = 0; n < 65536; n++) {
            gone[n] += seats[w].by_rule[n];
            by_rule += seats[w].by_rule[n];
        }
    }
    CHECK(sent == (uint64_t)WORKERS * BATCHES * BATCH && by_rule == sent, "%llu of %llu packets have a verdict",
          (unsigned long long)by_rule, (unsigned long long)sent);
    for (uint32_t i = 0; i < count; i++) {
        unsigned number = counters[i].number;
        if (number / 10 % 3 == 0 && number != NV_RULES_DEFAULT_RULE)
            continue;
        CHECK(counters[i].packets == gone[number], "rule %u counted %llu packets, verdicts say %llu", number,
              (unsigned long long)counters[i].packets, (unsigned long long)gone[number]);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        nv_rules_worker_close(seats[i].worker);
    nv_rules_destroy(rules);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"rules: replaced while others classify", replaced_under_load}};
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
