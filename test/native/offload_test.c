/* SPDX-License-Identifier: BSD-2-Clause */
/* offload_test.c - what a card would have done: checksums, tags, segments; held against the decoder's own check. */
#include "check.h"
#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/decode.h"
#include "packet/headers.h"
#include "packet/offload.h"

/* A frame of TCP or UDP with this much payload, as a host's stack hands it to a card: no checksum but the pseudo
 * header's. */
static uint32_t make(uint8_t *frame, bool ip6, bool tcp, bool tagged, uint32_t payload)
{
    const uint32_t ip = ip6 ? NV_IPV6_LEN : NV_IPV4_LEN, header = tcp ? NV_TCP_LEN : NV_UDP_LEN;
    uint32_t at = NV_ETHER_LEN;
    memset(frame, 0, NV_ETHER_LEN + NV_VLAN_LEN + ip + header);
    frame[6] = 2;
    nv_put_be16(frame + 12, ip6 ? NV_TYPE_IPV6 : NV_TYPE_IPV4);
    if (tagged)
        at = nv_offload_tag(frame, at, NV_TYPE_VLAN, 7);
    uint8_t *l3 = frame + at, *l4 = l3 + ip;
    const uint8_t protocol = tcp ? NV_IP_TCP : NV_IP_UDP;
    if (ip6) {
        l3[0] = 0x60;
        nv_put_be16(l3 + 4, (uint16_t)(header + payload));
        l3[6] = protocol;
        l3[7] = 64;
        l3[23] = l3[39] = 1;
    } else {
        l3[0] = 0x45;
        nv_put_be16(l3 + 2, (uint16_t)(ip + header + payload));
        nv_put_be16(l3 + 4, 0xfffe);
        l3[8] = 64;
        l3[9] = protocol;
        l3[12] = l3[16] = 10;
        nv_store16(l3 + 10, nv_checksum(l3, ip));
    }
    nv_put_be16(l4, 1000);
    nv_put_be16(l4 + 2, 2000);
    if (tcp) {
        nv_put_be32(l4 + 4, 0xffffff00);
        l4[12] = 0x50;
        l4[13] = 0x99; /* CWR, ACK, PSH, FIN */
    } else {
        nv_put_be16(l4 + 4, (uint16_t)(header + payload));
    }
    for (uint32_t i = 0; i < payload; i++)
        l4[header + i] = (uint8_t)(i * 13 + 5);
    nv_store16(l4 + (tcp ? 16 : 6), nv_sum_fold(nv_sum_pseudo(l3, protocol, header + payload)));
    return (uint32_t)(l4 - frame) + header + payload;
}

static uint32_t faults(const uint8_t *frame, uint32_t length)
{
    struct nv_decoded d;
    nv_decode(frame, length, &d);
    return (d.flags & (NV_DECODED_CUT | NV_DECODED_BAD)) ? UINT32_MAX : nv_decode_check(frame, &d);
}

/* Each way of a frame: IPv4 and IPv6, TCP and UDP, tagged or not. */
#define WAYS      8u
#define IP6(w)    (((w)&1u) != 0)
#define TCP(w)    (((w)&2u) != 0)
#define TAGGED(w) (((w)&4u) != 0)

