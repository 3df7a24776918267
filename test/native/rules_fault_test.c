/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_fault_test.c - what goes wrong, each with its documented outcome (docs/rules.md): things deleted while in use,
 * jumps to nowhere, call loops, tables and states at their limit, no memory, chosen packets against the hash.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "rules/state_find.h"
#include "rules_build.h"

enum { FRAME = 60 };

static struct nv_rules *rules;
static struct nv_rules_worker *worker;
static struct nv_error err;
static uint64_t now = 1000000000;

static void begin(uint32_t dyn_max)
{
    struct nv_rules_params params = nv_rules_default_params();
    params.dyn_max = dyn_max;
    CHECK(nv_rules_create(&params, &rules, &err) == 0, "%s", err.message);
    CHECK(nv_rules_worker_open(rules, NULL, &worker, &err) == 0, "%s", err.message);
}

static void end(void)
{
    nv_rules_worker_close(worker);
    nv_rules_destroy(rules);
}

static int load(struct build *b, bool accept)
{
    size_t size;
    const void *program = build_done(b, accept, &size);
    int result = nv_rules_load(rules, program, size, &err);
    build_free(b);
    return result;
}

static struct nv_rules_verdict send_one(uint32_t src, unsigned sport)
{
    uint8_t frame[64];
    struct nv_rules_packet packet = {.data = frame, .length = FRAME, .layer = 2, .time_ns = now};
    struct nv_rules_verdict verdict;
    packet_ip4(frame, FRAME, src, 0xc0a80001, 17, sport, 53);
    nv_rules_classify(worker, &packet, 1, &verdict);
    return verdict;
}

static int set_entries(uint32_t table, uint32_t first, uint32_t count, uint32_t *bad)
{
    size_t size = sizeof(struct nv_rules_update) + count * sizeof(struct nv_rules_entry);
    struct nv_rules_update *update = calloc(1, size);
    struct nv_rules_entry *entries = (void *)(update + 1);
    *update = (struct nv_rules_update){NV_RULES_TABLE_MAGIC, NV_RULES_VERSION, table, 0, count, {0}};
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (struct nv_rules_entry){.op = NV_ENTRY_ADD, .family = 4, .prefix = 32};
        packet_put32(entries[i].key, first + i);
    }
    int result = nv_rules_table_update(rules, update, size, bad, &err);
    free(update);
    return result;
}

static void in_use(void)
{
    const struct nv_rules_lookup lookup = {.key = NV_KEY_SRC_IP};
    struct build b = {0};
    begin(64);
    build_rule(&b, 10, 31);
    build_insn(&b, NV_OP_LOOKUP, 0, 1, &lookup, 8);
    build_op(&b, NV_OP_DENY, 0, 0);
    CHECK(load(&b, true) == -ENOENT, "a program with a table that is not there");
    CHECK(send_one(0x0a000001, 1).rule == NV_RULES_DEFAULT_RULE, "the running program was touched");
    CHECK(nv_rules_table_create(rules, 1, NV_TABLE_ADDR, 0, 0, &err) == 0, "%s", err.message);
    build_rule(&b, 10, 31);
    build_insn(&b, NV_OP_LOOKUP, 0, 1, &lookup, 8);
    build_op(&b, NV_OP_DENY, 0, 0);
    CHECK(load(&b, true) == 0, "%s", err.message);
    CHECK(nv_rules_table_destroy(rules, 1, &err) == -EBUSY, "a table in use was destroyed");
    CHECK(nv_rules_table_create(rules, 1, NV_TABLE_ADDR, 0, 0, &err) == -EEXIST, "made twice");
    CHECK(nv_rules_nat_delete(rules, 5, &err) == -ENOENT, "a nat that is not there");
    end();
}

static void table_limit(void)
{
    uint32_t bad = 99;
    begin(64);
    CHECK(nv_rules_table_create(rules, 1, NV_TABLE_ADDR, 0, 10, &err) == 0, "%s", err.message);
    CHECK(set_entries(1, 0x0a000000, 8, &bad) == 0, "%s", err.message);
    CHECK(set_entries(1, 0x0b000000, 3, &bad) < 0 && bad == 2, "bad entry %u: %s", bad, err.message);
    CHECK(nv_rules_table_count(rules, 1) == 8, "%lld entries", (long long)nv_rules_table_count(rules, 1));
    CHECK(set_entries(1, 0x0b000000, 2, &bad) == 0, "%s", err.message);
    CHECK(set_entries(1, 0x0a000007, 1, &bad) == -EEXIST && bad == 0, "an entry that is there");
    end();
}

