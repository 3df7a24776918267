/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules_fragments_test.c - datagrams cut at random places, pieces doubled, overlapping and in any order, through
 * `reass` and `divert`: what comes out is the datagram, once; pieces that disagree never become one.
 */
#include "check.h"
#include "rules_build.h"

enum { BYTES = 640, MOST = 24, HEADER = 14 + 20, HEADER6 = 14 + 40 + 8 };

static struct dice d = {0x9e3779b97f4a7c15};

struct bench {
    struct nv_rules *rules;
    struct nv_rules_worker *worker;
    uint64_t time;
    uint32_t id;
    bool six;
};

/* `100 ACTION`, then what is left is allowed. */
static struct bench open_bench(unsigned action, bool six)
{
    struct bench bench = {.time = 1000000000, .six = six};
    struct nv_error err = {0};
    struct build b = {0};
    size_t size;
    CHECK(nv_rules_create(NULL, &bench.rules, &err) == 0, "%s", err.message);
    build_rule(&b, 100, 0);
    build_op(&b, action, 0, action == NV_OP_DIVERT ? 1000 : 0);
    const void *program = build_done(&b, true, &size);
    CHECK(nv_rules_load(bench.rules, program, size, &err) == 0, "%s", err.message);
    build_free(&b);
    CHECK(nv_rules_worker_open(bench.rules, NULL, &bench.worker, &err) == 0, "%s", err.message);
    return bench;
}

static void close_bench(struct bench *bench)
{
    nv_rules_worker_close(bench->worker);
    nv_rules_destroy(bench->rules);
}

/* The fragment of bytes [from, to) in memory of its own length; returns that. */
static uint8_t *cut_out(const struct bench *bench, const uint8_t *body, uint32_t from, uint32_t to, uint32_t *length)
{
    uint32_t header = bench->six ? HEADER6 : HEADER;
    bool more = to < BYTES;
    *length = header + to - from;
    uint8_t *frame = calloc(1, *length);
    if (bench->six) {
        packet_put16(frame + 12, 0x86dd);
        frame[14] = 0x60;
        packet_put16(frame + 18, 8 + to - from);
        frame[20] = 44;
        frame[22] = frame[38] = 0x20;
        frame[54] = 59; /* nothing of it is read */
        packet_put16(frame + 56, from | more);
        packet_put16(frame + 60, bench->id & 0xffff);
    } else {
        packet_put16(frame + 12, 0x0800);
        frame[14] = 0x45;
        packet_put16(frame + 16, 20 + to - from);
        packet_put16(frame + 18, bench->id & 0xffff);
        packet_put16(frame + 20, from / 8 | (more ? 0x2000 : 0));
        frame[22] = 64;
        frame[23] = 253; /* experiments */
        frame[26] = frame[30] = 10;
        frame[29] = 1;
    }
    memcpy(frame + header, body + from, to - from);
    return frame;
}

/* Send bytes [from, to); true: the whole datagram came out, and is `body`. */
static bool give(struct bench *bench, const uint8_t *body, uint32_t from, uint32_t to, struct nv_rules_verdict *verdict)
{
    uint32_t length;
    uint8_t *frame = cut_out(bench, body, from, to, &length);
    struct nv_rules_packet packet = {.data = frame, .length = length, .layer = 2, .time_ns = bench->time += 1000};
    nv_rules_classify(bench->worker, &packet, 1, verdict);
    bool whole = verdict->flags & NV_RULES_REPLACED;
    if (whole) {
        uint32_t header = bench->six ? HEADER6 - 8 : HEADER;
        CHECK(packet.length == header + BYTES, "%u bytes", packet.length);
        CHECK(memcmp(packet.data + header, body, BYTES) == 0, "other bytes than were sent");
        CHECK(!bench->six || packet.data[20] == 59, "next header %u", packet.data[20]);
    }
    free(frame);
    return whole;
}

static void fill(uint8_t *body)
{
    for (unsigned i = 0; i < BYTES; i++)
        body[i] = (uint8_t)dice_roll(&d);
}

/* Places to cut at, multiples of eight in rising order, from 0 to BYTES; how many pieces that makes. */
static unsigned cuts(uint32_t *at, unsigned most)
{
    unsigned count = 0;
    at[0] = 0;
    while (at[count] < BYTES && count + 1 < most) {
        at[count + 1] = at[count] + 8 + 8 * dice(&d, 12);
        count++;
    }
    at[count] = BYTES;
    while (count > 1 && at[count - 1] >= BYTES)
        at[--count] = BYTES;
    return count;
}

