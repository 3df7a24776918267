/* SPDX-License-Identifier: BSD-2-Clause */
/* packet.c - parse a frame for the rules: MAC, IPv4, IPv6 with its extension headers, the transport's first bytes. */
#include "rules/keys.h"

#include <netinet/in.h>

enum { MAC_BYTES = 14, IP4_BYTES = 20, IP6_BYTES = 40, ICMP_BYTES = 8 };

enum { ETHERTYPE_IP4 = 0x0800, ETHERTYPE_IP6 = 0x86dd, ETHERTYPE_VLAN = 0x8100, ETHERTYPE_QINQ = 0x88a8 };

enum { PROTO_UDPLITE = 136, PROTO_CARP = 112, PROTO_OSPF = 89, PROTO_ETHERIP = 97, PROTO_PFSYNC = 240 };

/* Bytes that FreeBSD wants of some headers behind IPv6. Of CARP and VRRP it is what both have in front. */
enum { CARP_BYTES = 8, CARP_ADVERTISEMENT = 1, ETHERIP_BYTES = 2, PFSYNC_BYTES = 20 };

/*
 * A header that ends at `end`, from l3, is not in the frame: it did not fit there (SHORT), or it was not captured, and
 * then the packet is taken as a later fragment is: without what the header says.
 */
static unsigned header_lacks(struct rules_view *v, uint32_t end)
{
    if (end > v->l3_length + v->missing)
        return NV_RULES_WHY_SHORT;
    v->seen |= VIEW_LACKS;
    return NV_RULES_WHY_BY_RULE;
}

/*
 * Take ports and flags of a transport header at l4, which is in the frame. Returns enum nv_rules_reason.
 * As in ipfw the frame's end counts here, not the IP length: at layer 2 padding is not told from payload.
 */
static unsigned parse_transport(struct rules_view *v)
{
    uint32_t room = v->l3_length - v->l4;
    const uint8_t *p = v->l3 + v->l4;

    switch (v->proto) {
    case IPPROTO_TCP:
        if (room < 20)
            return header_lacks(v, v->l4 + 20u);
        v->tcp_flags = p[13];
        break;
    case IPPROTO_UDP:
    case PROTO_UDPLITE:
        if (room < 8)
            return header_lacks(v, v->l4 + 8u);
        break;
    case IPPROTO_SCTP:
        if (room < 12)
            return header_lacks(v, v->l4 + 12u);
        break;
    default:
        return NV_RULES_WHY_BY_RULE;
    }
    v->sport = view_u16(p);
    v->dport = view_u16(p + 2);
    v->seen |= VIEW_PORTS | VIEW_ULP;
    return NV_RULES_WHY_BY_RULE;
}

/*
 * At layer 3 what is behind the IP packet is not seen, as FreeBSD cuts it off before the hooks. ip_length: as the
 * header says; less than `least` (0: left to hardware, or in an option) cannot be true.
 */
static void rules_trim(struct rules_view *v, uint32_t least)
{
    if (v->seen & VIEW_MAC || v->ip_length < least || v->ip_length >= v->l3_length + v->missing)
        return;
    v->bytes = v->ip_length;
    if (v->l3_length > v->bytes)
        v->l3_length = v->bytes;
    v->missing = v->bytes - v->l3_length;
}

static unsigned parse_ip4(struct rules_view *v)
{
    const uint8_t *ip = v->l3;
    uint32_t header = (uint32_t)(ip[0] & 15) * 4;
    uint16_t off = view_u16(ip + 6);

    v->family = 4;
    v->ip_length = view_u16(ip + 2);
    if (v->ip_length < v->bytes)
        v->bytes = v->ip_length;
    rules_trim(v, IP4_BYTES);
    if (header < IP4_BYTES)
        return NV_RULES_WHY_BAD_HEADER;
    v->tos = ip[1];
    v->proto = ip[9];
    v->src = view_u32(ip + 12);
    v->dst = view_u32(ip + 16);
    v->l4 = (uint16_t)header;
    if (off & 0x2000)
        v->seen |= VIEW_MF;
    if (off & 0x1fff) {
        v->seen |= VIEW_FRAG;
        /* it would bring other flags into a TCP header that was looked at already */
        return (off & 0x1fff) == 1 && v->proto == IPPROTO_TCP ? NV_RULES_WHY_TINY : NV_RULES_WHY_BY_RULE;
    }
    switch (v->proto) {
    case IPPROTO_ICMP:
        if (header + ICMP_BYTES > v->l3_length)
            return header_lacks(v, header + ICMP_BYTES);
        v->seen |= VIEW_ULP;
        break;
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case PROTO_UDPLITE:
    case IPPROTO_SCTP:
        return header > v->l3_length ? header_lacks(v, header) : parse_transport(v);
    default: /* nothing of other protocols is read: their header may be cut off, even within the IP options */
        break;
    }
    return NV_RULES_WHY_BY_RULE;
}