static void jumps(void)
{
    struct build b = {0};
    begin(64);
    build_rule(&b, 10, 31); /* to nowhere: the first rule behind that number */
    build_op(&b, NV_OP_SKIPTO, 0, 30000);
    build_rule(&b, 20, 31);
    build_op(&b, NV_OP_DENY, 0, 0);
    CHECK(load(&b, true) == 0, "%s", err.message);
    CHECK(send_one(0x0a000001, 1).rule == NV_RULES_DEFAULT_RULE, "skipto beyond the last rule is the default rule");

    build_rule(&b, 10, 31); /* backwards: ipfw goes on with the next number */
    build_op(&b, NV_OP_COUNT, 0, 0);
    build_rule(&b, 20, 31);
    build_op(&b, NV_OP_SKIPTO, 0, 10);
    build_rule(&b, 30, 31);
    build_op(&b, NV_OP_DENY, 0, 0);
    CHECK(load(&b, true) == 0, "%s", err.message);
    CHECK(send_one(0x0a000001, 1).rule == 30, "skipto backwards goes forward");

    build_rule(&b, 10, 31); /* round and round: the call stack ends it */
    build_op(&b, NV_OP_CALL, 0, 10);
    build_rule(&b, 20, 31);
    build_op(&b, NV_OP_DENY, 0, 0);
    CHECK(load(&b, true) == 0, "%s", err.message);
    struct nv_rules_verdict v = send_one(0x0a000001, 1);
    CHECK(v.rule == 20 && v.reason == NV_RULES_WHY_BY_RULE, "a full call stack goes on: rule %u", v.rule);

    build_rule(&b, 10, 31); /* a loop that pops what it pushes */
    build_op(&b, NV_OP_CALL, 0, 20);
    build_rule(&b, 15, 31);
    build_op(&b, NV_OP_CALL, 0, 5);
    build_rule(&b, 20, 31);
    build_op(&b, NV_OP_RETURN, 0, 0);
    build_rule(&b, 30, 31);
    build_op(&b, NV_OP_ACCEPT, 0, 0);
    CHECK(load(&b, false) == 0, "%s", err.message);
    v = send_one(0x0a000001, 1);
    CHECK(v.action == NV_RULES_PASS || v.reason == NV_RULES_WHY_LOOP, "%s by rule %u", nv_rules_action_name(v.action),
          v.rule);

    for (unsigned calls = 2; calls <= 3; calls++) { /* at each level of the call stack: 2^16 ends, 3^16 ends */
        for (unsigned i = 1; i <= calls; i++) {
            build_rule(&b, 10 * i, 31);
            build_op(&b, NV_OP_CALL, 0, 10);
        }
        build_rule(&b, 50, 31);
        build_op(&b, NV_OP_RETURN, 0, 0);
        build_rule(&b, 60, 31);
        build_op(&b, NV_OP_DENY, 0, 0);
        CHECK(load(&b, false) == 0, "%s", err.message);
        v = send_one(0x0a000001, 1);
        if (calls == 2)
            CHECK(v.rule == 60 && v.reason == NV_RULES_WHY_BY_RULE, "many calls are no loop: rule %u", v.rule);
        else
            CHECK(v.reason == NV_RULES_WHY_LOOP, "too many calls: rule %u", v.rule);
    }
    end();
}

static void keep_state(struct build *b, unsigned opcode, uint32_t limit)
{
    build_rule(b, 10, 31);
    build_op(b, NV_OP_PROBE_STATE, 0, 0);
    build_op(b, NV_OP_PROTO, 0, 17);
    if (opcode == NV_OP_LIMIT)
        build_insn(b, NV_OP_LIMIT, 0, 0, (uint32_t[]){1, limit}, 2);
    else
        build_op(b, NV_OP_KEEP_STATE, 0, 0);
    build_op(b, NV_OP_ACCEPT, 0, 0);
}

static void states_at_their_limit(void)
{
    struct build b = {0};
    begin(100);
    keep_state(&b, NV_OP_KEEP_STATE, 0);
    CHECK(load(&b, true) == 0, "%s", err.message);
    for (unsigned i = 0; i < 100; i++)
        CHECK(send_one(0x0a000000 + i, 1000).action == NV_RULES_PASS, "state %u", i);
    struct nv_rules_verdict v = send_one(0x0a000100, 1000);
    CHECK(v.action == NV_RULES_DENY && v.reason == NV_RULES_WHY_DYN_MAX && v.rule == 10, "%s",
          nv_rules_reason_name(v.reason));
    CHECK(send_one(0x0a000005, 1000).action == NV_RULES_PASS, "those that have a state go on");
    now += 11000000000; /* dyn_udp_lifetime */
    CHECK(send_one(0x0a000100, 1000).action == NV_RULES_PASS, "expired states make room");
    keep_state(&b, NV_OP_LIMIT, 3);
    CHECK(load(&b, true) == 0, "%s", err.message);
    for (unsigned i = 0; i < 5; i++) {
        v = send_one(0x0b000001, 2000 + i);
        CHECK(v.action == (i < 3 ? NV_RULES_PASS : NV_RULES_DENY), "limit: packet %u", i);
    }
    CHECK(v.reason == NV_RULES_WHY_LIMIT, "%s", nv_rules_reason_name(v.reason));
    end();
}

