/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_generator_test.c - generated traffic: every packet is valid, the patched equal the written, ranges, sizes,
 * seeds. */
#include "check.h"

#include <errno.h>

#include "packet/decode.h"
#include "packet/generator.h"

static struct nv_random rng;

static uint32_t below(uint32_t span)
{
    return nv_random_scale((uint32_t)nv_random_next(&rng), span);
}

static struct nv_traffic traffic_of(const char *src, const char *dst)
{
    struct nv_traffic t;
    struct nv_error err = {0};
    nv_traffic_default(&t, strchr(src, '.') ? 4 : 6);
    CHECK(nv_parse_ip_range(src, 0, &t.src, &err) == 0 && nv_parse_ip_range(dst, 0, &t.dst, &err) == 0, "%s",
          err.message);
    return t;
}

static struct nv_generator generator_of(const struct nv_traffic *t, enum nv_payload kind, uint64_t worker)
{
    struct nv_generator g;
    struct nv_error err = {0};
    CHECK(nv_traffic_check(t, &err) == 0, "%s", err.message);
    CHECK(nv_generator_init(&g, t, kind, worker, 3, &err) == 0, "%s", err.message);
    return g;
}

/* Traffic of every kind, drawn at random. */
static struct nv_traffic any_traffic(enum nv_payload kind)
{
    bool v6 = below(2);
    struct nv_traffic t = v6 ? traffic_of("[fd00::fffe]:65530-[fd00::1:5]:65535", "[fd01::1]:1-[fd01::3]:4")
                             : traffic_of("10.0.0.250:65530-10.0.1.5:65535", "10.1.0.1:1-10.1.0.3:4");
    t.protocol = (uint8_t[]){NV_IP_UDP, NV_IP_TCP, NV_IP_ICMP}[below(3)];
    t.vlans = (uint8_t)below(3);
    t.vlan_tci[0] = 7;
    t.vnet_len = (uint16_t[]){0, 10, 12}[below(3)];
    t.flags = below(4);
    t.flows = below(3) ? 0 : 1 + below(100);
    t.seed = nv_random_next(&rng);
    if (below(2))
        nv_parse_mac_range("02:00:00:00:00:fe-02:00:00:00:01:02", &t.src_mac, NULL);
    if (below(2))
        nv_parse_mac_range("02:00:00:00:10:fe-02:00:00:00:11:02", &t.dst_mac, NULL);
    t.size_mode = (uint8_t)below(3);
    uint32_t least = nv_traffic_header_bytes(&t) + (kind == NV_PAYLOAD_TEXT ? 0 : NV_STAMP_BYTES);
    t.size_max = least + below(300);
    t.size_min = least + below(t.size_max - least + 1);
    if (t.size_mode == NV_SIZE_FIXED && below(4) == 0)
        t.size_max = 0;
    return t;
}

static void every_packet_is_valid(void)
{
    uint8_t written[2048], patched[2048];
    for (unsigned round = 0; round < 1500; round++) {
        enum nv_payload kind = round % 3;
        struct nv_traffic t = any_traffic(kind);
        struct nv_generator a = generator_of(&t, kind, 1), b = generator_of(&t, kind, 1);
        uint32_t least = nv_traffic_header_bytes(&t);
        memset(patched, 0xee, sizeof(patched));
        nv_generator_base(&b, patched, nv_generator_max_bytes(&b));
        for (unsigned i = 0; i < 50; i++) {
            a.stamp.time_ns = b.stamp.time_ns = nv_random_next(&rng);
            memset(written, 0xdd, sizeof(written));
            uint64_t sequence = a.stamp.sequence;
            uint32_t bytes = nv_generator_write(&a, written), len = bytes - t.vnet_len;
            CHECK(nv_generator_patch(&b, patched) == bytes && memcmp(written, patched, bytes) == 0,
                  "patched differs, round %u packet %u", round, i);
            CHECK(written[bytes] == 0xdd, "wrote beyond the packet");
            const uint8_t *frame = written + t.vnet_len;
            struct nv_decoded d;
            uint32_t flags = nv_decode(frame, len, &d);
            CHECK(flags == (NV_DECODED_LINK | NV_DECODED_IP | NV_DECODED_TRANSPORT), "flags %x", flags);
            CHECK(d.end == len && d.payload_len == len - least && d.tags == t.vlans);
            CHECK(nv_decode_check(frame, &d) == 0, "bad checksum %x, round %u", nv_decode_check(frame, &d), round);
            /* The incremental sums give what a computation from scratch gives, to the bit. */
            CHECK(nv_load16(frame + d.l4 + nv_checksum_offset(d.protocol)) ==
                  nv_transport_checksum(frame + d.l3, d.protocol, frame + d.l4, len - d.l4));
            if (kind == NV_PAYLOAD_TEXT)
                continue;
            CHECK(nv_stamp_find(frame, len) == d.payload);
            struct nv_stamp stamp = nv_stamp_get(frame + d.payload);
            CHECK(stamp.sequence == sequence && stamp.stream == 3 && stamp.time_ns == a.stamp.time_ns);
            CHECK(nv_stamp_verify(frame, len, d.payload) == (kind == NV_PAYLOAD_SEQUENCE) ||
                  len == least + NV_STAMP_BYTES);
        }
        nv_generator_free(&a);
        nv_generator_free(&b);
    }
}

