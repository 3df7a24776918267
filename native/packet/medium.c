/* SPDX-License-Identifier: BSD-2-Clause */
/* medium.c - see medium.h. */
#include "packet/medium.h"

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/decode.h"
#include "packet/headers.h"

enum { CE = 3, NO_NEXT_HEADER = 59 };

/* The IP version of the packet (0: none, or too little of its header is here), and in *at where that header begins. */
static unsigned find_ip(const struct nv_carried *packet, uint32_t *at)
{
    const uint8_t *data = packet->data;
    const bool raw = packet->how & NV_CARRIED_RAW;
    uint16_t type = 0;

    *at = raw ? 0 : NV_ETHER_LEN;
    if (!raw) {
        if (packet->length < NV_ETHER_LEN)
            return 0;
        type = nv_get_be16(data + 12);
        for (unsigned tags = 0; (type == NV_TYPE_VLAN || type == NV_TYPE_QINQ) && tags < NV_DECODE_TAGS; tags++) {
            *at += NV_VLAN_LEN;
            if (packet->length < *at)
                return 0;
            type = nv_get_be16(data + *at - 2);
        }
    }
    uint32_t room = packet->length - *at;
    unsigned version = room ? data[*at] >> 4 : 0;
    if (version == 4 && room >= NV_IPV4_LEN && (raw || type == NV_TYPE_IPV4))
        return 4;
    return version == 6 && room >= NV_IPV6_LEN && (raw || type == NV_TYPE_IPV6) ? 6 : 0;
}

uint32_t nv_carried_ip_length(const struct nv_carried *packet)
{
    uint32_t whole = packet->length + packet->missing, at;

    unsigned version = find_ip(packet, &at);
    uint32_t rest = whole > at ? whole - at : 0, says = 0, least = NV_IPV4_LEN;
    if (version == 4) {
        says = nv_get_be16(packet->data + at + 2);
    } else if (version == 6) {
        uint32_t payload = nv_get_be16(packet->data + at + 4);
        bool none = packet->data[at + 6] == NO_NEXT_HEADER;
        says = payload || none ? NV_IPV6_LEN + payload : 0; /* 0: a jumbogram's is in an option (RFC 2675) */
        least = NV_IPV6_LEN;
    }
    return says >= least && says < rest ? says : rest;
}

bool nv_carried_any_ect(const struct nv_carried *packet)
{
    uint32_t at;

    switch (find_ip(packet, &at)) {
    case 4:
        return packet->data[at + 1] & CE; /* ECT(0), ECT(1), or marked already */
    case 6:
        return packet->data[at + 1] >> 4 & CE;
    default:
        return false;
    }
}

void nv_carried_mark(const struct nv_carried *packet)
{
    uint32_t at;
    unsigned version = find_ip(packet, &at);
    uint8_t *ip = packet->data + at;

    if (version == 4) {
        uint16_t before = nv_load16(ip);
        ip[1] |= CE;
        nv_store16(ip + 10, nv_checksum_update16(nv_load16(ip + 10), before, nv_load16(ip)));
    } else if (version == 6) {
        ip[1] |= CE << 4; /* traffic class: the low 4 bits of byte 0 and the high 4 of byte 1 */
    }
}

void nv_carried_corrupt(const struct nv_carried *packet, uint32_t bit)
{
    uint32_t at = 0;

    if (packet->how & NV_CARRIED_LAYER3)
        find_ip(packet, &at);
    at += bit / 8;
    if (at < packet->length)
        packet->data[at] ^= (uint8_t)(0x80 >> bit % 8);
}