/* A million states one by one: each splits one bucket at most, so there is no moment at which all are moved. */
static void grows_without_a_pause(void)
{
    enum { STATES = 1000000, LONGEST = 16 };
    struct build b = {0};
    uint32_t most = 0, longest = 0;
    begin(2 * STATES);
    keep_state(&b, NV_OP_KEEP_STATE, 0);
    CHECK(load(&b, true) == 0, "%s", err.message);
    const struct rules_states *states = rules->states;
    for (uint32_t i = 0; i < STATES; i++) {
        uint32_t before = states->buckets;
        send_one(0x0a000000 + i, 1000 + i % 60000);
        most = states->buckets - before > most ? states->buckets - before : most;
    }
    CHECK(nv_rules_state_count(rules) == STATES, "%u states", nv_rules_state_count(rules));
    CHECK(most == 1, "a packet split %u buckets", most);
    for (uint32_t bucket = 0; bucket < states->buckets; bucket++) {
        uint32_t length = 0;
        for (uint32_t n = states->heads[bucket]; n; n = state_at(states, n)->next)
            length++;
        longest = length > longest ? length : longest;
    }
    CHECK(longest <= LONGEST, "%u states in one bucket", longest);
    end();
}

/* Flows that somebody chose to fall into one bucket of one engine are spread over those of another. */
static void keyed_hash(void)
{
    enum { CHOSEN = 64, BUCKETS = 1024, MOST = 8 };
    uint32_t in_bucket[BUCKETS] = {0}, chosen = 0, most = 0;
    struct nv_rules *other;
    begin(4096);
    CHECK(nv_rules_create(NULL, &other, &err) == 0, "%s", err.message);
    for (uint32_t i = 0; chosen < CHOSEN; i++) {
        uint32_t ports = (1024 + i % 60000) << 16 | 53, src = 0x0a000000 + i;
        if (state_hash4(&rules->secret, src, 0xc0a80001, ports, 17) % BUCKETS != 0)
            continue;
        uint32_t *count = &in_bucket[state_hash4(&other->secret, src, 0xc0a80001, ports, 17) % BUCKETS];
        most = ++*count > most ? *count : most;
        chosen++;
    }
    CHECK(most <= MOST, "%u of %u chosen flows fall into one bucket of an engine with another key", most, CHOSEN);
    nv_rules_destroy(other);
    end();
}

/* In a child whose address space may not grow: every call says -ENOMEM or succeeds, and packets go on. */
static int starve(void)
{
    struct build b = {0};
    uint32_t bad, done = 0;
    int result = 0;
    size_t size;
    begin(1 << 20);
    CHECK(nv_rules_table_create(rules, 1, NV_TABLE_ADDR, 0, 0, &err) == 0, "%s", err.message);
    keep_state(&b, NV_OP_KEEP_STATE, 0);
    CHECK(load(&b, true) == 0, "%s", err.message);
    for (uint32_t i = 1; i <= 20000; i++) {
        build_rule(&b, i, 31);
        build_ip(&b, NV_OP_SRC_IP, 0, i << 12, 20);
        build_ip(&b, NV_OP_DST_IP, 0, i << 11, 21);
        build_op(&b, NV_OP_DENY, 0, 0);
    }
    const void *large = build_done(&b, true, &size);
    struct rlimit limit = {0, 0};
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%ld", &pages) != 1)
        return 2;
    fclose(statm);
    limit.rlim_cur = limit.rlim_max = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (24u << 20);
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    for (; result == 0 && done < 200; done++)
        result = set_entries(1, 0x0c000000 + done * 4096, 4096, &bad);
    CHECK(result == -ENOMEM && strstr(err.message, "memory"), "%d after %u: %s", result, done, err.message);
    CHECK(nv_rules_table_count(rules, 1) == (int64_t)(done - 1) * 4096, "all of an update or nothing");
    CHECK(nv_rules_load(rules, large, size, &err) == -ENOMEM, "there is memory for a large program: %s", err.message);
    build_free(&b);
    CHECK(send_one(0x0a000001, 1).rule == 10, "the running program is untouched");
    return check_failed;
}

static void no_memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return; /* sanitizers reserve address space of their own */
#endif
    pid_t child = fork();
    if (child == 0)
        _exit(starve());
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"faults: in use", in_use},
        {"faults: table limit", table_limit},
        {"faults: jumps", jumps},
        {"faults: states at their limit", states_at_their_limit},
        {"faults: states grow without a pause", grows_without_a_pause},
        {"faults: keyed hash", keyed_hash},
        {"faults: no memory", no_memory},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
