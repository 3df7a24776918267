/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_filter_test.c - plans with rules: what is sent, received and answered, what is denied, and that nothing is
 * lost. */
#include "engine_rig.h"
#include "rules_build.h"

enum { FIRST_PORT = 1000, PORTS = 10, EITHER_WAY = 0 };

/* What rules call the two ends of the pipe. */
#define NEAR "p{1"
#define FAR  "p}1"

/* A rule about UDP packets with ports from `low` to `high` in the field of NV_OP_SRC_PORT or NV_OP_DST_PORT. */
static void port_rule(struct build *b, unsigned number, unsigned way, const char *port, unsigned field, unsigned low,
                      unsigned high, unsigned action, uint32_t arg)
{
    build_rule(b, number, 0);
    if (way != EITHER_WAY)
        build_op(b, way, 0, build_pattern(b, NV_IFACE_NAME, build_string(b, port)));
    build_op(b, NV_OP_PROTO, 0, NV_IP_UDP);
    build_range(b, field, 0, low, high);
    build_op(b, action, 0, arg);
}

static void load(struct nv_rules *rules, struct build *b)
{
    struct nv_error err = {0};
    size_t size;
    const void *program = build_done(b, true, &size);
    CHECK(nv_rules_load(rules, program, size, &err) == 0, "%s", err.message);
    build_free(b);
}

static struct nv_rules *new_rules(void)
{
    struct nv_rules *rules = NULL;
    struct nv_error err = {0};
    CHECK(nv_rules_create(NULL, &rules, &err) == 0, "%s", err.message);
    return rules;
}

/* Rules that deny what goes out of `port`, or comes in, with the first half of the source ports. */
static struct nv_rules *deny_half(unsigned way, const char *port)
{
    struct nv_rules *rules = new_rules();
    struct build b = {0};
    port_rule(&b, 100, way, port, NV_OP_SRC_PORT, FIRST_PORT, FIRST_PORT + PORTS / 2 - 1, NV_OP_DENY, 0);
    load(rules, &b);
    return rules;
}

static uint64_t packets_of_rule(struct nv_rules *rules, unsigned number)
{
    struct nv_rules_counter all[8];
    uint32_t count = nv_rules_counters(rules, all, 8);
    for (uint32_t i = 0; i < count; i++)
        if (all[i].number == number)
            return all[i].packets;
    return UINT64_MAX;
}

/* Packets with source ports 1000 to 1009, again and again. */
static struct nv_plan ten_ports(enum nv_role role, const char *port, unsigned version)
{
    struct nv_plan plan = plan_of(role, port);
    nv_traffic_default(&plan.traffic, version);
    const char *range = version == 4 ? "10.0.0.1:1000-10.0.0.1:1009" : "[fd00::1]:1000-[fd00::1]:1009";
    CHECK(nv_parse_ip_range(range, version, &plan.traffic.src, NULL) == 0);
    return plan;
}

static unsigned source_port(const struct nv_plan *plan, const struct packet *p)
{
    const uint8_t *frame = p->data + plan->traffic.vnet_len;
    struct nv_decoded d;
    uint32_t flags = nv_decode(frame, p->len - plan->traffic.vnet_len, &d);
    CHECK(flags & NV_DECODED_TRANSPORT && !(flags & (NV_DECODED_BAD | NV_DECODED_CUT)) &&
          nv_decode_check(frame, &d) == 0);
    return (unsigned)(frame[d.l4] << 8 | frame[d.l4 + 1]);
}

