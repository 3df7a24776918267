/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_ping_test.c - ping and pong: every protocol, losses, late and repeated answers, what pong turns round. */
#include "engine_rig.h"

static void every_protocol_is_answered(void)
{
    for (unsigned kind = 0; kind < 12; kind++) {
        world_new();
        bool vale = kind & 1, v6 = kind & 2;
        struct nv_plan ping = plan_of(NV_ROLE_PING, vale ? "vale0:a" : "netmap:p{1");
        struct nv_plan pong = plan_of(NV_ROLE_PONG, vale ? "vale0:b" : "netmap:p}1");
        nv_traffic_default(&ping.traffic, v6 ? 6 : 4);
        ping.traffic.protocol = (uint8_t[]){NV_IP_UDP, NV_IP_TCP, NV_IP_ICMP}[kind / 4];
        ping.traffic.size_max = 100;
        ping.traffic.vlans = kind / 4;
        ping.count = 500;
        ping.timeout_ns = PATIENCE;
        ping.burst = kind & 4 ? 10 : 0;
        struct nv_engine *b = start(&pong), *a = start(&ping);
        CHECK(finishes(a), "kind %u", kind);
        nv_engine_stop(b);
        join(a);
        join(b);
        const struct nv_histogram *h = nv_page_histogram(nv_engine_stats(a), 0);
        CHECK(stat_of(a, NV_STAT_REPLIES) == 500 && stat_of(a, NV_STAT_TIMEOUTS) == 0, "kind %u: %lu replies, %lu lost",
              kind, stat_of(a, NV_STAT_REPLIES), stat_of(a, NV_STAT_TIMEOUTS));
        CHECK(stat_of(a, NV_STAT_FOREIGN) == 0 && stat_of(a, NV_STAT_DUPLICATED) == 0 &&
              stat_of(a, NV_STAT_TOO_LATE) == 0);
        CHECK(h->count == 500 && h->min > 100 && h->min <= h->max && h->max < PATIENCE);
        CHECK(stat_of(a, NV_STAT_ACCEPTED) == 500 && stat_of(b, NV_STAT_ACCEPTED) == 500);
        nv_engine_free(a);
        nv_engine_free(b);
        world_end();
    }
}

/*
 * We are the pong, and a bad one: some requests get no answer, some two, some one too late. The first thousand come
 * together; the last one when all of them are answered or given up. Returns whether all were counted so; answers that
 * take longer than the time-out are late.
 */
static bool bad_answers(uint64_t timeout_ns)
{
    static struct packet p, late[100];
    unsigned lates = 0, unanswered = 0, doubled = 0;
    world_new();
    struct nv_plan ping = plan_of(NV_ROLE_PING, "netmap:p{1");
    struct nv_port *far = open_port("netmap:p}1");
    ping.count = 1001;
    ping.burst = 1000;
    ping.timeout_ns = timeout_ns;
    struct nv_engine *a = start(&ping);
    for (unsigned i = 0; i < 1000 && take_packet(far, &p, PATIENCE); i++) {
        CHECK(nv_stamp_get(p.data + 42).sequence == i);
        if (i % 10 == 3)
            unanswered++;
        else if (i % 10 == 5)
            late[lates++] = p;
        else
            give_packet(far, p.data, p.len);
        if (i % 10 == 7) {
            give_packet(far, p.data, p.len);
            doubled++;
        }
    }
    CHECK(take_packet(far, &p, PATIENCE) && nv_stamp_get(p.data + 42).sequence == 1000);
    for (unsigned i = 0; i < lates; i++)
        give_packet(far, late[i].data, late[i].len);
    give_packet(far, (const uint8_t[60]){1}, 60);
    give_packet(far, p.data, p.len);
    CHECK(finishes(a));
    join(a);
    CHECK(stat_of(a, NV_STAT_ACCEPTED) == 1001 && lates == 100 && stat_of(a, NV_STAT_FOREIGN) == 1);
    CHECK(nv_page_histogram(nv_engine_stats(a), 0)->count == stat_of(a, NV_STAT_REPLIES));
    CHECK(stat_of(a, NV_STAT_REPLIES) + stat_of(a, NV_STAT_TIMEOUTS) == 1001);
    bool exact = stat_of(a, NV_STAT_TIMEOUTS) == unanswered + lates && stat_of(a, NV_STAT_DUPLICATED) == doubled &&
                 stat_of(a, NV_STAT_TOO_LATE) == lates;
    if (!exact)
        printf("# time-out %lu ns: %lu timed out, not %u; %lu again, not %u; %lu late, not %u\n", timeout_ns,
               stat_of(a, NV_STAT_TIMEOUTS), unanswered + lates, stat_of(a, NV_STAT_DUPLICATED), doubled,
               stat_of(a, NV_STAT_TOO_LATE), lates);
    nv_engine_free(a);
    nv_close(far);
    world_end();
    return exact;
}

