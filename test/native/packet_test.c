/* SPDX-License-Identifier: BSD-2-Clause */
/* packet_test.c - checksums, headers, decoding, address ranges, stamps and dumps. */
#include "check.h"

#include <errno.h>

#include "packet/build.h"
#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/decode.h"
#include "packet/random.h"
#include "packet/stamp.h"

static struct nv_random rng;

static uint32_t below(uint32_t span)
{
    return nv_random_scale((uint32_t)nv_random_next(&rng), span);
}

/* The checksum as RFC 1071's own C example computes it, one byte pair at a time in network order. */
static uint16_t plain_checksum(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += (uint32_t)p[i] << (i & 1 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void checksum_of_known_packets(void)
{
    /* RFC 1071 section 3: sum ddf2, so the checksum is 220d. */
    const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    CHECK(be16toh(nv_checksum(rfc1071, sizeof(rfc1071))) == 0x220d);
    /* A header with a known checksum of b861 (192.168.0.1 to 192.168.0.199, UDP). */
    const uint8_t ip[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                          0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    CHECK(nv_checksum(ip, sizeof(ip)) == 0);
    uint8_t blank[sizeof(ip)];
    memcpy(blank, ip, sizeof(ip));
    nv_store16(blank + 10, 0);
    CHECK(be16toh(nv_checksum(blank, sizeof(blank))) == 0xb861);
    /* RFC 1624 section 4: header checksum DD2F, a field from 5555 to 3285 gives 0000 and not FFFF. */
    CHECK(nv_checksum_update16(htobe16(0xdd2f), htobe16(0x5555), htobe16(0x3285)) == 0);
}

static void checksum_equals_the_plain_loop(void)
{
    uint8_t data[2048];
    for (unsigned round = 0; round < 20000; round++) {
        uint32_t len = below(round % 10 ? 128 : sizeof(data)), at = below(8);
        for (uint32_t i = 0; i < len; i++)
            data[(at + i) % sizeof(data)] = (uint8_t)(round % 3 ? nv_random_next(&rng) : 0xff);
        if (at + len > sizeof(data))
            continue;
        CHECK(be16toh(nv_checksum(data + at, len)) == plain_checksum(data + at, len, 0), "length %u", len);
    }
}

static void incremental_equals_full(void)
{
    uint8_t data[60];
    for (unsigned round = 0; round < 100000; round++) {
        for (unsigned i = 0; i < sizeof(data); i++)
            data[i] = (uint8_t)(round & 1 ? nv_random_next(&rng) : (nv_random_next(&rng) & 1) * 0xff);
        data[59] |= 1; /* never all zero */
        uint16_t before = nv_checksum(data, sizeof(data));
        uint32_t at = below(14) * 4, word = round & 2 ? (uint32_t)nv_random_next(&rng) : (round & 4 ? 0xffffffff : 0);
        uint16_t updated;
        if (round & 8) {
            updated = nv_checksum_update32(before, nv_load32(data + at), word);
            nv_store32(data + at, word);
        } else {
            updated = nv_checksum_update16(before, nv_load16(data + at), (uint16_t)word);
            nv_store16(data + at, (uint16_t)word);
        }
        CHECK(updated == nv_checksum(data, sizeof(data)), "round %u", round);
    }
}

/* Build one packet of each kind by hand; returns its length. */
static uint32_t build(uint8_t *frame, unsigned version, uint8_t protocol, unsigned tags, uint32_t payload)
{
    static const uint8_t dst[6] = {2, 0, 0, 0, 0, 1}, src[6] = {2, 0, 0, 0, 0, 2};
    const uint16_t tci[10] = {100, 0x2007, 0xe123, 5};
    struct nv_ip_fields ip = {.protocol = protocol, .ttl = 64, .tos = 0x10, .id = 77, .flow = 0x12345};
    for (unsigned i = 0; i < 16; i++) {
        ip.src[i] = (uint8_t)nv_random_next(&rng);
        ip.dst[i] = (uint8_t)nv_random_next(&rng);
    }
    uint16_t l4_len = (uint16_t)(payload + (protocol == NV_IP_TCP ? 20 : 8));
    uint8_t *l3 = nv_build_ethernet(frame, dst, src, tci, tags, version == 4 ? NV_TYPE_IPV4 : NV_TYPE_IPV6);
    uint8_t *l4 = version == 4 ? nv_build_ipv4(l3, &ip, l4_len) : nv_build_ipv6(l3, &ip, l4_len);
    uint8_t *data = protocol == NV_IP_UDP ? nv_build_udp(l4, 1000, 2000, (uint16_t)payload)
                    : protocol == NV_IP_TCP
                        ? nv_build_tcp(l4, 1000, 2000, 1, 2, 0x12, 500)
                        : nv_build_echo(l4, version == 4 ? NV_ICMP_ECHO : NV_ICMPV6_ECHO, 1000, 2000);
    for (uint32_t i = 0; i < payload; i++)
        data[i] = (uint8_t)nv_random_next(&rng);
    nv_build_finish(l3, protocol, l4, l4_len);
    return (uint32_t)(data - frame) + payload;
}

static const uint8_t protocols[2][3] = {{NV_IP_UDP, NV_IP_TCP, NV_IP_ICMP}, {NV_IP_UDP, NV_IP_TCP, NV_IP_ICMPV6}};

static void built_packets_decode(void)
{
    uint8_t frame[512];
    struct nv_decoded d;
    for (unsigned round = 0; round < 3000; round++) {
        unsigned version = round & 1 ? 6 : 4, tags = round % 5;
        uint8_t protocol = protocols[version == 6][below(3)];
        uint32_t payload = below(200), len = build(frame, version, protocol, tags, payload);
        uint32_t flags = nv_decode(frame, len, &d);
        CHECK(flags == (NV_DECODED_LINK | NV_DECODED_IP | NV_DECODED_TRANSPORT), "flags %x", flags);
        CHECK(d.tags == tags && d.ip_version == version && d.protocol == protocol);
        CHECK(tags == 0 || d.tci[0] == 100);
        CHECK(d.payload + d.payload_len == len && d.payload_len == payload && d.end == len);
        CHECK(d.src_port == 1000 && d.dst_port == 2000);
        CHECK(nv_decode_check(frame, &d) == 0);
        CHECK(nv_transport_checksum(frame + d.l3, protocol, frame + d.l4, len - d.l4) ==
              nv_load16(frame + d.l4 + nv_checksum_offset(protocol)));
        /* Any single bit changed from the IP header on is noticed, except where no checksum reaches. */
        uint32_t at = d.l4 + below(len - d.l4);
        frame[at] = (uint8_t)(frame[at] ^ 1u << below(8));
        flags = nv_decode(frame, len, &d);
        CHECK(flags & NV_DECODED_BAD || d.payload_len != payload || nv_decode_check(frame, &d) != 0 ||
                  (version == 4 && protocol == NV_IP_UDP && nv_load16(frame + d.l4 + 6) == 0),
              "byte %u of %u unnoticed, protocol %u", at, len, protocol);
    }
}

/* Every cut and every random damage is survived; the buffer ends where the packet does, so that ASan sees over-reads.
 */
static void damaged_packets_are_survived(void)
{
    uint8_t frame[512];
    struct nv_decoded d;
    for (unsigned round = 0; round < 3000; round++) {
        unsigned version = round & 1 ? 6 : 4;
        uint32_t len = build(frame, version, protocols[version == 6][below(3)], round % 10, below(60));
        uint32_t damage = below(4);
        while (damage--)
            frame[below(len)] = (uint8_t)nv_random_next(&rng);
        if (round % 7 == 0)
            frame[NV_ETHER_LEN + 6] = (uint8_t[]){0, 43, 44, 51, 60}[below(5)]; /* extension headers out of payload */
        uint32_t keep = below(len + 1);
        uint8_t *exact = malloc(keep ? keep : 1);
        memcpy(exact, frame, keep);
        uint32_t flags = nv_decode(exact, keep, &d);
        CHECK(!(flags & NV_DECODED_TRANSPORT) || (d.payload <= keep && d.payload + d.payload_len <= keep));
        CHECK(!(flags & NV_DECODED_IP) || d.l4 <= keep);
        if (!(flags & NV_DECODED_CUT) && flags & NV_DECODED_IP)
            nv_decode_check(exact, &d);
        char text[200];
        nv_decode_text(exact, &d, text, sizeof(text));
        nv_stamp_find(exact, keep);
        char *dump = malloc(NV_DUMP_SIZE(keep));
        int size = nv_dump(exact, keep, 0, "tx0", 1, 2, 3, dump, NV_DUMP_SIZE(keep));
        CHECK(size > 0 && (size_t)size < NV_DUMP_SIZE(keep) && strlen(dump) == (size_t)size);
        free(dump);
        free(exact);
    }
}

static void extension_headers_and_fragments(void)
{
    uint8_t frame[128] = {0};
    struct nv_decoded d;
    struct nv_ip_fields ip = {.protocol = 0, .ttl = 1};
    uint8_t *l3 = nv_build_ethernet(frame, frame, frame, NULL, 0, NV_TYPE_IPV6);
    uint8_t *at = nv_build_ipv6(l3, &ip, 8 + 8 + 8 + 4);
    memcpy(at, (uint8_t[]){44, 0, 1, 4, 0, 0, 0, 0}, 8);     /* hop-by-hop options, padded; fragment header next */
    memcpy(at + 8, (uint8_t[]){17, 0, 0, 1, 0, 0, 0, 9}, 8); /* offset 0, more fragments */
    nv_build_udp(at + 16, 7, 9, 4);
    uint32_t flags = nv_decode(frame, (uint32_t)(at - frame) + 28, &d);
    CHECK(flags == (NV_DECODED_LINK | NV_DECODED_IP | NV_DECODED_TRANSPORT | NV_DECODED_FRAGMENT), "%x", flags);
    CHECK(d.protocol == NV_IP_UDP && d.src_port == 7 && d.dst_port == 9 && d.payload_len == 4);
    nv_put_be16(at + 10, 8); /* offset 1: no transport header to be seen */
    flags = nv_decode(frame, (uint32_t)(at - frame) + 28, &d);
    CHECK(flags == (NV_DECODED_LINK | NV_DECODED_IP | NV_DECODED_FRAGMENT), "%x", flags);
}

static void mac_ranges(void)
{
    struct nv_mac_range range;
    struct nv_error err;
    char text[80];
    CHECK(nv_parse_mac_range("00:1:2:a:Bb:fF", &range, &err) == 0);
    CHECK(memcmp(range.first, (uint8_t[]){0, 1, 2, 10, 0xbb, 0xff}, 6) == 0 && memcmp(range.first, range.last, 6) == 0);
    CHECK(nv_parse_mac_range("02:00:00:00:00:01-02:00:00:00:00:40", &range, &err) == 0 && range.last[5] == 0x40);
    nv_format_mac_range(&range, text, sizeof(text));
    CHECK(strcmp(text, "02:00:00:00:00:01-02:00:00:00:00:40") == 0, "%s", text);
    const char *bad[] = {"",
                         "1:2:3:4:5",
                         "1:2:3:4:5:6:7",
                         "1:2:3:4:5:g",
                         "1:2:3:4:5:123",
                         "1:2:3:4:5:6-",
                         "1:2:3:4:5:6-1:2:3:4:5:5",
                         "1:2:3:4:5:6 ",
                         "1:2:3:4:5:6-1:2:3:4:5:7-1:2:3:4:5:8"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err.message[0] = '\0';
        CHECK(nv_parse_mac_range(bad[i], &range, &err) == -EINVAL && err.message[0], "\"%s\" accepted", bad[i]);
        CHECK(nv_parse_mac_range(bad[i], &range, NULL) == -EINVAL);
    }
}

static void ip_ranges(void)
{
    static const struct {
        const char *text, *back;
    } good[] = {
        {"10.0.0.1", "10.0.0.1:1234"},
        {"10.0.0.1:53", "10.0.0.1:53"},
        {"10.0.0.1-10.0.0.9", "10.0.0.1:1234-10.0.0.9:1234"},
        {"10.0.0.1:5-10.0.0.9", "10.0.0.1:5-10.0.0.9:5"},
        {"10.0.0.1:5-10.0.0.1:7", "10.0.0.1:5-10.0.0.1:7"},
        {"0.0.0.0:0-255.255.255.255:65535", "0.0.0.0:0-255.255.255.255:65535"},
        {"::1", "[::1]:1234"},
        {"[::1]", "[::1]:1234"},
        {"[::1]:53", "[::1]:53"},
        {"[fd00::1]:53-[fd00::ffff]:99", "[fd00::1]:53-[fd00::ffff]:99"},
        {"fd00::1-fd00::2", "[fd00::1]:1234-[fd00::2]:1234"},
    };
    static const char *const bad[] = {
        "",
        "10.0.0",
        "10.0.0.1:",
        "10.0.0.1:65536",
        "10.0.0.1:x",
        "10.0.0.1:-1",
        "10.0.0.256",
        "10.0.0.2-10.0.0.1",
        "10.0.0.1-",
        "10.0.0.1-10.0.0.2:9",
        "10.0.0.1:9-10.0.0.1:8",
        "[::1",
        "[::1]53",
        "[::1]:",
        "10.0.0.1-[::1]:1",
        ":53",
        "[]:1",
        "10.0.0.1:1-10.0.0.2:2-3",
        "10.0.0.1 ",
        "10.0.0.1:5 ",
        "::1::",
    };
    struct nv_ip_range range, again;
    struct nv_error err;
    char text[140];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(nv_parse_ip_range(good[i].text, 0, &range, &err) == 0, "\"%s\": %s", good[i].text, err.message);
        nv_format_ip_range(&range, text, sizeof(text));
        CHECK(strcmp(text, good[i].back) == 0, "\"%s\" came back as \"%s\"", good[i].text, text);
        CHECK(nv_parse_ip_range(text, range.version, &again, &err) == 0 && memcmp(&range, &again, sizeof(range)) == 0);
        CHECK(nv_parse_ip_range(text, 10u - range.version, &again, &err) == -EINVAL);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err.message[0] = '\0';
        CHECK(nv_parse_ip_range(bad[i], 0, &range, &err) == -EINVAL && err.message[0], "\"%s\" accepted", bad[i]);
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"checksum_of_known_packets", checksum_of_known_packets},
        {"checksum_equals_the_plain_loop", checksum_equals_the_plain_loop},
        {"incremental_equals_full", incremental_equals_full},
        {"built_packets_decode", built_packets_decode},
        {"damaged_packets_are_survived", damaged_packets_are_survived},
        {"extension_headers_and_fragments", extension_headers_and_fragments},
        {"mac_ranges", mac_ranges},
        {"ip_ranges", ip_ranges},
    };
    nv_random_seed(&rng, 20, 1);
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
