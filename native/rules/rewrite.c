/* SPDX-License-Identifier: BSD-2-Clause */
/* rewrite.c - setdscp and tcp-setmss: incremental checksums after RFC 1624, equation 3. */
#include "rules/rewrite.h"

#include <netinet/in.h>

static void put_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void rewrite_u16(uint8_t *at, uint16_t value, uint8_t *sum)
{
    /* What does not change leaves the sum alone: over zeros only, the equation would turn 0xffff into 0. */
    if (sum && view_u16(at) != value) {
        uint32_t total = (~(uint32_t)view_u16(sum) & 0xffff) + (~(uint32_t)view_u16(at) & 0xffff) + value;
        total = (total & 0xffff) + (total >> 16);
        total = (total & 0xffff) + (total >> 16);
        put_u16(sum, ~total);
    }
    put_u16(at, value);
}

void rewrite_u32(uint8_t *at, uint32_t value, uint8_t *sum, uint8_t *sum2)
{
    uint16_t high = (uint16_t)(value >> 16), low = (uint16_t)value;
    uint8_t before[4] = {at[0], at[1], at[2], at[3]};

    rewrite_u16(at, high, sum);
    rewrite_u16(at + 2, low, sum);
    if (sum2) {
        rewrite_u16(before, high, sum2);
        rewrite_u16(before + 2, low, sum2);
    }
}

bool rewrite_dscp(struct rules_view *v, unsigned dscp)
{
    if (v->family == 0 || v->tos >> 2 == dscp)
        return false;
    v->tos = (uint8_t)(dscp << 2 | (v->tos & 3));
    if (v->family == 4) {
        rewrite_u16(v->l3, (uint16_t)(v->l3[0] << 8 | v->tos), v->l3 + 10);
    } else {
        v->l3[0] = (uint8_t)(0x60 | v->tos >> 4);
        v->l3[1] = (uint8_t)(v->tos << 4 | (v->l3[1] & 15));
    }
    return true;
}

bool rewrite_mss(struct rules_view *v, uint16_t mss)
{
    uint8_t *tcp = v->l3 + v->l4;
    if (!view_l4(v, IPPROTO_TCP) || !(tcp[13] & 2))
        return false;
    uint32_t end = (uint32_t)(tcp[12] >> 4) * 4, room = v->l3_length - v->l4;
    end = end < room ? end : room;
    for (uint32_t at = 20, length; at < end; at += length) {
        if (tcp[at] == 0)
            return false;
        length = tcp[at] == 1 ? 1 : at + 1 < end ? tcp[at + 1] : 0;
        if (length == 0)
            return false;
        if (tcp[at] != 2 || length != 4 || at + 4 > end)
            continue;
        uint16_t old = view_u16(tcp + at + 2);
        if (old <= mss)
            return false;
        /* an option at an odd offset straddles two words of the checksum: its bytes count swapped there */
        uint8_t sum[2] = {tcp[16], tcp[17]};
        if (at % 2 == 0) {
            rewrite_u16(tcp + at + 2, mss, sum);
        } else {
            uint8_t swapped[2] = {tcp[at + 3], tcp[at + 2]};
            rewrite_u16(swapped, (uint16_t)(mss << 8 | mss >> 8), sum);
            put_u16(tcp + at + 2, mss);
        }
        tcp[16] = sum[0];
        tcp[17] = sum[1];
        return true;
    }
    return false;
}

uint32_t rewrite_crc32c(const uint8_t *bytes, uint32_t length)
{
    uint32_t crc = UINT32_MAX;
    for (uint32_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}
