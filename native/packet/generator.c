/* SPDX-License-Identifier: BSD-2-Clause */
/* generator.c - set up a generator, and its plain (not inlined) entry points. */
#include "packet/generator.h"

#include <errno.h>
#include <stdlib.h>

#include "memory/error.h"
#include "packet/checksum.h"

static const char line[] = "netvale pkt-gen payload: no packet was harmed in the making of this one\n";

/* Headers into g->head, with every field that changes left 0, and the offsets. */
static void build_head(struct nv_generator *g, const struct nv_traffic *traffic)
{
    struct nv_ip_fields ip = {
        .protocol = g->protocol, .ttl = traffic->ttl, .tos = traffic->tos, .fragment = NV_IPV4_DF};
    uint8_t src[6], dst[6];

    memcpy(src, traffic->src_mac.first, 6);
    memcpy(dst, traffic->dst_mac.first, 6);
    g->link = traffic->vnet_len;
    uint8_t *l3 = nv_build_ethernet(g->head + g->link, dst, src, traffic->vlan_tci, traffic->vlans,
                                    g->v6 ? NV_TYPE_IPV6 : NV_TYPE_IPV4);
    uint8_t *l4 = g->v6 ? nv_build_ipv6(l3, &ip, 0) : nv_build_ipv4(l3, &ip, 0);
    uint8_t *payload;
    uint32_t ports = 0;
    switch (g->protocol) {
    case NV_IP_TCP:
        payload = nv_build_tcp(l4, 0, 0, 0, 0, 0x02 /* SYN */, 65535);
        break;
    case NV_IP_UDP:
        payload = nv_build_udp(l4, 0, 0, 0);
        nv_store16(l4 + 4, 0);
        break;
    default:
        payload = nv_build_echo(l4, g->v6 ? NV_ICMPV6_ECHO : NV_ICMP_ECHO, 0, 0);
        ports = 4; /* identifier and sequence number take the ports' part */
    }
    if (!g->v6) {
        nv_store16(l3 + 2, 0);
        nv_store16(l3 + 10, 0);
    }
    g->l3 = (uint32_t)(l3 - g->head);
    g->l4 = (uint32_t)(l4 - g->head);
    g->payload = (uint32_t)(payload - g->head);
    g->ports = g->l4 + ports;
    g->checksum = g->l4 + nv_checksum_offset(g->protocol);
}

static void sum_head(struct nv_generator *g)
{
    g->ip_sum = g->v6 ? 0 : nv_sum(g->head + g->l3, NV_IPV4_LEN);
    g->l4_sum = nv_sum(g->head + g->l4, g->payload - g->l4);
    g->has_udp_length = g->protocol == NV_IP_UDP;
    if (g->protocol == NV_IP_ICMP)
        return; /* no pseudo header: no addresses, length or protocol */
    g->l4_sum += htobe16(g->protocol);
    g->address_mask = ~UINT64_C(0);
    g->length_words = g->has_udp_length ? 2 : 1;
}

/* Lengths that all packets share belong to what never changes. */
static void set_lengths(struct nv_generator *g)
{
    struct nv_size_terms t = nv_generator_terms(g, g->sizes.max, NV_PAYLOAD_SEQUENCE);

    nv_store16(g->head + g->l3 + (g->v6 ? 4 : 2), g->v6 ? t.l4_length : t.ip_length);
    if (g->has_udp_length)
        nv_store16(g->head + g->l4 + 4, t.l4_length);
}

/* The payload and, for each length, its sum. A stamp, if there is one, lies before it. */
static bool build_text(struct nv_generator *g)
{
    uint32_t bytes = g->sizes.max;

    g->text = malloc(bytes);
    g->sums = calloc(bytes + 1u, sizeof(*g->sums));
    if (!g->text || !g->sums)
        return false;
    for (uint32_t i = 0; i < bytes; i++)
        g->text[i] = (uint8_t)line[i % (sizeof(line) - 1)];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        uint8_t word[2] = {0, 0};
        word[i & 1] = g->text[i];
        sum += nv_load16(word);
        g->sums[i + 1] = nv_sum_fold(sum);
    }
    return true;
}

int nv_generator_init(struct nv_generator *g, const struct nv_traffic *traffic, enum nv_payload kind, uint64_t worker,
                      uint16_t stream, struct nv_error *err)
{
    bool stamped = kind == NV_PAYLOAD_STAMPED || kind == NV_PAYLOAD_SEQUENCE;
    uint32_t least = nv_traffic_header_bytes(traffic) + (stamped ? NV_STAMP_BYTES : 0);

    memset(g, 0, sizeof(*g));
    g->kind = kind;
    g->v6 = traffic->src.version == 6;
    g->protocol = traffic->protocol == NV_IP_ICMP && g->v6 ? NV_IP_ICMPV6 : traffic->protocol;
    g->stamp.stream = stream;
    nv_tuples_init(&g->tuples, traffic, worker);
    nv_sizes_init(&g->sizes, traffic, least, worker);
    if (kind == NV_PAYLOAD_NONE) {
        g->link = traffic->vnet_len;
        return 0;
    }
    if (nv_traffic_fits(traffic, stamped, err))
        return -EINVAL;
    build_head(g, traffic);
    sum_head(g);
    if (g->sizes.fixed)
        set_lengths(g);
    if (!build_text(g)) {
        nv_generator_free(g);
        return nv_fail(err, ENOMEM, "no memory for a payload of %u bytes", g->sizes.max);
    }
    return 0;
}

void nv_generator_free(struct nv_generator *g)
{
    free(g->text);
    free(g->sums);
    g->text = NULL;
    g->sums = NULL;
}

void nv_generator_base(const struct nv_generator *g, uint8_t *buf, uint32_t bytes)
{
    uint32_t head = bytes < g->payload ? bytes : g->payload;
    uint32_t gap = g->kind == NV_PAYLOAD_TEXT ? 0 : NV_STAMP_BYTES;

    memcpy(buf, g->head, head);
    if (bytes > g->payload + gap && g->kind != NV_PAYLOAD_SEQUENCE)
        memcpy(buf + g->payload + gap, g->text, bytes - g->payload - gap);
}

static uint32_t emit(struct nv_generator *g, uint8_t *buf, uint32_t frame)
{
    struct nv_size_terms size = nv_generator_terms(g, frame, g->kind);

    nv_generator_store(g, buf, &size, g->v6, g->kind, g->sizes.fixed);
    nv_generator_advance(g, g->v6);
    return size.bytes;
}

uint32_t nv_generator_patch(struct nv_generator *g, uint8_t *buf)
{
    return emit(g, buf, nv_sizes_next(&g->sizes));
}

uint32_t nv_generator_write(struct nv_generator *g, uint8_t *buf)
{
    uint32_t frame = nv_sizes_next(&g->sizes);

    nv_generator_base(g, buf, nv_generator_bytes(g, frame));
    return emit(g, buf, frame);
}
