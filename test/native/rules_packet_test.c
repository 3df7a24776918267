/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_packet_test.c - packets of every shape through programs that ask and change everything: truncated at every
 * byte, with lying lengths, odd fragments, stacked tags and long header chains. Each frame lies in memory of exactly
 * its length, so that the address sanitizer sees a byte too many. Every packet has one verdict, and is counted.
 */
#include "check.h"
#include "rules_build.h"

enum { LONGEST = 512 };

static struct dice d = {88172645463325252u};

struct bench {
    struct nv_rules *rules;
    struct nv_rules_worker *worker;
    uint64_t asked, unasked, answers, time;
};

static void take_answer(void *arg, const struct nv_rules_packet *packet, const uint8_t *frame, uint32_t length)
{
    struct bench *bench = arg;
    uint8_t *copy = malloc(length);
    (void)packet;
    memcpy(copy, frame, length); /* all of it is readable */
    free(copy);
    bench->answers++;
}

/* Rules that look at everything and go on, then ones that rewrite, then `last`. */
static void looks_at_everything(struct build *b, unsigned last, uint32_t arg)
{
    static const uint8_t plain[] = {NV_OP_IP4,        NV_OP_IP6,         NV_OP_LAYER2,   NV_OP_IN,
                                    NV_OP_FRAG,       NV_OP_ESTABLISHED, NV_OP_TCPFLAGS, NV_OP_IPOPTIONS,
                                    NV_OP_TCPOPTIONS, NV_OP_IPTOS,       NV_OP_EXT6HDR,  NV_OP_ICMPTYPES};
    static const uint8_t lists[] = {NV_OP_SRC_PORT, NV_OP_DST_PORT, NV_OP_IPLEN,      NV_OP_IPID,    NV_OP_IPTTL,
                                    NV_OP_TCPWIN,   NV_OP_TCPMSS,   NV_OP_TCPDATALEN, NV_OP_MAC_TYPE};
    unsigned number = 1;
    for (unsigned i = 0; i < sizeof(plain); i++) {
        build_rule(b, number++, 31);
        build_op(b, plain[i], 0, plain[i] == NV_OP_EXT6HDR || plain[i] == NV_OP_ICMPTYPES ? 0xff : 1);
        build_op(b, NV_OP_COUNT, 0, 0);
    }
    for (unsigned i = 0; i < sizeof(lists); i++) {
        build_rule(b, number++, 31);
        build_range(b, lists[i], 0, 1, 1460);
        build_op(b, NV_OP_COUNT, 0, 0);
    }
    build_rule(b, number++, 31);
    build_op(b, NV_OP_SETDSCP, 0, 46);
    build_rule(b, number++, 31);
    build_op(b, NV_OP_TCP_SETMSS, 0, 1200);
    build_rule(b, number++, 31);
    build_op(b, NV_OP_PROBE_STATE, 0, 0);
    build_op(b, NV_OP_PROTO, 0, 6);
    build_op(b, NV_OP_KEEP_STATE, 0, 0);
    build_op(b, NV_OP_COUNT, 0, 0);
    build_rule(b, number, 31);
    if (last == NV_OP_UNREACH || last == NV_OP_UNREACH6)
        build_insn(b, last, 0, arg, &(uint32_t){0}, 1); /* MTU */
    else
        build_op(b, last, 0, arg);
}

static struct bench open_bench(unsigned last, uint32_t arg, bool inner)
{
    struct bench bench = {.time = 1000000000};
    struct nv_rules_params params = nv_rules_default_params();
    struct nv_error err = {0};
    struct build b = {0};
    size_t size;
    params.seed = 7;
    params.dyn_max = 64;
    params.vlan_inner = inner;
    CHECK(nv_rules_create(&params, &bench.rules, &err) == 0, "%s", err.message);
    if (last == NV_OP_NAT) {
        const struct nv_rules_nat nat __attribute__((aligned(8))) = {
            .magic = NV_RULES_NAT_MAGIC, .version = NV_RULES_VERSION, .id = 1, .address = 0xc0000201};
        CHECK(nv_rules_nat_config(bench.rules, &nat, sizeof(nat), &err) == 0, "%s", err.message);
    }
    looks_at_everything(&b, last, arg);
    const void *program = build_done(&b, true, &size);
    CHECK(nv_rules_load(bench.rules, program, size, &err) == 0, "%s", err.message);
    build_free(&b);
    return bench;
}