/* Single slots, several slots, sequences, IPv6, a vnet header: the allowed half comes, whole, in its order. */
static void sends_what_is_allowed(void)
{
    static const struct {
        enum nv_role role;
        unsigned version, size, frags, vnet, burst, options;
    } cases[] = {{NV_ROLE_TX, 4, 60, 1, 0, 0, 0},         {NV_ROLE_TX, 4, 60, 1, 0, 1, 0},
                 {NV_ROLE_TX, 4, 1514, 1, 0, 0, 0},       {NV_ROLE_TX, 4, 9000, 1, 0, 0, 0},
                 {NV_ROLE_TX, 4, 300, 7, 0, 100, 0},      {NV_ROLE_TX, 6, 90, 1, 12, 0, 0},
                 {NV_ROLE_TXSEQ, 4, 100, 1, 0, 0, 0},     {NV_ROLE_TXSEQ, 6, 200, 3, 0, 0, 0},
                 {NV_ROLE_TX, 4, 100, 1, 0, 7, NV_OPT_TS}};
    static struct packet p;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        world_new();
        struct nv_plan plan = ten_ports(cases[c].role, "netmap:p{1", cases[c].version);
        plan.traffic.size_max = cases[c].size;
        plan.traffic.frags = (uint16_t)cases[c].frags;
        plan.traffic.vnet_len = (uint16_t)cases[c].vnet;
        plan.burst = cases[c].burst;
        plan.options = cases[c].options;
        plan.count = 5003;
        plan.stream = 7;
        plan.rules = deny_half(NV_OP_XMIT, NEAR);
        struct nv_engine *e = start(&plan);
        struct nv_port *far = open_port("netmap:p}1");
        struct nv_engine_info info;
        nv_engine_describe(e, &info);
        CHECK(!info.prepared);
        uint64_t denied = 2503, bytes = 0;
        for (uint64_t i = 0; i < plan.count - denied; i++) {
            CHECK(take_packet(far, &p, PATIENCE), "case %zu: only %lu came", c, i);
            CHECK(source_port(&plan, &p) == 1005 + i % 5, "case %zu, packet %lu", c, i);
            CHECK(p.len == cases[c].size + cases[c].vnet && p.slots >= cases[c].frags);
            bytes += p.len;
            if (cases[c].role == NV_ROLE_TXSEQ) {
                uint32_t at = nv_stamp_find(p.data, p.len);
                CHECK(at && nv_stamp_get(p.data + at).sequence == i / 5 * 10 + 5 + i % 5 &&
                      nv_stamp_verify(p.data, p.len, at));
            }
        }
        CHECK(!take_packet(far, &p, 1000000) && finishes(e));
        join(e);
        CHECK(stat_of(e, NV_STAT_DENIED) == denied && stat_of(e, NV_STAT_ACCEPTED) == plan.count - denied);
        CHECK(stat_of(e, NV_STAT_PACKETS) == plan.count - denied && stat_of(e, NV_STAT_BYTES) == bytes);
        CHECK(stat_of(e, NV_STAT_PENDING) == 0 && drops_of(e) == 0);
        CHECK(packets_of_rule(plan.rules, 100) == denied && packets_of_rule(plan.rules, 65535) == plan.count - denied);
        nv_close(far);
        nv_engine_free(e);
        nv_rules_destroy(plan.rules);
        world_end();
    }
}

/* What a rule writes into a packet goes out with it, and is not found again in the next packet of that buffer. */
static void rewritten_packets_stay_apart(void)
{
    static struct packet p;
    for (unsigned frags = 1; frags <= 2; frags++) {
        world_new();
        struct nv_plan plan = ten_ports(NV_ROLE_TX, "netmap:p{1", 4);
        plan.traffic.frags = (uint16_t)frags;
        plan.count = 3000;
        plan.rules = new_rules();
        struct build b = {0};
        port_rule(&b, 100, EITHER_WAY, NULL, NV_OP_SRC_PORT, 1000, 1003, NV_OP_SETDSCP, 10);
        port_rule(&b, 200, EITHER_WAY, NULL, NV_OP_SRC_PORT, 1000, 1001, NV_OP_DENY, 0);
        load(plan.rules, &b);
        struct nv_engine *e = start(&plan);
        struct nv_port *far = open_port("netmap:p}1");
        for (uint64_t i = 0; i < 2400; i++) {
            CHECK(take_packet(far, &p, PATIENCE), "%u frags: only %lu came", frags, i);
            unsigned port = source_port(&plan, &p);
            CHECK(port == 1002 + i % 8 && p.data[15] == (port <= 1003 ? 10 << 2 : plan.traffic.tos),
                  "packet %lu: port %u, tos %u", i, port, p.data[15]);
        }
        CHECK(finishes(e) && stat_of(e, NV_STAT_DENIED) == 600);
        nv_engine_free(e);
        nv_close(far);
        nv_rules_destroy(plan.rules);
        world_end();
    }
}

