/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_receive_test.c - rx and rxseq: counts, silence, sequence numbers through a bad network, torn packets. */
#include "engine_rig.h"

/* Over VALE: what was sent was received or dropped by name. */
static void vale_adds_up(void)
{
    static const uint32_t sizes[] = {60, 1514, 5000};
    for (size_t i = 0; i < 3; i++) {
        world_new();
        struct nv_plan rx = plan_of(NV_ROLE_RX, "vale0:b"), tx = plan_of(NV_ROLE_TX, "vale0:a");
        tx.traffic.size_max = sizes[i];
        tx.count = 200000;
        struct nv_engine *r = start(&rx), *t = start(&tx);
        CHECK(finishes(t) && reaches(r, NV_STAT_PACKETS, tx.count - drops_of(t)));
        nv_engine_stop(r);
        join(r);
        join(t);
        uint64_t got = stat_of(r, NV_STAT_PACKETS);
        CHECK(stat_of(t, NV_STAT_PACKETS) == tx.count && got + drops_of(t) == tx.count, "%lu got, %lu dropped", got,
              drops_of(t));
        CHECK(got > 0 && stat_of(r, NV_STAT_BYTES) == got * sizes[i]);
        CHECK(nv_page_port(nv_engine_stats(r), NV_PORT_RX_PACKETS) == got);
        CHECK(stat_of(r, NV_STAT_MIN_SPACE) > 0 && stat_of(r, NV_STAT_MIN_SPACE) <= 1024);
        nv_engine_free(r);
        nv_engine_free(t);
        world_end();
    }
}

static void count_and_silence(void)
{
    uint8_t packet[60] = {0};
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RX, "netmap:p}1");
    struct nv_port *near = open_port("netmap:p{1");
    rx.count = 5;
    struct nv_engine *r = start(&rx);
    for (unsigned i = 0; i < 9; i++)
        give_packet(near, packet, 60);
    CHECK(finishes(r));
    join(r);
    CHECK(stat_of(r, NV_STAT_PACKETS) == 5 && stat_of(r, NV_STAT_BYTES) == 300, "%lu", stat_of(r, NV_STAT_PACKETS));
    nv_engine_free(r);
    nv_close(near);
    world_end();

    world_new();
    near = open_port("netmap:p{1");
    rx.count = 0;
    rx.silence_ns = NV_SECOND / 10;
    r = start(&rx);
    usleep(300000); /* the first packet is waited for without limit */
    CHECK(!nv_engine_done(r) && nv_page_get(nv_engine_stats(r), NV_PAGE_STATE) == NV_STATE_WAITING);
    give_packet(near, packet, 60);
    CHECK(finishes(r) && stat_of(r, NV_STAT_PACKETS) == 1);
    /* The silence at the end is not part of the time. */
    CHECK(stat_of(r, NV_STAT_LAST_NS) <= nv_now() - NV_SECOND / 10);
    nv_engine_free(r);
    nv_close(near);
    world_end();
}

/* Returns how many packets were sent in that time. */
static uint64_t sent_within(uint64_t duration_ns)
{
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RX, "vale0:b"), tx = plan_of(NV_ROLE_TX, "vale0:a");
    rx.duration_ns = tx.duration_ns = duration_ns;
    tx.rate = 100000;
    struct nv_engine *r = start(&rx), *t = start(&tx);
    CHECK(finishes(t) && finishes(r));
    uint64_t sent = stat_of(t, NV_STAT_PACKETS);
    nv_engine_free(r);
    nv_engine_free(t);
    world_end();
    return sent;
}

/* Nobody sends: receivers leave all the same. */
static void duration_ends_a_receiver_alone(void)
{
    enum nv_role roles[] = {NV_ROLE_RX, NV_ROLE_RXSEQ, NV_ROLE_PONG};
    for (unsigned i = 0; i < 3; i++) {
        world_new();
        struct nv_plan rx = plan_of(roles[i], "vale0:b");
        rx.duration_ns = NV_SECOND / 20;
        struct nv_engine *r = start(&rx);
        CHECK(finishes(r) && stat_of(r, NV_STAT_PACKETS) == 0, "role %u", i);
        nv_engine_free(r);
        world_end();
    }
}