/* What to do with an IPv6 next header that ends the chain. */
static unsigned end_of_chain(struct rules_view *v, const struct nv_rules_params *params)
{
    uint32_t room = v->l3_length - v->l4, need;

    switch (v->proto) {
    case IPPROTO_ICMPV6:
        need = ICMP_BYTES;
        break;
    case IPPROTO_ESP:
        v->ext |= 16;
        need = 4;
        break;
    case IPPROTO_NONE:
        return NV_RULES_WHY_BY_RULE;
    case PROTO_OSPF:
        need = 2;
        break;
    case IPPROTO_PIM:
    case IPPROTO_GRE:
        need = 4;
        break;
    case PROTO_CARP:
        need = CARP_BYTES;
        break;
    case PROTO_ETHERIP:
        need = ETHERIP_BYTES;
        break;
    case PROTO_PFSYNC:
        need = PFSYNC_BYTES;
        break;
    case IPPROTO_IPV6:
        need = IP6_BYTES;
        break;
    case IPPROTO_IPIP:
        need = IP4_BYTES;
        break;
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case PROTO_UDPLITE:
    case IPPROTO_SCTP:
        return parse_transport(v);
    default:
        if (params->deny_unknown_exthdrs)
            return NV_RULES_WHY_EXT_HEADER;
        return NV_RULES_WHY_BY_RULE;
    }
    if (room < need)
        return header_lacks(v, v->l4 + need);
    /* CARP and VRRP alike, whatever the version in the upper half */
    if (v->proto == PROTO_CARP && (v->l3[v->l4] & 15) != CARP_ADVERTISEMENT)
        return NV_RULES_WHY_BAD_HEADER;
    v->seen |= VIEW_ULP;
    return NV_RULES_WHY_BY_RULE;
}

/* The chain goes on at `at` with a header of at least `least` bytes, which is not in the frame. */
static unsigned extension_lacks(struct rules_view *v, uint32_t at, uint32_t least)
{
    v->l4 = (uint16_t)(at > UINT16_MAX ? UINT16_MAX : at);
    return at > UINT16_MAX ? NV_RULES_WHY_SHORT : header_lacks(v, at + least);
}

