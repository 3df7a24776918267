/* SPDX-License-Identifier: BSD-2-Clause */
/* checksum.c - sums over memory and pseudo headers (RFC 1071, RFC 768, RFC 8200 section 8.1). */
#include "packet/checksum.h"

#include "packet/bytes.h"

uint64_t nv_sum(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t words = len / 4;
    uint64_t sum = 0;

    for (size_t i = 0; i < words; i++) /* the compiler makes vectors of it */
        sum += nv_load32(p + 4 * i);
    p += 4 * words;
    if (len & 2) {
        sum += nv_load16(p);
        p += 2;
    }
    if (len & 1) {
        uint16_t last = 0;
        memcpy(&last, p, 1);
        sum += last;
    }
    return sum;
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