/* One frame of exactly `length` bytes through the rules, of which `missing` more were on the wire. */
static struct nv_rules_verdict send(struct bench *bench, const uint8_t *frame, uint32_t length, unsigned layer,
                                    bool out, bool raw, uint32_t missing)
{
    uint8_t *exact = malloc(length ? length : 1);
    memcpy(exact, frame, length);
    struct nv_rules_packet packet = {.data = exact,
                                     .length = length,
                                     .layer = (uint8_t)layer,
                                     .direction = out,
                                     .flags = raw ? NV_RULES_RAW : 0,
                                     .missing = missing,
                                     .time_ns = bench->time += 1000};
    struct nv_rules_verdict verdict = {.action = 0xff, .reason = 0xff};
    nv_rules_classify(bench->worker, &packet, 1, &verdict);
    CHECK(nv_rules_action_name(verdict.action) && nv_rules_reason_name(verdict.reason), "action %u, reason %u",
          verdict.action, verdict.reason);
    CHECK((verdict.rule == 0) == (verdict.reason >= NV_RULES_WHY_SHORT && verdict.reason <= NV_RULES_WHY_NOT_IP),
          "rule %u with reason %s", verdict.rule, nv_rules_reason_name(verdict.reason));
    *(verdict.rule ? &bench->asked : &bench->unasked) += 1;
    free(exact);
    return verdict;
}

/* A frame whole and cut at every byte, seen at both layers, with and without MAC header. */
static void cut(struct bench *bench, const uint8_t *frame, uint32_t length)
{
    for (uint32_t short_of = 0; short_of <= length; short_of++) {
        for (uint32_t missing = 0; missing <= length - short_of; missing += length - short_of ? length - short_of : 1) {
            send(bench, frame, short_of, 2, short_of & 1, false, missing);
            send(bench, frame, short_of, 3, short_of & 1, false, missing);
            if (short_of >= 14)
                send(bench, frame + 14, short_of - 14, 3, short_of & 1, true, missing);
        }
    }
}

static uint32_t ip6(uint8_t *frame, unsigned next, uint32_t payload)
{
    memset(frame, 0, LONGEST);
    packet_put16(frame + 12, 0x86dd);
    frame[14] = 0x60;
    packet_put16(frame + 18, payload);
    frame[20] = (uint8_t)next;
    frame[21] = 64;
    frame[22] = frame[38] = 0x20;
    frame[53] = 9;
    return 54 + payload;
}

