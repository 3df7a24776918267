/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.h - what the rules want to know of a packet, found in one pass over its headers.
 *
 * Every byte is checked against the end of the frame before it is read; lengths in headers are only
 * trusted as far as the frame reaches. Multi-byte fields are in the machine's order.
 */
#ifndef NETVALE_RULES_PACKET_H
#define NETVALE_RULES_PACKET_H

#include "rules/rules.h"

/* Bits of rules_view.seen */
enum {
    VIEW_MAC = 1,      /* rules see a MAC header (layer 2) */
    VIEW_OUT = 2,      /* outgoing */
    VIEW_PORTS = 4,    /* sport and dport are real (TCP, UDP, UDP-Lite, SCTP; first fragment) */
    VIEW_ULP = 8,      /* l4 holds the fixed header of proto */
    VIEW_MF = 16,      /* more fragments follow */
    VIEW_FRAG = 32,    /* not the first fragment */
    VIEW_LACKS = 64,   /* a header, or what reass needs, was on the wire but is not in the frame */
    VIEW_TAGGED = 128, /* an IP packet behind VLAN tags, and the rules do not look behind them */
};

struct rules_view {
    uint8_t *frame;     /* as given */
    uint8_t *l3;        /* behind the MAC header, and behind VLAN tags if the rules look there, or at layer 3 */
    uint32_t l3_length; /* bytes from l3 to the end of the frame; at layer 3 of the IP packet: no padding */
    uint32_t missing;   /* bytes behind that which were on the wire */
    uint32_t bytes;     /* counted: without MAC header, IPv4 without what is behind ip_len */
    uint32_t src, dst;  /* IPv4 */
    uint16_t sport, dport;
    uint16_t l4;        /* offset of the transport header from l3 */
    uint16_t ethertype; /* layer 2 only */
    uint8_t family;     /* 4, 6, or 0: not IP */
    uint8_t proto;      /* 0 when not IP */
    uint8_t seen;       /* VIEW_* */
    uint8_t ext;        /* IPv6 extension headers, bits of NV_OP_EXT6HDR */
    uint16_t in_if, out_if;
    uint32_t ip_length; /* as the header says: ip_len, or 40 + payload length */
    uint8_t tos;        /* traffic class for IPv6 */
    uint8_t tcp_flags;  /* TCP with VIEW_ULP */
};

static inline uint16_t view_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t view_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline const uint8_t *view_src6(const struct rules_view *v)
{
    return v->l3 + 8;
}

static inline const uint8_t *view_dst6(const struct rules_view *v)
{
    return v->l3 + 24;
}

/* The transport header if the packet is of `proto` and not a later fragment, else NULL. */
static inline const uint8_t *view_l4(const struct rules_view *v, unsigned proto)
{
    return v->proto == proto && v->seen & VIEW_ULP ? v->l3 + v->l4 : NULL;
}

enum { RULES_MAC_BYTES = 14, RULES_PLAIN_BYTES = 14 + 20 + 20, RULES_TAGS = 2, RULES_TAG_BYTES = 4 };

/* Does a packet with this reason, which is why no rule is asked, end there? */
static inline bool rules_drops(unsigned reason)
{
    return reason >= NV_RULES_WHY_SHORT && reason <= NV_RULES_WHY_TINY;
}

/* Is it like most packets: IPv4 TCP or UDP without options behind a plain MAC header, and all of it here? */
static inline bool rules_plain(const struct nv_rules_packet *packet)
{
    const uint8_t *frame = packet->data;
    if (packet->length < RULES_PLAIN_BYTES || (packet->flags & NV_RULES_RAW) | packet->missing)
        return false;
    uint32_t proto = frame[RULES_MAC_BYTES + 9], fragment = view_u16(frame + RULES_MAC_BYTES + 6) & 0x3fff;
    bool cut = (packet->layer == 3) & (view_u16(frame + RULES_MAC_BYTES + 2) < 20 + 20); /* by rules_trim */
    return ((view_u32(frame + 12) >> 8 ^ 0x080045) | fragment | ((proto != 6) & (proto != 17)) | cut) == 0;
}

/* Fill *v from a plain packet. */
static inline void rules_parse_plain(const struct nv_rules_packet *packet, struct rules_view *v)
{
    uint8_t *frame = packet->data, *ip = frame + RULES_MAC_BYTES;
    bool mac = packet->layer == 2;
    uint32_t l3_length = packet->length - RULES_MAC_BYTES, ip_length = view_u16(ip + 2);
    v->frame = frame;
    v->l3 = ip;
    v->missing = 0;
    v->bytes = ip_length < l3_length ? ip_length : l3_length;
    v->l3_length = mac ? l3_length : v->bytes;
    v->src = view_u32(ip + 12);
    v->dst = view_u32(ip + 16);
    v->sport = view_u16(ip + 20);
    v->dport = view_u16(ip + 22);
    v->l4 = 20;
    v->ethertype = mac ? 0x0800 : 0;
    v->family = 4;
    v->proto = ip[9];
    v->seen =
        (uint8_t)(VIEW_PORTS | VIEW_ULP | (mac ? VIEW_MAC : 0) | (packet->direction == NV_RULES_OUT ? VIEW_OUT : 0));
    v->ext = 0;
    v->in_if = packet->in_if;
    v->out_if = packet->out_if;
    v->ip_length = ip_length;
    v->tos = ip[1];
    v->tcp_flags = (uint8_t)(ip[33] & -(ip[9] == 6));
}

/* The whole of it, for packets that are not plain. */
unsigned rules_parse_any(const struct nv_rules_packet *packet, const struct nv_rules_params *params,
                         struct rules_view *v);

/*
 * Fill *v. Returns NV_RULES_WHY_BY_RULE when the rules are to be asked, else why they are not: SHORT,
 * BAD_HEADER, EXT_HEADER and TINY mean drop, NOT_IP and NOT_CAPTURED mean pass. v->bytes is set in each case.
 */
static inline unsigned rules_parse(const struct nv_rules_packet *packet, const struct nv_rules_params *params,
                                   struct rules_view *v)
{
    if (!rules_plain(packet))
        return rules_parse_any(packet, params, v);
    rules_parse_plain(packet, v);
    return NV_RULES_WHY_BY_RULE;
}

#endif