/* A machine that does other things for longer than a time-out gets longer ones. */
static void bad_answers_are_counted(void)
{
    CHECK(bad_answers(2 * NV_SECOND) || bad_answers(10 * NV_SECOND) || bad_answers(40 * NV_SECOND));
}

static void nobody_answers(void)
{
    world_new();
    struct nv_plan ping = plan_of(NV_ROLE_PING, "vale0:a");
    ping.count = 3;
    ping.timeout_ns = NV_SECOND / 50;
    struct nv_engine *a = start(&ping);
    CHECK(finishes(a) && stat_of(a, NV_STAT_TIMEOUTS) == 3 && stat_of(a, NV_STAT_REPLIES) == 0);
    CHECK(nv_page_drop(nv_engine_stats(a), NV_DROP_NO_PORT) == 3);
    nv_engine_free(a);
    world_end();
}

/* Build a request by hand, have it returned, and look at what came back. */
static void pong_turns_packets_round(void)
{
    static struct packet p;
    static const uint8_t here[6] = {2, 0, 0, 0, 0, 1}, there[6] = {2, 0, 0, 0, 0, 2};
    struct nv_ip_fields ip = {.src = {10, 0, 0, 1}, .dst = {10, 0, 0, 2}, .protocol = NV_IP_ICMP, .ttl = 5};
    uint8_t frame[80] = {0};
    struct nv_decoded d;
    world_new();
    struct nv_plan pong = plan_of(NV_ROLE_PONG, "netmap:p}1");
    struct nv_port *near = open_port("netmap:p{1");
    memcpy(pong.traffic.src_mac.first, there, 6);
    memcpy(pong.traffic.src_mac.last, there, 6);
    struct nv_engine *b = start(&pong);
    for (unsigned round = 0; round < 2; round++) {
        /* To the pong itself, and to everybody. */
        uint8_t *l3 = nv_build_ethernet(frame, round ? broadcast_mac : there, here, NULL, 0, NV_TYPE_IPV4);
        uint8_t *l4 = nv_build_ipv4(l3, &ip, 8 + 20);
        nv_build_echo(l4, NV_ICMP_ECHO, 77, 88);
        nv_build_finish(l3, NV_IP_ICMP, l4, 28);
        give_packet(near, frame, 62);
        CHECK(take_packet(near, &p, PATIENCE) && p.len == 62);
        CHECK(memcmp(p.data, here, 6) == 0 && memcmp(p.data + 6, there, 6) == 0);
        CHECK(nv_decode(p.data, p.len, &d) & NV_DECODED_TRANSPORT && nv_decode_check(p.data, &d) == 0);
        CHECK(nv_get_be32(p.data + 26) == 0x0a000002 && nv_get_be32(p.data + 30) == 0x0a000001);
        CHECK(p.data[34] == NV_ICMP_ECHO_REPLY && d.src_port == 77 && d.dst_port == 88);
    }
    /* IPv6 and UDP: addresses and ports change places. */
    struct nv_ip_fields ip6 = {.src = {0xfd, 1}, .dst = {0xfd, 2}, .protocol = NV_IP_UDP, .ttl = 5};
    uint8_t *l3 = nv_build_ethernet(frame, there, here, NULL, 0, NV_TYPE_IPV6), *l4 = nv_build_ipv6(l3, &ip6, 8 + 10);
    nv_build_udp(l4, 77, 88, 10);
    nv_build_finish(l3, NV_IP_UDP, l4, 18);
    give_packet(near, frame, 72);
    CHECK(take_packet(near, &p, PATIENCE) && nv_decode(p.data, p.len, &d) & NV_DECODED_TRANSPORT);
    CHECK(nv_decode_check(p.data, &d) == 0 && d.src_port == 88 && d.dst_port == 77);
    CHECK(memcmp(p.data + 22, ip6.dst, 16) == 0 && memcmp(p.data + 38, ip6.src, 16) == 0);
    /* Not IP, and hardly a packet: returned all the same. */
    nv_build_ethernet(frame, there, here, NULL, 0, NV_TYPE_ARP);
    give_packet(near, frame, 60);
    CHECK(take_packet(near, &p, PATIENCE) && memcmp(p.data, here, 6) == 0 && memcmp(p.data + 6, there, 6) == 0);
    give_packet(near, frame, 13);
    CHECK(take_packet(near, &p, PATIENCE) && p.len == 13 && memcmp(p.data, there, 6) == 0);
    nv_engine_stop(b);
    join(b);
    CHECK(stat_of(b, NV_STAT_ACCEPTED) == 5);
    nv_engine_free(b);
    nv_close(near);
    world_end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"every_protocol_is_answered", every_protocol_is_answered},
        {"bad_answers_are_counted", bad_answers_are_counted},
        {"nobody_answers", nobody_answers},
        {"pong_turns_packets_round", pong_turns_packets_round},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