/* Received: the allowed half is counted, up to the count; the other half is taken from the ring all the same. */
static void receives_what_is_allowed(void)
{
    for (unsigned c = 0; c < 6; c++) {
        world_new();
        bool sequences = c & 1;
        struct nv_plan rx = plan_of(sequences ? NV_ROLE_RXSEQ : NV_ROLE_RX, "netmap:p}1");
        struct nv_plan tx = ten_ports(sequences ? NV_ROLE_TXSEQ : NV_ROLE_TX, "netmap:p{1", 4);
        tx.count = 20000;
        tx.traffic.size_max = c < 2 ? 100 : c < 4 ? 3000 : 9000;
        tx.traffic.frags = c < 2 ? 1 : 4;
        rx.verify = sequences;
        rx.rules = deny_half(NV_OP_RECV, FAR);
        struct nv_engine *b = start(&rx), *a = start(&tx);
        CHECK(finishes(a) && reaches(b, NV_STAT_PACKETS, 10000) && reaches(b, NV_STAT_DENIED, 10000));
        nv_engine_stop(b);
        join(a);
        join(b);
        CHECK(stat_of(b, NV_STAT_PACKETS) == 10000 && stat_of(b, NV_STAT_DENIED) == 10000, "case %u: %lu and %lu", c,
              stat_of(b, NV_STAT_PACKETS), stat_of(b, NV_STAT_DENIED));
        CHECK(stat_of(b, NV_STAT_BYTES) == UINT64_C(10000) * tx.traffic.size_max && stat_of(a, NV_STAT_PENDING) == 0);
        if (sequences) /* of numbers 0..19999, all that end in 0 to 4 but the first five lie between those seen */
            CHECK(stat_of(b, NV_STAT_LOST) == 9995 && stat_of(b, NV_STAT_TORN) == 0 && stat_of(b, NV_STAT_FOREIGN) == 0,
                  "%lu lost, %lu torn", stat_of(b, NV_STAT_LOST), stat_of(b, NV_STAT_TORN));
        CHECK(packets_of_rule(rx.rules, 100) == 10000 && packets_of_rule(rx.rules, 65535) == 10000);
        nv_engine_free(a);
        nv_engine_free(b);
        nv_rules_destroy(rx.rules);
        world_end();
    }
}

static void a_count_is_of_allowed_packets(void)
{
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RX, "netmap:p}1"), tx = ten_ports(NV_ROLE_TX, "netmap:p{1", 4);
    rx.count = 777;
    rx.rules = deny_half(NV_OP_RECV, FAR);
    struct nv_engine *b = start(&rx), *a = start(&tx);
    CHECK(finishes(b));
    nv_engine_stop(a);
    CHECK(stat_of(b, NV_STAT_PACKETS) == 777 && stat_of(b, NV_STAT_DENIED) >= 777 && stat_of(b, NV_STAT_DENIED) <= 785);
    nv_engine_free(a);
    nv_engine_free(b);
    nv_rules_destroy(rx.rules);
    world_end();
}

