/* SPDX-License-Identifier: BSD-2-Clause */
/* tuples.c - set up, widen and restart the sequence of addresses and ports. */
#include "packet/tuples.h"

static nv_u128 address_number(const uint8_t *address, unsigned version)
{
    if (version == 4)
        return nv_get_be32(address);
    return (nv_u128)nv_get_be64(address) << 64 | nv_get_be64(address + 8);
}

static uint64_t mac_number(const uint8_t mac[6])
{
    return (uint64_t)nv_get_be16(mac) << 32 | nv_get_be32(mac + 2);
}

static void side_init(struct nv_side *s, const struct nv_ip_range *range, bool random)
{
    *s = (struct nv_side){
        .first = address_number(range->first, range->version),
        .last = address_number(range->last, range->version),
        .first_port = range->first_port,
        .last_port = range->last_port,
        .random = random,
    };
    s->random_address = s->first == s->last;
    s->random_port = s->first_port == s->last_port;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    nv_u128 product = (nv_u128)a * b;
    return product >> 63 ? UINT64_MAX : (uint64_t)product;
}

static uint64_t addresses(const struct nv_side *s)
{
    nv_u128 span = s->last - s->first;
    return span >> 63 ? UINT64_MAX : (uint64_t)span + 1;
}

static uint64_t ports(const struct nv_side *s)
{
    return s->last_port - s->first_port + 1u;
}

static uint64_t combinations(const struct nv_tuples *t)
{
    return multiply(multiply(ports(&t->src), addresses(&t->src)), multiply(ports(&t->dst), addresses(&t->dst)));
}

/* Make room for t->flows tuples: more source ports, then more source addresses. False: there are not as many. */
static bool widen(struct nv_tuples *t)
{
    uint64_t have = combinations(t);
    if (have >= t->flows)
        return true;
    uint64_t others = have / ports(&t->src);
    uint64_t need = (t->flows + others - 1) / others;
    uint64_t room = 65536 - t->src.first_port;
    t->src.last_port = t->src.first_port + (uint32_t)(need < room ? need : room) - 1;
    have = combinations(t);
    if (have >= t->flows)
        return true;
    others = have / addresses(&t->src);
    nv_u128 more = (t->flows + others - 1) / others - 1;
    if (more > (t->v6 ? ~(nv_u128)0 : UINT32_MAX) - t->src.first)
        return false;
    t->src.last = t->src.first + more;
    return true;
}

bool nv_tuples_init(struct nv_tuples *t, const struct nv_traffic *traffic, uint64_t sequence)
{
    *t = (struct nv_tuples){.v6 = traffic->src.version == 6, .flows = traffic->flows};
    side_init(&t->src, &traffic->src, traffic->flags & NV_TRAFFIC_RANDOM_SRC);
    side_init(&t->dst, &traffic->dst, traffic->flags & NV_TRAFFIC_RANDOM_DST);
    if (t->flows && !t->src.random && !t->dst.random && !widen(t))
        return false;
    t->src_mac =
        (struct nv_mac_side){.first = mac_number(traffic->src_mac.first), .last = mac_number(traffic->src_mac.last)};
    t->dst_mac =
        (struct nv_mac_side){.first = mac_number(traffic->dst_mac.first), .last = mac_number(traffic->dst_mac.last)};
    t->src_mac.mac = t->src_mac.first;
    t->dst_mac.mac = t->dst_mac.first;
    t->macs = t->src_mac.first != t->src_mac.last || t->dst_mac.first != t->dst_mac.last;
    t->varies = t->flows != 1 && (t->src.random || t->dst.random || combinations(t) > 1);
    nv_random_seed(&t->random_start, traffic->seed, sequence);
    nv_tuples_restart(t);
    return true;
}

static void side_restart(struct nv_side *s, struct nv_random *random, bool v6)
{
    if (s->random) {
        nv_side_draw(s, random, v6);
        return;
    }
    nv_side_set(s, s->first);
    s->port = s->first_port;
}

void nv_tuples_restart(struct nv_tuples *t)
{
    t->flow = 0;
    t->random = t->random_start;
    side_restart(&t->src, &t->random, t->v6);
    side_restart(&t->dst, &t->random, t->v6);
}

static uint64_t least_common_multiple(uint64_t a, uint64_t b)
{
    uint64_t x = a, y = b;
    while (y) {
        uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return multiply(a / x, b);
}

uint64_t nv_tuples_period(const struct nv_tuples *t)
{
    uint64_t macs = multiply(t->src_mac.last - t->src_mac.first + 1, t->dst_mac.last - t->dst_mac.first + 1);
    uint64_t tuples = 1;

    if (t->varies) {
        tuples = t->src.random || t->dst.random ? UINT64_MAX : combinations(t);
        if (t->flows && t->flows < tuples)
            tuples = t->flows;
    }
    return macs == UINT64_MAX || tuples == UINT64_MAX ? UINT64_MAX : least_common_multiple(macs, tuples);
}

void nv_side_random6(struct nv_side *s, struct nv_random *random)
{
    uint64_t bits = nv_random_next(random);
    nv_u128 span = s->last - s->first;

    if (s->random_address) { /* any interface identifier under the given prefix of 64 bits */
        s->high = (uint64_t)(s->first >> 64);
        s->low = bits;
    } else if (span < UINT64_MAX) {
        nv_side_set(s, s->first + (((nv_u128)bits * ((uint64_t)span + 1)) >> 64));
    } else {
        nv_u128 wide = (nv_u128)nv_random_next(random) << 64 | bits;
        nv_side_set(s, span + 1 == 0 ? wide : s->first + wide % (span + 1));
    }
}
