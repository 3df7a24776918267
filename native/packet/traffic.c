/* SPDX-License-Identifier: BSD-2-Clause */
/* traffic.c - defaults and checks of a description of traffic, and the sizes it asks for. */
#include "packet/template.h"

#include <errno.h>
#include <string.h>

#include "memory/error.h"
#include "packet/headers.h"
#include "packet/sizes.h"
#include "packet/tuples.h"

/* Simple IMIX, frame bytes without checksum and how many of twelve. */
static const struct {
    uint16_t size, share;
} imix[] = {{60, 7}, {590, 4}, {1514, 1}};

void nv_traffic_default(struct nv_traffic *traffic, unsigned version)
{
    *traffic = (struct nv_traffic){
        .protocol = NV_IP_UDP,
        .ttl = 64,
        .tos = 0x10, /* low delay, as pkt-gen */
        .frags = 1,
        .seed = 1,
    };
    memset(&traffic->dst_mac, 0xff, sizeof(traffic->dst_mac));
    nv_parse_ip_range(version == 6 ? "[fd00::1]:1234" : "10.0.0.1:1234", version, &traffic->src, NULL);
    nv_parse_ip_range(version == 6 ? "[fd01::1]:1234" : "10.1.0.1:1234", version, &traffic->dst, NULL);
}

static uint32_t transport_bytes(uint8_t protocol)
{
    return protocol == NV_IP_TCP ? NV_TCP_LEN : NV_UDP_LEN; /* ICMP's is as long as UDP's */
}

uint32_t nv_traffic_header_bytes(const struct nv_traffic *traffic)
{
    return NV_ETHER_LEN + traffic->vlans * NV_VLAN_LEN + (traffic->src.version == 6 ? NV_IPV6_LEN : NV_IPV4_LEN) +
           transport_bytes(traffic->protocol);
}

static int check_headers(const struct nv_traffic *t, struct nv_error *err)
{
    if ((t->src.version != 4 && t->src.version != 6) || t->src.version != t->dst.version)
        return nv_fail(err, EINVAL, "source and destination must both be IPv4 or both be IPv6");
    if (t->protocol != NV_IP_UDP && t->protocol != NV_IP_TCP && t->protocol != NV_IP_ICMP &&
        t->protocol != NV_IP_ICMPV6)
        return nv_fail(err, EINVAL, "IP protocol %u cannot be generated: expected udp (17), tcp (6) or icmp (1, 58)",
                       t->protocol);
    if (t->protocol == NV_IP_ICMPV6 && t->src.version == 4)
        return nv_fail(err, EINVAL, "ICMPv6 (58) needs IPv6 addresses");
    if (t->vlans > NV_VLAN_MAX)
        return nv_fail(err, EINVAL, "%u VLAN tags are too many: at most %u", t->vlans, NV_VLAN_MAX);
    if (t->vnet_len != 0 && t->vnet_len != 10 && t->vnet_len != 12)
        return nv_fail(err, EINVAL, "bad virtio-net header length %u: expected 0, 10 or 12", t->vnet_len);
    return 0;
}

static int check_sizes(const struct nv_traffic *t, struct nv_error *err)
{
    uint32_t link = NV_ETHER_LEN + t->vlans * NV_VLAN_LEN;
    uint32_t most = link + (t->src.version == 6 ? NV_IPV6_LEN : 0u) + 65535u;
    uint32_t least = t->size_mode == NV_SIZE_RANDOM ? t->size_min : t->size_max;

    if (most > NV_FRAME_MAX)
        most = NV_FRAME_MAX;
    if (t->size_mode > NV_SIZE_IMIX || t->prepare > NV_PREPARE_EACH)
        return nv_fail(err, EINVAL, "unknown size mode %u or prepare mode %u", t->size_mode, t->prepare);
    if (t->size_mode == NV_SIZE_IMIX || (t->size_mode == NV_SIZE_FIXED && t->size_max == 0))
        return 0;
    if (t->size_max < NV_FRAME_MIN || t->size_max > most)
        return nv_fail(err, EINVAL, "bad packet size %u: expected %u to %u", t->size_max, NV_FRAME_MIN, most);
    if (least < NV_FRAME_MIN || least > t->size_max)
        return nv_fail(err, EINVAL, "bad smallest packet size %u: expected %u to %u", least, NV_FRAME_MIN, t->size_max);
    return 0;
}

int nv_traffic_fits(const struct nv_traffic *t, bool stamped, struct nv_error *err)
{
    uint32_t least = nv_traffic_header_bytes(t) + (stamped ? NV_STAMP_BYTES : 0);
    uint32_t size = t->size_mode == NV_SIZE_RANDOM ? t->size_min : t->size_max;

    if (t->size_mode == NV_SIZE_IMIX || size == 0 || size >= least)
        return 0;
    return nv_fail(err, EINVAL,
                   stamped ? "packet size %u is too small: a sequence number and these headers take %u bytes"
                           : "packet size %u is too small: these headers take %u bytes",
                   size, least);
}

int nv_traffic_check(const struct nv_traffic *t, struct nv_error *err)
{
    struct nv_tuples tuples;

    if (check_headers(t, err) || check_sizes(t, err))
        return -EINVAL;
    if (t->frags < 1 || t->frags > NV_FRAGS_MAX)
        return nv_fail(err, EINVAL, "bad number of fragments %u: expected 1 to %u", t->frags, NV_FRAGS_MAX);
    if (t->frag_size != 0 && t->frag_size < NV_FRAME_MIN)
        return nv_fail(err, EINVAL, "bad fragment size %u: expected at least %u", t->frag_size, NV_FRAME_MIN);
    if (!nv_tuples_init(&tuples, t, 0))
        return nv_fail(err, EINVAL, "there are not %u flows from the first source address up: begin lower", t->flows);
    return 0;
}

void nv_sizes_init(struct nv_sizes *s, const struct nv_traffic *traffic, uint32_t least, uint64_t sequence)
{
    *s = (struct nv_sizes){
        .min = traffic->size_mode == NV_SIZE_RANDOM ? traffic->size_min : traffic->size_max,
        .max = traffic->size_max,
        .fixed = traffic->size_mode == NV_SIZE_FIXED,
        .mix = traffic->size_mode == NV_SIZE_IMIX,
    };
    if (s->fixed && s->max == 0)
        s->min = s->max = imix[0].size > least ? imix[0].size : least;
    nv_random_seed(&s->random, traffic->seed ^ UINT64_C(0x73697a6573), sequence);
    if (!s->mix)
        return;
    unsigned slot = 0;
    for (unsigned i = 0; i < sizeof(imix) / sizeof(imix[0]); i++)
        for (unsigned n = 0; n < imix[i].share; n++)
            s->imix[slot++] = (uint16_t)(imix[i].size > least ? imix[i].size : least);
    s->min = s->imix[0];
    s->max = s->imix[NV_IMIX_SHARES - 1];
}