/* Any byte of one packet replaced by that of another is noticed. */
static void torn_packets_are_noticed(void)
{
    struct nv_traffic t = traffic_of("10.0.0.1", "10.1.0.1");
    uint8_t one[1600], two[1600], torn[1600];
    for (unsigned round = 0; round < 2000; round++) {
        t.size_max = 60 + (round & 1 ? below(1455) : 0);
        struct nv_generator g = generator_of(&t, NV_PAYLOAD_SEQUENCE, 0);
        g.stamp.sequence = nv_random_next(&rng);
        uint32_t len = nv_generator_write(&g, one);
        g.stamp.sequence += below(4) ? 0 : below(100000);
        nv_generator_write(&g, two);
        CHECK(nv_stamp_verify(one, len, 42) && nv_stamp_verify(two, len, 42));
        uint32_t from = below(len / 8) * 8, to = from + 8 + below((len - from) / 8 + 1) * 8;
        memcpy(torn, one, len);
        memcpy(torn + from, two + from, (to > len ? len : to) - from);
        bool differs = memcmp(torn, one, len) && memcmp(torn, two, len);
        CHECK(!differs || !nv_stamp_verify(torn, len, 42), "bytes %u to %u of %u", from, to, len);
        nv_generator_free(&g);
    }
}

static void ranges_advance_like_an_odometer(void)
{
    struct nv_traffic t = traffic_of("10.0.0.255:8-10.0.1.1:9", "10.1.0.1:5-10.1.0.2:6");
    struct nv_generator g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
    uint8_t p[60];
    CHECK(nv_tuples_period(&g.tuples) == 24);
    for (unsigned round = 0; round < 3; round++)
        for (uint32_t dst = 0x0a010001; dst <= 0x0a010002; dst++)
            for (uint16_t dport = 5; dport <= 6; dport++)
                for (uint32_t src = 0x0a0000ff; src <= 0x0a000101; src++)
                    for (uint16_t sport = 8; sport <= 9; sport++) {
                        nv_generator_write(&g, p);
                        CHECK(nv_get_be32(p + 26) == src && nv_get_be32(p + 30) == dst);
                        CHECK(nv_get_be16(p + 34) == sport && nv_get_be16(p + 36) == dport);
                    }
    nv_generator_free(&g);

    t = traffic_of("[fd00::ffff:ffff:ffff:ffff]:1-[fd00:0:0:1::]:1", "[fd01::1]:1");
    g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
    uint8_t q[62];
    for (unsigned i = 0; i < 4; i++) {
        nv_generator_write(&g, q);
        CHECK(nv_get_be64(q + 22) == UINT64_C(0xfd00000000000000) + i % 2 &&
              nv_get_be64(q + 30) == (i % 2 ? 0 : UINT64_MAX));
    }
    nv_generator_free(&g);
}

