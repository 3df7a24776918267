/* SPDX-License-Identifier: BSD-2-Clause */
/* dump.c - frames as text, for -X. */
#include "packet/decode.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "packet/headers.h"

static const char *protocol_name(const struct nv_decoded *d, char *number, size_t size)
{
    switch (d->protocol) {
    case NV_IP_UDP:
        return "UDP";
    case NV_IP_TCP:
        return "TCP";
    case NV_IP_ICMP:
        return "ICMP";
    case NV_IP_ICMPV6:
        return "ICMPv6";
    default:
        snprintf(number, size, "IP protocol %u", d->protocol);
        return number;
    }
}

int nv_decode_text(const uint8_t *frame, const struct nv_decoded *d, char *out, size_t size)
{
    char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN], number[24];
    const char *note = d->flags & NV_DECODED_BAD ? ", malformed" : d->flags & NV_DECODED_CUT ? ", cut short" : "";

    if (!(d->flags & NV_DECODED_LINK))
        return snprintf(out, size, "shorter than an Ethernet header");
    if (!(d->flags & NV_DECODED_IP))
        return snprintf(out, size, "EtherType 0x%04x%s", d->type, note);
    int family = d->ip_version == 4 ? AF_INET : AF_INET6;
    uint32_t at = d->l3 + (d->ip_version == 4 ? 12u : 8u), step = d->ip_version == 4 ? 4u : 16u;
    inet_ntop(family, frame + at, src, sizeof(src));
    inet_ntop(family, frame + at + step, dst, sizeof(dst));
    const char *name = protocol_name(d, number, sizeof(number));
    if (!(d->flags & NV_DECODED_TRANSPORT))
        return snprintf(out, size, "%s > %s %s%s%s", src, dst, name, d->flags & NV_DECODED_FRAGMENT ? ", fragment" : "",
                        note);
    if (d->protocol == NV_IP_ICMP || d->protocol == NV_IP_ICMPV6)
        return snprintf(out, size, "%s > %s %s type %u %u%s", src, dst, name, frame[d->l4], d->payload_len, note);
    const char *open = d->ip_version == 6 ? "[" : "", *close = d->ip_version == 6 ? "]" : "";
    return snprintf(out, size, "%s%s%s:%u > %s%s%s:%u %s %u%s", open, src, close, d->src_port, open, dst, close,
                    d->dst_port, name, d->payload_len, note);
}

int nv_dump(const uint8_t *data, uint32_t len, uint32_t vnet_len, const char *ring, uint32_t slot, uint32_t buf_idx,
            uint16_t flags, char *out, size_t size)
{
    char what[200];
    struct nv_decoded decoded;
    uint32_t skip = vnet_len < len ? vnet_len : len;
    size_t used = 0;

#define APPEND(...)                                                                                                    \
    (used += (size_t)snprintf(used < size ? out + used : NULL, used < size ? size - used : 0, __VA_ARGS__))
    nv_decode(data + skip, len - skip, &decoded);
    nv_decode_text(data + skip, &decoded, what, sizeof(what));
    APPEND("ring %s cur %5u [buf %6u flags 0x%04x len %5u]\n%s\n", ring, slot, buf_idx, flags, len, what);
    for (uint32_t row = 0; row < len; row += 16) {
        APPEND("%5u: ", row);
        for (uint32_t i = row; i < row + 16; i++) {
            if (i < len)
                APPEND("%02x ", data[i]);
            else
                APPEND("   ");
        }
        for (uint32_t i = row; i < row + 16 && i < len; i++)
            APPEND("%c", isprint(data[i]) ? data[i] : '.');
        APPEND("\n");
    }
#undef APPEND
    return (int)used;
}
