/* SPDX-License-Identifier: BSD-2-Clause */
/* checksum.c - sums over memory and pseudo headers (RFC 1071, RFC 768, RFC 8200 section 8.1). */
#include "packet/checksum.h"

#include "packet/bytes.h"

uint64_t nv_sum(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t a = 0, b = 0, c = 0, d = 0;

    for (; len >= 16; p += 16, len -= 16) {
        a += nv_load32(p);
        b += nv_load32(p + 4);
        c += nv_load32(p + 8);
        d += nv_load32(p + 12);
    }
    a += b + c + d;
    for (; len >= 2; p += 2, len -= 2)
        a += nv_load16(p);
    if (len) {
        uint16_t last = 0;
        memcpy(&last, p, 1);
        a += last;
    }
    return a;
}

uint16_t nv_checksum(const void *data, size_t len)
{
    return (uint16_t)~nv_sum_fold(nv_sum(data, len));
}

uint64_t nv_sum_pseudo(const uint8_t *ip, uint8_t protocol, uint32_t len)
{
    uint64_t sum = ip[0] >> 4 == 4 ? nv_sum(ip + 12, 8) : nv_sum(ip + 8, 32);
    return sum + htobe32(len) + htobe16(protocol);
}