/* Of all source ports, one makes the UDP checksum 0: that is sent as 0xffff (RFC 768). */
static void udp_checksum_is_never_zero(void)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct nv_traffic t =
            v6 ? traffic_of("[::1]:0-[::1]:65535", "[::2]") : traffic_of("10.0.0.1:0-10.0.0.1:65535", "10.0.0.2");
        struct nv_generator g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
        uint8_t p[62];
        unsigned ones = 0;
        for (unsigned i = 0; i < 65536; i++) {
            struct nv_decoded d;
            uint32_t len = nv_generator_write(&g, p);
            nv_decode(p, len, &d);
            CHECK(nv_load16(p + d.l4 + 6) != 0 && nv_decode_check(p, &d) == 0, "port %u", i);
            ones += nv_load16(p + d.l4 + 6) == 0xffff;
        }
        CHECK(ones == 1, "%u checksums of 0xffff", ones);
        nv_generator_free(&g);
    }
}

static void mac_addresses_advance(void)
{
    struct nv_traffic t = traffic_of("10.0.0.1", "10.1.0.1");
    nv_parse_mac_range("02:00:00:00:00:ff-02:00:00:00:01:00", &t.src_mac, NULL);
    nv_parse_mac_range("04:00:00:00:00:01-04:00:00:00:00:03", &t.dst_mac, NULL);
    struct nv_generator g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
    uint8_t p[60];
    CHECK(nv_tuples_period(&g.tuples) == 6);
    for (unsigned i = 0; i < 12; i++) {
        nv_generator_write(&g, p);
        CHECK(nv_get_be16(p + 10) == 0xff + i % 2 && nv_get_be16(p + 4) == 1 + i / 2 % 3, "packet %u", i);
    }
    nv_generator_free(&g);
}

/* flows = N: N different tuples, in a cycle; also when the ranges hold fewer, and with random addresses. */
static void flows_repeat(void)
{
    static const struct {
        const char *src;
        uint32_t flows, flags;
    } cases[] = {{"10.0.0.1", 64, 0},
                 {"10.0.0.1:65500", 1000, 0},
                 {"10.0.0.1-10.0.0.200", 100, 0},
                 {"10.0.0.1-10.0.0.3", 1, 0},
                 {"10.0.0.1", 50, NV_TRAFFIC_RANDOM_SRC},
                 {"10.0.0.1", 77, NV_TRAFFIC_RANDOM_SRC | NV_TRAFFIC_RANDOM_DST},
                 {"10.0.0.1", 1, NV_TRAFFIC_RANDOM_DST}};
    uint8_t p[60];
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct nv_traffic t = traffic_of(cases[c].src, "10.1.0.1");
        t.flows = cases[c].flows;
        t.flags = cases[c].flags;
        struct nv_generator g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
        uint8_t(*seen)[12] = calloc(t.flows, 12);
        CHECK(nv_tuples_period(&g.tuples) == t.flows);
        for (uint32_t i = 0; i < 3 * t.flows; i++) {
            nv_generator_write(&g, p);
            if (i < t.flows)
                memcpy(seen[i], p + 26, 12);
            else
                CHECK(memcmp(seen[i % t.flows], p + 26, 12) == 0, "case %zu packet %u", c, i);
        }
        for (uint32_t i = 0; i < t.flows; i++)
            for (uint32_t j = 0; j < i; j++)
                CHECK(memcmp(seen[i], seen[j], 12) != 0, "case %zu: flows %u and %u are the same", c, i, j);
        free(seen);
        nv_generator_free(&g);
    }
    struct nv_traffic t = traffic_of("255.255.255.255:65535", "10.1.0.1");
    struct nv_error err;
    t.flows = 2;
    CHECK(nv_traffic_check(&t, &err) == -EINVAL && strstr(err.message, "2 flows"), "%s", err.message);
}

static void random_addresses_stay_in_their_range(void)
{
    struct nv_traffic t = traffic_of("10.0.0.16:100-10.0.0.31:131", "10.1.0.1");
    t.flags = NV_TRAFFIC_RANDOM_SRC | NV_TRAFFIC_RANDOM_DST;
    struct nv_generator g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
    uint8_t p[60];
    uint32_t hosts = 0, ports = 0, high = 0;
    for (unsigned i = 0; i < 4000; i++) {
        nv_generator_write(&g, p);
        uint32_t host = nv_get_be32(p + 26) - 0x0a000010;
        uint16_t port = (uint16_t)(nv_get_be16(p + 34) - 100);
        CHECK(host < 16 && port < 32);
        hosts |= 1u << (host & 31);
        ports |= 1u << (port & 31);
        high |= 1u << (p[30] >> 3); /* the destination is one address: anything goes */
    }
    CHECK(hosts == 0xffff && ports == UINT32_MAX && high == UINT32_MAX, "%x %x %x", hosts, ports, high);
    CHECK(nv_tuples_period(&g.tuples) == UINT64_MAX);
    nv_generator_free(&g);
}

