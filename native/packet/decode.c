/* SPDX-License-Identifier: BSD-2-Clause */
/* decode.c - bounds-checked reading of link, IP and transport headers. */
#include "packet/decode.h"

#include <string.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/headers.h"

#define NO_NEXT_HEADER 59u

static uint32_t cut(struct nv_decoded *out)
{
    return out->flags |= NV_DECODED_CUT;
}

static uint32_t bad(struct nv_decoded *out)
{
    return out->flags |= NV_DECODED_BAD;
}

/* UDP, TCP or echo header at out->l4, the IP packet ending at out->end; `len` bytes are there. */
static uint32_t decode_transport(const uint8_t *frame, uint32_t len, struct nv_decoded *out)
{
    const uint8_t *l4 = frame + out->l4;
    uint32_t header, at = 0;
    uint32_t have = (out->end < len ? out->end : len) - out->l4;

    switch (out->protocol) {
    case NV_IP_UDP:
        header = NV_UDP_LEN;
        break;
    case NV_IP_TCP:
        if (have < NV_TCP_LEN)
            return have < len - out->l4 ? bad(out) : cut(out);
        header = (uint32_t)(l4[12] >> 4) * 4;
        if (header < NV_TCP_LEN)
            return bad(out);
        break;
    case NV_IP_ICMP:
    case NV_IP_ICMPV6:
        header = NV_ICMP_LEN;
        at = 4;
        break;
    default:
        return out->flags;
    }
    if (out->l4 + header > out->end)
        return bad(out);
    if (have < header)
        return cut(out);
    out->payload = out->l4 + header;
    out->payload_len = out->end - out->payload;
    if (out->protocol == NV_IP_UDP) {
        uint32_t claimed = nv_get_be16(l4 + 4);
        if (claimed < NV_UDP_LEN || out->l4 + claimed > out->end)
            return bad(out);
        out->payload_len = claimed - NV_UDP_LEN;
    }
    if (out->payload + out->payload_len > len) {
        out->payload_len = len - out->payload;
        cut(out);
    }
    out->src_port = nv_get_be16(l4 + at);
    out->dst_port = nv_get_be16(l4 + at + 2);
    return out->flags |= NV_DECODED_TRANSPORT;
}

static uint32_t decode_ipv4(const uint8_t *frame, uint32_t len, struct nv_decoded *out)
{
    const uint8_t *ip = frame + out->l3;

    if (len - out->l3 < NV_IPV4_LEN)
        return cut(out);
    uint32_t header = (uint32_t)(ip[0] & 15) * 4, total = nv_get_be16(ip + 2);
    if (ip[0] >> 4 != 4 || header < NV_IPV4_LEN || total < header)
        return bad(out);
    if (len - out->l3 < header)
        return cut(out);
    out->ip_version = 4;
    out->protocol = ip[9];
    out->l4 = out->l3 + header;
    out->end = out->l3 + total;
    out->flags |= NV_DECODED_IP;
    if (out->end > len)
        cut(out);
    uint32_t fragment = nv_get_be16(ip + 6) & 0x3fff; /* more fragments, offset */
    if (fragment)
        out->flags |= NV_DECODED_FRAGMENT;
    return fragment & 0x1fff ? out->flags : decode_transport(frame, len, out);
}

/* Whether an IPv6 next header is an extension header that we can step over (RFC 8200 section 4, RFC 4302). */
static int is_extension(uint8_t next)
{
    return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135;
}

static uint32_t decode_ipv6(const uint8_t *frame, uint32_t len, struct nv_decoded *out)
{
    const uint8_t *ip = frame + out->l3;

    if (len - out->l3 < NV_IPV6_LEN)
        return cut(out);
    if (ip[0] >> 4 != 6)
        return bad(out);
    out->end = out->l3 + NV_IPV6_LEN + nv_get_be16(ip + 4);
    out->ip_version = 6;
    if (out->end > len)
        cut(out);
    uint8_t next = ip[6];
    uint32_t at = out->l3 + NV_IPV6_LEN, offset = 0;
    while (is_extension(next) && offset == 0) {
        if (at + 8 > out->end)
            return bad(out);
        if (at + 8 > len)
            return cut(out);
        uint32_t size = next == 44 ? 8 : next == 51 ? (frame[at + 1] + 2u) * 4 : (frame[at + 1] + 1u) * 8;
        if (next == 44) {
            uint32_t word = nv_get_be16(frame + at + 2);
            offset = word >> 3;
            if (word & 0xfff9)
                out->flags |= NV_DECODED_FRAGMENT;
        }
        next = frame[at];
        at += size;
        if (at > out->end)
            return bad(out);
        if (at > len)
            return cut(out);
    }
    out->protocol = next;
    out->l4 = at;
    out->flags |= NV_DECODED_IP;
    return offset || next == NO_NEXT_HEADER ? out->flags : decode_transport(frame, len, out);
}

uint32_t nv_decode(const uint8_t *frame, uint32_t len, struct nv_decoded *out)
{
    uint32_t at = 12;

    memset(out, 0, sizeof(*out));
    if (len < NV_ETHER_LEN)
        return cut(out);
    out->type = nv_get_be16(frame + at);
    while (out->type == NV_TYPE_VLAN || out->type == NV_TYPE_QINQ) {
        if (at + 6 > len)
            return cut(out);
        if (out->tags == NV_DECODE_TAGS)
            return bad(out);
        out->tci[out->tags++] = nv_get_be16(frame + at + 2);
        at += NV_VLAN_LEN;
        out->type = nv_get_be16(frame + at);
    }
    out->flags = NV_DECODED_LINK;
    out->l3 = at + 2;
    out->end = len;
    if (out->type == NV_TYPE_IPV4)
        return decode_ipv4(frame, len, out);
    if (out->type == NV_TYPE_IPV6)
        return decode_ipv6(frame, len, out);
    return out->flags;
}

uint32_t nv_decode_check(const uint8_t *frame, const struct nv_decoded *d)
{
    const uint8_t *ip = frame + d->l3, *l4 = frame + d->l4;
    uint32_t faults = 0, len = d->end - d->l4;

    if (d->ip_version == 4 && nv_checksum(ip, (ip[0] & 15u) * 4) != 0)
        faults |= NV_BAD_IP_CHECKSUM;
    if (!(d->flags & NV_DECODED_TRANSPORT) || d->flags & (NV_DECODED_FRAGMENT | NV_DECODED_CUT))
        return faults;
    if (d->protocol == NV_IP_UDP) {
        if (d->ip_version == 4 && nv_load16(l4 + 6) == 0)
            return faults;
        len = NV_UDP_LEN + d->payload_len;
    }
    uint64_t sum = d->protocol == NV_IP_ICMP ? 0 : nv_sum_pseudo(ip, d->protocol, len);
    if (nv_sum_fold(sum + nv_sum(l4, len)) != 0xffff)
        faults |= NV_BAD_TRANSPORT_CHECKSUM;
    return faults;
}