static void duration_ends_it(void)
{
    uint64_t duration = NV_SECOND / 10, sent = sent_within(duration);
    while (sent == 0 && duration < 10 * NV_SECOND) /* the machine did other things for so long */
        sent = sent_within(duration *= 10);
    CHECK(sent > 0 && sent < 10 * duration / 10000, "%lu in %lu ns", sent, duration);
}

static void sequences_are_whole_over_a_pipe(void)
{
    for (unsigned kind = 0; kind < 6; kind++) {
        world_new();
        struct nv_plan rx = plan_of(NV_ROLE_RXSEQ, "netmap:p}1"), tx = plan_of(NV_ROLE_TXSEQ, "netmap:p{1");
        nv_traffic_default(&tx.traffic, kind & 1 ? 6 : 4);
        tx.traffic.size_max = kind < 2 ? 80 : kind < 4 ? 1514 : 9000;
        tx.traffic.vnet_len = rx.traffic.vnet_len = kind & 1 ? 12 : 0;
        tx.count = rx.count = kind < 4 ? 50000 : 3000;
        rx.verify = rx.histogram = true;
        struct nv_engine *r = start(&rx), *t = start(&tx);
        CHECK(finishes(r) && finishes(t));
        CHECK(stat_of(r, NV_STAT_PACKETS) == rx.count && stat_of(r, NV_STAT_LOST) == 0 &&
              stat_of(r, NV_STAT_TORN) == 0);
        CHECK(stat_of(r, NV_STAT_REORDERED) == 0 && stat_of(r, NV_STAT_DUPLICATED) == 0 &&
              stat_of(r, NV_STAT_STREAMS) == 1);
        CHECK(stat_of(r, NV_STAT_FOREIGN) == 0);
        const struct nv_histogram *h = nv_page_histogram(nv_engine_stats(r), 0);
        CHECK(h->count == rx.count && h->max < 60 * NV_SECOND && nv_histogram_mean(h) > 0);
        nv_engine_free(r);
        nv_engine_free(t);
        world_end();
    }
}

/* VALE drops when the receiver is slow, so numbers are missing: exactly the dropped ones, but for those at the ends. */
static void losses_are_the_drops(void)
{
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RXSEQ, "vale0:b"), tx = plan_of(NV_ROLE_TXSEQ, "vale0:a");
    rx.verify = true;
    tx.traffic.size_max = 1514;
    tx.count = 100000;
    struct nv_engine *r = start(&rx), *t = start(&tx);
    CHECK(finishes(t) && reaches(r, NV_STAT_PACKETS, tx.count - drops_of(t)));
    nv_engine_stop(r);
    join(r);
    uint64_t got = stat_of(r, NV_STAT_PACKETS), lost = stat_of(r, NV_STAT_LOST);
    CHECK(got + drops_of(t) == tx.count && lost <= drops_of(t), "%lu lost, %lu dropped", lost, drops_of(t));
    CHECK(stat_of(r, NV_STAT_TORN) == 0 && stat_of(r, NV_STAT_REORDERED) == 0 && stat_of(r, NV_STAT_DUPLICATED) == 0);
    nv_engine_free(r);
    nv_engine_free(t);
    world_end();
}

