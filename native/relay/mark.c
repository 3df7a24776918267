/* SPDX-License-Identifier: BSD-2-Clause */
/* mark.c - see mark.h. */
#include "relay/mark.h"

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/decode.h"
#include "packet/headers.h"

enum { CE = 3 };

bool relay_can_mark(const uint8_t *frame, uint32_t length)
{
    uint32_t at = 12; /* the EtherType */

    if (length < 20)
        return false;
    uint16_t type = nv_get_be16(frame + at);
    if (type == NV_TYPE_VLAN || type == NV_TYPE_QINQ)
        type = nv_get_be16(frame + (at += NV_VLAN_LEN));
    if (type == NV_TYPE_IPV4)
        return frame[at + 3] & CE; /* ECT(0), ECT(1), or marked already */
    return type == NV_TYPE_IPV6 && frame[at + 3] >> 4 & CE;
}

void relay_mark_ce(uint8_t *frame, uint32_t length)
{
    struct nv_decoded d;

    if (!(nv_decode(frame, length, &d) & NV_DECODED_IP))
        return;
    uint8_t *ip = frame + d.l3;
    if (d.ip_version == 4) {
        uint16_t before = nv_load16(ip);
        ip[1] |= CE;
        nv_store16(ip + 10, nv_checksum_update16(nv_load16(ip + 10), before, nv_load16(ip)));
    } else {
        ip[1] |= CE << 4; /* traffic class: the low 4 bits of byte 0 and the high 4 of byte 1 */
    }
}

void relay_corrupt(uint8_t *frame, uint32_t length, uint32_t bit)
{
    if (length == 0)
        return;
    bit %= length * 8;
    frame[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}
