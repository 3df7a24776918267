/* SPDX-License-Identifier: BSD-2-Clause */
/* build.c - Ethernet, VLAN, IPv4, IPv6, UDP, TCP and ICMP headers as bytes. */
#include "packet/build.h"

#include "packet/bytes.h"
#include "packet/checksum.h"

uint8_t *nv_build_ethernet(uint8_t *p, const uint8_t dst[6], const uint8_t src[6], const uint16_t *tci, unsigned tags,
                           uint16_t type)
{
    memcpy(p, dst, 6);
    memcpy(p + 6, src, 6);
    p += 12;
    for (unsigned i = 0; i < tags; i++, p += NV_VLAN_LEN) {
        nv_put_be16(p, i == 0 && tags > 1 ? NV_TYPE_QINQ : NV_TYPE_VLAN);
        nv_put_be16(p + 2, tci[i]);
    }
    nv_put_be16(p, type);
    return p + 2;
}

uint8_t *nv_build_ipv4(uint8_t *p, const struct nv_ip_fields *ip, uint16_t payload)
{
    p[0] = 0x45; /* version 4, five 32-bit words */
    p[1] = ip->tos;
    nv_put_be16(p + 2, (uint16_t)(NV_IPV4_LEN + payload));
    nv_put_be16(p + 4, ip->id);
    nv_put_be16(p + 6, ip->fragment);
    p[8] = ip->ttl;
    p[9] = ip->protocol;
    nv_store16(p + 10, 0);
    memcpy(p + 12, ip->src, 4);
    memcpy(p + 16, ip->dst, 4);
    nv_store16(p + 10, nv_checksum(p, NV_IPV4_LEN));
    return p + NV_IPV4_LEN;
}

uint8_t *nv_build_ipv6(uint8_t *p, const struct nv_ip_fields *ip, uint16_t payload)
{
    nv_put_be32(p, 6u << 28 | (uint32_t)ip->tos << 20 | (ip->flow & 0xfffff));
    nv_put_be16(p + 4, payload);
    p[6] = ip->protocol;
    p[7] = ip->ttl;
    memcpy(p + 8, ip->src, 16);
    memcpy(p + 24, ip->dst, 16);
    return p + NV_IPV6_LEN;
}

uint8_t *nv_build_udp(uint8_t *p, uint16_t sport, uint16_t dport, uint16_t payload)
{
    nv_put_be16(p, sport);
    nv_put_be16(p + 2, dport);
    nv_put_be16(p + 4, (uint16_t)(NV_UDP_LEN + payload));
    nv_store16(p + 6, 0);
    return p + NV_UDP_LEN;
}

uint8_t *nv_build_tcp(uint8_t *p, uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack, uint8_t flags,
                      uint16_t window)
{
    nv_put_be16(p, sport);
    nv_put_be16(p + 2, dport);
    nv_put_be32(p + 4, seq);
    nv_put_be32(p + 8, ack);
    p[12] = NV_TCP_LEN / 4 << 4;
    p[13] = flags;
    nv_put_be16(p + 14, window);
    nv_store32(p + 16, 0); /* checksum and urgent pointer */
    return p + NV_TCP_LEN;
}

uint8_t *nv_build_echo(uint8_t *p, uint8_t type, uint16_t id, uint16_t seq)
{
    p[0] = type;
    p[1] = 0;
    nv_store16(p + 2, 0);
    nv_put_be16(p + 4, id);
    nv_put_be16(p + 6, seq);
    return p + NV_ICMP_LEN;
}

unsigned nv_checksum_offset(uint8_t protocol)
{
    switch (protocol) {
    case NV_IP_UDP:
        return 6;
    case NV_IP_TCP:
        return 16;
    case NV_IP_ICMP:
    case NV_IP_ICMPV6:
        return 2;
    default:
        return 0;
    }
}

uint16_t nv_transport_checksum(const uint8_t *ip, uint8_t protocol, const uint8_t *l4, uint32_t len)
{
    uint64_t sum = protocol == NV_IP_ICMP ? 0 : nv_sum_pseudo(ip, protocol, len);
    uint16_t present = nv_load16(l4 + nv_checksum_offset(protocol));

    sum += nv_sum(l4, len) + (uint16_t)~present; /* take the present checksum out: x + ~x is 0 modulo 0xffff */
    uint16_t checksum = (uint16_t)~nv_sum_fold(sum);
    return protocol == NV_IP_UDP && checksum == 0 ? 0xffff : checksum;
}

void nv_build_finish(const uint8_t *ip, uint8_t protocol, uint8_t *l4, uint32_t len)
{
    unsigned offset = nv_checksum_offset(protocol);

    if (offset != 0)
        nv_store16(l4 + offset, nv_transport_checksum(ip, protocol, l4, len));
}