/* A network of our own between two pipes, which loses, duplicates, reorders and damages: every count is exact. */
static void a_bad_network_is_counted_exactly(void)
{
    enum { COUNT = 20000 };
    static struct packet p, held;
    static uint8_t seen[COUNT];
    uint64_t seed = 99, late = 0, duplicated = 0, unique = 0, torn = 0, foreign = 0, sent = 0;
    uint64_t first = UINT64_MAX, greatest = 0;
    bool holding = false;
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RXSEQ, "netmap:q}1"), tx = plan_of(NV_ROLE_TXSEQ, "netmap:p{1");
    struct nv_port *in = open_port("netmap:p}1"), *out = open_port("netmap:q{1");
    tx.count = COUNT;
    tx.stream = 40000;
    tx.traffic.size_max = 200;
    rx.verify = true;
    struct nv_engine *r = start(&rx), *t = start(&tx);
    memset(seen, 0, sizeof(seen));
    for (unsigned i = 0; i < COUNT; i++) {
        if (!take_packet(in, &p, PATIENCE))
            break;
        uint64_t number = nv_stamp_get(p.data + 42).sequence;
        CHECK(number == i && nv_stamp_get(p.data + 42).stream == 40000);
        uint32_t fate = random_below(&seed, 100), copies = 1;
        if (fate < 5)
            continue; /* lost */
        if (fate < 8 && !holding) {
            held = p;
            holding = true;
            continue; /* to come later */
        }
        if (fate < 10)
            copies = 2 + random_below(&seed, 2);
        if (fate == 10) {
            p.data[14 + random_below(&seed, 186)] ^= 0x10;
            give_packet(out, p.data, p.len);
            if (nv_stamp_find(p.data, p.len))
                torn++; /* and its number counts as lost */
            else
                foreign++;
            sent++;
            continue;
        }
        while (copies--) {
            give_packet(out, p.data, p.len);
            sent++;
            duplicated += seen[number];
            unique += !seen[number];
            seen[number] = 1;
        }
        first = number < first ? number : first;
        greatest = number > greatest ? number : greatest;
        if (holding && random_below(&seed, 20) == 0) {
            number = nv_stamp_get(held.data + 42).sequence;
            give_packet(out, held.data, held.len);
            sent++;
            late++;
            unique++;
            seen[number] = 1;
            first = number < first ? number : first;
            holding = false;
        }
    }
    CHECK(reaches(r, NV_STAT_PACKETS, sent) && finishes(t));
    nv_engine_stop(r);
    join(r);
    CHECK(stat_of(r, NV_STAT_PACKETS) == sent && torn > 50 && late > 50);
    CHECK(stat_of(r, NV_STAT_LOST) == greatest - first + 1 - unique, "%lu lost, not %lu", stat_of(r, NV_STAT_LOST),
          greatest - first + 1 - unique);
    CHECK(stat_of(r, NV_STAT_REORDERED) == late && stat_of(r, NV_STAT_DUPLICATED) == duplicated,
          "%lu late, not %lu; %lu duplicated, not %lu", stat_of(r, NV_STAT_REORDERED), late,
          stat_of(r, NV_STAT_DUPLICATED), duplicated);
    CHECK(stat_of(r, NV_STAT_TORN) == torn && stat_of(r, NV_STAT_FOREIGN) == foreign,
          "%lu torn, not %lu; %lu foreign, not %lu", stat_of(r, NV_STAT_TORN), torn, stat_of(r, NV_STAT_FOREIGN),
          foreign);
    nv_engine_free(r);
    nv_engine_free(t);
    nv_close(in);
    nv_close(out);
    world_end();
}