/* Denied packets alone: no silence begins, none ends, nothing counts as sent, and the rate is kept. */
static void nothing_is_allowed(void)
{
    world_new();
    struct nv_plan tx = plan_of(NV_ROLE_TX, "null:");
    struct build b = {0};
    tx.rules = new_rules();
    build_rule(&b, 100, 0);
    build_op(&b, NV_OP_DENY, 0, 0);
    load(tx.rules, &b);
    tx.count = 200;
    tx.rate = 1000;
    uint64_t begin = nv_now();
    struct nv_engine *a = start(&tx);
    CHECK(finishes(a) && nv_now() - begin > NV_SECOND / 10);
    join(a);
    CHECK(stat_of(a, NV_STAT_DENIED) == 200 && stat_of(a, NV_STAT_ACCEPTED) == 0 && stat_of(a, NV_STAT_EVENTS) == 0);
    nv_engine_free(a);
    nv_rules_destroy(tx.rules);
    world_end();
}

/* One rule, allowing and denying in turn while two workers send: each packet is counted once, by rule and by engine. */
static void rules_change_while_it_runs(void)
{
    world_new();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "null:");
    plan.threads = 2;
    plan.rules = new_rules();
    struct nv_engine *e = NULL;
    for (unsigned i = 0; i < 300; i++) {
        struct build b = {0};
        build_rule(&b, 100, 0); /* the same id each time: the same rule with another action */
        build_op(&b, i % 2 ? NV_OP_ACCEPT : NV_OP_DENY, 0, 0);
        load(plan.rules, &b);
        if (i == 0)
            e = start(&plan);
        if (i < 2)
            CHECK(reaches(e, i ? NV_STAT_ACCEPTED : NV_STAT_DENIED, 1));
        usleep(1000);
    }
    nv_engine_stop(e);
    CHECK(finishes(e));
    join(e);
    uint64_t denied = stat_of(e, NV_STAT_DENIED), accepted = stat_of(e, NV_STAT_ACCEPTED);
    CHECK(denied > 0 && accepted > 0 && stat_of(e, NV_STAT_PACKETS) == accepted);
    CHECK(packets_of_rule(plan.rules, 100) == denied + accepted && packets_of_rule(plan.rules, 65535) == 0,
          "%lu denied, %lu accepted, %lu by the rule", denied, accepted, packets_of_rule(plan.rules, 100));
    nv_engine_free(e);
    nv_rules_destroy(plan.rules);
    world_end();
}

/*
 * Ten source ports: each of the four places where rules are asked takes two of them, and two come through. Returns
 * whether all was counted so; answers that take longer than the time-out are late.
 */
static bool filtered_round_trips(unsigned frags, uint64_t timeout_ns)
{
    world_new();
    struct nv_plan ping = ten_ports(NV_ROLE_PING, "netmap:p{1", 4), pong = plan_of(NV_ROLE_PONG, "netmap:p}1");
    struct build b = {0};
    ping.rules = new_rules();
    port_rule(&b, 100, NV_OP_XMIT, NEAR, NV_OP_SRC_PORT, 1000, 1001, NV_OP_DENY, 0);
    port_rule(&b, 200, NV_OP_RECV, NEAR, NV_OP_DST_PORT, 1006, 1007, NV_OP_DENY, 0);
    load(ping.rules, &b);
    pong.rules = new_rules();
    port_rule(&b, 100, NV_OP_RECV, FAR, NV_OP_SRC_PORT, 1002, 1003, NV_OP_DENY, 0);
    port_rule(&b, 200, NV_OP_XMIT, FAR, NV_OP_DST_PORT, 1004, 1005, NV_OP_DENY, 0);
    load(pong.rules, &b);
    ping.count = 600;
    ping.burst = 200;
    ping.timeout_ns = timeout_ns;
    ping.traffic.size_max = frags == 1 ? 100 : 3000; /* larger than a buffer */
    pong.burst = 64;
    struct nv_engine *far = start(&pong), *near = start(&ping);
    CHECK(finishes(near));
    nv_engine_stop(far);
    join(near);
    join(far);
    bool exact = stat_of(near, NV_STAT_ACCEPTED) == 480 && stat_of(near, NV_STAT_DENIED) == 240 &&
                 stat_of(near, NV_STAT_REPLIES) == 120 && stat_of(near, NV_STAT_TIMEOUTS) == 360 &&
                 stat_of(far, NV_STAT_ACCEPTED) == 240 && stat_of(far, NV_STAT_DENIED) == 240;
    for (unsigned rule = 100; rule <= 200; rule += 100)
        exact &= packets_of_rule(ping.rules, rule) == 120 && packets_of_rule(pong.rules, rule) == 120;
    if (!exact)
        printf("# time-out %lu ns: %lu sent, %lu denied, %lu answers, %lu timed out; far: %lu sent, %lu denied\n",
               timeout_ns, stat_of(near, NV_STAT_ACCEPTED), stat_of(near, NV_STAT_DENIED),
               stat_of(near, NV_STAT_REPLIES), stat_of(near, NV_STAT_TIMEOUTS), stat_of(far, NV_STAT_ACCEPTED),
               stat_of(far, NV_STAT_DENIED));
    nv_engine_free(near);
    nv_engine_free(far);
    nv_rules_destroy(ping.rules);
    nv_rules_destroy(pong.rules);
    world_end();
    return exact;
}

