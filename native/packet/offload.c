/* SPDX-License-Identifier: BSD-2-Clause */
/* offload.c - see offload.h. */
#include "packet/offload.h"
#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/decode.h"
#include "packet/headers.h"

#define MACS         12u
#define TCP_CHECKSUM 16u
#define UDP_CHECKSUM 6u
#define TCP_FIN      0x01u
#define TCP_PSH      0x08u
#define TCP_CWR      0x80u

bool nv_offload_checksum(uint8_t *frame, uint32_t length, uint32_t start, uint32_t offset)
{
    if (start >= length || offset >= length - start || length - start - offset < 2)
        return false;
    uint16_t sum = (uint16_t)~nv_sum_fold(nv_sum(frame + start, length - start));
    nv_store16(frame + start + offset, sum ? sum : 0xffff);
    return true;
}

/* Where a decoded frame's transport checksum stands behind its header; 0: it has none, or not in full. */
static uint32_t checksum_offset(const struct nv_decoded *d)
{
    if (!(d->flags & NV_DECODED_TRANSPORT) || (d->flags & (NV_DECODED_FRAGMENT | NV_DECODED_CUT | NV_DECODED_BAD)))
        return 0;
    if (d->protocol == NV_IP_TCP)
        return TCP_CHECKSUM;
    return d->protocol == NV_IP_UDP ? UDP_CHECKSUM : 0;
}

bool nv_offload_find_checksum(uint8_t *frame, uint32_t length)
{
    struct nv_decoded d;
    nv_decode(frame, length, &d);
    const uint32_t offset = checksum_offset(&d);
    if (!offset)
        return false;
    const uint64_t pseudo = nv_sum_pseudo(frame + d.l3, d.protocol, d.end - d.l4);
    if (nv_load16(frame + d.l4 + offset) != nv_sum_fold(pseudo))
        return false;
    return nv_offload_checksum(frame, d.end, d.l4, offset);
}

uint32_t nv_offload_tag(uint8_t *frame, uint32_t length, uint16_t tpid, uint16_t tci)
{
    if (length < MACS)
        return length;
    memmove(frame + MACS + NV_VLAN_LEN, frame + MACS, length - MACS);
    nv_put_be16(frame + MACS, tpid);
    nv_put_be16(frame + MACS + 2, tci);
    return length + NV_VLAN_LEN;
}

bool nv_segments_begin(struct nv_segments *s, const uint8_t *frame, uint32_t length, uint32_t size)
{
    struct nv_decoded d;
    nv_decode(frame, length, &d);
    if (!checksum_offset(&d) || size == 0 || d.payload > d.end)
        return false;
    *s = (struct nv_segments){
        .frame = frame,
        .length = d.end,
        .l3 = d.l3,
        .l4 = d.l4,
        .headers = d.payload,
        .size = size,
        .protocol = d.protocol,
        .ip6 = d.ip_version == 6,
    };
    return true;
}

/* The IP header of a segment of `length` bytes. */
static void set_ip(const struct nv_segments *s, uint8_t *ip, uint32_t length)
{
    const uint32_t packet = length - s->l3;
    if (s->ip6) {
        nv_put_be16(ip + 4, (uint16_t)(packet - NV_IPV6_LEN));
        return;
    }
    nv_put_be16(ip + 2, (uint16_t)packet);
    nv_put_be16(ip + 4, (uint16_t)(nv_get_be16(ip + 4) + s->count));
    nv_store16(ip + 10, 0);
    nv_store16(ip + 10, nv_checksum(ip, s->l4 - s->l3));
}

/* The transport header of a segment whose payload begins `at` bytes into the frame's, but for its checksum. */
static void set_transport(const struct nv_segments *s, uint8_t *header, uint32_t length, bool last)
{
    if (s->protocol == NV_IP_UDP) {
        nv_put_be16(header + 4, (uint16_t)(length - s->l4));
        return;
    }
    nv_put_be32(header + 4, nv_get_be32(header + 4) + s->at);
    if (!last)
        header[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (s->count > 0)
        header[13] &= (uint8_t)~TCP_CWR;
}

uint32_t nv_segments_next(struct nv_segments *s, uint8_t *out)
{
    const uint32_t left = s->length - s->headers - s->at, payload = left < s->size ? left : s->size;
    if (left == 0 && s->count > 0)
        return 0;
    const uint32_t length = s->headers + payload;
    const uint32_t offset = s->protocol == NV_IP_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
    memcpy(out, s->frame, s->headers);
    memcpy(out + s->headers, s->frame + s->headers + s->at, payload);
    set_ip(s, out + s->l3, length);
    set_transport(s, out + s->l4, length, payload == left);
    nv_store16(out + s->l4 + offset, nv_sum_fold(nv_sum_pseudo(out + s->l3, s->protocol, length - s->l4)));
    nv_offload_checksum(out, length, s->l4, offset);
    s->at += payload;
    s->count++;
    return length;
}
