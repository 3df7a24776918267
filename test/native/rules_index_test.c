/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_index_test.c - random programs and packets: the index, in batches, against plain linear evaluation of packet
 * after packet, verdict by verdict and counter by counter; and every packet is counted by exactly one last rule.
 */
#include "check.h"
#include "rules_build.h"

#define TURN UINT64_C(100000000) /* ns from packet to packet */

enum { PACKETS = 400, FRAME = 128, BATCH = 130 };

static struct dice d = {88172645463325252u};

/* Few distinct values, so that rules and packets meet. */
static uint32_t some_address(void)
{
    static const uint32_t nets[] = {0x0a000000, 0x0a000100, 0x0a010000, 0xc0a80000, 0xc0a80100, 0xac100500, 0x01020300};
    return nets[dice(&d, 7)] + (dice(&d, 3) ? dice(&d, 8) : dice(&d, 256));
}

static uint32_t some_port(void)
{
    static const uint16_t ports[] = {0, 22, 53, 80, 443, 1024, 8080, 60000, 65535};
    return dice(&d, 4) ? ports[dice(&d, 9)] : dice(&d, 65536);
}

static void some_address6(uint8_t out[16])
{
    memset(out, 0, 16);
    out[0] = 0x20;
    out[1] = 1;
    out[7] = (uint8_t)dice(&d, 3);
    out[15] = (uint8_t)dice(&d, 6);
}

static void add_ip6(struct build *b, unsigned opcode, unsigned flags)
{
    static const uint8_t lengths[] = {0, 16, 64, 120, 127, 128};
    unsigned length = lengths[dice(&d, 6)];
    uint8_t both[32];
    some_address6(both);
    for (unsigned i = 0; i < 16; i++) {
        unsigned bits = length > i * 8 ? length - i * 8 : 0;
        both[16 + i] = (uint8_t)(bits >= 8 ? 255 : 255 << (8 - bits));
        both[i] &= both[16 + i];
    }
    build_insn(b, opcode, flags, 0, both, 8);
}

static void add_addresses(struct build *b, unsigned opcode, unsigned flags)
{
    uint32_t pairs[8];
    unsigned count = 1 + dice(&d, 4);
    for (unsigned i = 0; i < count; i++) {
        static const uint32_t masks[] = {~0u, ~0u << 1, ~0u << 8, ~0u << 16, ~0u << 24, 0, 0xff00ffff, 0x00ff00f0};
        pairs[2 * i + 1] = masks[dice(&d, 8)];
        pairs[2 * i] = some_address() & pairs[2 * i + 1];
    }
    build_insn(b, opcode, flags, 0, pairs, 2 * count);
}

static void add_ports(struct build *b, unsigned opcode, unsigned flags)
{
    uint32_t ranges[5];
    unsigned count = 1 + dice(&d, 5);
    for (unsigned i = 0; i < count; i++) {
        uint32_t low = some_port(), high = dice(&d, 2) ? low : low + dice(&d, 65536 - low);
        ranges[i] = low | high << 16;
    }
    build_insn(b, opcode, flags, 0, ranges, count);
}

static void add_set(struct build *b, unsigned opcode, unsigned flags)
{
    uint32_t words[9] = {1 + dice(&d, 256)};
    for (unsigned i = 1; i < 9; i++)
        words[i] = (uint32_t)dice_roll(&d);
    build_insn(b, opcode, flags, dice(&d, 8) ? some_address() & ~255u : 0xffffff80u, words, 1 + (words[0] + 31) / 32);
}

static void add_test(struct build *b, unsigned flags, unsigned patterns)
{
    static const uint8_t protocols[] = {1, 6, 17, 47, 58, 132};
    switch (dice(&d, 18)) {
    case 0:
    case 1:
        add_addresses(b, NV_OP_SRC_IP + dice(&d, 2), flags);
        break;
    case 2:
        add_set(b, NV_OP_SRC_IP_SET + dice(&d, 2), flags);
        break;
    case 3:
        add_ip6(b, NV_OP_SRC_IP6 + dice(&d, 2), flags);
        break;
    case 4:
    case 5:
        add_ports(b, NV_OP_SRC_PORT + dice(&d, 2), flags);
        break;
    case 6:
    case 7:
        build_op(b, NV_OP_PROTO, flags, protocols[dice(&d, 6)]);
        break;
    case 8:
        build_op(b, dice(&d, 2) ? NV_OP_IP4 : NV_OP_IP6, flags, 0);
        break;
    case 9:
        build_op(b, NV_OP_IN, flags, 0);
        break;
    case 10:
        build_op(b, NV_OP_RECV + dice(&d, 3), flags, dice(&d, patterns));
        break;
    case 11:
        build_op(b, dice(&d, 2) ? NV_OP_ESTABLISHED : NV_OP_LAYER2, flags, 0);
        break;
    case 12:
        build_op(b, NV_OP_TCPFLAGS, flags, 1u << dice(&d, 6) | 1u << (16 + dice(&d, 6)));
        break;
    case 13:
        build_range(b, dice(&d, 2) ? NV_OP_IPLEN : NV_OP_IPTTL, flags, dice(&d, 60), 60 + dice(&d, 100));
        break;
    case 14:
        build_op(b, NV_OP_ICMPTYPES, flags, (uint32_t)dice_roll(&d));
        break;
    case 15:
        build_op(b, dice(&d, 2) ? NV_OP_NEVER : NV_OP_ALWAYS, flags, 0);
        break;
    case 16:
        build_range(b, NV_OP_TAGGED, flags, 1, 1 + dice(&d, 4));
        break;
    default:
        build_range(b, NV_OP_MAC_TYPE, flags, 0x0800, 0x0800 + dice(&d, 0x8000));
        break;
    }
}