static void all_shapes(struct bench *bench)
{
    static const uint8_t protocols[] = {1, 6, 17, 47, 50, 51, 58, 89, 112, 132, 136};
    static const uint8_t next[] = {0, 6, 17, 43, 44, 50, 51, 58, 59, 60, 89, 103, 112, 132, 135, 255};
    uint8_t frame[LONGEST];
    for (unsigned i = 0; i < sizeof(protocols); i++) {
        packet_ip4(frame, 100, 0x0a000001 + i, 0x0a000002, protocols[i], 1000, 80);
        frame[14 + 32] = 0x80; /* TCP: options up to byte 32 */
        frame[14 + 33] = 2;
        memcpy(frame + 14 + 40, (uint8_t[]){2, 4, 5, 0xb4, 3, 3, 7, 1, 8, 10, 0, 0}, 12);
        cut(bench, frame, 100);
        for (unsigned words = 0; words < 16; words++) { /* header lengths that lie; options */
            frame[14] = (uint8_t)(0x40 | words);
            memset(frame + 34, 0x83, 20);
            cut(bench, frame, 80);
        }
        frame[14] = 0x45;
        for (unsigned length = 0; length < 8; length++) { /* lengths of IP that lie */
            packet_put16(frame + 16, length < 4 ? length * 9 : 65535 - length);
            cut(bench, frame, 60);
        }
        packet_put16(frame + 16, 86);
        for (unsigned offset = 0; offset < 16; offset++) { /* odd fragments */
            packet_put16(frame + 20, dice(&d, 65536) & (offset & 1 ? 0x3fff : 0x2003));
            cut(bench, frame, 70);
        }
    }
    for (unsigned i = 0; i < sizeof(next); i++) {
        uint32_t length = ip6(frame, next[i], 90);
        cut(bench, frame, length);
        for (unsigned chain = 0; chain < 6; chain++) { /* chains, also of headers that reach beyond the frame */
            length = ip6(frame, next[i], 120);
            for (uint32_t at = 54; at + 8 < length; at += 8) {
                frame[at] = next[dice(&d, sizeof(next))];
                frame[at + 1] = (uint8_t)(chain == 5 ? dice(&d, 256) : dice(&d, 3));
            }
            cut(bench, frame, length);
        }
    }
    memset(frame, 0, sizeof(frame)); /* tags on tags */
    for (uint32_t at = 12; at < 400; at += 4)
        packet_put16(frame + at, at % 8 ? 0x8100 : 0x88a8);
    packet_put16(frame + 400, 0x0800);
    cut(bench, frame, 420);
    for (unsigned i = 0; i < 3000; i++) { /* rubbish that begins like IP */
        for (unsigned at = 14; at < 120; at++)
            frame[at] = (uint8_t)dice_roll(&d);
        packet_put16(frame + 12, i & 1 ? 0x0800 : 0x86dd);
        frame[14] = (uint8_t)((i & 1 ? 0x40 : 0x60) | (i & 2 ? 5 : frame[14] & 15));
        send(bench, frame, 14 + dice(&d, 106), i & 4 ? 2 : 3, i & 8, false, i & 16 ? 500 : 0);
    }
}

/* The same behind VLAN tags, by turns one and two. */
static void behind_tags(struct bench *bench)
{
    static const uint8_t protocols[] = {1, 6, 17, 132};
    static const uint8_t next[] = {0, 6, 17, 43, 44, 58, 60, 112};
    uint8_t frame[LONGEST], tagged[LONGEST + 8];
    for (unsigned i = 0; i < 2 * (sizeof(protocols) + sizeof(next)); i++) {
        uint32_t tags = i & 1 ? 8 : 4, kind = i / 2, length = 100;
        if (kind < sizeof(protocols))
            packet_ip4(frame, length, 0x0a000001, 0x0a000002, protocols[kind], 1000, 80);
        else
            length = ip6(frame, next[kind - sizeof(protocols)], 60);
        memcpy(tagged, frame, 12);
        packet_put16(tagged + 12, 0x88a8);
        packet_put16(tagged + 16, 0x8100);
        packet_put16(tagged + 12 + tags - 4, 0x8100);
        memcpy(tagged + 12 + tags, frame + 12, length - 12);
        cut(bench, tagged, length + tags);
        if (kind < sizeof(protocols)) { /* fragments */
            packet_put16(tagged + 20 + tags, i & 2 ? 0x2000 : 0x0003);
            cut(bench, tagged, length + tags);
        }
    }
}

/* Every shape through rules that end with this action; all packets that rules were asked about are counted. */
static void through_tags(unsigned last, uint32_t arg, bool inner)
{
    struct bench bench = open_bench(last, arg, inner);
    struct nv_rules_sink sink = {.arg = &bench, .answer = take_answer};
    struct nv_rules_counter counters[64];
    struct nv_error err = {0};
    CHECK(nv_rules_worker_open(bench.rules, &sink, &bench.worker, &err) == 0, "%s", err.message);
    all_shapes(&bench);
    behind_tags(&bench);
    uint32_t count = nv_rules_counters(bench.rules, counters, 64);
    /* setdscp is met by every packet that a rule was asked about, before anything can end its way */
    CHECK(counters[count - 5].packets == bench.asked, "%llu counted of %llu",
          (unsigned long long)counters[count - 5].packets, (unsigned long long)bench.asked);
    CHECK(bench.asked > 1000 && bench.unasked > 1000, "%llu, %llu", (unsigned long long)bench.asked,
          (unsigned long long)bench.unasked);
    nv_rules_tick(bench.worker, bench.time + 1000000000000u);
    nv_rules_worker_close(bench.worker);
    nv_rules_destroy(bench.rules);
}