static void same_seed_same_packets(void)
{
    uint8_t p[4][2048];
    unsigned same_other_seed = 0, same_other_worker = 0;
    struct nv_traffic t = traffic_of("10.0.0.1", "10.1.0.1");
    t.flags = NV_TRAFFIC_RANDOM_SRC | NV_TRAFFIC_RANDOM_DST;
    t.size_mode = NV_SIZE_RANDOM;
    t.size_min = 60;
    t.size_max = 1514;
    t.seed = 42;
    struct nv_traffic other = t;
    other.seed = 43;
    struct nv_generator g[4] = {generator_of(&t, NV_PAYLOAD_TEXT, 0), generator_of(&t, NV_PAYLOAD_TEXT, 0),
                                generator_of(&other, NV_PAYLOAD_TEXT, 0), generator_of(&t, NV_PAYLOAD_TEXT, 1)};
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t len[4];
        for (unsigned k = 0; k < 4; k++)
            len[k] = nv_generator_write(&g[k], p[k]);
        CHECK(len[0] == len[1] && memcmp(p[0], p[1], len[0]) == 0);
        same_other_seed += memcmp(p[0] + 26, p[2] + 26, 12) == 0;
        same_other_worker += memcmp(p[0] + 26, p[3] + 26, 12) == 0;
    }
    CHECK(same_other_seed == 0 && same_other_worker == 0, "%u %u", same_other_seed, same_other_worker);
    for (unsigned k = 0; k < 4; k++)
        nv_generator_free(&g[k]);
}

static void sizes_have_their_shares(void)
{
    struct nv_traffic t = traffic_of("10.0.0.1", "10.1.0.1");
    uint8_t p[1514];
    uint32_t count[1515] = {0}, rounds = 120000;
    t.size_mode = NV_SIZE_IMIX;
    struct nv_generator g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
    for (uint32_t i = 0; i < rounds; i++)
        count[nv_generator_write(&g, p)]++;
    nv_generator_free(&g);
    CHECK(count[60] + count[590] + count[1514] == rounds);
    /* Five standard deviations of a binomial: 860, 820, 480. */
    CHECK(abs((int)count[60] - 70000) < 860 && abs((int)count[590] - 40000) < 820 &&
              abs((int)count[1514] - 10000) < 480,
          "%u %u %u", count[60], count[590], count[1514]);

    memset(count, 0, sizeof(count));
    t.size_mode = NV_SIZE_RANDOM;
    t.size_min = 100;
    t.size_max = 109;
    g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
    for (uint32_t i = 0; i < rounds; i++)
        count[nv_generator_write(&g, p)]++;
    nv_generator_free(&g);
    uint32_t sum = 0;
    for (unsigned size = 100; size <= 109; size++) {
        CHECK(abs((int)count[size] - 12000) < 520, "size %u: %u", size, count[size]);
        sum += count[size];
    }
    CHECK(sum == rounds);
}