/* A machine that does other things for longer than a time-out gets longer ones. */
static void round_trips_are_filtered_at_both_ends(void)
{
    for (unsigned frags = 1; frags <= 2; frags++)
        CHECK(filtered_round_trips(frags, 2 * NV_SECOND / 3) || filtered_round_trips(frags, 4 * NV_SECOND) ||
              filtered_round_trips(frags, 20 * NV_SECOND));
}

/* States that live for so many seconds: returns how many there were when the packets had come; later there is none. */
static uint32_t states_that_go(uint32_t lifetime)
{
    world_new();
    struct nv_rules_params params = nv_rules_default_params();
    struct nv_plan rx = plan_of(NV_ROLE_RX, "netmap:p}1"), tx = ten_ports(NV_ROLE_TX, "netmap:p{1", 4);
    struct build b = {0};
    params.dyn_udp_lifetime = lifetime;
    rx.rules = new_rules();
    CHECK(nv_rules_set_params(rx.rules, &params, NULL) == 0);
    build_rule(&b, 100, 0);
    build_op(&b, NV_OP_PROBE_STATE, 0, 0);
    build_op(&b, NV_OP_PROTO, 0, NV_IP_UDP);
    build_op(&b, NV_OP_KEEP_STATE, 0, 0);
    build_op(&b, NV_OP_ACCEPT, 0, 0);
    load(rx.rules, &b);
    tx.count = 100;
    struct nv_engine *far = start(&rx), *near = start(&tx);
    CHECK(reaches(far, NV_STAT_PACKETS, 100));
    uint32_t count = nv_rules_state_count(rx.rules);
    for (unsigned i = 0; i < 1000 && nv_rules_state_count(rx.rules); i++)
        usleep(100000);
    CHECK(nv_rules_state_count(rx.rules) == 0, "%u left", nv_rules_state_count(rx.rules));
    nv_engine_free(near);
    nv_engine_free(far);
    nv_rules_destroy(rx.rules);
    world_end();
    return count;
}

/* Dynamic states go when their time is over, although no packet comes. */
static void time_passes_for_states(void)
{
    CHECK(states_that_go(1) == PORTS || states_that_go(5) == PORTS || states_that_go(20) == PORTS);
}