/* Walk the extension headers as ipfw does, down to the transport or to a fragment that is not the first. */
static unsigned parse_ip6(struct rules_view *v, const struct nv_rules_params *params)
{
    const uint8_t *ip = v->l3;
    uint32_t at = IP6_BYTES;

    v->family = 6;
    v->proto = ip[6];
    v->tos = (uint8_t)(view_u16(ip) >> 4);
    v->ip_length = IP6_BYTES + view_u16(ip + 4);
    rules_trim(v, v->proto == IPPROTO_NONE ? IP6_BYTES : IP6_BYTES + 1); /* 0 bytes of TCP cannot be true */
    for (;;) {
        const uint8_t *p = ip + at;
        uint32_t room = v->l3_length - at; /* at <= l3_length always */
        uint32_t length;

        switch (v->proto) {
        case IPPROTO_HOPOPTS:
        case IPPROTO_DSTOPTS:
        case IPPROTO_ROUTING:
            if (room < (v->proto == IPPROTO_ROUTING ? 4u : 2u))
                return extension_lacks(v, at, 8);
            length = ((uint32_t)p[1] + 1) * 8;
            if (v->proto == IPPROTO_HOPOPTS) {
                v->ext |= 2;
            } else if (v->proto == IPPROTO_DSTOPTS) {
                v->ext |= 32;
            } else {
                if (p[2] != 0 && p[2] != 2 && params->deny_unknown_exthdrs)
                    return NV_RULES_WHY_EXT_HEADER;
                v->ext |= (uint8_t)(p[2] == 0 ? 4 | 64 : p[2] == 2 ? 4 | 128 : 4);
            }
            break;
        case IPPROTO_AH:
            if (room < 2)
                return extension_lacks(v, at, 2);
            v->ext |= 8;
            length = ((uint32_t)p[1] + 2) * 4;
            break;
        case IPPROTO_FRAGMENT:
            if (room < 8)
                return extension_lacks(v, at, 8);
            v->ext |= 1;
            length = 8;
            if (p[3] & 1)
                v->seen |= VIEW_MF;
            if (view_u16(p + 2) & 0xfff8)
                v->seen |= VIEW_FRAG;
            if (!params->permit_single_frag6 && !(v->seen & (VIEW_MF | VIEW_FRAG)) && params->deny_unknown_exthdrs)
                return NV_RULES_WHY_EXT_HEADER;
            break;
        default:
            v->l4 = (uint16_t)at;
            return end_of_chain(v, params);
        }
        v->proto = p[0];
        at += length;
        /* A longer header than the frame: what follows it is not there. 65535 bounds l4 (16 bits). */
        if (v->seen & VIEW_FRAG) {
            v->l4 = (uint16_t)(at > UINT16_MAX ? UINT16_MAX : at);
            return NV_RULES_WHY_BY_RULE;
        }
        if (at > v->l3_length || at > UINT16_MAX) {
            v->l4 = 0;
            return v->proto == IPPROTO_NONE ? NV_RULES_WHY_BY_RULE : extension_lacks(v, at, 0);
        }
    }
}

/* Bytes in front of what is behind up to two VLAN tags (802.1Q, 802.1ad), and in *type its EtherType. */
static uint32_t behind_tags(const struct nv_rules_packet *packet, unsigned *type)
{
    uint32_t at = MAC_BYTES;
    for (unsigned tags = 0; tags < RULES_TAGS && packet->length >= at + RULES_TAG_BYTES; tags++) {
        if (*type != ETHERTYPE_VLAN && *type != ETHERTYPE_QINQ)
            break;
        *type = view_u16(packet->data + at + 2);
        at += RULES_TAG_BYTES;
    }
    return at;
}

/* An IP packet that the rules are not to look into: of its headers they know nothing. */
static unsigned keep_shut(struct rules_view *v)
{
    v->family = v->proto = v->ext = v->tos = v->tcp_flags = 0;
    v->seen = (v->seen & (VIEW_MAC | VIEW_OUT)) | VIEW_TAGGED;
    v->sport = v->dport = v->l4 = 0;
    v->src = v->dst = 0;
    return NV_RULES_WHY_BY_RULE;
}

/* The IP packet at l3, if it is one. NOT_IP: it is none, or too little of it is there. */
static unsigned parse_ip(struct rules_view *v, const struct nv_rules_params *params, unsigned ethertype)
{
    unsigned version = v->l3_length ? v->l3[0] >> 4 : 0;
    if (ethertype == ETHERTYPE_IP4 && version == 4 && v->l3_length >= IP4_BYTES)
        return parse_ip4(v);
    if (ethertype == ETHERTYPE_IP6 && version == 6 && v->l3_length >= IP6_BYTES)
        return parse_ip6(v, params);
    return NV_RULES_WHY_NOT_IP;
}

/* What becomes of a packet that is not IP, or of which the IP header was not captured. */
static unsigned no_ip(struct rules_view *v, bool ip, uint32_t least)
{
    bool lacks = ip && v->l3_length < least && v->l3_length + v->missing >= least;
    v->seen |= lacks ? VIEW_LACKS : 0;
    if (v->seen & VIEW_MAC)
        return NV_RULES_WHY_BY_RULE;
    return lacks ? NV_RULES_WHY_NOT_CAPTURED : NV_RULES_WHY_NOT_IP;
}

