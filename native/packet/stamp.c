/* SPDX-License-Identifier: BSD-2-Clause */
/* stamp.c - find stamps in received frames and check the packets that carry them. */
#include "packet/stamp.h"

#include "packet/decode.h"
#include "packet/headers.h"

uint32_t nv_stamp_find(const uint8_t *frame, uint32_t have)
{
    const uint32_t plain = NV_ETHER_LEN + NV_IPV4_LEN + NV_UDP_LEN;
    struct nv_decoded d;

    /* An untagged IPv4 packet without options, not a fragment: the one that comes by millions. */
    if (have >= plain + NV_STAMP_BYTES && nv_get_be16(frame + 12) == NV_TYPE_IPV4 && frame[14] == 0x45 &&
        frame[23] == NV_IP_UDP && (nv_get_be16(frame + 20) & 0x3fff) == 0 &&
        nv_get_be16(frame + 38) >= NV_UDP_LEN + NV_STAMP_BYTES)
        return plain;
    nv_decode(frame, have, &d);
    if (!(d.flags & NV_DECODED_TRANSPORT) || d.flags & NV_DECODED_FRAGMENT || d.payload_len < NV_STAMP_BYTES)
        return 0;
    return d.payload;
}

bool nv_stamp_verify(const uint8_t *frame, uint32_t len, uint32_t payload)
{
    struct nv_decoded d;
    uint32_t flags = nv_decode(frame, len, &d);

    if (!(flags & NV_DECODED_TRANSPORT) || flags & (NV_DECODED_FRAGMENT | NV_DECODED_CUT | NV_DECODED_BAD) ||
        d.payload != payload || payload + d.payload_len != len || nv_decode_check(frame, &d) != 0)
        return false;
    struct nv_stamp stamp = nv_stamp_get(frame + payload);
    uint16_t mark = nv_get_be16(frame + d.l3 + (d.ip_version == 4 ? 4 : 2));
    if (mark != (uint16_t)stamp.sequence)
        return false;
    const uint8_t *p = frame + payload + NV_STAMP_BYTES;
    uint32_t rest = len - payload - NV_STAMP_BYTES;
    uint64_t word = nv_stamp_word(&stamp), wrong = 0;
    for (uint32_t i = 0; i < rest / 8; i++)
        wrong |= nv_load64(p + (size_t)8 * i) ^ word;
    return wrong == 0 && memcmp(p + rest / 8 * 8, &word, rest % 8) == 0;
}