static void several_senders_are_told_apart(void)
{
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RXSEQ, "vale0:r"), tx = plan_of(NV_ROLE_TXSEQ, "vale0:a");
    struct nv_engine *t[3], *r = start(&rx);
    uint64_t sent = 0, dropped = 0;
    for (unsigned i = 0; i < 3; i++) {
        tx.port = (const char *[]){"vale0:a", "vale0:b", "vale0:c"}[i];
        tx.stream = (uint16_t)(i * 100 + 1);
        tx.count = 300; /* together less than the ring holds */
        tx.rate = 50000;
        t[i] = start(&tx);
    }
    for (unsigned i = 0; i < 3; i++)
        CHECK(finishes(t[i]));
    for (unsigned i = 0; i < 3; i++) {
        sent += stat_of(t[i], NV_STAT_PACKETS);
        dropped += drops_of(t[i]);
    }
    CHECK(reaches(r, NV_STAT_PACKETS, sent - dropped));
    nv_engine_stop(r);
    join(r);
    for (unsigned i = 0; i < 3; i++)
        nv_engine_free(t[i]);
    CHECK(sent == 900 && stat_of(r, NV_STAT_STREAMS) == 3 && stat_of(r, NV_STAT_REORDERED) == 0);
    CHECK(stat_of(r, NV_STAT_PACKETS) == sent - dropped && stat_of(r, NV_STAT_LOST) <= dropped);
    nv_engine_free(r);
    world_end();
}

/* The reader's word starts min_space anew; the page says where everything is. */
static void the_page_describes_itself(void)
{
    uint8_t packet[60] = {0};
    world_new();
    struct nv_plan rx = plan_of(NV_ROLE_RX, "netmap:p}1");
    struct nv_port *near = open_port("netmap:p{1");
    struct nv_engine *r = start(&rx);
    struct nv_stats_page *page = nv_engine_stats(r);
    CHECK(nv_page_get(page, NV_PAGE_MAGIC) == NV_PAGE_MAGIC_VALUE && nv_page_get(page, NV_PAGE_WORKERS) == 1);
    CHECK(nv_page_get(page, NV_PAGE_WORDS) >= nv_page_get(page, NV_PAGE_HISTOGRAM_AT) + NV_HISTOGRAM_WORDS);
    CHECK(nv_page_get(page, NV_PAGE_WORKER_AT) % 8 == 0 && nv_page_get(page, NV_PAGE_WORKER_STRIDE) % 8 == 0);
    uint64_t *words = (uint64_t *)page;
    for (unsigned i = 0; i < 500; i++)
        give_packet(near, packet, 60);
    CHECK(reaches(r, NV_STAT_PACKETS, 500));
    CHECK(__atomic_load_n(&words[nv_page_get(page, NV_PAGE_WORKER_AT) + NV_STAT_PACKETS], __ATOMIC_RELAXED) == 500);
    uint64_t least = stat_of(r, NV_STAT_MIN_SPACE);
    CHECK(least > 0 && least < 1024);
    __atomic_store_n(&words[NV_PAGE_EPOCH], 1, __ATOMIC_RELAXED);
    give_packet(near, packet, 60);
    CHECK(reaches(r, NV_STAT_PACKETS, 501));
    CHECK(stat_of(r, NV_STAT_MIN_SPACE) == 1023, "%lu", stat_of(r, NV_STAT_MIN_SPACE));
    for (unsigned i = 0; i < NV_STAT_FIELD_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            CHECK(strcmp(nv_worker_word_name(i), nv_worker_word_name(j)) != 0);
    CHECK(!nv_worker_word_name(NV_STAT_FIELD_COUNT) && !nv_page_name(NV_PAGE_FIELD_COUNT) && !nv_state_name(4));
    CHECK(strcmp(nv_state_name(NV_STATE_DONE), "done") == 0 && strcmp(nv_port_word_name(0), "tx_packets") == 0);
    nv_engine_free(r);
    nv_close(near);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"vale_adds_up", vale_adds_up},
        {"count_and_silence", count_and_silence},
        {"duration_ends_it", duration_ends_it},
        {"duration_ends_a_receiver_alone", duration_ends_a_receiver_alone},
        {"sequences_are_whole_over_a_pipe", sequences_are_whole_over_a_pipe},
        {"losses_are_the_drops", losses_are_the_drops},
        {"a_bad_network_is_counted_exactly", a_bad_network_is_counted_exactly},
        {"several_senders_are_told_apart", several_senders_are_told_apart},
        {"the_page_describes_itself", the_page_describes_itself},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