static void add_action(struct build *b, unsigned number)
{
    switch (dice(&d, 12)) {
    case 0:
    case 1:
    case 2:
        build_op(b, NV_OP_ACCEPT, 0, 0);
        break;
    case 3:
    case 4:
        build_op(b, NV_OP_DENY, 0, 0);
        break;
    case 5:
        build_op(b, NV_OP_SKIPTO, 0, number + 1 + dice(&d, 40));
        break;
    case 6:
        build_op(b, NV_OP_CALL, 0, 1 + dice(&d, 200));
        break;
    case 7:
        build_op(b, NV_OP_RETURN, 0, 0);
        break;
    case 8:
        build_op(b, dice(&d, 2) ? NV_OP_TAG : NV_OP_UNTAG, 0, 1 + dice(&d, 5));
        build_op(b, NV_OP_COUNT, 0, 0);
        break;
    case 9:
        build_op(b, NV_OP_PIPE, 0, 1 + dice(&d, 9));
        break;
    case 10:
        build_op(b, NV_OP_SETDSCP, 0, dice(&d, 64));
        break;
    default:
        build_op(b, NV_OP_COUNT, 0, 0);
        break;
    }
}

static unsigned add_patterns(struct build *b)
{
    build_pattern(b, NV_IFACE_NAME, build_string(b, "em0"));
    build_pattern(b, NV_IFACE_GLOB, build_string(b, "em*"));
    build_pattern(b, NV_IFACE_NAME, build_string(b, "igb1"));
    build_pattern(b, NV_IFACE_IP, 0x0a000001);
    return build_pattern(b, NV_IFACE_TABLE, 7) + 1;
}

/* states: with keep-state, limit and check-state rules. */
static void random_program(struct build *b, unsigned rules, bool states)
{
    unsigned patterns = add_patterns(b), number = 1;
    bool narrow = dice(&d, 2); /* mostly address rules, so that words of their own come about */
    for (unsigned i = 0; i < rules; i++, number += dice(&d, 3)) {
        build_rule(b, number, dice(&d, 5) ? 31 : dice(&d, 4));
        unsigned kind = states ? dice(&d, 6) : 9;
        if (kind == 0) {
            build_op(b, NV_OP_CHECK_STATE, 0, dice(&d, 3) ? dice(&d, 2) : NV_RULES_STATE_ANY);
            continue;
        }
        if (dice(&d, 8) == 0)
            build_op(b, NV_OP_PROB, 0, dice(&d, 2) ? 0 : INT32_MAX);
        uint32_t name = dice(&d, 2), limit[2] = {1 + dice(&d, 15), 1 + dice(&d, 4)};
        if (kind == 1 || kind == 2)
            build_op(b, NV_OP_PROBE_STATE, 0, name);
        unsigned tests = narrow ? 0 : dice(&d, 4);
        if (narrow)
            build_ip(b, NV_OP_SRC_IP + dice(&d, 2), 0, some_address(), 20 + dice(&d, 13));
        for (unsigned t = 0; t < tests; t++) {
            unsigned more = dice(&d, 4) ? 0 : dice(&d, 3);
            for (; more > 0; more--)
                add_test(b, NV_RULES_OR | (dice(&d, 3) ? 0 : NV_RULES_NOT), patterns);
            add_test(b, dice(&d, 3) ? 0 : NV_RULES_NOT, patterns);
        }
        if (kind == 1)
            build_op(b, NV_OP_KEEP_STATE, 0, name);
        if (kind == 2)
            build_insn(b, NV_OP_LIMIT, 0, name, limit, 2);
        add_action(b, number);
    }
    b->set_disable = dice(&d, 3) ? 0 : dice(&d, 16);
}