/* A frame with a VLAN tag; type: the tag's. */
static unsigned parse_tagged(const struct nv_rules_packet *packet, const struct nv_rules_params *params,
                             struct rules_view *v, unsigned type)
{
    uint32_t tags = behind_tags(packet, &type) - MAC_BYTES;
    struct rules_view outside = *v;
    bool ip = type == ETHERTYPE_IP4 || type == ETHERTYPE_IP6;

    v->l3 += tags;
    v->l3_length -= tags;
    v->bytes -= tags;
    unsigned reason = parse_ip(v, params, type);
    if (reason == NV_RULES_WHY_NOT_IP) {
        if (!ip || !(params->vlan_inner || packet->layer == 3))
            *v = outside;
        return no_ip(v, ip, type == ETHERTYPE_IP4 ? IP4_BYTES : IP6_BYTES);
    }
    if (params->vlan_inner)
        return reason;
    if (packet->layer == 2)
        *v = outside;
    return keep_shut(v);
}

unsigned rules_parse_any(const struct nv_rules_packet *packet, const struct nv_rules_params *params,
                         struct rules_view *v)
{
    uint32_t mac = packet->flags & NV_RULES_RAW ? 0 : MAC_BYTES;
    unsigned version, ethertype;

    v->frame = packet->data;
    v->in_if = packet->in_if;
    v->out_if = packet->out_if;
    v->family = v->proto = v->ext = v->tos = v->tcp_flags = 0;
    v->seen = packet->direction == NV_RULES_OUT ? VIEW_OUT : 0;
    v->sport = v->dport = v->l4 = v->ethertype = 0;
    v->src = v->dst = 0;
    v->ip_length = 0;
    v->missing = packet->missing;
    if (packet->length < mac) {
        v->l3 = packet->data;
        v->l3_length = v->bytes = 0;
        return header_lacks(v, mac) == NV_RULES_WHY_SHORT ? NV_RULES_WHY_SHORT : NV_RULES_WHY_NOT_CAPTURED;
    }
    v->l3 = packet->data + mac;
    v->l3_length = packet->length - mac;
    v->bytes = v->l3_length + v->missing;
    version = v->l3_length ? v->l3[0] >> 4 : 0;
    if (mac != 0) {
        ethertype = view_u16(packet->data + 12);
    } else {
        ethertype = version == 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6;
    }
    if (packet->layer == 2 && mac != 0) {
        v->seen |= VIEW_MAC;
        v->ethertype = (uint16_t)ethertype;
    }
    if (mac != 0 && (ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ))
        return parse_tagged(packet, params, v, ethertype);
    unsigned reason = parse_ip(v, params, ethertype);
    if (reason != NV_RULES_WHY_NOT_IP)
        return reason;
    bool ip = mac != 0 ? ethertype == ETHERTYPE_IP4 || ethertype == ETHERTYPE_IP6
                       : version == 4 || version == 6 || v->l3_length == 0;
    return no_ip(v, ip, ethertype == ETHERTYPE_IP4 ? IP4_BYTES : IP6_BYTES);
}

void rules_keys_any(struct rules_keys *keys, unsigned i, const struct nv_rules_packet *packet,
                    const struct nv_rules_params *params)
{
    struct rules_view *v = &keys->views[i];
    uint64_t bit = UINT64_C(1) << i;
    keys->reasons[i] = (uint8_t)rules_parse_any(packet, params, v);
    keys->bytes[i] = v->bytes;
    keys->kind[i] = (v->family + 1u) / 3 * 256 + v->proto;
    keys->src[i] = v->src;
    keys->dst[i] = v->dst;
    keys->ports[i] = (uint32_t)v->sport << 16 | v->dport;
    keys->viewed |= bit;
    keys->not4 |= v->family == 4 ? 0 : bit;
    keys->is6 |= v->family == 6 ? bit : 0;
    keys->no_ports |= v->seen & VIEW_PORTS ? 0 : bit;
    keys->refused |= keys->reasons[i] == NV_RULES_WHY_BY_RULE ? 0 : bit;
    keys->lacking |= v->seen & VIEW_LACKS ? bit : 0;
    keys->tagged |= v->seen & VIEW_TAGGED && packet->resume.generation == 0 ? bit : 0;
}
