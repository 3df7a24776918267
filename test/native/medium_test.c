/* SPDX-License-Identifier: BSD-2-Clause */
/* medium_test.c - how long packets are on a link, marks and wrong bits: MAC headers, tags, padding, cut captures. */
#include "check.h"

#include <string.h>

#include "packet/checksum.h"
#include "packet/medium.h"

enum { SIZE = 200 };

/* A frame of `size` bytes with `tags` VLAN tags and an IP packet that says it has `says` bytes. Offset of the packet.
 */
static uint32_t make(uint8_t *data, unsigned version, unsigned tags, uint32_t says, unsigned ecn)
{
    static const uint8_t outer[4] = {0x88, 0xa8, 0, 1}, inner[4] = {0x81, 0, 0, 2};
    static const uint8_t ip4[2] = {0x08, 0x00}, ip6[2] = {0x86, 0xdd};
    uint32_t at = 12;
    memset(data, 0x5a, SIZE);
    for (unsigned i = 0; i < tags; i++, at += 4)
        memcpy(data + at, i + 1 < tags ? outer : inner, 4);
    memcpy(data + at, version == 4 ? ip4 : ip6, 2);
    uint8_t *ip = data + at + 2;
    memset(ip, 0, 40);
    if (version == 4) {
        ip[0] = 0x45;
        ip[1] = (uint8_t)(0xb8 | ecn);
        ip[2] = (uint8_t)(says >> 8);
        ip[3] = (uint8_t)says;
        uint16_t sum = nv_checksum(ip, 20);
        memcpy(ip + 10, &sum, 2);
    } else {
        ip[0] = 0x6b;
        ip[1] = (uint8_t)(0x80 | ecn << 4);
        ip[4] = (uint8_t)((says - 40) >> 8);
        ip[5] = (uint8_t)(says - 40);
    }
    return at + 2;
}

static void length_is_the_packets(void)
{
    uint8_t data[SIZE];
    for (unsigned version = 4; version <= 6; version += 2)
        for (unsigned tags = 0; tags <= 3; tags++) {
            uint32_t at = make(data, version, tags, 46, 0);
            struct nv_carried p = {.data = data, .length = at + 100};
            CHECK(nv_carried_length(&p) == at + 100); /* layer 2: the whole frame, padding and all */
            p.how = NV_CARRIED_LAYER3;
            CHECK(nv_carried_length(&p) == 46, "%u", nv_carried_length(&p));
            p.length = at + 46;
            CHECK(nv_carried_length(&p) == 46);
            p.missing = 1000;
            CHECK(nv_carried_length(&p) == 46); /* a tail that was not captured is padding, too */
            make(data, version, tags, 1500, 0);
            p.length = at + 80;
            p.missing = 1420;
            CHECK(nv_carried_length(&p) == 1500);
            p.missing = 20;
            CHECK(nv_carried_length(&p) == 100); /* it says more than there was */
            p = (struct nv_carried){data + at, 80, 1420, NV_CARRIED_LAYER3 | NV_CARRIED_RAW};
            CHECK(nv_carried_length(&p) == 1500);
            p.how = NV_CARRIED_RAW;
            CHECK(nv_carried_length(&p) == 1500);
            make(data, version, tags, version == 4 ? 0 : 40, 0); /* left to hardware, or to a jumbogram's option */
            p = (struct nv_carried){data, at + 80, 0, NV_CARRIED_LAYER3};
            CHECK(nv_carried_length(&p) == 80, "%u", nv_carried_length(&p));
            if (version == 6) {
                data[at + 6] = 59; /* nothing follows: it is true */
                CHECK(nv_carried_length(&p) == 40, "%u", nv_carried_length(&p));
            }
            p.length = at + 10; /* its header was not captured */
            p.missing = 500;
            CHECK(nv_carried_length(&p) == 510);
        }
    struct nv_carried none = {.data = data, .length = 5, .how = NV_CARRIED_LAYER3};
    CHECK(nv_carried_length(&none) == 0);
    none.length = 0;
    CHECK(nv_carried_length(&none) == 0 && !nv_carried_ect(&none));
}

static void marks_are_found_behind_tags(void)
{
    uint8_t data[SIZE], before[SIZE];
    for (unsigned version = 4; version <= 6; version += 2)
        for (unsigned tags = 0; tags <= 3; tags++)
            for (unsigned raw = 0; raw < 2; raw++)
                for (unsigned ecn = 0; ecn < 4; ecn++) {
                    uint32_t at = make(data, version, tags, 60, ecn);
                    struct nv_carried p = {raw ? data + at : data, raw ? 60 : at + 60, 0, raw ? NV_CARRIED_RAW : 0};
                    CHECK(nv_carried_ect(&p) == (ecn != 0), "IPv%u, %u tags, %u", version, tags, ecn);
                    memcpy(before, data, SIZE);
                    nv_carried_mark(&p);
                    CHECK(version == 6 ? data[at + 1] == 0xb0 : data[at + 1] == 0xbb);
                    CHECK(version == 6 || nv_checksum(data + at, 20) == 0);
                    data[at + 1] = before[at + 1];
                    memcpy(data + at + 10, before + at + 10, version == 4 ? 2 : 0);
                    CHECK(memcmp(data, before, SIZE) == 0);
                }
    make(data, 4, 0, 60, 3);
    data[13] = 6; /* ARP */
    memcpy(before, data, SIZE);
    struct nv_carried other = {.data = data, .length = 74};
    nv_carried_mark(&other);
    CHECK(!nv_carried_ect(&other) && memcmp(data, before, SIZE) == 0);
}

static void a_wrong_bit_is_the_packets(void)
{
    uint8_t data[SIZE], before[SIZE];
    uint32_t at = make(data, 4, 1, 46, 0);
    struct nv_carried p = {.data = data, .length = at + 60};
    memcpy(before, data, SIZE);
    nv_carried_corrupt(&p, 9);
    CHECK(data[1] == (before[1] ^ 0x40));
    data[1] = before[1];
    p.how = NV_CARRIED_LAYER3;
    nv_carried_corrupt(&p, 9);
    CHECK(data[at + 1] == (before[at + 1] ^ 0x40));
    data[at + 1] = before[at + 1];
    nv_carried_corrupt(&p, 60 * 8); /* not captured */
    CHECK(memcmp(data, before, SIZE) == 0);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"length_is_the_packets", length_is_the_packets},
        {"marks_are_found_behind_tags", marks_are_found_behind_tags},
        {"a_wrong_bit_is_the_packets", a_wrong_bit_is_the_packets},
    };
    return check_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