static uint32_t random_packet(uint8_t *frame)
{
    static const uint8_t protocols[] = {1, 6, 6, 17, 17, 47, 132};
    packet_ip4(frame, FRAME, some_address(), some_address(), protocols[dice(&d, 7)], some_port(), some_port());
    frame[14 + 8] = (uint8_t)dice(&d, 256);
    frame[14 + 33] = (uint8_t)dice(&d, 64);
    switch (dice(&d, 10)) {
    case 0: /* a later fragment */
        frame[14 + 7] = (uint8_t)(1 + dice(&d, 9));
        break;
    case 1: /* not IP */
        packet_put16(frame + 12, 0x0806);
        break;
    case 2:
    case 3: { /* IPv6 */
        static const uint8_t next[] = {6, 17, 58, 44, 0, 59};
        packet_put16(frame + 12, 0x86dd);
        memset(frame + 14, 0, FRAME - 14);
        frame[14] = 0x60;
        packet_put16(frame + 18, FRAME - 54);
        frame[20] = next[dice(&d, 6)];
        some_address6(frame + 22);
        some_address6(frame + 38);
        packet_put16(frame + 54, some_port());
        packet_put16(frame + 56, some_port());
        break;
    }
    case 4: /* rubbish */
        for (unsigned i = 14; i < FRAME; i++)
            frame[i] = (uint8_t)dice_roll(&d);
        frame[14] = dice(&d, 2) ? 0x45 : (uint8_t)(0x40 | dice(&d, 16));
        break;
    default:
        break;
    }
    return dice(&d, 8) ? FRAME : 14 + dice(&d, FRAME - 14);
}

static struct nv_rules *new_engine(bool linear, uint32_t dyn_max, struct nv_rules_worker **worker)
{
    struct nv_rules_params params = nv_rules_default_params();
    struct nv_rules *rules = NULL;
    struct nv_error err = {0};
    params.linear = linear;
    params.seed = 12345;
    params.dyn_max = dyn_max;
    CHECK(nv_rules_create(&params, &rules, &err) == 0, "%s", err.message);
    CHECK(nv_rules_worker_open(rules, NULL, worker, &err) == 0, "%s", err.message);
    CHECK(nv_rules_interface(rules, "em0", &err) == 1, "%s", err.message);
    CHECK(nv_rules_interface(rules, "em1", &err) == 2, "%s", err.message);
    CHECK(nv_rules_interface(rules, "igb1", &err) == 3, "%s", err.message);
    CHECK(nv_rules_interface_address(rules, 3, 0x0a000001, &err) == 0, "%s", err.message);
    CHECK(nv_rules_table_create(rules, 7, NV_TABLE_IFACE, 0, 0, &err) == 0, "%s", err.message);
    struct {
        struct nv_rules_update head;
        struct nv_rules_entry entry;
    } update = {.head = {.magic = NV_RULES_TABLE_MAGIC, .version = NV_RULES_VERSION, .table = 7, .count = 1},
                .entry = {.op = NV_ENTRY_ADD, .key = "em1"}};
    CHECK(nv_rules_table_update(rules, &update, sizeof(update), NULL, &err) == 0, "%s", err.message);
    return rules;
}

/*
 * `batch` random packets: one by one through linear evaluation, all at once through the index. What a pipe took comes
 * back with the others of its batch. Returns how many times rules were asked.
 */