/* Pieces in any order, each up to three times: whole when the last new one came, copies say that they are. */
static void any_order(unsigned action, bool six)
{
    struct bench bench = open_bench(action, six);
    uint8_t body[BYTES];
    for (unsigned round = 0; round < 2000; round++) {
        uint32_t at[MOST + 1];
        unsigned count = cuts(at, MOST), order[3 * MOST], sends = 0, there = 0, wholes = 0;
        uint64_t seen = 0;
        fill(body);
        bench.id++;
        for (unsigned i = 0; i < count; i++)
            for (unsigned times = 1 + dice(&d, 3); times; times--)
                order[sends++] = i;
        for (unsigned i = sends; i-- > 1;) {
            unsigned j = dice(&d, i + 1), piece = order[i];
            order[i] = order[j], order[j] = piece;
        }
        for (unsigned i = 0; i < sends && there < count; i++) {
            struct nv_rules_verdict verdict;
            bool copy = seen >> order[i] & 1;
            there += !copy;
            seen |= UINT64_C(1) << order[i];
            bool whole = give(&bench, body, at[order[i]], at[order[i] + 1], &verdict);
            wholes += whole;
            CHECK(whole == (there == count && !copy), "piece %u of %u", there, count);
            CHECK(count == 1 || copy == (verdict.reason == NV_RULES_WHY_COPY), "copy %d: %s", copy,
                  nv_rules_reason_name(verdict.reason));
        }
        CHECK(wholes == (count > 1), "%u wholes of %u pieces", wholes, count);
    }
    close_bench(&bench);
}

static void in_any_order(void)
{
    any_order(NV_OP_REASS, false);
    any_order(NV_OP_DIVERT, false);
    any_order(NV_OP_DIVERT, true);
}

/* Pieces from anywhere to anywhere that agree: IPv4 is whole as soon as every byte is there, and not before. */
static void overlapping(void)
{
    struct bench bench = open_bench(NV_OP_REASS, false);
    uint8_t body[BYTES];
    for (unsigned round = 0; round < 2000; round++) {
        bool there[BYTES / 8] = {false}, whole = false;
        fill(body);
        bench.id++;
        for (unsigned sends = 0; sends < 60 && !whole; sends++) {
            struct nv_rules_verdict verdict;
            uint32_t from = 8 * dice(&d, BYTES / 8), to = from + 8 * (1 + dice(&d, 20));
            to = to > BYTES ? BYTES : to;
            if (from == 0 && to == BYTES)
                continue;
            bool all = true, new = false;
            for (unsigned i = 0; i < BYTES / 8; i++) {
                bool now = i >= from / 8 && i < to / 8;
                new |= now && !there[i];
                there[i] |= now;
                all &= there[i];
            }
            whole = give(&bench, body, from, to, &verdict);
            CHECK(whole == all, "%u..%u, all there: %d, reason %s", from, to, all,
                  nv_rules_reason_name(verdict.reason));
            CHECK(new == (verdict.reason != NV_RULES_WHY_COPY), "new %d: %s", new,
                  nv_rules_reason_name(verdict.reason));
        }
    }
    close_bench(&bench);
}

/* A piece that overlaps with other bytes ends the datagram: what comes behind it makes none with what was before. */
static void contradicting(void)
{
    struct nv_rules_verdict verdict;
    uint8_t body[BYTES], other[BYTES];
    for (unsigned six = 0; six < 2; six++) {
        struct bench bench = open_bench(NV_OP_DIVERT, six);
        for (unsigned round = 0; round < 500; round++) {
            fill(body);
            fill(other);
            bench.id++;
            uint32_t from = 8 * dice(&d, 40), to = from + 8 * (1 + dice(&d, 30)), middle = (from + to) / 16 * 8;
            CHECK(!give(&bench, body, 0, 320, &verdict) && verdict.action == NV_RULES_HELD, "first");
            if (middle >= 320 && from >= 320)
                continue;
            CHECK(!give(&bench, other, from, to, &verdict), "other bytes");
            CHECK(verdict.reason == NV_RULES_WHY_FRAGMENTS, "%u..%u: %s", from, to,
                  nv_rules_reason_name(verdict.reason));
            CHECK(!give(&bench, body, 320, BYTES, &verdict), "what was given up is whole");
        }
        close_bench(&bench);
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"fragments in any order", in_any_order},
                                              {"fragments that overlap", overlapping},
                                              {"fragments that contradict", contradicting}};
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