/* What rules send beside the packets they let through: answers back, copies and diverted packets, matches. */
static void sends_answers_and_copies(void)
{
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RX, "netmap:p}1"), tx = ten_ports(NV_ROLE_TX, "netmap:p{1", 4);
    char path[] = "/tmp/netvale-matches-XXXXXX", text[4096] = "";
    struct build b = {0};
    rx.rules = new_rules();
    rx.log_fd = mkstemp(path);
    CHECK(rx.log_fd >= 0);
    build_rule(&b, 100, 0);
    build_range(&b, NV_OP_SRC_PORT, 0, 1000, 1001);
    build_insn(&b, NV_OP_LOG, 0, 5, &(uint32_t){1}, 1); /* five matches, as records */
    build_insn(&b, NV_OP_UNREACH, 0, 3, &(uint32_t){0}, 1);
    port_rule(&b, 200, EITHER_WAY, NULL, NV_OP_SRC_PORT, 1002, 1003, NV_OP_TEE, 9);
    port_rule(&b, 300, EITHER_WAY, NULL, NV_OP_SRC_PORT, 1004, 1004, NV_OP_DIVERT, 9);
    load(rx.rules, &b);
    CHECK(nv_parse_mac_range("02:00:00:00:00:09", &tx.traffic.dst_mac, NULL) == 0);
    tx.count = 500;
    struct nv_port *other = open_port("netmap:divert9}0");
    static struct packet p;
    struct nv_engine *far = start(&rx), *near = start(&tx);
    unsigned seen[PORTS] = {0};
    for (unsigned i = 0; i < 150; i++) {
        CHECK(take_packet(other, &p, PATIENCE), "only %u came", i);
        seen[source_port(&tx, &p) - FIRST_PORT]++;
    }
    CHECK(seen[2] == 50 && seen[3] == 50 && seen[4] == 50, "%u, %u, %u", seen[2], seen[3], seen[4]);
    CHECK(reaches(far, NV_STAT_DENIED, 150) && reaches(far, NV_STAT_ANSWERS, 100));
    nv_engine_stop(far);
    join(near);
    join(far);
    CHECK(stat_of(far, NV_STAT_PACKETS) == 350 && stat_of(far, NV_STAT_COPIES) == 150 &&
              stat_of(far, NV_STAT_UNSENT) == 0,
          "%lu, %lu, %lu", stat_of(far, NV_STAT_PACKETS), stat_of(far, NV_STAT_COPIES), stat_of(far, NV_STAT_UNSENT));
    ssize_t size = pread(rx.log_fd, text, sizeof(text) - 1, 0);
    unsigned lines = 0;
    for (ssize_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    CHECK(lines == 5 && strstr(text, "\"event\":\"log\",\"from\":1,\"bytes\":60,\"rule\":100}"), "%s", text);
    close(rx.log_fd);
    unlink(path);
    nv_close(other);
    nv_engine_free(near);
    nv_engine_free(far);
    nv_rules_destroy(rx.rules);
    world_end();
}

static void refused(struct nv_plan *plan, const char *message)
{
    struct nv_engine *e = NULL;
    struct nv_error err = {0};
    CHECK(nv_engine_start(plan, &e, &err) < 0 && strstr(err.message, message), "'%s'", err.message);
    CHECK(e == NULL);
}

static void what_cannot_be_filtered_is_refused(void)
{
    world_new();
    struct nv_rules *rules = new_rules();
    struct nv_plan plan = plan_of(NV_ROLE_TX, "vale0:a");
    plan.rules = rules;
    plan.options = NV_OPT_INDIRECT;
    refused(&plan, "vale0:a: indirect buffers cannot be filtered");
    plan.options = NV_OPT_RUBBISH;
    plan.traffic.frags = 2;
    refused(&plan, "rubbish in several slots cannot be filtered");
    plan = plan_of(NV_ROLE_TX, "vale0:alongportname");
    plan.rules = rules;
    refused(&plan, "vale0:alongportname: rules know ports by names of at most 15 characters");
    nv_rules_destroy(rules);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"sends_what_is_allowed", sends_what_is_allowed},
        {"rewritten_packets_stay_apart", rewritten_packets_stay_apart},
        {"receives_what_is_allowed", receives_what_is_allowed},
        {"a_count_is_of_allowed_packets", a_count_is_of_allowed_packets},
        {"nothing_is_allowed", nothing_is_allowed},
        {"rules_change_while_it_runs", rules_change_while_it_runs},
        {"round_trips_are_filtered_at_both_ends", round_trips_are_filtered_at_both_ends},
        {"time_passes_for_states", time_passes_for_states},
        {"sends_answers_and_copies", sends_answers_and_copies},
        {"what_cannot_be_filtered_is_refused", what_cannot_be_filtered_is_refused},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