static uint64_t compare_batch(struct nv_rules_worker *const workers[2], unsigned round, unsigned first, unsigned batch)
{
    static uint8_t frames[2][BATCH][FRAME];
    static struct nv_rules_packet packets[2][BATCH];
    static struct nv_rules_verdict verdicts[2][BATCH];
    uint64_t asked = 0, end = (first + batch) * TURN;

    for (unsigned i = 0; i < batch; i++) {
        packets[0][i] = (struct nv_rules_packet){.length = random_packet(frames[0][i]),
                                                 .in_if = (uint16_t)dice(&d, 4),
                                                 .out_if = (uint16_t)dice(&d, 4),
                                                 .direction = (uint8_t)dice(&d, 2),
                                                 .layer = (uint8_t)(2 + dice(&d, 2)),
                                                 .time_ns = (first + i) * TURN};
        memcpy(frames[1][i], frames[0][i], FRAME);
        packets[1][i] = packets[0][i];
        packets[0][i].data = frames[0][i];
        packets[1][i].data = frames[1][i];
    }
    for (unsigned pass = 0, left; pass < 3 && batch; pass++, batch = left) {
        for (unsigned i = 0; i < batch; i++)
            nv_rules_classify(workers[0], &packets[0][i], 1, &verdicts[0][i]);
        nv_rules_classify(workers[1], packets[1], batch, verdicts[1]);
        left = 0;
        for (unsigned i = 0; i < batch; i++) {
            const struct nv_rules_verdict *x = &verdicts[0][i], *y = &verdicts[1][i];
            const struct nv_rules_packet *p = &packets[0][i], *q = &packets[1][i];
            CHECK(x->action == y->action && x->rule == y->rule && x->reason == y->reason && x->arg == y->arg &&
                      x->flags == y->flags && x->resume.id == y->resume.id,
                  "round %u packet %u: linear %s by %u (%s), index %s by %u (%s)", round, first + i,
                  nv_rules_action_name(x->action), x->rule, nv_rules_reason_name(x->reason),
                  nv_rules_action_name(y->action), y->rule, nv_rules_reason_name(y->reason));
            CHECK(memcmp(p->data, q->data, FRAME) == 0, "round %u packet %u: rewritten otherwise", round, first + i);
            asked += x->rule != 0;
            if (x->action != NV_RULES_PIPE)
                continue;
            for (unsigned e = 0; e < 2; e++) {
                packets[e][left] = packets[e][i];
                packets[e][left].resume = verdicts[e][i].resume;
                packets[e][left].time_ns = end;
            }
            left++;
        }
    }
    return asked;
}

/* Counts states that hold a flow: those that only count for a limit stay until what they count is swept. */
static int count_flow(void *arg, const struct nv_rules_state *state)
{
    *(unsigned *)arg += state->kind != 0;
    return 0;
}

static void compare(unsigned round, unsigned rules, bool states)
{
    struct build b = {0};
    struct nv_rules_worker *workers[2];
    /* States that are over make room when time is looked at, once a batch: at dyn_max packets come one by one. */
    bool single = states && dice(&d, 2);
    uint32_t dyn_max = single ? 40 : 100000;
    struct nv_rules *engines[2] = {new_engine(true, dyn_max, &workers[0]), new_engine(false, dyn_max, &workers[1])};
    struct nv_error err = {0};
    size_t size;
    uint64_t last = 0, asked = 0;

    random_program(&b, rules, states);
    const void *program = build_done(&b, dice(&d, 2), &size);
    for (unsigned e = 0; e < 2; e++)
        CHECK(nv_rules_load(engines[e], program, size, &err) == 0, "round %u: %s", round, err.message);
    for (unsigned i = 0, batch; i < PACKETS; i += batch) {
        batch = single ? 1 : 1 + dice(&d, dice(&d, 2) ? BATCH : 4);
        asked += compare_batch(workers, round, i, batch);
    }
    uint32_t count = nv_rules_counters(engines[0], NULL, 0);
    struct nv_rules_counter *a = calloc(2 * count, sizeof(*a)), *c = a + count;
    nv_rules_counters(engines[0], a, count);
    nv_rules_counters(engines[1], c, count);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(a[i].packets == c[i].packets && a[i].bytes == c[i].bytes && a[i].last_ns == c[i].last_ns,
              "round %u rule %u: %llu packets, index %llu", round, a[i].number, (unsigned long long)a[i].packets,
              (unsigned long long)c[i].packets);
        last += a[i].packets;
    }
    CHECK(last >= asked, "round %u: %llu counted of %llu", round, (unsigned long long)last, (unsigned long long)asked);
    /* Of those that are over, not the same ones were swept: time is looked at once a batch. */
    unsigned flows[2] = {0, 0};
    for (unsigned e = 0; e < 2; e++)
        nv_rules_states(engines[e], (PACKETS + BATCH) * TURN, false, count_flow, &flows[e]);
    CHECK(flows[0] == flows[1], "round %u: %u and %u states", round, flows[0], flows[1]);
    free(a);
    for (unsigned e = 0; e < 2; e++) {
        nv_rules_worker_close(workers[e]);
        nv_rules_destroy(engines[e]);
    }
    build_free(&b);
}

static void small_programs(void)
{
    for (unsigned round = 0; round < 150 && !check_failed; round++)
        compare(round, 5 + dice(&d, 40), false);
}

static void large_programs(void)
{
    for (unsigned round = 0; round < 12 && !check_failed; round++)
        compare(round, 300 + dice(&d, 4000), false);
}

static void states(void)
{
    for (unsigned round = 0; round < 100 && !check_failed; round++)
        compare(round, 5 + dice(&d, 60), true);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"index: small programs", small_programs},
                                              {"index: large programs", large_programs},
                                              {"index: states", states}};
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