static void checksums(void)
{
    static uint8_t frame[4096], again[4096];
    for (unsigned way = 0; way < WAYS; way++)
        for (uint32_t payload = 0; payload < 64; payload++) { /* odd ones among them */
            uint32_t length = make(frame, IP6(way), TCP(way), TAGGED(way), payload);
            CHECK(faults(frame, length) == NV_BAD_TRANSPORT_CHECKSUM, "way %u payload %u", way, payload);
            memset(frame + length, 0xee, 8); /* Ethernet's padding is not part of it */
            CHECK(nv_offload_find_checksum(frame, length + 8), "way %u payload %u", way, payload);
            CHECK(faults(frame, length) == 0, "way %u payload %u", way, payload);
            memcpy(again, frame, length);
            CHECK(!nv_offload_find_checksum(frame, length) && !memcmp(again, frame, length), "one that is right stays");
        }
    uint32_t length = make(frame, false, false, false, 20);
    CHECK(!nv_offload_find_checksum(frame, length - 1), "a cut frame is left alone");
    frame[NV_ETHER_LEN + 6] = 0x20; /* more fragments */
    CHECK(!nv_offload_find_checksum(frame, length), "a fragment is left alone");
    CHECK(!nv_offload_checksum(frame, length, length - 1, 0) && !nv_offload_checksum(frame, length, length, 0) &&
          !nv_offload_checksum(frame, length, 4, UINT32_MAX - 1));
}

/* UDP's checksum of 0 would mean that there is none. */
static void zero(void)
{
    uint8_t frame[256];
    for (uint32_t word = 0; word < 65536; word++) {
        uint32_t length = make(frame, false, false, false, 2);
        nv_put_be16(frame + length - 2, (uint16_t)word);
        nv_offload_find_checksum(frame, length);
        if (nv_load16(frame + NV_ETHER_LEN + NV_IPV4_LEN + 6) == 0)
            CHECK(false, "%u", word);
    }
}

static void segments(void)
{
    static uint8_t frame[70000], out[4096], back[70000];
    for (unsigned way = 0; way < WAYS; way++) {
        static const uint32_t payloads[] = {1, 1399, 1400, 1401, 2800, 65000};
        for (unsigned i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
            const uint32_t payload = payloads[i], length = make(frame, IP6(way), TCP(way), TAGGED(way), payload);
            struct nv_segments s;
            CHECK(nv_segments_begin(&s, frame, length, 1400), "way %u", way);
            uint32_t got = 0, n, count = 0;
            while ((n = nv_segments_next(&s, out)) > 0) {
                struct nv_decoded d;
                nv_decode(out, n, &d);
                CHECK(faults(out, n) == 0 && d.end == n, "way %u payload %u segment %u", way, payload, count);
                const uint8_t *l4 = out + d.l4;
                const bool last = got + d.payload_len == payload;
                if (TCP(way)) {
                    CHECK(nv_get_be32(l4 + 4) == 0xffffff00 + got, "sequence");
                    CHECK(l4[13] == (0x10 | (last ? 0x09 : 0) | (count == 0 ? 0x80 : 0)), "flags %x", l4[13]);
                }
                if (!IP6(way))
                    CHECK(nv_get_be16(out + d.l3 + 4) == (uint16_t)(0xfffe + count), "identification");
                memcpy(back + got, out + d.payload, d.payload_len);
                got += d.payload_len;
                count++;
            }
            CHECK(got == payload && !memcmp(back, frame + length - payload, payload), "way %u: %u bytes", way, got);
            CHECK(count == (payload + 1399) / 1400, "%u segments", count);
        }
    }
    struct nv_segments s;
    uint32_t length = make(frame, false, true, false, 3000);
    CHECK(!nv_segments_begin(&s, frame, length, 0));
    frame[NV_ETHER_LEN + 9] = 47; /* GRE */
    CHECK(!nv_segments_begin(&s, frame, length, 1400));
    CHECK(!nv_segments_begin(&s, frame, 10, 1400));
}

static void tags(void)
{
    uint8_t frame[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x08, 0x00, 0x45};
    CHECK(nv_offload_tag(frame, 15, NV_TYPE_QINQ, 0xe123) == 19);
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x88, 0xa8, 0xe1, 0x23, 0x08, 0x00, 0x45};
    CHECK(!memcmp(frame, expected, sizeof(expected)));
    CHECK(nv_offload_tag(frame, 11, NV_TYPE_VLAN, 1) == 11, "no addresses to put it behind");
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"checksums left to a card", checksums},
        {"UDP never sends 0", zero},
        {"segments", segments},
        {"VLAN tags", tags},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