static void through(unsigned last, uint32_t arg)
{
    through_tags(last, arg, false);
    through_tags(last, arg, true);
}

/* What a capture left out counts; a header it left out is not one that does not fit. */
static void captured_in_part(void)
{
    struct bench bench = open_bench(NV_OP_ACCEPT, 0, false);
    struct nv_rules_counter counters[64];
    struct nv_error err = {0};
    uint8_t frame[LONGEST];
    CHECK(nv_rules_worker_open(bench.rules, NULL, &bench.worker, &err) == 0, "%s", err.message);
    packet_ip4(frame, 100, 0x0a000001, 0x0a000002, 6, 1000, 80);
    packet_put16(frame + 16, 1500);
    struct nv_rules_verdict verdict = send(&bench, frame, 96, 2, false, false, 1418);
    CHECK(verdict.reason == NV_RULES_WHY_BY_RULE && !(verdict.flags & NV_RULES_LACKING), "96 bytes: %s, flags %x",
          nv_rules_reason_name(verdict.reason), verdict.flags);
    verdict = send(&bench, frame, 34, 2, false, false, 1480);
    CHECK(verdict.reason == NV_RULES_WHY_BY_RULE && verdict.flags & NV_RULES_LACKING, "34 bytes: %s, flags %x",
          nv_rules_reason_name(verdict.reason), verdict.flags);
    uint32_t count = nv_rules_counters(bench.rules, counters, 64);
    CHECK(counters[count - 5].packets == 2 && counters[count - 5].bytes == 3000, "%llu packets, %llu bytes",
          (unsigned long long)counters[count - 5].packets, (unsigned long long)counters[count - 5].bytes);
    verdict = send(&bench, frame, 34, 2, false, false, 0);
    CHECK(verdict.reason == NV_RULES_WHY_SHORT && verdict.action == NV_RULES_DENY, "34 of 34 bytes: %s",
          nv_rules_reason_name(verdict.reason));
    verdict = send(&bench, frame, 34, 2, false, false, 19);
    CHECK(verdict.reason == NV_RULES_WHY_SHORT, "34 of 53 bytes: %s", nv_rules_reason_name(verdict.reason));
    verdict = send(&bench, frame, 10, 2, false, false, 1504);
    CHECK(verdict.reason == NV_RULES_WHY_NOT_CAPTURED && verdict.action == NV_RULES_PASS, "10 bytes: %s",
          nv_rules_reason_name(verdict.reason));
    verdict = send(&bench, frame, 30, 3, false, false, 1484);
    CHECK(verdict.reason == NV_RULES_WHY_NOT_CAPTURED, "30 bytes, layer 3: %s", nv_rules_reason_name(verdict.reason));
    nv_rules_worker_close(bench.worker);
    nv_rules_destroy(bench.rules);
}

static void accepted(void)
{
    through(NV_OP_ACCEPT, 0);
}

static void answered(void)
{
    through(NV_OP_RESET, 0);
    through(NV_OP_UNREACH, 1);
    through(NV_OP_UNREACH6, 1);
    through(NV_OP_RESET6, 0);
}

static void translated(void)
{
    through(NV_OP_NAT, 1);
}

static void reassembled(void)
{
    through(NV_OP_REASS, 0);
    through(NV_OP_DIVERT, 1000);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"shapes: accepted", accepted},
                                              {"shapes: answered", answered},
                                              {"shapes: translated", translated},
                                              {"shapes: reassembled", reassembled},
                                              {"captured in part", captured_in_part}};
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