/* Whatever the headers are, the default size holds them, and a size that does not is refused with the one needed. */
static void sizes_hold_the_headers(void)
{
    for (unsigned round = 0; round < 2u * 3 * 5 * 2; round++) {
        bool v6 = round & 1, stamped = round / 2 & 1;
        struct nv_traffic t = v6 ? traffic_of("fd00::1", "fd01::1") : traffic_of("10.0.0.1", "10.1.0.1");
        t.protocol = (uint8_t[]){NV_IP_UDP, NV_IP_TCP, NV_IP_ICMP}[round / 4 % 3];
        t.vlans = (uint8_t)(round / 12);
        enum nv_payload kind = stamped ? NV_PAYLOAD_SEQUENCE : NV_PAYLOAD_TEXT;
        uint32_t tcp = t.protocol == NV_IP_TCP ? 20 : 8, stamp = stamped ? 18 : 0;
        uint32_t least = 14 + t.vlans * 4u + (v6 ? 40 : 20) + tcp + stamp;
        uint8_t p[200];
        struct nv_decoded d;
        struct nv_generator g = generator_of(&t, kind, 0);
        uint32_t len = nv_generator_write(&g, p);
        CHECK(len == (least > 60 ? least : 60), "%u for %u", len, least);
        CHECK(nv_decode(p, len, &d) == (NV_DECODED_LINK | NV_DECODED_IP | NV_DECODED_TRANSPORT));
        CHECK(nv_decode_check(p, &d) == 0 && d.tags == t.vlans);
        nv_generator_free(&g);

        struct nv_error err = {0};
        char needed[8];
        snprintf(needed, sizeof(needed), "%u", least);
        t.size_max = least - 1;
        CHECK(nv_generator_init(&g, &t, kind, 0, 0, &err) == -EINVAL && strstr(err.message, needed), "%s", err.message);
        t.size_mode = NV_SIZE_RANDOM;
        t.size_min = least - 1;
        t.size_max = 1514;
        CHECK(nv_traffic_fits(&t, stamped, &err) == -EINVAL && strstr(err.message, needed), "%s", err.message);
        t.size_min = least;
        CHECK(nv_traffic_fits(&t, stamped, NULL) == 0);
    }
}

static void bad_traffic_is_refused(void)
{
    struct nv_error err;
    struct nv_generator g;
#define REFUSED(change, word)                                                                                          \
    do {                                                                                                               \
        struct nv_traffic t = traffic_of("10.0.0.1", "10.1.0.1");                                                      \
        change;                                                                                                        \
        err.message[0] = '\0';                                                                                         \
        CHECK(nv_traffic_check(&t, &err) == -EINVAL && strstr(err.message, word), "%s", err.message);                  \
        CHECK(nv_traffic_check(&t, NULL) == -EINVAL);                                                                  \
    } while (0)
    REFUSED(t.src.version = 5, "IPv4");
    REFUSED(t.dst.version = 6, "both");
    REFUSED(t.protocol = 2, "2");
    REFUSED(t.protocol = 58, "ICMPv6");
    REFUSED(t.vlans = 5, "5 VLAN");
    REFUSED(t.vnet_len = 11, "11");
    REFUSED(t.size_max = 15, "15");
    REFUSED(t.size_max = 65550, "65550");
    REFUSED((t.size_mode = NV_SIZE_RANDOM, t.size_min = 61, t.size_max = 60), "61");
    REFUSED((t.size_mode = NV_SIZE_RANDOM, t.size_min = 0, t.size_max = 60), "0");
    REFUSED(t.frags = 0, "0");
    REFUSED(t.frags = 64, "64");
    REFUSED(t.frag_size = 3, "3");
#undef REFUSED
    struct nv_traffic t = traffic_of("10.0.0.1", "10.1.0.1");
    t.size_max = 59;
    CHECK(nv_generator_init(&g, &t, NV_PAYLOAD_SEQUENCE, 0, 0, &err) == -EINVAL && strstr(err.message, "60"), "%s",
          err.message);
    t.size_max = NV_FRAME_MAX;
    g = generator_of(&t, NV_PAYLOAD_TEXT, 0);
    uint8_t *big = malloc(NV_FRAME_MAX);
    struct nv_decoded d;
    CHECK(nv_generator_write(&g, big) == NV_FRAME_MAX);
    CHECK(nv_decode(big, NV_FRAME_MAX, &d) & NV_DECODED_TRANSPORT && nv_decode_check(big, &d) == 0);
    free(big);
    nv_generator_free(&g);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"every_packet_is_valid", every_packet_is_valid},
        {"torn_packets_are_noticed", torn_packets_are_noticed},
        {"ranges_advance_like_an_odometer", ranges_advance_like_an_odometer},
        {"udp_checksum_is_never_zero", udp_checksum_is_never_zero},
        {"mac_addresses_advance", mac_addresses_advance},
        {"flows_repeat", flows_repeat},
        {"random_addresses_stay_in_their_range", random_addresses_stay_in_their_range},
        {"same_seed_same_packets", same_seed_same_packets},
        {"sizes_have_their_shares", sizes_have_their_shares},
        {"sizes_hold_the_headers", sizes_hold_the_headers},
        {"bad_traffic_is_refused", bad_traffic_is_refused},
    };
    nv_random_seed(&rng, 77, 0);
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
